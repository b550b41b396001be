//! One connection to an upstream: hyper's client on top of a counted wire, driven by a task of its own.

use std::future::{Future, poll_fn};
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use hyper::client::conn::{http1, http2};
use hyper_util::rt::TokioIo;

use crate::wire::{Meter, Wire};
use crate::{Failure, OutBody, streams};

/// What is spoken on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

/// A connection that can take a request.
pub(crate) struct Connection {
    pub(crate) sender: Sender,
    pub(crate) meter: Arc<Meter>,
    pub(crate) peer: IpAddr,
}

/// The end of a connection into which requests are put.
pub(crate) enum Sender {
    /// One request at a time.
    Http1(http1::SendRequest<OutBody>),
    /// Many at a time; each has a share of the connection.
    Http2(http2::SendRequest<OutBody>, Share),
}

/// What is known of a connection that many use.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    /// How many streams are open.
    streams: AtomicUsize,
    /// How many the upstream allows.
    allowed: AtomicUsize,
    /// Nobody else is to use it.
    abandoned: AtomicBool,
}

impl Usage {
    pub(crate) fn streams(&self) -> usize {
        self.streams.load(Ordering::Acquire)
    }

    pub(crate) fn allowed(&self) -> usize {
        self.allowed.load(Ordering::Acquire)
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Acquire)
    }
}

/// One stream's share of a connection that many use; it ends when it is dropped.
pub(crate) struct Share(Arc<Usage>);

impl Share {
    pub(crate) fn of(usage: &Arc<Usage>) -> Self {
        usage.streams.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(usage))
    }

    pub(crate) fn usage(&self) -> &Arc<Usage> {
        &self.0
    }

    /// Nobody else is to use the connection; who uses it already may be luckier.
    pub(crate) fn abandon(&self) {
        self.0.abandoned.store(true, Ordering::Release);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Connection {
    /// Starts HTTP on a wire. The task ends when the connection does, or when nothing uses it any longer.
    pub(crate) async fn start(wire: Wire, peer: SocketAddr, protocol: Protocol) -> Result<Self, Failure> {
        let meter = wire.meter();
        let io = TokioIo::new(wire);
        // What a driver has to say about an error, it has said to the requests or to the answers' bodies.
        let sender = match protocol {
            Protocol::Http1 => {
                let (sender, driver) = http1::handshake(io).await.map_err(|_| Failure::Closed)?;
                tokio::spawn(async move {
                    let _ = driver.with_upgrades().await;
                });
                Sender::Http1(sender)
            }
            Protocol::Http2 => {
                let (sender, driver) = streams::builder().handshake(io).await.map_err(|_| Failure::Closed)?;
                let usage = Arc::new(Usage::default());
                usage.allowed.store(driver.current_max_send_streams(), Ordering::Release);
                let share = Share::of(&usage);
                tokio::spawn(async move {
                    let mut driver = pin!(driver);
                    poll_fn(|cx| {
                        let ended = driver.as_mut().poll(cx);
                        usage.allowed.store(driver.current_max_send_streams(), Ordering::Release);
                        ended.map(drop)
                    })
                    .await;
                });
                Sender::Http2(sender, share)
            }
        };
        Ok(Self { sender, meter, peer: peer.ip() })
    }

    /// Whether it can take a request now, as far as is known.
    pub(crate) fn is_ready(&self) -> bool {
        match &self.sender {
            Sender::Http1(sender) => sender.is_ready(),
            Sender::Http2(sender, _) => sender.is_ready(),
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        match &self.sender {
            Sender::Http1(sender) => sender.is_closed(),
            Sender::Http2(sender, _) => sender.is_closed(),
        }
    }
}
