//! What a run begins with, all of it drawn from its seed: how it goes, where it plays, which secrets and routes there are.
//! Real processes are run from it as well.

use model::environment::Environment;
use model::name::EnvironmentName;
use model::route::RouteSpec;
use serde_json::{Value, json};

use crate::dice::Dice;
use crate::scenario::{Scenario, Temper};
use crate::truth::Truth;

pub(crate) struct Setting {
    pub(crate) scenario: Scenario,
    /// True time in milliseconds.
    pub(crate) t: i64,
    pub(crate) environments: Vec<Environment>,
    pub(crate) secrets: Vec<(String, Truth)>,
    pub(crate) routes: Vec<RouteSpec>,
    pub(crate) nodes: usize,
}

impl Setting {
    /// `named` gives secrets and routes the names that they have where the run takes place.
    pub(crate) fn draw(temper: Temper, dice: &mut Dice, named: impl Fn(&str) -> String) -> Self {
        let scenario = Scenario::draw(temper, dice);
        let calm = temper == Temper::Calm;
        let t = 1_800_000_000_000 + i64::try_from(dice.below(3_600_000)).unwrap();
        let mut stages = vec![("staging", 10, false), ("production", 30, true)];
        if dice.falls(300) {
            stages.insert(1, ("qa", 20, false));
        }
        let environments: Vec<Environment> =
            stages.iter().map(|(name, rank, protected)| environment(name, *rank, *protected)).collect();
        let mut secrets = Vec::new();
        for name in ["alpha", "beta", "gamma"] {
            let truth = if !calm && dice.falls(100) { Truth::draw(dice, t) } else { Truth::Valid };
            secrets.push((named(name), truth));
        }
        let names = if calm { ["alpha", "gamma"] } else { ["alpha", "beta"] }.map(&named);
        let count = 2 + dice.below(2);
        let places: Vec<EnvironmentName> = environments.iter().map(|one| one.name.clone()).collect();
        let routes = (0..count).map(|at| route(dice, &named(&format!("r{at}")), &names, &places, calm)).collect();
        Self { scenario, t, environments, secrets, routes, nodes: 1 + dice.below(3) }
    }
}

fn environment(name: &str, rank: i64, protected: bool) -> Environment {
    let display_name = name.to_owned();
    Environment { name: name.parse().unwrap(), display_name, rank, protected, default: false, version: 1 }
}

/// A route that names one secret, or two.
fn route(dice: &mut Dice, name: &str, secrets: &[String], environments: &[EnvironmentName], calm: bool) -> RouteSpec {
    let first = &secrets[dice.below(secrets.len())];
    let mut inject = match dice.below(4) {
        0 => {
            json!({"headers": {"Authorization": {"basic": {"username": "u", "password": format!("{{{{{first}}}}}")}}}})
        }
        1 => json!({"query": {"key": format!("{{{{{first}}}}}")}}),
        _ => json!({"headers": {"Authorization": format!("Bearer {{{{{first}}}}}")}}),
    };
    if !calm && dice.falls(250) {
        inject["headers"]["X-Second"] = format!("{{{{{}}}}}", secrets[dice.below(secrets.len())]).into();
    }
    let mut base = json!({"upstream": format!("https://u{}.example", dice.below(2)), "inject": inject});
    if !calm && dice.falls(200) {
        base["shield"] = false.into();
    }
    if !calm && dice.falls(150) {
        base["dead"] = json!([]);
    }
    if dice.falls(250) {
        base["probe"] = json!({"method": "GET", "path": "/"});
    }
    let mut layers = json!({});
    for environment in environments {
        if dice.falls(850) {
            layers[environment.as_str()] = layer(dice, secrets, calm, &base);
        }
    }
    serde_json::from_value(json!({"name": name, "base": base, "environments": layers})).unwrap()
}

fn layer(dice: &mut Dice, secrets: &[String], calm: bool, base: &Value) -> Value {
    let mut own = json!({});
    if !calm && dice.falls(200) {
        own["upstream"] = format!("https://u{}.example", dice.below(2)).into();
    }
    if dice.falls(250) {
        let other = format!("Bearer {{{{{}}}}}", secrets[dice.below(secrets.len())]);
        own["inject"] = json!({"headers": {"authorization": other}});
    } else if !calm && dice.falls(100) && base.pointer("/inject/query/key").is_some() {
        own["inject"] = json!({"query": {"key": false}});
    }
    own
}
