//! A new connection: name to checked addresses, TCP, TLS, all within one span of time.

use std::net::SocketAddr;

use model::upstream::{Host, Scheme, Upstream};
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use crate::wire::Wire;
use crate::{Failure, Phase, Resolve, Target, Tls, TlsFailure, address, race, tls};

/// Connects to the first address that answers, and returns that address with the connection.
pub(crate) async fn dial(
    target: &Target<'_>,
    resolver: &dyn Resolve,
    tls: &Tls,
) -> Result<(Wire, SocketAddr), Failure> {
    let deadline = Instant::now() + target.timeouts.connect;
    let connecting = async {
        let addresses = address::candidates(target.upstream, resolver, target.allow_private).await?;
        let (tcp, peer) = race::connect(&addresses, deadline).await?;
        let wire = match target.upstream.scheme() {
            Scheme::Http => Wire::plain(tcp),
            Scheme::Https => secure(target, tls, tcp).await?,
        };
        Ok((wire, peer))
    };
    timeout_at(deadline, connecting).await.unwrap_or(Err(Failure::Timeout(Phase::Connect)))
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
