//! Another protocol on the client's connection: asked for, granted by the upstream, and then passed on both ways.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use http::header::{
    CONNECTION, CONTENT_LENGTH, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY, TRANSFER_ENCODING,
    UPGRADE,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode, Version};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use model::snapshot::Bound;
use outbound::Forwarded;
use outbound::guard::{self, guard_headers};
use outbound::inject::strip_answer;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::{Instant, timeout};

use self::flow::Flow;
use crate::answer::{self, Refusal};
use crate::open::Open;
use crate::respond::{Body, mark};

mod flow;

/// How much is read at once.
const PIECE: usize = 16 * 1024;

/// How long a client that was told to go has for it.
const FAREWELL: Duration = Duration::from_secs(2);

/// A request for another protocol.
#[derive(Debug)]
pub(crate) struct Wanted {
    protocols: HeaderValue,
    /// What the upstream has to derive its answer from, where the protocol is WebSocket.
    key: Option<HeaderValue>,
    client: OnUpgrade,
}

impl Wanted {
    /// What a request asks for; nothing where it is an ordinary one. HTTP/2 is no protocol to change to: whoever wants
    /// it begins with it, and behind an upgrade its requests would pass every check.
    pub(crate) fn of(parts: &mut Parts) -> Option<Self> {
        let client = parts.extensions.remove::<OnUpgrade>()?;
        let headers = &parts.headers;
        let mut named = headers.get_all(UPGRADE).iter();
        let (Some(protocols), None) = (named.next(), named.next()) else { return None };
        let asks = headers.get_all(CONNECTION).iter().flat_map(tokens).any(|token| is(token, b"upgrade"));
        let has_body = headers.contains_key(TRANSFER_ENCODING)
            || headers.get(CONTENT_LENGTH).is_some_and(|length| length.as_bytes() != b"0");
        let is_http =
            tokens(protocols).any(|token| token.get(..3).is_some_and(|begin| is(begin, b"h2c")) || is_http(token));
        if parts.version != Version::HTTP_11 || !asks || has_body || is_http {
            return None;
        }
        let is_websocket = tokens(protocols).any(|token| is(token, b"websocket"));
        let key = headers.get(SEC_WEBSOCKET_KEY).filter(|_| is_websocket).cloned();
        Some(Self { protocols: protocols.clone(), key, client })
    }

    /// Says it to the upstream, whose connection is another one.
    pub(crate) fn ask(&self, headers: &mut HeaderMap, bound: &Bound) {
        if guard::is_needed(bound) {
            // A message that is compressed or otherwise changed cannot be looked at.
            headers.remove(SEC_WEBSOCKET_EXTENSIONS);
        }
        headers.remove(http::header::TE);
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, self.protocols.clone());
    }

    /// The protocol that the upstream grants, if it is one that was asked for and the upstream understood the question.
    fn granted(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let mut named = headers.get_all(UPGRADE).iter();
        let (Some(protocol), None) = (named.next(), named.next()) else { return None };
        let asked = tokens(&self.protocols).any(|token| is(token, protocol.as_bytes().trim_ascii()));
        let proven = self.key.as_ref().is_none_or(|key| {
            let accept = headers.get(SEC_WEBSOCKET_ACCEPT).map(HeaderValue::as_bytes);
            accept == Some(accepts(key).as_bytes())
        });
        (asked && proven).then(|| protocol.clone())
    }
}

fn is(one: &[u8], other: &[u8]) -> bool {
    one.eq_ignore_ascii_case(other)
}

fn is_http(token: &[u8]) -> bool {
    token.get(..5).is_some_and(|begin| is(begin, b"http/")) || is(token, b"http") || is(token, b"h2")
}

fn tokens(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

/// RFC 6455 section 4.2.2, which asks for SHA-1 and expects no secrecy of it.
fn accepts(key: &HeaderValue) -> String {
    let salted = [key.as_bytes().trim_ascii(), b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"].concat();
    STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &salted))
}

/// Where a connection finds the tunnel that one of its requests has opened.
#[derive(Debug, Clone, Default)]
pub(crate) struct Passage(Arc<Mutex<Option<Tunnel>>>);

impl Passage {
    /// Whether there is one.
    pub(crate) fn is_open(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Takes it; it is the connection's to run.
    pub(crate) fn take(&self) -> Option<Tunnel> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn put(&self, tunnel: Tunnel) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(tunnel);
    }
}

/// Both sides of another protocol, before either has begun.
#[derive(Debug)]
pub(crate) struct Tunnel {
    client: OnUpgrade,
    upstream: OnUpgrade,
    bound: Arc<Bound>,
    is_websocket: bool,
    open: Open,
}

/// Turns the upstream's 101 into the client's, and leaves the tunnel to the connection.
pub(crate) fn grant(
    wanted: Wanted,
    forwarded: Forwarded,
    bound: &Arc<Bound>,
    open: Open,
    passage: &Passage,
) -> Result<Response<Body>, Refusal> {
    let (mut parts, _) = forwarded.response.into_parts();
    let broken = || Refusal::new(answer::PROTOCOL_ERROR, "The upstream changed to a protocol that nobody asked for.");
    let upstream = parts.extensions.remove::<OnUpgrade>().ok_or_else(broken)?;
    let protocol = wanted.granted(&parts.headers).ok_or_else(broken)?;
    strip_answer(&mut parts.headers);
    guard_headers(&mut parts.headers, bound)
        .map_err(|leak| Refusal::new(answer::WITHHELD, format!("Nothing was passed on: {leak}.")))?;
    mark(&mut parts.headers, parts.status.as_u16());
    parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    let is_websocket = is(protocol.as_bytes().trim_ascii(), b"websocket");
    parts.headers.insert(UPGRADE, protocol);
    passage.put(Tunnel { client: wanted.client, upstream, bound: Arc::clone(bound), is_websocket, open });
    let mut answer = Response::new(Body::full(Bytes::new()));
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *answer.headers_mut() = parts.headers;
    Ok(answer)
}

impl Tunnel {
    /// Passes bytes on until one side ends it, both are silent for as long as the route waits for a piece, it may not go
    /// on any longer, or `stop`.
    pub(crate) async fn run(self, stop: impl Future<Output = ()>) {
        let Self { client, upstream, bound, is_websocket, open } = self;
        let (Ok(client), Ok(upstream)) = (client.await, upstream.await) else { return };
        let (mut from_client, mut to_client) = tokio::io::split(TokioIo::new(client));
        let (mut from_upstream, mut to_upstream) = tokio::io::split(TokioIo::new(upstream));
        let mut flow = Flow::new(&bound, is_websocket);
        let clock = Clock::new(bound.idle.as_std());
        let over = {
            let out = pass_out(&mut from_client, &mut to_upstream, &clock);
            let back = pass_back(&mut from_upstream, &mut to_client, &mut flow, &clock);
            // A side that has said all may still listen; one that broke has ended it for both.
            let both = async { tokio::try_join!(out, back) };
            tokio::select! {
                _ = both => false,
                () = clock.silent() => false,
                _ = open.ended() => true,
                () = stop => true,
            }
        };
        if over && let Some(farewell) = flow.farewell() {
            let going = async {
                to_client.write_all(farewell).await?;
                to_client.flush().await?;
                // The client answers with the same, and closes.
                let mut rest = [0; 1024];
                while from_client.read(&mut rest).await? > 0 {}
                to_client.shutdown().await
            };
            let _ = timeout(FAREWELL, going).await;
        }
    }
}

/// When a byte last went through.
struct Clock {
    idle: Duration,
    last: Mutex<Instant>,
}

impl Clock {
    fn new(idle: Duration) -> Self {
        Self { idle, last: Mutex::new(Instant::now()) }
    }

    fn touch(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    async fn silent(&self) {
        loop {
            let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
            // A span that no clock can hold means never.
            let Some(until) = last.checked_add(self.idle) else { return std::future::pending().await };
            if until <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(until).await;
        }
    }
}

async fn pass_out(
    from: &mut ReadHalf<TokioIo<Upgraded>>,
    to: &mut WriteHalf<TokioIo<Upgraded>>,
    clock: &Clock,
) -> std::io::Result<()> {
    let mut piece = BytesMut::with_capacity(PIECE);
    while from.read_buf(&mut piece).await? > 0 {
        clock.touch();
        to.write_all(&piece).await?;
        piece.clear();
    }
    to.shutdown().await
}

/// The guard keeps back what could become a value, which is looked at again when more has come.
async fn pass_back(
    from: &mut ReadHalf<TokioIo<Upgraded>>,
    to: &mut WriteHalf<TokioIo<Upgraded>>,
    flow: &mut Flow,
    clock: &Clock,
) -> std::io::Result<()> {
    loop {
        let mut piece = BytesMut::with_capacity(PIECE);
        if from.read_buf(&mut piece).await? == 0 {
            break;
        }
        clock.touch();
        let piece = flow.push(piece.freeze()).map_err(|_| std::io::Error::from(std::io::ErrorKind::InvalidData))?;
        to.write_all(&piece).await?;
    }
    to.write_all(&flow.finish()).await?;
    to.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_standard() {
        let key = HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(accepts(&key), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
