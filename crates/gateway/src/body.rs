//! The client's body on its way to the upstream: counted, its faults named as the client's, its trailers cleaned.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderName, Version};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use model::snapshot::Bound;
use outbound::BodyError;
use outbound::inject::{remove_aliases, remove_injected, strip_answer};

use crate::{admit, client_key};

/// Passes a body on as it comes.
pub(crate) struct RequestBody {
    inner: Incoming,
    bound: Arc<Bound>,
    seen: u64,
    /// Whether the end is marked: a reset that names no error looks like one.
    marked: bool,
}

impl RequestBody {
    pub(crate) fn new(inner: Incoming, bound: Arc<Bound>, version: Version) -> Self {
        Self { inner, bound, seen: 0, marked: version == Version::HTTP_2 }
    }

    /// The rest of a body of which so many bytes were read already.
    pub(crate) fn after(read: usize, inner: Incoming, bound: Arc<Bound>, version: Version) -> Self {
        Self { seen: u64::try_from(read).unwrap_or(u64::MAX), ..Self::new(inner, bound, version) }
    }

    fn check(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, BodyError> {
        let length = frame.data_ref().map_or(0, Bytes::len);
        self.seen = self.seen.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        if self.bound.max_request_body.is_some_and(|limit| self.seen > limit) {
            return Err(BodyError::TooLarge);
        }
        let mut trailers = match frame.into_trailers() {
            Ok(trailers) => trailers,
            Err(data) => return Ok(data),
        };
        // What may not come as a header may not come as a trailer either: some servers merge the two.
        strip_answer(&mut trailers);
        if let Ok(injection) = &self.bound.injection {
            remove_injected(&mut trailers, &injection.headers);
        }
        for name in &self.bound.remove_headers {
            remove_aliases(&mut trailers, name.as_str());
        }
        let is_ours =
            |name: &HeaderName| admit::is_ours(name.as_str()) || trailers.get_all(name).iter().any(client_key::carries);
        let ours: Vec<HeaderName> = trailers.keys().filter(|name| is_ours(name)).cloned().collect();
        for name in ours {
            trailers.remove(name);
        }
        Ok(Frame::trailers(trailers))
    }
}

/// Why the client's body broke off, as far as the server can tell.
pub(crate) fn fault(error: &hyper::Error) -> BodyError {
    if error.is_parse() || error.is_user() { BodyError::Malformed } else { BodyError::Aborted }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.inner).poll_frame(cx));
        Poll::Ready(match frame {
            Some(Ok(frame)) => Some(this.check(frame)),
            Some(Err(error)) => Some(Err(fault(&error))),
            None if this.marked && !this.inner.is_end_stream() => Some(Err(BodyError::Aborted)),
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
