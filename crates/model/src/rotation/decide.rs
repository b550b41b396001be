//! What a rotation does next. A pure function of the rotation, the evidence and the moment: whoever asks it twice, or after
//! a crash, gets the same answer.

mod canary;
mod end;
mod enter;
mod health;

use super::event::{Event, Trouble};
use super::evidence::Evidence;
use super::next::Next;
use super::plan::Manner;
use super::proof::{Converged, Healthy, SoakElapsed, Unused};
use super::rotation::Rotation;
use super::state::{Pause, State};
use crate::time::{Span, Timestamp};

pub(super) use end::soak;
pub(super) use health::{Health, health, probed_dead, rejected};

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Nothing now.
    Rest(Next),
    /// Write down what follows by itself.
    Record(Event),
    /// Try the incoming credential out, and the outgoing one too where traffic has moved: intent, effect, outcome.
    Probe,
    /// Let the templates of the current stage's environment name the incoming secret.
    Promote(Healthy),
    /// Let them name the outgoing one again, everywhere.
    RollBack(Trouble),
    /// Take the outgoing secret out of every snapshot.
    Withdraw(SoakElapsed, Converged),
    /// Destroy the outgoing secret's value.
    Delete(Unused),
}

/// The words of all steps, for lists that cannot miss one.
pub const STEPS: [&str; 7] = ["rest", "record", "probe", "promote", "roll_back", "withdraw", "delete"];

impl Step {
    /// Its word.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Rest(_) => "rest",
            Self::Record(_) => "record",
            Self::Probe => "probe",
            Self::Promote(_) => "promote",
            Self::RollBack(_) => "roll_back",
            Self::Withdraw(..) => "withdraw",
            Self::Delete(_) => "delete",
        }
    }
}

/// The least time between two probes that doubtful answers ask for: while the traffic moves, and once it has.
const DOUBT_PACE: [Span; 2] = [Span::from_secs(60), Span::from_secs(15 * 60)];

/// So many refusals of a new credential make an operator look; a mistyped one does not get better.
pub(super) const MOST_REFUSED: u32 = 2;
/// So many probes without a clear answer.
pub(super) const MOST_UNCLEAR: u32 = 5;

/// What is to be done now.
#[must_use]
pub fn decide(rotation: &Rotation, evidence: &Evidence, now: Timestamp) -> Step {
    let now = rotation.not_before(now);
    if !rotation.is_live() {
        return Step::Rest(Next::over());
    }
    let back = look_back(rotation, evidence, now);
    if evidence.probe_under_way && !matches!(rotation.state, State::Withdrawn(_)) {
        // The way back does not wait for it: a place may take long to answer, and a credential that is refused is known
        // from traffic long before.
        return back.filter(|step| *step != Step::Probe).unwrap_or_else(|| Step::Rest(Next::probing()));
    }
    if let Some(step) = back {
        return step;
    }
    match (&rotation.pause, &rotation.state) {
        // What is proven unused is no danger any more, and what was deleted is over whoever holds what.
        (Some(_), State::Withdrawn(withdrawn)) if evidence.outgoing_deleted => {
            end::withdrawn(rotation, withdrawn, evidence)
        }
        (Some(Pause::Held { .. }), _) => Step::Rest(Next::held()),
        (Some(Pause::NeedsOperator { why, .. }), _) => Step::Rest(Next::needs_operator(why)),
        (None, State::Planned) => enter::planned(evidence),
        (None, State::AwaitingApproval) => Step::Rest(Next::approval()),
        (None, State::Probing(probing)) => enter::probing(*probing, evidence, now),
        (None, State::Waiting(waiting)) => enter::waiting(rotation, waiting, evidence, now),
        (None, State::Canary(canary)) => canary::canary(rotation, canary, evidence, now),
        (None, State::Soaking(soaking)) => canary::soaking(rotation, soaking, evidence, now),
        (None, State::Watching(_)) => end::watching(rotation, evidence, now),
        (None, State::Withdrawn(withdrawn)) => end::withdrawn(rotation, withdrawn, evidence),
        (None, State::Completed | State::RolledBack { .. } | State::Abandoned) => Step::Rest(Next::over()),
    }
}

/// Whether what was measured asks for the way back; also of a rotation that is held, since holding is no reason to let
/// requests fail.
fn look_back(rotation: &Rotation, evidence: &Evidence, now: Timestamp) -> Option<Step> {
    if !rotation.has_moved() || matches!(rotation.state, State::Withdrawn(_)) {
        return None;
    }
    let stuck = matches!(rotation.pause, Some(Pause::NeedsOperator { .. }));
    let trouble = |why: Trouble| match rotation.plan.roll_back {
        Manner::Automatic => Some(Step::RollBack(why)),
        Manner::Manual if stuck => None,
        Manner::Manual => Some(Step::Record(Event::NeedsOperator { why })),
    };
    if let Some(detail) = &evidence.incoming_unusable {
        return trouble(Trouble::IncomingUnusable { detail: detail.clone() });
    }
    for measured in &evidence.measured {
        if let Some(why) = health::rejected(measured) {
            return trouble(why);
        }
    }
    if let Some(why) = health::probed_dead(rotation) {
        return match why {
            // To go back would help nobody.
            Trouble::BothDead if stuck => None,
            Trouble::BothDead => Some(Step::Record(Event::NeedsOperator { why })),
            why => trouble(why),
        };
    }
    let doubts = evidence.measured.iter().any(|measured| measured.doubtful_since_probe > 0);
    let [moving, moved] = DOUBT_PACE;
    let pace = if matches!(rotation.state, State::Canary(_)) { moving } else { moved };
    let since_entry = rotation.probe.filter(|last| last.at >= rotation.state_since);
    let rested = since_entry.is_none_or(|last| now >= last.at.plus(pace));
    (doubts && rested && evidence.probe.any()).then_some(Step::Probe)
}

/// Whether the outgoing secret may be destroyed at an operator's word: withdrawn, and proven unused.
///
/// # Errors
/// What it waits for.
pub fn deletable(rotation: &Rotation, evidence: &Evidence) -> Result<Unused, Next> {
    match &rotation.state {
        State::Withdrawn(withdrawn) => end::unused(rotation, withdrawn, evidence).map_err(|next| *next),
        _ => Err(Next::withdrawal(rotation)),
    }
}
