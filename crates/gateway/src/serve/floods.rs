//! Reads along with HTTP/2 and counts the frames that cost a client nothing and us something.
//!
//! The library bounds what it keeps of a connection; it does not bound how often it is made to work for nothing. Pings,
//! settings, resets, priorities, empty pieces of bodies and of heads earn their way by time alone: whoever sends more of
//! them than any honest client does is hung up on (CVE-2019-9511 to 9518, CVE-2023-44487).

use std::time::Instant;

/// How many of such frames a connection may send at once, and how many it earns a second.
const SAVED_UP: u32 = 1_000;
const A_SECOND: u32 = 200;

/// For how many bytes that went out to a client it may send one ping more: there are clients that measure the way with
/// one ping for each round trip as long as an answer comes in. The answers to the pings themselves do not pay for them.
const A_PING: usize = 64;

/// What every connection begins with (RFC 9113 section 3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The length of a frame's head.
const HEAD: usize = 9;

/// Follows the frames of one connection.
#[derive(Debug)]
pub(super) struct Floods {
    at: At,
    /// Whether the settings have come that a client begins with.
    begun: bool,
    left: u32,
    earned: Instant,
    written: usize,
}

#[derive(Debug)]
enum At {
    Preface(usize),
    Head([u8; HEAD], usize),
    Payload(usize),
}

impl Floods {
    pub(super) fn new() -> Self {
        Self { at: At::Preface(0), begun: false, left: SAVED_UP, earned: Instant::now(), written: 0 }
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
                        if !std::mem::replace(&mut self.begun, true) {
                            if !is_settings(&head) {
                                return false;
                            }
                        } else if is_cheap(&head, length) && !self.is_paid_for(&head) && !self.spend() {
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

    /// Notes that so much went out to the client.
    pub(super) fn wrote(&mut self, count: usize) {
        const MOST: usize = SAVED_UP as usize * A_PING;
        self.written = self.written.saturating_add(count).min(MOST);
    }

    fn is_paid_for(&mut self, head: &[u8; HEAD]) -> bool {
        const PING: u8 = 0x6;
        let [_, _, _, kind, ..] = *head;
        let left = self.written.checked_sub(A_PING).filter(|_| kind == PING);
        self.written = left.unwrap_or(self.written);
        left.is_some()
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

/// What the preface ends with (RFC 9113 section 3.4). The library does not insist on it.
fn is_settings(head: &[u8; HEAD]) -> bool {
    let [_, _, _, kind, flags, ..] = *head;
    kind == 0x4 && flags & 0x1 == 0
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
    fn taken(repeated: &[u8], step: usize) -> usize {
        let mut floods = Floods::new();
        assert!(PREFACE.chunks(step).all(|piece| floods.check(piece)));
        assert!(frame(0x4, 0, &[]).chunks(step).all(|piece| floods.check(piece)));
        (0..5_000).take_while(|_| repeated.chunks(step).all(|piece| floods.check(piece))).count()
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
    fn settings_come_first() {
        let begins_with = |frame: &[u8]| {
            let mut floods = Floods::new();
            floods.check(PREFACE) && floods.check(frame)
        };
        assert!(begins_with(&frame(0x4, 0, &[0; 6])));
        for other in [frame(0x4, 0x1, &[]), frame(0x6, 0, &[0; 8]), frame(0x1, 0x5, &[0x82])] {
            assert!(!begins_with(&other), "{other:?}");
        }
    }

    #[test]
    fn pings_are_paid_for_by_what_went_out_and_not_by_the_answers_to_them() {
        let ping = frame(0x6, 0, &[0; 8]);
        let taken = |out: usize, repeated: &[u8]| {
            let mut floods = Floods::new();
            assert!(floods.check(PREFACE) && floods.check(&frame(0x4, 0, &[])));
            let mut taken = 0;
            while taken < 5_000 && floods.check(repeated) {
                floods.wrote(out);
                taken += 1;
            }
            taken
        };
        assert_eq!(taken(A_PING, &ping), 5_000);
        // 17 bytes each.
        assert!((1_300..2_000).contains(&taken(ping.len(), &ping)));
        assert!((1_000..1_300).contains(&taken(A_PING, &frame(0x3, 0, &[0; 4]))), "resets are not");
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
