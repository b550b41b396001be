//! Each rule with what breaks it and what nearly does.

use super::*;
use crate::schedule;
use crate::secret::{Class, Limits, State};

const DAY: i64 = 86_400_000;
const NOW: i64 = 1_000 * DAY;

fn at(day: i64) -> Timestamp {
    Timestamp::from_millis(day * DAY)
}

/// In order in every way: made a week ago, used yesterday, limited, of one value.
fn secret(name: &str) -> Secret {
    Secret {
        id: format!("sec_{name}"),
        name: name.parse().unwrap(),
        kind: Kind::ApiKey,
        class: Class::Standard,
        description: String::new(),
        owner: String::new(),
        tags: Vec::new(),
        successor_of: None,
        limits: Limits {
            environments: None,
            allowed_hosts: Some(["api.example.com".parse().unwrap()].into()),
            sensitive: true,
        },
        probe: None,
        expires_at: None,
        strict_expiry: false,
        rotate_every: None,
        state: State::Active,
        fingerprint: format!("kf_{name}"),
        created_at: at(993),
        created_by: "token:ops".to_owned(),
        deleted_at: None,
        last_referenced_at: None,
        version: 1,
    }
}

struct Case {
    secrets: Vec<Secret>,
    bindings: Vec<(RouteName, EnvironmentName)>,
    referenced: bool,
    last_used_at: Option<Timestamp>,
    dead_since: Option<Timestamp>,
    short: bool,
    naming: Option<Naming>,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            secrets: vec![secret("stripe_api_key")],
            bindings: vec![("payments".parse().unwrap(), "production".parse().unwrap())],
            referenced: true,
            last_used_at: Some(at(999)),
            dead_since: None,
            short: false,
            naming: None,
        }
    }
}

impl Case {
    fn of(secret: Secret) -> Self {
        Self { secrets: vec![secret], ..Self::default() }
    }

    fn found(&self) -> Vec<(&'static str, String)> {
        let environments = ["development", "staging", "production"].map(|name| name.parse().unwrap());
        let subjects: Vec<Subject<'_>> = self
            .secrets
            .iter()
            .map(|secret| Subject {
                secret,
                bindings: self.bindings.iter().map(|(route, environment)| (route, environment)).collect(),
                referenced: self.referenced,
                last_used_at: self.last_used_at,
                due_at: schedule::due(secret, self.dead_since).map(|due| due.at),
                superseded_by: self
                    .secrets
                    .iter()
                    .find(|o| o.successor_of.as_ref() == Some(&secret.name))
                    .map(|o| &o.name),
                short: self.short,
            })
            .collect();
        let house = House {
            environments: &environments,
            protected: &environments[2..],
            naming: self.naming,
            now: Timestamp::from_millis(NOW),
        };
        lint(&subjects, house).into_iter().map(|found| (found.rule.code(), found.secret.to_string())).collect()
    }

    #[track_caller]
    fn finds(&self, expected: &[&str]) {
        let found: Vec<&str> = self.found().into_iter().map(|(code, _)| code).collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn what_is_in_order_gets_no_finding() {
    Case::default().finds(&[]);
}

#[test]
fn each_rule_has_what_breaks_it_and_what_nearly_does() {
    Case { short: true, ..Case::default() }.finds(&["value-too-short"]);
    let mut seen = secret("stripe_publishable_key");
    seen.limits.sensitive = false;
    Case { short: true, ..Case::of(seen.clone()) }.finds(&[]);

    let mut due = secret("stripe_api_key");
    due.created_at = at(1_000 - 90);
    Case::of(due.clone()).finds(&["overdue"]);
    due.created_at = at(1_000 - 89);
    Case::of(due).finds(&[]);

    let mut token = secret("stripe_api_key");
    token.kind = Kind::OauthToken;
    Case { dead_since: Some(at(999)), ..Case::of(token.clone()) }.finds(&["overdue"]);
    Case::of(token).finds(&[]);
    Case { dead_since: Some(at(999)), ..Case::default() }.finds(&[]);

    let mut old = secret("stripe_api_key");
    (old.created_at, old.kind) = (at(1_000 - 365), Kind::OauthToken);
    Case::of(old.clone()).finds(&["never-rotated"]);
    old.successor_of = Some("stripe_old_key".parse().unwrap());
    old.name = "stripe_old_key_v2".parse().unwrap();
    Case::of(old).finds(&[]);

    let mut anywhere = secret("stripe_api_key");
    anywhere.limits.allowed_hosts = None;
    Case::of(anywhere.clone()).finds(&["no-allowed-hosts"]);
    Case { referenced: false, bindings: Vec::new(), ..Case::of(anywhere) }.finds(&["unreferenced"]);

    Case { last_used_at: Some(at(970)), ..Case::default() }.finds(&["unused"]);
    Case { last_used_at: Some(at(971)), ..Case::default() }.finds(&[]);
    Case { last_used_at: None, ..Case::default() }.finds(&[]);
    let mut hook = secret("stripe_webhook_secret");
    hook.kind = Kind::WebhookSecret;
    Case { referenced: false, bindings: Vec::new(), last_used_at: None, ..Case::of(hook) }.finds(&[]);

    Case::of(secret("stripe_test_key")).finds(&["temporary"]);
    Case::of(secret("stripe_latest_key")).finds(&[]);
}

#[test]
fn a_secret_of_another_environment() {
    Case::of(secret("stripe_staging_api_key")).finds(&["other-environment"]);
    Case::of(secret("stripe_production_api_key")).finds(&[]);
    let mut may = secret("stripe_prod_api_key");
    may.limits.environments = Some(["production".parse().unwrap(), "staging".parse().unwrap()].into());
    Case::of(may).finds(&["other-environment"]);
}

#[test]
fn a_production_secret_that_is_used_elsewhere_and_the_reverse() {
    let used = |name: &str, environments: &[&str]| {
        let place = |environment: &&str| ("payments".parse().unwrap(), environment.parse().unwrap());
        Case { bindings: environments.iter().map(place).collect(), ..Case::of(secret(name)) }
    };
    used("stripe_production_api_key", &["staging"]).finds(&["other-environment"]);
    used("stripe_production_api_key", &["production"]).finds(&[]);
    used("stripe_staging_api_key", &["production"]).finds(&["other-environment"]);
    used("stripe_staging_api_key", &["staging"]).finds(&[]);
    // The name says nothing: what is protected shares it.
    used("stripe_api_key", &["production", "staging"]).finds(&["other-environment"]);
    used("stripe_api_key", &["development", "staging"]).finds(&[]);
    let mut region = used("aws_region", &["production", "staging"]);
    region.secrets[0].limits.sensitive = false;
    region.finds(&[]);
}

#[test]
fn a_successor_is_numbered() {
    let succeeds = |name: &str, before: &str| {
        let mut next = secret(name);
        next.successor_of = Some(before.parse().unwrap());
        Case::of(next)
    };
    for (name, before) in [("stripe_api_key_new", "stripe_api_key"), ("stripe_api_key_v2", "stripe_api_key_v3")] {
        succeeds(name, before).finds(&["naming-version"]);
    }
    for (name, before) in [
        ("stripe_api_key_v2", "stripe_api_key"),
        ("stripe_api_key_v4", "stripe_api_key_v2"),
        // It got a better name.
        ("stripe_production_api_key", "stripe_api_key"),
        ("stripe_api_key", "stripe_tmp_key"),
    ] {
        succeeds(name, before).finds(&[]);
    }
}

#[test]
fn each_strategy_can_be_asked_for_and_each_is_told_from_the_others() {
    for (naming, fits, differs) in [
        (Naming::ServiceEnvironmentType, "stripe_production_api_key", "stripe_api_key"),
        (Naming::Service, "stripe_api_key", "production_stripe_key"),
        (Naming::Environment, "production_stripe_key", "stripe_production_api_key"),
    ] {
        Case { naming: Some(naming), ..Case::of(secret(fits)) }.finds(&[]);
        Case { naming: Some(naming), ..Case::of(secret(differs)) }.finds(&["naming"]);
    }
}

#[test]
fn one_value_under_two_names() {
    let mut copy = secret("stripe_backup_key");
    copy.fingerprint = "kf_stripe_api_key".to_owned();
    let found = Case { secrets: vec![secret("stripe_api_key"), copy], ..Case::default() }.found();
    assert_eq!(found, [("same-value", "stripe_api_key".to_owned()), ("same-value", "stripe_backup_key".to_owned())]);
}

#[test]
fn names_of_one_strategy_or_of_several() {
    let secrets = ["a_api_key", "b_api_key_v2", "production_c_key"].map(secret).to_vec();
    let mixed = Case { secrets, ..Case::default() };
    assert_eq!(mixed.found(), [("naming-mixed", "production_c_key".to_owned())]);
    let told = Case { naming: Some(Naming::Environment), ..mixed };
    assert_eq!(told.found(), [("naming", "a_api_key".to_owned()), ("naming", "b_api_key_v2".to_owned())]);
    let alike = Case { naming: Some(Naming::Service), ..Case::default() };
    alike.finds(&[]);
}

#[test]
fn a_superseded_secret_is_not_overdue() {
    let mut old = secret("stripe_api_key");
    old.created_at = at(1_000 - 100);
    let mut new = secret("stripe_api_key_v2");
    new.successor_of = Some("stripe_api_key".parse().unwrap());
    Case { secrets: vec![old, new], ..Case::default() }.finds(&[]);
}

#[test]
fn rules_are_in_the_order_of_their_list() {
    assert!(RULES.is_sorted());
}
