//! The one door through which a request leaves: head and body in, head and body of the answer out.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_LENGTH, COOKIE, HOST, TRANSFER_ENCODING, UPGRADE};
use http::{Extensions, HeaderMap, HeaderValue, Method, Request, Response, Uri, Version, request};
use http_body::Body;
use ipnet::IpNet;
use model::snapshot::Bound;
use model::upstream::{Upstream, may_dial};
use tokio::time::{Instant, timeout_at};

use crate::answer::Proof;
use crate::connection::Connection;
use crate::dial::dial;
use crate::exchange::{Lost, exchange};
use crate::inject::remove_aliases;
use crate::pool::{self, Key, Lease, Turn};
use crate::{
    AnswerBody, CachingResolver, Failure, ForwardError, OutBody, Phase, PoolLimits, Resolve, SystemResolver, Tls,
    TlsSettings,
};

/// How long to wait for an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection: name, TCP and TLS together.
    pub connect: Duration,
    /// For the head of the answer, from the last byte of the request on.
    pub response: Duration,
    /// Between two pieces of a body, in either direction.
    pub idle: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), response: Duration::from_secs(60), idle: Duration::from_secs(60) }
    }
}

/// Where a request goes, and under which conditions.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The route's upstream.
    pub upstream: &'a Upstream,
    /// How it is verified.
    pub tls: &'a TlsSettings,
    /// `gateway.allow_private_upstreams`, as it is now.
    pub allow_private: &'a [IpNet],
    /// How long to wait.
    pub timeouts: Timeouts,
}

impl<'a> Target<'a> {
    /// Where a route's requests go. `tls` is [`TlsSettings::of`] the same route.
    #[must_use]
    pub fn of(bound: &'a Bound, tls: &'a TlsSettings, allow_private: &'a [IpNet]) -> Self {
        let timeouts =
            Timeouts { connect: bound.connect.as_std(), response: bound.response.as_std(), idle: bound.idle.as_std() };
        Self { upstream: &bound.upstream, tls, allow_private, timeouts }
    }
}

/// An answer.
#[derive(Debug)]
pub struct Forwarded {
    /// Head and body as the upstream sent them, hop-by-hop headers included. A 101 carries hyper's upgrade.
    pub response: Response<AnswerBody>,
    /// How often bytes of the request were handed to a connection: 1, or 2 where the first was lost on a connection
    /// that the upstream was closing. Each is a use of its credentials; this answer judges the last.
    pub sent: u8,
}

/// Sends requests to upstreams.
///
/// Idle connections are kept per thread, so it is meant for runtimes of one thread each. With
/// [`Forwarder::unpooled`] every request has a connection of its own, and any runtime will do.
#[derive(Clone)]
pub struct Forwarder {
    resolver: Arc<dyn Resolve>,
    tls: Arc<Tls>,
    pool: Option<PoolLimits>,
}

impl Forwarder {
    /// With idle connections kept on the thread that used them, and names looked up once for all threads
    /// ([`CachingResolver`]).
    #[must_use]
    pub fn pooled(tls: Arc<Tls>, limits: PoolLimits) -> Self {
        Self { resolver: Arc::new(CachingResolver::system()), tls, pool: Some(limits) }
    }

    /// With a new connection, and a new look-up, for every request.
    #[must_use]
    pub fn unpooled(tls: Arc<Tls>) -> Self {
        Self { resolver: Arc::new(SystemResolver), tls, pool: None }
    }

    /// The same with another resolver.
    #[must_use]
    pub fn with_resolver(mut self, resolver: Arc<dyn Resolve>) -> Self {
        self.resolver = resolver;
        self
    }

    /// Connects and hangs up: name, checked address, TCP, and TLS where the upstream has it. Nothing is sent over it.
    ///
    /// # Errors
    /// [`Failure`]: what stands in the way.
    pub async fn reach(&self, target: Target<'_>) -> Result<(), Failure> {
        dial(&target, self.resolver.as_ref(), &self.tls, false).await.map(drop)
    }

    /// Sends one request and waits for the head of its answer.
    ///
    /// The request's URI is in origin form (`/path?query`, base path included). `Host` and the framing headers are
    /// set here, from the target and the body; hop-by-hop headers are the caller's to remove
    /// ([`crate::inject::strip_hop_by_hop`]).
    ///
    /// It is sent a second time, once and on a new connection, when none of its bytes were sent, when the upstream says
    /// that it has done nothing with it and its body is at hand, or when a reused connection closed before any byte of an
    /// answer and the request is idempotent and its body is at hand.
    ///
    /// # Errors
    /// [`ForwardError`]: what happened, whose fault it is, and whether bytes were sent.
    pub async fn forward(&self, target: Target<'_>, request: Request<OutBody>) -> Result<Forwarded, ForwardError> {
        let refuse = |failure| ForwardError::new(failure, 0);
        let (mut parts, mut body) = request.into_parts();
        prepare(&mut parts, &body, target.upstream).map_err(refuse)?;
        body.limit_idle(target.timeouts.idle);
        let mut request = Request::from_parts(parts, body);

        let upgrading = request.headers().contains_key(UPGRADE);
        // What another protocol is spoken on belongs to nobody else, before or after.
        let place = self.pool.filter(|_| !upgrading).map(|limits| (Key::new(target.upstream, target.tls), limits));
        let replayable = request.method().is_idempotent() && request.body().again().is_some();
        let begun = Instant::now();
        let mut sent = 0;
        let mut first = true;
        loop {
            // The second time is on a connection that is new: the first may have been lost to an old one.
            let (mut connection, reused) = match &place {
                Some((key, limits)) => self.lend(key, *limits, &target, replayable, (!first).then_some(begun)).await,
                None => self.connect(&target, None, upgrading).await.map(|new| (new, false)),
            }
            .map_err(|failure| ForwardError::new(failure, sent))?;
            let limit = target.timeouts.response;
            let (to_head, upload) = (request.method() == Method::HEAD, request.body().upload());
            match exchange(&mut connection, request, target.upstream, reused, limit).await {
                Ok(response) => {
                    let switched = response.status() == http::StatusCode::SWITCHING_PROTOCOLS;
                    let lease = place.filter(|_| !switched).map(|(key, limits)| Lease { connection, key, limits });
                    let idle = target.timeouts.idle;
                    let proof = Proof::of(&response, to_head, upload);
                    let response = response.map(|body| AnswerBody::new(body, lease, idle, proof));
                    return Ok(Forwarded { response, sent: sent + 1 });
                }
                Err(Lost { failure, sent: handed_over, again }) => {
                    sent += u8::from(handed_over);
                    match again {
                        Some(again) if first => request = again,
                        _ => return Err(ForwardError::new(failure, sent)),
                    }
                    first = false;
                }
            }
        }
    }

    /// A connection of the pool, with `since` only one that was made after that moment, or a new one; and whether it was
    /// used before.
    async fn lend(
        &self,
        key: &Key,
        limits: PoolLimits,
        target: &Target<'_>,
        replayable: bool,
        since: Option<Instant>,
    ) -> Result<(Connection, bool), Failure> {
        let patience = Instant::now() + target.timeouts.connect;
        loop {
            if let Some(connection) = reuse(key, target, replayable, since).await {
                return Ok((connection, true));
            }
            match pool::turn(key) {
                Turn::Ours(dialling) => {
                    let connection = self.connect(target, Some((key, limits)), false).await;
                    drop(dialling);
                    return connection.map(|new| (new, false));
                }
                Turn::Theirs(waiting) => {
                    let told = waiting.notified();
                    timeout_at(patience, told).await.map_err(|_| Failure::Timeout(Phase::Connect))?;
                }
            }
        }
    }

    async fn connect(
        &self,
        target: &Target<'_>,
        place: Option<(&Key, PoolLimits)>,
        upgrading: bool,
    ) -> Result<Connection, Failure> {
        let (wire, peer, protocol) = dial(target, &*self.resolver, &self.tls, upgrading).await?;
        let connection = Connection::start(wire, peer, protocol).await?;
        if let Some((key, limits)) = place {
            pool::share(key, &connection, limits);
        }
        Ok(connection)
    }
}

impl fmt::Debug for Forwarder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forwarder").field("pool", &self.pool).finish_non_exhaustive()
    }
}

/// A kept connection that this request may use; `replayable` where losing it would do no harm.
async fn reuse(key: &Key, target: &Target<'_>, replayable: bool, since: Option<Instant>) -> Option<Connection> {
    let allowed = |peer: IpAddr| may_dial(target.upstream, peer, target.allow_private).is_ok();
    loop {
        let connection = pool::take(key, since, allowed)?;
        if replayable {
            return Some(connection);
        }
        // This request would be lost with a connection that the upstream has closed by now: have a look at the
        // network first, so that the connection's task learns of a close that has arrived.
        tokio::task::yield_now().await;
        if connection.is_ready() {
            return Some(connection);
        }
    }
}

/// Sets what the target and the body decide, whatever the caller's request said about them.
fn prepare(parts: &mut request::Parts, body: &OutBody, upstream: &Upstream) -> Result<(), Failure> {
    // TRACE would show the injected headers to whoever asked, CONNECT would open a tunnel past every check.
    if parts.method == Method::TRACE || parts.method == Method::CONNECT {
        return Err(Failure::Request("uses a method that is not passed on"));
    }
    // Only path and query are taken from the URI: its authority has no say in where the request goes.
    let path = parts.uri.path_and_query().cloned();
    let path = path.filter(|path| path.as_str().starts_with('/'));
    parts.uri = path.map(Uri::from).ok_or(Failure::Request("has no path"))?;
    parts.version = Version::HTTP_11;
    parts.extensions = Extensions::new();
    parts.headers.insert(HOST, upstream.host_header().clone());
    join_cookies(&mut parts.headers);
    remove_aliases(&mut parts.headers, CONTENT_LENGTH.as_str());
    remove_aliases(&mut parts.headers, TRANSFER_ENCODING.as_str());
    match body.size_hint().exact() {
        // A request of these methods means a body, if an empty one (RFC 9110 section 8.6).
        Some(0) if ![Method::POST, Method::PUT, Method::PATCH].contains(&parts.method) => {}
        Some(length) => {
            parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        None => {
            // Said explicitly: for a GET hyper would otherwise leave the body out.
            parts.headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
    }
    Ok(())
}

/// HTTP/2 lets a client send its cookies one by one; everybody else reads one header (RFC 9113 section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let mut crumbs = headers.get_all(COOKIE).iter();
    let (Some(first), Some(second)) = (crumbs.next(), crumbs.next()) else { return };
    let whole: Vec<&[u8]> = [first, second].into_iter().chain(crumbs).map(HeaderValue::as_bytes).collect();
    if let Ok(mut whole) = HeaderValue::from_bytes(&whole.join(&b"; "[..])) {
        whole.set_sensitive(true);
        headers.insert(COOKIE, whole);
    }
}
