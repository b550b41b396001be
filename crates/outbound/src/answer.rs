//! The body of an answer on its way back, and what becomes of its connection afterwards.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode, Version};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::Sleep;

use crate::body::{Upload, poll_idle};
use crate::pool::Lease;

/// Why an answer broke off after its head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// The upstream closed the connection, or broke its framing, before the end.
    #[error("the upstream's answer was cut off")]
    Cut,
    /// The upstream sent nothing for too long.
    #[error("the upstream's answer did not go on in time")]
    Idle,
}

/// The body of an answer, passed on as it comes.
///
/// An error means that the answer is not whole: whoever passes it on must let that be seen (by cutting off too).
/// Once it was read to its end, its connection goes back to the pool; dropped before that, the connection is closed.
pub struct AnswerBody {
    inner: Incoming,
    lease: Option<Lease>,
    idle: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    proof: Option<Proof>,
}

/// Tells a whole answer of HTTP/2 from one that was cut off. A reset that names no error may follow a whole answer: the
/// server then says that it wants no more of the request (RFC 9113 section 8.1). It looks like an end wherever it comes.
pub(crate) struct Proof {
    /// No body belongs to such an answer.
    bodiless: bool,
    length: Option<u64>,
    seen: u64,
    trailers: bool,
    upload: Option<Arc<Upload>>,
}

impl Proof {
    /// For an answer to a request with this body; none is needed where the framing is HTTP/1.1's.
    pub(crate) fn of(response: &Response<Incoming>, to_head: bool, upload: Option<Arc<Upload>>) -> Option<Self> {
        let bodiless = to_head || matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        let length = response.body().size_hint().exact();
        let proof = Self { bodiless, length, seen: 0, trailers: false, upload };
        (response.version() == Version::HTTP_2).then_some(proof)
    }

    fn saw(&mut self, frame: &Frame<Bytes>) {
        let length = frame.data_ref().map_or(0, Bytes::len);
        self.seen = self.seen.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        self.trailers |= frame.is_trailers();
    }

    /// Whether what came is all, where the end itself may have been lost to the reset.
    fn is_whole(&self) -> bool {
        let refused_early = || self.seen == 0 && self.upload.as_ref().is_some_and(|upload| !upload.has_ended());
        self.bodiless || self.trailers || self.length.map_or_else(refused_early, |length| length == self.seen)
    }
}

impl AnswerBody {
    pub(crate) fn new(inner: Incoming, lease: Option<Lease>, idle: Duration, proof: Option<Proof>) -> Self {
        let mut body = Self { inner, lease, idle, timer: None, proof };
        body.give_back_at_end();
        body
    }

    fn give_back_at_end(&mut self) {
        if self.inner.is_end_stream()
            && let Some(lease) = self.lease.take()
        {
            lease.give_back();
        }
    }
}

impl fmt::Debug for AnswerBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnswerBody")
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = AnswerError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, AnswerError>>> {
        let this = self.get_mut();
        match Pin::new(&mut this.inner).poll_frame(cx) {
            Poll::Pending => match poll_idle(&mut this.timer, Some(this.idle), cx) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(()) => {
                    this.lease = None;
                    Poll::Ready(Some(Err(AnswerError::Idle)))
                }
            },
            Poll::Ready(frame) => {
                this.timer = None;
                match frame {
                    Some(Ok(frame)) => {
                        if let Some(proof) = &mut this.proof {
                            proof.saw(&frame);
                        }
                        this.give_back_at_end();
                        Poll::Ready(Some(Ok(frame)))
                    }
                    Some(Err(_)) => {
                        this.lease = None;
                        Poll::Ready(Some(Err(AnswerError::Cut)))
                    }
                    None if !this.inner.is_end_stream()
                        && this.proof.as_ref().is_some_and(|proof| !proof.is_whole()) =>
                    {
                        this.lease = None;
                        Poll::Ready(Some(Err(AnswerError::Cut)))
                    }
                    None => {
                        // Chunked bodies know their end only now.
                        if let Some(lease) = this.lease.take() {
                            lease.give_back();
                        }
                        Poll::Ready(None)
                    }
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
