//! The body of a request on its way out.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use tokio::time::{Instant, Sleep, sleep};

use crate::record::Recorded;

/// What went wrong with a body that comes from the caller; its fault, never the upstream's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Its framing is broken.
    #[error("is malformed")]
    Malformed,
    /// It is longer than the route allows.
    #[error("is longer than the route allows")]
    TooLarge,
    /// The caller went away.
    #[error("broke off")]
    Aborted,
    /// The caller sent nothing for too long.
    #[error("did not go on in time")]
    TimedOut,
    /// The caller signed another one.
    #[error("is not the one that was signed")]
    NotAsSigned,
}

/// The body of a request: nothing, a few bytes at hand, or a stream.
///
/// The first two can be sent a second time, and a stream that is recorded as long as it is short.
pub struct OutBody(Kind);

enum Kind {
    Empty,
    Full(Bytes),
    Stream(Box<Streamed>),
}

struct Streamed {
    inner: Source,
    upload: Arc<Upload>,
    idle: Option<Duration>,
    timer: Option<Pin<Box<Sleep>>>,
}

/// Where the pieces come from.
enum Source {
    Once(UnsyncBoxBody<Bytes, BodyError>),
    Recorded(Recorded),
}

/// What a streamed body is doing, for the one who waits for the answer.
#[derive(Debug)]
pub(crate) struct Upload {
    start: Instant,
    waiting: AtomicBool,
    ended: AtomicBool,
    /// Milliseconds from `start` to the last piece.
    last_piece: AtomicU64,
    fault: Mutex<Option<BodyError>>,
}

impl Upload {
    fn new() -> Self {
        let (waiting, ended, last_piece) = (AtomicBool::new(false), AtomicBool::new(false), AtomicU64::new(0));
        Self { start: Instant::now(), waiting, ended, last_piece, fault: Mutex::new(None) }
    }

    /// Whether the upstream is waiting for the caller rather than the caller for the upstream.
    pub(crate) fn is_waiting(&self) -> bool {
        self.waiting.load(Ordering::Acquire)
    }

    /// Whether all of it was taken.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// When a piece was last taken.
    pub(crate) fn last_piece(&self) -> Instant {
        self.start + Duration::from_millis(self.last_piece.load(Ordering::Acquire))
    }

    /// Why the body broke off, where it did: on a connection that many share, nobody else tells.
    pub(crate) fn fault(&self) -> Option<BodyError> {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn took(&self, frame: Option<&Result<Frame<Bytes>, BodyError>>) {
        self.waiting.store(false, Ordering::Release);
        let millis = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_piece.store(millis, Ordering::Release);
        if let Some(Err(error)) = frame {
            *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(*error);
        }
    }
}

impl OutBody {
    /// No body.
    #[must_use]
    pub fn empty() -> Self {
        Self(Kind::Empty)
    }

    /// A body that is at hand; none where it is empty.
    #[must_use]
    pub fn full(bytes: Bytes) -> Self {
        if bytes.is_empty() { Self::empty() } else { Self(Kind::Full(bytes)) }
    }

    /// A body that is passed on as it comes, with backpressure; none where it has ended already.
    ///
    /// A length that the body knows becomes `Content-Length`, otherwise it is sent chunked. Trailers go along where
    /// the request announces them; whoever must keep one back maps the frames beforehand.
    #[must_use]
    pub fn stream<B>(body: B) -> Self
    where
        B: Body<Data = Bytes, Error = BodyError> + Send + 'static,
    {
        if body.is_end_stream() {
            return Self::empty();
        }
        Self::streamed(Source::Once(body.boxed_unsync()))
    }

    /// The same, and what has been sent of it is kept, so that it can be sent again as long as that is no more than
    /// `limit` bytes.
    #[must_use]
    pub fn recorded<B>(body: B, limit: usize) -> Self
    where
        B: Body<Data = Bytes, Error = BodyError> + Send + 'static,
    {
        if body.is_end_stream() {
            return Self::empty();
        }
        Self::streamed(Source::Recorded(Recorded::new(body.boxed_unsync(), limit)))
    }

    fn streamed(inner: Source) -> Self {
        Self(Kind::Stream(Box::new(Streamed { inner, upload: Arc::new(Upload::new()), idle: None, timer: None })))
    }

    /// Whether there is nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self.0, Kind::Empty)
    }

    /// The same body once more, where that is possible.
    #[must_use]
    pub fn again(&self) -> Option<Self> {
        match &self.0 {
            Kind::Empty => Some(Self::empty()),
            Kind::Full(bytes) => Some(Self(Kind::Full(bytes.clone()))),
            Kind::Stream(streamed) => match &streamed.inner {
                Source::Once(_) => None,
                Source::Recorded(recorded) => {
                    let mut again = Self::streamed(Source::Recorded(recorded.again()?));
                    if let Some(idle) = streamed.idle {
                        again.limit_idle(idle);
                    }
                    Some(again)
                }
            },
        }
    }

    /// Whether all of it can be sent from here on: a recorded body that became too long meanwhile cannot.
    pub(crate) fn is_whole(&self) -> bool {
        match &self.0 {
            Kind::Stream(streamed) => match &streamed.inner {
                Source::Once(_) => true,
                Source::Recorded(recorded) => recorded.is_whole(),
            },
            Kind::Empty | Kind::Full(_) => true,
        }
    }

    /// Ends the stream with [`BodyError::TimedOut`] where the caller sends nothing for so long.
    pub(crate) fn limit_idle(&mut self, idle: Duration) {
        if let Kind::Stream(streamed) = &mut self.0 {
            streamed.idle = Some(idle);
        }
    }

    /// What the stream is doing; nothing to watch where the body is at hand.
    pub(crate) fn upload(&self) -> Option<Arc<Upload>> {
        match &self.0 {
            Kind::Stream(streamed) => Some(Arc::clone(&streamed.upload)),
            Kind::Empty | Kind::Full(_) => None,
        }
    }
}

impl fmt::Debug for OutBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Empty => "OutBody(empty)",
            Kind::Full(_) => "OutBody(full)",
            Kind::Stream(_) => "OutBody(stream)",
        })
    }
}

impl Body for OutBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        match &mut this.0 {
            Kind::Empty => Poll::Ready(None),
            Kind::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                this.0 = Kind::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Kind::Stream(streamed) => streamed.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Empty => true,
            Kind::Full(_) => false,
            Kind::Stream(streamed) => streamed.inner.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Full(bytes) => SizeHint::with_exact(u64::try_from(bytes.len()).unwrap_or(u64::MAX)),
            Kind::Stream(streamed) => streamed.inner.size_hint(),
        }
    }
}

impl Source {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self {
            Self::Once(body) => Pin::new(body).poll_frame(cx),
            Self::Recorded(body) => body.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Once(body) => body.is_end_stream(),
            Self::Recorded(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Once(body) => body.size_hint(),
            Self::Recorded(body) => body.size_hint(),
        }
    }
}

impl Streamed {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.inner.poll_frame(cx) {
            Poll::Ready(frame) => {
                self.upload.took(frame.as_ref());
                if frame.is_none() || self.inner.is_end_stream() {
                    self.upload.ended.store(true, Ordering::Release);
                }
                self.timer = None;
                Poll::Ready(frame)
            }
            Poll::Pending => {
                self.upload.waiting.store(true, Ordering::Release);
                match poll_idle(&mut self.timer, self.idle, cx) {
                    Poll::Ready(()) => {
                        let timed_out = Err(BodyError::TimedOut);
                        self.upload.took(Some(&timed_out));
                        Poll::Ready(Some(timed_out))
                    }
                    Poll::Pending => Poll::Pending,
                }
            }
        }
    }
}

/// Ready once nothing came for `idle` since the timer was last taken away. The timer is made only when something
/// has to be waited for, so that a body which flows costs none.
pub(crate) fn poll_idle(timer: &mut Option<Pin<Box<Sleep>>>, idle: Option<Duration>, cx: &mut Context<'_>) -> Poll<()> {
    // A span that no clock can hold means never.
    let Some(idle) = idle.filter(|idle| Instant::now().checked_add(*idle).is_some()) else {
        return Poll::Pending;
    };
    let timer = timer.get_or_insert_with(|| Box::pin(sleep(idle)));
    timer.as_mut().poll(cx)
}
