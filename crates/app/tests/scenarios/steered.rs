//! A rotation that people start and steer, on a real node: tried first, approved by somebody else, held, abandoned; and what
//! it stands against meanwhile.

use serde_json::{Value, json};
use testkit::{Answer, TestNode, Upstream};

use super::start;
use crate::house::{client, route, secret, served};

const OUTGOING: &str = "sk_steered_outgoing_0001";
const INCOMING: &str = "sk_steered_incoming_0002";

/// A node whose route `payments` sends the secret `stripe_key`, and a token of another operator.
fn furnished() -> (TestNode, Upstream, String) {
    let node = start();
    let upstream = Upstream::start(|_| Answer::text(200, "x"));
    secret(&node, "stripe_key", OUTGOING);
    route(&node, "payments", &upstream.url(), &json!({"Authorization": "Bearer {{stripe_key}}"}));
    let body = json!({"name": "second", "role": "operator"});
    let token = node.api("POST", "/v1/tokens", Some(&body)).expect(201).json();
    (node, upstream, token["token"].as_str().unwrap().to_owned())
}

fn code(reply: &testkit::Reply) -> (u16, String) {
    (reply.status, reply.json()["code"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn tried_approved_held_and_abandoned() {
    let (node, upstream, second) = furnished();
    let key = client(&node, "shop", "production");
    served(&node, "/payments/", &key);
    let wish = json!({"outgoing": "stripe_key", "incoming": {"value": INCOMING},
                      "plan": {"approval": true, "canary_step": "1m"}});

    let tried = node.api("POST", "/v1/rotations?dry_run=true", Some(&wish)).expect(200).json();
    assert_eq!(tried["incoming"], "stripe_key_v2");
    assert_eq!(tried["diff"].as_array().unwrap().len(), 3, "{tried}");
    assert_eq!(node.api("GET", "/v1/rotations", None).expect(200).json()["items"], json!([]));
    assert_eq!(node.api("GET", "/v1/secrets/stripe_key_v2", None).status, 404);

    let begun = node.api("POST", "/v1/rotations", Some(&wish)).expect(201).json();
    let id = begun["id"].as_str().unwrap();
    let path = format!("/v1/rotations/{id}");
    let again = node.api("POST", "/v1/rotations", Some(&wish));
    assert_eq!((code(&again), &again.json()["rotation"]), ((409, "rotation-in-progress".to_owned()), &json!(id)));

    let reason = json!({"reason": "reviewed"});
    let own = node.api("POST", &format!("{path}/approve"), Some(&reason));
    assert_eq!(code(&own), (409, "action-not-possible".to_owned()));
    // Held before it is approved, so that it stands still whatever is evident.
    node.api("POST", &format!("{path}/hold"), Some(&json!({"note": "until Monday"}))).expect(200);
    let approved = node.api_as(Some(&second), "POST", &format!("{path}/approve"), Some(&reason)).expect(200).json();
    assert_eq!((&approved["state"], &approved["paused_in"]), (&json!("held"), &json!("planned")));
    let repeated = node.api_as(Some(&second), "POST", &format!("{path}/approve"), Some(&reason)).expect(200).json();
    assert_eq!(repeated["history"], approved["history"]);

    for name in ["stripe_key", "stripe_key_v2"] {
        let refused = node.api("DELETE", &format!("/v1/secrets/{name}"), None);
        assert_eq!(code(&refused), (409, "secret-in-rotation".to_owned()), "{name}");
    }
    let inject = json!({"headers": {"Authorization": "Bearer {{stripe_key}}"}});
    let new = json!({"name": "refunds", "base": {"upstream": upstream.url(), "inject": inject},
                     "environments": {"staging": {}}});
    let refused = node.api("POST", "/v1/routes", Some(&new));
    assert_eq!(code(&refused), (409, "secret-being-replaced".to_owned()));
    assert_eq!(refused.json()["did_you_mean"], "stripe_key_v2");

    let done = node.api("POST", &format!("{path}/abandon"), Some(&json!({"note": "wrong key"}))).expect(200).json();
    assert_eq!((&done["state"], &done["live"]), (&json!("abandoned"), &json!(false)));
    assert_eq!(node.api("POST", &format!("{path}/abandon"), None).expect(200).json()["history"], done["history"]);
    node.api("POST", "/v1/routes", Some(&new)).expect(201);
    node.api("DELETE", "/v1/secrets/stripe_key_v2", None).expect(204);
    assert_eq!(node.gateway_get("/payments/", &[("Keyroll-Key", &key)]).status, 200);
    let sent = upstream.records();
    assert!(sent.iter().all(|request| request.header("authorization") == Some(format!("Bearer {OUTGOING}"))));
    let words: Vec<Value> = node.api("GET", "/v1/audit?limit=500", None).expect(200).json()["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["rotation_id"] == *id)
        .map(|event| event["action"].clone())
        .collect();
    assert_eq!(words, ["rotation.abandoned", "rotation.approved", "rotation.held", "rotation.planned"]);
    node.cli(&["audit", "verify"], "").expect(0);
}

#[test]
fn carried_to_the_end_by_hand_and_by_itself() {
    let (node, upstream, _) = furnished();
    let key = client(&node, "shop", "production");
    served(&node, "/payments/", &key);
    let plan = json!({"canary": ["100%"], "canary_step": "0s", "soak": "0s", "advance": "manual"});
    let wish = json!({"outgoing": "stripe_key", "incoming": {"value": INCOMING}, "plan": plan});
    let begun = node.api("POST", "/v1/rotations", Some(&wish)).expect(201).json();
    let path = format!("/v1/rotations/{}", begun["id"].as_str().unwrap());
    let word = json!({"step": "credential_works", "note": "tried by hand"});
    node.api("POST", &format!("{path}/attest"), Some(&word)).expect(200);
    let stands = |state: &str, environment: &str| {
        crate::house::eventually(&format!("it is {state} in {environment}"), || {
            let told = node.api("GET", &path, None).expect(200).json();
            told["state"] == state && told["environment"] == environment
        });
    };
    for environment in ["development", "staging", "production"] {
        stands("waiting", environment);
        let named = json!({"environment": environment});
        let told = node.api("POST", &format!("{path}/promote"), Some(&named)).expect(200).json();
        assert!(told["promoted"].as_array().unwrap().contains(&json!(environment)), "{told}");
        let route = node.api("GET", "/v1/routes/payments", None).expect(200).json();
        assert!(route.to_string().contains("{{stripe_key_v2}}"), "{route}");
    }
    crate::house::eventually("the gateway sends the incoming value", || {
        node.gateway_get("/payments/", &[("Keyroll-Key", &key)]).expect(200);
        upstream.last().header("authorization") == Some(format!("Bearer {INCOMING}"))
    });
    crate::house::eventually("the outgoing secret is withdrawn", || {
        node.api("GET", &path, None).expect(200).json()["state"] == "withdrawn"
    });
    // Used and named a moment ago, and proven unused: it may go.
    crate::house::eventually("the outgoing secret may go", || {
        node.api("DELETE", "/v1/secrets/stripe_key", None).status == 204
    });
    assert_eq!(node.api("GET", &path, None).expect(200).json()["state"], "completed");
    let evidence = node.api("GET", &format!("{path}/evidence"), None).expect(200).json();
    assert_eq!(evidence["state"], "completed");
    node.cli(&["audit", "verify"], "").expect(0);
}
