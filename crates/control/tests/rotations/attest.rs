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

#[tokio::test]
async fn the_checklist_is_ticked_by_records_and_by_words() {
    let house = house().await;
    let id = started(&house, json!({})).await;
    let path = format!("/v1/rotations/{id}");
    let told = get(&house, &format!("{path}/checklist")).await.expect(200).body;
    assert_eq!(told["items"], get(&house, &path).await.body["checklist"]);
    let item = |told: &Value, step: &str| {
        told["items"].as_array().unwrap().iter().find(|item| item["step"] == step).unwrap().clone()
    };
    assert_eq!(told["items"].as_array().unwrap().len(), 11);
    assert_eq!(item(&told, "document_routes")["state"], "evidence");
    assert_eq!(item(&told, "create_secret")["record"], "secret/stripe_v2");
    assert_eq!(item(&told, "update_documentation")["state"], "open");
    assert!(told["playbook"].as_array().unwrap().iter().any(|step| step["next"] == true), "{told}");
    assert!(told["attestable"].as_array().unwrap().contains(&json!("credential_works")));
    let word = json!({"step": "update_documentation", "note": "no page names it", "not_applicable": true});
    act(&house, &id, "attest", word).await.expect(200);
    let told = get(&house, &format!("{path}/checklist")).await.body;
    let entry = item(&told, "update_documentation");
    assert_eq!((&entry["state"], &entry["by"]), (&json!("not_applicable"), &json!("token:operator")));
    let removed = format!("{path}/attest/update_documentation");
    house.send(Role::Operator, "DELETE", &removed, Value::Null).await.expect(200);
    let told = get(&house, &format!("{path}/checklist")).await.body;
    assert_eq!(item(&told, "update_documentation")["state"], "open");
}

#[tokio::test]
async fn the_evidence_is_one_document_for_auditors() {
    let house = house().await;
    let id = started(&house, json!({"approval": true})).await;
    let path = format!("/v1/rotations/{id}/evidence");
    assert_eq!(get(&house, &path).await.refusal(), (403, "permission-denied"));
    let told = house.send(Role::Auditor, "GET", &path, Value::Null).await.expect(200);
    let document = &told.body;
    assert_eq!((&document["format"], &document["rotation"]), (&json!("keyroll-rotation-evidence/1"), &json!(id)));
    let events = house.audit(1).await;
    // The audit event that the first line names is the start's, and the checkpoint covers it.
    assert_eq!(document["history"][0]["audit"], events[0]["sequence"], "{document}");
    assert_eq!(document["checkpoint"]["size"], events[0]["sequence"]);
    assert!(!told.text.contains("planted") && !told.text.contains("salt"));
    let text = house.send(Role::Auditor, "GET", &format!("{path}?form=text"), Value::Null).await.expect(200);
    assert!(text.header("content-type").starts_with("text/markdown"));
    assert!(text.text.starts_with(&format!("# Rotation {id}")), "{}", text.text);
    let odd = house.send(Role::Auditor, "GET", &format!("{path}?form=pdf"), Value::Null).await;
    assert_eq!(odd.refusal(), (422, "query-invalid"));
}
