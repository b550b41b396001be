//! An answer made readable for the guard: its codings undone, its messages watched, or nothing to do.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body::{Body, Frame, SizeHint};

use super::body::Messaging;
use super::codings::Codings;
use super::messages::Messages;

/// Why the guard cannot look into an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is compressed, in a way that is not known here.
    #[error("the upstream compressed its answer although it was asked not to, in a way that the guard cannot read")]
    Coding,
    /// It is compressed and cannot be unpacked.
    #[error("the upstream compressed its answer although it was asked not to, and what came cannot be unpacked")]
    Damaged,
    /// It holds a message of gRPC that is compressed.
    #[error("the upstream compressed a message although it was asked not to")]
    Message,
    /// It is a part of something.
    #[error("the upstream sent a part of its answer although it was not asked for parts, so that a value could be cut")]
    Part,
}

/// Why a body broke off that was to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadError<E> {
    /// It broke off on its way to us.
    #[error(transparent)]
    Upstream(#[from] E),
    /// It cannot be read.
    #[error("{0}")]
    Unreadable(Unreadable),
}

/// How the body that belongs to a head is read.
#[derive(Debug)]
pub struct Reading(How);

#[derive(Debug)]
enum How {
    /// As it is.
    Plain,
    Codings(Box<Codings>),
    Messages(Messages),
}

/// What speaks of the bytes as they were sent (RFC 9530, RFC 3230, RFC 1864).
const DIGESTS: [HeaderName; 4] = [
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-md5"),
];

impl Reading {
    /// Looks at the head of an answer, and changes it to the head of what will be passed on: where the body's codings
    /// are undone, its length, codings and digests go, and the entity tag becomes weak. `empty` says that no body
    /// follows: the head of an answer to HEAD, or of a 304, is changed like that of the answer it stands for.
    ///
    /// # Errors
    /// [`Unreadable`] where there is a body that the guard cannot read.
    pub fn of(status: StatusCode, headers: &mut HeaderMap, empty: bool) -> Result<Self, Unreadable> {
        let partial = [StatusCode::PARTIAL_CONTENT, StatusCode::IM_USED].contains(&status)
            || (status.is_success() && headers.contains_key(CONTENT_RANGE));
        if partial && !empty {
            return Err(Unreadable::Part);
        }
        let how = match Codings::of(headers) {
            Ok(Some(codings)) => {
                unpacked(headers, empty);
                How::Codings(Box::new(codings))
            }
            Ok(None) => Messages::of(headers).map(|messages| messages.map_or(How::Plain, How::Messages))?,
            // Without a body there is nothing to read, and nothing to say of it but what it stands for.
            Err(_) if empty => How::Plain,
            Err(unreadable) => return Err(unreadable),
        };
        Ok(Self(if empty { How::Plain } else { how }))
    }
}

/// The head of an answer whose codings are undone.
fn unpacked(headers: &mut HeaderMap, empty: bool) {
    headers.remove(CONTENT_ENCODING);
    // That nothing follows is as true of what it is without its codings.
    if !empty || headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0") {
        headers.remove(CONTENT_LENGTH);
    }
    remove_digests(headers);
    if let Some(tag) = headers.get(ETAG)
        && tag.as_bytes().starts_with(b"\"")
        && let Ok(weak) = HeaderValue::from_bytes(&[b"W/", tag.as_bytes()].concat())
    {
        headers.insert(ETAG, weak);
    }
}

fn remove_digests(headers: &mut HeaderMap) {
    for name in &DIGESTS {
        headers.remove(name);
    }
}

/// What a body gives next.
type Next<B> = Result<Frame<Bytes>, ReadError<<B as Body>::Error>>;

/// A body as the guard reads it. What it was compressed to does not decide what it takes of memory, since it is
/// unpacked no faster than it is taken.
#[derive(Debug)]
pub struct Readable<B> {
    inner: B,
    how: How,
    /// Trailers that wait for the end of what is unpacked.
    trailers: Option<HeaderMap>,
    ended: bool,
}

impl<B: Body<Data = Bytes> + Unpin> Readable<B> {
    /// The body that follows a head, read as was found there.
    #[must_use]
    pub fn new(inner: B, Reading(how): Reading) -> Self {
        Self { inner, how, trailers: None, ended: false }
    }

    fn poll_unpacked(&mut self, cx: &mut Context<'_>) -> Poll<Option<Next<B>>> {
        let How::Codings(codings) = &mut self.how else { return Poll::Ready(None) };
        loop {
            if self.ended {
                return Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))));
            }
            match codings.pull() {
                Ok(Some(piece)) => return Poll::Ready(Some(Ok(Frame::data(piece)))),
                Ok(None) => {}
                Err(unreadable) => {
                    self.ended = true;
                    return Poll::Ready(Some(Err(ReadError::Unreadable(unreadable))));
                }
            }
            let ended = match ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(piece) => {
                        codings.push(piece);
                        continue;
                    }
                    Err(frame) => {
                        let mut trailers = frame.into_trailers().unwrap_or_default();
                        remove_digests(&mut trailers);
                        self.trailers = Some(trailers);
                        codings.end()
                    }
                },
                Some(Err(error)) => {
                    self.ended = true;
                    return Poll::Ready(Some(Err(ReadError::Upstream(error))));
                }
                None => codings.end(),
            };
            self.ended = true;
            if let Err(unreadable) = ended {
                self.trailers = None;
                return Poll::Ready(Some(Err(ReadError::Unreadable(unreadable))));
            }
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Messaging for Readable<B> {
    fn is_between_messages(&self) -> bool {
        matches!(&self.how, How::Messages(messages) if messages.is_between())
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Readable<B> {
    type Data = Bytes;
    type Error = ReadError<B::Error>;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ReadError<B::Error>>>> {
        let this = self.get_mut();
        if this.ended || matches!(this.how, How::Codings(_)) {
            return this.poll_unpacked(cx);
        }
        let frame = ready!(Pin::new(&mut this.inner).poll_frame(cx)).map(|frame| frame.map_err(ReadError::Upstream));
        if let (How::Messages(messages), Some(Ok(frame))) = (&mut this.how, &frame)
            && let Some(bytes) = frame.data_ref()
            && let Err(unreadable) = messages.see(bytes)
        {
            this.ended = true;
            return Poll::Ready(Some(Err(ReadError::Unreadable(unreadable))));
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.how {
            How::Codings(_) => self.ended && self.trailers.is_none(),
            How::Plain | How::Messages(_) => self.ended || self.inner.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.how {
            How::Codings(_) => SizeHint::default(),
            How::Plain | How::Messages(_) => self.inner.size_hint(),
        }
    }
}
