//! The upstream behind all three: it reads as strictly as a server can, and keeps what it was sent.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// What came on one connection: one request, after which the witness hangs up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sight {
    pub(crate) request_line: String,
    /// Name and value as they came.
    pub(crate) headers: Vec<(String, String)>,
    /// How the body was framed: `by length`, `in chunks`, or not at all.
    pub(crate) framing: &'static str,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Vec<String>,
    /// What is wrong with it, the first that was found.
    pub(crate) wrong: Option<String>,
    /// The connection ended before the request did.
    pub(crate) cut: bool,
    /// What came after it.
    pub(crate) excess: Vec<u8>,
}

/// The server. Its threads end with their connections; the acceptor ends with the process.
pub(crate) struct Witness {
    pub(crate) address: SocketAddr,
    sights: Arc<Mutex<Vec<Sight>>>,
    open: Arc<AtomicUsize>,
}

impl Witness {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sights, open) = (Arc::<Mutex<Vec<Sight>>>::default(), Arc::<AtomicUsize>::default());
        let this = Self { address, sights: Arc::clone(&sights), open: Arc::clone(&open) };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                open.fetch_add(1, Ordering::SeqCst);
                let (sights, open) = (Arc::clone(&sights), Arc::clone(&open));
                thread::spawn(move || {
                    let sight = serve(stream);
                    if !sight.request_line.is_empty() {
                        sights.lock().unwrap().push(sight);
                    }
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        this
    }

    /// All that was seen, once every connection has ended.
    pub(crate) fn sights(&self) -> Vec<Sight> {
        let until = Instant::now() + Duration::from_secs(20);
        while self.open.load(Ordering::SeqCst) > 0 && Instant::now() < until {
            thread::sleep(Duration::from_millis(20));
        }
        self.sights.lock().unwrap().clone()
    }
}

fn serve(stream: TcpStream) -> Sight {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(15)));
    let mut reader = BufReader::new(stream);
    let mut sight = Sight::default();
    if read(&mut reader, &mut sight).is_err() {
        sight.cut = true;
        return sight;
    }
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
    let _ = reader.get_mut().write_all(answer);
    let _ = reader.get_ref().shutdown(Shutdown::Write);
    let _ = reader.read_to_end(&mut sight.excess);
    sight
}

fn read(reader: &mut impl BufRead, sight: &mut Sight) -> io::Result<()> {
    sight.request_line = line(reader, sight)?;
    loop {
        let line = line(reader, sight)?;
        if line.is_empty() {
            break;
        }
        let Some((name, value)) = line.split_once(':') else {
            sight.wrong(format!("a line without a colon: {line:?}"));
            continue;
        };
        if name.is_empty() || !name.bytes().all(is_token) {
            sight.wrong(format!("a name that is none: {name:?}"));
        }
        sight.headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let of = |name: &str| -> Vec<String> {
        let same = sight.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        same.map(|(_, value)| value.clone()).collect()
    };
    let (lengths, codings, hosts) = (of("content-length"), of("transfer-encoding"), of("host"));
    if hosts.len() != 1 {
        sight.wrong(format!("Host: {hosts:?}"));
    }
    match (&lengths[..], &codings[..]) {
        ([], []) => {}
        ([length], []) => {
            sight.framing = "by length";
            let Ok(length) = length.parse::<u64>() else {
                sight.wrong(format!("a length that is none: {length:?}"));
                return Ok(());
            };
            if reader.take(length).read_to_end(&mut sight.body)? as u64 != length {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        ([], [coding]) if coding.eq_ignore_ascii_case("chunked") => {
            sight.framing = "in chunks";
            chunks(reader, sight)?;
        }
        _ => sight.wrong(format!("ambiguous framing: {lengths:?} {codings:?}")),
    }
    Ok(())
}

fn chunks(reader: &mut impl BufRead, sight: &mut Sight) -> io::Result<()> {
    loop {
        let size = line(reader, sight)?;
        if !size.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            sight.wrong(format!("a size with more than digits: {size:?}"));
        }
        let digits = size.split(|c: char| !c.is_ascii_hexdigit()).next().unwrap_or_default();
        let Ok(size) = u64::from_str_radix(digits, 16) else {
            sight.wrong(format!("a size that is none: {size:?}"));
            return Ok(());
        };
        if size == 0 {
            break;
        }
        if reader.take(size).read_to_end(&mut sight.body)? as u64 != size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let end = line(reader, sight)?;
        if !end.is_empty() {
            sight.wrong(format!("after a chunk: {end:?}"));
        }
    }
    loop {
        let trailer = line(reader, sight)?;
        if trailer.is_empty() {
            return Ok(());
        }
        sight.trailers.push(trailer);
    }
}

/// A line without its end, which is CR and LF.
fn line(reader: &mut impl BufRead, sight: &mut Sight) -> io::Result<String> {
    let mut bytes = Vec::new();
    reader.read_until(b'\n', &mut bytes)?;
    if bytes.pop() != Some(b'\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    } else {
        sight.wrong("a bare LF".to_owned());
    }
    if bytes.iter().any(|byte| matches!(byte, b'\r' | 0)) {
        sight.wrong("CR or NUL within a line".to_owned());
    }
    Ok(bytes.iter().map(|byte| char::from(*byte)).collect())
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

impl Sight {
    fn wrong(&mut self, what: String) {
        self.wrong.get_or_insert(what);
    }
}
