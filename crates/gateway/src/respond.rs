//! Phase 6: the answer as the client gets it, streamed, and marked as the upstream's own.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::header::VIA;
use http::{HeaderMap, HeaderValue, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use model::route::Guard;
use model::snapshot::Bound;
use model::usage::Outcome;
use outbound::guard::{self, GuardedBody, GuardedError, ReadError, Readable, Reading, Unreadable, guard_headers};
use outbound::inject::strip_answer;
use outbound::{AnswerBody, AnswerError, Forwarded};

use crate::ahead::Ahead;
use crate::answer::{self, NAME, PROXY_STATUS, Refusal};
use crate::open::{Ended, Open};
use crate::report::{Line, Verdict};
use crate::serve::{Answering, Flight};

/// Turns the upstream's answer into the client's, or withholds it where the route says so.
pub(crate) async fn respond(
    forwarded: Forwarded,
    verdict: Option<Verdict>,
    bound: &Arc<Bound>,
) -> Result<Response<Body>, Refusal> {
    let (mut parts, body) = forwarded.response.into_parts();
    strip_answer(&mut parts.headers);
    let content = if guard::is_needed(bound) {
        guard_headers(&mut parts.headers, bound)
            .map_err(|leak| Refusal::new(answer::WITHHELD, format!("Nothing was passed on: {leak}.")))?;
        let reading = Reading::of(parts.status, &mut parts.headers, body.is_end_stream()).map_err(unreadable)?;
        let body = GuardedBody::new(Readable::new(body, reading), bound);
        match body.size_hint().exact() {
            Some(1..=AT_ONCE) if bound.guard == Guard::Block => Content::Own(Some(at_once(body).await?)),
            _ => Content::Guarded(Box::new(body)),
        }
    } else {
        Content::Upstream(Box::new(body))
    };
    mark(&mut parts.headers, parts.status.as_u16());
    // Version and extensions of the upstream's connection mean nothing on the client's.
    let mut answer = Response::new(Body { content, verdict, ..Body::default() });
    *answer.status_mut() = parts.status;
    *answer.headers_mut() = parts.headers;
    Ok(answer)
}

/// So much of an answer whose length is known is looked at before its head goes out, where the route blocks.
const AT_ONCE: u64 = 64 * 1024;

/// Reads a whole answer, so that what is wrong with it can still be said in a problem.
async fn at_once(mut body: Guarded) -> Result<Bytes, Refusal> {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| match error {
            GuardedError::Leak => Refusal::new(answer::WITHHELD, format!("Nothing was passed on: {}.", guard::Leak)),
            GuardedError::Upstream(ReadError::Upstream(error)) => answer::of_answer(error),
            GuardedError::Upstream(ReadError::Unreadable(reason)) => unreadable(reason),
        })?;
        if let Some(data) = frame.data_ref() {
            whole.extend_from_slice(data);
        }
    }
    Ok(whole.freeze())
}

/// The guard asked for what it can read; what it cannot read is not passed on.
fn unreadable(reason: Unreadable) -> Refusal {
    let detail = format!(
        "Nothing was passed on: {reason}. Set the route's guard to off if its answers may be passed on unread."
    );
    Refusal::new(answer::WITHHELD, detail)
}

/// Says whose status it is, so that a third party's 401 is never taken for the gateway's.
pub(crate) fn mark(headers: &mut HeaderMap, status: u16) {
    // What an upstream says in our name is not ours.
    let others: Vec<HeaderValue> =
        headers.get_all(PROXY_STATUS).iter().filter(|value| !names_us(value)).cloned().collect();
    headers.remove(PROXY_STATUS);
    for other in others {
        headers.append(PROXY_STATUS, other);
    }
    if let Ok(ours) = HeaderValue::try_from(format!("{NAME}; received-status={status}")) {
        headers.append(PROXY_STATUS, ours);
    }
    headers.append(VIA, HeaderValue::from_static("1.1 keyroll"));
}

fn names_us(value: &HeaderValue) -> bool {
    value.as_bytes().windows(NAME.len()).any(|window| window.eq_ignore_ascii_case(NAME.as_bytes()))
}

/// Why an answer broke off after its head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Broken {
    /// On its way to us, or because it cannot be read, or because the route blocks what is in it.
    #[error(transparent)]
    Upstream(#[from] GuardedError<ReadError<AnswerError>>),
    /// It may not go on.
    #[error("{0}")]
    Ended(Ended),
}

/// An answer behind the guard.
type Guarded = GuardedBody<Readable<AnswerBody>>;

/// The body of an answer to the client.
///
/// An error of it cuts the connection off, so that an answer that is not whole never looks whole.
#[derive(Debug, Default)]
pub(crate) struct Body {
    /// What was read of the content already.
    ahead: Option<Box<Ahead>>,
    content: Content,
    verdict: Option<Verdict>,
    line: Option<Box<Line>>,
    open: Option<Open>,
    answering: Option<Answering>,
    flight: Option<Flight>,
}

/// Where the bytes come from.
#[derive(Debug, Default)]
pub(crate) enum Content {
    #[default]
    None,
    Own(Option<Bytes>),
    Upstream(Box<AnswerBody>),
    Guarded(Box<Guarded>),
}

impl Body {
    /// A body of the gateway's own.
    pub(crate) fn full(bytes: Bytes) -> Self {
        Self { content: if bytes.is_empty() { Content::None } else { Content::Own(Some(bytes)) }, ..Self::default() }
    }

    /// Ends it where it may not go on, and counts it as under way as long as it does.
    pub(crate) fn hold(&mut self, open: Open) {
        self.open = Some(open);
    }

    /// Reads so much of it that the verdict is known, if that is soon; the rest of it goes on as it was. What is still
    /// open is judged while it passes, as always.
    pub(crate) async fn look_ahead(&mut self, mut verdict: Verdict) -> Looked {
        let ahead = Ahead::read(&mut self.content, &mut verdict).await;
        let known = ahead.is_known();
        self.ahead = Some(Box::new(ahead));
        let outcome = verdict.outcome();
        if known {
            return Looked::Known(outcome);
        }
        self.verdict = Some(verdict);
        Looked::Open
    }

    /// The verdict that is still open.
    pub(crate) fn verdict(&mut self) -> Option<&mut Verdict> {
        self.verdict.as_mut()
    }

    /// Writes the line once the body has gone out.
    pub(crate) fn log(&mut self, line: Option<Box<Line>>) {
        self.line = line;
    }

    /// Lets the connection know when the body has gone out.
    pub(crate) fn keep(&mut self, answering: Answering) {
        self.answering = Some(answering);
    }

    /// The same on a connection with others in flight.
    pub(crate) fn fly(&mut self, flight: Flight) {
        self.flight = Some(flight);
    }

    fn see(&mut self, frame: &Result<Frame<Bytes>, Broken>) {
        let Ok(frame) = frame else {
            if let Some(line) = &mut self.line {
                line.broke_off();
            }
            if let Some(answering) = &mut self.answering {
                answering.broke_off();
            }
            return;
        };
        let Some(data) = frame.data_ref() else { return };
        if let Some(line) = &mut self.line {
            line.passed_on(data.len());
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        if let Some(frame) = self.ahead.as_mut().and_then(|ahead| ahead.next()) {
            // What was looked at already.
            return Poll::Ready(Some(frame));
        }
        let next = ready!(self.content.poll_next(cx));
        let data = next.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
        if let Some(data) = data
            && self.verdict.as_mut().is_some_and(|verdict| !verdict.see(data))
        {
            self.verdict = None;
        }
        Poll::Ready(next)
    }
}

/// What looking ahead has shown.
#[derive(Debug)]
pub(crate) enum Looked {
    /// The verdict.
    Known(Outcome),
    /// Nothing yet: it is spoken later.
    Open,
}

impl Content {
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        Poll::Ready(match self {
            Self::None => None,
            Self::Own(bytes) => bytes.take().map(|bytes| Ok(Frame::data(bytes))),
            Self::Upstream(body) => {
                let broken = |error| Broken::Upstream(GuardedError::Upstream(ReadError::Upstream(error)));
                ready!(Pin::new(body).poll_frame(cx)).map(|frame| frame.map_err(broken))
            }
            Self::Guarded(body) => ready!(Pin::new(body).poll_frame(cx)).map(|frame| frame.map_err(Broken::Upstream)),
        })
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::None => true,
            Self::Own(bytes) => bytes.is_none(),
            Self::Upstream(body) => body.is_end_stream(),
            Self::Guarded(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::None => SizeHint::with_exact(0),
            Self::Own(bytes) => {
                let length = bytes.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
            }
            Self::Upstream(body) => body.size_hint(),
            Self::Guarded(body) => body.size_hint(),
        }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let this = self.get_mut();
        if let Some(Poll::Ready(ended)) = this.open.as_ref().map(|open| open.poll_ended(cx)) {
            let broken = Err(Broken::Ended(ended));
            (this.content, this.ahead, this.open) = (Content::None, None, None);
            this.see(&broken);
            return Poll::Ready(Some(broken));
        }
        let next = this.poll_next(cx);
        if let Some(open) = &this.open {
            open.handed_over(matches!(next, Poll::Ready(Some(_))));
        }
        let Some(frame) = ready!(next) else {
            this.verdict = None;
            return Poll::Ready(None);
        };
        this.see(&frame);
        Poll::Ready(Some(frame.map(clean)))
    }

    fn is_end_stream(&self) -> bool {
        self.ahead.as_ref().is_none_or(|ahead| ahead.is_empty()) && self.content.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.content.size_hint();
        self.ahead.as_ref().map_or(rest, |ahead| ahead.before(&rest))
    }
}

/// Fields of one connection have no place in trailers either.
fn clean(frame: Frame<Bytes>) -> Frame<Bytes> {
    match frame.into_trailers() {
        Ok(mut trailers) => {
            strip_answer(&mut trailers);
            Frame::trailers(trailers)
        }
        Err(data) => data,
    }
}
