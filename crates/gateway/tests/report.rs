//! The access log: what a line says, and what no line ever does.

#![allow(clippy::unwrap_used, reason = "for tests, but outside of a test function")]

mod common;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::{Rig, key};
use serde_json::{Value, json};
use testkit::{Answer, Upstream};
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[test]
fn a_line_names_and_measures_and_shows_nothing() {
    let lines = Lines::default();
    // At trace level, so that what the libraries say is looked at too.
    let subscriber =
        tracing_subscriber::fmt().json().with_max_level(tracing::Level::TRACE).with_writer(lines.clone()).finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let upstream = Upstream::start(|_| Answer::text(201, "a secret body").header("X-Answer", "answer_header"));
    let rig = Rig::to_with(&upstream, &json!({"inject": {"query": {"k": "{{api_key}}"}}}));
    let sent = [("X-Sent", "sent_header"), ("X-Request-Id", "id-1"), ("Keyroll-Environment", "production")];
    assert_eq!(rig.call("POST", "/r/path_segment?q=query_value", &sent, b"sent_body").status, 201);
    assert_eq!(rig.call("GET", "/absent/path_segment?q=query_value", &[("X-Request-Id", "id-2")], b"").status, 404);

    let until = Instant::now() + Duration::from_secs(5);
    let (text, accesses) = loop {
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let values = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let accesses: Vec<Value> =
            values.filter(|line| line["target"] == gateway::ACCESS).map(|line| line["fields"].clone()).collect();
        if accesses.len() == 2 {
            break (text, accesses);
        }
        assert!(Instant::now() < until, "two requests, two lines: {text}");
    };
    for (member, value) in [
        ("request_id", json!("id-1")),
        ("method", json!("POST")),
        ("route", json!("r")),
        ("environment", json!("production")),
        ("client", json!("app")),
        ("status", json!(201)),
        ("bytes", json!(13)),
        ("whole", json!(true)),
    ] {
        assert_eq!(accesses[0][member], value, "{member}");
    }
    assert!(accesses[0]["upstream_ms"].as_u64() <= accesses[0]["duration_ms"].as_u64());
    assert_eq!(accesses[1]["code"], "route-not-found");
    assert_eq!(accesses[1]["status"], 404);

    let key = key(1);
    for never in ["sk_live_4242", &key, "query_value", "sent_header", "answer_header", "sent_body", "a secret body"] {
        let ours = text.lines().filter(|line| !line.contains("\"target\":\"hyper"));
        let found: Vec<&str> = ours.filter(|line| line.contains(never)).collect();
        assert!(found.is_empty(), "{never} is in {found:?}");
    }
    // The libraries are silenced in the product; that they keep values that are marked sensitive to themselves is
    // still worth knowing.
    assert!(!text.contains("sk_live_4242"), "a library logs a value");
}
