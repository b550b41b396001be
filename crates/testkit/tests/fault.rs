//! The failing network of the tests: each mode, and beside it what it must leave alone.
#![allow(clippy::unwrap_used, reason = "in the functions that the tests share")]

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use testkit::{FaultProxy, Mode, Postgres};

/// Long enough for bytes that pass, short for those that do not.
const MOMENT: Duration = Duration::from_millis(300);

/// Sends back what it is sent, and then the end of the connection.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let mut back = stream.try_clone().unwrap();
                let _ = std::io::copy(&mut stream, &mut back);
            });
        }
    });
    address
}

fn open(proxy: &FaultProxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.address()).unwrap();
    stream.set_read_timeout(Some(MOMENT)).unwrap();
    stream
}

/// Sends a word and reads it back.
fn call(mut stream: &TcpStream) -> std::io::Result<()> {
    stream.write_all(b"word")?;
    let mut back = [0; 4];
    stream.read_exact(&mut back)?;
    assert_eq!(&back, b"word");
    Ok(())
}

fn failure(stream: &TcpStream) -> ErrorKind {
    call(stream).unwrap_err().kind()
}

#[test]
fn passes_bytes_ends_and_resets() {
    let proxy = FaultProxy::start(echo());
    let first = open(&proxy);
    call(&first).unwrap();
    call(&open(&proxy)).unwrap();
    assert_eq!(proxy.connections(), 2);

    // More than fits into the buffers of the kernel, in both directions at once.
    let sent: Vec<u8> = (0..20_000_000_u32).map(|n| (n % 251) as u8).collect();
    let mut received = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            (&first).write_all(&sent).unwrap();
            first.shutdown(Shutdown::Write).unwrap();
        });
        (&first).read_to_end(&mut received).unwrap();
    });
    assert!(received == sent);
    let until = Instant::now() + Duration::from_secs(10);
    while proxy.open() > 0 {
        assert!(Instant::now() < until, "an ended connection is kept");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_server_that_is_away_is_a_reset() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let proxy = FaultProxy::start(nobody);
    assert_eq!(open(&proxy).read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[test]
fn refuses_new_connections_and_keeps_open_ones() {
    let proxy = FaultProxy::start(echo());
    let before = open(&proxy);
    call(&before).unwrap();
    proxy.set(Mode::Refuse);
    let refused = TcpStream::connect(proxy.address()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    call(&before).unwrap();
    assert_eq!(proxy.connections(), 1);
    proxy.set(Mode::Pass);
    call(&open(&proxy)).unwrap();
    call(&before).unwrap();
}

#[test]
fn cuts_open_connections_and_new_ones() {
    let proxy = FaultProxy::start(echo());
    let mut before = open(&proxy);
    call(&before).unwrap();
    proxy.set(Mode::Cut);
    assert_eq!(proxy.open(), 0);
    assert_eq!(before.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(open(&proxy).read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(proxy.connections(), 2);
    proxy.set(Mode::Pass);
    call(&open(&proxy)).unwrap();
}

#[test]
fn swallows_bytes_and_ends_until_it_passes_them() {
    let proxy = FaultProxy::start(echo());
    let mut before = open(&proxy);
    call(&before).unwrap();
    proxy.set(Mode::BlackHole);
    assert_eq!(failure(&before), ErrorKind::WouldBlock);
    let after = open(&proxy);
    assert_eq!(failure(&after), ErrorKind::WouldBlock);
    before.shutdown(Shutdown::Write).unwrap();
    assert_eq!(before.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!((proxy.connections(), proxy.open()), (2, 2));

    proxy.set(Mode::Pass);
    let mut rest = String::new();
    before.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "word");
    let mut held = [0; 4];
    (&after).read_exact(&mut held).unwrap();
    call(&after).unwrap();
    // A connection that was swallowed can be cut.
    proxy.set(Mode::BlackHole);
    proxy.set(Mode::Cut);
    assert_eq!((&after).read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[test]
fn slow_bytes_are_late_and_whole() {
    let proxy = FaultProxy::start(echo());
    let stream = open(&proxy);
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let begun = Instant::now();
    call(&stream).unwrap();
    assert!(begun.elapsed() < MOMENT, "{:?}", begun.elapsed());
    proxy.set(Mode::Slow { delay: MOMENT });
    let begun = Instant::now();
    call(&stream).unwrap();
    assert!(begun.elapsed() >= 2 * MOMENT, "{:?}", begun.elapsed());
    // The end is as late, and does not overtake.
    (&stream).write_all(b"last").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut rest = String::new();
    (&stream).read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "last");
}

#[test]
fn nothing_listens_after_its_end() {
    let proxy = FaultProxy::start(echo());
    let (stream, address) = (open(&proxy), proxy.address());
    call(&stream).unwrap();
    drop(proxy);
    assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    assert_eq!((&stream).read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[test]
fn stands_before_a_database() {
    let postgres = Postgres::shared();
    let database = postgres.create_database();
    let proxy = FaultProxy::start(([127, 0, 0, 1], postgres.port()));
    let url = database.url_by(proxy.port());
    let select = || std::process::Command::new("psql").args(["-qAtX", "-c", "select 1", &url]).output().unwrap();
    assert_eq!(select().stdout, b"1\n");
    assert_eq!(proxy.connections(), 1);
    proxy.set(Mode::Refuse);
    assert!(String::from_utf8(select().stderr).unwrap().contains("Connection refused"));
}

#[test]
fn answers_are_lost_and_what_is_sent_arrives() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = FaultProxy::start(listener.local_addr().unwrap());
    let client = open(&proxy);
    let (mut server, _) = listener.accept().unwrap();
    proxy.set(Mode::LoseAnswers);
    (&client).write_all(b"word").unwrap();
    let mut word = [0; 4];
    server.read_exact(&mut word).unwrap();
    server.write_all(&word).unwrap();
    assert_eq!((&client).read(&mut word).unwrap_err().kind(), ErrorKind::WouldBlock);
    proxy.set(Mode::Pass);
    (&client).read_exact(&mut word).unwrap();
    assert_eq!(&word, b"word");
}
