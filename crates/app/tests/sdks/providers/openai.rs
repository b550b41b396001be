//! A stand-in for OpenAI: models, chat completions whole and as server-sent events.

use serde_json::{Value, json};
use testkit::{Answer, Recorded};

use crate::provider::{Door, Provider};
use crate::signals::{Signals, Teller};

const DOOR: Door = Door {
    header: "authorization",
    scheme: "Bearer ",
    values: ["sk-proj-KeyrollOutgoing", "sk-proj-KeyrollIncoming"],
    probe: "/v1/models",
    unknown,
};

pub(crate) fn start(signals: &Signals) -> Provider {
    let teller = signals.teller();
    Provider::start(DOOR, move |request| api(request, &teller))
}

fn api(request: &Recorded, teller: &Teller) -> Answer {
    match (request.method.as_str(), request.target.as_str()) {
        ("GET", "/v1/models") => Answer::json(200, &models()),
        ("POST", "/v1/chat/completions") => match serde_json::from_slice::<Value>(&request.body) {
            Ok(body) if body["stream"] == true => teller.tell(events(), "data: [DONE]\n\n"),
            Ok(body) if body["messages"].is_array() => Answer::json(200, &completion()),
            _ => Answer::json(400, &error("We could not parse the JSON body of your request.", Value::Null)),
        },
        _ => Answer::json(404, &error("Invalid URL", Value::Null)),
    }
}

fn models() -> Value {
    let model = |id: &str| json!({"id": id, "object": "model", "created": 1_715_367_049, "owned_by": "system"});
    json!({"object": "list", "data": [model("gpt-4o"), model("gpt-4o-mini")]})
}

fn completion() -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_741_569_952, "model": "gpt-4o-2024-08-06",
        "choices": [{
            "index": 0, "finish_reason": "stop", "logprobs": null,
            "message": {"role": "assistant", "content": "Grüß Gott!", "refusal": null, "annotations": []},
        }],
        "usage": {"prompt_tokens": 9, "completion_tokens": 10, "total_tokens": 19},
    })
}

fn events() -> Vec<String> {
    let event = |delta: Value, end: Value| {
        let choices = json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": end}]);
        let chunk = json!({
            "id": "chatcmpl-2", "object": "chat.completion.chunk", "created": 1_741_569_953,
            "model": "gpt-4o-2024-08-06", "choices": choices,
        });
        format!("data: {chunk}\n\n")
    };
    vec![
        event(json!({"role": "assistant", "content": "Grüß"}), Value::Null),
        event(json!({"content": " Gott"}), Value::Null),
        event(json!({"content": "!"}), Value::Null),
        event(json!({}), json!("stop")),
    ]
}

fn unknown() -> Answer {
    let message = "Incorrect API key provided: sk-proj-***********oing.";
    Answer::json(401, &error(message, json!("invalid_api_key")))
}

fn error(message: &str, code: Value) -> Value {
    json!({"error": {"message": message, "type": "invalid_request_error", "param": null, "code": code}})
}
