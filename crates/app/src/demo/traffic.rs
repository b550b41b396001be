//! Applications that call the gateway all the time, each in one environment with a key of its own.

mod request;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use request::{Body, Kind};

/// The time between two requests of one application.
const PAUSE: Duration = Duration::from_millis(8);

/// A request that has no answer by then has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the applications saw.
#[derive(Default)]
struct Seen {
    sent: AtomicU64,
    failed: AtomicU64,
    values: AtomicU64,
    /// How the first request failed that did.
    first: Mutex<Option<String>>,
    stop: AtomicBool,
}

/// Steady traffic until it is stopped.
pub(super) struct Traffic {
    seen: Arc<Seen>,
    tasks: Vec<JoinHandle<()>>,
}

/// What one application is.
#[derive(Clone)]
pub(super) struct Application {
    /// Its name; no other one has it.
    pub(super) name: String,
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

    /// Requests sent, and requests that failed: without an answer, or with another one than a valid key gets.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.seen.sent.load(Ordering::Relaxed), self.seen.failed.load(Ordering::Relaxed))
    }

    /// How the first request failed that did.
    pub(super) fn first_failure(&self) -> Option<String> {
        self.seen.first.lock().unwrap_or_else(PoisonError::into_inner).clone()
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

impl Seen {
    fn failed(&self, application: &Application, kind: Kind, why: &str) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert_with(|| format!("{} of {}: {why}", kind.name(), application.name));
    }
}

async fn run(application: Application, seen: Arc<Seen>) {
    let mut connection = None;
    let mut number = 0;
    while !seen.stop.load(Ordering::Relaxed) {
        number += 1;
        let kind = Kind::of(number);
        let calling = call(&application, kind, number, &mut connection);
        let answer = timeout(PATIENCE, calling).await.unwrap_or_else(|_| Err("no answer in time".to_owned()));
        seen.sent.fetch_add(1, Ordering::Relaxed);
        let judged = answer.and_then(|text| {
            let shows = application.values.iter().any(|value| text.contains(value.as_str()));
            seen.values.fetch_add(u64::from(shows), Ordering::Relaxed);
            kind.judge(&text)
        });
        if let Err(why) = judged {
            seen.failed(&application, kind, &why);
            connection = None;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// One request; the answer's status, head and body as text, the status first and the body last.
async fn call(
    application: &Application,
    kind: Kind,
    number: u64,
    connection: &mut Option<SendRequest<Body>>,
) -> Result<String, String> {
    let broken = |what: &'static str| move |error: hyper::Error| format!("{what}: {error}");
    // A connection that the other side has closed meanwhile is no failure of a request.
    let usable = match connection {
        Some(sender) => sender.ready().await.is_ok(),
        None => false,
    };
    if !usable {
        let stream =
            TcpStream::connect(&application.gateway).await.map_err(|error| format!("no connection: {error}"))?;
        let (sender, driver) = handshake(TokioIo::new(stream)).await.map_err(broken("no connection"))?;
        tokio::spawn(driver);
        *connection = Some(sender);
    }
    let sender = connection.as_mut().ok_or("no connection")?;
    let request = kind.request(application, number).map_err(|error| error.to_string())?;
    let response = sender.send_request(request).await.map_err(broken("no answer"))?;
    let (head, body) = response.into_parts();
    let body = body.collect().await.map_err(broken("half an answer"))?.to_bytes();
    Ok(format!("{} {:?}\n{}", head.status.as_u16(), head.headers, String::from_utf8_lossy(&body)))
}
