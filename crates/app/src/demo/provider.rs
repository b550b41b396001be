//! A stand-in for a payment provider: it knows which keys are valid, answers as such providers document, and keeps a
//! record of every request by the key that came with it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use super::fault::Fault;

/// The stand-in. Its keys are named, so that the story can speak of them without showing any.
pub(super) struct Provider {
    /// Where it listens.
    pub(super) url: String,
    record: Arc<Record>,
}

/// How many requests came, by environment and by the name of the key that they carried.
pub(super) type Counts = BTreeMap<(String, String), u64>;

#[derive(Default)]
struct Record {
    keys: Mutex<BTreeMap<String, String>>,
    counts: Mutex<Counts>,
}

/// What the record calls a key that the stand-in never issued.
pub(super) const UNKNOWN: &str = "no valid key";

impl Provider {
    /// Starts the stand-in on a free port.
    pub(super) async fn start() -> Result<Self, Fault> {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(Fault::start("a port for the stand-in"))?;
        let address = listener.local_addr().map_err(Fault::start("a port for the stand-in"))?;
        let record = Arc::new(Record::default());
        tokio::spawn(accept(listener, Arc::clone(&record)));
        Ok(Self { url: format!("http://{address}"), record })
    }

    /// Issues a key under a name; from now on requests with it are answered.
    pub(super) fn issue(&self, name: &str, key: &str) {
        lock(&self.record.keys).insert(key.to_owned(), name.to_owned());
    }

    /// The record so far.
    pub(super) fn counts(&self) -> Counts {
        lock(&self.record.counts).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // A panic while counting leaves a count, and nothing else, wrong.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, record: Arc<Record>) {
    while let Ok((stream, _)) = listener.accept().await {
        let record = Arc::clone(&record);
        tokio::spawn(async move { serve(stream, record).await });
    }
}

async fn serve(stream: TcpStream, record: Arc<Record>) {
    let service = service_fn(move |request| {
        let record = Arc::clone(&record);
        async move { Ok::<_, Infallible>(answer(request, &record).await) }
    });
    // A connection that ends badly is the gateway's to notice.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(request: Request<Incoming>, record: &Record) -> Response<Full<Bytes>> {
    // A provider takes a moment.
    tokio::time::sleep(Duration::from_millis(3)).await;
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let key = text(header::AUTHORIZATION.as_str()).strip_prefix("Bearer ").unwrap_or_default();
    let name = lock(&record.keys).get(key).cloned();
    let environment = text("x-environment").to_owned();
    *lock(&record.counts).entry((environment, name.clone().unwrap_or_else(|| UNKNOWN.to_owned()))).or_default() += 1;
    let (status, body) = match name {
        Some(_) => (StatusCode::OK, r#"{"object":"balance","available":[{"amount":2685,"currency":"eur"}]}"#),
        None => (
            StatusCode::UNAUTHORIZED,
            r#"{"error":{"type":"invalid_request_error","message":"Invalid API Key provided"}}"#,
        ),
    };
    let mut response = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}
