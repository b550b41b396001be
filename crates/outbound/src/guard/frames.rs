//! What a server sends over a WebSocket (RFC 6455), behind the guard: payloads are looked at, frames stay as they are.

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use model::route::Guard;
use model::snapshot::Bound;

use super::{BodyGuard, Leak};

/// Why the frames of a server may not be passed on any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The route blocks what holds an injected value.
    #[error("{Leak}")]
    Leak,
    /// Not what a server may send; what cannot be read cannot be looked at.
    #[error("the server broke the WebSocket protocol: {0}")]
    Malformed(&'static str),
}

impl From<Leak> for FrameError {
    fn from(_: Leak) -> Self {
        Self::Leak
    }
}

/// Looks at the bytes that come from a server after it has switched to the WebSocket protocol, cut at any place.
///
/// Values are found in each message as a whole, whatever its fragments and the control frames between them, and in
/// each control frame (the reason of a close, what a ping carries). What is found is masked: heads and lengths stay.
/// No extension may have been agreed on, for then payloads say something else than they hold.
///
/// Within a message, what could still become a form is kept back, and so is what comes after it: the next fragments
/// and the control frames between them keep their order. Nothing is kept back beyond a message's end.
pub struct FrameGuard {
    bound: Arc<Bound>,
    at: At,
    /// The message that goes on; none between messages.
    message: Option<BodyGuard>,
    out: Out,
}

/// Where in a frame the next byte belongs.
enum At {
    /// In the head, of which these bytes were read.
    Head(Vec<u8>),
    /// In the payload of a fragment: so much is left of it, and whether it is the message's last.
    Data { left: u64, last: bool },
    /// In a control frame, which is short and kept until it is whole.
    Control { frame: BytesMut, payload: usize, left: usize },
    /// Behind a close: nothing may follow.
    Closed,
}

impl FrameGuard {
    /// At the first byte behind the head of the 101.
    #[must_use]
    pub fn new(bound: Arc<Bound>) -> Self {
        Self { bound, at: At::Head(Vec::new()), message: None, out: Out::default() }
    }

    /// Takes what came next, and gives what can go out now; it may be empty.
    ///
    /// # Errors
    /// [`FrameError`]. No more may go out then: the connection is to be cut off.
    pub fn push(&mut self, mut bytes: Bytes) -> Result<Bytes, FrameError> {
        while !bytes.is_empty() {
            match &mut self.at {
                At::Head(read) => {
                    read.push(bytes.get_u8());
                    if let Some(head) = Head::read(read)? {
                        let read = mem::take(read);
                        self.begin(head, &read)?;
                    }
                }
                At::Data { left, last } => {
                    let piece =
                        bytes.split_to(usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len())));
                    *left = left.saturating_sub(u64::try_from(piece.len()).unwrap_or(u64::MAX));
                    let (ended, last) = (*left == 0, *last);
                    self.out.await_payload(piece.len());
                    if let Some(message) = &mut self.message {
                        self.out.fill(message.push(piece)?);
                    }
                    if ended {
                        self.end_fragment(last);
                    }
                }
                At::Control { frame, left, .. } => {
                    let piece = bytes.split_to(bytes.len().min(*left));
                    *left = left.saturating_sub(piece.len());
                    frame.extend_from_slice(&piece);
                    if *left == 0 {
                        self.end_control()?;
                    }
                }
                At::Closed => return Err(FrameError::Malformed("something follows a close")),
            }
        }
        Ok(self.out.ready.split().freeze())
    }

    /// The server has ended its side of the connection.
    ///
    /// # Errors
    /// [`FrameError::Malformed`] within a frame or a message. What is kept back then does not go out: it is a part of
    /// something that is not whole.
    pub fn end(&self) -> Result<(), FrameError> {
        match &self.at {
            At::Closed => Ok(()),
            At::Head(read) if read.is_empty() && self.message.is_none() => Ok(()),
            _ => Err(FrameError::Malformed("it ends within a message")),
        }
    }

    /// How many bytes are kept back.
    #[must_use]
    pub fn held(&self) -> usize {
        let part = match &self.at {
            At::Head(read) => read.len(),
            At::Control { frame, .. } => frame.len(),
            At::Data { .. } | At::Closed => 0,
        };
        self.out.held().saturating_add(part)
    }

    fn begin(&mut self, head: Head, bytes: &[u8]) -> Result<(), FrameError> {
        if head.is_control() {
            let left = usize::try_from(head.length).unwrap_or(usize::MAX);
            self.at = At::Control { frame: BytesMut::from(bytes), payload: bytes.len(), left };
            return if left == 0 { self.end_control() } else { Ok(()) };
        }
        match (head.opcode, &self.message) {
            (CONTINUATION, None) => return Err(FrameError::Malformed("a continuation of nothing")),
            (CONTINUATION, Some(_)) => {}
            (_, Some(_)) => return Err(FrameError::Malformed("a message within a message")),
            (_, None) => self.message = Some(BodyGuard::new(Arc::clone(&self.bound))),
        }
        self.out.put(bytes)?;
        self.at = At::Data { left: head.length, last: head.last };
        if head.length == 0 {
            self.end_fragment(head.last);
        }
        Ok(())
    }

    fn end_fragment(&mut self, last: bool) {
        self.at = At::Head(Vec::new());
        if last && let Some(mut message) = self.message.take() {
            self.out.fill(message.finish());
        }
    }

    fn end_control(&mut self) -> Result<(), FrameError> {
        let At::Control { mut frame, payload, .. } = mem::replace(&mut self.at, At::Head(Vec::new())) else {
            return Ok(());
        };
        if frame.first().is_some_and(|first| first & OPCODE == CLOSE) {
            self.at = At::Closed;
        }
        let payload = frame.get_mut(payload..).unwrap_or_default();
        let found = self.bound.needles().is_some_and(|needles| needles.mask(payload));
        if found && self.bound.guard == Guard::Block {
            return Err(FrameError::Leak);
        }
        self.out.put(&frame)
    }
}

impl fmt::Debug for FrameGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FrameGuard")
    }
}

const LAST: u8 = 0x80;
const RESERVED: u8 = 0x70;
const OPCODE: u8 = 0x0f;
const MASKED: u8 = 0x80;

const CONTINUATION: u8 = 0;
const CLOSE: u8 = 8;

/// The head of a frame (RFC 6455 section 5.2), as a server may send it without extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    last: bool,
    opcode: u8,
    length: u64,
}

impl Head {
    /// `None` until the head is whole.
    fn read(bytes: &[u8]) -> Result<Option<Self>, FrameError> {
        let malformed = |what| Err(FrameError::Malformed(what));
        let Some((first, rest)) = bytes.split_first() else { return Ok(None) };
        let (last, opcode) = (first & LAST != 0, first & OPCODE);
        if first & RESERVED != 0 {
            return malformed("an extension that was not agreed on");
        }
        let control = match opcode {
            0..=2 => false,
            8..=10 if last => true,
            8..=10 => return malformed("a control frame in fragments"),
            _ => return malformed("a frame of an unknown kind"),
        };
        let Some((second, rest)) = rest.split_first() else { return Ok(None) };
        if second & MASKED != 0 {
            return malformed("a masked frame");
        }
        let (size, least) = match second {
            126 => (2, 126),
            127 => (8, 65_536),
            length => return Ok(Some(Self { last, opcode, length: u64::from(*length) })),
        };
        if control {
            return malformed("a control frame that is too long");
        }
        let Some(digits) = rest.get(..size) else { return Ok(None) };
        let length = digits.iter().fold(0, |length: u64, byte| (length << 8) | u64::from(*byte));
        // A length in more bytes than it needs, or one that is negative to some readers.
        if length < least || i64::try_from(length).is_err() {
            return malformed("a length that is not written as it must be");
        }
        Ok(Some(Self { last, opcode, length }))
    }

    fn is_control(self) -> bool {
        self.opcode & CLOSE != 0
    }
}

/// So much of heads and control frames may wait for bytes of a message that are kept back. It is room for a head before
/// each of these bytes; whoever sends more control frames than that into a message that does not go on is cut off.
const MOST_WAITING: usize = 8 * 1024;

/// What goes out, in the order in which it came in.
#[derive(Default)]
struct Out {
    ready: BytesMut,
    waiting: VecDeque<Waiting>,
}

enum Waiting {
    /// So many bytes that the guard keeps back.
    Payload(usize),
    /// Heads and control frames behind them.
    Frames(BytesMut),
}

impl Out {
    /// Heads and control frames, which need not be looked at any more.
    fn put(&mut self, bytes: &[u8]) -> Result<(), FrameError> {
        match self.waiting.back_mut() {
            None => self.ready.extend_from_slice(bytes),
            Some(Waiting::Frames(frames)) => frames.extend_from_slice(bytes),
            Some(Waiting::Payload(_)) => self.waiting.push_back(Waiting::Frames(BytesMut::from(bytes))),
        }
        if self.held() > MOST_WAITING {
            return Err(FrameError::Malformed("too many frames within a message that does not go on"));
        }
        Ok(())
    }

    /// So many bytes go to the guard, which will give them back in their order.
    fn await_payload(&mut self, length: usize) {
        match self.waiting.back_mut() {
            _ if length == 0 => {}
            Some(Waiting::Payload(before)) => *before = before.saturating_add(length),
            _ => self.waiting.push_back(Waiting::Payload(length)),
        }
    }

    /// What the guard gives back.
    fn fill(&mut self, mut looked_at: Bytes) {
        while let Some(first) = self.waiting.front_mut() {
            match first {
                Waiting::Frames(frames) => self.ready.extend_from_slice(frames),
                Waiting::Payload(length) => {
                    let piece = looked_at.split_to(looked_at.len().min(*length));
                    self.ready.extend_from_slice(&piece);
                    *length = length.saturating_sub(piece.len());
                    if *length > 0 {
                        return;
                    }
                }
            }
            self.waiting.pop_front();
        }
    }

    fn held(&self) -> usize {
        let lengths = self.waiting.iter().map(|waiting| match waiting {
            Waiting::Payload(length) => *length,
            Waiting::Frames(frames) => frames.len(),
        });
        lengths.sum()
    }
}
