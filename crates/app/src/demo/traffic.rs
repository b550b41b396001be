//! Applications that call the gateway all the time, each in one environment with a key of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// The time between two requests of one application.
const PAUSE: Duration = Duration::from_millis(8);

/// What the applications saw.
#[derive(Default)]
struct Seen {
    sent: AtomicU64,
    failed: AtomicU64,
    values: AtomicU64,
    stop: AtomicBool,
}

/// Steady traffic until it is stopped.
pub(super) struct Traffic {
    seen: Arc<Seen>,
    tasks: Vec<JoinHandle<()>>,
}

/// What one application does.
#[derive(Clone)]
pub(super) struct Application {
    /// `host:port` of the gateway.
    pub(super) gateway: String,
    /// Its own key.
    pub(super) key: String,
    /// Texts that must never come back.
    pub(super) values: Arc<Vec<String>>,
}

impl Traffic {
    /// Starts the applications.
    pub(super) fn start(applications: Vec<Application>) -> Self {
        let seen = Arc::new(Seen::default());
        let run = |application: Application| tokio::spawn(run(application, Arc::clone(&seen)));
        let tasks = applications.into_iter().map(run).collect();
        Self { seen, tasks }
    }

    /// Requests sent, and requests that failed: no answer, or another than 200.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.seen.sent.load(Ordering::Relaxed), self.seen.failed.load(Ordering::Relaxed))
    }

    /// How often an answer held a value that no application should see.
    pub(super) fn values_seen(&self) -> u64 {
        self.seen.values.load(Ordering::Relaxed)
    }

    /// Lets every request end.
    pub(super) async fn stop(self) {
        self.seen.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            let _ = task.await;
        }
    }
}

async fn run(application: Application, seen: Arc<Seen>) {
    let mut connection = None;
    while !seen.stop.load(Ordering::Relaxed) {
        let answer = call(&application, &mut connection).await;
        seen.sent.fetch_add(1, Ordering::Relaxed);
        match answer {
            Some((StatusCode::OK, text)) => {
                if application.values.iter().any(|value| text.contains(value.as_str())) {
                    seen.values.fetch_add(1, Ordering::Relaxed);
                }
            }
            _ => {
                seen.failed.fetch_add(1, Ordering::Relaxed);
                connection = None;
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// One request; the answer's status, and its head and body as text.
async fn call(
    application: &Application,
    connection: &mut Option<SendRequest<Empty<Bytes>>>,
) -> Option<(StatusCode, String)> {
    if connection.as_ref().is_none_or(SendRequest::is_closed) {
        let stream = TcpStream::connect(&application.gateway).await.ok()?;
        let (sender, driver) = handshake(TokioIo::new(stream)).await.ok()?;
        tokio::spawn(driver);
        *connection = Some(sender);
    }
    let sender = connection.as_mut()?;
    sender.ready().await.ok()?;
    let request = Request::get("/payments/v1/balance")
        .header("host", &application.gateway)
        .header("authorization", format!("Bearer {}", application.key))
        .body(Empty::new())
        .ok()?;
    let response = sender.send_request(request).await.ok()?;
    let (head, body) = response.into_parts();
    let body = body.collect().await.ok()?.to_bytes();
    Some((head.status, format!("{:?} {}", head.headers, String::from_utf8_lossy(&body))))
}
