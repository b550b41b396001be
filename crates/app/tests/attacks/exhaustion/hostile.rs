//! Upstreams that misbehave, byte by byte.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// What an upstream does once it has read a head.
pub(super) type Behaviour = fn(&mut TcpStream) -> io::Result<()>;

/// An upstream. Its threads end when the gateway hangs up.
pub(crate) struct Hostile {
    pub(super) address: SocketAddr,
    /// Connections that are open.
    pub(super) open: Arc<AtomicUsize>,
}

impl Hostile {
    pub(super) fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, open) = (listener.local_addr().unwrap(), Arc::<AtomicUsize>::default());
        let count = Arc::clone(&open);
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let count = Arc::clone(&count);
                count.fetch_add(1, Ordering::SeqCst);
                thread::spawn(move || {
                    // How it ends is the gateway's affair.
                    let _ = read_head(&mut stream).and_then(|()| behaviour(&mut stream));
                    drop(stream);
                    count.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, open }
    }
}

fn read_head(stream: &mut TcpStream) -> io::Result<()> {
    let mut seen = Vec::new();
    let mut byte = [0];
    while !seen.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        seen.push(byte[0]);
    }
    Ok(())
}

/// Accepts, reads, and says nothing.
pub(super) fn hangs(stream: &mut TcpStream) -> io::Result<()> {
    io::copy(stream, &mut io::sink()).map(drop)
}

/// Answers, one byte at a time.
pub(super) fn dribbles(stream: &mut TcpStream) -> io::Result<()> {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\nConnection: close\r\n\r\n";
    for (bytes, pause) in [(&head[..], 5), (b"byte by byte", 100)] {
        for byte in bytes {
            stream.write_all(&[*byte])?;
            thread::sleep(Duration::from_millis(pause));
        }
    }
    Ok(())
}

/// A head with no end, in lines.
pub(super) fn endless_head(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\n")?;
    let lines: Vec<u8> = (0..100).flat_map(|n| format!("X-{n}: {}\r\n", "a".repeat(100)).into_bytes()).collect();
    loop {
        stream.write_all(&lines)?;
    }
}

/// A head with no end, in one line.
pub(super) fn endless_header(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nX: ")?;
    loop {
        stream.write_all(&[b'a'; 16 * 1024])?;
    }
}

/// A head that ends, after very many lines.
pub(super) fn thousands_of_headers(stream: &mut TcpStream) -> io::Result<()> {
    let lines: String = (0..5_000).map(|n| format!("X-{n}: 1\r\n")).collect();
    write!(stream, "HTTP/1.1 200 OK\r\n{lines}Content-Length: 2\r\n\r\nok")?;
    hangs(stream)
}

/// An answer that is always about to come.
pub(super) fn endless_interim(stream: &mut TcpStream) -> io::Result<()> {
    loop {
        stream.write_all(b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n")?;
    }
}

/// A body with no end.
pub(super) fn endless_body(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
    let chunk = [&b"4000\r\n"[..], &[b'x'; 16 * 1024], b"\r\n"].concat();
    loop {
        stream.write_all(&chunk)?;
    }
}

/// A body that begins and never goes on.
pub(super) fn stalled_body(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")?;
    hangs(stream)
}

/// A chunk whose size has no end.
pub(super) fn endless_extension(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;")?;
    loop {
        stream.write_all(&[b'a'; 16 * 1024])?;
    }
}

/// Trailers with no end.
pub(super) fn endless_trailers(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n1\r\na\r\n0\r\n")?;
    loop {
        stream.write_all("X: a\r\n".repeat(1_000).as_bytes())?;
    }
}
