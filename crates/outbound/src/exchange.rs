//! One attempt to get an answer on one connection, and what a failed one leaves to try again with.

use std::error::Error as _;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, Request, Response, StatusCode, request};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use tokio::time::{Instant, timeout_at};

use model::upstream::Upstream;

use crate::body::Upload;
use crate::connection::{Connection, Sender};
use crate::wire::Meter;
use crate::{BodyError, Failure, OutBody, Phase, streams};

/// An attempt without an answer.
pub(crate) struct Lost {
    pub(crate) failure: Failure,
    /// Whether bytes of the request were handed to the connection.
    pub(crate) sent: bool,
    /// The request, where the rules allow to send it again.
    pub(crate) again: Option<Request<OutBody>>,
}

/// Sends the request and waits for the head of the answer.
pub(crate) async fn exchange(
    connection: &mut Connection,
    request: Request<OutBody>,
    upstream: &Upstream,
    reused: bool,
    response_timeout: Duration,
) -> Result<Response<Incoming>, Lost> {
    // On a new connection nothing can be lost to a peer that was about to close it; a stream can be refused on any.
    let shared = matches!(connection.sender, Sender::Http2(..));
    let spare = if reused || shared { Spare::of(&request) } else { None };
    let meter = Arc::clone(&connection.meter);
    match &mut connection.sender {
        Sender::Http1(_) => exchange_1(connection, request, spare, response_timeout).await,
        Sender::Http2(sender, share) => {
            let spare = spare.map(|spare| (spare, reused));
            let before = meter.mark();
            let answer = exchange_2(sender, request, upstream, spare, response_timeout).await;
            let silent = meter.mark().read == before.read;
            if silent && matches!(&answer, Err(Lost { failure: Failure::Timeout(_), .. })) {
                // Not a word to anybody for so long: most likely there is nobody any more.
                share.abandon();
            }
            answer
        }
    }
}

/// A stream among others: what the connection did says nothing about this request.
async fn exchange_2(
    sender: &mut http2::SendRequest<OutBody>,
    mut request: Request<OutBody>,
    upstream: &Upstream,
    spare: Option<(Spare, bool)>,
    response_timeout: Duration,
) -> Result<Response<Incoming>, Lost> {
    let upload = request.body().upload();
    streams::shape(&mut request, upstream).map_err(|failure| Lost { failure, sent: false, again: None })?;
    let clock = Clock::Upload(upload.as_deref());
    let answer = wait(sender.try_send_request(request), clock, upload.as_deref(), response_timeout).await;
    let Some(answer) = answer else {
        return Err(Lost { failure: Failure::Timeout(Phase::Response), sent: true, again: None });
    };
    answer.map_err(|mut error| {
        if let Some(mut request) = error.take_message() {
            streams::unshape(&mut request, upstream);
            return Lost { failure: Failure::Closed, sent: false, again: Some(request) };
        }
        let error = error.into_error();
        if let Some(fault) = upload.as_deref().and_then(Upload::fault) {
            return Lost { failure: Failure::RequestBody(fault), sent: true, again: None };
        }
        let failure = streams::failure(&error).unwrap_or_else(|| failure(&error));
        let spare = spare.filter(|(spare, _)| spare.is_whole());
        let may_go_again = match failure {
            _ if streams::is_untouched(&error) => true,
            Failure::Closed => spare.as_ref().is_some_and(|(spare, reused)| *reused && spare.is_idempotent()),
            _ => false,
        };
        Lost { failure, sent: true, again: spare.filter(|_| may_go_again).map(|(spare, _)| spare.request()) }
    })
}

async fn exchange_1(
    connection: &mut Connection,
    request: Request<OutBody>,
    spare: Option<Spare>,
    response_timeout: Duration,
) -> Result<Response<Incoming>, Lost> {
    let upgrading = request.headers().contains_key(UPGRADE);
    let upload = request.body().upload();
    let before = connection.meter.mark();

    let Sender::Http1(sender) = &mut connection.sender else {
        return Err(Lost { failure: Failure::Closed, sent: false, again: Some(request) });
    };
    connection.meter.awaits_answer();
    let sending = sender.try_send_request(request);
    let answer = wait(sending, Clock::Wire(&connection.meter), upload.as_deref(), response_timeout).await;
    connection.meter.answered();

    let after = connection.meter.mark();
    let sent = after.written != before.written;
    let lost = |failure| Lost { failure, sent, again: None };
    match answer {
        None => Err(lost(Failure::Timeout(Phase::Response))),
        Some(Ok(response)) => match contradiction(&response, upgrading) {
            Some(what) => Err(lost(Failure::Protocol(what))),
            None => Ok(response),
        },
        Some(Err(mut error)) => {
            let unsent = error.take_message();
            let error = error.into_error();
            let again = match (unsent, spare.filter(Spare::is_whole)) {
                // Still in the queue: its body is untouched too.
                (Some(request), _) => Some(request),
                (None, _) if error.is_user() || error.is_parse() => None,
                (None, Some(spare)) if !sent => Some(spare.request()),
                (None, Some(spare)) if after.read == before.read && spare.is_idempotent() => Some(spare.request()),
                _ => None,
            };
            Err(Lost { failure: failure(&error), sent, again })
        }
    }
}

/// Waits for `sending`, but not longer than `limit` since the last byte of the request went out. While the upstream
/// is still being fed, the clock does not run: a long upload is not a slow answer. Nothing when time is over.
async fn wait<T>(
    sending: impl Future<Output = T>,
    clock: Clock<'_>,
    upload: Option<&Upload>,
    limit: Duration,
) -> Option<T> {
    let mut sending = std::pin::pin!(sending);
    let start = Instant::now();
    let mut deadline = start + limit;
    loop {
        if let Ok(done) = timeout_at(deadline, &mut sending).await {
            return Some(done);
        }
        let now = Instant::now();
        deadline = if upload.is_some_and(Upload::is_waiting) { now + limit } else { clock.last(start) + limit };
        if deadline <= now {
            return None;
        }
    }
}

/// What tells when the last of a request went out.
#[derive(Clone, Copy)]
enum Clock<'a> {
    /// The connection, which is this request's alone.
    Wire(&'a Meter),
    /// The body, on a connection that others use too.
    Upload(Option<&'a Upload>),
}

impl Clock<'_> {
    fn last(self, start: Instant) -> Instant {
        match self {
            Self::Wire(meter) => meter.last_write(),
            Self::Upload(upload) => upload.map_or(start, Upload::last_piece),
        }
    }
}

/// What makes an answer's head ambiguous: two readers could see two different ends of it.
fn contradiction(response: &Response<Incoming>, upgrading: bool) -> Option<&'static str> {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return (!upgrading).then_some("switches protocols without being asked");
    }
    let headers: &HeaderMap = response.headers();
    let mut encodings = headers.get_all(TRANSFER_ENCODING).iter();
    match (encodings.next(), encodings.next()) {
        (None, _) => None,
        (Some(_), _) if headers.contains_key(CONTENT_LENGTH) => Some("has both Transfer-Encoding and Content-Length"),
        (Some(only), None) if only.as_bytes().eq_ignore_ascii_case(b"chunked") => None,
        _ => Some("has a Transfer-Encoding other than chunked"),
    }
}

fn failure(error: &hyper::Error) -> Failure {
    if error.is_user() {
        let body = error.source().and_then(|source| source.downcast_ref::<BodyError>());
        return body.map_or(Failure::Request("cannot be written as HTTP/1.1"), |body| Failure::RequestBody(*body));
    }
    if let Some(refused) = crate::tls::unwelcome(error) {
        return Failure::Tls(refused);
    }
    if error.is_parse() { Failure::Protocol("is not HTTP/1.1") } else { Failure::Closed }
}

/// What is needed to send a request once more.
struct Spare {
    parts: request::Parts,
    body: OutBody,
}

impl Spare {
    fn of(request: &Request<OutBody>) -> Option<Self> {
        let body = request.body().again()?;
        let mut blank = Request::new(());
        *blank.method_mut() = request.method().clone();
        *blank.uri_mut() = request.uri().clone();
        *blank.version_mut() = request.version();
        *blank.headers_mut() = request.headers().clone();
        Some(Self { parts: blank.into_parts().0, body })
    }

    /// Whether its body can still be sent from the beginning.
    fn is_whole(&self) -> bool {
        self.body.is_whole()
    }

    /// RFC 9110 section 9.2.2.
    fn is_idempotent(&self) -> bool {
        self.parts.method.is_idempotent()
    }

    fn request(self) -> Request<OutBody> {
        Request::from_parts(self.parts, self.body)
    }
}
