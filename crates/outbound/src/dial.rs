//! A new connection: name to checked addresses, TCP, TLS, all within one span of time.

use std::net::SocketAddr;

use model::upstream::{Host, Scheme, Upstream};
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use crate::wire::Wire;
use crate::{Failure, Phase, Resolve, Target, Tls, TlsFailure, address, tls};

/// Connects to the first address that answers, and returns that address with the connection.
pub(crate) async fn dial(
    target: &Target<'_>,
    resolver: &dyn Resolve,
    tls: &Tls,
) -> Result<(Wire, SocketAddr), Failure> {
    let deadline = Instant::now() + target.timeouts.connect;
    let connecting = async {
        let addresses = address::candidates(target.upstream, resolver, target.allow_private).await?;
        let (tcp, peer) = connect(&addresses, deadline).await?;
        let wire = match target.upstream.scheme() {
            Scheme::Http => Wire::plain(tcp),
            Scheme::Https => secure(target, tls, tcp).await?,
        };
        Ok((wire, peer))
    };
    timeout_at(deadline, connecting).await.unwrap_or(Err(Failure::Timeout(Phase::Connect)))
}

/// Tries the addresses in order. Each gets an equal share of what time is left, so that a first one which swallows
/// packets does not use up the others' time.
async fn connect(addresses: &[SocketAddr], deadline: Instant) -> Result<(TcpStream, SocketAddr), Failure> {
    let mut failure = Failure::Resolve;
    let mut left = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    for address in addresses {
        let now = Instant::now();
        let share = deadline.saturating_duration_since(now) / left.max(1);
        left = left.saturating_sub(1);
        match timeout_at(now + share, TcpStream::connect(address)).await {
            Ok(Ok(tcp)) => {
                // Without this a small request waits for the acknowledgement of the one before.
                let _ = tcp.set_nodelay(true);
                return Ok((tcp, *address));
            }
            Ok(Err(error)) => failure = Failure::Connect(error.kind()),
            Err(_) => failure = Failure::Timeout(Phase::Connect),
        }
    }
    Err(failure)
}

async fn secure(target: &Target<'_>, configs: &Tls, tcp: TcpStream) -> Result<Wire, Failure> {
    let config = configs.config(target.tls).map_err(Failure::Tls)?;
    let name = server_name(target.upstream).ok_or(Failure::Tls(TlsFailure::WrongName))?;
    match TlsConnector::from(config).connect(name, tcp).await {
        Ok(stream) => Ok(Wire::tls(stream)),
        Err(error) => Err(Failure::Tls(tls::failure(&error))),
    }
}

fn server_name(upstream: &Upstream) -> Option<ServerName<'static>> {
    match upstream.host() {
        Host::Ip(ip) => Some(ServerName::IpAddress((*ip).into())),
        Host::Name(name) => ServerName::try_from(name.to_string()).ok(),
    }
}
