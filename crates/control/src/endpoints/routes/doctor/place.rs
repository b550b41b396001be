//! What counts in one environment of the route that is looked at.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use model::name::{EnvironmentName, SecretName};
use model::route::{RouteSpec, effective};
use model::snapshot::{Unusable, bind};
use model::upstream::{Host, Upstream};

use super::secret::Known;
use crate::state::Control;

/// What the route says there.
#[derive(Default)]
pub(super) struct Setting {
    /// The upstream's host, as the limits of secrets name it.
    pub(super) host: Option<String>,
    /// Whether there is a probe.
    pub(super) has_probe: bool,
    /// Why it cannot be put together, where no secret is missing, closed or forbidden.
    pub(super) broken: Option<String>,
}

pub(super) fn setting(
    control: &Control,
    spec: &RouteSpec,
    environment: &EnvironmentName,
    secrets: &BTreeMap<SecretName, Known>,
) -> Setting {
    let allow_private = &control.policy.allow_private;
    let own = spec.environments.get(environment);
    let upstream = effective(spec, environment).and_then(|settings| settings.upstream);
    let upstream = upstream.and_then(|text| Upstream::parse(&text, allow_private).ok());
    let opened: HashMap<_, _> =
        secrets.iter().filter_map(|(name, known)| Some((name.clone(), Arc::clone(known.opened.as_ref()?)))).collect();
    let broken = match bind(spec, environment, &opened, allow_private, |_| Arc::default()) {
        Err(error) => Some(error.to_string()),
        Ok(mut bound) => {
            outbound::prepare(&mut bound);
            match bound.injection {
                Err(reason @ (Unusable::Misplaced(_) | Unusable::Literal)) => Some(reason.to_string()),
                // Told of the secret itself.
                Err(Unusable::Missing(_) | Unusable::Sealed(_) | Unusable::NotAllowed(_)) | Ok(_) => None,
            }
        }
    };
    Setting {
        host: upstream.map(|upstream| match upstream.host() {
            Host::Name(name) => name.to_string(),
            Host::Ip(address) => address.to_string(),
        }),
        has_probe: own.is_some_and(|own| own.probe.over(&spec.base.probe).as_set().is_some()),
        broken,
    }
}
