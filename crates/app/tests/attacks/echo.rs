//! Upstreams that send back what they were sent, and upstreams that break the rules.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::row::{Call, GET, POST, Row, Sent, Wanted, play};
use crate::scene::{ODD, Scene, VALUE, percent};

/// The values in the forms that the stand-in writes, base64 without what depends on the neighbours.
pub(crate) fn forms() -> Vec<String> {
    let inner = |text: String| text[2..text.len() - 4].to_owned();
    let mut forms = vec![VALUE.to_owned(), ODD.to_owned(), percent(ODD)];
    let json = serde_json::json!(ODD).to_string();
    forms.push(json.trim_matches('"').to_owned());
    forms.extend((0..3).map(|pad| inner(STANDARD.encode(format!("{}{VALUE}", "x".repeat(pad))))[pad * 2..].to_owned()));
    forms.push(URL_SAFE_NO_PAD.encode(format!("user:{VALUE}")));
    forms
}

const PROTOCOL: Wanted = Wanted::Failed(502, "upstream-protocol-error");

const fn echo(name: &'static str, target: &'static str, status: u16) -> Row {
    Row::of(name, Call { target, ..GET }, Wanted::Hidden(status))
}

pub(crate) const ROWS: &[Row] = &[
    echo("echo in a header", "/r/stand-in/echo-header", 200),
    echo("echo in Location", "/r/stand-in/echo-location", 302),
    echo("echo in a body", "/r/stand-in/echo-body", 200),
    echo("echo in an error page", "/r/stand-in/echo-error", 500),
    echo("echo split over chunks", "/r/stand-in/echo-split", 200),
    echo("echo in base64", "/r/stand-in/echo-base64", 200),
    echo("echo percent-encoded", "/odd/stand-in/echo-percent", 200),
    echo("echo JSON-escaped", "/odd/stand-in/echo-json", 200),
    Row::of(
        "echo in a trailer",
        Call { target: "/r/stand-in/echo-trailer", headers: &[("TE", "trailers")], ..GET },
        Wanted::Hidden(200),
    ),
    Row::of("an unsolicited 101", Call { target: "/r/stand-in/unsolicited-101", ..POST }, PROTOCOL),
    Row::of("a contradictory answer", Call { target: "/r/stand-in/two-framings", ..POST }, PROTOCOL),
    // A POST is never sent twice: at most one request is in the record.
    Row::of("an upstream that hangs up on a POST", Call { target: "/r/stand-in/close", ..POST }, PROTOCOL)
        .twin(Sent::Call(POST)),
];

#[test]
fn what_an_upstream_sends_back_of_the_credential_is_hidden() {
    play(&Scene::start(), ROWS);
}

/// Decoded or withheld, the value does not come through; and an answer that breaks off is seen to.
#[test]
fn a_compressed_echo_and_a_truncated_answer() {
    let scene = Scene::start();
    let get = |path: &str, more: &[(&str, &str)]| {
        let mut headers = vec![("Host", "gateway.test"), ("Keyroll-Key", &*scene.key)];
        headers.extend_from_slice(more);
        let bytes = testkit::wire::request("GET", path, &headers, b"");
        testkit::Connection::open(scene.node.gateway()).unwrap().call(&bytes)
    };
    let packed = get("/r/stand-in/echo-compressed", &[("Accept-Encoding", "gzip")]).unwrap();
    match packed.status {
        502 => assert_eq!(packed.json()["code"], "answer-withheld"),
        _ => {
            assert!(packed.header("content-encoding").is_none(), "decoded");
            assert!(packed.text().ends_with(" end") && packed.text().contains("****"), "{}", packed.text());
        }
    }
    assert!(!packed.text().contains(VALUE));
    assert!(get("/r/stand-in/truncated", &[]).is_err(), "cut off where everybody sees it");
    assert_eq!(get("/r/x", &[]).unwrap().status, 200);
    scene.assert_sound();
}
