//! Where values are tried, and what can be judged: tables of cases.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::name::{EnvironmentName, SecretName};
use crate::route::RouteSpec;
use crate::secret::{Kind, Limits, Secret, SecretValue};
use crate::snapshot::{HeaderFill, Opened, opened, unreadable};

fn secret(name: &str) -> Secret {
    unreadable(name.parse().unwrap()).secret.clone()
}

fn with_value(secret: Secret) -> Arc<Opened> {
    let value = SecretValue::new(format!("value-of-{}", secret.name));
    opened(secret, Some(value))
}

fn values(names: &[&str]) -> HashMap<SecretName, Arc<Opened>> {
    names.iter().map(|name| (name.parse().unwrap(), with_value(secret(name)))).collect()
}

fn route(spec: Value) -> RouteSpec {
    serde_json::from_value(spec).unwrap()
}

/// `payments` names `a` everywhere but in development, and has a probe everywhere but in qa.
fn payments() -> RouteSpec {
    route(json!({
        "name": "payments",
        "base": {"upstream": "https://pay.example", "probe": {"method": "HEAD", "path": "/me?x=1", "headers": {"X-Own": "1"}},
                 "inject": {"headers": {"Authorization": "Bearer {{a}}"}}},
        "environments": {
            "development": {"inject": {"headers": {"authorization": "Bearer {{d}}"}}},
            "production": {"probe": {"path": "/live"}},
            "qa": {"probe": null},
            "staging": {}
        }
    }))
}

fn mail() -> RouteSpec {
    route(json!({
        "name": "mail",
        "base": {"upstream": "https://mail.example", "probe": {"path": "/"},
                 "inject": {"headers": {"X-Key": "{{a}}", "X-Other": "{{o}}"}}},
        "environments": {"production": {}}
    }))
}

fn chosen(names: &[&str]) -> Option<BTreeSet<EnvironmentName>> {
    Some(names.iter().map(|name| name.parse().unwrap()).collect())
}

/// Place, request and first injected header.
fn shown(targets: &[Target]) -> Vec<String> {
    let show = |target: &Target| match target {
        Target::Http(request) => {
            let injection = request.bound.injection.as_ref().unwrap();
            let value = injection.headers.first().map(|header| match &header.value {
                HeaderFill::Ready(value) => value.to_str().unwrap().to_owned(),
                HeaderFill::Fill(_) => "…".to_owned(),
            });
            format!("{} {} {} {}", request.place, request.method, request.target, value.unwrap_or_default())
        }
        Target::Login(login) => format!("{} by {}", login.place, login.url.as_deref().unwrap_or("itself")),
    };
    targets.iter().map(show).collect()
}

#[test]
fn a_value_is_tried_in_every_route_and_environment_that_uses_it_and_has_a_probe() {
    let through = Through::routes("a".parse().unwrap(), vec![mail(), payments()], None);
    let targets = through.targets(&values(&["a", "d", "o"]), &[]).unwrap();
    assert_eq!(
        shown(&targets),
        [
            "mail/production GET / value-of-a",
            "payments/production GET /live Bearer value-of-a",
            "payments/staging HEAD /me?x=1 Bearer value-of-a",
        ]
    );
    let Target::Http(last) = &targets[2] else { panic!("no request") };
    assert_eq!(last.headers["x-own"], "1");
    assert!(last.counts);
}

#[test]
fn a_value_is_tried_in_the_place_of_another_one() {
    let all = [mail(), payments()];
    let in_place = |environments| Through::in_place_of(&"a".parse().unwrap(), "b".parse().unwrap(), &all, environments);
    let secrets = values(&["a", "b", "d", "o"]);
    for (environments, expected) in [
        (
            None,
            vec![
                "mail/production GET / value-of-b",
                "payments/production GET /live Bearer value-of-b",
                "payments/staging HEAD /me?x=1 Bearer value-of-b",
            ],
        ),
        (chosen(&["staging"]), vec!["payments/staging HEAD /me?x=1 Bearer value-of-b"]),
        // Another secret is used there, and there is no probe here.
        (chosen(&["development", "qa"]), vec![]),
        (chosen(&["elsewhere"]), vec![]),
        (chosen(&[]), vec![]),
    ] {
        let targets = in_place(environments.clone()).targets(&secrets, &[]).unwrap();
        assert_eq!(shown(&targets), expected, "{environments:?}");
    }
    // Where it is already, it is tried as well, and what is asked is not written.
    let half = in_place(chosen(&["staging"])).specs().to_vec();
    let rest = Through::in_place_of(&"a".parse().unwrap(), "b".parse().unwrap(), &half, None);
    assert_eq!(shown(&rest.targets(&secrets, &[]).unwrap()).len(), 3);
    assert_eq!(all, [mail(), payments()]);
}

#[test]
fn no_value_is_opened_that_is_not_sent() {
    let all = [mail(), payments()];
    let in_place = |environments| Through::in_place_of(&"a".parse().unwrap(), "b".parse().unwrap(), &all, environments);
    for (environments, expected) in [
        (None, vec!["b", "d", "o"]),
        (chosen(&["production"]), vec!["b", "o"]),
        (chosen(&["staging"]), vec!["b"]),
        (chosen(&["qa"]), vec![]),
    ] {
        let names = in_place(environments.clone()).secrets();
        assert_eq!(names.iter().map(SecretName::as_str).collect::<Vec<_>>(), expected, "{environments:?}");
    }
}

#[test]
fn what_cannot_be_filled_is_a_place_from_which_nothing_is_sent() {
    let through = Through::routes("a".parse().unwrap(), vec![mail()], None);
    let targets = through.targets(&values(&["a"]), &[]).unwrap();
    let [Target::Http(only)] = targets.as_slice() else { panic!("not one request") };
    assert!(only.bound.injection.is_err());
    let mut broken = mail();
    broken.base.upstream = Some("nowhere".to_owned());
    let broken = Through::routes("a".parse().unwrap(), vec![broken], None);
    assert!(matches!(broken.targets(&values(&["a", "o"]), &[]), Err(ProbeError::Bind(_))));
    let mut unread = mail();
    unread.base.probe = crate::route::Member::Set(json!({"path": 1}));
    let unread = Through::routes("a".parse().unwrap(), vec![unread], None);
    assert_eq!(unread.targets(&values(&["a", "o"]), &[]).unwrap_err(), ProbeError::Unreadable);
}

#[test]
fn a_secret_has_a_probe_of_its_own() {
    let http = |url: &str| json!({"http": {"url": url, "headers": {"A": "Bearer {{x}}"}}});
    let postgres = json!({"postgres": {"connections": ["postgres://app@db1/prod", "postgres://app@db2/prod"]}});
    for (kind, probe, expected) in [
        (Kind::ApiKey, http("https://a.example/v1/me?b=1"), vec!["https://a.example GET /v1/me?b=1 Bearer value-of-x"]),
        (Kind::ApiKey, http("https://a.example:8443"), vec!["https://a.example:8443 GET / Bearer value-of-x"]),
        (Kind::ApiKey, http("https://a.example?b=/"), vec!["https://a.example GET /?b=/ Bearer value-of-x"]),
        (
            Kind::ApiKey,
            json!({"http": {"url": "https://a.example", "method": "POST"}}),
            vec!["https://a.example POST / "],
        ),
        (
            Kind::DatabasePassword,
            postgres.clone(),
            vec![
                "postgres://app@db1/prod by postgres://app@db1/prod",
                "postgres://app@db2/prod by postgres://app@db2/prod",
            ],
        ),
        (Kind::DatabaseUrl, postgres, vec!["postgres://app@db1/prod by itself", "postgres://app@db2/prod by itself"]),
    ] {
        let row = Secret { kind, probe: Some(probe.clone()), ..secret("x") };
        let own = SecretProbe::of(&row).unwrap().unwrap();
        let targets = own.targets(&with_value(row), Some(&"staging".parse().unwrap()), &[]).unwrap();
        assert_eq!(shown(&targets), expected, "{probe}");
        assert!(targets.iter().all(|target| !matches!(target, Target::Http(request) if request.counts)));
    }
}

#[test]
fn the_limits_of_a_secret_hold_for_its_own_probe() {
    let probe = json!({"http": {"url": "https://a.example", "headers": {"A": "{{x}}"}, "alive": [204], "dead": []}});
    let limited = |environments: Option<BTreeSet<EnvironmentName>>, hosts: &[&str]| {
        let allowed_hosts = (!hosts.is_empty()).then(|| hosts.iter().map(|host| host.parse().unwrap()).collect());
        let limits = Limits { environments, allowed_hosts, sensitive: true };
        Secret { limits, probe: Some(probe.clone()), ..secret("x") }
    };
    let tried = |row: Secret, first: Option<&str>| {
        let first = first.map(|first| first.parse().unwrap());
        let own = SecretProbe::of(&row).unwrap().unwrap();
        let target = own.targets(&with_value(row), first.as_ref(), &[])?.remove(0);
        match target {
            Target::Http(request) => Ok::<_, ProbeError>(request.bound),
            Target::Login(_) => panic!("a login"),
        }
    };
    let bound = tried(limited(chosen(&["production", "qa"]), &["a.example"]), Some("staging")).unwrap();
    assert_eq!((bound.environment.as_str(), bound.injection.is_ok()), ("production", true));
    assert_eq!((bound.judgement.alive.len(), bound.judgement.dead.len()), (1, 0));
    assert!(tried(limited(None, &["b.example"]), Some("staging")).unwrap().injection.is_err());
    assert_eq!(tried(limited(None, &[]), None).unwrap_err(), ProbeError::NoEnvironment);
}

#[test]
fn a_probe_that_cannot_be_read_is_not_taken_for_none() {
    for (stored, expected) in [
        (None, Ok(false)),
        (Some(Value::Null), Ok(false)),
        (Some(json!({"postgres": {"connections": []}})), Ok(true)),
        (Some(json!({"mysql": {"connections": []}})), Err(ProbeError::Unreadable)),
        (Some(json!({"http": {"url": "https://a.example", "dead": ["9xx"]}})), Err(ProbeError::Unreadable)),
        (Some(json!({"http": {"url": "https://a.example", "more": 1}})), Err(ProbeError::Unreadable)),
    ] {
        let row = Secret { probe: stored.clone(), ..secret("x") };
        assert_eq!(SecretProbe::of(&row).map(|own| own.is_some()), expected, "{stored:?}");
    }
}

#[test]
fn what_can_be_judged() {
    let with = |base: Value| {
        let spec = json!({"name": "r", "base": base, "environments": {"production": {}, "staging": {"probe": null}}});
        route(spec)
    };
    let here: EnvironmentName = "production".parse().unwrap();
    for (base, probe, dead) in [
        (json!({}), false, true),
        (json!({"dead": []}), false, false),
        (json!({"dead": [403]}), false, true),
        (json!({"dead": [], "probe": {"path": "/"}}), true, false),
        (json!({"probe": {"path": "/"}}), true, true),
    ] {
        let found = Judgeable::by_route(&with(base.clone()), &here);
        assert_eq!((found, found.is_possible()), (Judgeable { probe, dead }, probe || dead), "{base}");
    }
    let production = payments();
    for (environment, probe, dead) in [("qa", false, true), ("staging", true, true), ("elsewhere", false, false)] {
        let found = Judgeable::by_route(&production, &environment.parse().unwrap());
        assert_eq!(found, Judgeable { probe, dead }, "{environment}");
    }
    let postgres = json!({"postgres": {"connections": ["postgres://app@db1/prod"]}});
    // kind, its own probe, whether it can be judged through a route without a probe, and with one
    for (kind, own, without, with_one) in [
        (Kind::ApiKey, None, (false, true), (true, true)),
        (Kind::OauthToken, None, (false, true), (true, true)),
        (Kind::DatabasePassword, None, (false, false), (false, false)),
        (Kind::DatabaseUrl, None, (false, false), (false, false)),
        (Kind::DatabaseUrl, Some(postgres), (true, false), (true, false)),
    ] {
        let row = Secret { kind, probe: own, ..secret("x") };
        for (base, (probe, dead)) in [(json!({}), without), (json!({"probe": {"path": "/"}}), with_one)] {
            assert_eq!(Judgeable::of(&row, &with(base), &here), Judgeable { probe, dead }, "{kind}");
        }
    }
}

#[test]
fn places_are_read_together() {
    let (alive, dead, unclear) = (Reading::Alive, Reading::Dead, Reading::Unclear);
    for (places, expected) in [
        (vec![], unclear),
        (vec![alive], alive),
        (vec![alive, alive], alive),
        (vec![alive, unclear], unclear),
        (vec![unclear], unclear),
        (vec![alive, dead], dead),
        (vec![unclear, dead, alive], dead),
    ] {
        let found = |reading: &Reading| Tried {
            place: "payments/staging".to_owned(),
            status_class: None,
            reading: *reading,
            detail: String::new(),
        };
        assert_eq!(Reading::of_all(&places.iter().map(found).collect::<Vec<_>>()), expected, "{places:?}");
    }
    for reading in [alive, dead, unclear] {
        let word = serde_json::to_value(reading).unwrap();
        assert_eq!(word, reading.as_str());
        assert_eq!(serde_json::from_value::<Reading>(word).unwrap(), reading);
    }
}

#[test]
fn urls_are_split_behind_their_authority() {
    for (url, origin, rest) in [
        ("https://a.example", "https://a.example", ""),
        ("https://a.example:1/b?c#d", "https://a.example:1", "/b?c#d"),
        ("https://a.example?b=/c", "https://a.example", "?b=/c"),
        ("https://a.example\\b", "https://a.example", "\\b"),
        ("a.example/b", "a.example", "/b"),
        ("", "", ""),
    ] {
        assert_eq!(origin_and_rest(url), (origin, rest), "{url}");
    }
}
