//! The bytes of one connection, counted: what was handed over and what came back decides whether to try again.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::client::TlsStream;

/// What may come before an answer's head has come wholly, that head included. It is the interim answers (1xx) that need a
/// bound: each is a head by itself, they may come without end, and reading them as fast as they come would keep the
/// thread from everybody else.
const BEFORE_ANSWER: u64 = 1024 * 1024;

/// Counts of one connection, shared between its task and the request that uses it.
#[derive(Debug)]
pub(crate) struct Meter {
    start: Instant,
    written: AtomicU64,
    read: AtomicU64,
    /// Milliseconds from `start` to the last write.
    last_write: AtomicU64,
    /// Up to which count of bytes may be read.
    readable: AtomicU64,
}

/// The counts at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) written: u64,
    pub(crate) read: u64,
}

impl Meter {
    fn new() -> Self {
        Self {
            start: Instant::now(),
            written: AtomicU64::new(0),
            read: AtomicU64::new(0),
            last_write: AtomicU64::new(0),
            readable: AtomicU64::new(u64::MAX),
        }
    }

    /// From here on a head is waited for.
    pub(crate) fn awaits_answer(&self) {
        self.readable.store(self.read.load(Ordering::Acquire).saturating_add(BEFORE_ANSWER), Ordering::Release);
    }

    /// The head has come, or is not waited for any longer.
    pub(crate) fn answered(&self) {
        self.readable.store(u64::MAX, Ordering::Release);
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark { written: self.written.load(Ordering::Acquire), read: self.read.load(Ordering::Acquire) }
    }

    /// When bytes last went out; the connection's beginning where none did.
    pub(crate) fn last_write(&self) -> Instant {
        self.start + Duration::from_millis(self.last_write.load(Ordering::Acquire))
    }

    fn wrote(&self, count: usize) {
        let millis = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_write.store(millis, Ordering::Release);
        self.written.fetch_add(u64::try_from(count).unwrap_or(0), Ordering::AcqRel);
    }
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A connection to an upstream, plain or TLS. What is counted is HTTP: bytes of TLS itself are not.
pub(crate) struct Wire {
    stream: Stream,
    meter: Arc<Meter>,
}

impl Wire {
    pub(crate) fn plain(stream: TcpStream) -> Self {
        Self { stream: Stream::Plain(stream), meter: Arc::new(Meter::new()) }
    }

    pub(crate) fn tls(stream: TlsStream<TcpStream>) -> Self {
        Self { stream: Stream::Tls(Box::new(stream)), meter: Arc::new(Meter::new()) }
    }

    pub(crate) fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.meter)
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        ready!(match &mut this.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        })?;
        let count = buf.filled().len().saturating_sub(before);
        let count = u64::try_from(count).unwrap_or(0);
        let read = this.meter.read.fetch_add(count, Ordering::AcqRel).saturating_add(count);
        if read > this.meter.readable.load(Ordering::Acquire) {
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let count = ready!(match &mut this.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        })?;
        this.meter.wrote(count);
        Poll::Ready(Ok(count))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let count = ready!(match &mut this.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Stream::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        })?;
        this.meter.wrote(count);
        Poll::Ready(Ok(count))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
