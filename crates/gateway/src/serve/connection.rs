//! One connection of a client, from its first byte to its end.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use http::header::CONNECTION;
use http::{HeaderValue, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::floods::PREFACE;
use super::seats::Seat;
use super::unread::{Busy, Unread};
use super::wire::{Reset, Wire};
use super::{Limits, Stop, multiplex};
use crate::certificate::Shown;
use crate::request::{self, Shared};
use crate::tunnel::Passage;

/// How long a connection that makes room for another one has for its end.
pub(super) const MAKING_ROOM: Duration = Duration::from_secs(1);

/// What a worker needs for a connection.
#[derive(Clone)]
pub(super) struct Serving {
    pub(super) shared: Arc<Shared>,
    pub(super) limits: Limits,
    pub(super) tls: Option<TlsAcceptor>,
}

/// What is known of a connection before its first request.
pub(super) struct Begun {
    /// What was read of it to find out which protocol is spoken.
    pub(super) early: BytesMut,
    /// The certificate that the client has shown.
    pub(super) shown: Shown,
    /// The client's address.
    pub(super) peer: IpAddr,
    /// Its place among the connections of the worker.
    pub(super) seat: Arc<Seat>,
}

/// Serves a connection until either side ends it. How it ends is the client's affair: there is nobody to tell.
pub(super) async fn serve(
    mut stream: TcpStream,
    peer: SocketAddr,
    serving: Serving,
    seat: Arc<Seat>,
    stopping: watch::Receiver<Stop>,
) {
    // Small answers must not wait for one another; where it fails, the connection is gone already.
    let _ = stream.set_nodelay(true);
    // A dual-stack socket shows IPv4 clients as mapped addresses, which no rule of an operator names.
    let peer = peer.ip().to_canonical();
    let Serving { shared, limits, tls } = serving;
    match tls {
        None => {
            let mut early = BytesMut::new();
            let begins = timeout(limits.head, begins_as_http2(&mut stream, &mut early));
            let begins = until_wanted(&seat, begins).await;
            let begun = Begun { early, shown: Shown::default(), peer, seat };
            match begins {
                Some(Ok(Ok(true))) => multiplex::converse(stream, begun, shared, limits, stopping).await,
                Some(Ok(Ok(false))) => converse(stream, begun, shared, limits, stopping).await,
                Some(Ok(Err(_)) | Err(_)) | None => {}
            }
        }
        Some(tls) => {
            let handshake = timeout(limits.handshake, tls.accept(stream));
            let Some(Ok(Ok(stream))) = until_wanted(&seat, handshake).await else { return };
            let begun = Begun { early: BytesMut::new(), shown: Shown::in_handshake(stream.get_ref().1), peer, seat };
            match stream.get_ref().1.alpn_protocol() {
                Some(b"h2") => multiplex::converse(stream, begun, shared, limits, stopping).await,
                _ => converse(stream, begun, shared, limits, stopping).await,
            }
        }
    }
}

/// What comes of it, unless the place is wanted for somebody else first.
async fn until_wanted<T>(seat: &Seat, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        done = work => Some(done),
        () = seat.wanted() => None,
    }
}

/// Whether the first bytes are HTTP/2's preface: in plain text that is how a client says so (RFC 9113 section 3.3).
async fn begins_as_http2(stream: &mut TcpStream, early: &mut BytesMut) -> std::io::Result<bool> {
    while PREFACE.starts_with(early) {
        if early.len() == PREFACE.len() {
            return Ok(true);
        }
        let mut next = [0; PREFACE.len()];
        let room = next.get_mut(early.len()..).unwrap_or_default();
        let count = stream.read(room).await?;
        if count == 0 {
            return Ok(false);
        }
        early.extend_from_slice(room.get(..count).unwrap_or_default());
    }
    Ok(false)
}

async fn converse<S: AsyncRead + AsyncWrite + Reset + Unpin + Send + 'static>(
    stream: S,
    begun: Begun,
    shared: Arc<Shared>,
    limits: Limits,
    mut stopping: watch::Receiver<Stop>,
) {
    let Begun { early, shown, peer, seat } = begun;
    let busy = Busy::default();
    let unread = Unread { shared: Arc::clone(&shared), busy: busy.clone() };
    let passage = Passage::default();
    let (watched, told) = (busy.clone(), stopping.clone());
    let service = service_fn({
        let (passage, seat) = (passage.clone(), Arc::clone(&seat));
        move |mut request: Request<Incoming>| {
            shown.go_with(&mut request);
            let answering = busy.begin(request.version(), seat.engage());
            let (shared, passage, told) = (Arc::clone(&shared), passage.clone(), told.clone());
            async move {
                let mut answer = request::request(&shared, peer, request, Some(&passage)).await;
                if passage.is_open() {
                    answering.switches();
                } else if *told.borrow() != Stop::No {
                    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                answer.body_mut().keep(answering);
                Ok::<_, Infallible>(answer)
            }
        }
    });
    let half_closed = Arc::new(Notify::new());
    let wire = Wire::new(stream, early, limits, unread, Arc::clone(&half_closed));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_headers(limits.headers)
        .max_header_size(limits.head_size)
        .serve_connection(TokioIo::new(wire), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let (mut ended, mut wanted) = (false, false);
    tokio::select! {
        _ = connection.as_mut() => ended = true,
        () = parted(&watched, &mut stopping, limits.parting) => {}
        // No further request can come: the connection ends with the answer that is on its way.
        () = half_closed.notified() => {}
        () = seat.wanted() => wanted = true,
    }
    if !ended {
        connection.as_mut().graceful_shutdown();
        // Whoever is in the middle of a head is left there.
        let gone = wanted && (timeout(MAKING_ROOM, connection.as_mut()).await.is_ok() || seat.is_free());
        if !gone {
            let _ = connection.await;
        }
    }
    if let Some(tunnel) = passage.take() {
        let _engaged = seat.engage();
        let stop = async { drop(stopping.wait_for(|stop| *stop != Stop::No).await) };
        tunnel.run(stop).await;
    }
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
