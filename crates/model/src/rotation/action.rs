//! What operators may do with a rotation, and when.

use super::decide::{Health, Step, health};
use super::event::{Event, Trouble};
use super::evidence::Evidence;
use super::proof::{Basis, Healthy};
use super::rotation::Rotation;
use super::state::{Pause, State};
use crate::name::EnvironmentName;
use crate::time::Timestamp;

/// The step of the checklist by which somebody vouches for the incoming credential.
pub const WORKS: &str = "credential_works";

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Approve what somebody else has started.
    Approve {
        /// Why.
        reason: String,
    },
    /// Take the next step now.
    Advance,
    /// Give the environment's incoming secret all of the traffic now.
    Promote,
    /// Stand still.
    Hold {
        /// Why.
        note: String,
    },
    /// Go on.
    Resume,
    /// Go back.
    RollBack {
        /// Why.
        note: String,
    },
    /// End it before any traffic moved.
    Abandon {
        /// Why.
        note: String,
    },
}

/// What comes of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// It was done before: nothing changes.
    Already,
    /// To be done in the transaction of the request.
    Do(Step),
}

/// That it cannot be done now, and what can.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a rotation that is {state} cannot be asked to {action}: {why}")]
pub struct NotPossible {
    /// The word of its state.
    pub state: &'static str,
    /// The action's word.
    pub action: &'static str,
    /// Why not.
    pub why: String,
    /// The words of what is possible instead.
    pub possible: Vec<&'static str>,
}

impl Action {
    /// Its word, as in the API's address.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Approve { .. } => "approve",
            Self::Advance => "advance",
            Self::Promote => "promote",
            Self::Hold { .. } => "hold",
            Self::Resume => "resume",
            Self::RollBack { .. } => "roll-back",
            Self::Abandon { .. } => "abandon",
        }
    }
}

/// What an action comes to, asked for by `actor`; `environment` is the one that the asker thinks the rotation is in, where
/// they say so.
///
/// # Errors
/// [`NotPossible`].
pub fn act(
    rotation: &Rotation,
    action: &Action,
    actor: &str,
    environment: Option<&EnvironmentName>,
    evidence: &Evidence,
    now: Timestamp,
) -> Result<Answer, NotPossible> {
    let refuse = |why: &str| NotPossible {
        state: rotation.word(),
        action: action.word(),
        why: why.to_owned(),
        possible: possible(rotation),
    };
    if let Some(named) = environment
        && rotation.stage().is_none_or(|stage| stage.environment != *named)
    {
        let there = rotation.promoted.iter().any(|promotion| promotion.environment == *named);
        return if there && matches!(action, Action::Promote | Action::Advance) {
            Ok(Answer::Already)
        } else {
            Err(refuse(&format!("it is not in {named}")))
        };
    }
    let done = |event| Ok(Answer::Do(Step::Record(event)));
    match action {
        Action::Approve { reason } => match &rotation.state {
            State::AwaitingApproval if actor == rotation.started_by => {
                Err(refuse("whoever started it cannot approve it as well"))
            }
            State::AwaitingApproval => done(Event::Approved { reason: reason.clone() }),
            _ if rotation.plan.approval => Ok(Answer::Already),
            _ => Err(refuse("its plan asks for no approval")),
        },
        Action::Hold { note } => match &rotation.pause {
            Some(Pause::Held { .. }) => Ok(Answer::Already),
            None | Some(Pause::NeedsOperator { .. }) if may_go_back(rotation) => {
                done(Event::Held { note: note.clone() })
            }
            _ => Err(refuse("there is nothing left to hold")),
        },
        Action::Resume => match &rotation.pause {
            Some(_) => done(Event::Resumed),
            None if rotation.is_live() => Ok(Answer::Already),
            None => Err(refuse("it is over")),
        },
        Action::RollBack { note } => match &rotation.state {
            State::RolledBack { .. } => Ok(Answer::Already),
            State::Withdrawn(_) | State::Completed => {
                Err(refuse("the outgoing secret is withdrawn: there is no way back"))
            }
            State::Abandoned => Err(refuse("it was abandoned before any traffic moved")),
            _ => Ok(Answer::Do(Step::RollBack(Trouble::Operator { note: note.clone() }))),
        },
        Action::Abandon { note } => match &rotation.state {
            State::Abandoned => Ok(Answer::Already),
            _ if !rotation.is_live() => Err(refuse("it is over")),
            _ if rotation.has_moved() => Err(refuse("traffic has moved already: roll it back instead")),
            State::Watching(_) | State::Withdrawn(_) => Err(refuse("nothing is left to abandon")),
            _ => done(Event::Abandoned { note: note.clone() }),
        },
        Action::Advance => advance(rotation, actor, evidence, now).map_err(|why| refuse(&why)),
        Action::Promote => promote(rotation, actor, evidence).map_err(|why| refuse(&why)),
    }
}

fn may_go_back(rotation: &Rotation) -> bool {
    rotation.is_live() && !matches!(rotation.state, State::Withdrawn(_))
}

fn advance(rotation: &Rotation, actor: &str, evidence: &Evidence, now: Timestamp) -> Result<Answer, String> {
    if let Some(Pause::Held { .. }) = rotation.pause {
        return Err("it is held: resume it first".to_owned());
    }
    let done = |event| Ok(Answer::Do(Step::Record(event)));
    match &rotation.state {
        State::Waiting(waiting) if waiting.released && rotation.pause.is_none() => Ok(Answer::Already),
        State::Waiting(_) | State::Soaking(_) => done(Event::Advanced),
        // Whoever advances a credential that no probe could confirm vouches for it.
        State::Probing(_) if rotation.pause.is_some() => done(Event::Advanced),
        State::Canary(canary) => {
            let stage = rotation.stage().ok_or("its plan has no such stage")?;
            let step = canary.step.saturating_add(1);
            match stage.canary.get(step) {
                Some(weight) => {
                    done(Event::CanaryStep { environment: stage.environment.clone(), step, weight: *weight })
                }
                None => {
                    usable(evidence)?;
                    Ok(Answer::Do(Step::Promote(vouched(rotation, actor, evidence))))
                }
            }
        }
        State::Watching(_) => match super::decide::soak(rotation, evidence, rotation.not_before(now)) {
            Err(until) => Err(format!("the outgoing secret can be withdrawn at {until} at the earliest")),
            Ok(_) => Ok(Answer::Already),
        },
        State::Planned | State::Probing(_) => Err("it is about to go on by itself".to_owned()),
        State::AwaitingApproval => Err("it has to be approved first".to_owned()),
        State::Withdrawn(_) => Err("what is left is to delete the outgoing secret".to_owned()),
        State::Completed | State::RolledBack { .. } | State::Abandoned => Err("it is over".to_owned()),
    }
}

/// No word makes templates name what no request could carry.
fn usable(evidence: &Evidence) -> Result<(), String> {
    evidence.incoming_unusable.as_ref().map_or(Ok(()), |why| Err(format!("the incoming secret cannot be used: {why}")))
}

/// An operator's word stands for what traffic and probes do not say.
fn vouched(rotation: &Rotation, actor: &str, evidence: &Evidence) -> Healthy {
    let attested = || Healthy::by(Basis::Attested { by: actor.to_owned() });
    let Some(stage) = rotation.stage() else { return attested() };
    match health(rotation, &stage.environment, evidence, rotation.started_at) {
        Health::Healthy(healthy) | Health::Likely(healthy) => healthy,
        Health::Unknown { .. } | Health::Unjudgeable(_) => attested(),
    }
}

fn promote(rotation: &Rotation, actor: &str, evidence: &Evidence) -> Result<Answer, String> {
    // It has all of the traffic already: a repetition of what was asked for.
    if let State::Soaking(_) | State::Watching(_) = &rotation.state {
        return Ok(Answer::Already);
    }
    if let Some(Pause::Held { .. }) = rotation.pause {
        return Err("it is held: resume it first".to_owned());
    }
    let (State::Canary(_) | State::Waiting(_)) = &rotation.state else {
        return Err("it is not before or in an environment's canary".to_owned());
    };
    let stage = rotation.stage().ok_or("its plan has no such stage")?;
    if let Some(rival) = evidence.rivals.get(&stage.environment) {
        return Err(format!("{rival} has a canary in one of the same routes"));
    }
    usable(evidence)?;
    if let State::Canary(canary) = &rotation.state
        && let Some(healthy) = &canary.healthy
    {
        return Ok(Answer::Do(Step::Promote(healthy.clone())));
    }
    let attested = rotation.attested.get(WORKS).filter(|attested| !attested.not_applicable);
    match health(rotation, &stage.environment, evidence, rotation.started_at) {
        Health::Healthy(healthy) | Health::Likely(healthy) => Ok(Answer::Do(Step::Promote(healthy))),
        _ if attested.is_some() => Ok(Answer::Do(Step::Promote(Healthy::by(Basis::Attested { by: actor.to_owned() })))),
        Health::Unjudgeable(_) => Ok(Answer::Do(Step::Promote(Healthy::by(Basis::Attested { by: actor.to_owned() })))),
        Health::Unknown { .. } => Err(format!(
            "nothing shows yet that the incoming credential works: wait for traffic, or attest {WORKS} if you know"
        )),
    }
}

/// The words of what can be done now.
#[must_use]
pub fn possible(rotation: &Rotation) -> Vec<&'static str> {
    let mut words = Vec::new();
    if !rotation.is_live() {
        return words;
    }
    let held = matches!(rotation.pause, Some(Pause::Held { .. }));
    if matches!(rotation.state, State::AwaitingApproval) {
        words.push("approve");
    }
    if !held {
        match &rotation.state {
            State::Waiting(_) => words.extend(["advance", "promote"]),
            State::Canary(_) => words.extend(["advance", "promote"]),
            State::Soaking(_) => words.push("advance"),
            State::Probing(_) if rotation.pause.is_some() => words.push("advance"),
            _ => {}
        }
    }
    if may_go_back(rotation) {
        words.push(if held { "resume" } else { "hold" });
        if !held && rotation.pause.is_some() {
            words.push("resume");
        }
        words.push("roll-back");
        if !rotation.has_moved() && !matches!(rotation.state, State::Watching(_)) {
            words.push("abandon");
        }
    }
    words.push("attest");
    words
}
