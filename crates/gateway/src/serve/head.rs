//! Reads along with the parser of requests, and refuses what others read differently.
//!
//! The HTTP parser takes a line feed alone for the end of a line, as RFC 9112 section 2.2 allows. A proxy before us
//! may not: what is one header to it would be two to us, and the second one was never checked. The parser also drops
//! a fragment of the target without a word. So a line feed without a carriage return, and a `#` in a request line,
//! become a NUL here, which the parser answers with 400. Bodies are passed over; where one begins and ends is read by
//! the same rules as the parser's. What cannot be read by them is refused in the same way: nobody may lead this
//! reader astray and be served.

/// Follows the requests of one connection.
#[derive(Debug)]
pub(super) struct Heads {
    state: State,
    requests: u64,
}

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
    /// A request that asks for another protocol has come in wholly. What follows is that protocol's, or the next
    /// request's: it waits until that is decided.
    Waiting,
    /// Another protocol is spoken.
    Raw,
    /// A byte was overwritten, and nothing after it is to be read.
    Refused,
}

#[derive(Debug, Default)]
struct Lines {
    trailers: bool,
    any: bool,
    line: Line,
    last: u8,
    length: u64,
    chunked: bool,
    upgrade: bool,
}

/// What a line is, as far as it was read.
#[derive(Debug, Default)]
enum Line {
    #[default]
    Empty,
    Request,
    /// A name that could become one of the framing; what is left of it.
    Name(Framing, &'static [u8]),
    /// The value of `Content-Length`, and whether its digits have ended.
    Length {
        value: Option<u64>,
        ended: bool,
    },
    Other,
}

#[derive(Debug, Clone, Copy)]
enum Framing {
    Length,
    Coding,
    Upgrade,
}

impl Heads {
    pub(super) fn new() -> Self {
        Self { state: State::Lines(Lines::default()), requests: 0 }
    }

    /// Checks what was just read, and returns how much of it may be read on: all, or up to a byte that was overwritten.
    pub(super) fn check(&mut self, bytes: &mut [u8]) -> usize {
        let mut at = 0;
        while let Some(byte) = bytes.get(at).copied() {
            let mut taken = 1;
            let next = match &mut self.state {
                State::Refused | State::Waiting => return at,
                State::Raw => return bytes.len(),
                State::Lines(lines) => lines.take(byte),
                State::Body(left) | State::Chunk(left) => {
                    let here = bytes.len().saturating_sub(at);
                    taken = usize::try_from(*left).unwrap_or(usize::MAX).min(here);
                    *left = left.saturating_sub(u64::try_from(taken).unwrap_or(0));
                    match (*left, &self.state) {
                        (0, State::Chunk(_)) => Some(State::Size { size: 0, ended: false }),
                        (0, _) => Some(State::Lines(Lines::default())),
                        _ => None,
                    }
                }
                State::Size { size, ended } => size_of_chunk(size, ended, byte),
            };
            if let (Some(State::Refused), Some(byte)) = (&next, bytes.get_mut(at)) {
                *byte = 0;
            }
            if let Some(next) = next {
                if matches!(&self.state, State::Lines(lines) if !lines.trailers) && !matches!(next, State::Refused) {
                    self.requests = self.requests.saturating_add(1);
                }
                self.state = next;
            }
            at = at.saturating_add(taken);
        }
        at
    }

    /// Whether a byte was overwritten.
    pub(super) fn is_refused(&self) -> bool {
        matches!(self.state, State::Refused)
    }

    /// How many heads of requests have come in wholly.
    pub(super) fn requests(&self) -> u64 {
        self.requests
    }

    /// Whether it is to be decided which protocol comes next.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting)
    }

    /// Goes on after [`Self::is_waiting`]: with whatever the other protocol is, or with the next request.
    pub(super) fn resume(&mut self, granted: bool) {
        self.state = if granted { State::Raw } else { State::Lines(Lines::default()) };
    }

    /// Whether the last request has come in wholly, and nothing of another.
    pub(super) fn is_between(&self) -> bool {
        matches!(&self.state, State::Lines(Lines { trailers: false, any: false, line: Line::Empty, .. }))
    }
}

fn size_of_chunk(size: &mut u64, ended: &mut bool, byte: u8) -> Option<State> {
    if byte == b'\n' {
        return Some(match *size {
            0 => State::Lines(Lines { trailers: true, ..Lines::default() }),
            size => size.checked_add(2).map_or(State::Refused, State::Chunk),
        });
    }
    match char::from(byte).to_digit(16) {
        Some(digit) if !*ended => {
            let next = size.checked_mul(16).and_then(|size| size.checked_add(u64::from(digit)));
            let Some(next) = next else { return Some(State::Refused) };
            *size = next;
        }
        _ => *ended = true,
    }
    None
}

impl Lines {
    fn take(&mut self, byte: u8) -> Option<State> {
        let before = std::mem::replace(&mut self.last, byte);
        if byte != b'\n' {
            // A carriage return anywhere but at the end of a line is the parser's to refuse.
            let readable = byte == b'\r' || self.read(byte);
            return (!readable).then_some(State::Refused);
        }
        if before != b'\r' {
            return Some(State::Refused);
        }
        match std::mem::take(&mut self.line) {
            // Empty lines before a request are passed over (RFC 9112 section 2.2).
            Line::Empty => return (self.any || self.trailers).then(|| self.end()),
            Line::Length { value: Some(value), .. } => self.length = value,
            Line::Length { value: None, .. } => return Some(State::Refused),
            Line::Request | Line::Name(..) | Line::Other => {}
        }
        self.any = true;
        None
    }

    /// Takes one byte of a line; whether it may stand there. Values are read as they come, for white space and zeros
    /// can make them as long as a head.
    fn read(&mut self, byte: u8) -> bool {
        let (trailers, first) = (self.trailers, !self.any);
        match &mut self.line {
            Line::Empty => {
                self.line = match byte.to_ascii_lowercase() {
                    _ if trailers => Line::Other,
                    _ if first => Line::Request,
                    b'c' => Line::Name(Framing::Length, b"ontent-length"),
                    b't' => Line::Name(Framing::Coding, b"ransfer-encoding"),
                    b'u' => Line::Name(Framing::Upgrade, b"pgrade"),
                    _ => Line::Other,
                }
            }
            Line::Request => return byte != b'#',
            Line::Name(framing, left) => match left.split_first() {
                Some((next, rest)) if byte.eq_ignore_ascii_case(next) => *left = rest,
                None if byte == b':' => {
                    self.line = match framing {
                        Framing::Length => Line::Length { value: None, ended: false },
                        // Whatever the coding: one that is not `chunked` is refused later.
                        Framing::Coding => {
                            self.chunked = true;
                            Line::Other
                        }
                        Framing::Upgrade => {
                            self.upgrade = true;
                            Line::Other
                        }
                    }
                }
                _ => self.line = Line::Other,
            },
            Line::Length { value, ended } => match byte {
                b' ' | b'\t' => *ended = value.is_some(),
                b'0'..=b'9' if !*ended => {
                    let digit = u64::from(byte - b'0');
                    let next = value.unwrap_or(0).checked_mul(10).and_then(|value| value.checked_add(digit));
                    *value = next;
                    return next.is_some();
                }
                _ => return false,
            },
            Line::Other => {}
        }
        true
    }

    fn end(&self) -> State {
        match (self.trailers, self.chunked, self.length) {
            (false, false, 0) if self.upgrade => State::Waiting,
            (true, _, _) | (false, false, 0) => State::Lines(Self::default()),
            (false, true, _) => State::Size { size: 0, ended: false },
            (false, false, length) => State::Body(length),
        }
    }
}

#[cfg(test)]
mod tests;
