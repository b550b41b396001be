//! One HTTP/1.1 connection to an upstream: hyper's client on top of a counted wire, driven by a task of its own.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;

use crate::wire::{Meter, Wire};
use crate::{Failure, OutBody};

/// A connection that can take a request.
pub(crate) struct Connection {
    pub(crate) sender: SendRequest<OutBody>,
    pub(crate) meter: Arc<Meter>,
    pub(crate) peer: IpAddr,
}

impl Connection {
    /// Starts HTTP on a wire. The task ends when the connection does, or when this value is dropped and nothing is
    /// in flight.
    pub(crate) async fn start(wire: Wire, peer: SocketAddr) -> Result<Self, Failure> {
        let meter = wire.meter();
        let (sender, driver) = http1::handshake(TokioIo::new(wire)).await.map_err(|_| Failure::Closed)?;
        // What the driver has to say about an error, it has said to the request or to the answer's body.
        tokio::spawn(async move {
            let _ = driver.with_upgrades().await;
        });
        Ok(Self { sender, meter, peer: peer.ip() })
    }
}
