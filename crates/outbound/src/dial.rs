//! A new connection: name to checked addresses, TCP, TLS, all within one span of time.

use std::net::SocketAddr;
use std::sync::Arc;

use model::upstream::{Host, Scheme, Upstream};
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use crate::connection::Protocol;
use crate::wire::Wire;
use crate::{Failure, Phase, Resolve, Target, Tls, TlsFailure, address, race, tls};

/// The name of HTTP/2 in a handshake.
const H2: &[u8] = b"h2";

/// Connects to the first address that answers, and returns that address with the connection and what is spoken on it.
/// `upgrading` where the connection is to become another protocol's: only HTTP/1.1 can.
pub(crate) async fn dial(
    target: &Target<'_>,
    resolver: &dyn Resolve,
    tls: &Tls,
    upgrading: bool,
) -> Result<(Wire, SocketAddr, Protocol), Failure> {
    let deadline = Instant::now() + target.timeouts.connect;
    let connecting = async {
        let addresses = address::candidates(target.upstream, resolver, target.allow_private).await?;
        let (tcp, peer) = race::connect(&addresses, deadline).await?;
        let (wire, protocol) = match target.upstream.scheme() {
            Scheme::Http => (Wire::plain(tcp), Protocol::Http1),
            Scheme::H2c => (Wire::plain(tcp), Protocol::Http2),
            Scheme::Https => secure(target, tls, tcp, upgrading).await?,
        };
        Ok((wire, peer, protocol))
    };
    timeout_at(deadline, connecting).await.unwrap_or(Err(Failure::Timeout(Phase::Connect)))
}

async fn secure(
    target: &Target<'_>,
    configs: &Tls,
    tcp: TcpStream,
    upgrading: bool,
) -> Result<(Wire, Protocol), Failure> {
    let mut config = configs.config(target.tls).map_err(Failure::Tls)?;
    if upgrading {
        Arc::make_mut(&mut config).alpn_protocols.retain(|name| name != H2);
    }
    let name = server_name(target.upstream).ok_or(Failure::Tls(TlsFailure::WrongName))?;
    match TlsConnector::from(config).connect(name, tcp).await {
        Ok(stream) => {
            let is_h2 = stream.get_ref().1.alpn_protocol() == Some(H2);
            Ok((Wire::tls(stream), if is_h2 { Protocol::Http2 } else { Protocol::Http1 }))
        }
        Err(error) => Err(Failure::Tls(tls::failure(&error))),
    }
}

fn server_name(upstream: &Upstream) -> Option<ServerName<'static>> {
    match upstream.host() {
        Host::Ip(ip) => Some(ServerName::IpAddress((*ip).into())),
        Host::Name(name) => ServerName::try_from(name.to_string()).ok(),
    }
}
