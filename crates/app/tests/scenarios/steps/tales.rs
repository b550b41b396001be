//! The stories, which together come by every step of the engine.

use serde_json::{Value, json};

use super::scene::{Scene, value};
use super::story::Story;

/// All of them.
pub(super) const ALL: [&Story; 6] = [&GOOD, &TRIED, &REFUSED, &STUCK, &BLIND, &RIVALS];

/// Through two environments, by traffic alone, up to the deletion.
pub(super) const GOOD: Story = Story {
    steps: &[
        "probe_skipped",
        "stage_began",
        "found_healthy",
        "canary_step",
        "promoted",
        "advanced",
        "stage_began",
        "promoted",
        "withdrawn",
        "deleted",
    ],
    paths: &["/payments/"],
    furnish: |scene| payments(scene, &json!({})),
    operate: |scene, seen| {
        let plan = json!({
            "environments": ["staging", "production"],
            "canary": {"staging": ["50%", "100%"], "production": ["100%"]},
            "canary_step": {"staging": "8s", "production": "1s"},
            "soak": {"staging": "1s", "production": "2s"},
            "advance": "automatic",
            "delete_outgoing": "automatic",
        });
        start(scene, seen, 0, "key", &plan);
    },
    ends: &[(
        "completed",
        "planned probe_skipped stage_began canary_step promoted advanced stage_began promoted withdrawn deleted completed",
    )],
    named: [&["payments key_v2"], &["payments key_v2"]],
};

/// Tried out, in one of two environments; the routes are edited meanwhile. The outgoing secret stays where it is.
pub(super) const TRIED: Story = Story {
    steps: &["probe_began", "probe.sent", "probed", "upstream_changed", "route_left", "completed"],
    paths: &["/payments/", "/refunds/"],
    furnish: |scene| {
        let probe = json!({"probe": {"path": "/balance"}});
        payments(scene, &probe);
        scene.route("refunds", &json!({"Authorization": "Bearer {{key}}"}), &probe, &everywhere());
    },
    operate: |scene, seen| {
        let plan = json!({
            "environments": ["staging"], "canary": ["50%", "100%"], "canary_step": "1h", "soak": "1s",
        });
        start(scene, seen, 0, "key", &plan);
        let Some(rotation) = seen.first().filter(|rotation| rotation["state"] == "canary") else { return };
        if !has(rotation, "upstream_changed") {
            let there = json!({"environments": {"staging": {"upstream": scene.there.server.url()}}});
            scene.ask("PATCH", "/v1/routes/payments", &there);
        } else if !has(rotation, "route_left") {
            let headers = json!({"Authorization": "Bearer {{spare}}"});
            let away = json!({"environments": {"staging": {"inject": {"headers": headers}}}});
            scene.ask("PATCH", "/v1/routes/refunds", &away);
        } else {
            steer(scene, rotation, "advance", &json!({"environment": "staging"}));
        }
    },
    ends: &[(
        "completed",
        "planned probe_began probed stage_began upstream_changed route_left canary_step promoted withdrawn completed",
    )],
    named: [&["payments key_v2", "refunds spare"], &["payments key", "refunds key"]],
};

/// The provider of the second environment does not take it: both environments go back.
pub(super) const REFUSED: Story = Story {
    steps: &["rolled_back"],
    paths: &["/payments/"],
    furnish: |scene| {
        payments(scene, &json!({}));
        scene.there.takes(&["key"]);
        let there = json!({"environments": {"production": {"upstream": scene.there.server.url()}}});
        scene.ask("PATCH", "/v1/routes/payments", &there);
    },
    operate: |scene, seen| {
        let plan = json!({
            "environments": ["staging", "production"],
            "canary": ["100%"],
            "canary_step": {"staging": "1s", "production": "1h"},
            "soak": {"staging": "0s", "production": "1h"},
            "advance": "automatic",
        });
        start(scene, seen, 0, "key", &plan);
    },
    ends: &[("rolled_back", "planned probe_skipped stage_began promoted advanced stage_began rolled_back")],
    named: [&["payments key"], &["payments key"]],
};

/// The provider does not take it, and only an operator may go back; another rotation waits for this one.
pub(super) const STUCK: Story = Story {
    steps: &["needs_operator", "needs_operator"],
    paths: &["/payments/"],
    furnish: |scene| {
        both(scene);
        scene.here.takes(&["key", "other"]);
    },
    operate: |scene, seen| {
        let plan = json!({"environments": ["staging"], "canary_step": "1h", "roll_back": "manual"});
        start(scene, seen, 0, "key", &plan);
        let Some(first) = seen.first() else { return };
        start(scene, seen, 1, "other", &json!({"environments": ["staging"], "after": first["id"]}));
        let stuck = |rotation: &&Value| rotation["state"] == "needs_operator";
        let waits = seen.get(1).is_some_and(|second| second["state"] == "waiting");
        if let Some(first) = seen.first().filter(stuck).filter(|_| waits) {
            steer(scene, first, "roll-back", &json!({"note": "the wrong key"}));
        }
        if let Some(second) = seen.get(1).filter(stuck) {
            steer(scene, second, "abandon", &json!({"note": "another time"}));
        }
    },
    ends: &[
        ("rolled_back", "planned probe_skipped stage_began needs_operator rolled_back"),
        ("abandoned", "planned probe_skipped waiting needs_operator abandoned"),
    ],
    named: [&["payments key", "payments other"], &["payments key", "payments other"]],
};

/// No answer says anything and there is no probe: an operator answers for each step, and deletes the outgoing secret.
pub(super) const BLIND: Story = Story {
    steps: &["waiting", "advanced", "waiting"],
    paths: &["/payments/"],
    furnish: |scene| payments(scene, &json!({"dead": []})),
    operate: |scene, seen| {
        let plan = json!({"canary": ["50%"], "canary_step": "1s", "soak": "1s", "advance": "automatic"});
        start(scene, seen, 0, "key", &plan);
        let Some(rotation) = seen.first() else { return };
        match rotation["state"].as_str() {
            Some("waiting") if has_lately(rotation, "waiting") => steer(scene, rotation, "advance", &json!({})),
            Some("canary") => steer(scene, rotation, "promote", &json!({"environment": rotation["environment"]})),
            Some("withdrawn") => scene.ask("DELETE", "/v1/secrets/key", &Value::Null),
            _ => {}
        }
    },
    ends: &[(
        "completed",
        "planned probe_skipped waiting advanced stage_began promoted advanced waiting advanced stage_began promoted \
         withdrawn deleted completed",
    )],
    named: [&["payments key_v2"], &["payments key_v2"]],
};

/// One has its canary where the other one is to have it.
pub(super) const RIVALS: Story = Story {
    steps: &["waiting"],
    paths: &["/payments/"],
    furnish: both,
    operate: |scene, seen| {
        let plan =
            |step: &str| json!({"environments": ["staging"], "canary": ["100%"], "canary_step": step, "soak": "2s"});
        start(scene, seen, 0, "key", &plan("1h"));
        let Some(first) = seen.first().filter(|first| has(first, "stage_began")) else { return };
        start(scene, seen, 1, "other", &plan("1s"));
        if seen.get(1).is_some_and(|second| has(second, "waiting")) && first["state"] == "canary" {
            steer(scene, first, "promote", &json!({"environment": "staging"}));
        }
    },
    ends: &[
        ("completed", "planned probe_skipped stage_began promoted withdrawn completed"),
        ("completed", "planned probe_skipped waiting stage_began promoted withdrawn completed"),
    ],
    named: [&["payments key_v2", "payments other_v2"], &["payments key", "payments other"]],
};

fn everywhere() -> Value {
    json!({"staging": {}, "production": {}})
}

fn payments(scene: &Scene, base: &Value) {
    scene.route("payments", &json!({"Authorization": "Bearer {{key}}"}), base, &everywhere());
}

fn both(scene: &Scene) {
    let headers = json!({"Authorization": "Bearer {{key}}", "X-Other": "{{other}}"});
    scene.route("payments", &headers, &json!({}), &everywhere());
}

/// Starts a rotation where there is none yet.
fn start(scene: &Scene, seen: &[Value], number: usize, outgoing: &str, plan: &Value) {
    if seen.len() == number {
        let incoming = format!("{outgoing}_v2");
        let incoming = json!({"name": incoming, "value": value(&incoming)});
        scene.ask("POST", "/v1/rotations", &json!({"outgoing": outgoing, "incoming": incoming, "plan": plan}));
    }
}

fn steer(scene: &Scene, rotation: &Value, action: &str, body: &Value) {
    scene.ask("POST", &format!("/v1/rotations/{}/{action}", rotation["id"].as_str().unwrap()), body);
}

fn words(rotation: &Value) -> impl DoubleEndedIterator<Item = &str> {
    rotation["history"].as_array().unwrap().iter().filter_map(|line| line["event"].as_str())
}

fn has(rotation: &Value, word: &str) -> bool {
    words(rotation).any(|other| other == word)
}

/// Whether nothing happened after it.
fn has_lately(rotation: &Value, word: &str) -> bool {
    words(rotation).next_back() == Some(word)
}
