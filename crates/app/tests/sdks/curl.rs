//! curl with the options that people use: sign-in, bodies of every framing, compression, ranges.

use std::fs;
use std::path::Path;

use serde_json::json;
use testkit::{Answer, Recorded};

use crate::house::eventually;
use crate::program;
use crate::provider::{Door, Provider};
use crate::scene::{Base, ROUTE, Scene, Sdk};

const DOOR: Door = Door {
    header: "authorization",
    scheme: "Bearer ",
    values: ["tok_live_KeyrollOutgoing", "tok_live_KeyrollIncoming"],
    probe: "/digits",
    unknown: || Answer::text(401, "who are you?"),
};

const SDK: Sdk = Sdk {
    program: || program::bounded(Path::new("curl")),
    provider: |_| Provider::start(DOOR, api),
    base: Base::Path(""),
};

const DIGITS: &str = "0123456789";
/// The same, compressed.
const GZIP: [u8; 30] =
    [31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 51, 48, 52, 50, 54, 49, 53, 51, 183, 176, 4, 0, 198, 199, 132, 166, 10, 0, 0, 0];

fn api(request: &Recorded) -> Answer {
    let wants = |name: &str, what: &str| request.header(name).is_some_and(|value| value.contains(what));
    if request.method != "GET" && request.method != "HEAD" {
        return Answer::text(201, format!("{} bytes", request.body.len()));
    }
    if wants("range", "bytes=2-4") {
        return Answer::text(206, &DIGITS[2..=4]).header("Content-Range", "bytes 2-4/10");
    }
    if wants("accept-encoding", "gzip") {
        return Answer::text(200, GZIP).header("Content-Encoding", "gzip");
    }
    Answer::text(200, DIGITS).header("Accept-Ranges", "bytes")
}

/// Runs curl on this path; answers what it wrote, with `status by-whom` of the last answer behind it.
#[track_caller]
fn curl(scene: &Scene, path: &str, args: &[&str]) -> String {
    let mut command = (SDK.program)();
    command.args(["--silent", "--show-error", "--disable", "--max-time", "60"]);
    command.args(["--write-out", "|%{http_code} %header{proxy-status}"]).args(args);
    let output = program::output(command.arg(format!("{}{path}", scene.base)));
    let transcript = scene.node.transcript();
    transcript.add(&format!("stdout of curl {args:?}"), &output.stdout);
    transcript.add(&format!("stderr of curl {args:?}"), &output.stderr);
    assert!(output.status.success(), "curl {args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// What the last answer of the upstream looks like when its body is this.
fn passed(body: &str, status: u16) -> String {
    format!("{body}|{status} keyroll; received-status={status}")
}

#[test]
fn the_key_is_taken_wherever_curl_puts_it() {
    let scene = Scene::of(&SDK);
    let key = &scene.key;
    let (user, password) = (format!("{key}:"), format!("shop:{key}"));
    let (own, api_key, bearer) =
        (format!("Keyroll-Key: {key}"), format!("X-Api-Key: {key}"), format!("Authorization: Bearer {key}"));
    for args in [
        ["--user", &user],
        ["--user", &password],
        ["--oauth2-bearer", key],
        ["--header", &own],
        ["--header", &api_key],
        ["--header", &bearer],
    ] {
        assert_eq!(curl(&scene, "/digits", &args), passed(DIGITS, 200), "{}", args[0]);
    }
    assert_eq!(scene.provider.carried().len(), 6);
    for wrong in [["--user", "shop:krk_wrong"], ["--oauth2-bearer", "sk_live_wrong"], ["--header", "X-Other: 1"]] {
        let said = curl(&scene, "/digits", &wrong);
        assert!(said.ends_with("|401 keyroll; error=http_request_denied"), "{said}");
    }
    assert_eq!(scene.provider.upstream.count(), 6, "nothing is sent without a key");
    scene.provider.revoke();
    assert_eq!(curl(&scene, "/digits", &["--user", &user]), passed("who are you?", 401));
    scene.assert_no_leak(&DOOR.values[..1]);
}

#[test]
fn bodies_arrive_whole_in_every_framing() {
    let scene = Scene::of(&SDK);
    let path = scene.node.work_dir().join("body");
    let body: Vec<u8> = (0..2_000_000_u32).flat_map(u32::to_le_bytes).collect();
    fs::write(&path, &body).unwrap();
    let file = path.to_str().unwrap();
    let at = format!("@{file}");
    let (part, user) = (format!("file=@{file}"), format!("{}:", scene.key));
    let continues = "Expect: 100-continue";
    // what, arguments, whether the body has a length, whether it is the file alone
    for (what, args, length, alone) in [
        ("upload", vec!["-T", file], true, true),
        ("upload that asks first", vec!["-T", file, "-H", continues, "--expect100-timeout", "30"], true, true),
        ("chunked upload", vec!["-T", file, "-H", "Transfer-Encoding: chunked"], false, true),
        ("chunked post", vec!["--data-binary", &at, "-H", "Transfer-Encoding: chunked"], false, true),
        ("post", vec!["--data-binary", &at, "--http1.1"], true, true),
        ("form", vec!["--form", &part], true, false),
    ] {
        let args = [&["--user", &user], &*args].concat();
        let said = curl(&scene, "/upload", &args);
        let record = scene.provider.upstream.last();
        assert_eq!(said, passed(&format!("{} bytes", record.body.len()), 201), "{what}");
        assert!(if alone { record.body == body } else { record.body.len() > body.len() }, "{what}");
        assert_eq!(record.header("content-length").is_some(), length, "{what}");
        assert_eq!(record.header("transfer-encoding").is_some(), !length, "{what}");
    }
    assert_eq!(scene.provider.carried().len(), 6);
    scene.assert_no_leak(&DOOR.values[..1]);
}

#[test]
fn compression_and_ranges_pass_where_the_guard_is_off_and_are_not_asked_for_where_it_is_on() {
    let scene = Scene::of(&SDK);
    let user = format!("{}:", scene.key);
    let call = |args: &[&str]| curl(&scene, "/digits", &[&["--user", &*user], args].concat());
    let head = call(&["--head", "--http1.1"]);
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with(&passed("\r\n\r\n", 200)), "{head}");
    assert!(head.to_ascii_lowercase().contains("\r\ncontent-length: 10\r\n"), "{head}");

    let compressed = || (call(&["--compressed"]), scene.provider.upstream.last().header("accept-encoding").unwrap());
    assert_eq!(compressed(), (passed(DIGITS, 200), "identity".to_owned()));
    assert_eq!(call(&["--range", "2-4"]), passed(DIGITS, 200));

    let body = json!({"base": {"guard": "off"}});
    scene.node.api("PATCH", &format!("/v1/routes/{ROUTE}"), Some(&body)).expect(200);
    eventually("the guard is off", || call(&["--range", "2-4"]) == passed("234", 206));
    let (said, asked) = compressed();
    assert_eq!(said, passed(DIGITS, 200));
    assert!(asked.contains("gzip"), "{asked}");
    scene.provider.carried();
    scene.assert_no_leak(&DOOR.values[..1]);
}
