//! HTTP/1.1 read byte by byte, for both ends of a connection, and the raw client of the tests.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use serde_json::Value;

/// Header or trailer lines in the order received: the name as sent, the value without the white
/// space around it.
pub type Headers = Vec<(String, Vec<u8>)>;

/// How long a read or a write may stand still before the test fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// One answer, read to its end.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status code, such as 200.
    pub status: u16,
    /// Header lines in the order received.
    pub headers: Headers,
    /// The body without its chunk framing.
    pub body: Vec<u8>,
    /// Trailer lines of a chunked body.
    pub trailers: Headers,
    /// Status line and header lines exactly as received, including the blank line.
    pub head: Vec<u8>,
}

impl Reply {
    /// The first value of this header, compared without case; bytes that are not UTF-8 are replaced.
    pub fn header(&self, name: &str) -> Option<String> {
        first(&self.headers, name)
    }

    /// The body as text; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is not JSON; the message shows status and body.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|e| panic!("status {}, not JSON ({e}): {}", self.status, self.text()))
    }

    /// This reply, once its status is the expected one.
    ///
    /// # Panics
    /// When it is another one; the message shows the body.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "unexpected status, body: {}", self.text());
        self
    }
}

/// A plain TCP connection to a server under test, kept alive between calls.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    /// Connects to `host:port`; an `http://` in front is ignored.
    ///
    /// # Errors
    /// What the operating system says, for example that the connection was refused.
    pub fn open(address: &str) -> io::Result<Self> {
        Ok(Self { stream: BufReader::new(connect(address)?) })
    }

    /// Sends these bytes as they are and reads one answer.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] when the answer is cut short, `InvalidData` when it is not
    /// HTTP, `WouldBlock` or `TimedOut` when nothing came for 30 s.
    pub fn call(&mut self, request: &[u8]) -> io::Result<Reply> {
        self.send(request)?;
        self.reply(request.starts_with(b"HEAD "))
    }

    /// Sends these bytes as they are.
    ///
    /// # Errors
    /// As the socket reports.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Reads one answer; interim 1xx answers other than 101 are passed over. An answer to HEAD
    /// (`to_head`), a 101, a 204 and a 304 have no body (RFC 9112, section 6.3).
    ///
    /// # Errors
    /// As [`Connection::call`].
    pub fn reply(&mut self, to_head: bool) -> io::Result<Reply> {
        read_reply(&mut self.stream, to_head)
    }

    /// The stream behind, for what is no longer HTTP (after an upgrade) or half-closed.
    pub fn stream(&mut self) -> &mut BufReader<TcpStream> {
        &mut self.stream
    }
}

/// Reads one answer, as [`Connection::reply`] does.
pub(crate) fn read_reply(stream: &mut impl BufRead, to_head: bool) -> io::Result<Reply> {
    loop {
        let head = read_head(stream)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let status = status_of(&head)?;
        if (100..200).contains(&status) && status != 101 {
            continue;
        }
        let bare = to_head || matches!(status, 101 | 204 | 304);
        let (body, trailers) =
            if bare { (Vec::new(), Vec::new()) } else { read_body(stream, &head, UnframedBody::UntilClosed)? };
        return Ok(Reply { status, headers: head.headers, body, trailers, head: head.raw });
    }
}

/// Connects to `host:port`; a scheme in front is ignored.
pub(crate) fn connect(address: &str) -> io::Result<TcpStream> {
    let address = address.split_once("://").map_or(address, |(_, rest)| rest).trim_end_matches('/');
    let address = address.to_socket_addrs()?.next().ok_or_else(|| io::Error::other("the name has no address"))?;
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// The bytes of a request with `Content-Length` where there is a body (or `method` is one that
/// carries one), in the order given. `headers` should hold `Host`.
pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{method} {path} HTTP/1.1\r\n").into_bytes();
    for (name, value) in headers {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    if !body.is_empty() || matches!(method, "POST" | "PUT" | "PATCH") {
        bytes.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes
}

/// The head of a message, kept as received and taken apart.
pub(crate) struct Head {
    pub(crate) raw: Vec<u8>,
    pub(crate) first_line: String,
    pub(crate) headers: Headers,
}

/// What a message without `Content-Length` and `Transfer-Encoding` carries.
pub(crate) enum UnframedBody {
    /// Nothing: so it is for requests.
    Empty,
    /// All until the connection ends: so it is for answers.
    UntilClosed,
}

/// Reads up to the blank line; `None` when the connection ended before the first byte.
pub(crate) fn read_head(reader: &mut impl BufRead) -> io::Result<Option<Head>> {
    let mut raw = Vec::new();
    loop {
        let before = raw.len();
        if reader.read_until(b'\n', &mut raw)? == 0 {
            return if raw.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        }
        if !raw.ends_with(b"\n") {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if matches!(&raw[before..], b"\r\n" | b"\n") {
            break;
        }
    }
    let mut lines = raw.split(|b| *b == b'\n').map(<[u8]>::trim_ascii_end);
    let first_line = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let headers = lines.filter(|l| !l.is_empty()).map(header_line).collect();
    Ok(Some(Head { raw, first_line, headers }))
}

/// The body of a message with this head, and its trailers.
pub(crate) fn read_body(
    reader: &mut impl BufRead,
    head: &Head,
    unframed: UnframedBody,
) -> io::Result<(Vec<u8>, Headers)> {
    if first(&head.headers, "transfer-encoding").is_some_and(|v| v.eq_ignore_ascii_case("chunked")) {
        return read_chunks(reader);
    }
    let mut body = Vec::new();
    if let Some(length) = first(&head.headers, "content-length") {
        let length: u64 = length.parse().map_err(|_| invalid("Content-Length is not a number"))?;
        if reader.take(length).read_to_end(&mut body)? as u64 != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    } else if matches!(unframed, UnframedBody::UntilClosed) {
        reader.read_to_end(&mut body)?;
    }
    Ok((body, Vec::new()))
}

/// The first value of a header as text.
pub(crate) fn first(headers: &Headers, name: &str) -> Option<String> {
    let (_, value) = headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name))?;
    Some(String::from_utf8_lossy(value).into_owned())
}

fn read_chunks(reader: &mut impl BufRead) -> io::Result<(Vec<u8>, Headers)> {
    let mut body = Vec::new();
    loop {
        let line = read_line(reader)?;
        let size = line.split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
        let size = std::str::from_utf8(size).map_err(|_| invalid("chunk size"))?;
        let size = u64::from_str_radix(size, 16).map_err(|_| invalid("chunk size"))?;
        if size == 0 {
            break;
        }
        if reader.take(size).read_to_end(&mut body)? as u64 != size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if !read_line(reader)?.is_empty() {
            return Err(invalid("no line end after a chunk"));
        }
    }
    let mut trailers = Vec::new();
    loop {
        let line = read_line(reader)?;
        if line.is_empty() {
            return Ok((body, trailers));
        }
        trailers.push(header_line(&line));
    }
}

fn read_line(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_ascii_end().to_vec())
}

fn header_line(line: &[u8]) -> (String, Vec<u8>) {
    let colon = line.iter().position(|b| *b == b':').unwrap_or(line.len());
    let value = line.get(colon + 1..).unwrap_or_default().trim_ascii().to_vec();
    (String::from_utf8_lossy(&line[..colon]).into_owned(), value)
}

fn status_of(head: &Head) -> io::Result<u16> {
    let code = head.first_line.split(' ').nth(1).and_then(|c| c.parse().ok());
    code.ok_or_else(|| invalid("no status code in the first line"))
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
