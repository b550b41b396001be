//! Long answers behind the guard: nothing waits for what comes later, and memory stays as it is.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "for tests, but outside of a test function")]

mod common;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};

use common::{Rig, World, request};
use flate2::Compression;
use flate2::write::GzEncoder;
use memchr::{memchr_iter, memmem};
use serde_json::json;

const VALUE: &str = "sk_live_4242";
const MIB: usize = 1024 * 1024;

/// What the first piece of an answer is, before the upstream waits.
const FIRST: &str = "data: sk_live_\n\n";
const EVENT: &str = "data: one sk_live_4242\n\n";
const MASKED: &str = "data: one ************\n\n";

/// The resident memory of this process, in bytes.
fn memory() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

/// An upstream on a socket of its own that writes one answer by this function, without keeping any of it.
fn upstream(answer: impl FnOnce(&mut TcpStream) -> std::io::Result<()> + Send + 'static) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        while stream.read_line(&mut line).unwrap() > 2 {
            line.clear();
        }
        answer(&mut stream.into_inner()).unwrap();
    });
    (url, serving)
}

/// An event-stream: the first event, the second once the client has the first, the rest once it has the second.
fn held_back(to: &mut TcpStream, length: usize, go: &Receiver<()>) -> std::io::Result<()> {
    // The value over and over, so that it lies across every border of pieces that there is.
    let line = format!("{VALUE} nothing of it, and sk_live_424 is not it\n");
    let block = line.repeat(64 * 1024 / line.len());
    let blocks = length / block.len();
    let length = FIRST.len() + EVENT.len() + blocks * block.len();
    write!(to, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: {length}\r\n\r\n{FIRST}")?;
    go.recv().unwrap();
    to.write_all(EVENT.as_bytes())?;
    go.recv().unwrap();
    for _ in 0..blocks {
        to.write_all(block.as_bytes())?;
    }
    Ok(())
}

/// Reads on until this text has come.
fn until(from: &mut BufReader<TcpStream>, text: &str) {
    let mut seen = Vec::new();
    while !seen.ends_with(text.as_bytes()) {
        let mut byte = [0];
        from.read_exact(&mut byte).unwrap();
        seen.push(byte[0]);
    }
}

/// Reads to the end, shows each piece, and answers by how much memory grew.
fn drain(from: &mut BufReader<TcpStream>, mut see: impl FnMut(&[u8])) -> usize {
    let before = memory();
    let (mut most, mut read) = (before, 0);
    loop {
        let piece = from.fill_buf().unwrap();
        if piece.is_empty() {
            break;
        }
        see(piece);
        let length = piece.len();
        from.consume(length);
        if read / (8 * MIB) != (read + length) / (8 * MIB) {
            most = most.max(memory());
        }
        read += length;
    }
    most.saturating_sub(before)
}

fn rig(url: &str) -> Rig {
    let mut world = World::new();
    world.route("r", url, &json!({}));
    Rig::start(world)
}

fn ask(rig: &Rig) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(rig.running.address()).unwrap();
    stream.write_all(&request("GET", "/r/", &[("Connection", "close")], b"")).unwrap();
    BufReader::with_capacity(64 * 1024, stream)
}

/// An answer of this length: the first byte and an event come while the upstream holds back the rest; then the rest
/// passes in memory that does not grow.
fn passes_in_flat_memory(length: usize) {
    let (go, wait) = channel();
    let (url, serving) = upstream(move |to| held_back(to, length, &wait));
    let rig = rig(&url);
    let mut answer = ask(&rig);
    until(&mut answer, "\r\n\r\n");
    until(&mut answer, FIRST);
    go.send(()).unwrap();
    until(&mut answer, MASKED);
    go.send(()).unwrap();
    // The last bytes of a piece are looked at again with the next one.
    let mut tail: Vec<u8> = Vec::new();
    let (mut stars, mut read) = (0, 0);
    let grown = drain(&mut answer, |piece| {
        tail.extend_from_slice(piece);
        assert!(memmem::find(&tail, VALUE.as_bytes()).is_none());
        tail.drain(..tail.len().saturating_sub(VALUE.len() - 1));
        stars += memchr_iter(b'*', piece).count();
        read += piece.len();
    });
    serving.join().unwrap();
    let line = VALUE.len() + " nothing of it, and sk_live_424 is not it\n".len();
    assert_eq!(stars, read / line * VALUE.len());
    assert!(read > length - 128 * 1024, "{read} of {length}");
    assert!(grown < 8 * MIB, "memory grew by {grown} bytes");
}

#[test]
fn a_long_answer_passes_in_flat_memory_and_nothing_of_it_waits() {
    passes_in_flat_memory(64 * MIB);
}

#[test]
#[ignore = "soak"]
fn a_gibibyte_passes_in_flat_memory() {
    passes_in_flat_memory(1024 * MIB);
}

/// Little that becomes a lot.
fn unpacks_in_flat_memory(coding: &'static str, packed: Vec<u8>, length: usize) {
    let (url, serving) = upstream(move |to| {
        write!(to, "HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n", packed.len())?;
        to.write_all(&packed)
    });
    let rig = rig(&url);
    let mut answer = ask(&rig);
    until(&mut answer, "\r\n\r\n");
    let mut zeros = 0;
    let grown = drain(&mut answer, |piece| zeros += memchr_iter(0, piece).count());
    serving.join().unwrap();
    assert_eq!(zeros, length);
    // Brotli refers back by up to 16 MiB, and may keep them.
    let window = if coding == "br" { 24 * MIB } else { 0 };
    assert!(grown < 8 * MIB + window, "memory grew by {grown} bytes");
}

#[test]
fn what_unpacks_to_a_lot_passes_in_flat_memory() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..64 {
        encoder.write_all(&[0; MIB]).unwrap();
    }
    unpacks_in_flat_memory("gzip", encoder.finish().unwrap(), 64 * MIB);
}

#[test]
#[ignore = "soak"]
fn a_kilobyte_that_is_a_gibibyte_passes_in_flat_memory() {
    let packed = include_bytes!("../../outbound/tests/all/guard/packed/zeros.br");
    unpacks_in_flat_memory("br", packed.to_vec(), 1024 * MIB);
}
