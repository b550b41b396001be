//! A login to PostgreSQL with a secret's value, to learn whether it is alive: nothing is read but the answer to `SELECT 1`.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use model::secret::SecretValue;
use model::upstream::{AddressClass, classify};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{Resolve, SystemResolver, Tls, TlsSettings};

/// For all of one login.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a login has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Login {
    /// It was let in, and a query answered.
    #[error("logged in, and SELECT 1 was answered")]
    Alive,
    /// The server refuses the user or the password.
    #[error("the server refused the login")]
    Dead,
    /// The server answered, and not about the password: no such database, too many connections, no permission.
    #[error("the server let nobody in for another reason")]
    Unclear,
    /// No answer: the name, the network, TLS or time.
    #[error("the server could not be reached, or its certificate not be verified")]
    Unreachable,
    /// The place cannot be logged in to from here: not one host, a metadata or link-local address.
    #[error("the place is not one that may be logged in to")]
    Refused,
}

/// Logs in to `place`, a URL without a password, with `value` as the password; where there is no place, `value` is the
/// whole URL. Over TLS with a verified certificate, unless the server is on this machine or the URL says
/// `sslmode=disable`.
///
/// `allowed` says whether the value may be sent to a host.
pub async fn log_in(place: Option<&str>, value: &SecretValue, tls: &Tls, allowed: impl Fn(&str) -> bool) -> Login {
    let config = match place {
        Some(place) => place.parse::<Config>().map(|mut config| {
            config.password(value.expose());
            config
        }),
        None => value.expose().trim_end().parse(),
    };
    let Ok(config) = config else { return Login::Refused };
    let ([Host::Tcp(host)], ports) = (config.get_hosts(), config.get_ports()) else { return Login::Refused };
    if !allowed(host) {
        return Login::Refused;
    }
    let port = ports.first().copied().unwrap_or(5432);
    timeout(PATIENCE, attempt(&config, host, port, tls)).await.unwrap_or(Login::Unreachable)
}

async fn attempt(config: &Config, host: &str, port: u16, tls: &Tls) -> Login {
    let literal: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    let found = match literal {
        Some(ip) => vec![ip],
        None => SystemResolver.resolve(host).await.unwrap_or_default(),
    };
    // A database is in a network of one's own as a rule; but no name leads to the services of this machine's cloud.
    let may =
        |ip: &IpAddr| literal.is_some() || !matches!(classify(*ip), AddressClass::Metadata | AddressClass::LinkLocal);
    let candidates: Vec<IpAddr> = found.into_iter().filter(|ip| may(ip) && !classify(*ip).is_unusable()).collect();
    if candidates.is_empty() {
        return Login::Refused;
    }
    let mut stream = None;
    for ip in candidates {
        if let Ok(connected) = TcpStream::connect(SocketAddr::new(ip, port)).await {
            stream = Some((connected, ip));
            break;
        }
    }
    let Some((stream, ip)) = stream else { return Login::Unreachable };
    let plain =
        config.get_ssl_mode() == SslMode::Disable || (ip.is_loopback() && config.get_ssl_mode() == SslMode::Prefer);
    if plain {
        return match config.connect_raw(stream, NoTls).await {
            Ok((client, connection)) => ask(client, connection).await,
            Err(error) => reading(&error),
        };
    }
    let Ok(settings) = tls.config(&TlsSettings::default()) else { return Login::Unreachable };
    let mut settings: ClientConfig = Arc::unwrap_or_clone(settings);
    settings.alpn_protocols.clear();
    let mut make = MakeRustlsConnect::new(settings);
    let Ok(connect) = <MakeRustlsConnect as MakeTlsConnect<TcpStream>>::make_tls_connect(&mut make, host);
    let mut config = config.clone();
    config.ssl_mode(SslMode::Require);
    match config.connect_raw(stream, connect).await {
        Ok((client, connection)) => ask(client, connection).await,
        Err(error) => reading(&error),
    }
}

async fn ask<S, T>(client: tokio_postgres::Client, connection: tokio_postgres::Connection<S, T>) -> Login
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let asking = async {
        let asked = client.simple_query("SELECT 1").await;
        drop(client);
        asked
    };
    let (asked, _) = tokio::join!(asking, connection);
    asked.map_or_else(|error| reading(&error), |_| Login::Alive)
}

/// The server's own words stay here: they name users and databases.
fn reading(error: &tokio_postgres::Error) -> Login {
    match error.code() {
        Some(code) if *code == SqlState::INVALID_PASSWORD || *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
            Login::Dead
        }
        Some(_) => Login::Unclear,
        None => Login::Unreachable,
    }
}
