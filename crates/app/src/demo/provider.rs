//! A stand-in for a payment provider: it knows which keys are valid where, answers as such providers document, and keeps
//! a record of every request by the key that came with it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use super::fault::Fault;

/// Where 401 is the answer whatever the key: the code that the paying customer typed in is wrong.
const CONFIRMATIONS: &str = "/v1/confirmations";

/// By which a charge is told from all others: `<application>:<number>`.
pub(super) const CHARGE: &str = "x-charge";

/// The stand-in. Its keys are named, so that the story can speak of them without showing any.
pub(super) struct Provider {
    /// Where it listens.
    pub(super) url: String,
    record: Arc<Record>,
}

/// What came in one environment with one key.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    /// Requests whose key was good.
    pub(super) taken: u64,
    /// Requests whose key was not.
    pub(super) refused: u64,
    /// Requests that get 401 whatever the key: the gateway cannot know that, and tries both keys of a rotation.
    pub(super) hopeless: u64,
}

/// By environment and by the name of the key.
pub(super) type Tallies = BTreeMap<(String, String), Tally>;

#[derive(Default)]
struct Record {
    keys: Mutex<BTreeMap<String, Key>>,
    tallies: Mutex<Tallies>,
    charges: Mutex<Charges>,
}

#[derive(Clone)]
struct Key {
    name: &'static str,
    environments: &'static [&'static str],
}

/// Each application numbers its charges upwards: one that does not go up was taken before.
#[derive(Default)]
struct Charges {
    last: BTreeMap<String, u64>,
    twice: u64,
}

/// What the record calls a key that the stand-in never issued.
const UNKNOWN: &str = "no valid key";

impl Provider {
    /// Starts the stand-in on a free port.
    pub(super) async fn start() -> Result<Self, Fault> {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(Fault::start("a port for the stand-in"))?;
        let address = listener.local_addr().map_err(Fault::start("a port for the stand-in"))?;
        let record = Arc::new(Record::default());
        tokio::spawn(accept(listener, Arc::clone(&record)));
        Ok(Self { url: format!("http://{address}"), record })
    }

    /// Issues a key under a name; from now on requests with it are answered in these environments.
    pub(super) fn issue(&self, name: &'static str, key: &str, environments: &'static [&'static str]) {
        lock(&self.record.keys).insert(key.to_owned(), Key { name, environments });
    }

    /// The record so far.
    pub(super) fn tallies(&self) -> Tallies {
        lock(&self.record.tallies).clone()
    }

    /// How many charges were made more than once.
    pub(super) fn charged_twice(&self) -> u64 {
        lock(&self.record.charges).twice
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
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
    let (head, body) = request.into_parts();
    // A body that breaks off is no charge, and nobody waits for the answer.
    let Ok(body) = body.collect().await else { return told(StatusCode::BAD_REQUEST, r#"{"error":"incomplete"}"#) };
    let length = body.to_bytes().len();
    // A provider takes a moment.
    tokio::time::sleep(Duration::from_millis(3)).await;
    if !record.takes(&head.headers, head.uri.path() == CONFIRMATIONS) {
        let body = r#"{"error":{"type":"invalid_request_error","message":"Invalid API Key provided"}}"#;
        return told(StatusCode::UNAUTHORIZED, body);
    }
    match (&head.method, head.uri.path()) {
        (&Method::GET, "/v1/balance") => {
            told(StatusCode::OK, r#"{"object":"balance","available":[{"amount":2685,"currency":"eur"}]}"#)
        }
        (&Method::POST, "/v1/charges") => {
            record.charge(text(&head.headers, CHARGE));
            told(StatusCode::CREATED, &received(length))
        }
        (&Method::POST, CONFIRMATIONS) => {
            told(StatusCode::UNAUTHORIZED, r#"{"error":{"type":"card_error","message":"Wrong one-time code"}}"#)
        }
        _ => told(StatusCode::NOT_FOUND, r#"{"error":{"type":"invalid_request_error","message":"No such charge"}}"#),
    }
}

/// What is said of a charge, by the length of its body: whoever sent it can see that it came whole.
pub(super) fn received(length: usize) -> String {
    format!(r#"{{"object":"charge","received":{length}}}"#)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn told(status: StatusCode, body: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::copy_from_slice(body.as_bytes())));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}

impl Record {
    /// Whether the key is good, which is written down.
    fn takes(&self, headers: &HeaderMap, is_hopeless: bool) -> bool {
        let environment = text(headers, "x-environment");
        let given = text(headers, header::AUTHORIZATION.as_str()).strip_prefix("Bearer ").unwrap_or_default();
        let key = lock(&self.keys).get(given).cloned();
        let good = key.as_ref().is_some_and(|key| key.environments.contains(&environment));
        let name = key.map_or(UNKNOWN, |key| key.name);
        let mut tallies = lock(&self.tallies);
        let tally = tallies.entry((environment.to_owned(), name.to_owned())).or_default();
        let count = match (is_hopeless, good) {
            (true, _) => &mut tally.hopeless,
            (false, true) => &mut tally.taken,
            (false, false) => &mut tally.refused,
        };
        *count = count.saturating_add(1);
        good
    }

    fn charge(&self, id: &str) {
        let Some((application, number)) = id.split_once(':') else { return };
        let number = number.parse().unwrap_or(0);
        let mut charges = lock(&self.charges);
        let last = charges.last.insert(application.to_owned(), number);
        if last.is_some_and(|last| number <= last) {
            charges.twice += 1;
        }
    }
}
