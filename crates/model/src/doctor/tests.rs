//! Each finding with the facts that make it, one line a case, beside a route where all is well.

use super::*;
use crate::name::SecretName;
use crate::node::NodeState;
use crate::secret::{Class, Kind, Limits, Secret, State};
use crate::time::{Span, Timestamp};
use crate::usage::Outcome;
use crate::usage::Outcome::{Accepted, Failed, Refused, Rejected, Throttled};

const NOW: i64 = 1_764_000_000_000;

fn ago(minutes: i64) -> Timestamp {
    Timestamp::from_millis(NOW - minutes * 60_000)
}

fn name(text: &str) -> SecretName {
    text.parse().unwrap()
}

fn secret(text: &str) -> Secret {
    Secret {
        id: format!("sec_{text}"),
        name: name(text),
        kind: Kind::ApiKey,
        class: Class::Standard,
        description: String::new(),
        owner: String::new(),
        tags: Vec::new(),
        successor_of: None,
        limits: Limits { environments: None, allowed_hosts: None, sensitive: true },
        probe: None,
        expires_at: None,
        strict_expiry: false,
        rotate_every: None,
        state: State::Active,
        fingerprint: format!("kf_{text}"),
        created_at: ago(9_000),
        created_by: "token:ops".to_owned(),
        deleted_at: None,
        last_referenced_at: None,
        version: 1,
    }
}

fn run(count: u64, first: i64, last: i64) -> Run {
    Run { count, first: ago(first), last: ago(last) }
}

fn node(text: &str) -> NodeFact {
    NodeFact {
        name: text.to_owned(),
        id: format!("node_{text}"),
        state: NodeState::Live,
        has_gateway: true,
        revision: Some(57),
        is_current: true,
        lag_ms: 0,
        last_seen_at: ago(0),
        may_serve_until: ago(-1_440),
    }
}

/// A route that names one secret in production, changed two hours ago, used a minute ago: all is well.
fn well() -> Facts {
    let mut answers = Answers::default();
    for window in [&mut answers.hour, &mut answers.since] {
        window.put(Accepted, run(9, 50, 1));
    }
    answers.before.put(Accepted, run(9, 170, 121));
    let binding = BindingFacts {
        secret: name("key"),
        named_at: vec!["inject.headers.Authorization".to_owned()],
        last_used_at: Some(ago(1)),
        answers,
        before: Answers::default(),
        readings: Vec::new(),
    };
    let place = PlaceFacts {
        environment: "production".to_owned(),
        listing: Listing::Served("production".parse().unwrap()),
        host: Some("api.example.com".to_owned()),
        has_probe: true,
        broken: None,
        bindings: vec![binding],
        readings: Vec::new(),
    };
    let facts = SecretFacts { secret: Some(secret("key")), ..SecretFacts::default() };
    Facts {
        route: "payments".parse().unwrap(),
        now: ago(0),
        change: LastChange {
            number: 7,
            at: ago(120),
            actor: "token:ops".to_owned(),
            action: "update".to_owned(),
            before: None,
        },
        places: vec![place],
        secrets: [(name("key"), facts)].into(),
        nodes: vec![node("one"), node("two")],
    }
}

/// The same after `key` took the place of `old` an hour and a half ago.
fn replaced() -> Facts {
    let mut facts = well();
    facts.change = LastChange { at: ago(90), action: "replace-secret".to_owned(), before: Some(6), ..facts.change };
    let key = facts.secrets.get_mut("key").unwrap();
    key.secret.as_mut().unwrap().successor_of = Some(name("old"));
    key.predecessors = vec![related("old", &[])];
    let binding = &mut facts.places[0].bindings[0];
    binding.answers = Answers::default();
    for window in [&mut binding.answers.hour, &mut binding.answers.since] {
        window.put(Accepted, run(9, 50, 1));
    }
    binding.before.before.put(Accepted, run(9, 140, 91));
    facts
}

fn related(text: &str, mentions: &[(&str, Option<&str>)]) -> Related {
    let mention = |(route, environment): &(&str, Option<&str>)| Mention {
        route: route.parse().unwrap(),
        environment: environment.map(|one| one.parse().unwrap()),
        field: "inject.headers.Authorization".to_owned(),
    };
    Related { name: name(text), deleted_at: None, mentions: mentions.iter().map(mention).collect() }
}

fn own(facts: &mut Facts) -> &mut SecretFacts {
    facts.secrets.get_mut("key").unwrap()
}

fn known(facts: &mut Facts) -> &mut Secret {
    own(facts).secret.as_mut().unwrap()
}

/// Puts the answers of the last hour, which are those since the change too.
fn answers(facts: &mut Facts, all: &[(Outcome, Run)]) {
    let binding = &mut facts.places[0].bindings[0];
    (binding.answers.hour, binding.answers.since) = Default::default();
    for (outcome, run) in all {
        binding.answers.hour.put(*outcome, *run);
        binding.answers.since.put(*outcome, *run);
    }
}

/// What is found beside what is well, as `severity code`.
fn found(facts: &Facts) -> Vec<String> {
    let all = examine(facts);
    let told = all.iter().filter(|finding| finding.severity != Severity::Ok);
    told.map(|finding| format!("{} {}", finding.severity.as_str(), finding.code.as_str())).collect()
}

#[track_caller]
fn finds(begin: fn() -> Facts, change: fn(&mut Facts), expected: &[&str]) {
    let mut facts = begin();
    change(&mut facts);
    assert_eq!(found(&facts), expected);
}

fn detail(facts: &Facts, code: Code) -> (String, String) {
    let finding = examine(facts).into_iter().find(|finding| finding.code == code).unwrap();
    (finding.detail, finding.advice)
}

#[test]
fn where_all_is_well_each_question_says_so() {
    let told: Vec<_> = examine(&well()).into_iter().map(|finding| (finding.severity, finding.code)).collect();
    let ok = |code| (Severity::Ok, code);
    assert_eq!(told, [ok(Code::NodesCurrent), ok(Code::SecretsUsable), ok(Code::CredentialAccepted)]);
}

#[test]
fn after_a_rotation_the_value_can_be_compared_and_the_way_back_is_told() {
    let notes = ["note compare-value", "note roll-back", "note roll-back"];
    finds(replaced, |_| {}, &notes);
    assert!(examine(&replaced()).iter().any(|finding| finding.code == Code::RoutesUpdated));
    let advice: Vec<String> = examine(&replaced()).into_iter().map(|finding| finding.advice).collect();
    for command in [
        "keyroll secret compare key",
        "keyroll route replace-secret key old --environment production",
        "keyroll route roll-back payments 6",
    ] {
        assert!(advice.iter().any(|advice| advice.contains(command)), "{command}: {advice:?}");
    }
    finds(
        replaced,
        |facts| own(facts).predecessors[0].deleted_at = Some(ago(5)),
        &["note compare-value", "note roll-back-impossible", "note roll-back"],
    );
}

#[test]
fn who_still_names_a_predecessor_is_found() {
    fn named(facts: &mut Facts, mentions: &[(&str, Option<&str>)]) {
        own(facts).predecessors = vec![related("old", mentions)];
    }
    let with = |first| vec![first, "note compare-value", "note roll-back", "note roll-back"];
    finds(replaced, |facts| named(facts, &[("refunds", Some("production"))]), &with("warning predecessor-still-named"));
    let base = |facts: &mut Facts| named(facts, &[("payments", None)]);
    finds(replaced, base, &["note compare-value", "note predecessor-still-named", "note roll-back", "note roll-back"]);
    // One that nobody calls a predecessor any more is one all the same.
    finds(
        replaced,
        |facts| own(facts).predecessors.push(related("older", &[("refunds", Some("staging"))])),
        &with("warning predecessor-still-named"),
    );
    let mut facts = replaced();
    let places: Vec<(String, Option<&str>)> = (0..7).map(|at| (format!("route-{at}"), Some("staging"))).collect();
    let places: Vec<(&str, Option<&str>)> = places.iter().map(|(name, place)| (name.as_str(), *place)).collect();
    named(&mut facts, &places);
    let (detail, advice) = detail(&facts, Code::PredecessorStillNamed);
    assert!(detail.contains("route-4 in staging") && detail.ends_with("in 2 more places"), "{detail}");
    assert!(advice.starts_with("keyroll route replace-secret old key --dry-run"), "{advice}");
}

#[test]
fn a_route_that_was_left_behind_is_found() {
    finds(
        well,
        |facts| own(facts).successor = Some(related("key_v2", &[("refunds", Some("production"))])),
        &["warning successor-not-named"],
    );
    finds(well, |facts| own(facts).successor = Some(related("key_v2", &[])), &["note successor-not-named"]);
    finds(
        well,
        |facts| own(facts).successor = Some(Related { deleted_at: Some(ago(9)), ..related("key_v2", &[]) }),
        &[],
    );
    // While a rotation moves them one after the other, that is as it should be.
    finds(
        well,
        |facts| {
            own(facts).successor = Some(related("key_v2", &[("refunds", Some("production"))]));
            let (id, state) = ("rot_1".to_owned(), "canary".to_owned());
            own(facts).rotation = Some(Live { id, state, incoming: name("key_v2") });
        },
        &["note rotation-in-progress"],
    );
}

#[test]
fn cached_old_values_are_found_by_node() {
    fn old(node: &mut NodeFact, lag_ms: i64) {
        (node.is_current, node.revision, node.lag_ms) = (false, Some(56), lag_ms);
    }
    finds(well, |facts| old(&mut facts.nodes[0], 1_001), &["error node-serves-old"]);
    finds(well, |facts| old(&mut facts.nodes[0], 1_000), &["note node-serves-old"]);
    finds(well, |facts| facts.nodes[0].state = NodeState::Silent, &["warning node-silent"]);
    finds(well, |facts| facts.nodes[0].state = NodeState::Gone, &[]);
    finds(well, |facts| facts.nodes[0].state = NodeState::Stopped, &[]);
    finds(well, |facts| facts.nodes[0].revision = None, &["error node-serves-nothing"]);
    finds(well, |facts| (facts.nodes[0].revision, facts.nodes[0].has_gateway) = (None, false), &[]);
    finds(well, |facts| facts.nodes.clear(), &["error no-node-serves"]);
    let mut facts = well();
    old(&mut facts.nodes[1], 5);
    facts.nodes[1].state = NodeState::Silent;
    let (told, advice) = detail(&facts, Code::NodeSilent);
    assert!(told.contains("what was there before the last change"), "{told}");
    assert!(advice.contains("keyroll node attest-stopped node_two"), "{advice}");
}

#[test]
fn an_environment_that_is_not_there_is_found() {
    finds(well, |facts| facts.places.clear(), &["error no-environment"]);
    finds(
        well,
        |facts| facts.places[0].listing = Listing::NotListed(vec!["staging".parse().unwrap()]),
        &["error environment-not-listed"],
    );
    let mut facts = well();
    facts.places[0].environment = "Production".to_owned();
    facts.places[0].listing = Listing::Unknown(Some("production".to_owned()));
    assert_eq!(found(&facts), ["error environment-not-found"]);
    assert!(detail(&facts, Code::EnvironmentNotFound).1.contains("did you mean production"));
}

#[test]
fn a_secret_that_cannot_be_had_is_found() {
    fn gone(facts: &mut Facts, meant: &str) {
        (own(facts).secret, own(facts).meant) = (None, Some(name(meant)));
    }
    finds(well, |facts| gone(facts, "keys"), &["error secret-missing"]);
    let mut facts = well();
    gone(&mut facts, "Key");
    let (told, advice) = detail(&facts, Code::SecretMissing);
    assert!(told.contains("Key differs in nothing but case"), "{told}");
    assert!(advice.contains("name Key instead"), "{advice}");
    gone(&mut facts, "keys");
    assert!(detail(&facts, Code::SecretMissing).0.contains("there is keys, which is spelt nearly so"));

    let delete = |facts: &mut Facts| {
        (known(facts).state, known(facts).deleted_at) = (State::Deleted, Some(ago(3)));
        own(facts).closed = Some("it has no value".to_owned());
    };
    finds(well, delete, &["error secret-deleted"]);
    let mut facts = well();
    delete(&mut facts);
    own(&mut facts).successor = Some(related("key_v2", &[]));
    assert!(detail(&facts, Code::SecretDeleted).1.starts_with("name key_v2 instead"));

    finds(well, |facts| own(facts).closed = Some("its row was edited".to_owned()), &["error secret-unreadable"]);
    // A row of which nothing can be read at all.
    finds(
        well,
        |facts| (own(facts).secret, own(facts).closed) = (None, Some("its row cannot be read".to_owned())),
        &["error secret-unreadable"],
    );
}

#[test]
fn limits_that_forbid_the_use_are_found() {
    let staging = |facts: &mut Facts| known(facts).limits.environments = Some(["staging".parse().unwrap()].into());
    finds(well, staging, &["error environment-not-allowed"]);
    let mut facts = well();
    staging(&mut facts);
    assert!(
        detail(&facts, Code::EnvironmentNotAllowed)
            .1
            .ends_with("edit key --environment staging --environment production")
    );
    finds(well, |facts| known(facts).limits.environments = Some(["production".parse().unwrap()].into()), &[]);
    finds(
        well,
        |facts| known(facts).limits.allowed_hosts = Some(["api.other.com".parse().unwrap()].into()),
        &["error host-not-allowed"],
    );
    finds(well, |facts| known(facts).limits.allowed_hosts = Some(["*.example.com".parse().unwrap()].into()), &[]);
    finds(well, |facts| facts.places[0].broken = Some("it has no upstream".to_owned()), &["error route-unusable"]);
}

#[test]
fn answers_that_began_with_the_last_change_are_told_apart() {
    let since = ["error rejected-since-change", "note predecessor-answers"];
    let all = |more: &[&'static str]| [&["warning compare-value", "note roll-back", "note roll-back"], more].concat();
    finds(replaced, |facts| answers(facts, &[(Rejected, run(12, 80, 1))]), &all(&since));
    let mut facts = replaced();
    answers(&mut facts, &[(Rejected, run(12, 80, 1))]);
    let (told, advice) = detail(&facts, Code::RejectedSinceChange);
    assert!(told.starts_with("12 of 12 answers") && told.contains("began with revision 7 of the route"), "{told}");
    assert!(advice.contains("keyroll route replace-secret key old --environment production"), "{advice}");

    // The value was taken after the change, and died later.
    let later = |facts: &mut Facts| answers(facts, &[(Accepted, run(9, 80, 40)), (Rejected, run(3, 30, 1))]);
    finds(replaced, later, &all(&["error credential-rejected", "note predecessor-answers"]));
    // Taken again since: a single odd answer.
    let odd = |facts: &mut Facts| answers(facts, &[(Accepted, run(9, 80, 1)), (Rejected, run(1, 30, 30))]);
    finds(replaced, odd, &all(&["warning credential-rejected", "note predecessor-answers"]));
    // The predecessor was dead too.
    finds(
        replaced,
        |facts| {
            answers(facts, &[(Rejected, run(12, 80, 1))]);
            facts.places[0].bindings[0].before.before = Window::default();
            facts.places[0].bindings[0].before.before.put(Rejected, run(4, 140, 91));
        },
        &all(&["error credential-rejected", "note predecessor-answers"]),
    );
    // Nobody knows any more how it was before a change of long ago.
    finds(
        replaced,
        |facts| {
            facts.change.at = ago(1_440);
            answers(facts, &[(Rejected, run(12, 80, 1))]);
        },
        &all(&["error credential-rejected", "note predecessor-answers"]),
    );
}

#[test]
fn a_rejection_is_the_last_word_until_something_is_taken() {
    finds(
        well,
        |facts| {
            let answers = &mut facts.places[0].bindings[0].answers;
            *answers = Answers::default();
            answers.since.put(Rejected, run(2, 110, 100));
        },
        &["warning compare-value", "error credential-rejected", "note no-answers"],
    );
    finds(
        well,
        |facts| {
            let answers = &mut facts.places[0].bindings[0].answers;
            answers.hour = Window::default();
            answers.since.put(Rejected, run(2, 110, 100));
        },
        &["warning compare-value", "note no-answers"],
    );
}

#[test]
fn answers_that_say_something_else() {
    finds(well, |facts| answers(facts, &[(Refused, run(3, 9, 1))]), &["warning permission-missing"]);
    finds(
        well,
        |facts| answers(facts, &[(Accepted, run(3, 9, 1)), (Refused, run(3, 9, 1))]),
        &["note permission-missing"],
    );
    finds(
        well,
        |facts| answers(facts, &[(Throttled, run(3, 9, 1)), (Failed, run(1, 9, 1))]),
        &["note answers-unclear"],
    );
    finds(well, |facts| answers(facts, &[]), &["note no-answers"]);
}

#[test]
fn a_secret_that_ends_is_found() {
    finds(well, |facts| known(facts).expires_at = Some(ago(1)), &["warning secret-expired"]);
    finds(
        well,
        |facts| (known(facts).expires_at, known(facts).strict_expiry) = (Some(ago(0)), true),
        &["error secret-expired"],
    );
    let week = || ago(0).plus(Span::from_days(7));
    let mut facts = well();
    known(&mut facts).expires_at = Some(week());
    assert_eq!(found(&facts), ["warning secret-expires-soon"]);
    known(&mut facts).expires_at = Some(week().plus(Span::from_millis(1)));
    assert_eq!(found(&facts), [""; 0]);
}

#[test]
fn probes_are_missed_and_read() {
    finds(well, |facts| facts.places[0].has_probe = false, &["note no-probe"]);
    finds(
        well,
        |facts| (facts.places[0].has_probe, known(facts).probe) = (false, Some(serde_json::json!({"http": {}}))),
        &[],
    );
    fn read(facts: &mut Facts, said: Said) {
        let reading = Reading { place: "payments/production".to_owned(), said, detail: "as told".to_owned() };
        facts.places[0].bindings[0].readings.push(reading.clone());
        facts.places[0].readings.push(reading);
    }
    finds(well, |facts| read(facts, Said::Alive), &[]);
    finds(well, |facts| read(facts, Said::Dead), &["error probe-reading", "error probe-reading"]);
    finds(well, |facts| read(facts, Said::Unclear), &["warning probe-reading", "warning probe-reading"]);
}

#[test]
fn the_page_on_troubleshooting_names_every_code() {
    let page = include_str!("../../../../docs/troubleshooting.md");
    let missing: Vec<_> = CODES.iter().filter(|code| !page.contains(&format!("| `{}` |", code.as_str()))).collect();
    assert!(missing.is_empty(), "docs/troubleshooting.md says nothing of {missing:?}");
    for question in QUESTIONS {
        assert!(page.contains(&format!("`{}`", question.as_str())));
    }
}
