//! One connection of a client, from its first byte to its end.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::unread::{Busy, Unread};
use super::wire::{Reset, Wire};
use super::{Limits, Stop};
use crate::certificate::Shown;
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
        None => converse(stream, Shown::default(), peer, shared, limits, stopping).await,
        Some(tls) => {
            if let Ok(Ok(stream)) = timeout(limits.handshake, tls.accept(stream)).await {
                let shown = Shown::in_handshake(stream.get_ref().1);
                converse(stream, shown, peer, shared, limits, stopping).await;
            }
        }
    }
}

async fn converse<S: AsyncRead + AsyncWrite + Reset + Unpin + Send + 'static>(
    stream: S,
    shown: Shown,
    peer: IpAddr,
    shared: Arc<Shared>,
    limits: Limits,
    mut stopping: watch::Receiver<Stop>,
) {
    let busy = Busy::default();
    let unread = Unread { shared: Arc::clone(&shared), busy: busy.clone() };
    let service = service_fn(move |mut request: Request<Incoming>| {
        shown.go_with(&mut request);
        let (shared, answering) = (Arc::clone(&shared), busy.begin(request.version()));
        async move {
            let mut answer = request::request(&shared, peer, request).await;
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
        _ = stopping.wait_for(|stop| *stop != Stop::No) => {}
        // No further request can come: the connection ends with the answer that is on its way.
        () = half_closed.notified() => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}
