//! A body made of given frames, and what comes out of one.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use outbound::guard::Messaging;

pub(super) enum Step {
    Data(Bytes),
    Trailers(HeaderMap),
    /// Nothing is there yet.
    Wait,
    Broken,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("broken")]
pub(super) struct Broken;

pub(super) struct Frames(VecDeque<Step>);

impl Frames {
    pub(super) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self(steps.into_iter().collect())
    }

    pub(super) fn pieces<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Self {
        Self::new(pieces.into_iter().map(|piece| Step::Data(Bytes::copy_from_slice(piece))))
    }
}

impl Messaging for Frames {}

impl Body for Frames {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match self.0.pop_front() {
            Some(Step::Data(bytes)) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            Some(Step::Trailers(trailers)) => Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
            Some(Step::Wait) => Poll::Pending,
            Some(Step::Broken) => Poll::Ready(Some(Err(Broken))),
            None => Poll::Ready(None),
        }
    }

    fn size_hint(&self) -> SizeHint {
        let lengths = self.0.iter().map(|step| if let Step::Data(bytes) = step { bytes.len() } else { 0 });
        SizeHint::with_exact(u64::try_from(lengths.sum::<usize>()).unwrap())
    }
}

/// What a body gives next; nothing at its end.
type Next<B> = Option<Result<Frame<<B as Body>::Data>, <B as Body>::Error>>;

/// One look at a body: `None` where it waits.
pub(super) fn look<B: Body + Unpin>(body: &mut B) -> Option<Next<B>> {
    match Pin::new(body).poll_frame(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(frame) => Some(frame),
        Poll::Pending => None,
    }
}

/// One look at a body that has data to give.
pub(super) fn data<B: Body<Data = Bytes, Error: std::fmt::Debug> + Unpin>(body: &mut B) -> Bytes {
    look(body).expect("it does not wait").expect("it goes on").unwrap().into_data().expect("it is data")
}

/// A body to its end. At each step it must have announced as much as it still gave.
pub(super) fn read<B>(mut body: B) -> (Vec<u8>, Option<HeaderMap>)
where
    B: Body<Data = Bytes, Error: std::fmt::Debug> + Unpin,
{
    let announced = body.size_hint().exact().expect("a length");
    let mut out = Vec::new();
    let mut trailers = None;
    while let Some(frame) = look(&mut body).expect("it does not wait") {
        match frame.unwrap().into_data() {
            Ok(data) => {
                assert!(!data.is_empty(), "an empty frame says nothing");
                out.extend_from_slice(&data);
            }
            Err(frame) => trailers = frame.into_trailers().ok(),
        }
        let left = body.size_hint().exact().expect("a length");
        assert_eq!(u64::try_from(out.len()).unwrap() + left, announced);
    }
    assert!(body.is_end_stream());
    (out, trailers)
}
