//! The rules that a route is held against: what its secrets allow, and whether their values may stand where they are put.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use model::name::{EnvironmentName, SecretName, nearest};
use model::problem::Finding;
use model::route::{Known, RouteSpec, field_pointer, references, validate};
use model::secret::SecretValue;
use model::snapshot::{BindError, Bound, Opened, Unusable, bind, opened};
use store::{ReadTx, SealedSecret};

use crate::refusal::Refusal;
use crate::state::Control;

/// What the rules know about everything around a route.
pub(in crate::endpoints) struct World {
    pub(in crate::endpoints) known: Known,
    /// The secrets that are named and active, opened.
    pub(in crate::endpoints) secrets: HashMap<SecretName, Arc<Opened>>,
    /// The secrets that stand beside a named one in a live rotation: where the route leads, they are sent as well.
    pub(super) beside: BTreeMap<SecretName, BTreeSet<SecretName>>,
}

/// Reads what the rules need to know about these routes.
pub(in crate::endpoints) async fn world<'a>(
    control: &Control,
    tx: &ReadTx,
    specs: impl IntoIterator<Item = &'a RouteSpec>,
) -> Result<World, Refusal> {
    let mut known = Known {
        environments: tx.environments().await?,
        allow_private: control.policy.allow_private.clone(),
        ..Known::default()
    };
    let named: BTreeSet<SecretName> =
        specs.into_iter().flat_map(references).map(|reference| reference.secret).collect();
    let mut secrets = HashMap::new();
    let mut beside = BTreeMap::new();
    for name in named {
        let partners = partners(tx, &name).await?;
        for partner in &partners {
            known.secrets.extend(tx.secret(partner.as_str()).await?.map(|row| (partner.clone(), row.secret)));
        }
        beside.insert(name.clone(), partners);
        match tx.sealed_secret(name.as_str()).await? {
            Some(found) => {
                known.secrets.insert(name.clone(), found.secret.clone());
                secrets.insert(name, open(control, found));
            }
            None => known.secret_names.extend(meant(tx, name.as_str()).await?),
        }
    }
    Ok(World { known, secrets, beside })
}

/// The other secrets of the live rotations that the secret is a part of, as long as both may be sent.
async fn partners(tx: &ReadTx, name: &SecretName) -> Result<BTreeSet<SecretName>, Refusal> {
    let live = tx.live_rotations_with(name.as_str()).await?;
    let both = live.into_iter().filter(|one| one.state != "withdrawn").flat_map(|one| [one.outgoing, one.incoming]);
    Ok(both.filter(|other| other != name).collect())
}

/// The active secret that was probably meant by a name.
pub(super) async fn meant(tx: &ReadTx, name: &str) -> Result<Option<String>, Refusal> {
    let mut names = tx.secret_names().await?;
    while let Some(found) = nearest(name, names.iter().map(SecretName::as_str)).map(str::to_owned) {
        if tx.sealed_secret(&found).await?.is_some() {
            return Ok(Some(found));
        }
        // Its value is destroyed: nobody should be sent there.
        names.retain(|other| other.as_str() != found);
    }
    Ok(None)
}

fn open(control: &Control, found: SealedSecret) -> Arc<Opened> {
    let SealedSecret { secret, sealed } = found;
    let sealed = envelope::Sealed {
        format: sealed.format,
        ciphertext: sealed.ciphertext,
        dek_id: sealed.dek_id,
        wrapped_dek: sealed.wrapped_dek,
        kek_id: sealed.kek_id,
    };
    let value: Option<SecretValue> = envelope::open(&control.keys.keyring, &sealed, &(&secret).into()).ok();
    opened(secret, value)
}

/// The rules that need no value; an empty list where none is broken.
pub(super) fn check(spec: &RouteSpec, world: &World) -> Vec<Finding> {
    let mut findings = validate(spec, &world.known);
    let own = spec.environments.iter().map(|(name, own)| (format!("/environments/{name}"), own.as_ref()));
    for (pointer, layer) in own.chain([("/base".to_owned(), &spec.base)]) {
        for (member, bundle) in [("ca", &layer.tls.ca), ("client_authorities", &layer.tls.client_authorities)] {
            let pointer = format!("{pointer}/tls/{member}");
            let Some(Err(error)) = bundle.as_set().map(|pem| outbound::check_ca(pem)) else { continue };
            if !findings.iter().any(|other| other.pointer == pointer) {
                findings.push(Finding::new(pointer, "certificate-invalid", error.to_string()));
            }
        }
    }
    findings
}

/// Binds a route as publishing will.
pub(super) fn bound(spec: &RouteSpec, environment: &EnvironmentName, world: &World) -> Result<Bound, BindError> {
    let mut bound = bind(spec, environment, &world.secrets, &world.known.allow_private, |_| Arc::default())?;
    outbound::prepare(&mut bound);
    Ok(bound)
}

/// Fills the route as publishing will, so that a value which may not stand somewhere is refused here and not there.
pub(super) fn rehearse(spec: &RouteSpec, world: &World) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for environment in spec.environments.keys() {
        let place = format!("/environments/{environment}");
        let finding = match &bound(spec, environment, world) {
            Ok(Bound { injection: Ok(_), .. }) => continue,
            Ok(bound @ Bound { injection: Err(reason), .. }) => {
                let code = match reason {
                    Unusable::Misplaced(_) | Unusable::Literal => "value-not-allowed-here",
                    other => other.code(),
                };
                let detail = unshown(bound, reason).unwrap_or_else(|| reason.to_string());
                Finding::new(mention(spec, environment, reason).unwrap_or(place), code, detail)
            }
            Err(error) => Finding::new(place, "route-invalid", error.to_string()),
        };
        // Environments that inherit one mistake make it one time.
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }
    findings
}

/// Why a certificate cannot be shown, where that is what stands in the way.
fn unshown(bound: &Bound, reason: &Unusable) -> Option<String> {
    let (Unusable::Misplaced(name), Some(identity)) = (reason, &bound.identity) else { return None };
    let error = outbound::check_identity(identity.value.as_ref().filter(|_| identity.secret.name == *name)?).err()?;
    Some(format!("the value of {name} {error}"))
}

/// Where the route names the secret, if that is one place only.
fn mention(spec: &RouteSpec, environment: &EnvironmentName, reason: &Unusable) -> Option<String> {
    let (Unusable::Misplaced(name) | Unusable::Missing(name) | Unusable::Sealed(name) | Unusable::NotAllowed(name)) =
        reason
    else {
        return None;
    };
    let all = references(spec);
    let mut here = all.iter().filter(|found| found.secret == *name && found.environment.as_ref() == Some(environment));
    match (here.next(), here.next()) {
        (Some(only), None) => Some(field_pointer(spec, Some(environment), &only.field)),
        _ => None,
    }
}
