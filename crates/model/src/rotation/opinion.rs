//! What is to be thought of an incoming credential, in one word and in a sentence: for people, decided by the same rules by
//! which a rotation goes on.

use super::decide::{Health, health, probed_dead, rejected};
use super::event::{Reading, Trouble};
use super::evidence::Evidence;
use super::proof::{Basis, Healthy};
use super::rotation::Rotation;
use super::state::State;
use super::verdict::{Counts, ENOUGH};
use crate::name::EnvironmentName;

/// In one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// It was judged often enough, or tried out.
    Healthy,
    /// There is too little to go by.
    Undecided,
    /// It is refused, or cannot be used.
    Unhealthy,
    /// Nothing could ever say so.
    Unjudgeable,
}

/// What is to be thought of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opinion {
    /// In one word.
    pub word: Word,
    /// In a sentence.
    pub detail: String,
    /// What was counted, in the environments that it is about.
    pub counted: Counts,
}

impl Opinion {
    /// Of the environment that the rotation is in or before; of all of its environments, before the first and after the
    /// last.
    #[must_use]
    pub fn of(rotation: &Rotation, evidence: &Evidence) -> Self {
        let here = match rotation.stage() {
            Some(stage) => vec![stage.environment.clone()],
            None => rotation.plan.stages.iter().map(|stage| stage.environment.clone()).collect(),
        };
        let mut counted = Counts::default();
        for measured in evidence.measured.iter().filter(|measured| here.contains(&measured.environment)) {
            counted.add(&measured.total());
        }
        let (word, detail) = trouble(rotation, evidence)
            .map(|detail| (Word::Unhealthy, detail))
            .unwrap_or_else(|| standing(rotation, evidence, &here));
        Self { word, detail, counted }
    }
}

/// What speaks against it.
fn trouble(rotation: &Rotation, evidence: &Evidence) -> Option<String> {
    if let State::RolledBack { why } = &rotation.state
        && !matches!(why, Trouble::Operator { .. })
    {
        return Some(why.in_words());
    }
    if let Some(detail) = &evidence.incoming_unusable {
        return Some(format!("the incoming secret cannot be used: {detail}"));
    }
    if let Some(why) = evidence.measured.iter().find_map(rejected).or_else(|| probed_dead(rotation)) {
        return Some(why.in_words());
    }
    let last = rotation.probe.filter(|last| last.reading == Reading::Dead)?;
    Some(format!("a probe at {} found the incoming credential refused", last.at))
}

/// How it does where nothing speaks against it: as in the environment of which least is known.
fn standing(rotation: &Rotation, evidence: &Evidence, here: &[EnvironmentName]) -> (Word, String) {
    if let State::Canary(canary) = &rotation.state
        && let Some(healthy) = &canary.healthy
    {
        return (Word::Healthy, because(healthy));
    }
    let each = here.iter().map(|environment| health(rotation, environment, evidence, rotation.started_at));
    let Some(least) = each.max_by_key(doubt) else {
        return (Word::Healthy, "no route sends it".to_owned());
    };
    match least {
        Health::Healthy(healthy) => (Word::Healthy, because(&healthy)),
        Health::Likely(healthy) => {
            (Word::Undecided, format!("{}, and none refused it; {ENOUGH} would be enough", because(&healthy)))
        }
        Health::Unknown { upstream, judged: 0 } => {
            (Word::Undecided, format!("no answer of {upstream} says anything about it yet"))
        }
        Health::Unknown { upstream, judged } => {
            let detail = format!("{judged} answers of {upstream} say something about it; {ENOUGH} are enough");
            (Word::Undecided, detail)
        }
        Health::Unjudgeable(detail) => (Word::Unjudgeable, detail),
    }
}

fn doubt(health: &Health) -> u8 {
    match health {
        Health::Healthy(_) => 0,
        Health::Likely(_) => 1,
        Health::Unknown { .. } => 2,
        Health::Unjudgeable(_) => 3,
    }
}

fn because(healthy: &Healthy) -> String {
    match healthy.basis() {
        Basis::Traffic { judged } => format!("{judged} answers say that it works"),
        Basis::Probe { at } => format!("a probe at {at} found that it works"),
        Basis::Attested { by } => format!("{by} vouches for it"),
        Basis::Unsent => "no route sends it".to_owned(),
    }
}
