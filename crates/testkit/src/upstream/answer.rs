//! What the recording upstream answers, from an ordinary 200 to bytes that are not HTTP.

use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::feed::{Feed, Pieces};

/// An answer to one request.
#[derive(Clone, Debug)]
pub struct Answer {
    form: Form,
    delay: Duration,
    pub(super) closing: bool,
}

#[derive(Clone, Debug)]
enum Form {
    Framed { status: u16, headers: Vec<(String, String)>, body: Vec<u8> },
    Chunked { status: u16, headers: Vec<(String, String)>, chunks: Vec<(Duration, Vec<u8>)> },
    Fed { status: u16, headers: Vec<(String, String)>, pieces: Pieces },
    Raw(Vec<u8>),
}

impl Answer {
    /// This status and body, with `Content-Length` and no content type.
    pub fn text(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::of(Form::Framed { status, headers: Vec::new(), body: body.into() })
    }

    /// This status and JSON body.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::text(status, body.to_string()).header("Content-Type", "application/json")
    }

    /// A chunked answer: each part is sent after waiting for its duration.
    pub fn chunks(status: u16, chunks: Vec<(Duration, Vec<u8>)>) -> Self {
        Self::of(Form::Chunked { status, headers: Vec::new(), chunks })
    }

    /// A chunked answer whose pieces are sent when the test says so: for streams in which the next event depends on
    /// what became of the last.
    pub fn fed(status: u16) -> (Feed, Self) {
        let (feed, pieces) = Feed::new();
        (feed, Self::of(Form::Fed { status, headers: Vec::new(), pieces }))
    }

    /// These bytes as they are; then the connection is closed. Empty: closed without an answer.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self::of(Form::Raw(bytes.into())).closing()
    }

    /// With one more header line; a raw answer stays as it is.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match &mut self.form {
            Form::Framed { headers, .. } | Form::Chunked { headers, .. } | Form::Fed { headers, .. } => {
                headers.push((name.to_owned(), value.to_owned()));
            }
            Form::Raw(_) => {}
        }
        self
    }

    /// Sent after waiting this long.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// With `Connection: close`, and closed.
    #[must_use]
    pub fn closing(mut self) -> Self {
        self.closing = true;
        self.header("Connection", "close")
    }

    fn of(form: Form) -> Self {
        Self { form, delay: Duration::ZERO, closing: false }
    }

    /// Writes the answer; an answer to HEAD keeps its head only.
    pub(super) fn write(&self, to: &mut dyn Write, to_head: bool) -> io::Result<()> {
        thread::sleep(self.delay);
        match &self.form {
            Form::Framed { status, headers, body } => {
                let mut bytes = head(*status, headers);
                if !matches!(status, 101 | 204 | 304) {
                    bytes.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
                }
                bytes.extend_from_slice(b"\r\n");
                if !to_head {
                    bytes.extend_from_slice(body);
                }
                to.write_all(&bytes)?;
            }
            Form::Chunked { status, headers, chunks } => {
                begin_chunked(to, *status, headers)?;
                if !to_head {
                    write_chunks(to, chunks)?;
                }
            }
            Form::Fed { status, headers, pieces } => {
                begin_chunked(to, *status, headers)?;
                if !to_head {
                    write_pieces(to, pieces)?;
                }
            }
            Form::Raw(bytes) => to.write_all(bytes)?,
        }
        to.flush()
    }
}

fn begin_chunked(to: &mut dyn Write, status: u16, headers: &[(String, String)]) -> io::Result<()> {
    let mut bytes = head(status, headers);
    bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
    to.write_all(&bytes)?;
    to.flush()
}

fn write_chunks(to: &mut dyn Write, chunks: &[(Duration, Vec<u8>)]) -> io::Result<()> {
    for (pause, part) in chunks {
        thread::sleep(*pause);
        write_chunk(to, part)?;
    }
    to.write_all(b"0\r\n\r\n")
}

fn write_pieces(to: &mut dyn Write, pieces: &Pieces) -> io::Result<()> {
    while let Some(piece) = pieces.next()? {
        write_chunk(to, &piece)?;
    }
    to.write_all(b"0\r\n\r\n")
}

fn write_chunk(to: &mut dyn Write, part: &[u8]) -> io::Result<()> {
    // An empty chunk would be the end of the body.
    if part.is_empty() {
        return Ok(());
    }
    let mut bytes = format!("{:x}\r\n", part.len()).into_bytes();
    bytes.extend_from_slice(part);
    bytes.extend_from_slice(b"\r\n");
    to.write_all(&bytes)?;
    to.flush()
}

fn head(status: u16, headers: &[(String, String)]) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {status} Stand-in\r\n").into_bytes();
    for (name, value) in headers {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    bytes
}
