//! A stand-in for Stripe: balance, customers in pages, creation by form with an idempotency key.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use testkit::{Answer, Recorded};

use crate::provider::{Door, Provider};

const DOOR: Door = Door {
    header: "authorization",
    scheme: "Bearer ",
    values: ["sk_live_51KeyrollOutgoing", "sk_live_51KeyrollIncoming"],
    probe: "/v1/balance",
    unknown,
};

const CUSTOMERS: [&str; 5] = ["cus_1", "cus_2", "cus_3", "cus_4", "cus_5"];

/// What a client prints that makes the calls of this stand-in.
pub(crate) const CALLS: [&str; 5] = [
    "balance 2685 eur",
    "proxy-status keyroll; received-status=200",
    "customers cus_1 cus_2 cus_3 cus_4 cus_5",
    "created cus_order-6735 Jörg & Söhne jorg@example.org 67=35",
    "created cus_order-6735 Jörg & Söhne jorg@example.org 67=35",
];

pub(crate) fn start() -> Provider {
    Provider::start(DOOR, api)
}

/// Asserts that what the calls consist of arrived as the SDK made it.
#[track_caller]
pub(crate) fn assert_received(records: &[Recorded]) {
    let lines: Vec<String> = records.iter().map(|record| format!("{} {}", record.method, record.target)).collect();
    assert_eq!(
        lines,
        [
            "GET /v1/balance",
            "GET /v1/customers?limit=2",
            "GET /v1/customers?limit=2&starting_after=cus_2",
            "GET /v1/customers?limit=2&starting_after=cus_4",
            "POST /v1/customers",
            "POST /v1/customers",
        ]
    );
    for record in &records[4..] {
        assert_eq!(record.all("idempotency-key"), ["order-6735"]);
        assert_eq!(record.all("content-type"), ["application/x-www-form-urlencoded"]);
    }
    assert!(records.iter().all(|record| record.all("stripe-version").len() == 1));
}

fn api(request: &Recorded) -> Answer {
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let answer = match (request.method.as_str(), path) {
        ("GET", "/v1/balance") => Answer::json(200, &balance()),
        ("GET", "/v1/customers") => Answer::json(200, &page(&form(query.as_bytes()))),
        ("POST", "/v1/customers") => create(request),
        _ => Answer::json(404, &error("Unrecognized request URL.")),
    };
    answer.header("Request-Id", "req_5tandIn").header("Stripe-Version", "2026-01-28.preview")
}

fn balance() -> Value {
    let amount = |amount: u32| json!([{"amount": amount, "currency": "eur", "source_types": {"card": amount}}]);
    json!({"object": "balance", "livemode": true, "available": amount(2685), "pending": amount(0)})
}

fn customer(id: &str, fields: &BTreeMap<String, String>) -> Value {
    let field = |name: &str| fields.get(name).map_or(Value::Null, |value| json!(value));
    json!({
        "id": id, "object": "customer", "created": 1_680_893_993, "livemode": true,
        "name": field("name"), "email": field("email"), "metadata": {"order": field("metadata[order]")},
    })
}

fn page(query: &BTreeMap<String, String>) -> Value {
    let limit = query.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(10);
    let after = query.get("starting_after").and_then(|id| CUSTOMERS.iter().position(|known| known == id));
    let rest = &CUSTOMERS[after.map_or(0, |at| at + 1)..];
    let data: Vec<Value> = rest.iter().take(limit).map(|id| customer(id, &BTreeMap::new())).collect();
    json!({"object": "list", "url": "/v1/customers", "has_more": rest.len() > limit, "data": data})
}

/// The same key makes the same customer.
fn create(request: &Recorded) -> Answer {
    let Some(key) = request.header("idempotency-key") else {
        return Answer::json(400, &error("The stand-in asks for an idempotency key."));
    };
    Answer::json(200, &customer(&format!("cus_{key}"), &form(&request.body))).header("Idempotency-Key", &key)
}

fn unknown() -> Answer {
    Answer::json(401, &error("Invalid API Key provided: sk_live_*****************oing"))
        .header("WWW-Authenticate", "Basic realm=\"Stripe\"")
}

fn error(message: &str) -> Value {
    json!({"error": {"message": message, "type": "invalid_request_error"}})
}

/// The members of `application/x-www-form-urlencoded`.
fn form(text: &[u8]) -> BTreeMap<String, String> {
    let pairs = text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_at(pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len()));
            (decoded(name), decoded(value.strip_prefix(b"=").unwrap_or(value)))
        })
        .collect()
}

fn decoded(text: &[u8]) -> String {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        rest = tail;
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match (first, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(*first),
        }
    }
    String::from_utf8(bytes).unwrap()
}
