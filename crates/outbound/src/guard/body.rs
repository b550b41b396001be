//! An answer's body behind the guard: what goes out was looked at, and is as long as what came in.

use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use model::route::Guard;
use model::snapshot::{Bound, Cursor};

use super::{Leak, guard_headers};

/// Looks at a body piece by piece. Nothing is kept back but the beginning of what could become a form in the next
/// piece, so that events go out as they come; what was looked at once is not looked at again.
pub struct BodyGuard {
    bound: Arc<Bound>,
    /// What is kept back, masked where something was found in it.
    held: BytesMut,
    /// What `held` was before it was masked; nothing before the first byte that is kept back.
    cursor: Option<Cursor>,
}

impl BodyGuard {
    /// At the beginning of a body.
    #[must_use]
    pub fn new(bound: Arc<Bound>) -> Self {
        Self { bound, held: BytesMut::new(), cursor: None }
    }

    /// Takes the next piece, and gives what can go out now; it may be empty. A piece in which there is nothing goes
    /// out as it is, without a copy.
    ///
    /// # Errors
    /// [`Leak`] where something is found and the route blocks. No more may go out then.
    pub fn push(&mut self, mut piece: Bytes) -> Result<Bytes, Leak> {
        let Some(needles) = self.bound.needles() else { return Ok(piece) };
        if self.held.is_empty() && !needles.occur_in(&piece) {
            let cursor = needles.after(&piece);
            let open = needles.open(cursor);
            if open > 0 {
                self.cursor = Some(cursor);
                self.held = BytesMut::from(piece.split_off(piece.len().saturating_sub(open)).as_ref());
            }
            return Ok(piece);
        }
        let mut cursor = self.cursor.unwrap_or_else(|| needles.start());
        let read = self.held.len();
        self.held.extend_from_slice(&piece);
        let found = needles.mask_on(&mut cursor, &mut self.held, read);
        if found && self.bound.guard == Guard::Block {
            return Err(Leak);
        }
        let open = needles.open(cursor);
        self.cursor = (open > 0).then_some(cursor);
        Ok(self.held.split_to(self.held.len().saturating_sub(open)).freeze())
    }

    /// Whether something is kept back.
    #[must_use]
    pub fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    /// How many bytes are kept back: less than the longest form has.
    #[must_use]
    pub fn held(&self) -> u64 {
        u64::try_from(self.held.len()).unwrap_or(u64::MAX)
    }

    /// Looks at the trailers that follow the body.
    ///
    /// # Errors
    /// As [`guard_headers`].
    pub fn trailers(&self, trailers: &mut HeaderMap) -> Result<(), Leak> {
        guard_headers(trailers, &self.bound)
    }

    /// Gives what was kept back, at the end of the body: it did not become a form.
    #[must_use]
    pub fn finish(&mut self) -> Bytes {
        self.cursor = None;
        mem::take(&mut self.held).freeze()
    }
}

impl fmt::Debug for BodyGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BodyGuard")
    }
}

/// Why a guarded body broke off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GuardedError<E> {
    /// It broke off on its way to us.
    #[error(transparent)]
    Upstream(#[from] E),
    /// The route blocks answers that hold an injected value.
    #[error("{Leak}")]
    Leak,
}

/// A body that may consist of messages.
pub trait Messaging: Body {
    /// Whether what came so far ends with a message. Whoever waits for it may send nothing before it is there, so that
    /// nothing of it may be kept back; and no form goes on behind it.
    fn is_between_messages(&self) -> bool {
        false
    }
}

/// A body, guarded: masked with its length kept, or ended by [`GuardedError::Leak`].
///
/// After an error nothing more comes: what was kept back is part of an answer that is not whole.
#[derive(Debug)]
pub struct GuardedBody<B> {
    inner: B,
    guard: BodyGuard,
    /// Trailers that wait until what the guard kept back has gone out.
    trailers: Option<HeaderMap>,
    ended: bool,
}

impl<B: Messaging<Data = Bytes>> GuardedBody<B> {
    /// Puts `inner` behind the guard of its binding.
    #[must_use]
    pub fn new(inner: B, bound: &Arc<Bound>) -> Self {
        let ended = inner.is_end_stream();
        Self { inner, guard: BodyGuard::new(Arc::clone(bound)), trailers: None, ended }
    }

    /// What is left when the inner body has ended.
    fn rest(&mut self) -> Option<Frame<Bytes>> {
        if self.guard.is_holding() {
            return Some(Frame::data(self.guard.finish()));
        }
        self.trailers.take().map(Frame::trailers)
    }

    /// What can go out of a frame now; nothing where all of it is kept back.
    fn pass(&mut self, frame: Frame<Bytes>) -> Result<Option<Frame<Bytes>>, Leak> {
        match frame.into_data() {
            Ok(data) => {
                let mut out = self.guard.push(data)?;
                if self.guard.is_holding() && self.inner.is_between_messages() {
                    out = [out, self.guard.finish()].concat().into();
                }
                Ok((!out.is_empty()).then(|| Frame::data(out)))
            }
            Err(frame) => {
                let mut trailers = frame.into_trailers().unwrap_or_default();
                self.guard.trailers(&mut trailers)?;
                self.trailers = Some(trailers);
                // Nothing follows trailers.
                self.ended = true;
                Ok(self.rest())
            }
        }
    }

    fn fail(&mut self) {
        self.ended = true;
        self.trailers = None;
        drop(self.guard.finish());
    }
}

impl<B: Messaging<Data = Bytes> + Unpin> Body for GuardedBody<B> {
    type Data = Bytes;
    type Error = GuardedError<B::Error>;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, GuardedError<B::Error>>>> {
        let this = self.get_mut();
        loop {
            if this.ended {
                return Poll::Ready(this.rest().map(Ok));
            }
            let passed = match ready!(Pin::new(&mut this.inner).poll_frame(cx)) {
                Some(Ok(frame)) => this.pass(frame).map_err(|Leak| GuardedError::Leak),
                Some(Err(error)) => Err(GuardedError::Upstream(error)),
                None => {
                    this.ended = true;
                    continue;
                }
            };
            match passed {
                Ok(passed) => {
                    this.ended |= this.inner.is_end_stream();
                    if let Some(frame) = passed {
                        return Poll::Ready(Some(Ok(frame)));
                    }
                }
                Err(error) => {
                    this.fail();
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ended && !self.guard.is_holding() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let held = self.guard.held();
        let inner = self.inner.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower().saturating_add(held));
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper.saturating_add(held));
        }
        hint
    }
}
