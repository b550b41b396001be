//! HTTP/2 with prior knowledge, frame by frame: a library would refuse to send what is to be refused.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

pub(crate) const DATA: u8 = 0x0;
pub(crate) const HEADERS: u8 = 0x1;
pub(crate) const RST_STREAM: u8 = 0x3;
pub(crate) const SETTINGS: u8 = 0x4;
const PING: u8 = 0x6;
const GOAWAY: u8 = 0x7;
pub(crate) const WINDOW_UPDATE: u8 = 0x8;
pub(crate) const CONTINUATION: u8 = 0x9;

pub(crate) const END_STREAM: u8 = 0x1;
pub(crate) const END_HEADERS: u8 = 0x4;
const ACK: u8 = 0x1;

/// What became of a request.
#[derive(Debug)]
#[allow(dead_code, reason = "the codes are for whoever reads why a test failed")]
pub(crate) enum Outcome {
    /// It was answered.
    Answer { status: u16, body: Vec<u8> },
    /// Its stream was reset, with this code.
    Reset(u32),
    /// The connection ended; the code of GOAWAY, if there was one.
    Gone(Option<u32>),
}

impl Outcome {
    /// The status, where there is one.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Answer { status, .. } => Some(*status),
            _ => None,
        }
    }
}

/// A connection whose preface and settings have gone out.
#[derive(Debug)]
pub(crate) struct H2 {
    stream: TcpStream,
    next: u32,
    goaway: Option<u32>,
}

impl H2 {
    pub(crate) fn open(address: &str) -> Self {
        Self::with_settings(address, &[])
    }

    /// With these settings, each a number and a value.
    pub(crate) fn with_settings(address: &str, settings: &[(u16, u32)]) -> Self {
        let stream = TcpStream::connect(address.trim_start_matches("http://")).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut this = Self { stream, next: 1, goaway: None };
        this.stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
        // No table that changes: what comes back can be read without memory.
        let mut payload = vec![0, 1, 0, 0, 0, 0];
        for (number, value) in settings {
            payload.extend_from_slice(&number.to_be_bytes());
            payload.extend_from_slice(&value.to_be_bytes());
        }
        this.frame(SETTINGS, 0, 0, &payload).unwrap();
        this
    }

    pub(crate) fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> io::Result<()> {
        self.stream.write_all(&frame(kind, flags, stream, payload))
    }

    /// Bytes as they are, such as many frames at once.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends a request with these fields and this body, and returns its stream.
    pub(crate) fn request(&mut self, fields: &[(&str, &str)], body: &[u8]) -> io::Result<u32> {
        let stream = self.begin(fields, body.is_empty())?;
        if !body.is_empty() {
            self.frame(DATA, END_STREAM, stream, body)?;
        }
        Ok(stream)
    }

    /// Sends the head of a request, and returns its stream.
    pub(crate) fn begin(&mut self, fields: &[(&str, &str)], ends: bool) -> io::Result<u32> {
        let (stream, end) = (self.next, if ends { END_STREAM } else { 0 });
        self.next += 2;
        self.frame(HEADERS, END_HEADERS | end, stream, &block(fields))?;
        Ok(stream)
    }

    /// Reads until this stream has ended.
    pub(crate) fn outcome(&mut self, stream: u32) -> Outcome {
        let (mut status, mut body) = (0, Vec::new());
        loop {
            let Ok((kind, flags, number, payload)) = self.read() else { return Outcome::Gone(self.goaway) };
            if kind == GOAWAY {
                self.goaway = Some(u32::from_be_bytes(payload[4..8].try_into().unwrap()));
            }
            if number != stream {
                continue;
            }
            match kind {
                RST_STREAM => return Outcome::Reset(u32::from_be_bytes(payload[..4].try_into().unwrap())),
                // Trailers begin with no status.
                HEADERS if status < 200 => status = status_of(&payload),
                DATA => body.extend_from_slice(&payload),
                _ => {}
            }
            if matches!(kind, HEADERS | DATA) && flags & END_STREAM != 0 {
                return Outcome::Answer { status, body };
            }
        }
    }

    /// The next frame; what has to be acknowledged is, and what was read is given back to the window.
    fn read(&mut self) -> io::Result<(u8, u8, u32, Vec<u8>)> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head)?;
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let (kind, flags) = (head[3], head[4]);
        let stream = u32::from_be_bytes(head[5..].try_into().unwrap()) & 0x7fff_ffff;
        let mut payload = vec![0; length];
        self.stream.read_exact(&mut payload)?;
        match kind {
            SETTINGS if flags & ACK == 0 => self.frame(SETTINGS, ACK, 0, &[])?,
            PING if flags & ACK == 0 => self.frame(PING, ACK, 0, &payload)?,
            DATA if length > 0 => {
                let read = u32::try_from(length).unwrap().to_be_bytes();
                // On a stream that has ended it is of no use and does no harm.
                self.frame(WINDOW_UPDATE, 0, 0, &read)?;
                self.frame(WINDOW_UPDATE, 0, stream, &read)?;
            }
            _ => {}
        }
        Ok((kind, flags, stream, payload))
    }

    /// Whether the other side ends the connection, now or within the patience of a read.
    pub(crate) fn ends(&mut self) -> bool {
        loop {
            match self.read() {
                Ok(_) => {}
                Err(error) => return !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut),
            }
        }
    }
}

/// The bytes of a frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Fields as literals, in the order given, whatever they are.
pub(crate) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in fields {
        bytes.push(0);
        for text in [name, value] {
            length(&mut bytes, text.len());
            bytes.extend_from_slice(text.as_bytes());
        }
    }
    bytes
}

/// RFC 7541 section 5.1, with seven bits in the first byte.
fn length(to: &mut Vec<u8>, length: usize) {
    if length < 127 {
        to.push(length as u8);
        return;
    }
    to.push(127);
    let mut rest = length - 127;
    while rest >= 128 {
        to.push((rest % 128) as u8 | 128);
        rest /= 128;
    }
    to.push(rest as u8);
}

/// The status of a field block, in which it comes first (RFC 9113 section 8.3); 0 where it does not.
fn status_of(mut block: &[u8]) -> u16 {
    // A table that changes its size says so before.
    while block.first().is_some_and(|byte| byte & 0xe0 == 0x20) {
        block = &block[1..];
    }
    match block.first() {
        Some(byte @ 0x88..=0x8e) => [200, 204, 206, 304, 400, 404, 500][usize::from(byte - 0x88)],
        Some(byte) if matches!(byte & 0x3f, 8..=14) || matches!(byte & 0x0f, 8..=14) => digits(&block[1..]),
        _ => 0,
    }
}

fn digits(text: &[u8]) -> u16 {
    let (compressed, text) = (text[0] & 0x80 != 0, &text[1..1 + usize::from(text[0] & 0x7f)]);
    if !compressed {
        return std::str::from_utf8(text).unwrap().parse().unwrap();
    }
    // Digits of Huffman's code (RFC 7541, appendix B): five bits up to 2, six from 3 on.
    let bits: Vec<u8> = text.iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1)).collect();
    let number = |bits: &[u8]| bits.iter().fold(0_u16, |all, bit| all << 1 | u16::from(*bit));
    let (mut at, mut status) = (0, 0);
    for _ in 0..3 {
        let short = number(&bits[at..at + 5]);
        let digit = if short <= 2 { short } else { number(&bits[at..at + 6]) - 0b01_1001 + 3 };
        at += if short <= 2 { 5 } else { 6 };
        status = status * 10 + digit;
    }
    status
}

#[test]
fn statuses_are_read_in_each_form() {
    assert_eq!(status_of(&[0x20, 0x88]), 200);
    assert_eq!(status_of(&[0x08, 3, b'4', b'0', b'5']), 405);
    // "502" in Huffman's code: 011011 00000 00010
    assert_eq!(status_of(&[0x48, 0x82, 0b0110_1100, 0b0000_0010]), 502);
    assert_eq!(status_of(&[0x48, 0x82, 0x64, 0x02]), 302, "RFC 7541, appendix C.6.1");
}
