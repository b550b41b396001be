//! What is going to be done, as flags say it: each member once for all environments, or environment by environment.

use std::collections::BTreeMap;

use api::rotation::{Manner, PerEnvironment, PlanWish};
use clap::Args;

use super::super::fault::Fault;
use super::super::words::{self, MANNERS, REASONS};

/// The flags of a plan. What is not given follows from the environments.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Plan (every part has a default, which --dry-run shows)")]
pub(super) struct PlanArgs {
    /// Only in this environment; may be given several times [default: wherever a route names the outgoing secret]
    #[arg(short, long, value_name = "ENV")]
    environment: Vec<String>,
    /// Shares of the traffic, one after the other: 5%,50%,100%, or production=5%,50%,100% for one environment
    #[arg(long, value_name = "[ENV=]SHARES")]
    canary: Vec<String>,
    /// How long each share lasts at least: 5m, or production=10m
    #[arg(long, value_name = "[ENV=]SPAN")]
    canary_step: Vec<String>,
    /// How long an environment is watched after its promotion: 48h (for the last), or staging=1h
    #[arg(long, value_name = "[ENV=]SPAN")]
    soak: Vec<String>,
    /// Whether it enters an environment by itself: automatic, manual, or production=manual
    #[arg(long, value_name = "[ENV=]HOW")]
    advance: Vec<String>,
    /// Whether it goes back by itself when the incoming credential turns out to be bad [default: automatic]
    #[arg(long, value_name = "HOW", value_parser = MANNERS)]
    roll_back: Option<String>,
    /// Whether the outgoing secret is deleted by itself once it is proven unused [default: manual]
    #[arg(long, value_name = "HOW", value_parser = MANNERS)]
    delete_outgoing: Option<String>,
    /// Why; compromised shortens canary and soak to what is safe [default: scheduled]
    #[arg(long, value_name = "WHY", value_parser = REASONS)]
    reason: Option<String>,
    /// The rotation that has to be promoted everywhere before this one begins
    #[arg(long, value_name = "ROTATION")]
    after: Option<String>,
    /// Let it wait until somebody else approves it
    #[arg(long)]
    approval: bool,
}

impl PlanArgs {
    /// The plan that is wished for.
    pub(super) fn wish(self) -> Result<PlanWish, Fault> {
        Ok(PlanWish {
            environments: words::list(self.environment),
            canary: per_environment("--canary", &self.canary, shares)?,
            canary_step: per_environment("--canary-step", &self.canary_step, text)?,
            soak: per_environment("--soak", &self.soak, text)?,
            advance: per_environment("--advance", &self.advance, manner)?,
            roll_back: words::optional(self.roll_back)?,
            delete_outgoing: words::optional(self.delete_outgoing)?,
            reason: words::optional(self.reason)?,
            after: self.after,
            approval: self.approval.then_some(true),
        })
    }
}

fn text(given: &str) -> Result<String, String> {
    if given.is_empty() { Err("it is empty".to_owned()) } else { Ok(given.to_owned()) }
}

fn shares(given: &str) -> Result<Vec<String>, String> {
    let shares: Vec<String> = given.split(',').map(|share| share.trim().to_owned()).collect();
    if shares.iter().any(String::is_empty) {
        return Err(format!("{given:?} is not a list of shares such as 5%,50%,100%"));
    }
    Ok(shares)
}

fn manner(given: &str) -> Result<Manner, String> {
    match given {
        "automatic" => Ok(Manner::Automatic),
        "manual" => Ok(Manner::Manual),
        _ => Err(format!("{given:?} is neither {}", MANNERS.join(" nor "))),
    }
}

/// What was given for one member: nothing, one value for all, or one for each environment.
fn per_environment<T>(
    flag: &str,
    given: &[String],
    read: fn(&str) -> Result<T, String>,
) -> Result<Option<PerEnvironment<T>>, Fault> {
    let mistake = |why: String| Fault::Usage(format!("{flag}: {why}"));
    let (mut all, mut each) = (None, BTreeMap::new());
    for text in given {
        let twice = match text.split_once('=') {
            Some((environment, value)) => {
                each.insert(environment.trim().to_owned(), read(value.trim()).map_err(mistake)?).is_some()
            }
            None => all.replace(read(text.trim()).map_err(mistake)?).is_some(),
        };
        if twice {
            return Err(mistake(format!("{text} is given after another for the same")));
        }
    }
    match (all, each.is_empty()) {
        (None, true) => Ok(None),
        (None, false) => Ok(Some(PerEnvironment::Each(each))),
        (Some(all), true) => Ok(Some(PerEnvironment::All(all))),
        (Some(_), false) => Err(mistake("give it once for all environments, or for each by its name".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn plan(args: PlanArgs) -> Value {
        serde_json::to_value(args.wish().unwrap()).unwrap()
    }

    fn all(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn what_is_not_given_is_left_to_the_server() {
        assert_eq!(plan(PlanArgs::default()), json!({}));
    }

    #[test]
    fn members_are_given_once_or_by_environment() {
        let args = PlanArgs {
            environment: all(&["staging", "production"]),
            canary: all(&["production=5%, 50%,100%", "staging=100%"]),
            canary_step: all(&["5m"]),
            soak: all(&["staging=1h", "production=48h"]),
            advance: all(&["production=manual"]),
            roll_back: Some("automatic".to_owned()),
            delete_outgoing: Some("manual".to_owned()),
            reason: Some("compromised".to_owned()),
            after: Some("rot_1".to_owned()),
            approval: true,
        };
        assert_eq!(
            plan(args),
            json!({
                "environments": ["staging", "production"],
                "canary": {"production": ["5%", "50%", "100%"], "staging": ["100%"]},
                "canary_step": "5m", "soak": {"staging": "1h", "production": "48h"},
                "advance": {"production": "manual"}, "roll_back": "automatic", "delete_outgoing": "manual",
                "reason": "compromised", "after": "rot_1", "approval": true,
            })
        );
    }

    #[test]
    fn a_mistake_names_its_flag() {
        for (args, told) in [
            (PlanArgs { canary: all(&["5%,,100%"]), ..PlanArgs::default() }, "--canary: \"5%,,100%\""),
            (PlanArgs { canary: all(&["5%", "staging=5%"]), ..PlanArgs::default() }, "--canary: give it once"),
            (PlanArgs { soak: all(&["1h", "2h"]), ..PlanArgs::default() }, "--soak: 2h is given after another"),
            (PlanArgs { soak: all(&["a=1h", "a=2h"]), ..PlanArgs::default() }, "--soak: a=2h is given after another"),
            (PlanArgs { soak: all(&["staging="]), ..PlanArgs::default() }, "--soak: it is empty"),
            (PlanArgs { advance: all(&["a=maybe"]), ..PlanArgs::default() }, "neither automatic nor manual"),
        ] {
            let fault = args.wish().unwrap_err();
            assert!(fault.to_string().contains(told), "{fault}");
            assert_eq!(fault.code(), 1);
        }
    }
}
