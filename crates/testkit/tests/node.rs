//! The test node, driven against a stand-in for the binary: this test file, started by a script.
#![allow(clippy::unwrap_used, reason = "in the functions that the tests share")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;
use testkit::{Answer, NodeOptions, TestNode, Upstream};

/// Ends with the code given when told to by SIGTERM, as `serve`; says what it was given, as a command.
const SCRIPT: &str = r#"#!/bin/sh
if [ "$1" != serve ]; then
  read -r line
  echo "{\"args\": \"$*\", \"line\": \"$line\", \"addr\": \"$KEYROLL_ADDR\", \"token\": \"$KEYROLL_TOKEN\"}"
  echo "told" >&2
  exit 3
fi
echo "started with $* and level $KEYROLL_LOG__LEVEL, home ${HOME:-none}, extra $EXTRA"
while [ "$1" != --data-dir ]; do shift; done
export STAND_IN_DATA="$2"
trap 'exit ${EXTRA:-0}' TERM
"$STAND_IN" --exact is_the_stand_in_when_told_where --nocapture &
wait
"#;

/// Not a test of anything by itself: serves until its parent, the script, is gone.
#[test]
fn is_the_stand_in_when_told_where() {
    let Some(data) = std::env::var_os("STAND_IN_DATA").map(PathBuf::from) else {
        return;
    };
    let gateway = Upstream::start(|r| Answer::text(200, format!("gateway {}", r.target)));
    let admin = Upstream::start(|r| match (r.target.as_str(), r.header("authorization")) {
        ("/readyz", _) => Answer::text(200, "ready"),
        (_, Some(bearer)) if bearer == "Bearer token-of-the-stand-in" => {
            let kind = r.header("content-type");
            Answer::json(201, &json!({"body": String::from_utf8_lossy(&r.body), "kind": kind}))
        }
        _ => Answer::text(401, "no"),
    });
    fs::create_dir_all(data.join("run")).unwrap();
    fs::write(data.join("admin-token"), "token-of-the-stand-in\n").unwrap();
    let addresses = json!({"gateway": gateway.url(), "admin": admin.url()});
    fs::write(data.join("run/addresses.json"), addresses.to_string()).unwrap();
    let script = std::os::unix::process::parent_id();
    while std::os::unix::process::parent_id() == script {
        thread::sleep(Duration::from_millis(10));
    }
}

fn stand_in(folder: &TempDir) -> NodeOptions {
    let script = folder.path().join("keyroll");
    fs::write(&script, SCRIPT).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    NodeOptions::new(script).env("STAND_IN", std::env::current_exe().unwrap())
}

#[test]
fn serves_requests_and_keeps_the_answers() {
    let folder = tempfile::tempdir().unwrap();
    let node = stand_in(&folder).start();
    assert_eq!(node.token(), "token-of-the-stand-in");
    let reply = node.api("POST", "/v1/secrets", Some(&json!({"name": "a"})));
    let seen = reply.expect(201).json();
    assert_eq!(seen, json!({"body": "{\"name\":\"a\"}", "kind": "application/json"}));
    let patch = node.api("PATCH", "/v1/routes/a", Some(&json!({})));
    assert_eq!(patch.json()["kind"], "application/merge-patch+json");
    node.api_as(None, "GET", "/v1/secrets", None).expect(401);
    node.api_as(Some("another"), "GET", "/v1/secrets", None).expect(401);
    assert_eq!(node.gateway_get("/stripe/v1?a=b", &[]).text(), "gateway /stripe/v1?a=b");

    let labels: Vec<String> = node.transcript().entries().into_iter().map(|e| e.label).collect();
    assert_eq!(
        labels,
        ["POST /v1/secrets", "PATCH /v1/routes/a", "GET /v1/secrets", "GET /v1/secrets", "GET /stripe/v1?a=b"]
    );
    let last = node.transcript().entries().pop().unwrap().bytes;
    assert!(last.starts_with(b"HTTP/1.1 200 ") && last.ends_with(b"gateway /stripe/v1?a=b"));
}

#[test]
fn runs_commands_with_address_token_and_input() {
    let folder = tempfile::tempdir().unwrap();
    let node = stand_in(&folder).start();
    let output = node.cli(&["secret", "list"], "typed\n").expect(3);
    let expected = json!({"args": "secret list", "line": "typed", "addr": node.admin(), "token": node.token()});
    assert_eq!(output.json(), expected);
    assert_eq!(output.stderr, "told\n");
    assert_eq!(node.cli_as(None, &["login"], "").json()["token"], "");
    assert!(node.transcript().entries().iter().any(|e| e.label == "stderr of keyroll secret list"));
}

#[test]
fn stops_restarts_and_is_killed_on_the_same_data() {
    let folder = tempfile::tempdir().unwrap();
    let mut node = stand_in(&folder).arg("--role").arg("all").start();
    let (first, kept) = (node.pid(), node.data_dir().join("kept"));
    fs::write(&kept, "x").unwrap();
    node.restart();
    assert_ne!(node.pid(), first);
    assert!(kept.exists());
    node.gateway_get("/after", &[]).expect(200);
    node.kill();
    node.restart();
    node.gateway_get("/after", &[]).expect(200);
    node.stop();
    assert_eq!(node.log().matches("--role all and level trace, home none").count(), 3);
    let pid = {
        node.restart();
        node.pid()
    };
    drop(node);
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
}

#[test]
fn a_stop_with_another_code_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let mut node = stand_in(&folder).env("EXTRA", "7").start();
    let panic = catch_unwind(AssertUnwindSafe(|| node.stop())).unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(text.contains("stopped with exit status: 7"), "{text}");
}

#[test]
fn an_early_end_is_reported_with_the_log() {
    let begun = Instant::now();
    // `cat serve --gateway-listen …` complains about its arguments and ends.
    let panic = catch_unwind(|| TestNode::start("/bin/cat")).unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(text.contains("ended at start with exit status: 1"), "{text}");
    assert!(text.contains("--gateway-listen"), "the log is missing: {text}");
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert!(Command::new("/bin/cat").arg("/dev/null").status().unwrap().success());
}
