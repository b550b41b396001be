//! Bodies of requests: lengths, trailers, and the caller's own failures.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::TRAILER;
use http::{HeaderMap, HeaderValue, Method};
use http_body::{Body, Frame, SizeHint};
use http_body_util::StreamBody;
use outbound::{BodyError, Failure, Fault, OutBody};

use super::server::{OK, Server, pooled, request, send, text};

/// A stream of `hello` that does not know its length.
pub(crate) fn unsized_stream() -> OutBody {
    frames(vec![Ok(Frame::data(Bytes::from_static(b"hello")))])
}

/// A stream that knows its length.
pub(crate) struct OfLength<B> {
    pub(crate) inner: B,
    pub(crate) length: u64,
}

impl<B: Body + Unpin> Body for OfLength<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}

fn frames(frames: Vec<Result<Frame<Bytes>, BodyError>>) -> OutBody {
    OutBody::stream(StreamBody::new(futures_util::stream::iter(frames)))
}

#[test]
fn a_body_without_bytes_is_none() {
    for body in [OutBody::empty(), OutBody::full(Bytes::new()), OutBody::stream(OutBody::empty())] {
        assert!(body.is_empty() && body.is_end_stream());
        assert!(body.again().is_some());
    }
    assert!(OutBody::full("x".into()).again().is_some());
    assert!(unsized_stream().again().is_none());
    // A stream that knows its length keeps it.
    assert_eq!(OutBody::stream(OutBody::full("hello".into())).size_hint().exact(), Some(5));
}

#[tokio::test]
async fn announced_trailers_are_sent() {
    let server = Server::answering(OK).await;
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", HeaderValue::from_static("42"));
    let body = frames(vec![Ok(Frame::data(Bytes::from_static(b"hello"))), Ok(Frame::trailers(trailers))]);
    let mut post = request(Method::POST, "/", body);
    post.headers_mut().insert(TRAILER, HeaderValue::from_static("x-sum"));
    let answer = send(&pooled(), &server.upstream(), post).await.unwrap();
    assert_eq!(text(answer).await.unwrap(), "ok");
    assert!(server.seen.requests()[0].ends_with("5\r\nhello\r\n0\r\nx-sum: 42\r\n\r\n"));
}

#[tokio::test]
async fn a_body_that_fails_is_the_callers_fault() {
    for error in [BodyError::Malformed, BodyError::TooLarge, BodyError::Aborted] {
        let server = Server::answering(OK).await;
        let forwarder = pooled();
        let body = frames(vec![Ok(Frame::data(Bytes::from_static(b"hel"))), Err(error)]);
        let failed = send(&forwarder, &server.upstream(), request(Method::POST, "/", body)).await.unwrap_err();
        assert_eq!(failed.failure, Failure::RequestBody(error));
        assert_eq!((failed.failure.fault(), failed.failure.code()), (Fault::Downstream, None));
        // No whole request arrived, and the connection is not used for another.
        assert!(server.seen.requests().is_empty());
        let answer = send(&forwarder, &server.upstream(), request(Method::POST, "/", unsized_stream())).await.unwrap();
        assert_eq!(text(answer).await.unwrap(), "ok");
        assert_eq!((server.seen.connections(), server.seen.requests().len()), (2, 1));
    }
}
