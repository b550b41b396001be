//! A connection that speaks HTTP/2: many requests at a time.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::connection::{Begun, MAKING_ROOM};
use super::frames::Frames;
use super::seats::Engaged;
use super::{Limits, Stop};
use crate::request::{self, Shared};

/// Requests at a time on one connection.
const STREAMS: u32 = 128;

/// What a client may have on the way to us unread: for one request, and for all of a connection together, in bytes.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 2 * 1024 * 1024;

/// How much of an answer is kept for a client that takes none of it, in bytes.
const SEND_BUFFER: usize = 64 * 1024;

/// How long a silent client may be before it is asked whether it is there, and how long it has for that.
const ASK_AFTER: Duration = Duration::from_secs(30);
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// How long a connection that was told to end may take for it where nothing is in flight.
const FAREWELL: Duration = Duration::from_secs(5);

/// What is in flight on a connection.
#[derive(Debug, Clone)]
pub(crate) struct Flights(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    start: Instant,
    running: AtomicUsize,
    /// Milliseconds from `start` to the last end of a request.
    last_end: AtomicU64,
}

/// One request in flight, until its answer has gone out or was given up.
#[derive(Debug)]
pub(crate) struct Flight {
    flights: Flights,
    _engaged: Engaged,
}

impl Flights {
    fn new() -> Self {
        let (running, last_end) = (AtomicUsize::new(0), AtomicU64::new(0));
        Self(Arc::new(Counts { start: Instant::now(), running, last_end }))
    }

    fn begin(&self, engaged: Engaged) -> Flight {
        self.0.running.fetch_add(1, Ordering::AcqRel);
        Flight { flights: self.clone(), _engaged: engaged }
    }

    /// Since when nothing is in flight; nothing while something is.
    fn idle_since(&self) -> Option<Instant> {
        let idle = self.0.running.load(Ordering::Acquire) == 0;
        idle.then(|| self.0.start + Duration::from_millis(self.0.last_end.load(Ordering::Acquire)))
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let Flights(counts) = &self.flights;
        let millis = u64::try_from(counts.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        counts.last_end.store(millis, Ordering::Release);
        counts.running.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Serves the requests of a connection until either side ends it.
pub(super) async fn converse<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    begun: Begun,
    shared: Arc<Shared>,
    limits: Limits,
    mut stopping: watch::Receiver<Stop>,
) {
    let Begun { early, shown, peer, seat } = begun;
    let flights = Flights::new();
    let service = service_fn({
        let (flights, seat) = (flights.clone(), Arc::clone(&seat));
        move |mut request: Request<Incoming>| {
            shown.go_with(&mut request);
            let (shared, flight) = (Arc::clone(&shared), flights.begin(seat.engage()));
            async move {
                let mut answer = match request.headers().len() <= limits.headers {
                    true => request::request(&shared, peer, request, None).await,
                    // The parser of HTTP/1.1 counts for itself; this one only adds up their size.
                    false => request::too_many_headers(&shared),
                };
                answer.body_mut().fly(flight);
                Ok::<_, Infallible>(answer)
            }
        }
    });
    let wire = Frames::new(stream, early, limits.write);
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(limits.head_size).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(ASK_AFTER)
        .keep_alive_timeout(ANSWER_WITHIN)
        .serve_connection(TokioIo::new(wire), service);
    let mut connection = pin!(connection);
    let wanted = tokio::select! {
        _ = connection.as_mut() => return,
        _ = stopping.wait_for(|stop| *stop != Stop::No) => false,
        () = idle(&flights, limits.head) => false,
        () = seat.wanted() => true,
    };
    connection.as_mut().graceful_shutdown();
    if wanted && (timeout(MAKING_ROOM, connection.as_mut()).await.is_ok() || seat.is_free()) {
        return;
    }
    loop {
        if timeout(FAREWELL, connection.as_mut()).await.is_ok() || flights.idle_since().is_some() {
            return;
        }
    }
}

/// Waits until nothing has been in flight for so long.
async fn idle(flights: &Flights, limit: Duration) {
    loop {
        let since = flights.idle_since();
        let left = since.map_or(limit, |since| (since + limit).saturating_duration_since(Instant::now()));
        if since.is_some() && left.is_zero() {
            return;
        }
        sleep(left.max(Duration::from_millis(1))).await;
    }
}
