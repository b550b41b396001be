//! The body of an answer on its way back, and what becomes of its connection afterwards.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::Sleep;

use crate::body::poll_idle;
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
}

impl AnswerBody {
    pub(crate) fn new(inner: Incoming, lease: Option<Lease>, idle: Duration) -> Self {
        let mut body = Self { inner, lease, idle, timer: None };
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
                        this.give_back_at_end();
                        Poll::Ready(Some(Ok(frame)))
                    }
                    Some(Err(_)) => {
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
