//! HTTP/2 frame by frame, as a client writes it: whatever a library would tidy or refuse can be said.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// How long the other side may be silent.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a connection begins with.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Kinds of frames (RFC 9113 section 6).
pub mod kind {
    #![expect(missing_docs, reason = "the names are the RFC's")]
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const PRIORITY: u8 = 2;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PUSH_PROMISE: u8 = 5;
    pub const PING: u8 = 6;
    pub const GOAWAY: u8 = 7;
    pub const WINDOW_UPDATE: u8 = 8;
    pub const CONTINUATION: u8 = 9;
}

/// `END_STREAM`, and `ACK` of SETTINGS and PING.
pub const END: u8 = 0x1;
/// `END_HEADERS`.
pub const END_HEADERS: u8 = 0x4;
/// `PADDED`.
pub const PADDED: u8 = 0x8;
/// `PRIORITY` of HEADERS.
pub const PRIORITIZED: u8 = 0x20;

/// The bytes of a frame.
#[must_use]
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A header block of literals, which leaves no trace in the table (RFC 7541 section 6.2.2).
#[must_use]
pub fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            match text.len() {
                short @ 0..127 => block.push(short as u8),
                mut long => {
                    block.push(127);
                    long -= 127;
                    while long >= 128 {
                        block.push((long % 128) as u8 | 128);
                        long /= 128;
                    }
                    block.push(long as u8);
                }
            }
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

/// A frame that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// Of which stream; 0 is the connection.
    pub stream: u32,
    /// What it carries.
    pub payload: Vec<u8>,
}

impl Frame {
    /// The error code of RST_STREAM and GOAWAY.
    #[must_use]
    pub fn code(&self) -> u32 {
        let at = if self.kind == kind::GOAWAY { 4 } else { 0 };
        self.payload
            .get(at..at + 4)
            .map_or(u32::MAX, |code| code.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
    }

    /// The status in a head, as the encoders of common servers write it: from the static table, or as a literal.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        const KNOWN: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];
        match self.payload.as_slice() {
            // A change of the table's size may stand before.
            [first, rest @ ..] if first & 0xe0 == 0x20 => Self { payload: rest.to_vec(), ..self.clone() }.status(),
            [first @ 0x88..=0x8e, ..] => KNOWN.get(usize::from(first - 0x88)).copied(),
            [0x08 | 0x18 | 0x48, 3, digits @ ..] => std::str::from_utf8(digits.get(..3)?).ok()?.parse().ok(),
            // The digits in the code of Huffman, which has five bits for 0, 1, 2 and six for 3 to 9.
            [0x08 | 0x18 | 0x48, length, code @ ..] if length & 0x80 != 0 => {
                digits(code.get(..usize::from(length & 0x7f))?)
            }
            _ => None,
        }
    }
}

fn digits(code: &[u8]) -> Option<u16> {
    let bits: Vec<u8> = code.iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1)).collect();
    let (mut at, mut number) = (0, 0);
    for _ in 0..3 {
        let read =
            |length: usize| Some(bits.get(at..at + length)?.iter().fold(0_u16, |sum, bit| sum << 1 | u16::from(*bit)));
        let (digit, length) = match read(5)? {
            short @ 0..3 => (short, 5),
            _ => (read(6)?.checked_sub(0x19)? + 3, 6),
        };
        number = number * 10 + digit;
        at += length;
    }
    Some(number)
}

/// A client's side of a connection.
#[derive(Debug)]
pub struct Frames(TcpStream);

impl Frames {
    /// Connects and says nothing.
    ///
    /// # Errors
    /// As the socket reports.
    pub fn bare(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address.strip_prefix("http://").unwrap_or(address))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self(stream))
    }

    /// Connects and begins: preface, and settings that change nothing.
    ///
    /// # Errors
    /// As the socket reports.
    pub fn open(address: &str) -> io::Result<Self> {
        let mut frames = Self::bare(address)?;
        frames.send(&[PREFACE, &frame(kind::SETTINGS, 0, 0, &[])].concat())?;
        Ok(frames)
    }

    /// Sends these bytes as they are.
    ///
    /// # Errors
    /// As the socket reports.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    /// The next frame; nothing where the connection has ended, in whichever way. Settings are acknowledged.
    ///
    /// # Panics
    /// When nothing comes for 30 s.
    pub fn read(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.fill(&mut head)?;
        let [a, b, c, kind, flags, d, e, f, g] = head;
        let mut payload = vec![0; usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c)];
        self.fill(&mut payload)?;
        if kind == kind::SETTINGS && flags & END == 0 {
            // Where it fails, the next read tells.
            let _ = self.send(&frame(kind::SETTINGS, END, 0, &[]));
        }
        Some(Frame { kind, flags, stream: u32::from_be_bytes([d, e, f, g]), payload })
    }

    /// Passes frames over up to the first that fits.
    pub fn until(&mut self, mut fits: impl FnMut(&Frame) -> bool) -> Option<Frame> {
        loop {
            let frame = self.read()?;
            if fits(&frame) {
                return Some(frame);
            }
        }
    }

    /// The socket behind.
    pub fn stream(&self) -> &TcpStream {
        &self.0
    }

    fn fill(&mut self, room: &mut [u8]) -> Option<()> {
        match self.0.read_exact(room) {
            Ok(()) => Some(()),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                panic!("nothing came for {PATIENCE:?}")
            }
            Err(_) => None,
        }
    }
}
