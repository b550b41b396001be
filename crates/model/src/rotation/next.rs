//! What comes next in a rotation, in words and with its moment.

use serde::{Deserialize, Serialize};

use super::event::{Mention, Trouble, WaitFor};
use super::plan::Stage;
use super::proof::Behind;
use super::rotation::Rotation;
use super::state::{Canary, Soaking};
use crate::name::EnvironmentName;
use crate::time::Timestamp;

/// What will happen, when, or what is waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Next {
    /// What happens next.
    pub what: String,
    /// When at the earliest; unknown where absent.
    pub at: Option<Timestamp>,
    /// What has to happen before.
    pub waits_for: Option<String>,
}

impl Next {
    fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), at: None, waits_for: None }
    }

    fn at(self, at: Timestamp) -> Self {
        Self { at: Some(at), ..self }
    }

    fn after(self, waits_for: impl Into<String>) -> Self {
        Self { waits_for: Some(waits_for.into()), ..self }
    }

    pub(super) fn over() -> Self {
        Self::new("nothing: it is over")
    }

    pub(super) fn probing() -> Self {
        Self::new("go by what the probe says").after("the answer to the probe")
    }

    pub(super) fn probe_again(at: Timestamp) -> Self {
        Self::new("try the incoming credential out again").at(at)
    }

    pub(super) fn held() -> Self {
        Self::new("go on").after("an operator's resume")
    }

    pub(super) fn approval() -> Self {
        Self::new("begin").after("the approval of somebody else than who started it")
    }

    pub(super) fn needs_operator(why: &Trouble) -> Self {
        Self::new("go on").after(format!("an operator: {}", why.in_words()))
    }

    pub(super) fn waiting(wait: &WaitFor, environment: &EnvironmentName) -> Self {
        let enter = Self::new(format!("enter {environment}"));
        match wait {
            WaitFor::Operator => enter.after("an operator's advance, as the plan says"),
            WaitFor::Judgement { detail } => enter.after(format!("an operator's advance: {detail}")),
            WaitFor::Window { opens_at } => enter.at(*opens_at).after("a time at which changes are allowed"),
            WaitFor::Rival { rotation } => {
                enter.after(format!("{rotation}, whose canary is in one of the same routes"))
            }
            WaitFor::Gap { rotation, until } => {
                enter.at(*until).after(format!("the least time after {rotation}, which shares a route"))
            }
            WaitFor::Sibling { rotation } => {
                enter.after(format!("{rotation} to be promoted in all of its environments"))
            }
        }
    }

    pub(super) fn step(rotation: &Rotation, canary: &Canary, stage: &Stage, at: Option<Timestamp>) -> Self {
        let what = match stage.canary.get(canary.step.saturating_add(1)) {
            Some(weight) => format!("give the incoming secret {weight} of the traffic of {}", stage.environment),
            None => format!("let the templates of {} name {}", stage.environment, rotation.incoming),
        };
        Self { what, at, waits_for: Some("answers that show that the incoming credential works".to_owned()) }
    }

    pub(super) fn too_little(stage: &Stage, upstream: &str, judged: u64) -> Self {
        Self::new(format!("take the next step in {}", stage.environment)).after(format!(
            "more answers from {upstream} ({judged} say something so far), a probe, or an operator's advance"
        ))
    }

    pub(super) fn unjudgeable(stage: &Stage, detail: &str) -> Self {
        Self::new(format!("take the next step in {}", stage.environment))
            .after(format!("an operator's advance: {detail}"))
    }

    pub(super) fn soak(rotation: &Rotation, soaking: &Soaking, stage: &Stage, at: Timestamp) -> Self {
        let next = rotation.plan.stages.get(soaking.stage.saturating_add(1));
        let what = next.map_or_else(|| "watch".to_owned(), |next| format!("go on towards {}", next.environment));
        Self::new(what).at(at).after(format!("the soak of {}", stage.soak))
    }

    pub(super) fn watch(rotation: &Rotation, needed_at: Option<Timestamp>, at: Timestamp) -> Self {
        let since = match needed_at.filter(|needed| *needed > rotation.cut_over_at()) {
            Some(needed) => format!("since its last use at {needed}"),
            None => "since the last promotion".to_owned(),
        };
        let waits = format!("{} without any need of it {since}", rotation.plan.final_soak());
        Self::new(format!("withdraw {}", rotation.outgoing)).at(at).after(waits)
    }

    pub(super) fn leaning(rotation: &Rotation, upstream: &str) -> Self {
        Self::new(format!("withdraw {}", rotation.outgoing)).after(format!(
            "an answer from {upstream} or a probe that shows that the incoming credential works: the few last ones refused it"
        ))
    }

    pub(super) fn behind(behind: &[Behind]) -> Self {
        let names = behind.iter().map(|behind| match behind.silent {
            true => format!("{} (silent; it counts as gone at {})", behind.node, behind.gone_at),
            false => behind.node.clone(),
        });
        let names = names.collect::<Vec<_>>().join(", ");
        let at = behind.iter().filter(|behind| behind.silent).map(|behind| behind.gone_at).max();
        Self { at, ..Self::new("go on").after(format!("nodes that may still serve an older revision: {names}")) }
    }

    pub(super) fn streams(open: u64, what: &str) -> Self {
        Self::new(format!("{what} the outgoing secret"))
            .after(format!("{open} requests or streams that began with it to end"))
    }

    pub(super) fn delete(rotation: &Rotation) -> Self {
        Self::new("complete").after(format!("the deletion of {}: it is proven unused", rotation.outgoing))
    }

    pub(super) fn needed_meanwhile(rotation: &Rotation, at: Timestamp) -> Self {
        let soak = rotation.plan.final_soak();
        Self::new(format!("delete {}", rotation.outgoing)).at(at).after(format!(
            "{soak} without any need of it: nodes have told of one that was not known at its withdrawal"
        ))
    }

    pub(super) fn withdrawal(rotation: &Rotation) -> Self {
        Self::new(format!("delete {}", rotation.outgoing)).after("its withdrawal")
    }

    pub(super) fn attest(steps: &[String]) -> Self {
        Self::new("delete the outgoing secret").after(format!("somebody to attest: {}", steps.join(", ")))
    }

    pub(super) fn referenced(mention: &Mention) -> Self {
        let place = mention.environment.as_ref().map_or_else(|| "its base".to_owned(), ToString::to_string);
        Self::new("delete the outgoing secret")
            .after(format!("the route {} to name it no longer in {place} ({})", mention.route, mention.field))
    }
}

impl Trouble {
    /// For people.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Self::Operator { note } if note.is_empty() => "an operator asked for it".to_owned(),
            Self::Operator { note } => format!("an operator asked for it: {note}"),
            Self::Rejected { environment, upstream, pairs, alive } => format!(
                "{upstream} refuses the incoming credential in {environment} where it takes the outgoing one: {pairs} times, \
                 against {alive} answers that took it"
            ),
            Self::ProbedDead => "a probe found the incoming credential refused".to_owned(),
            Self::ProbedUnclear => "probes get no clear answer".to_owned(),
            Self::BothDead => "probes find both credentials refused".to_owned(),
            Self::SiblingEnded { rotation } => {
                format!("{rotation}, which has to go first, ended without getting there")
            }
            Self::IncomingUnusable { detail } => format!("the incoming secret cannot be used: {detail}"),
            Self::NotWritten { detail } => format!("the routes could not be re-pointed: {detail}"),
        }
    }
}
