//! What people vouch for, and take back.

use model::access::Role;
use serde_json::{Value, json};

use crate::{act, get, house, started};

#[tokio::test]
async fn a_word_is_given_and_taken_back() {
    let house = house().await;
    let id = started(&house, json!({})).await;
    let word = json!({"step": "update_documentation", "note": "the wiki", "link": "https://wiki.example/keys"});
    let said = act(&house, &id, "attest", word.clone()).await.expect(200);
    let lines = said.body["history"].as_array().unwrap().len();
    // The same word again is no news, another one is.
    assert_eq!(act(&house, &id, "attest", word.clone()).await.expect(200).body, said.body);
    let mut other = word.clone();
    other["note"] = json!("the wiki and the runbook");
    let other = act(&house, &id, "attest", other).await.expect(200);
    assert_eq!(other.body["history"].as_array().unwrap().len(), lines + 1);

    let path = format!("/v1/rotations/{id}/attest/update_documentation");
    let removed = house.send(Role::Operator, "DELETE", &path, Value::Null).await.expect(200);
    assert_eq!(removed.body["history"][lines + 1]["event"], "attestation_removed");
    let again = house.send(Role::Operator, "DELETE", &path, Value::Null).await.expect(200);
    assert_eq!(again.body, removed.body);
    assert_eq!(house.audit(1).await[0]["action"], "rotation.attestation_removed");
}

#[tokio::test]
async fn a_word_needs_a_step_and_a_note() {
    let house = house().await;
    let id = started(&house, json!({})).await;
    for (body, code) in [
        (json!({"step": "credential_works"}), "member-missing"),
        (json!({"step": "credential_works", "note": "  "}), "note-missing"),
        (json!({"step": "Dance", "note": "x"}), "step-unknown"),
        (json!({"step": "", "note": "x"}), "step-unknown"),
        (json!({"step": "no_such_step", "note": "x"}), "step-unknown"),
        (json!({"step": "credential_works", "note": "x", "link": "a\nb"}), "text-invalid"),
    ] {
        let reply = act(&house, &id, "attest", body.clone()).await;
        assert_eq!(reply.refusal(), (422, code), "{body}: {}", reply.text);
    }
    assert_eq!(get(&house, &format!("/v1/rotations/{id}")).await.body["history"].as_array().unwrap().len(), 1);
}
