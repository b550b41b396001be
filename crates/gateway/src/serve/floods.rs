//! Reads along with HTTP/2 and counts the frames that cost a client nothing and us something.
//!
//! The library bounds what it keeps of a connection; it does not bound how often it is made to work for nothing. Pings,
//! settings, resets, priorities, empty pieces of bodies and of heads earn their way by time alone: whoever sends more of
//! them than any honest client does is hung up on (CVE-2019-9511 to 9518, CVE-2023-44487).

use std::time::Instant;

/// How many of such frames a connection may send at once, and how many it earns a second.
const SAVED_UP: u32 = 1_000;
const A_SECOND: u32 = 200;

/// What every connection begins with (RFC 9113 section 3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The length of a frame's head.
const HEAD: usize = 9;

/// Follows the frames of one connection.
#[derive(Debug)]
pub(super) struct Floods {
    at: At,
    left: u32,
    earned: Instant,
}

#[derive(Debug)]
enum At {
    Preface(usize),
    Head([u8; HEAD], usize),
    Payload(usize),
}

impl Floods {
    pub(super) fn new() -> Self {
        Self { at: At::Preface(0), left: SAVED_UP, earned: Instant::now() }
    }

    /// Reads what came in; whether it is no more than may come.
    pub(super) fn check(&mut self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            let taken = match &mut self.at {
                At::Preface(seen) => {
                    let taken = bytes.len().min(PREFACE.len().saturating_sub(*seen));
                    *seen += taken;
                    if *seen == PREFACE.len() {
                        self.at = At::Head([0; HEAD], 0);
                    }
                    taken
                }
                At::Payload(left) => {
                    let taken = bytes.len().min(*left);
                    *left -= taken;
                    if *left == 0 {
                        self.at = At::Head([0; HEAD], 0);
                    }
                    taken
                }
                At::Head(head, seen) => {
                    let taken = bytes.len().min(HEAD - *seen);
                    for (to, from) in head.iter_mut().skip(*seen).zip(bytes) {
                        *to = *from;
                    }
                    *seen += taken;
                    if *seen == HEAD {
                        let (head, length) = (*head, length(head));
                        self.at = if length == 0 { At::Head([0; HEAD], 0) } else { At::Payload(length) };
                        if is_cheap(&head, length) && !self.spend() {
                            return false;
                        }
                    }
                    taken
                }
            };
            bytes = bytes.get(taken..).unwrap_or_default();
        }
        true
    }

    fn spend(&mut self) -> bool {
        if self.left == 0 {
            let seconds = u32::try_from(self.earned.elapsed().as_secs()).unwrap_or(u32::MAX);
            if seconds == 0 {
                return false;
            }
            self.left = seconds.saturating_mul(A_SECOND).min(SAVED_UP);
            self.earned = Instant::now();
        }
        self.left -= 1;
        true
    }
}

fn length(head: &[u8; HEAD]) -> usize {
    let [first, second, third, ..] = *head;
    usize::from(first) << 16 | usize::from(second) << 8 | usize::from(third)
}

/// Whether the frame moves nothing on: no body, no head, no room for one.
fn is_cheap(head: &[u8; HEAD], length: usize) -> bool {
    const ACK: u8 = 0x1;
    const END_STREAM: u8 = 0x1;
    const END_HEADERS: u8 = 0x4;
    let [_, _, _, kind, flags, ..] = *head;
    match kind {
        // DATA
        0x0 => length == 0 && flags & END_STREAM == 0,
        // HEADERS
        0x1 => length == 0,
        // SETTINGS, PING
        0x4 | 0x6 => flags & ACK == 0,
        // WINDOW_UPDATE comes with what is read; GOAWAY comes once.
        0x7 | 0x8 => false,
        // CONTINUATION
        0x9 => length == 0 || flags & END_HEADERS == 0,
        // PRIORITY, RST_STREAM, and what nobody knows.
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags, 0, 0, 0, 1], payload].concat()
    }

    /// How many of these are taken, in pieces of any size.
    fn taken(frame: &[u8], step: usize) -> usize {
        let mut floods = Floods::new();
        assert!(PREFACE.chunks(step).all(|piece| floods.check(piece)));
        (0..5_000).take_while(|_| frame.chunks(step).all(|piece| floods.check(piece))).count()
    }

    #[test]
    fn what_moves_nothing_on_is_counted() {
        let bound = usize::try_from(SAVED_UP).unwrap();
        for (what, frame) in [
            ("PING", frame(0x6, 0, &[0; 8])),
            ("SETTINGS", frame(0x4, 0, &[])),
            ("SETTINGS with six", frame(0x4, 0, &[0; 36])),
            ("PRIORITY", frame(0x2, 0, &[0; 5])),
            ("RST_STREAM", frame(0x3, 0, &[0; 4])),
            ("empty DATA", frame(0x0, 0, &[])),
            ("empty HEADERS", frame(0x1, 0, &[])),
            ("CONTINUATION without an end", frame(0x9, 0, &[1])),
            ("PRIORITY_UPDATE", frame(0x10, 0, &[0; 5])),
        ] {
            for step in [1, 4, 100] {
                let taken = taken(&frame, step);
                assert!((bound..bound + 300).contains(&taken), "{what}: {taken}");
            }
        }
    }

    #[test]
    fn what_a_request_is_made_of_is_free() {
        for (what, frame) in [
            ("DATA", frame(0x0, 0, b"x")),
            ("the end of DATA", frame(0x0, 0x1, &[])),
            ("HEADERS", frame(0x1, 0x4, &[0x82])),
            ("the end of a head", frame(0x9, 0x4, &[0x82])),
            ("WINDOW_UPDATE", frame(0x8, 0, &[0, 0, 1, 0])),
            ("the answer to a PING", frame(0x6, 0x1, &[0; 8])),
            ("the answer to SETTINGS", frame(0x4, 0x1, &[])),
        ] {
            assert_eq!(taken(&frame, 7), 5_000, "{what}");
        }
    }
}
