//! Requests of operators to a process that is killed: before anybody knows, and as soon as it has answered.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::scene::{Scene, value};

/// The words of events that nobody but an operator causes.
pub(super) const ALONE: [&str; 7] =
    ["planned", "approved", "held", "resumed", "attested", "attestation_removed", "abandoned"];

/// What is asked for, and the event that it comes to.
struct Request {
    word: &'static str,
    /// The latest rotation is in this state before; empty where there is none.
    state: &'static str,
    method: &'static str,
    /// Below the rotation; empty for one that is to begin.
    path: &'static str,
    body: fn() -> Value,
    /// Whether a repetition changes nothing; one that asks for the next step must be preceded by a look.
    repeated: bool,
}

const fn request(word: &'static str, state: &'static str, path: &'static str, body: fn() -> Value) -> Request {
    Request { word, state, method: "POST", path, body, repeated: true }
}

/// In an order in which each is possible.
const REQUESTS: [Request; 12] = [
    request("planned", "", "", || {
        let plan =
            json!({"environments": ["production"], "canary": ["50%", "100%"], "canary_step": "1h", "approval": true});
        begun("key_v2", &plan)
    }),
    request("approved", "awaiting_approval", "/approve", || json!({"reason": "reviewed"})),
    request("held", "waiting", "/hold", || json!({"note": "not today"})),
    request("resumed", "held", "/resume", || json!({})),
    request("attested", "waiting", "/attest", || json!({"step": "update_documentation", "note": "done"})),
    Request {
        method: "DELETE",
        ..request("attestation_removed", "waiting", "/attest/update_documentation", || Value::Null)
    },
    Request { repeated: false, ..request("advanced", "waiting", "/advance", || json!({"environment": "production"})) },
    Request {
        repeated: false,
        ..request("canary_step", "canary", "/advance", || json!({"environment": "production"}))
    },
    request("promoted", "canary", "/promote", || json!({"environment": "production"})),
    request("rolled_back", "watching", "/roll-back", || json!({"note": "as it was"})),
    request("planned", "rolled_back", "", || begun("key_v3", &json!({"environments": ["production"]}))),
    request("abandoned", "waiting", "/abandon", || json!({"note": "another time"})),
];

fn begun(incoming: &str, plan: &Value) -> Value {
    json!({"outgoing": "key", "incoming": {"name": incoming, "value": value(incoming)}, "plan": plan})
}

/// The words of all that is asked for.
pub(super) fn words() -> Vec<&'static str> {
    REQUESTS.iter().map(|request| request.word).collect()
}

pub(super) fn every_request_is_cut_off_repeated_and_survived() {
    let mut scene = Scene::new();
    scene.route(
        "payments",
        &json!({"Authorization": "Bearer {{key}}"}),
        &json!({"dead": []}),
        &json!({"production": {}}),
    );
    // Whoever starts a rotation may not approve it.
    let second = json!({"name": "second", "role": "operator"});
    let second = scene.node.api("POST", "/v1/tokens", Some(&second)).expect(201).json()["token"].clone();
    let tokens = [scene.node.token().to_owned(), second.as_str().unwrap().to_owned()];
    for (number, request) in REQUESTS.iter().enumerate() {
        scene.node.sign_in(&tokens[usize::from(request.word == "approved")]);
        // Moments that differ from request to request, without a clock or a random source to blame.
        survive(&mut scene, request, Duration::from_millis(number as u64 * 7 % 20));
    }
    scene.node.sign_in(&tokens[0]);
    scene.node.cli(&["audit", "verify"], "").expect(0);
    scene.node.stop();
    let rest = scene.at_rest();
    let words: Vec<String> = rest.rotations.iter().map(|lying| lying.words().join(" ")).collect();
    let expected = [
        "planned approved probe_skipped held resumed attested attestation_removed advanced stage_began canary_step promoted \
         rolled_back",
        "planned probe_skipped abandoned",
    ];
    assert_eq!(words, expected);
    assert_eq!(rest.named_in("production"), ["payments key"]);
}

/// Killed while it is asked, killed as soon as it has answered, and asked once more.
fn survive(scene: &mut Scene, request: &Request, moment: Duration) {
    let path = is_there(scene, request.state) + request.path;
    let body = (request.body)();
    let body = (!body.is_null()).then_some(&body);
    let before = words_so_far(scene, request.word);
    let open = scene.node.ask(request.method, &path, body);
    std::thread::sleep(moment);
    scene.node.kill();
    drop(open);
    let then = scene.at_rest().count(request.word);
    assert!((before..=before + 1).contains(&then), "{}: {then} times after {before}", request.word);

    ready(scene);
    if then == before || request.repeated {
        ask(scene, request, &path, body, then > before);
    }
    scene.node.kill();
    assert_eq!(scene.at_rest().count(request.word), before + 1, "{} is there once", request.word);

    ready(scene);
    if request.repeated {
        ask(scene, request, &path, body, true);
        assert_eq!(words_so_far(scene, request.word), before + 1, "{} is there once", request.word);
    }
}

fn ask(scene: &Scene, request: &Request, path: &str, body: Option<&Value>, done: bool) {
    let reply = scene.node.try_api(request.method, path, body).unwrap();
    let expected = match (request.path, done) {
        ("", false) => 201,
        // Another one of the same secret.
        ("", true) => 409,
        _ => 200,
    };
    assert_eq!(reply.status, expected, "{} {path}: {}", request.word, reply.text());
}

/// Begins the process again and waits until it serves.
fn ready(scene: &mut Scene) {
    scene.begin(None);
    let start = Instant::now();
    while !scene.node.is_ready() {
        assert!(start.elapsed() < Duration::from_secs(60), "{}", scene.node.log());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until the latest rotation is in this state, and answers its address, or that of all where there is none.
fn is_there(scene: &Scene, state: &str) -> String {
    let start = Instant::now();
    loop {
        let rotations = scene.rotations().unwrap();
        match rotations.last() {
            None if state.is_empty() => return "/v1/rotations".to_owned(),
            Some(latest) if latest["state"] == state && state == "rolled_back" => return "/v1/rotations".to_owned(),
            Some(latest) if latest["state"] == state => {
                return format!("/v1/rotations/{}", latest["id"].as_str().unwrap());
            }
            other => assert!(start.elapsed() < Duration::from_secs(20), "it is never {state}: {other:?}"),
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn words_so_far(scene: &Scene, word: &str) -> usize {
    let count =
        |rotation: &Value| rotation["history"].as_array().unwrap().iter().filter(|line| line["event"] == word).count();
    scene.rotations().unwrap().iter().map(count).sum()
}
