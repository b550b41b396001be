//! Whole commands against a server that answers what it is told to and records what it was asked.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use clap::Parser;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use zeroize::Zeroizing;

use super::*;

/// A stream that keeps what is written to it.
#[derive(Clone, Default)]
struct Pane(Arc<Mutex<Vec<u8>>>);

impl Pane {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Pane {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Write::write(&mut *self.0.lock().unwrap(), bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What one command did.
pub(super) struct Seen {
    pub(super) code: u8,
    pub(super) stdout: String,
    pub(super) stderr: String,
    /// Method and target, then the body, of each request.
    pub(super) asked: Vec<(String, String)>,
}

/// Runs a line with `stdin`, on a terminal or not; the server gives `answers` in turn.
pub(super) async fn run(line: &[&str], stdin: &'static str, terminal: bool, answers: &[(u16, Value)]) -> Seen {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (answers, record) = (answers.to_vec(), asked.clone());
    let server = tokio::spawn(async move {
        for (status, body) in answers {
            let (stream, _) = listener.accept().await.unwrap();
            let request = answer(stream, status, &body).await;
            record.lock().unwrap().push(request);
        }
    });
    let variables =
        Variables { addr: Some(address), token: Some(Zeroizing::new("krt_test".to_owned())), ..Variables::default() };
    let (stdout, stderr) = (Pane::default(), Pane::default());
    let mut out = Out::scripted(stdin.as_bytes(), stdout.clone(), stderr.clone(), terminal);
    let Command::Client(command) = Cli::try_parse_from(["keyroll"].iter().chain(line)).unwrap().command else {
        panic!("no client command: {line:?}");
    };
    let code = work(command, &mut out, &variables).await;
    server.abort();
    let asked = asked.lock().unwrap().clone();
    Seen { code, stdout: stdout.text(), stderr: stderr.text(), asked }
}

async fn answer(mut stream: TcpStream, status: u16, body: &Value) -> (String, String) {
    let mut seen = Vec::new();
    let (head, sent) = loop {
        let mut piece = [0; 4096];
        let count = stream.read(&mut piece).await.unwrap();
        assert!(count > 0, "the request ended early");
        seen.extend_from_slice(&piece[..count]);
        let text = String::from_utf8(seen.clone()).unwrap();
        let Some((head, sent)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
        if sent.len() >= length {
            assert!(head.contains("authorization: Bearer krt_test"), "{head}");
            break (head.to_owned(), sent.to_owned());
        }
    };
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let promise = if status == 299 { "keyroll-audit-size: 2\r\n" } else { "" };
    let length = body.len();
    let text = format!("HTTP/1.1 {status} X\r\n{promise}content-length: {length}\r\nconnection: close\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).await.unwrap();
    (head.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_owned(), sent)
}

pub(super) fn problem(status: u16, code: &str) -> Value {
    json!({"type": "about:blank", "title": "Refused", "status": status, "code": code, "detail": "it may not be", "request_id": "r7"})
}

#[tokio::test]
async fn a_value_goes_from_stdin_to_the_server_and_nowhere_else() {
    let made = json!({"name": "k", "kind": "other", "warnings": [{"code": "value-short", "detail": "the guard cannot look for it"}]});
    let seen = run(&["secret", "create", "k", "--value-stdin", "-o", "name"], "planted\n", false, &[(201, made)]).await;
    assert_eq!((seen.code, seen.stdout.as_str()), (0, "k\n"));
    assert_eq!(seen.asked, [("POST /v1/secrets".to_owned(), r#"{"name":"k","value":"planted"}"#.to_owned())]);
    assert!(seen.stderr.contains("the guard cannot look for it"));
    assert!(!seen.stderr.contains("planted"));
    let seen = run(&["secret", "create", "k", "--value-stdin"], " planted", false, &[]).await;
    assert_eq!((seen.code, seen.stdout.as_str()), (1, ""));
    assert!(seen.stderr.contains("--keep-whitespace") && !seen.stderr.contains("planted"), "{}", seen.stderr);
}

#[tokio::test]
async fn a_list_is_fetched_page_by_page() {
    let pages = [
        (200, json!({"items": [{"name": "a"}, {"name": "b"}], "next": "c1"})),
        (200, json!({"items": [{"name": "c"}], "next": null})),
    ];
    let seen = run(&["secret", "list", "-o", "name", "--kind", "api_key"], "", false, &pages).await;
    assert_eq!((seen.code, seen.stdout.as_str()), (0, "a\nb\nc\n"));
    let targets: Vec<&str> = seen.asked.iter().map(|(target, _)| target.as_str()).collect();
    assert_eq!(targets, ["GET /v1/secrets?kind=api_key&limit=500", "GET /v1/secrets?cursor=c1&kind=api_key&limit=500"]);
    let seen = run(&["secret", "list", "-o", "json", "--limit", "2"], "", false, &pages).await;
    assert_eq!(seen.asked.len(), 1);
    assert_eq!(serde_json::from_str::<Value>(&seen.stdout).unwrap()["next"], json!("c1"));
    assert!(seen.stderr.contains("--limit"));
}

#[tokio::test]
async fn refusals_become_exit_codes_and_json_where_asked() {
    for (status, code) in [(404, 3), (403, 4), (412, 5), (422, 2), (503, 2)] {
        let seen = run(&["secret", "get", "k"], "", false, &[(status, problem(status, "some-code"))]).await;
        assert_eq!((seen.code, seen.stdout.as_str()), (code, ""));
        assert!(
            seen.stderr.contains("it may not be (some-code)") && seen.stderr.contains("request r7"),
            "{}",
            seen.stderr
        );
    }
    let seen = run(&["secret", "get", "k", "-o", "json"], "", false, &[(404, problem(404, "secret-not-found"))]).await;
    assert_eq!(serde_json::from_str::<Value>(&seen.stderr).unwrap()["code"], "secret-not-found");
}

#[tokio::test]
async fn deleting_several_tells_each_and_asks_only_a_person() {
    let results = json!({"results": [
        {"name": "a", "outcome": "deleted", "problem": null},
        {"name": "b", "outcome": "refused", "problem": {"type": "", "title": "", "status": 409, "code": "secret-is-referenced", "detail": "in use",
            "references": [{"route": "pay", "environment": "staging", "field": "inject.headers.A", "enabled": true}]}}]});
    let seen = run(&["secret", "delete", "a", "b"], "", false, &[(200, results.clone())]).await;
    assert_eq!(seen.code, 5);
    assert_eq!(seen.asked[0].1, r#"{"names":["a","b"],"dry_run":false}"#);
    assert!(
        seen.stdout.contains("a     deleted  -") && seen.stderr.contains("used by route pay in staging"),
        "{}{}",
        seen.stdout,
        seen.stderr
    );
    let seen = run(&["secret", "delete", "a", "b"], "n\n", true, &[]).await;
    assert_eq!((seen.code, seen.asked.len()), (1, 0));
    let seen = run(&["secret", "delete", "a", "b", "--yes"], "", true, &[(200, results.clone())]).await;
    assert_eq!((seen.code, seen.asked.len()), (5, 1));
    let forced = ["secret", "delete", "a", "--force", "--reason", "it leaked"];
    let seen = run(&forced, "y\n", true, &[(204, Value::Null)]).await;
    assert_eq!((seen.code, seen.asked[0].0.as_str()), (0, "DELETE /v1/secrets/a?force=true&reason=it%20leaked"));
}

#[tokio::test]
async fn replacing_shows_a_person_what_will_change_before_it_does() {
    let change = json!({"route": "pay", "environment": "staging", "field": "inject.headers.A", "before": "{{a}}", "after": "{{b}}"});
    let (planned, done) = (json!({"changes": [change], "revision": null}), json!({"changes": [change], "revision": 9}));
    let line = ["route", "replace-secret", "a", "b", "--environment", "staging"];
    let seen = run(&line, "y\n", true, &[(200, planned.clone()), (200, done.clone())]).await;
    assert_eq!(seen.code, 0);
    assert_eq!(seen.asked[0].1, r#"{"from":"a","to":"b","environments":["staging"],"dry_run":true}"#);
    assert_eq!(seen.asked[1].1, r#"{"from":"a","to":"b","environments":["staging"],"dry_run":false}"#);
    assert_eq!(seen.stdout.matches("{{b}}").count(), 1, "{}", seen.stdout);
    assert!(seen.stderr.contains("revision 9"));
    let seen = run(&line, "n\n", true, &[(200, planned.clone())]).await;
    assert_eq!((seen.code, seen.asked.len()), (1, 1));
    let seen = run(&line, "", false, &[(200, done.clone())]).await;
    assert_eq!((seen.code, seen.asked.len()), (0, 1));
    let seen = run(&[&line[..], &["--dry-run", "-o", "json"]].concat(), "", true, &[(200, planned.clone())]).await;
    assert_eq!((seen.code, serde_json::from_str::<Value>(&seen.stdout).unwrap()), (0, planned));
}

#[tokio::test]
async fn an_export_is_passed_on_byte_for_byte_and_a_cut_one_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("audit.ndjson");
    let line = json!({"record": {"sequence": 1}, "leaf_hash": "00"});
    let seen = run(&["audit", "export"], "", false, &[(200, line.clone())]).await;
    assert_eq!((seen.code, seen.stdout.as_str()), (0, line.to_string().as_str()));
    assert_eq!(seen.asked[0].0, "GET /v1/audit/export");
    let export = ["audit", "export", "--file", file.to_str().unwrap()];
    assert_eq!(run(&export, "", false, &[(200, line.clone())]).await.code, 0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), line.to_string());
    // An export is evidence: one that is there already is not written over.
    assert_eq!(run(&export, "", false, &[(200, json!({}))]).await.code, 1);
    std::fs::remove_file(&file).unwrap();
    // With no status 200 but 299 the server of this test promises two events.
    let seen = run(&export, "", false, &[(299, line)]).await;
    assert_eq!(seen.code, 2);
    assert!(seen.stderr.contains("not complete"), "{}", seen.stderr);
}

#[tokio::test]
async fn a_test_without_an_answer_of_the_upstream_fails() {
    let sent = json!({"method": "GET", "url": "https://a/", "headers": [], "body": null, "secrets": ["k"]});
    let answer =
        |answer: Value, error: Value| json!({"sent": sent, "answer": answer, "error": error, "times": {"total_ms": 1}});
    let line = ["route", "test", "pay", "--environment", "staging"];
    let seen = run(&line, "", false, &[(200, answer(Value::Null, json!("upstream-timeout")))]).await;
    assert_eq!(seen.code, 2);
    assert!(seen.stderr.contains("upstream-timeout"));
    let reply = json!({"status": 401, "headers": [], "body": "", "truncated": false});
    let seen = run(&line, "", false, &[(200, answer(reply, Value::Null))]).await;
    assert_eq!(seen.code, 0);
    assert!(seen.stdout.contains("< 401"));
}

#[tokio::test]
async fn without_a_token_it_says_where_to_get_one() {
    let (stdout, stderr) = (Pane::default(), Pane::default());
    let mut out = Out::scripted(b"", stdout, stderr.clone(), false);
    let Command::Client(command) = parse(["keyroll", "env", "list"]).unwrap().command else { panic!() };
    assert_eq!(work(command, &mut out, &Variables::default()).await, 1);
    assert!(stderr.text().contains("keyroll login"), "{}", stderr.text());
}

#[tokio::test]
async fn signing_in_stores_only_a_token_that_the_server_takes() {
    let directory = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let variables = || Variables {
        addr: Some(address.clone()),
        profile: Some(directory.path().join("keyroll/profile.toml")),
        ..Variables::default()
    };
    tokio::spawn(async move {
        for (status, body) in [(401, problem(401, "token-invalid")), (200, json!({"items": [], "next": null}))] {
            let (stream, _) = listener.accept().await.unwrap();
            answer(stream, status, &body).await;
        }
    });
    for (code, stored) in [(4, false), (0, true)] {
        let Command::Client(command) = parse(["keyroll", "login", "--token-stdin"]).unwrap().command else { panic!() };
        let stderr = Pane::default();
        let mut out = Out::scripted(b"krt_test\n", io::sink(), stderr.clone(), false);
        assert_eq!(work(command, &mut out, &variables()).await, code, "{}", stderr.text());
        assert_eq!(directory.path().join("keyroll/profile.toml").exists(), stored);
        assert!(!stderr.text().contains("krt_test"));
    }
}
