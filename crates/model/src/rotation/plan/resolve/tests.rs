//! From wishes to plans: tables of cases.

use std::collections::BTreeMap;

use super::*;

fn environment(name: &str, rank: i64, protected: bool) -> Environment {
    Environment {
        name: name.parse().unwrap(),
        display_name: name.into(),
        rank,
        protected,
        default: protected,
        version: 1,
    }
}

fn known() -> Vec<Environment> {
    vec![environment("production", 2, true), environment("staging", 1, false), environment("development", 0, false)]
}

fn name(text: &str) -> EnvironmentName {
    text.parse().unwrap()
}

fn plan(wish: &Wish) -> Result<Plan, Vec<(String, &'static str)>> {
    let named = ["staging", "production"].map(name).into();
    resolve(wish, &known(), &named).map_err(|found| found.into_iter().map(|one| (one.pointer, one.code)).collect())
}

fn weights(texts: &[&str]) -> Vec<Weight> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn everything_has_a_default() {
    let plan = plan(&Wish::default()).unwrap();
    let [staging, production] = &plan.stages[..] else { panic!("{plan:?}") };
    assert_eq!(staging.environment, name("staging"), "by rank");
    assert_eq!(
        (staging.canary.clone(), staging.soak, staging.advance),
        (weights(&["100%"]), Span::from_secs(0), Manner::Automatic)
    );
    assert_eq!(production.canary, weights(&["5%", "50%", "100%"]));
    assert_eq!((production.soak, production.advance), (Span::from_hours(48), Manner::Manual));
    assert_eq!((plan.roll_back, plan.delete_outgoing), (Manner::Automatic, Manner::Manual));
    assert!(plan.notes.is_empty() && !plan.approval);
}

#[test]
fn members_are_given_once_or_for_each() {
    let once = Wish {
        canary: Some(Per::All(weights(&["1%", "100%"]))),
        soak: Some(Per::All(Span::from_secs(9))),
        advance: Some(Per::All(Manner::Automatic)),
        ..Wish::default()
    };
    let plan_of = plan(&once).unwrap();
    let soaks: Vec<i64> = plan_of.stages.iter().map(|stage| stage.soak.as_millis()).collect();
    assert_eq!(soaks, [0, 9_000], "a soak that is given once is that of the last");
    assert!(plan_of.stages.iter().all(|stage| stage.canary.len() == 2 && stage.advance == Manner::Automatic));
    let each =
        Wish { soak: Some(Per::Each(BTreeMap::from([(name("staging"), Span::from_secs(7))]))), ..Wish::default() };
    let soaks: Vec<i64> = plan(&each).unwrap().stages.iter().map(|stage| stage.soak.as_millis()).collect();
    assert_eq!(soaks, [7_000, 48 * 3_600_000]);
}

#[test]
fn a_leak_makes_haste_and_says_so() {
    let plan = plan(&Wish { reason: Reason::Compromised, ..Wish::default() }).unwrap();
    let production = plan.stages.last().unwrap();
    assert_eq!((production.canary.clone(), production.advance), (weights(&["50%", "100%"]), Manner::Automatic));
    assert_eq!((production.soak, production.canary_step), (Span::from_hours(1), Span::from_secs(60)));
    assert!(plan.notes[0].contains("goes faster"), "{:?}", plan.notes);
}

#[test]
fn what_is_left_out_is_said() {
    let plan =
        plan(&Wish { environments: Some(vec![name("development"), name("staging")]), ..Wish::default() }).unwrap();
    assert_eq!(plan.stages.len(), 1);
    assert!(
        plan.notes[0].contains("development") && plan.notes[1].contains("production is left out"),
        "{:?}",
        plan.notes
    );
}

#[test]
fn wrong_members_are_all_named() {
    let list = |names: &[&str]| Some(names.iter().map(|text| name(text)).collect());
    for (wish, found) in [
        (
            Wish { environments: list(&["prod"]), ..Wish::default() },
            vec![("/plan/environments/0", "environment-not-found")],
        ),
        (Wish { environments: list(&[]), ..Wish::default() }, vec![("/plan/environments", "environments-missing")]),
        (
            Wish { environments: list(&["production", "staging"]), ..Wish::default() },
            vec![("/plan/environments", "environments-out-of-order")],
        ),
        (
            Wish { environments: list(&["staging", "staging"]), ..Wish::default() },
            vec![("/plan/environments/1", "environment-twice")],
        ),
        (
            Wish { canary: Some(Per::All(weights(&["50%", "5%"]))), ..Wish::default() },
            vec![("/plan/canary", "canary-invalid")],
        ),
        (Wish { canary: Some(Per::All(Vec::new())), ..Wish::default() }, vec![("/plan/canary", "canary-invalid")]),
        (
            Wish {
                soak: Some(Per::Each(BTreeMap::from([(name("development"), Span::from_secs(1))]))),
                ..Wish::default()
            },
            vec![("/plan/soak/development", "environment-not-in-plan")],
        ),
    ] {
        let found: Vec<(String, &str)> = found.into_iter().map(|(pointer, code)| (pointer.to_owned(), code)).collect();
        assert_eq!(plan(&wish).unwrap_err(), found);
    }
}
