//! A body that is kept while it is sent, so that it can be sent again: as long as it is short.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;

use crate::BodyError;

/// One reader of a body that is kept. Only the latest one reads on: an earlier one has been given up with its connection.
pub(crate) struct Recorded {
    tape: Arc<Mutex<Tape>>,
    /// How many pieces of the tape this reader has had.
    at: usize,
}

struct Tape {
    source: UnsyncBoxBody<Bytes, BodyError>,
    /// What came so far; nothing any more once it was too long.
    pieces: Option<Vec<Bytes>>,
    /// How many pieces came so far.
    count: usize,
    length: usize,
    limit: usize,
    ended: bool,
    /// What the source said of its length before anything was read.
    hint: SizeHint,
}

impl Recorded {
    pub(crate) fn new(source: UnsyncBoxBody<Bytes, BodyError>, limit: usize) -> Self {
        let hint = source.size_hint();
        // What is too long from the start need not be kept at all.
        let fits = hint.lower() <= u64::try_from(limit).unwrap_or(u64::MAX);
        let tape = Tape { source, pieces: fits.then(Vec::new), count: 0, length: 0, limit, ended: false, hint };
        Self { tape: Arc::new(Mutex::new(tape)), at: 0 }
    }

    /// The same body from its beginning; nothing where it was too long to keep.
    pub(crate) fn again(&self) -> Option<Self> {
        self.tape().pieces.as_ref()?;
        Some(Self { tape: Arc::clone(&self.tape), at: 0 })
    }

    /// Whether this reader can have all of the body.
    pub(crate) fn is_whole(&self) -> bool {
        let tape = self.tape();
        tape.pieces.is_some() || (self.at == 0 && tape.count == 0)
    }

    fn tape(&self) -> MutexGuard<'_, Tape> {
        self.tape.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let mut tape = self.tape.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(piece) = tape.pieces.as_ref().and_then(|pieces| pieces.get(self.at)) {
            self.at += 1;
            return Poll::Ready(Some(Ok(Frame::data(piece.clone()))));
        }
        if self.at < tape.count {
            // What this reader has not had yet was too long to keep: the body has a hole for it.
            return Poll::Ready(Some(Err(BodyError::Aborted)));
        }
        if tape.ended {
            return Poll::Ready(None);
        }
        let frame = std::task::ready!(Pin::new(&mut tape.source).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => match frame.data_ref() {
                Some(data) => {
                    self.at += 1;
                    tape.keep(data);
                }
                // Trailers are not kept: a body with them is sent once.
                None => {
                    self.at += 1;
                    tape.count += 1;
                    tape.pieces = None;
                }
            },
            Some(Err(_)) => tape.pieces = None,
            None => tape.ended = true,
        }
        Poll::Ready(frame)
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        let tape = self.tape();
        let kept = tape.pieces.as_ref().map_or(0, Vec::len);
        self.at >= kept && (tape.ended || tape.source.is_end_stream())
    }

    /// Of what this reader has still to come.
    pub(crate) fn size_hint(&self) -> SizeHint {
        let tape = self.tape();
        if self.at == 0 { tape.hint } else { tape.source.size_hint() }
    }
}

impl Tape {
    fn keep(&mut self, data: &Bytes) {
        self.length = self.length.saturating_add(data.len());
        self.count += 1;
        if self.length > self.limit {
            self.pieces = None;
        }
        if let Some(pieces) = &mut self.pieces {
            pieces.push(data.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt, StreamBody};

    use super::*;

    fn source(pieces: &[&'static str]) -> UnsyncBoxBody<Bytes, BodyError> {
        let frames: Vec<_> = pieces.iter().map(|piece| Ok(Frame::data(Bytes::from_static(piece.as_bytes())))).collect();
        StreamBody::new(futures_util::stream::iter(frames)).boxed_unsync()
    }

    async fn next(body: &mut Recorded) -> Option<String> {
        let frame = std::future::poll_fn(|cx| body.poll_frame(cx)).await?;
        Some(String::from_utf8(frame.unwrap().into_data().unwrap().to_vec()).unwrap())
    }

    async fn rest(mut body: Recorded) -> String {
        let mut whole = String::new();
        while let Some(piece) = next(&mut body).await {
            whole.push_str(&piece);
        }
        assert!(body.is_end_stream());
        whole
    }

    #[tokio::test]
    async fn what_was_read_comes_again_and_the_rest_after_it() {
        let mut first = Recorded::new(source(&["ab", "cd", "ef"]), 6);
        assert_eq!(next(&mut first).await.unwrap(), "ab");
        let second = first.again().unwrap();
        drop(first);
        let third = second.again().unwrap();
        assert_eq!(rest(second).await, "abcdef");
        assert_eq!(rest(third).await, "abcdef");
    }

    #[tokio::test]
    async fn what_is_too_long_is_sent_once() {
        let mut first = Recorded::new(source(&["ab", "cd", "ef"]), 5);
        next(&mut first).await.unwrap();
        next(&mut first).await.unwrap();
        let mut early = first.again().unwrap();
        assert!(early.is_whole());
        assert_eq!(next(&mut first).await.unwrap(), "ef");
        assert!(first.again().is_none() && !early.is_whole());
        let hole = std::future::poll_fn(|cx| early.poll_frame(cx)).await.unwrap();
        assert!(matches!(hole, Err(BodyError::Aborted)), "never a body with a hole in it");
        assert_eq!(rest(first).await, "");
    }
}
