//! The PostgreSQL of the tests: what it promises to them, and that nothing stays behind.
#![allow(clippy::unwrap_used, clippy::panic, reason = "in the functions that the tests share")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use testkit::Postgres;

/// Connects and asks for TLS, which a server that is alive declines with one byte.
fn answers(port: u16) -> bool {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    stream.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).unwrap();
    stream.read(&mut [0]).is_ok_and(|n| n == 1)
}

/// As role `keyroll`, by the URL of a database.
fn as_keyroll(url: &str, sql: &str) -> Result<String, String> {
    let output = Command::new("psql").args(["-qAtX", "-c", sql, url]).output().unwrap();
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout).unwrap().trim().to_owned());
    }
    Err(String::from_utf8(output.stderr).unwrap())
}

#[test]
fn databases_are_apart_and_owned_by_a_role_without_powers() {
    let postgres = Postgres::shared();
    let (one, two) = (postgres.create_database(), postgres.create_database());
    assert_ne!(one.name(), two.name());
    assert_eq!(one.url(), postgres.url(one.name()));
    as_keyroll(&one.url(), "create table t (name text); insert into t values ('a'), ('B'), ('c'), ('é')").unwrap();
    // Not in the order of bytes, unless asked for.
    assert_eq!(one.psql("select string_agg(name, '' order by name) from t").unwrap(), "aBcé");
    assert_eq!(one.psql("select string_agg(name, '' order by name collate \"C\") from t").unwrap(), "Bacé");
    assert!(two.psql("select * from t").unwrap_err().contains("relation \"t\" does not exist"));
    assert!(as_keyroll(&one.url(), "create database x").unwrap_err().contains("permission denied"));
    let wrong = one.url().replace("keyroll:", "keyroll:x");
    assert!(as_keyroll(&wrong, "select 1").unwrap_err().contains("password authentication failed"));

    let name = one.name().to_owned();
    let there = format!("select count(*) from pg_database where datname = '{name}'");
    assert_eq!(postgres.psql("postgres", &there).unwrap(), "1");
    drop(one);
    assert_eq!(postgres.psql("postgres", &there).unwrap(), "0");
}

#[test]
fn many_databases_are_made_at_once() {
    let postgres = Postgres::shared();
    thread::scope(|scope| {
        let makers: Vec<_> = (0..8).map(|_| scope.spawn(|| postgres.create_database())).collect();
        let made: Vec<_> = makers.into_iter().map(|m| m.join().unwrap()).collect();
        assert!(made.iter().all(|d| d.psql("select 1").unwrap() == "1"));
    });
}

#[test]
fn stops_and_starts_with_its_data() {
    let postgres = Postgres::start();
    let database = postgres.create_database();
    database.psql("create table t (n int); insert into t values (7)").unwrap();
    postgres.stop_immediate();
    assert!(TcpStream::connect(("127.0.0.1", postgres.port())).is_err());
    assert!(database.psql("select 1").is_err());
    postgres.start_again();
    assert_eq!(database.psql("select n from t").unwrap(), "7");
    assert_eq!(postgres.psql("postgres", "show fsync").unwrap(), "off");
    let [log, data] = postgres.files();
    assert!(fs::read_to_string(log).unwrap().contains("was not properly shut down"));
    drop(postgres);
    assert!(!data.exists());
}

#[test]
fn a_paused_server_accepts_and_answers_nothing() {
    let postgres = Postgres::durable();
    assert_eq!(postgres.psql("postgres", "show fsync").unwrap(), "on");
    assert!(answers(postgres.port()));
    postgres.pause();
    assert!(!answers(postgres.port()));
    postgres.resume();
    assert!(answers(postgres.port()));
    // One that is dropped while it is paused ends as well.
    postgres.pause();
    let [_, data] = postgres.files();
    drop(postgres);
    assert!(!data.exists());
}

#[test]
fn sessions_are_ended_by_the_name_of_their_application() {
    let postgres = Postgres::start();
    let sleeper = |name: &str| {
        let url = format!("{}&application_name={name}", postgres.url("postgres"));
        Command::new("psql").args(["-qAtX", "-c", "select pg_sleep(60)", &url]).stderr(Stdio::piped()).spawn().unwrap()
    };
    let (mut first, mut other) = (sleeper("keyroll-1"), sleeper("other"));
    let until = Instant::now() + Duration::from_secs(20);
    let sleeping = "select count(*) from pg_stat_activity where query like '%pg_sleep(60)'";
    while postgres.psql("postgres", &format!("{sleeping} and wait_event = 'PgSleep'")).unwrap() != "2" {
        assert!(Instant::now() < until);
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(postgres.kill_backends("keyroll-%"), 1);
    assert!(!first.wait().unwrap().success());
    assert!(other.try_wait().unwrap().is_none());
    assert_eq!(postgres.kill_backends("%"), 1);
    assert!(!other.wait().unwrap().success());
}

/// The holder of a test run stands for any test process: it is killed, and all must go.
#[test]
fn nothing_stays_behind_when_the_test_process_is_killed() {
    let holder = std::env::current_exe().unwrap().with_file_name("../examples/postgres");
    let mut process = Command::new(holder).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let port = serde_json::from_str::<serde_json::Value>(&line).unwrap()["port"].as_u64().unwrap();
    let folder = folder_of(port);
    assert!(Path::new(&folder).join("data").is_dir());
    process.kill().unwrap();
    process.wait().unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    while Path::new(&folder).exists() || TcpStream::connect(("127.0.0.1", u16::try_from(port).unwrap())).is_ok() {
        assert!(Instant::now() < until, "still there");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The folder of the server that listens on this port: its configuration is named on its command line.
fn folder_of(port: u64) -> String {
    let wanted = format!("port = {port}\n");
    for process in fs::read_dir("/proc").unwrap().flatten() {
        let command = fs::read_to_string(process.path().join("cmdline")).unwrap_or_default();
        let file = command.split('\0').find_map(|a| a.strip_prefix("--config-file="));
        if let Some(file) = file.filter(|f| fs::read_to_string(f).is_ok_and(|text| text.contains(&wanted))) {
            return file.trim_end_matches("/postgresql.conf").to_owned();
        }
    }
    panic!("no server on port {port}");
}
