//! One rotation, as its log tells it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Weight;
use super::event::{Entry, Event, Planned, Reading, Spot, WaitFor};
use super::plan::{Plan, Stage};
use super::state::{Canary, Pause, Probing, Soaking, State, Waiting, Withdrawn, pause_before};
use crate::name::{EnvironmentName, RouteName, SecretName};
use crate::secret::Kind;
use crate::time::Timestamp;

/// One rotation.
#[derive(Debug, Clone, PartialEq)]
pub struct Rotation {
    /// `rot_…`.
    pub id: String,
    /// The secret that is replaced.
    pub outgoing: SecretName,
    /// The secret that takes its place.
    pub incoming: SecretName,
    /// What both are.
    pub kind: Kind,
    /// What is going to be done.
    pub plan: Plan,
    /// When it was started.
    pub started_at: Timestamp,
    /// By whom.
    pub started_by: String,
    /// Where it stands.
    pub state: State,
    /// Since when.
    pub state_since: Timestamp,
    /// What stops it.
    pub pause: Option<Pause>,
    /// The environments whose templates it changed, and where.
    pub promoted: Vec<Promotion>,
    /// Since when answers count, by environment.
    pub counting_since: BTreeMap<EnvironmentName, Timestamp>,
    /// The routes that took part when an environment was entered, each with its upstream.
    pub upstreams: BTreeMap<Spot, String>,
    /// The last probe that has ended.
    pub probe: Option<LastProbe>,
    /// When a probe began whose outcome is not known yet.
    pub probing_since: Option<Timestamp>,
    /// What operators vouch for.
    pub attested: BTreeMap<String, Attestation>,
    /// How many events there are; the next one has the number after it.
    pub version: i64,
    /// The latest moment of its events. A clock that is set back does not take a rotation back: until it has caught up,
    /// whatever happens counts as happening then.
    pub last_at: Timestamp,
}

/// An environment that was promoted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promotion {
    /// Which.
    pub environment: EnvironmentName,
    /// When.
    pub at: Timestamp,
    /// The revision of the change.
    pub revision: i64,
    /// The routes that were re-pointed.
    pub routes: Vec<RouteName>,
}

/// A probe that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastProbe {
    /// When.
    pub at: Timestamp,
    /// What it said of the incoming credential.
    pub reading: Reading,
    /// And of the outgoing one.
    pub outgoing: Option<Reading>,
}

/// What an operator vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attestation {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// In their words.
    pub note: String,
    /// Where more is to be found.
    pub link: Option<String>,
    /// Whether the step does not apply.
    pub not_applicable: bool,
    /// The event that says so.
    pub number: i64,
}

/// Why a log does not make sense: it is not one that Keyroll wrote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the event {number} ({event}) does not follow from the ones before it")]
pub struct Broken {
    /// Which event.
    pub number: i64,
    /// Its word.
    pub event: &'static str,
}

impl Rotation {
    /// The rotation that a log tells of.
    ///
    /// # Errors
    /// [`Broken`] at the first event that does not follow.
    pub fn read(id: &str, log: &[Entry]) -> Result<Self, Broken> {
        let mut entries = log.iter();
        let first = entries.next().ok_or(Broken { number: 1, event: "planned" })?;
        let mut rotation = Self::begin(id, first)?;
        for entry in entries {
            rotation.apply(entry)?;
        }
        Ok(rotation)
    }

    fn begin(id: &str, entry: &Entry) -> Result<Self, Broken> {
        let Event::Planned(planned) = &entry.event else {
            return Err(Broken { number: entry.number, event: entry.event.word() });
        };
        let Planned { outgoing, incoming, kind, plan, .. } = &**planned;
        Ok(Self {
            id: id.to_owned(),
            outgoing: outgoing.clone(),
            incoming: incoming.clone(),
            kind: *kind,
            state: if plan.approval { State::AwaitingApproval } else { State::Planned },
            plan: plan.clone(),
            started_at: entry.at,
            started_by: entry.actor.clone(),
            state_since: entry.at,
            pause: None,
            promoted: Vec::new(),
            counting_since: BTreeMap::new(),
            upstreams: BTreeMap::new(),
            probe: None,
            probing_since: None,
            attested: BTreeMap::new(),
            version: entry.number,
            last_at: entry.at,
        })
    }

    /// The word of its state on the wire.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self.pause {
            Some(Pause::Held { .. }) => "held",
            Some(Pause::NeedsOperator { .. }) => "needs_operator",
            None => self.state.word(),
        }
    }

    /// Whether anything can still happen.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.state.is_live()
    }

    /// The stage that it is in or waits for.
    #[must_use]
    pub fn stage(&self) -> Option<&Stage> {
        self.plan.stages.get(self.state.stage()?)
    }

    /// Whether any traffic has been given the incoming credential.
    #[must_use]
    pub fn has_moved(&self) -> bool {
        !self.promoted.is_empty() || matches!(self.state, State::Canary(_))
    }

    /// Whether a row of counts that begins at the moment counts in the environment. Rows are by the second, and by the
    /// minute once they are some minutes old: the one in which the environment was entered begins before that, and must
    /// not drop out when it is summed up.
    #[must_use]
    pub fn counts(&self, environment: &EnvironmentName, at: Timestamp) -> bool {
        let minute = |moment: &Timestamp| moment.as_millis() / 60_000 * 60_000;
        self.counting_since.get(environment).is_some_and(|since| at.as_millis() >= minute(since))
    }

    /// The share of the current environment's traffic that the incoming secret gets by the overlay.
    #[must_use]
    pub fn weight(&self) -> Option<Weight> {
        let State::Canary(canary) = &self.state else { return None };
        self.plan.stages.get(canary.stage)?.canary.get(canary.step).copied()
    }

    /// When the last environment was promoted; when it was started, where there is none.
    #[must_use]
    pub fn cut_over_at(&self) -> Timestamp {
        self.promoted.last().map_or(self.started_at, |last| last.at)
    }

    /// The revision of the last promotion.
    #[must_use]
    pub fn cut_over_revision(&self) -> i64 {
        self.promoted.last().map_or(0, |last| last.revision)
    }

    /// The moment, or that of the last event where the clock was set back since.
    pub(super) fn not_before(&self, now: Timestamp) -> Timestamp {
        now.max(self.last_at)
    }

    /// Takes up the next event of its log.
    ///
    /// # Errors
    /// [`Broken`] where it does not follow.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), Broken> {
        let broken = || Broken { number: entry.number, event: entry.event.word() };
        if entry.number != self.version.saturating_add(1) {
            return Err(broken());
        }
        let at = self.not_before(entry.at);
        let state = self.next_state(entry, at).ok_or_else(broken)?;
        if let Some(state) = state {
            if state.word() != self.state.word() || state.stage() != self.state.stage() {
                self.state_since = at;
            }
            self.state = state;
        }
        self.note(entry, at);
        self.version = entry.number;
        self.last_at = at;
        Ok(())
    }

    /// The state after the event; `Some(None)` where it stays, `None` where the event does not follow.
    fn next_state(&self, entry: &Entry, at: Timestamp) -> Option<Option<State>> {
        let state = self.state.clone();
        Some(match (&entry.event, state) {
            (Event::Approved { .. }, State::AwaitingApproval) => Some(State::Planned),
            (Event::ProbeBegan, State::Planned) => Some(State::Probing(Probing::default())),
            (Event::ProbeBegan, state) if state.is_live() => None,
            (Event::Probed { reading, .. }, State::Probing(probing)) => Some(self.after_probe(probing, *reading, at)),
            (Event::Probed { .. }, state) if state.is_live() => None,
            (Event::ProbeSkipped, State::Planned | State::Probing(_)) => Some(self.towards(0, at)),
            (Event::Waiting(wait), State::Planned | State::Waiting(_)) => {
                let (stage, released) = match &self.state {
                    State::Waiting(waiting) => (waiting.stage, waiting.released),
                    _ => (0, false),
                };
                Some(State::Waiting(Waiting { stage, wait: wait.clone(), released }))
            }
            (Event::StageBegan { healthy, .. }, State::Waiting(waiting)) => {
                Some(State::Canary(waiting.enter(at, healthy.clone())))
            }
            (Event::CanaryStep { step, .. }, State::Canary(canary)) => Some(State::Canary(canary.next_step(*step, at))),
            (Event::FoundHealthy { healthy, .. }, State::Canary(canary)) => {
                Some(State::Canary(Canary { healthy: Some(healthy.clone()), ..canary }))
            }
            (Event::UpstreamChanged { spot, .. }, State::Canary(canary)) if self.is_here(spot) => {
                Some(State::Canary(Canary { healthy: None, since: at, ..canary }))
            }
            (Event::UpstreamChanged { .. } | Event::RouteLeft { .. }, state) if state.is_live() => None,
            (Event::Promoted { healthy, .. }, State::Canary(canary)) => {
                Some(self.settled(canary.promote(healthy.clone(), at)))
            }
            (Event::Promoted { healthy, .. }, State::Waiting(waiting)) => {
                Some(self.settled(waiting.promote(healthy.clone(), at)))
            }
            (Event::Advanced, State::Waiting(waiting)) => Some(State::Waiting(Waiting { released: true, ..waiting })),
            (Event::Advanced, State::Probing(_)) => Some(self.towards(0, at)),
            (Event::Advanced, State::Soaking(soaking)) => Some(self.towards(soaking.stage.saturating_add(1), at)),
            (Event::Withdrawn { soak, converged, remains_at, revision }, State::Watching(watching)) => {
                let withdrawn = watching.withdraw(*soak, converged.clone(), *revision);
                Some(State::Withdrawn(Withdrawn { remains: !remains_at.is_empty(), ..withdrawn }))
            }
            (Event::Deleted { .. }, State::Withdrawn(withdrawn)) => {
                Some(State::Withdrawn(Withdrawn { deleted: true, ..withdrawn }))
            }
            (Event::Completed, State::Withdrawn(_)) => Some(State::Completed),
            (Event::RolledBack { why, .. }, state) if state.is_live() && !matches!(state, State::Withdrawn(_)) => {
                Some(State::RolledBack { why: why.clone() })
            }
            (Event::Abandoned { .. }, state) if state.is_live() && !self.has_moved() => Some(State::Abandoned),
            (Event::Resumed, State::Probing(_)) => Some(State::Probing(Probing::default())),
            (Event::Held { .. } | Event::Resumed | Event::NeedsOperator { .. }, state) if state.is_live() => None,
            (Event::Attested { .. } | Event::AttestationRemoved { .. }, _) => None,
            _ => return None,
        })
    }

    /// What the event leaves behind beside the state.
    fn note(&mut self, entry: &Entry, at: Timestamp) {
        match &entry.event {
            Event::ProbeBegan => self.probing_since = Some(at),
            Event::Probed { reading, outgoing, .. } => {
                self.probing_since = None;
                self.probe = Some(LastProbe { at, reading: *reading, outgoing: *outgoing });
            }
            Event::StageBegan { environment, routes, .. } => {
                self.counting_since.insert(environment.clone(), at);
                for (route, upstream) in routes {
                    let spot = Spot { route: route.clone(), environment: environment.clone() };
                    self.upstreams.insert(spot, upstream.clone());
                }
            }
            Event::UpstreamChanged { spot, upstream } => {
                self.counting_since.insert(spot.environment.clone(), at);
                self.upstreams.insert(spot.clone(), upstream.clone());
            }
            Event::RouteLeft { spot } => drop(self.upstreams.remove(spot)),
            Event::Promoted { environment, changes, revision, .. } => {
                self.pause = None;
                self.counting_since.entry(environment.clone()).or_insert(at);
                let mut routes: Vec<RouteName> = changes.iter().map(|change| change.route.clone()).collect();
                routes.sort();
                routes.dedup();
                self.promoted.push(Promotion { environment: environment.clone(), at, revision: *revision, routes });
            }
            Event::Held { note } => self.pause = Some(Pause::Held { since: at, note: note.clone() }),
            Event::NeedsOperator { why } => self.pause = Some(Pause::NeedsOperator { since: at, why: why.clone() }),
            Event::Resumed
            | Event::RolledBack { .. }
            | Event::Abandoned { .. }
            | Event::Advanced
            | Event::CanaryStep { .. } => self.pause = None,
            Event::Attested { step, note, link, not_applicable } => {
                let attestation = Attestation {
                    by: entry.actor.clone(),
                    at,
                    note: note.clone(),
                    link: link.clone(),
                    not_applicable: *not_applicable,
                    number: entry.number,
                };
                self.attested.insert(step.clone(), attestation);
            }
            Event::AttestationRemoved { step } => drop(self.attested.remove(step)),
            _ => {}
        }
    }

    fn is_here(&self, spot: &Spot) -> bool {
        self.stage().is_some_and(|stage| stage.environment == spot.environment)
    }

    fn after_probe(&self, probing: Probing, reading: Reading, at: Timestamp) -> State {
        let again = |attempt| Some(at.plus(pause_before(attempt)));
        match reading {
            Reading::Alive => self.towards(0, at),
            Reading::Dead => {
                State::Probing(Probing { refused: probing.refused + 1, again_at: again(probing.refused), ..probing })
            }
            Reading::Unclear => {
                State::Probing(Probing { unclear: probing.unclear + 1, again_at: again(probing.unclear), ..probing })
            }
        }
    }

    /// Before the stage, or in the final soak where there is none left.
    fn towards(&self, stage: usize, at: Timestamp) -> State {
        if stage < self.plan.stages.len() {
            return State::Waiting(Waiting { stage, wait: WaitFor::Operator, released: false });
        }
        State::Watching(super::state::Watching { since: at })
    }

    fn settled(&self, soaking: Soaking) -> State {
        if soaking.stage.saturating_add(1) >= self.plan.stages.len() {
            return State::Watching(soaking.watch());
        }
        State::Soaking(soaking)
    }
}
