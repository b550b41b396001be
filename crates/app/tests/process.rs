//! The process as its operator and the system see it: what it says, its lock, its hardening, configuration, SIGHUP.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops with a message when something is otherwise than expected"
)]

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use testkit::{NodeOptions, TestNode};

const BINARY: &str = env!("CARGO_BIN_EXE_keyroll");

fn keyroll(dir: &Path, args: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(BINARY);
    command.args(args).current_dir(dir).env_clear().envs(variables.iter().copied());
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn eventually(what: &str, condition: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < until, "not seen in time: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_start_says_where_it_is_and_what_could_be_better() {
    let mut node = TestNode::start(BINARY);
    let log = node.log();
    assert!(log.contains("data/admin-token") && !log.contains(node.token()), "{log}");
    assert!(log.contains("the KEK file lies beside the database"), "{log}");
    let addresses = format!("gateway on {}, admin API on {}", node.gateway(), node.admin());
    assert!(log.contains(&addresses), "{log}");
    node.restart();
    assert_eq!(node.log().matches("first start").count(), 1);

    let aside = tempfile::tempdir().unwrap();
    let elsewhere = NodeOptions::new(BINARY).arg("--kek-file").arg(aside.path().join("kek")).start();
    assert!(!elsewhere.log().contains("lies beside the database"), "{}", elsewhere.log());
    assert!(!elsewhere.data_dir().join("kek").exists());
}

#[test]
fn a_server_leaves_no_core_and_no_way_in() {
    let node = TestNode::start(BINARY);
    let limits = fs::read_to_string(format!("/proc/{}/limits", node.pid())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    // The kernel gives these files of a process that is not dumpable to root, whoever runs it.
    assert_eq!(fs::metadata(format!("/proc/{}/environ", node.pid())).unwrap().uid(), 0);
}

#[test]
fn a_data_directory_has_one_process() {
    let node = TestNode::start(BINARY);
    let data = node.data_dir();
    let second = keyroll(
        &node.work_dir(),
        &[
            "serve",
            "--gateway-listen",
            "127.0.0.1:0",
            "--admin-listen",
            "127.0.0.1:0",
            "--data-dir",
            data.to_str().unwrap(),
        ],
        &[],
    );
    assert_eq!(second.status.code(), Some(1));
    assert!(said(&second).contains(&format!("is in use by process {}", node.pid())), "{}", said(&second));
    assert!(said(&second).contains("--take-over"), "{}", said(&second));
    assert_eq!(node.api("GET", "/v1/environments", None).status, 200, "the first is undisturbed");
}

#[test]
fn a_missing_key_file_stops_the_start() {
    let mut node = TestNode::start(BINARY);
    node.stop();
    let (kek, aside) = (node.data_dir().join("kek"), node.work_dir().join("aside"));
    fs::rename(&kek, &aside).unwrap();
    let data = node.data_dir();
    let refused = keyroll(
        &node.work_dir(),
        &[
            "serve",
            "--data-dir",
            data.to_str().unwrap(),
            "--gateway-listen",
            "127.0.0.1:0",
            "--admin-listen",
            "127.0.0.1:0",
        ],
        &[],
    );
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("kek does not exist"), "{}", said(&refused));
    assert!(!kek.exists() && !data.join("run/addresses.json").exists());
    fs::rename(&aside, &kek).unwrap();
    node.restart();
}

#[test]
fn all_mistakes_are_reported_at_once_and_nothing_is_made() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("keyroll.toml"), "[gateway]\nlisten = '0.0.0.0:0'\n[log]\nlevel = 'loud'\n").unwrap();
    let variables = [("KEYROLL_ADMIN__LISTEM", "127.0.0.1:0")];
    for command in [&["serve"][..], &["config", "check"], &["config", "show"]] {
        let output = keyroll(dir.path(), command, &variables);
        assert_eq!(output.status.code(), Some(1), "{command:?}");
        for part in ["3 mistakes", "keyroll.toml:2: ", "keyroll.toml:4: ", "KEYROLL_ADMIN__LISTEM: "] {
            assert!(said(&output).contains(part), "{command:?}: {}", said(&output));
        }
    }
    assert!(!dir.path().join("keyroll-data").exists());

    fs::write(dir.path().join("keyroll.toml"), "[log]\nlevel = 'warn'\n").unwrap();
    let shown = keyroll(dir.path(), &["config", "show"], &[]);
    assert!(
        shown.status.success() && String::from_utf8_lossy(&shown.stdout).contains("level = \"warn\"  # keyroll.toml:2")
    );
    assert!(keyroll(dir.path(), &["config", "check"], &[]).status.success());
    let schema = keyroll(dir.path(), &["config", "schema"], &[]);
    assert!(serde_json::from_slice::<serde_json::Value>(&schema.stdout).unwrap()["properties"]["gateway"].is_object());
}

#[test]
fn usage_mistakes_exit_with_1_and_help_with_0() {
    let dir = tempfile::tempdir().unwrap();
    for (args, code) in
        [(&["--help"][..], 0), (&["serve", "--help"], 0), (&["serv"], 1), (&["serve", "--nope"], 1), (&[], 1)]
    {
        assert_eq!(keyroll(dir.path(), args, &[]).status.code(), Some(code), "{args:?}");
    }
}

#[test]
fn a_second_stop_signal_ends_at_once() {
    let mut node = TestNode::start(BINARY);
    let address = node.admin().trim_start_matches("http://").to_owned();
    let mut busy = std::net::TcpStream::connect(address).unwrap();
    // The body never comes, so that the request stays in flight.
    write!(busy, "POST /v1/secrets HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n", node.token()).unwrap();
    write!(busy, "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{").unwrap();
    std::thread::sleep(Duration::from_millis(300));
    node.signal(Signal::TERM);
    eventually("the drain", || node.log().contains("draining"));
    std::thread::sleep(Duration::from_millis(300));
    assert!(!node.log().contains("stopped"), "the request is waited for: {}", node.log());
    let begun = Instant::now();
    node.signal(Signal::TERM);
    assert_eq!(node.wait_exit(Duration::from_secs(10)).code(), Some(2));
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert!(!node.data_dir().join("run/addresses.json").exists());
}

#[test]
fn sighup_takes_over_what_can_be_taken_over() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keyroll.toml");
    fs::write(&path, "[log]\nlevel = 'error'\n").unwrap();
    // The test kit sets the level in the environment, which would win; `access` is left to the file.
    let node = NodeOptions::new(BINARY).arg("--config").arg(&path).start();
    let call = || node.gateway_get("/nowhere/", &[]).status;
    let lines = || node.log().matches("keyroll::access").count();
    call();
    assert_eq!(lines(), 0);
    let mut open = testkit::Connection::open(node.gateway()).unwrap();
    let request = testkit::wire::request("GET", "/nowhere/", &[("Host", "x")], b"");
    assert_eq!(open.call(&request).unwrap().status, 401);

    fs::write(&path, "[log]\naccess = true\n[policy]\nretention = '30d'\n").unwrap();
    node.signal(Signal::HUP);
    eventually("the reload", || node.log().contains("the configuration was reloaded"));
    assert!(node.log().contains("takes effect at the next start"), "{}", node.log());
    call();
    eventually("a line of the access log", || lines() == 1);

    fs::write(&path, "[log]\nacess = false\n").unwrap();
    node.signal(Signal::HUP);
    eventually("the refusal", || node.log().contains("the configuration was not reloaded"));
    call();
    eventually("the second line: what was in effect stays", || lines() == 2);
    assert_eq!(open.call(&request).unwrap().status, 401, "a connection outlives every reload");
}
