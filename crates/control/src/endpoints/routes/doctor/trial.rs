//! Tries the credentials of a route, and puts what was found among the facts.

use std::collections::BTreeSet;

use api::secret::{ProbeReading, ProbeSecret};
use model::doctor::{Facts, Listing, Reading, Said};
use model::name::SecretName;
use model::secret::State;
use model::time::Timestamp;
use store::ReadTx;

use crate::call::Call;
use crate::endpoints::secrets::Tries;
use crate::refusal::Refusal;
use crate::state::Control;

/// What is to be tried.
pub(super) struct Trial(Vec<One>);

/// The tries of one secret, or of all in one environment.
struct One {
    tries: Tries,
    place: usize,
    /// `None` for a request that carries several.
    binding: Option<usize>,
}

impl Trial {
    /// Everywhere the route's own probe or, where it has none, those of its secrets; each of these once. What cannot be
    /// tried is a reading already.
    pub(super) async fn plan(
        control: &Control,
        tx: &ReadTx,
        facts: &mut Facts,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let route = facts.route.to_string();
        let mut all = Vec::new();
        let mut tried: BTreeSet<SecretName> = BTreeSet::new();
        for (at, place) in facts.places.iter_mut().enumerate() {
            if !matches!(place.listing, Listing::Served(_)) || place.broken.is_some() {
                continue;
            }
            let several = place.bindings.len() > 1;
            for (index, binding) in place.bindings.iter_mut().enumerate() {
                let known = facts.secrets.get(&binding.secret).filter(|known| known.closed.is_none());
                let Some(secret) = known.and_then(|known| known.secret.as_ref()) else { continue };
                let through_route = place.has_probe;
                let mut own = || secret.probe.is_some() && tried.insert(secret.name.clone());
                if secret.state != State::Active || !(through_route || own()) {
                    continue;
                }
                let asked = match through_route {
                    true => ProbeSecret { route: Some(route.clone()), environment: Some(place.environment.clone()) },
                    false => ProbeSecret::default(),
                };
                match Tries::plan(control, tx, &secret.name, &asked, now).await {
                    Ok(tries) => {
                        let binding = (!(several && through_route)).then_some(index);
                        all.push(One { tries, place: at, binding });
                    }
                    Err(refusal) if refusal.problem.status == 409 => {
                        let place = format!("{route}/{}", place.environment);
                        binding.readings.push(Reading { place, said: Said::Unclear, detail: refusal.problem.detail });
                    }
                    Err(refusal) => return Err(refusal),
                }
                // One request carries all the secrets of the route.
                if through_route {
                    break;
                }
            }
        }
        Ok(Self(all))
    }

    /// Whether nothing is to be sent.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Where it goes.
    pub(super) fn places(&self) -> Vec<&str> {
        self.0.iter().flat_map(|one| one.tries.places()).collect()
    }

    /// Sends all of it, one after the other.
    pub(super) async fn run(&mut self, control: &Control, call: &Call, facts: &mut Facts) -> Vec<ProbeReading> {
        let mut all = Vec::new();
        for One { tries, place, binding } in &self.0 {
            let found = tries.run(control, call).await;
            let Some(place) = facts.places.get_mut(*place) else { continue };
            let readings = match binding.and_then(|index| place.bindings.get_mut(index)) {
                Some(binding) => &mut binding.readings,
                None => &mut place.readings,
            };
            readings.extend(found.iter().map(reading));
            all.extend(found);
        }
        all
    }
}

fn reading(found: &ProbeReading) -> Reading {
    let said = match found.reading.as_str() {
        "alive" => Said::Alive,
        "dead" => Said::Dead,
        _ => Said::Unclear,
    };
    Reading { place: found.place.clone(), said, detail: found.detail.clone() }
}
