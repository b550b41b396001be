//! A gateway that may open 256 files, and somebody who opens more connections than that.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::thread;
use std::time::Duration;

use testkit::{Connection, NodeOptions};

use super::Stage;
use super::hostile::{self, Hostile};
use crate::h2::{SETTINGS, frame};
use crate::scene::KEYROLL;

#[test]
fn four_hundred_connections_do_not_keep_others_out_where_256_files_may_be_open() {
    crowd(400, 1);
}

#[test]
#[ignore = "soak"]
fn crowd_after_crowd_where_256_files_may_be_open() {
    // Each may stay for a second, and those who wait are served in their order.
    crowd(800, 10);
}

fn crowd(count: usize, rounds: usize) {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("keyroll");
    fs::write(&script, format!("#!/bin/sh\nulimit -n 256 || exit 1\nexec {KEYROLL} \"$@\"\n")).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let options = NodeOptions::new(&script).env("KEYROLL_LOG__LEVEL", "warn");
    let stage = Stage::with(options, Hostile::start(hostile::dribbles));

    let whole = stage.request("GET", "/r/x", "");
    let preface = [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &frame(SETTINGS, 0, 0, &[])].concat();
    for _ in 0..rounds {
        stage.while_others_are_answered("256 files", 64, || {
            // Nothing, half a head, a preface and no request, a request whose answer nobody reads.
            let begin = |number: usize| {
                let mut stream: TcpStream = stage.connect();
                let sent = match number % 4 {
                    0 => &b""[..],
                    1 => &whole.as_bytes()[..whole.len() - 2],
                    2 => &preface,
                    _ => whole.as_bytes(),
                };
                // Whoever has been idle for too long may be hung up on already.
                let _ = stream.write_all(sent);
                stream
            };
            let streams: Vec<TcpStream> = (0..count).map(begin).collect();
            // Somebody whose answer takes its time is not hung up on for others.
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        let mut connection = Connection::open(stage.scene.node.gateway()).unwrap();
                        let reply = connection.call(stage.request("GET", "/bad/x", "").as_bytes()).unwrap();
                        assert_eq!(reply.expect(200).text(), "byte by byte");
                    });
                }
            });
            // Nor are operators kept out.
            stage.scene.node.api("GET", "/v1/routes", None).expect(200);
            thread::sleep(Duration::from_secs(1));
            drop(streams);
        });
    }
    assert!(!stage.scene.node.log().contains("Too many open files"), "files are left for what matters");
}
