//! The URL of a PostgreSQL database, read without ever repeating its password.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use crate::error::StoreError;

/// `postgres://USER:PASSWORD@HOST:PORT/NAME?sslmode=verify-full&sslrootcert=FILE`.
///
/// Where `sslmode` is not given, a server on this machine is spoken to in plain text and any other with TLS. TLS always
/// means a verified certificate for the host's name: `require`, `verify-ca` and `verify-full` are one and the same, and
/// modes that fall back to plain text are refused.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl {
    config: Box<Config>,
    roots: Option<PathBuf>,
}

impl PostgresUrl {
    /// What the library needs to connect.
    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// The file of the certificates that may sign the server's; `None` for those of the system.
    pub(super) fn roots(&self) -> Option<&PathBuf> {
        self.roots.as_ref()
    }
}

impl FromStr for PostgresUrl {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let (address, query) = text.split_once('?').unwrap_or((text, ""));
        let (mut mode, mut roots, mut rest) = (None, None, Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("sslmode", word)) => mode = Some(ssl_mode(word)?),
                Some(("sslrootcert", "system")) => roots = None,
                Some(("sslrootcert", path)) => roots = Some(decoded(path)?),
                _ => rest.push(pair),
            }
        }
        let address = if rest.is_empty() { address.to_owned() } else { format!("{address}?{}", rest.join("&")) };
        // The library's own words may repeat a part of the URL.
        let mut config: Config = address.parse().map_err(|_| StoreError::Url(UNREADABLE))?;
        if config.get_hosts().is_empty() {
            return Err(StoreError::Url("names no host; write postgres://USER:PASSWORD@HOST/NAME"));
        }
        let default = if config.get_hosts().iter().all(is_here) { SslMode::Disable } else { SslMode::Require };
        config.ssl_mode(mode.unwrap_or(default));
        if roots.is_some() && config.get_ssl_mode() == SslMode::Disable {
            return Err(StoreError::Url("names sslrootcert without TLS; write sslmode=verify-full beside it"));
        }
        Ok(Self { config: Box::new(config), roots })
    }
}

const UNREADABLE: &str = "cannot be read; write postgres://USER:PASSWORD@HOST:PORT/NAME, with characters such as \
     @, / and : of a password percent-encoded";

fn ssl_mode(word: &str) -> Result<SslMode, StoreError> {
    match word {
        "disable" => Ok(SslMode::Disable),
        "require" | "verify-ca" | "verify-full" => Ok(SslMode::Require),
        "allow" | "prefer" => Err(StoreError::Url(
            "has an sslmode that falls back to plain text; write verify-full, or disable where plain text is meant",
        )),
        _ => Err(StoreError::Url("has an unknown sslmode; write disable or verify-full")),
    }
}

fn decoded(path: &str) -> Result<PathBuf, StoreError> {
    let path = percent_decode_str(path).decode_utf8().map_err(|_| StoreError::Url(UNREADABLE))?;
    Ok(PathBuf::from(path.as_ref()))
}

/// Whether the way to the host does not leave this machine.
fn is_here(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()),
        Host::Unix(_) => true,
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let config = &self.config;
        let ports = config.get_ports();
        let hosts: Vec<String> = config
            .get_hosts()
            .iter()
            .enumerate()
            .map(|(index, host)| {
                let name = match host {
                    Host::Tcp(name) => name.clone(),
                    Host::Unix(path) => path.display().to_string(),
                };
                let port = ports.get(index).or(ports.first()).map_or(String::new(), |port| format!(":{port}"));
                name + &port
            })
            .collect();
        let user = config.get_user().map_or(String::new(), |user| format!("{user}@"));
        write!(f, "postgres://{user}{}/{}", hosts.join(","), config.get_dbname().unwrap_or_default())
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PostgresUrl").field(&self.to_string()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_stays_on_this_machine_unless_it_is_asked_for() {
        use SslMode::{Disable, Require};
        let table = [
            ("postgres://u:p@127.0.0.1:5433/k", Some(Disable)),
            ("postgres://u:p@localhost/k", Some(Disable)),
            ("postgres://u@%2Fvar%2Frun%2Fpostgresql/k", Some(Disable)),
            ("postgres://u:p@db.internal/k", Some(Require)),
            ("postgres://u:p@10.0.0.7/k", Some(Require)),
            ("postgres://u:p@localhost,db2/k", Some(Require)),
            ("postgresql://u:p@db.internal/k?sslmode=disable", Some(Disable)),
            ("postgres://u:p@localhost/k?sslmode=verify-full&sslrootcert=/etc/ca.pem", Some(Require)),
            ("postgres://u:p@db/k?sslmode=prefer", None),
            ("postgres://u:p@db/k?sslmode=maybe", None),
            ("postgres://u:p@localhost/k?sslrootcert=/etc/ca.pem", None),
            ("postgres://u:p@db/k?no_such_setting=1", None),
            ("postgres:///k", None),
            ("postgres://u:p@db:port/k", None),
        ];
        for (text, expected) in table {
            let found = text.parse::<PostgresUrl>();
            assert_eq!(found.as_ref().ok().map(|url| url.config.get_ssl_mode()), expected, "{text}");
        }
    }

    #[test]
    fn it_is_shown_without_its_password() {
        for (text, shown) in [
            (
                "postgres://keyroll:hunter2@db1:5432,db2:5433/keyroll?connect_timeout=3",
                "postgres://keyroll@db1:5432,db2:5433/keyroll",
            ),
            ("postgres://keyroll:hunter2@db/keyroll", "postgres://keyroll@db:5432/keyroll"),
            ("postgres://keyroll:hunter2@db/keyroll?password=hunter2", "postgres://keyroll@db:5432/keyroll"),
        ] {
            let url: PostgresUrl = text.parse().unwrap();
            assert_eq!(url.to_string(), shown);
            assert!(!format!("{url:?}").contains("hunter2"));
        }
        for broken in ["postgres://u:hunter2@db:port/k", "postgres://u:hunter2@db/k?x=1", "postgres://u:hunter2@/k"] {
            assert!(!broken.parse::<PostgresUrl>().unwrap_err().to_string().contains("hunter2"), "{broken}");
        }
    }
}
