//! The bytes of a connection that speaks HTTP/2.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::floods::Floods;
use super::stall::Stall;

/// A client's connection: floods end it, and so does a client that reads nothing.
pub(super) struct Frames<S> {
    stream: S,
    early: BytesMut,
    floods: Floods,
    stall: Stall,
}

impl<S> Frames<S> {
    /// `early` is what was read of the stream before.
    pub(super) fn new(stream: S, early: BytesMut, write: Duration) -> Self {
        Self { stream, early, floods: Floods::new(), stall: Stall::new(write) }
    }

    fn watch(&mut self, write: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(count)) = write {
            self.floods.wrote(count);
        }
        self.stall.watch(write, cx)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Frames<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        if this.early.is_empty() {
            ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
        } else {
            let early = this.early.split_to(this.early.len().min(buf.remaining()));
            buf.put_slice(&early);
        }
        let new = buf.filled().get(before..).unwrap_or_default();
        if this.floods.check(new) { Poll::Ready(Ok(())) } else { Poll::Ready(Err(io::ErrorKind::InvalidData.into())) }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Frames<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let write = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.watch(write, cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let write = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.watch(write, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flush = Pin::new(&mut this.stream).poll_flush(cx);
        this.stall.watch(flush, cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let shutdown = Pin::new(&mut this.stream).poll_shutdown(cx);
        this.stall.watch(shutdown, cx)
    }
}
