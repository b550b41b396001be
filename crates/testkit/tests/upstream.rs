//! The recording upstream and the raw client, against each other, in plain text and under TLS.
#![allow(clippy::unwrap_used, reason = "in the functions that the tests share")]

use std::io::{BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::json;
use testkit::load::{self, LoadPlan};
use testkit::wire::request;
use testkit::{Answer, Authority, Connection, Upstream};

const HOST: (&str, &str) = ("Host", "stand-in");

#[test]
fn keeps_each_head_byte_for_byte_and_the_connection_alive() {
    let upstream = Upstream::ok();
    let mut client = Connection::open(&upstream.url()).unwrap();
    let odd = b"GET /a?b=%2f HTTP/1.1\r\nHOST: x\r\nX-Odd:   two  blanks \r\nx-odd: again\r\n\r\n";
    assert_eq!(client.call(odd).unwrap().text(), "ok");
    let post = request("POST", "/body", &[HOST], b"the body");
    client.call(&post).unwrap().expect(200);

    let records = upstream.records();
    assert_eq!(records.len(), 2);
    assert_eq!(records[0].head, odd);
    assert_eq!(records[0].target, "/a?b=%2f");
    assert_eq!(records[0].all("X-ODD"), ["two  blanks", "again"]);
    assert_eq!(records[1].body, b"the body");
    assert_eq!((records[0].connection, records[1].connection), (0, 0));
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn reads_chunks_and_trailers_both_ways() {
    let parts = vec![(Duration::ZERO, b"one ".to_vec()), (Duration::ZERO, b"two".to_vec())];
    let upstream = Upstream::start(move |_| Answer::chunks(200, parts.clone()));
    let mut client = Connection::open(&upstream.url()).unwrap();
    let chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n\
        4;ext=1\r\nsome\r\n5\r\n body\r\n0\r\nX-Trailer: end\r\n\r\n";
    let reply = client.call(chunked).unwrap();
    assert_eq!(reply.text(), "one two");
    assert_eq!(upstream.last().body, b"some body");
    assert_eq!(upstream.last().trailers, [("X-Trailer".to_owned(), b"end".to_vec())]);
    // What follows on the same connection is not mistaken for body.
    client.call(&request("GET", "/next", &[HOST], b"")).unwrap().expect(200);
    assert_eq!(upstream.last().target, "/next");
}

#[test]
fn a_fed_answer_waits_for_the_test() {
    let (feed, answer) = Answer::fed(200);
    let upstream = Upstream::start(move |_| answer.clone().header("Content-Type", "text/event-stream"));
    let mut client = Connection::open(&upstream.url()).unwrap();
    client.send(&request("GET", "/", &[HOST], b"")).unwrap();
    let mut upto = |end: &str| {
        let mut read = Vec::new();
        while !read.ends_with(end.as_bytes()) {
            let mut byte = [0];
            client.stream().read_exact(&mut byte).unwrap();
            read.extend_from_slice(&byte);
        }
        String::from_utf8(read).unwrap()
    };
    // Head and pieces are read one by one, each before the next is sent.
    assert!(upto("\r\n\r\n").contains("Content-Type: text/event-stream\r\n"));
    for piece in ["one", "two!"] {
        feed.send(piece);
        assert_eq!(upto(&format!("{piece}\r\n")), format!("{}\r\n{piece}\r\n", piece.len()));
    }
    drop(feed);
    assert_eq!(upto("\r\n\r\n"), "0\r\n\r\n");
}

#[test]
fn answers_change_while_it_runs() {
    let upstream = Upstream::start(|r| match r.header("x-key").as_deref() {
        Some("right") => Answer::json(200, &json!({"ok": true})),
        _ => Answer::text(401, "no"),
    });
    let mut client = Connection::open(&upstream.url()).unwrap();
    client.call(&request("GET", "/", &[HOST], b"")).unwrap().expect(401);
    let right = request("GET", "/", &[HOST, ("X-Key", "right")], b"");
    assert_eq!(client.call(&right).unwrap().expect(200).json(), json!({"ok": true}));
    upstream.answer_with(|_| Answer::text(503, "down"));
    client.call(&right).unwrap().expect(503);
    assert_eq!(client.call(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap().status, 503);
    client.call(&right).unwrap().expect(503);
    assert_eq!(upstream.wait_for(5).len(), 5);
}

#[test]
fn a_cut_answer_is_an_error_and_a_whole_one_is_not() {
    let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody".to_vec();
    for (kept, good) in [(whole.len(), true), (whole.len() - 1, false), (10, false), (0, false)] {
        let bytes = whole[..kept].to_vec();
        let upstream = Upstream::start(move |_| Answer::raw(bytes.clone()));
        let mut client = Connection::open(&upstream.url()).unwrap();
        let answer = client.call(&request("GET", "/", &[HOST], b""));
        match answer {
            Ok(reply) => assert!(good && reply.text() == "body", "{kept} bytes"),
            Err(e) => assert!(!good && e.kind() == ErrorKind::UnexpectedEof, "{kept} bytes: {e}"),
        }
    }
}

#[test]
fn sends_parts_when_they_are_due() {
    let parts = vec![(Duration::ZERO, b"now ".to_vec()), (Duration::from_millis(200), b"later".to_vec())];
    let upstream = Upstream::start(move |_| Answer::chunks(200, parts.clone()));
    let mut client = Connection::open(&upstream.url()).unwrap();
    let begun = Instant::now();
    client.send(&request("GET", "/", &[HOST], b"")).unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"now \r\n") {
        let mut byte = [0];
        client.stream().read_exact(&mut byte).unwrap();
        seen.push(byte[0]);
    }
    assert!(begun.elapsed() < Duration::from_millis(200), "the first part waited for the second");
    client.stream().read_exact(&mut [0; 5]).unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(200));
}

#[test]
fn speaks_tls_under_the_given_authority_only() {
    let (authority, other) = (Authority::new(), Authority::new());
    let upstream =
        Upstream::tls(&authority, &["127.0.0.1", "api.example"], |_| Answer::text(200, "over TLS").closing());
    assert!(upstream.url().starts_with("https://127.0.0.1:"));
    assert!(tls_get(&upstream, &authority, "api.example").unwrap().ends_with("over TLS"));
    assert!(tls_get(&upstream, &authority, "127.0.0.1").unwrap().ends_with("over TLS"));
    assert_eq!(upstream.count(), 2);
    tls_get(&upstream, &other, "api.example").unwrap_err();
    tls_get(&upstream, &authority, "other.example").unwrap_err();
    assert_eq!(upstream.count(), 2);
}

#[test]
fn counts_a_load_whole() {
    let upstream = Upstream::start(|r| match r.header("x-n").as_deref() {
        Some("7") => Answer::raw(Vec::new()),
        Some("8") => Answer::text(500, "bad").closing(),
        _ => Answer::text(200, "good"),
    });
    let report = load::run(&LoadPlan {
        address: &upstream.url(),
        connections: 4,
        total: 200,
        request: &|n| request("GET", "/", &[HOST, ("X-N", &n.to_string())], b""),
    });
    assert_eq!(report.statuses, [(200, 198), (500, 1)].into());
    assert_eq!(report.bodies, [(b"good".to_vec(), 198), (b"bad".to_vec(), 1)].into());
    assert_eq!(report.errors.len(), 1, "{:?}", report.errors);
    assert!(report.errors[0].starts_with("request 7: "));
    assert_eq!(upstream.count(), 200);
    assert!(std::panic::catch_unwind(|| report.assert_all(200, 200)).is_err());

    upstream.answer_with(|_| Answer::text(200, "good"));
    let report = load::run(&LoadPlan {
        address: &upstream.url(),
        connections: 4,
        total: 100,
        request: &|_| request("GET", "/", &[HOST], b""),
    });
    report.assert_all(200, 100);
    // Kept alive; on a busy machine the others may be done before the last one begins.
    assert!((1..=4).contains(&report.opened), "{}", report.opened);
}

#[test]
fn is_gone_once_dropped() {
    let upstream = Upstream::ok();
    let url = upstream.url();
    let mut client = Connection::open(&url).unwrap();
    client.call(&request("GET", "/", &[HOST], b"")).unwrap();
    drop(upstream);
    client.call(&request("GET", "/", &[HOST], b"")).unwrap_err();
    Connection::open(&url).unwrap_err();
}

fn tls_get(upstream: &Upstream, authority: &Authority, name: &str) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.ca_pem().as_bytes()).unwrap()).unwrap();
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let config = ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = name.to_owned().try_into().unwrap();
    let session = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(session, TcpStream::connect(upstream.address())?);
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")?;
    let mut text = String::new();
    match BufReader::new(stream).read_to_string(&mut text) {
        // The stand-in ends without a close_notify.
        Err(e) if e.kind() != ErrorKind::UnexpectedEof => Err(e),
        _ => Ok(text),
    }
}
