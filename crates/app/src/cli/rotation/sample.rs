//! A rotation in the middle of its canary, for tests.

use api::rotation::RotationItem;
use model::time::Timestamp;
use serde_json::{Value, json};

/// When it is looked at.
pub(super) fn now() -> Timestamp {
    "2026-11-26T12:10:00Z".parse().unwrap()
}

/// It, as the server tells it.
pub(super) fn document() -> Value {
    let stage = |environment: &str, protected: bool, canary: Value, soak: &str, advance: &str| {
        json!({"environment": environment, "protected": protected, "canary": canary, "canary_step": "5m", "soak": soak,
               "advance": advance})
    };
    let counts = |alive: u64, pair: u64, outgoing: u64| {
        json!({"alive": alive, "pair": pair, "both_dead": 0, "unpaired": 0, "refused": 2, "unclear": 1,
               "outgoing_alive": outgoing, "outgoing_dead": 0, "outgoing_unclear": 3, "kept": 0})
    };
    let evidence = |environment: &str, counts: Value, since: Value| {
        json!({"route": "payments", "environment": environment, "upstream": "https://api.stripe.com", "counts": counts,
               "since": since})
    };
    let change = |environment: &str, done: bool| {
        json!({"route": "payments", "environment": environment, "field": "inject.headers.Authorization",
               "before": "Bearer {{stripe_api_key}}", "after": "Bearer {{stripe_api_key_v2}}", "done": done})
    };
    let line = |number: u64, at: &str, actor: &str, event: &str, detail: &str| json!({"number": number, "at": at, "actor": actor, "event": event, "detail": detail});
    json!({
        "id": "rot_1", "state": "canary", "live": true, "stage": {"number": 2, "of": 2, "name": "production"},
        "environment": "production",
        "canary": {"environment": "production", "weight": "5%", "step": 1, "steps": ["5%", "50%", "100%"],
                   "since": "2026-11-26T12:08:48Z", "careful": true},
        "outgoing": "stripe_api_key", "incoming": "stripe_api_key_v2",
        "plan": {
            "environments": ["staging", "production"],
            "stages": [stage("staging", false, json!(["100%"]), "0s", "automatic"),
                       stage("production", true, json!(["5%", "50%", "100%"]), "48h", "manual")],
            "roll_back": "automatic", "delete_outgoing": "manual", "reason": "scheduled", "after": null,
            "approval": false, "notes": ["development is left out"],
        },
        "started_at": "2026-11-26T12:00:00Z", "started_by": "token:ops", "state_since": "2026-11-26T12:08:48Z",
        "promoted": ["staging"],
        "next": {"what": "give the incoming secret 50% of the traffic of production", "at": "2026-11-26T12:13:48Z",
                 "waits_for": "answers that show that the incoming credential works"},
        "verdict": {"word": "undecided", "detail": "12 answers say something, of 30", "judged": 12, "pairs": 1},
        "diff": [change("staging", true), change("production", false)],
        "evidence": [evidence("staging", counts(40, 0, 0), json!("2026-11-26T12:01:00Z")),
                     evidence("production", counts(12, 1, 240), json!("2026-11-26T12:08:48Z"))],
        "checklist": [
            {"step": "create_incoming", "title": "Create the new credential", "state": "evidence",
             "record": "secret/stripe_api_key_v2", "by": "token:ops", "at": "2026-11-26T12:00:00Z", "note": null,
             "link": null},
            {"step": "update_documentation", "title": "Update the documentation", "state": "open", "record": null,
             "by": null, "at": null, "note": null, "link": null},
        ],
        "history": [
            line(1, "2026-11-26T12:00:00Z", "token:ops", "planned", "stripe_api_key to be replaced"),
            line(2, "2026-11-26T12:08:48Z", "system:rotate", "stage_began", "5% of the traffic of production"),
        ],
        "possible": ["advance", "promote", "hold", "roll-back", "attest"],
    })
}

/// The same, typed.
pub(super) fn in_canary() -> RotationItem {
    serde_json::from_value(document()).unwrap()
}
