//! The bytes from an upstream to a client through a tunnel: guarded, and followed so far that a client can be told to go.

use std::sync::Arc;

use bytes::Bytes;
use model::snapshot::Bound;
use outbound::guard::{self, BodyGuard, FrameError, FrameGuard};

/// Going away (RFC 6455 section 7.4.1), in a frame from a server: final, close, two bytes.
const GOING_AWAY: &[u8] = &[0x88, 0x02, 0x03, 0xe9];

/// One direction of a tunnel.
pub(super) struct Flow {
    guard: Guard,
    /// Where the frames of a WebSocket begin and end.
    frames: Option<Frames>,
}

/// What looks at the bytes.
enum Guard {
    /// The route does not ask for it.
    Off,
    /// Message by message.
    Frames(FrameGuard),
    /// As a stream: of the protocol nothing is known.
    Bytes(BodyGuard),
}

impl Flow {
    pub(super) fn new(bound: &Arc<Bound>, is_websocket: bool) -> Self {
        let guard = match (guard::is_needed(bound), is_websocket) {
            (false, _) => Guard::Off,
            (true, true) => Guard::Frames(FrameGuard::new(Arc::clone(bound))),
            (true, false) => Guard::Bytes(BodyGuard::new(Arc::clone(bound))),
        };
        Self { guard, frames: is_websocket.then(Frames::default) }
    }

    /// Takes the next piece, and gives what can go out now.
    pub(super) fn push(&mut self, piece: Bytes) -> Result<Bytes, FrameError> {
        let out = match &mut self.guard {
            Guard::Off => piece,
            Guard::Frames(guard) => guard.push(piece)?,
            Guard::Bytes(guard) => guard.push(piece)?,
        };
        if let Some(frames) = &mut self.frames {
            frames.read(&out);
        }
        Ok(out)
    }

    /// What was kept back, at the end.
    pub(super) fn finish(&mut self) -> Bytes {
        match &mut self.guard {
            Guard::Bytes(guard) => guard.finish(),
            // What is kept back of a message is a part of something that is not whole.
            Guard::Off | Guard::Frames(_) => Bytes::new(),
        }
    }

    fn is_holding(&self) -> bool {
        match &self.guard {
            Guard::Off => false,
            Guard::Frames(guard) => guard.held() > 0,
            Guard::Bytes(guard) => guard.is_holding(),
        }
    }

    /// What tells the client to go; nothing where its protocol has no word for it, or where the word would stand in the
    /// middle of another.
    pub(super) fn farewell(&self) -> Option<&'static [u8]> {
        let between = self.frames.as_ref().is_some_and(Frames::is_between) && !self.is_holding();
        between.then_some(GOING_AWAY)
    }
}

/// Follows the frames from a server, which are not masked.
#[derive(Debug, Default)]
struct Frames {
    head: Vec<u8>,
    left: u64,
}

impl Frames {
    fn read(&mut self, mut bytes: &[u8]) {
        while let Some((first, rest)) = bytes.split_first() {
            if self.left > 0 {
                let taken = bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
                self.left = self.left.saturating_sub(u64::try_from(taken).unwrap_or(0));
                bytes = bytes.get(taken..).unwrap_or_default();
                continue;
            }
            self.head.push(*first);
            bytes = rest;
            if let Some(length) = length(&self.head) {
                self.left = length;
                self.head.clear();
            }
        }
    }

    fn is_between(&self) -> bool {
        self.left == 0 && self.head.is_empty()
    }
}

/// The length of a frame's payload, and of a mask where there is one; nothing as long as its head is not whole.
fn length(head: &[u8]) -> Option<u64> {
    let second = *head.get(1)?;
    let wide = match second & 0x7f {
        126 => 2,
        127 => 8,
        short => return Some(u64::from(short) + mask(second)),
    };
    let bytes = head.get(2..2 + wide)?;
    let length = bytes.iter().fold(0_u64, |length, byte| length << 8 | u64::from(*byte));
    Some(length.saturating_add(mask(second)))
}

fn mask(second: u8) -> u64 {
    if second & 0x80 == 0 { 0 } else { 4 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_any_length_in_pieces_of_any_size() {
        let frame = |length: usize| match length {
            ..126 => [vec![0x82, u8::try_from(length).unwrap()], vec![b'x'; length]].concat(),
            126..65_536 => {
                [vec![0x82, 126], u16::try_from(length).unwrap().to_be_bytes().to_vec(), vec![b'x'; length]].concat()
            }
            _ => [vec![0x82, 127], u64::try_from(length).unwrap().to_be_bytes().to_vec(), vec![b'x'; length]].concat(),
        };
        for step in [1, 3, 1000] {
            let mut frames = Frames::default();
            for length in [0, 1, 125, 126, 65_535, 65_536] {
                let frame = frame(length);
                for piece in frame[..frame.len() - 1].chunks(step) {
                    frames.read(piece);
                }
                assert!(!frames.is_between(), "{length}");
                frames.read(&frame[frame.len() - 1..]);
                assert!(frames.is_between(), "{length}");
            }
        }
    }
}
