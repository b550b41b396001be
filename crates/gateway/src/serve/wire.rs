//! The bytes of a connection: heads are checked as they come in, and a client that reads nothing is given up.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep, sleep};
use tokio_rustls::server::TlsStream;

use super::Limits;
use super::head::Heads;
use super::stall::Stall;
use super::unread::Unread;

/// What the parser gets after a byte that was overwritten: the end of the head, which it may be waiting for.
const REST: &[u8] = b"\r\n\r\n";

/// A stream that can end so that nobody takes the end for a good one.
pub(super) trait Reset {
    /// Makes the end of the stream a reset.
    fn reset(&self);
}

impl Reset for TcpStream {
    fn reset(&self) {
        // Where it fails, the connection is gone already.
        let _ = self.set_zero_linger();
    }
}

impl Reset for TlsStream<TcpStream> {
    fn reset(&self) {
        self.get_ref().0.reset();
    }
}

/// A client's connection.
pub(super) struct Wire<S: Reset> {
    stream: S,
    heads: Heads,
    /// What came in already and waits for its turn: the first bytes of the connection, or what follows a request that
    /// asks for another protocol.
    early: BytesMut,
    unread: Unread,
    /// What is left of an answer that went out in the place of the parser's; nothing is written after it.
    instead: Option<Bytes>,
    limits: Limits,
    stall: Stall,
    rest: &'static [u8],
    /// Set once the client has closed its side while an answer is on its way.
    half_closed: Option<Pin<Box<Sleep>>>,
    closing: Arc<Notify>,
}

impl<S: Reset> Wire<S> {
    /// `closing` is told once the client has closed its side and waits for an answer.
    /// `early` is what was read of the stream before.
    pub(super) fn new(stream: S, early: BytesMut, limits: Limits, unread: Unread, closing: Arc<Notify>) -> Self {
        let (heads, stall) = (Heads::new(), Stall::new(limits.write));
        let (instead, half_closed) = (None, None);
        Self { stream, heads, early, unread, instead, limits, stall, rest: REST, half_closed, closing }
    }

    /// Whether an answer has not gone out wholly.
    fn is_answering(&self) -> bool {
        self.unread.busy.is_running() || self.stall.is_stalled()
    }

    /// The client sends nothing more. Where it has sent a whole request, that is not taken for the end before the
    /// answer has gone out or time is over: who has gone away for good shows only when something is written.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.is_answering() || !self.heads.is_between() {
            return Poll::Ready(Ok(()));
        }
        let (closing, patience) = (&self.closing, self.limits.half_closed);
        let half_closed = self.half_closed.get_or_insert_with(|| {
            closing.notify_one();
            Box::pin(sleep(patience))
        });
        half_closed.as_mut().poll(cx).map(Ok)
    }

    /// Passes on what became of a write, unless it stood still for too long.
    fn watch<T>(&mut self, write: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if write.is_ready()
            && let Some(half_closed) = &mut self.half_closed
        {
            half_closed.as_mut().reset(Instant::now() + self.limits.half_closed);
        }
        self.stall.watch(write, cx)
    }
}

impl<S: Reset> Drop for Wire<S> {
    fn drop(&mut self) {
        if self.is_answering() && self.unread.busy.ends_by_close() {
            self.stream.reset();
        }
    }
}

impl<S: Reset> Wire<S> {
    /// Reads along; what must wait is put aside.
    fn check(&mut self, new: &mut [u8]) -> usize {
        let kept = self.heads.check(new);
        if self.heads.is_waiting() {
            let early = self.early.split();
            self.early.extend_from_slice(new.get(kept..).unwrap_or_default());
            self.early.unsplit(early);
        }
        kept
    }

    /// Ready once it is known what comes after a request for another protocol.
    fn poll_decided(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let busy = &self.unread.busy;
        busy.tell(cx.waker());
        // One answer for each request, the last of which asks for another protocol.
        if busy.ended() < self.heads.requests() {
            return Poll::Pending;
        }
        self.heads.resume(busy.is_switched());
        Poll::Ready(())
    }
}

impl<S: AsyncWrite + Reset + Unpin> Wire<S> {
    /// Writes what goes out in the place of `length` bytes that begin with `first`; nothing where those go out.
    fn poll_instead(&mut self, first: &[u8], length: usize, cx: &mut Context<'_>) -> Option<Poll<io::Result<usize>>> {
        if self.instead.is_none() {
            self.instead = Some(self.unread.instead(first)?);
        }
        let instead = self.instead.as_mut()?;
        while instead.has_remaining() {
            match Pin::new(&mut self.stream).poll_write(cx, instead) {
                Poll::Ready(Ok(count)) if count > 0 => instead.advance(count.min(instead.remaining())),
                Poll::Ready(Ok(_)) => return Some(Poll::Ready(Err(io::ErrorKind::WriteZero.into()))),
                other => return Some(other),
            }
        }
        Some(Poll::Ready(Ok(length)))
    }
}

impl<S: AsyncRead + Reset + Unpin> AsyncRead for Wire<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.heads.is_refused() {
            let (now, later) = this.rest.split_at(this.rest.len().min(buf.remaining()));
            buf.put_slice(now);
            this.rest = later;
            return Poll::Ready(Ok(()));
        }
        if this.half_closed.is_some() {
            return this.poll_end(cx);
        }
        if this.heads.is_waiting() {
            ready!(this.poll_decided(cx));
        }
        let before = buf.filled().len();
        if this.early.is_empty() {
            ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
        } else {
            let early = this.early.split_to(this.early.len().min(buf.remaining()));
            buf.put_slice(&early);
        }
        let kept = match buf.filled_mut().get_mut(before..) {
            Some(new) if !new.is_empty() => this.check(new),
            _ => return this.poll_end(cx),
        };
        buf.set_filled(before.saturating_add(kept));
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Reset + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let write = match this.poll_instead(buf, buf.len(), cx) {
            Some(instead) => instead,
            None => Pin::new(&mut this.stream).poll_write(cx, buf),
        };
        this.watch(write, cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let first = bufs.iter().find(|buf| !buf.is_empty()).map_or(&[][..], |buf| buf);
        let length = bufs.iter().map(|buf| buf.len()).sum();
        let write = match this.poll_instead(first, length, cx) {
            Some(instead) => instead,
            None => Pin::new(&mut this.stream).poll_write_vectored(cx, bufs),
        };
        this.watch(write, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flush = Pin::new(&mut this.stream).poll_flush(cx);
        this.watch(flush, cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let shutdown = Pin::new(&mut this.stream).poll_shutdown(cx);
        this.watch(shutdown, cx)
    }
}
