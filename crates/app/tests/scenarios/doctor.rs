//! A route that fails: what the doctor says of it, with the real binary, real answers and a real node.

use serde_json::{Value, json};
use testkit::{Answer, TestNode, Upstream};

use super::{seals, start, tamperable};
use crate::house::{client, eventually, route, secret, served};

const GOOD: &str = "sk_good_value_0001";

/// A provider that takes one key.
fn provider() -> Upstream {
    Upstream::start(|request| {
        let good = request.header("authorization").is_some_and(|sent| sent == format!("Bearer {GOOD}"));
        Answer::text(if good { 200 } else { 401 }, "x")
    })
}

struct Scene {
    node: TestNode,
    upstream: Upstream,
    key: String,
}

impl Scene {
    fn on(node: TestNode) -> Self {
        let upstream = provider();
        secret(&node, "stripe_key", GOOD);
        for name in ["payments", "refunds"] {
            route(&node, name, &upstream.url(), &json!({"Authorization": "Bearer {{stripe_key}}"}));
        }
        let key = client(&node, "shop", "production");
        served(&node, "/payments/", &key);
        Self { node, upstream, key }
    }

    fn get(&self) -> u16 {
        self.node.gateway_get("/payments/", &[("Keyroll-Key", &self.key)]).status
    }

    fn look(&self) -> Value {
        self.node.api("GET", "/v1/routes/payments/doctor?environment=production", None).expect(200).json()
    }

    /// Waits until a finding is made, and answers it.
    fn finds(&self, severity: &str, code: &str) -> Value {
        let mut found = Value::Null;
        eventually(&format!("{severity} {code} is found"), || {
            let findings = self.look()["findings"].as_array().unwrap().clone();
            let mut fitting = findings.into_iter().filter(|one| one["severity"] == severity && one["code"] == code);
            found = fitting.next().unwrap_or_default();
            !found.is_null()
        });
        found
    }

    fn cli(&self, code: i32, more: &[&str]) -> (String, String) {
        let line = ["doctor", "route", "payments", "--environment", "production"];
        let done = self.node.cli(&[&line[..], more].concat(), "");
        assert_eq!(done.code, code, "{}{}", done.stdout, done.stderr);
        (done.stdout, done.stderr)
    }
}

fn advice(finding: &Value) -> &str {
    finding["advice"].as_str().unwrap()
}

#[test]
fn a_rotation_to_a_wrong_value_is_found_and_rolled_back_as_advised() {
    let scene = Scene::on(start());
    assert_eq!(scene.get(), 200);
    scene.finds("ok", "credential-accepted");
    let (told, _) = scene.cli(0, &[]);
    assert!(told.contains("THIRD PARTY SAYS 401") && told.contains("credential-accepted"), "{told}");

    let body = json!({"name": "stripe_key_v2", "value": "sk_wrong_value_0001", "successor_of": "stripe_key"});
    scene.node.api("POST", "/v1/secrets", Some(&body)).expect(201);
    let body = json!({"from": "stripe_key", "to": "stripe_key_v2", "environments": ["production"]});
    scene.node.api("POST", "/v1/routes/replace-secret", Some(&body)).expect(200);
    eventually("the wrong value is sent", || scene.get() == 401);

    let since = scene.finds("error", "rejected-since-change");
    assert_eq!((&since["secret"], &since["question"]), (&json!("stripe_key_v2"), &json!("upstream-401")));
    scene.finds("ok", "nodes-current");
    let left = scene.finds("warning", "predecessor-still-named");
    assert!(left["detail"].as_str().unwrap().contains("payments in staging"), "{left}");
    let look = scene.look();
    assert!(look["bindings"][0]["counts"]["rejected"].as_u64().unwrap() > 0, "{look}");
    assert_eq!(look["nodes"][0]["state"], "live");
    let (told, said) = scene.cli(2, &[]);
    assert!(told.contains("rejected-since-change") && !told.contains("sk_"), "{told}");
    assert!(said.contains("keyroll secret compare stripe_key_v2"), "{said}");
    let before = scene.upstream.count();
    scene.cli(2, &[]);
    assert_eq!(scene.upstream.count(), before, "to look is not to send");

    // The command that the finding names is the way back.
    let back = advice(&since).split_once("To go back: keyroll ").unwrap().1.to_owned();
    let words: Vec<&str> = back.split(' ').chain(["--yes"]).collect();
    scene.node.cli(&words, "").expect(0);
    eventually("the good value is sent again", || scene.get() == 200);
    assert!(scene.look()["bindings"][0]["secret"] == "stripe_key");
    scene.finds("ok", "credential-accepted");
    scene.cli(0, &[]);
}

#[test]
fn a_probe_tells_what_the_third_party_says_now() {
    let scene = Scene::on(start());
    let body = json!({"base": {"probe": {"path": "/v1/balance"}}});
    scene.node.api("PATCH", "/v1/routes/payments", Some(&body)).expect(200);
    let (told, _) = scene.cli(0, &["--probe"]);
    assert!(told.contains("payments/production: alive"), "{told}");
    assert_eq!(scene.upstream.last().target, "/v1/balance");
    scene.upstream.answer_with(|_| Answer::text(401, "x"));
    let (told, _) = scene.cli(2, &["--probe"]);
    assert!(told.contains("payments/production: dead"), "{told}");
}

#[test]
fn a_row_that_was_changed_or_is_missing_is_found() {
    let (node, change): (TestNode, seals::Tamper) = tamperable();
    let scene = Scene::on(node);
    scene.finds("ok", "secrets-usable");
    change(&scene.node, "UPDATE secrets SET ciphertext = x'00' WHERE name = 'stripe_key'");
    let found = scene.finds("error", "secret-unreadable");
    assert_eq!((&found["secret"], &found["question"]), (&json!("stripe_key"), &json!("secret-not-found")));
    assert_eq!(scene.look()["bindings"][0]["state"], "unreadable");
    // Somebody deleted it behind Keyroll's back; one of nearly the same name is there.
    secret(&scene.node, "Stripe_Key", "sk_other_value_0001");
    change(
        &scene.node,
        "UPDATE secrets SET state = 'deleted', deleted_at = 1764000000000, kek_id = NULL, wrapped_dek = NULL, \
         ciphertext = NULL WHERE name = 'stripe_key'",
    );
    let found = scene.finds("error", "secret-deleted");
    assert!(advice(&found).starts_with("name Stripe_Key instead"), "{found}");
    let (told, _) = scene.cli(2, &[]);
    assert!(told.contains("SECRET NOT FOUND") && told.contains("secret-deleted"), "{told}");
}
