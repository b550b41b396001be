//! Gives each member of a plan its default, and says what is wrong with those that are given.

use std::collections::BTreeSet;

use super::{Manner, Per, Plan, Reason, Stage, Wish};
use crate::environment::Environment;
use crate::name::EnvironmentName;
use crate::problem::Finding;
use crate::rotation::Weight;
use crate::time::Span;

/// How long the outgoing secret stays at hand after the last environment.
pub const DEFAULT_SOAK: Span = Span::from_hours(48);
/// The same where somebody else may have the outgoing credential.
const SHORT_SOAK: Span = Span::from_hours(1);
const DEFAULT_STEP: Span = Span::from_secs(5 * 60);
const SHORT_STEP: Span = Span::from_secs(60);

/// More steps than anybody watches.
const MOST_STEPS: usize = 20;

/// The plan that is wished for. `named` are the environments in which a route names the outgoing secret.
///
/// # Errors
/// One finding for each member that breaks a rule; pointers begin with `/plan`.
pub fn resolve(wish: &Wish, known: &[Environment], named: &BTreeSet<EnvironmentName>) -> Result<Plan, Vec<Finding>> {
    let mut findings = Vec::new();
    let mut notes = Vec::new();
    let mut chosen: Vec<&Environment> = match &wish.environments {
        None => known.iter().filter(|environment| named.contains(&environment.name)).collect(),
        Some(wanted) => wanted_of(wanted, known, &mut findings),
    };
    chosen.sort_by_key(|environment| environment.rank);
    for environment in chosen.iter().filter(|environment| !named.contains(&environment.name)) {
        notes.push(format!("no route names the outgoing secret in {}: there is nothing to do there", environment.name));
    }
    chosen.retain(|environment| named.contains(&environment.name));
    for left in named.iter().filter(|name| !chosen.iter().any(|environment| environment.name == **name)) {
        notes.push(format!("{left} is left out: the outgoing secret remains in use there and cannot be deleted"));
    }
    let names: Vec<&EnvironmentName> = chosen.iter().map(|environment| &environment.name).collect();
    check_each(wish, &names, &mut findings);
    let hurry = wish.reason == Reason::Compromised;
    let count = chosen.len();
    let stages = chosen.iter().enumerate();
    let stages: Vec<Stage> =
        stages.map(|(at, environment)| stage(wish, environment, hurry, at + 1 == count, &mut findings)).collect();
    if hurry {
        notes.push(hurried(wish));
    }
    if !findings.is_empty() {
        return Err(findings);
    }
    Ok(Plan {
        stages,
        roll_back: wish.roll_back.unwrap_or(Manner::Automatic),
        delete_outgoing: wish.delete_outgoing.unwrap_or(Manner::Manual),
        reason: wish.reason,
        after: wish.after.clone(),
        approval: wish.approval,
        notes,
    })
}

fn hurried(wish: &Wish) -> String {
    let mut said = Vec::new();
    if wish.canary.is_none() {
        said.push("a canary of 50% and 100%".to_owned());
    }
    if wish.canary_step.is_none() {
        said.push(format!("{SHORT_STEP} for each step"));
    }
    if wish.soak.is_none() {
        said.push(format!("a soak of {SHORT_SOAK} instead of {DEFAULT_SOAK}"));
    }
    if wish.advance.is_none() {
        said.push("no waiting for an operator".to_owned());
    }
    match said.is_empty() {
        true => "the outgoing credential may be in other hands; the plan says itself how fast it goes".to_owned(),
        false => format!("the outgoing credential may be in other hands, so it goes faster: {}", said.join(", ")),
    }
}

fn wanted_of<'a>(
    wanted: &[EnvironmentName],
    known: &'a [Environment],
    findings: &mut Vec<Finding>,
) -> Vec<&'a Environment> {
    let mut chosen: Vec<&Environment> = Vec::new();
    for (at, name) in wanted.iter().enumerate() {
        let pointer = format!("/plan/environments/{at}");
        match known.iter().find(|environment| environment.name == *name) {
            None => {
                let meant = crate::name::nearest(name.as_str(), known.iter().map(|known| known.name.as_str()));
                findings.push(Finding::new(pointer, "environment-not-found", "does not exist").meaning(meant));
            }
            Some(found) if chosen.iter().any(|other| other.name == found.name) => {
                findings.push(Finding::new(pointer, "environment-twice", "is named twice"));
            }
            Some(found) => chosen.push(found),
        }
    }
    if wanted.is_empty() {
        findings.push(Finding::new("/plan/environments", "environments-missing", "names no environment"));
    }
    if chosen.windows(2).any(|pair| matches!(pair, [one, next] if one.rank > next.rank)) {
        let detail = "is not in the order of the environments' ranks: what is tested goes before what is protected";
        findings.push(Finding::new("/plan/environments", "environments-out-of-order", detail));
    }
    chosen
}

/// Members that are given for an environment which is not in the plan are mistakes: they would have no effect.
fn check_each(wish: &Wish, names: &[&EnvironmentName], findings: &mut Vec<Finding>) {
    fn strangers<T>(per: Option<&Per<T>>, names: &[&EnvironmentName]) -> Vec<EnvironmentName> {
        let Some(Per::Each(each)) = per else { return Vec::new() };
        each.keys().filter(|name| !names.contains(name)).cloned().collect()
    }
    for (member, strangers) in [
        ("canary", strangers(wish.canary.as_ref(), names)),
        ("canary_step", strangers(wish.canary_step.as_ref(), names)),
        ("soak", strangers(wish.soak.as_ref(), names)),
        ("advance", strangers(wish.advance.as_ref(), names)),
    ] {
        for name in strangers {
            let pointer = format!("/plan/{member}/{name}");
            findings.push(Finding::new(
                pointer,
                "environment-not-in-plan",
                "is given for an environment that is not in the plan",
            ));
        }
    }
}

fn of<'a, T>(per: Option<&'a Per<T>>, environment: &EnvironmentName) -> Option<&'a T> {
    match per? {
        Per::All(all) => Some(all),
        Per::Each(each) => each.get(environment),
    }
}

fn stage(wish: &Wish, environment: &Environment, hurry: bool, last: bool, findings: &mut Vec<Finding>) -> Stage {
    let name = &environment.name;
    let canary =
        of(wish.canary.as_ref(), name).cloned().unwrap_or_else(|| default_canary(environment.protected, hurry));
    let pointer = match wish.canary {
        Some(Per::Each(_)) => format!("/plan/canary/{name}"),
        _ => "/plan/canary".to_owned(),
    };
    let rises = canary.windows(2).all(|pair| matches!(pair, [one, next] if one < next));
    if canary.is_empty() || !rises || canary.len() > MOST_STEPS {
        let detail = format!("is 1 to {MOST_STEPS} shares, each greater than the one before");
        let finding = Finding::new(pointer, "canary-invalid", detail);
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }
    let soak = match &wish.soak {
        // Given once, it is the last look before there is no way back.
        Some(Per::All(soak)) if last => *soak,
        Some(Per::Each(each)) if each.contains_key(name) => each.get(name).copied().unwrap_or(DEFAULT_SOAK),
        None | Some(Per::Each(_)) if last => {
            if hurry {
                SHORT_SOAK
            } else {
                DEFAULT_SOAK
            }
        }
        _ => Span::from_millis(0),
    };
    let step = if hurry { SHORT_STEP } else { DEFAULT_STEP };
    let manner = if environment.protected && !hurry { Manner::Manual } else { Manner::Automatic };
    Stage {
        environment: name.clone(),
        protected: environment.protected,
        canary,
        canary_step: of(wish.canary_step.as_ref(), name).copied().unwrap_or(step),
        soak,
        advance: of(wish.advance.as_ref(), name).copied().unwrap_or(manner),
    }
}

fn default_canary(protected: bool, hurry: bool) -> Vec<Weight> {
    let shares: &[&str] = match (protected, hurry) {
        (false, _) => &["100%"],
        (true, false) => &["5%", "50%", "100%"],
        (true, true) => &["50%", "100%"],
    };
    shares.iter().filter_map(|share| share.parse().ok()).collect()
}

#[cfg(test)]
mod tests;
