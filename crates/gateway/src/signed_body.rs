//! A body whose hash was signed: nothing of it is whole at the upstream before the hash was found right.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{self, SHA256, digest};
use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::Version;
use hyper::body::Incoming;
use model::snapshot::Bound;
use outbound::{BodyError, OutBody};

use crate::answer::{self, Refusal};
use crate::body::{RequestBody, fault};

/// So much is read and verified before anything is sent.
pub(crate) const AT_HAND: u64 = 1024 * 1024;

/// The SHA-256 that was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BodyHash([u8; 32]);

impl BodyHash {
    pub(crate) fn new(hash: [u8; 32]) -> Self {
        Self(hash)
    }

    /// Refuses another body than the one that was signed.
    pub(crate) fn check(self, body: &[u8]) -> Result<(), Refusal> {
        self.fits(&digest(&SHA256, body)).map_err(answer::of_body)
    }

    fn fits(self, found: &digest::Digest) -> Result<(), BodyError> {
        verify_slices_are_equal(&self.0, found.as_ref()).map_err(|_| BodyError::NotAsSigned)
    }
}

/// Reads a short body and verifies it; of a longer one, what is sent is never whole before its hash is known. Trailers
/// go nowhere: they are not signed.
pub(crate) async fn signed_body(
    body: &mut Option<Incoming>,
    hash: BodyHash,
    bound: &Arc<Bound>,
    version: Version,
) -> Result<OutBody, Refusal> {
    let Some(incoming) = body.as_mut().filter(|body| !body.is_end_stream()) else {
        hash.check(b"")?;
        return Ok(OutBody::empty());
    };
    let mut head = BytesMut::new();
    while incoming.size_hint().lower() <= AT_HAND && length(&head) <= AT_HAND {
        match next(incoming, bound.idle.as_std()).await? {
            Some(frame) => head.extend_from_slice(frame.data_ref().map_or(&b""[..], |data| data)),
            None => {
                hash.check(&head)?;
                return Ok(OutBody::full(head.freeze()));
            }
        }
        if bound.max_request_body.is_some_and(|limit| length(&head) > limit) {
            return Err(answer::of_body(BodyError::TooLarge));
        }
    }
    let head = head.freeze();
    let rest = body.take().map(|rest| RequestBody::after(head.len(), rest, Arc::clone(bound), version));
    Ok(rest.map_or_else(OutBody::empty, |rest| OutBody::stream(Signed::new(head, rest, hash))))
}

async fn next(body: &mut Incoming, idle: Duration) -> Result<Option<Frame<Bytes>>, Refusal> {
    let frame = tokio::time::timeout(idle, body.frame()).await;
    let frame = frame.map_err(|_| answer::of_body(BodyError::TimedOut))?;
    frame.transpose().map_err(|error| answer::of_body(fault(&error)))
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// A body that is passed on as it comes, always without its last piece, which goes once the hash was found right.
struct Signed<B> {
    head: Bytes,
    rest: B,
    held: Bytes,
    hash: BodyHash,
    found: Option<digest::Context>,
}

impl<B> Signed<B> {
    fn new(head: Bytes, rest: B, hash: BodyHash) -> Self {
        Self { head, rest, held: Bytes::new(), hash, found: Some(digest::Context::new(&SHA256)) }
    }

    /// The last piece, or why there is none.
    fn end(&mut self) -> Option<Result<Frame<Bytes>, BodyError>> {
        let found = self.found.take()?.finish();
        let last = std::mem::take(&mut self.held);
        match self.hash.fits(&found) {
            Ok(()) => (!last.is_empty()).then(|| Ok(Frame::data(last))),
            Err(error) => Some(Err(error)),
        }
    }
}

impl<B: Body<Data = Bytes, Error = BodyError> + Unpin> Body for Signed<B> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        loop {
            let piece = if this.head.is_empty() {
                match ready!(Pin::new(&mut this.rest).poll_frame(cx)) {
                    None => return Poll::Ready(this.end()),
                    Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
                    Some(Err(error)) => {
                        this.found = None;
                        return Poll::Ready(Some(Err(error)));
                    }
                }
            } else {
                std::mem::take(&mut this.head)
            };
            let Some(found) = this.found.as_mut().filter(|_| !piece.is_empty()) else {
                if this.found.is_none() {
                    return Poll::Ready(None);
                }
                continue;
            };
            found.update(&piece);
            let before = std::mem::replace(&mut this.held, piece);
            if !before.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(before))));
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.size_hint();
        let here = length(&self.head).saturating_add(length(&self.held));
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(here));
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(here));
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::task::Waker;

    use super::*;

    struct Pieces(VecDeque<Result<Frame<Bytes>, BodyError>>);

    impl Body for Pieces {
        type Data = Bytes;
        type Error = BodyError;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
            Poll::Ready(self.0.pop_front())
        }
    }

    fn passed(signed: &str, head: &str, rest: &[&str]) -> (String, Option<BodyError>) {
        let rest = rest.iter().map(|piece| Ok(Frame::data(Bytes::copy_from_slice(piece.as_bytes())))).collect();
        let hash = BodyHash(digest(&SHA256, signed.as_bytes()).as_ref().try_into().unwrap());
        let mut body = Signed::new(Bytes::copy_from_slice(head.as_bytes()), Pieces(rest), hash);
        let mut text = String::new();
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            match Pin::new(&mut body).poll_frame(&mut cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
                }
                Poll::Ready(Some(Err(error))) => {
                    assert!(matches!(Pin::new(&mut body).poll_frame(&mut cx), Poll::Ready(None)));
                    return (text, Some(error));
                }
                Poll::Ready(None) => return (text, None),
                Poll::Pending => panic!("nothing to wait for"),
            }
        }
    }

    #[test]
    fn what_was_signed_passes_and_nothing_else_is_ever_whole() {
        for (head, rest) in
            [("", &["abc"][..]), ("abc", &[]), ("a", &["b", "c"]), ("", &["", "a", "", "bc", ""]), ("ab", &["", "c"])]
        {
            assert_eq!(passed("abc", head, rest), ("abc".to_owned(), None), "{head} {rest:?}");
            let (text, error) = passed("abd", head, rest);
            assert_eq!(error, Some(BodyError::NotAsSigned), "{head} {rest:?}");
            assert!(text.len() < 3, "{head} {rest:?}: {text}");
        }
        assert_eq!(passed("", "", &[]), (String::new(), None));
        assert_eq!(passed("a", "", &[]), (String::new(), Some(BodyError::NotAsSigned)));
    }

    #[test]
    fn what_breaks_off_does_not_end_well() {
        let rest = [Ok(Frame::data(Bytes::from_static(b"bc"))), Err(BodyError::Aborted)].into();
        let hash = BodyHash(digest(&SHA256, b"abc").as_ref().try_into().unwrap());
        let mut body = Signed::new(Bytes::from_static(b"a"), Pieces(rest), hash);
        let mut cx = Context::from_waker(Waker::noop());
        assert!(matches!(Pin::new(&mut body).poll_frame(&mut cx), Poll::Ready(Some(Ok(frame))) if frame.is_data()));
        let broken = Pin::new(&mut body).poll_frame(&mut cx);
        assert!(matches!(broken, Poll::Ready(Some(Err(BodyError::Aborted)))), "and what was held is never sent");
        assert!(matches!(Pin::new(&mut body).poll_frame(&mut cx), Poll::Ready(None)));
    }
}
