//! Ten thousand connections that do nothing.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::Stage;
use super::hostile::{self, Hostile};

/// The connections, and what a test and a node need beside them. A node keeps two fifths of its files for the rest.
const CONNECTIONS: usize = 10_000;
const FILES: u64 = 10_500;
const FILES_OF_NODE: u64 = 17_500;

#[test]
fn ten_thousand_connections_may_be_idle() {
    let limit = getrlimit(Resource::Nofile);
    let allowed = limit.maximum.unwrap_or(u64::MAX);
    assert!(
        allowed >= FILES_OF_NODE,
        "a process here may have {allowed} files open, and this test needs {FILES_OF_NODE}: raise the hard limit \
         (`ulimit -Hn {FILES_OF_NODE}` as root, `LimitNOFILE=` of the service, or /etc/security/limits.conf)"
    );
    let current = limit.current.unwrap_or(u64::MAX).max(FILES);
    setrlimit(Resource::Nofile, Rlimit { current: Some(current), ..limit }).unwrap();

    let stage = Stage::start(Hostile::start(hostile::hangs));
    let request = stage.request("GET", "/r/x", "");
    // Some 30 KiB for each in an unoptimised build: what was read and written, and the task.
    stage.while_others_are_answered("ten thousand idle connections", 400, || {
        let mut streams: Vec<TcpStream> = Vec::with_capacity(CONNECTIONS);
        for number in 0..CONNECTIONS {
            let mut stream = stage.connect();
            // One in four has been answered once before it falls silent.
            if number % 4 == 0 {
                assert_answered(&mut stream, &request, number);
            }
            streams.push(stream);
        }
        std::thread::sleep(Duration::from_secs(2));
        // All of them are still there: the last as the first can ask.
        for number in [0, 1, 5_000, 5_001, CONNECTIONS - 1] {
            assert_answered(&mut streams[number], &request, number);
        }
    });
}

#[track_caller]
fn assert_answered(stream: &mut TcpStream, request: &str, number: usize) {
    stream.write_all(request.as_bytes()).unwrap();
    let (mut answer, mut buffer) = (Vec::new(), [0; 1024]);
    while !answer.ends_with(b"\r\n\r\nok") {
        let count = stream.read(&mut buffer).unwrap();
        assert!(count > 0, "number {number} was hung up on");
        answer.extend_from_slice(&buffer[..count]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 200 "), "number {number}");
}
