//! HTTP/2 to an upstream: how it is spoken, and the shape that a request has there.

use std::error::Error as _;
use std::time::Duration;

use h2::Reason;
use http::header::{CONNECTION, HOST, TE, TRANSFER_ENCODING};
use http::{HeaderValue, Request, Uri};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use model::upstream::Upstream;

use crate::{Failure, OutBody};

/// What one stream, and all of them together, may have on the way to us unread, in bytes.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 8 * 1024 * 1024;

/// How long a peer that has requests to answer may be silent before it is asked whether it is there, and how long it
/// has for that. Servers of gRPC hang up on whoever asks more often than every five minutes; that a connection died
/// without a word is found out sooner by requests that wait in vain.
const ASK_AFTER: Duration = Duration::from_secs(330);
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// The longest head of an answer, in bytes.
const HEAD: u32 = 256 * 1024;

pub(crate) fn builder() -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(HEAD)
        .keep_alive_interval(ASK_AFTER)
        .keep_alive_timeout(ANSWER_WITHIN);
    builder
}

/// The request as HTTP/2 has it: scheme and authority beside the path, and no header that belongs to a connection.
pub(crate) fn shape(request: &mut Request<OutBody>, upstream: &Upstream) -> Result<(), Failure> {
    let unfit = Failure::Request("cannot be written as HTTP/2");
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.scheme = Some(upstream.scheme().on_the_wire());
    parts.authority = Some(upstream.host_header().as_bytes().try_into().map_err(|_| unfit)?);
    *request.uri_mut() = Uri::from_parts(parts).map_err(|_| unfit)?;
    for name in [HOST, CONNECTION, TRANSFER_ENCODING] {
        request.headers_mut().remove(name);
    }
    Ok(())
}

/// The same request as HTTP/1.1 has it, for another connection.
pub(crate) fn unshape(request: &mut Request<OutBody>, upstream: &Upstream) {
    let path = request.uri().path_and_query().cloned();
    *request.uri_mut() = path.map(Uri::from).unwrap_or_default();
    let chunked = http_body::Body::size_hint(request.body()).exact().is_none();
    let headers = request.headers_mut();
    headers.insert(HOST, upstream.host_header().clone());
    if headers.contains_key(TE) {
        headers.insert(CONNECTION, HeaderValue::from_static("te"));
    }
    if chunked {
        headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
}

/// Whether the upstream says that it has done nothing with the request: a refused stream, or one that came after the
/// last that it takes before it closes (RFC 9113, sections 6.8 and 8.7).
pub(crate) fn is_untouched(error: &hyper::Error) -> bool {
    let Some(error) = cause(error).filter(|error| error.is_remote()) else { return false };
    match error.reason() {
        Some(Reason::REFUSED_STREAM) => true,
        Some(Reason::NO_ERROR) => error.is_go_away(),
        _ => false,
    }
}

/// What an error of HTTP/2 means; nothing where it is another one.
pub(crate) fn failure(error: &hyper::Error) -> Option<Failure> {
    let error = cause(error)?;
    Some(match error.reason() {
        Some(Reason::HTTP_1_1_REQUIRED) => Failure::Protocol("asks for HTTP/1.1"),
        Some(Reason::NO_ERROR | Reason::CANCEL | Reason::REFUSED_STREAM) | None => Failure::Closed,
        Some(_) => Failure::Protocol("is not HTTP/2"),
    })
}

fn cause(error: &hyper::Error) -> Option<&h2::Error> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(found) = error.downcast_ref::<h2::Error>() {
            return Some(found);
        }
        source = error.source();
    }
    None
}
