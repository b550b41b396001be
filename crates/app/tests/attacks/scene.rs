//! A node with routes to a stand-in that plays every kind of upstream, and a place where nothing may ever come.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use testkit::{Answer, NodeOptions, Recorded, TestNode, Upstream};

/// The binary under test.
pub(crate) const KEYROLL: &str = env!("CARGO_BIN_EXE_keyroll");
/// What the routes inject, and nobody but their upstream may see.
pub(crate) const VALUE: &str = "sk_live_attack_7d21c04e";
/// A value that looks like everything that it is not.
pub(crate) const ODD: &str = "odd/$1+{{api_key}} %2e\"\\&=9921";

/// One test's node, its upstream, and its client.
pub(crate) struct Scene {
    pub(crate) node: TestNode,
    pub(crate) upstream: Upstream,
    /// Where attacks try to send the credential.
    pub(crate) elsewhere: Upstream,
    pub(crate) key: String,
}

impl Scene {
    pub(crate) fn start() -> Self {
        Self::with(NodeOptions::new(KEYROLL), |_| {})
    }

    /// A node with these options, and with what `prepare` makes before the routes are waited for.
    pub(crate) fn with(options: NodeOptions, prepare: impl FnOnce(&TestNode)) -> Self {
        let elsewhere = Upstream::ok();
        let away = elsewhere.url();
        let upstream = Upstream::start(move |request| stand_in(request, &away));
        let node = options.start();
        secret(&node, "api_key", VALUE);
        secret(&node, "odd", ODD);
        let url = upstream.url();
        route(&node, "r", &url, &json!({}));
        route(&node, "public", &url, &json!({"paths": ["/v1/public/**"], "methods": ["GET", "POST"]}));
        route(&node, "removing", &url, &json!({"remove_headers": ["X-Debug"]}));
        route(&node, "alias", &url, &json!({"inject": {"headers": {"X-Api-Key": "{{api_key}}"}}}));
        route(&node, "odd", &url, &json!({"inject": {"headers": {"X-Odd": "{{odd}}"}, "query": {"odd": "{{odd}}"}}}));
        route(&node, "body", &url, &json!({"inject": {"body": {"token": "{{odd}}"}}}));
        route(&node, "theirs", &url, &json!({}));
        prepare(&node);
        let key = client(&node, "shop", &json!(["r", "public", "removing", "alias", "odd", "body"]));
        let scene = Self { node, upstream, elsewhere, key };
        scene.eventually("the gateway serves the last route", || scene.get("/body/x") == 200);
        scene.upstream.clear();
        scene
    }

    /// The status of a GET with the client's key.
    pub(crate) fn get(&self, path: &str) -> u16 {
        self.node.gateway_get(path, &[("Keyroll-Key", &self.key)]).status
    }

    /// Text with `{key}`, `{value}`, `{odd}` and `{elsewhere}` filled in.
    pub(crate) fn fill(&self, text: &str) -> String {
        text.replace("{key}", &self.key)
            .replace("{value}", VALUE)
            .replace("{odd}", ODD)
            .replace("{elsewhere}", &self.elsewhere.address().to_string())
    }

    /// Waits until something holds, at most ten seconds.
    #[track_caller]
    pub(crate) fn eventually(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let start = Instant::now();
        while !holds() {
            assert!(start.elapsed() < Duration::from_secs(10), "in ten seconds it did not happen that {what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What must be true whatever was tried.
    #[track_caller]
    pub(crate) fn assert_sound(&self) {
        assert_eq!(self.elsewhere.connections(), 0, "nobody but the route's upstream was ever connected to");
        let log = self.node.log();
        for (what, text) in [("the credential", VALUE), ("the odd credential", ODD), ("the client's key", &self.key)] {
            assert!(!log.contains(text), "{what} is in the log");
        }
        assert!(!String::from_utf8_lossy(&self.upstream.bytes()).contains(&self.key), "the key went to the upstream");
    }
}

/// Every way in which a value can come back, and answers that break the rules, by path.
fn stand_in(request: &Recorded, elsewhere: &str) -> Answer {
    let sent = request.header("authorization").unwrap_or_default();
    let value = sent.trim_start_matches("Bearer ").to_owned();
    let odd = request.header("x-odd").unwrap_or_default();
    let raw = |text: String| Answer::raw(text);
    let path = request.target.split('?').next().unwrap_or_default();
    match path.strip_prefix("/stand-in/").unwrap_or_default() {
        "redirect" => Answer::text(307, "").header("Location", &format!("{elsewhere}/r/x")),
        "echo-header" => Answer::text(200, "end").header("X-Echo", &sent),
        "echo-location" => Answer::text(302, "end").header("Location", &format!("https://a.test/?t={value}")),
        "echo-body" => Answer::text(200, format!("{sent} end")),
        "echo-error" => Answer::text(500, format!("<h1>{sent}</h1> end")),
        "echo-split" => Answer::chunks(200, pieces(&format!("{sent} end"), 3)),
        "echo-base64" => {
            let forms = (0..3).map(|pad| STANDARD.encode(format!("{}{value}", "x".repeat(pad))));
            let forms: Vec<_> = forms.chain([URL_SAFE_NO_PAD.encode(format!("user:{value}"))]).collect();
            Answer::text(200, format!("{} end", forms.join(" ")))
        }
        "echo-percent" => Answer::text(200, format!("{} end", percent(&odd))),
        "echo-json" => Answer::text(200, format!("{} end", json!(odd))),
        "echo-compressed" => Answer::text(200, gzip(&format!("{sent} end"))).header("Content-Encoding", "gzip"),
        "echo-trailer" => raw(format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nend\r\n0\r\nX-Sum: {value}\r\n\r\n"
        )),
        "unsolicited-101" => {
            raw("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n".into())
        }
        "truncated" => raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc".into()),
        "two-framings" => {
            raw("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".into())
        }
        "close" => raw(String::new()),
        "switch" => match request.header("upgrade").as_deref() {
            Some("example") => {
                raw("HTTP/1.1 101 Switching Protocols\r\nUpgrade: example\r\nConnection: upgrade\r\n\r\nspoken".into())
            }
            _ => Answer::text(200, "not switched"),
        },
        _ => Answer::text(200, "ok"),
    }
}

fn pieces(text: &str, size: usize) -> Vec<(Duration, Vec<u8>)> {
    text.as_bytes().chunks(size).map(|piece| (Duration::from_millis(2), piece.to_vec())).collect()
}

/// Everything but what RFC 3986 section 2.3 leaves unreserved.
pub(crate) fn percent(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut process = Command::new("gzip").arg("-c").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    process.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    process.wait_with_output().unwrap().stdout
}

#[track_caller]
pub(crate) fn secret(node: &TestNode, name: &str, value: &str) {
    node.api("POST", "/v1/secrets", Some(&json!({"name": name, "value": value, "kind": "api_key"}))).expect(201);
}

/// A route in production that injects `Authorization: Bearer {{api_key}}` unless these settings say otherwise.
#[track_caller]
pub(crate) fn route(node: &TestNode, name: &str, upstream: &str, settings: &Value) {
    node.api("POST", "/v1/routes", Some(&spec(name, upstream, settings))).expect(201);
}

pub(crate) fn spec(name: &str, upstream: &str, settings: &Value) -> Value {
    let mut base = json!({"upstream": upstream, "inject": {"headers": {"Authorization": "Bearer {{api_key}}"}}});
    for (member, value) in settings.as_object().unwrap() {
        base[member] = value.clone();
    }
    json!({"name": name, "base": base, "environments": {"production": {}}})
}

/// A client of production with these routes, and its key.
#[track_caller]
pub(crate) fn client(node: &TestNode, name: &str, routes: &Value) -> String {
    let body = json!({"name": name, "environments": ["production"], "routes": routes});
    node.api("POST", "/v1/clients", Some(&body)).expect(201);
    let key = node.api("POST", &format!("/v1/clients/{name}/keys"), None).expect(201).json();
    key["key"].as_str().unwrap().to_owned()
}
