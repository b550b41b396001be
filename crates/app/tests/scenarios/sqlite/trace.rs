//! A trace of system calls: the flush to disk comes before the acknowledgement.

use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;
use testkit::TestNode;

use crate::house::{KEYROLL, eventually};

#[test]
fn the_journal_is_flushed_before_a_change_is_acknowledged() {
    let node = TestNode::start(KEYROLL);
    let out = node.work_dir().join("trace.txt");
    let mut strace = Command::new("strace")
        .args(["-f", "-y", "-s", "64", "-e", "trace=fsync,fdatasync,write,writev,pwrite64,sendto,sendmsg", "-o"])
        .arg(&out)
        .args(["-p", &node.pid().to_string()])
        .stderr(Stdio::null())
        .spawn()
        .expect("strace is not installed: apt-get install strace");
    let text = || std::fs::read_to_string(&out).unwrap_or_default();
    // Whether strace has attached shows in the calls of any request.
    eventually("strace has attached", || {
        node.api("GET", "/healthz", None);
        text().contains("HTTP/1.1 200")
    });
    let body = json!({"name": "traced", "value": "value-under-trace"});
    node.api("POST", "/v1/secrets", Some(&body)).expect(201);
    std::thread::sleep(Duration::from_millis(300));
    let _ = Command::new("kill").args(["-INT", &strace.id().to_string()]).status();
    let _ = strace.wait();

    let trace = text();
    let lines: Vec<&str> = trace.lines().collect();
    let answer =
        lines.iter().position(|line| line.contains("HTTP/1.1 201")).expect("the acknowledgement is in the trace");
    let journal = |line: &&str| line.contains("keyroll.db-wal");
    let written = lines[..answer].iter().rposition(|line| journal(line) && line.contains("pwrite64"));
    let written = written.expect("the change was written to the journal before it was acknowledged");
    let flush = |line: &&&str| journal(line) && (line.contains("fdatasync") || line.contains("fsync"));
    let flushed = lines[written..answer].iter().any(|line| flush(&line));
    assert!(
        flushed,
        "between the last write to the journal and the answer there is no flush:\n{}",
        lines[written..=answer].join("\n")
    );
}
