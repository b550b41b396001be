//! One connection of a client, from its first byte to its end.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::header::CONNECTION;
use http::{HeaderValue, Request, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::unread::{Busy, Unread};
use super::wire::{Reset, Wire};
use super::{Limits, Stop};
use crate::request::{self, Shared};

/// What a worker needs for a connection.
#[derive(Clone)]
pub(super) struct Serving {
    pub(super) shared: Arc<Shared>,
    pub(super) limits: Limits,
    pub(super) tls: Option<TlsAcceptor>,
}

/// Serves a connection until either side ends it. How it ends is the client's affair: there is nobody to tell.
pub(super) async fn serve(stream: TcpStream, peer: SocketAddr, serving: Serving, stopping: watch::Receiver<Stop>) {
    // Small answers must not wait for one another; where it fails, the connection is gone already.
    let _ = stream.set_nodelay(true);
    // A dual-stack socket shows IPv4 clients as mapped addresses, which no rule of an operator names.
    let peer = peer.ip().to_canonical();
    let Serving { shared, limits, tls } = serving;
    match tls {
        None => converse(stream, peer, shared, limits, stopping).await,
        Some(tls) => {
            if let Ok(Ok(stream)) = timeout(limits.handshake, tls.accept(stream)).await {
                converse(stream, peer, shared, limits, stopping).await;
            }
        }
    }
}

async fn converse<S: AsyncRead + AsyncWrite + Reset + Unpin + Send + 'static>(
    stream: S,
    peer: IpAddr,
    shared: Arc<Shared>,
    limits: Limits,
    mut stopping: watch::Receiver<Stop>,
) {
    let busy = Busy::default();
    let unread = Unread { shared: Arc::clone(&shared), busy: busy.clone() };
    let (watched, told) = (busy.clone(), stopping.clone());
    let service = service_fn(move |request: Request<Incoming>| {
        let (shared, answering, told) = (Arc::clone(&shared), busy.begin(request.version()), told.clone());
        async move {
            let mut answer = request::request(&shared, peer, request).await;
            if *told.borrow() != Stop::No && answer.status() != StatusCode::SWITCHING_PROTOCOLS {
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            answer.body_mut().keep(answering);
            Ok::<_, Infallible>(answer)
        }
    });
    let half_closed = Arc::new(Notify::new());
    let wire = Wire::new(stream, limits, unread, Arc::clone(&half_closed));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_headers(limits.headers)
        .max_header_size(limits.head_size)
        .serve_connection(TokioIo::new(wire), service);
    let mut connection = pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        () = parted(&watched, &mut stopping, limits.parting) => {}
        // No further request can come: the connection ends with the answer that is on its way.
        () = half_closed.notified() => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

/// So many looks in a row have to find a connection idle.
const LOOKS: u32 = 10;

/// Waits until it is time to stop and the connection has been idle for `pause` since. Ends at once where there is no time.
async fn parted(busy: &Busy, stopping: &mut watch::Receiver<Stop>, pause: Duration) {
    let _ = stopping.wait_for(|stop| *stop != Stop::No).await;
    let mut idle = 0;
    while idle < LOOKS && matches!(*stopping.borrow(), Stop::Drain(_)) {
        sleep(pause / LOOKS).await;
        idle = if busy.is_running() { 0 } else { idle.saturating_add(1) };
    }
}
