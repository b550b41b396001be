//! Finds bare line feeds in the heads and trailers of requests.
//!
//! The HTTP parser takes a line feed alone for the end of a line, as RFC 9112 section 2.2 allows. A proxy before us
//! may not: what is one header to it would be two to us, and the second one was never checked. So a line feed without
//! a carriage return becomes a NUL here, which the parser answers with 400. Bodies are passed over; where one begins
//! and ends is read by the same rules as the parser's, and where those would fail, the parser refuses the rest.

/// Follows the requests of one connection.
#[derive(Debug)]
pub(super) struct Heads(State);

#[derive(Debug)]
enum State {
    /// Lines up to an empty one: a head, or the trailers of a chunked body.
    Lines(Lines),
    /// So many bytes of a body.
    Body(u64),
    /// The size of the next chunk.
    Size { size: u64, ended: bool },
    /// So many bytes of a chunk, line end included.
    Chunk(u64),
    /// Nothing is looked for any more.
    Lost,
}

#[derive(Debug, Default)]
struct Lines {
    trailers: bool,
    any: bool,
    line: Vec<u8>,
    last: u8,
    length: u64,
    chunked: bool,
}

/// As much of a line as is kept: what matters is far shorter.
const KEPT: usize = 64;

impl Heads {
    pub(super) fn new() -> Self {
        Self(State::Lines(Lines::default()))
    }

    /// Checks what was just read; bare line feeds in it are overwritten.
    pub(super) fn check(&mut self, bytes: &mut [u8]) {
        let mut rest = bytes;
        while let Some(byte) = rest.first_mut() {
            let mut taken = 1;
            let next = match &mut self.0 {
                State::Lost => return,
                State::Lines(lines) => lines.take(byte),
                State::Body(left) | State::Chunk(left) => {
                    taken = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    *left = left.saturating_sub(u64::try_from(taken).unwrap_or(0));
                    match (*left, &self.0) {
                        (0, State::Chunk(_)) => Some(State::Size { size: 0, ended: false }),
                        (0, _) => Some(State::Lines(Lines::default())),
                        _ => None,
                    }
                }
                State::Size { size, ended } => size_of_chunk(size, ended, *byte),
            };
            if let Some(next) = next {
                self.0 = next;
            }
            rest = rest.get_mut(taken..).unwrap_or_default();
        }
    }
}

fn size_of_chunk(size: &mut u64, ended: &mut bool, byte: u8) -> Option<State> {
    if byte == b'\n' {
        return Some(match *size {
            0 => State::Lines(Lines { trailers: true, ..Lines::default() }),
            size => size.checked_add(2).map_or(State::Lost, State::Chunk),
        });
    }
    match char::from(byte).to_digit(16) {
        Some(digit) if !*ended => {
            let next = size.checked_mul(16).and_then(|size| size.checked_add(u64::from(digit)));
            let Some(next) = next else { return Some(State::Lost) };
            *size = next;
        }
        _ => *ended = true,
    }
    None
}

impl Lines {
    fn take(&mut self, byte: &mut u8) -> Option<State> {
        let before = std::mem::replace(&mut self.last, *byte);
        if *byte != b'\n' {
            if *byte != b'\r' && self.line.len() < KEPT {
                self.line.push(byte.to_ascii_lowercase());
            }
            return None;
        }
        if before != b'\r' {
            *byte = 0;
            return Some(State::Lost);
        }
        if !self.line.is_empty() {
            self.any = true;
            return self.line();
        }
        // Empty lines before a request are passed over (RFC 9112 section 2.2).
        (self.any || self.trailers).then(|| self.end())
    }

    /// A whole line.
    fn line(&mut self) -> Option<State> {
        let line = std::mem::take(&mut self.line);
        if self.trailers {
            return None;
        }
        let colon = line.iter().position(|byte| *byte == b':')?;
        match line.split_at_checked(colon)? {
            (b"transfer-encoding", _) => self.chunked = true,
            (b"content-length", value) => {
                let value = value.strip_prefix(b":").unwrap_or(value).trim_ascii();
                match std::str::from_utf8(value).ok().and_then(|value| value.parse().ok()) {
                    Some(length) => self.length = length,
                    None => return Some(State::Lost),
                }
            }
            _ => {}
        }
        None
    }

    fn end(&self) -> State {
        match (self.trailers, self.chunked, self.length) {
            (true, _, _) | (false, false, 0) => State::Lines(Self::default()),
            (false, true, _) => State::Size { size: 0, ended: false },
            (false, false, length) => State::Body(length),
        }
    }
}

#[cfg(test)]
mod tests;
