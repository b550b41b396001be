//! Another protocol behind a request, and what could be smuggled behind one that only asks for it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use common::{Rig, World, code, key};
use serde_json::json;
use testkit::Connection;

const GRANTED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
                       Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
const NOT_GRANTED: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// An upstream that answers whoever asks for another protocol as told, and all others with 200. Behind a 101 it sends
/// back what it is sent.
struct Server {
    url: String,
    /// All heads of requests, and all that came behind a 101.
    seen: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let all = Arc::clone(&all);
                thread::spawn(move || serve(&stream, &stream, answer, &all));
            }
        });
        Self { url, seen }
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    fn rig(&self) -> Rig {
        let mut world = World::new();
        world.route("r", &self.url, &json!({}));
        Rig::start(world)
    }
}

fn serve(reader: impl Read, mut writer: impl Write, answer: &str, all: &Mutex<Vec<String>>) -> Option<()> {
    let mut reader = BufReader::new(reader);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        let lower = head.to_ascii_lowercase();
        let length = lower.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let mut chunks = String::new();
        while lower.contains("\r\ntransfer-encoding: chunked\r\n") && !chunks.ends_with("\r\n0\r\n\r\n") {
            reader.read_line(&mut chunks).ok().filter(|count| *count > 0)?;
        }
        all.lock().unwrap().push(head + &String::from_utf8_lossy(&body));
        let asked = lower.contains("\r\nupgrade:");
        let answer = if asked { answer } else { NOT_GRANTED };
        writer.write_all(answer.as_bytes()).ok()?;
        writer.flush().ok()?;
        if answer.starts_with("HTTP/1.1 101") {
            let mut piece = [0; 4096];
            loop {
                let count = reader.read(&mut piece).ok()?;
                if count == 0 {
                    return None;
                }
                all.lock().unwrap().push(format!("raw {}", String::from_utf8_lossy(&piece[..count])));
                writer.write_all(&piece[..count]).ok()?;
                writer.flush().ok()?;
            }
        }
    }
}

fn asking(protocol: &str, more: &str) -> String {
    let key = key(1);
    format!(
        "GET /r/socket HTTP/1.1\r\nHost: g\r\nKeyroll-Key: {key}\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
    )
}

fn plain(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: g\r\nKeyroll-Key: {}\r\n\r\n", key(1))
}

/// Reads so much of what comes back through a tunnel.
#[track_caller]
fn read(connection: &mut Connection, length: usize) -> String {
    let mut bytes = vec![0; length];
    connection.stream().read_exact(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn what_is_sent_along_waits_for_the_answer_and_then_goes_through() {
    let server = Server::start(GRANTED);
    let rig = server.rig();
    let mut connection = rig.connect();
    // A request before it and bytes of the other protocol after it, all in one piece: fragments of a text that comes back.
    let early = "\x01\x06early.";
    connection.send(format!("{}{}{early}", plain("/r/first"), asking("websocket", "")).as_bytes()).unwrap();
    assert_eq!(connection.reply(false).unwrap().status, 200);
    let reply = connection.reply(false).unwrap();
    assert_eq!((reply.status, reply.header("upgrade").as_deref()), (101, Some("websocket")));
    assert_eq!(reply.header("sec-websocket-accept").unwrap(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_eq!(read(&mut connection, 8), early);
    let inner = "\x00\x1aGET /r/inner HTTP/1.1\r\n\r\n.";
    connection.send(inner.as_bytes()).unwrap();
    assert_eq!(read(&mut connection, 28), inner);
    // One side ends; what is on its way from the other still comes.
    let last = "\x00\x05last.";
    connection.send(last.as_bytes()).unwrap();
    connection.stream().get_ref().shutdown(Shutdown::Write).unwrap();
    let mut rest = String::new();
    connection.stream().read_to_string(&mut rest).unwrap();
    assert_eq!(rest, last);
    let seen = server.seen();
    let (asked, raw) = (seen[1].to_ascii_lowercase(), seen[2..].concat().replace("raw ", ""));
    assert!(asked.contains("\r\nconnection: upgrade\r\n") && asked.contains("\r\nupgrade: websocket\r\n"), "{asked}");
    assert!(asked.contains("\r\nauthorization: bearer sk_live_4242\r\n") && !asked.contains("krk_"), "{asked}");
    assert_eq!(raw, [early, inner, last].concat());
}

#[test]
fn what_is_sent_along_is_the_next_request_where_the_answer_is_no() {
    let server = Server::start(NOT_GRANTED);
    let rig = server.rig();
    let without_key = "GET /r/next HTTP/1.1\r\nHost: g\r\n\r\n";
    for (next, status, arrives) in [
        (plain("/r/next"), 200, true),
        (without_key.to_owned(), 401, false),
        (plain("/r/../next"), 400, false),
        ("\x01\x05hello\r\n\r\n".to_owned(), 400, false),
    ] {
        server.seen.lock().unwrap().clear();
        let mut connection = rig.connect();
        connection.send(format!("{}{next}", asking("websocket", "")).as_bytes()).unwrap();
        assert_eq!(connection.reply(false).unwrap().status, 200);
        assert_eq!(connection.reply(false).unwrap().status, status, "{next:?}");
        let seen = server.seen();
        assert_eq!(seen.len(), 1 + usize::from(arrives), "{next:?}: {seen:?}");
        assert!(seen.iter().all(|head| head.contains("sk_live_4242") && !head.starts_with("raw ")), "{seen:?}");
    }
}

#[test]
fn an_answer_that_grants_what_nobody_asked_for_is_a_502() {
    let granted = |old: &str, new: &str| -> &'static str { String::leak(GRANTED.replace(old, new)) };
    for (what, answer, fine) in [
        ("as it should be", GRANTED, true),
        ("in other letters", granted("Upgrade: websocket", "upgrade: WebSocket"), true),
        ("a wrong proof", granted("s3pP", "S3pP"), false),
        ("no proof", granted("Sec-WebSocket-Accept", "X-Accept"), false),
        ("another protocol", granted("Upgrade: websocket", "Upgrade: mqtt"), false),
        ("two protocols", granted("Upgrade: websocket", "Upgrade: websocket\r\nUpgrade: mqtt"), false),
        ("no protocol", granted("Upgrade: websocket\r\n", ""), false),
    ] {
        let server = Server::start(answer);
        let rig = server.rig();
        let mut connection = rig.connect();
        connection.send(format!("{}\x01raw.{}", asking("websocket", ""), plain("/r/next")).as_bytes()).unwrap();
        let reply = connection.reply(false).unwrap();
        if fine {
            assert_eq!(reply.status, 101, "{what}");
            assert_eq!(read(&mut connection, 5), "\x01raw.");
            continue;
        }
        assert_eq!((reply.status, code(&reply).as_str()), (502, "upstream-protocol-error"), "{what}");
        // What was sent along is no request.
        assert!(connection.reply(false).map_or(true, |reply| reply.status == 400), "{what}");
        assert_eq!(server.seen().len(), 1, "{what}: nothing of it went to the upstream");
    }
}

#[test]
fn what_is_no_upgrade_is_an_ordinary_request() {
    let server = Server::start(GRANTED);
    let rig = server.rig();
    for (what, request) in [
        ("h2c", asking("h2c", "HTTP2-Settings: AAMAAABkAAQAAP__\r\n")),
        ("h2c among others", asking("websocket, h2c", "")),
        ("HTTP/2.0", asking("HTTP/2.0", "")),
        ("with a body", asking("websocket", "Content-Length: 5\r\n") + "hello"),
        ("with chunks", asking("websocket", "Transfer-Encoding: chunked\r\n") + "5\r\nhello\r\n0\r\n\r\n"),
        ("Connection does not say so", asking("websocket", "").replace("Connection: Upgrade\r\n", "")),
        ("two at once", asking("websocket", "Upgrade: mqtt\r\n")),
        ("in HTTP/1.0", asking("websocket", "").replace("HTTP/1.1", "HTTP/1.0")),
    ] {
        server.seen.lock().unwrap().clear();
        let mut connection = rig.connect();
        connection.send(request.as_bytes()).unwrap();
        assert_eq!(connection.reply(false).unwrap().status, 200, "{what}");
        let seen = server.seen();
        let head = seen[0].to_ascii_lowercase();
        assert!(!head.contains("upgrade") && !head.contains("http2-settings"), "{what}: {head}");
        if !what.ends_with("1.0") {
            assert_eq!(connection.call(plain("/r/next").as_bytes()).unwrap().status, 200, "{what}");
        }
    }
}

#[test]
fn only_http1_is_offered_for_an_upgrade_over_tls() {
    let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let der = rustls_pki_types::PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
    let mut config = rustls::ServerConfig::builder_with_provider(rustls::crypto::aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], der)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut world = World::new();
    let url = format!("https://{}", listener.local_addr().unwrap());
    world.route("r", &url, &json!({"tls": {"ca": own.cert.pem()}}));
    let rig = Rig::start(world);
    let chosen = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut tls = rustls::StreamOwned::new(rustls::ServerConnection::new(config).unwrap(), stream);
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            tls.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        tls.write_all(GRANTED.as_bytes()).unwrap();
        let mut piece = [0; 7];
        tls.read_exact(&mut piece).unwrap();
        tls.write_all(&piece).unwrap();
        tls.flush().unwrap();
        (tls.conn.alpn_protocol().map(<[u8]>::to_vec), TcpStream::shutdown(&tls.sock, Shutdown::Read).is_ok())
    });
    let mut connection = rig.connect();
    assert_eq!(connection.call(asking("websocket", "").as_bytes()).unwrap().status, 101);
    connection.send(b"\x01\x05ping.").unwrap();
    assert_eq!(read(&mut connection, 7), "\x01\x05ping.");
    assert_eq!(chosen.join().unwrap().0.as_deref(), Some(&b"http/1.1"[..]));
}
