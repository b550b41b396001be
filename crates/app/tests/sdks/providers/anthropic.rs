//! A stand-in for Anthropic: messages, whole and as server-sent events with names.

use serde_json::{Value, json};
use testkit::{Answer, Recorded};

use crate::provider::{Door, Provider};
use crate::signals::{Signals, Teller};

const DOOR: Door = Door {
    header: "x-api-key",
    scheme: "",
    values: ["sk-ant-api03-KeyrollOutgoing", "sk-ant-api03-KeyrollIncoming"],
    probe: "/v1/models",
    unknown,
};

pub(crate) fn start(signals: &Signals) -> Provider {
    let teller = signals.teller();
    Provider::start(DOOR, move |request| api(request, &teller))
}

fn api(request: &Recorded, teller: &Teller) -> Answer {
    match (request.method.as_str(), request.target.as_str()) {
        ("GET", "/v1/models") => Answer::json(200, &json!({"data": [], "has_more": false})),
        ("POST", "/v1/messages") => match serde_json::from_slice::<Value>(&request.body) {
            Ok(body) if body["stream"] == true => teller.tell(events(), ""),
            Ok(body) if body["messages"].is_array() => {
                let text = json!([{"type": "text", "text": "Grüß Gott!"}]);
                Answer::json(200, &message(text, json!("end_turn"), 9))
            }
            _ => Answer::json(400, &error("invalid_request_error", "messages: Field required")),
        },
        _ => Answer::json(404, &error("not_found_error", "Not Found")),
    }
}

fn message(content: Value, stop: Value, tokens: u32) -> Value {
    json!({
        "id": "msg_013Zva2CMHLNnXjNJJKqJ2EF", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5",
        "content": content, "stop_reason": stop, "stop_sequence": null,
        "usage": {"input_tokens": 12, "output_tokens": tokens},
    })
}

fn events() -> Vec<String> {
    let event = |data: Value| format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap());
    let text = |text: &str| {
        let delta = json!({"type": "text_delta", "text": text});
        json!({"type": "content_block_delta", "index": 0, "delta": delta})
    };
    let block = json!({"type": "text", "text": ""});
    let usage = json!({"output_tokens": 9});
    let mut events = vec![
        event(json!({"type": "message_start", "message": message(json!([]), Value::Null, 1)})),
        event(json!({"type": "content_block_start", "index": 0, "content_block": block})),
        event(text("Grüß")),
        event(text(" Gott!")),
        event(json!({"type": "content_block_stop", "index": 0})),
        event(
            json!({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null}, "usage": usage}),
        ),
        event(json!({"type": "message_stop"})),
    ];
    // Nobody is told of a ping: it comes with an event that somebody is told of.
    events[2].insert_str(0, &event(json!({"type": "ping"})));
    events
}

fn unknown() -> Answer {
    Answer::json(401, &error("authentication_error", "invalid x-api-key"))
}

fn error(kind: &str, message: &str) -> Value {
    json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_011CSHoEeqs5C35K2UUqR7Fy"})
}
