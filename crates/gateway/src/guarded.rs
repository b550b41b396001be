//! An answer's body behind the guard: what goes out was looked at, and has the length that the upstream announced.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use outbound::guard::{BodyGuard, Leak};
use outbound::{AnswerBody, AnswerError};

/// Why an answer broke off after its head.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    /// On its way to us.
    #[error(transparent)]
    Upstream(#[from] AnswerError),
    /// The route blocks answers that hold an injected value.
    #[error(transparent)]
    Leak(#[from] Leak),
}

/// A body, guarded.
#[derive(Debug)]
pub(crate) struct Guarded {
    inner: AnswerBody,
    guard: BodyGuard,
    /// Trailers that wait until what the guard kept back has gone out.
    trailers: Option<HeaderMap>,
    ended: bool,
}

impl Guarded {
    pub(crate) fn new(inner: AnswerBody, guard: BodyGuard) -> Self {
        let ended = inner.is_end_stream();
        Self { inner, guard, trailers: None, ended }
    }

    /// What is left when the upstream's body has ended.
    fn rest(&mut self) -> Option<Frame<Bytes>> {
        self.ended = true;
        if self.guard.is_holding() {
            return Some(Frame::data(self.guard.finish()));
        }
        self.trailers.take().map(Frame::trailers)
    }

    /// What can go out of a frame now; nothing where all of it is kept back.
    fn pass(&mut self, frame: Frame<Bytes>) -> Result<Option<Frame<Bytes>>, Broken> {
        let data = match frame.into_data() {
            Ok(data) => data,
            Err(frame) => {
                let mut trailers = frame.into_trailers().unwrap_or_default();
                self.guard.trailers(&mut trailers)?;
                self.trailers = Some(trailers);
                return Ok(self.rest());
            }
        };
        let out = self.guard.push(data)?;
        Ok((!out.is_empty()).then(|| Frame::data(out)))
    }
}

impl Body for Guarded {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let this = self.get_mut();
        loop {
            if this.ended {
                return Poll::Ready(this.rest().map(Ok));
            }
            let Some(frame) = ready!(Pin::new(&mut this.inner).poll_frame(cx)) else {
                this.ended = true;
                continue;
            };
            let passed = frame.map_err(Broken::from).and_then(|frame| this.pass(frame));
            this.ended |= this.inner.is_end_stream();
            if let Some(passed) = passed.transpose() {
                return Poll::Ready(Some(passed));
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
