//! The bytes of a connection: heads are checked as they come in, and a client that reads nothing is given up.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::head::Heads;
use super::unread::Unread;

/// A client's connection.
pub(super) struct Wire<S> {
    stream: S,
    heads: Heads,
    unread: Unread,
    /// What is left of an answer that went out in the place of the parser's; nothing is written after it.
    instead: Option<Bytes>,
    patience: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> Wire<S> {
    /// `patience` is how long a write may stand still.
    pub(super) fn new(stream: S, patience: Duration, unread: Unread) -> Self {
        Self { stream, heads: Heads::new(), unread, instead: None, patience, stalled: None }
    }

    /// Passes on what became of a write, unless it stood still for too long.
    fn watch<T>(&mut self, write: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if write.is_ready() {
            self.stalled = None;
            return write;
        }
        let patience = self.patience;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncWrite + Unpin> Wire<S> {
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

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
        if let Some(new) = buf.filled_mut().get_mut(before..) {
            this.heads.check(new);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
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
