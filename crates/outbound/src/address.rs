//! From an upstream to the addresses that may be dialled for it.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;

use ipnet::IpNet;
use model::upstream::{Host, Refused, Upstream, may_dial};

use crate::Failure;

/// The answer of a [`Resolve`], later.
pub type Resolving<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Turns a DNS name into addresses. A parameter, so that tests can make a name lead anywhere.
pub trait Resolve: Send + Sync + 'static {
    /// All addresses of `name`, best first.
    fn resolve<'a>(&'a self, name: &'a str) -> Resolving<'a>;
}

impl fmt::Debug for dyn Resolve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolve")
    }
}

/// The operating system's resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, name: &'a str) -> Resolving<'a> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// The addresses that may be dialled, best first and at least one.
///
/// What is returned is what is dialled: there is no second look-up in between whose answer could differ.
pub(crate) async fn candidates(
    upstream: &Upstream,
    resolver: &dyn Resolve,
    allow_private: &[IpNet],
) -> Result<Vec<SocketAddr>, Failure> {
    let found = match upstream.host() {
        Host::Ip(ip) => vec![*ip],
        // What `localhost` is must not depend on a hosts file or a DNS server.
        Host::Name(_) if upstream.is_localhost() => {
            vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
        }
        Host::Name(name) => resolver.resolve(name).await.map_err(|_| Failure::Resolve)?,
    };
    let mut refused: Option<Refused> = None;
    let mut allowed: Vec<SocketAddr> = Vec::with_capacity(found.len());
    for address in found {
        match may_dial(upstream, address, allow_private) {
            Ok(()) => allowed.push(SocketAddr::new(address, upstream.port())),
            Err(reason) => refused = Some(reason),
        }
    }
    match refused {
        _ if !allowed.is_empty() => Ok(allowed),
        Some(reason) => Err(Failure::Refused(reason)),
        None => Err(Failure::Resolve),
    }
}
