//! A body that is kept while it is sent, so that it can be sent again: as long as it is short.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;

use crate::BodyError;

/// One reader of a body that is kept.
///
/// Only the latest one that began reads on from the source; an earlier one, whose upload goes on beside it because its
/// upstream answered early, gets what the later one has read, and the source itself again when that one is gone.
pub(crate) struct Recorded {
    tape: Arc<Mutex<Tape>>,
    /// How many pieces of the tape this reader has had.
    at: usize,
    /// Later readers have greater ones.
    number: usize,
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
    /// Why the source broke off: for each reader, or one of them would take it for the end.
    failed: Option<BodyError>,
    /// How many readers there have been.
    readers: usize,
    /// The reader that has the source.
    reading: usize,
    /// Who waits for a piece.
    waiting: Vec<(usize, Waker)>,
    /// What the source said of its length before anything was read.
    hint: SizeHint,
}

impl Recorded {
    pub(crate) fn new(source: UnsyncBoxBody<Bytes, BodyError>, limit: usize) -> Self {
        let hint = source.size_hint();
        // What is too long from the start need not be kept at all.
        let fits = hint.lower() <= u64::try_from(limit).unwrap_or(u64::MAX);
        let tape = Tape {
            source,
            pieces: fits.then(Vec::new),
            count: 0,
            length: 0,
            limit,
            ended: false,
            failed: None,
            readers: 1,
            reading: 0,
            waiting: Vec::new(),
            hint,
        };
        Self { tape: Arc::new(Mutex::new(tape)), at: 0, number: 0 }
    }

    /// The same body from its beginning; nothing where it was too long to keep.
    pub(crate) fn again(&self) -> Option<Self> {
        let mut tape = self.tape();
        tape.pieces.as_ref()?;
        let number = tape.readers;
        tape.readers += 1;
        Some(Self { tape: Arc::clone(&self.tape), at: 0, number })
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
        if let Some(error) = tape.failed {
            return Poll::Ready(Some(Err(error)));
        }
        if tape.ended {
            return Poll::Ready(None);
        }
        if self.number < tape.reading {
            tape.wait(self.number, cx.waker());
            return Poll::Pending;
        }
        tape.reading = self.number;
        let Poll::Ready(frame) = Pin::new(&mut tape.source).poll_frame(cx) else {
            tape.wait(self.number, cx.waker());
            return Poll::Pending;
        };
        tape.wake_all_but(self.number);
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
            Some(Err(error)) => {
                tape.pieces = None;
                tape.failed = Some(*error);
            }
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

impl Drop for Recorded {
    fn drop(&mut self) {
        let mut tape = self.tape();
        tape.waiting.retain(|(number, _)| *number != self.number);
        if tape.reading == self.number {
            tape.reading = 0;
            tape.wake_all_but(self.number);
        }
    }
}

impl Tape {
    fn wait(&mut self, reader: usize, waker: &Waker) {
        match self.waiting.iter_mut().find(|(number, _)| *number == reader) {
            Some((_, known)) => known.clone_from(waker),
            None => self.waiting.push((reader, waker.clone())),
        }
    }

    fn wake_all_but(&mut self, reader: usize) {
        for (number, waker) in self.waiting.drain(..) {
            if number != reader {
                waker.wake();
            }
        }
    }

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

    /// A source that is fed by the test.
    fn fed() -> (tokio::sync::mpsc::UnboundedSender<&'static str>, UnsyncBoxBody<Bytes, BodyError>) {
        let (feed, pieces) = tokio::sync::mpsc::unbounded_channel::<&'static str>();
        let frames = futures_util::stream::unfold(pieces, |mut pieces| async move {
            let frame = match pieces.recv().await? {
                "broken" => Err(BodyError::Aborted),
                piece => Ok(Frame::data(Bytes::from_static(piece.as_bytes()))),
            };
            Some((frame, pieces))
        });
        (feed, StreamBody::new(frames).boxed_unsync())
    }

    #[tokio::test]
    async fn two_readers_of_a_body_that_is_still_coming_both_get_all_of_it() {
        for drop_second in [false, true] {
            let (feed, source) = fed();
            let mut first = Recorded::new(source, 100);
            let mut second = first.again().unwrap();
            feed.send("ab").unwrap();
            assert_eq!(next(&mut first).await.unwrap(), "ab");
            let early = tokio::spawn(rest(first));
            tokio::task::yield_now().await;
            // The first one waits for the source, which the second one takes over.
            assert_eq!(next(&mut second).await.unwrap(), "ab");
            let mut late = Box::pin(next(&mut second));
            let early_on = tokio::time::timeout(std::time::Duration::from_millis(20), &mut late).await;
            assert!(early_on.is_err(), "nothing has come yet");
            if drop_second {
                drop(late);
                drop(second);
                feed.send("cd").unwrap();
                drop(feed);
            } else {
                feed.send("cd").unwrap();
                assert_eq!(late.await.unwrap(), "cd");
                drop(feed);
                assert_eq!(next(&mut second).await, None);
            }
            assert_eq!(early.await.unwrap(), "cd", "{drop_second}: what it had not had yet");
        }
    }

    #[tokio::test]
    async fn a_body_that_broke_off_has_an_end_for_no_reader() {
        let (feed, source) = fed();
        let mut first = Recorded::new(source, 100);
        let mut second = first.again().unwrap();
        feed.send("broken").unwrap();
        for body in [&mut second, &mut first] {
            let broken = std::future::poll_fn(|cx| body.poll_frame(cx)).await.unwrap();
            assert!(matches!(broken, Err(BodyError::Aborted)));
        }
    }
}
