//! Where a route leads: the address of a third party, and which network addresses may be dialled for it.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderValue;
use ipnet::IpNet;

mod address;
mod read;

pub use address::{AddressClass, Refused, classify, may_dial};

/// How an upstream is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// Plain text: for loopback and private addresses alone.
    Http,
    /// HTTP/2 in plain text, by prior knowledge: for loopback and private addresses alone.
    H2c,
    /// TLS; HTTP/2 or HTTP/1.1, as is agreed in its handshake.
    Https,
}

impl Scheme {
    /// `http`, `h2c` or `https`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::H2c => "h2c",
            Self::Https => "https",
        }
    }

    /// What is said of it in a request: HTTP/2 in plain text has no scheme of its own.
    #[must_use]
    pub fn on_the_wire(self) -> http::uri::Scheme {
        match self {
            Self::Http | Self::H2c => http::uri::Scheme::HTTP,
            Self::Https => http::uri::Scheme::HTTPS,
        }
    }

    /// Whether everything can be read on the way.
    #[must_use]
    pub fn is_plain(self) -> bool {
        self != Self::Https
    }

    /// The port that is meant where none is given.
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http | Self::H2c => 80,
            Self::Https => 443,
        }
    }
}

/// The host of an upstream.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// A DNS name: lower case, no trailing dot.
    Name(Arc<str>),
    /// An address, written in its canonical form; never IPv4 mapped into IPv6.
    Ip(IpAddr),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(IpAddr::V4(ip)) => ip.fmt(f),
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
        }
    }
}

/// A checked upstream: scheme, host, port and the path that stands before every request's own.
///
/// It is not deserialised: what may be an upstream depends on the configuration, so [`Upstream::parse`] is the
/// only way in, and `to_string` the way out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Upstream {
    scheme: Scheme,
    host: Host,
    port: u16,
    base_path: String,
    /// What is sent as `Host`, made once because every request copies it.
    authority: HeaderValue,
}

/// Why a text is not an upstream. All of them are reported under the code `upstream-invalid`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// None of `https://`, `http://` and `h2c://`.
    #[error("must begin with https:// (or http:// or h2c:// for loopback and private addresses)")]
    Scheme,
    /// Longer than anybody's address.
    #[error("is longer than 2048 characters")]
    TooLong,
    /// White space, a control character or something outside ASCII.
    #[error("has a character that an address may not have; write international names in their xn-- form")]
    Character,
    /// `user:password@`.
    #[error("must not hold a user name or password; use inject with basic authentication instead")]
    UserInfo,
    /// `?…`.
    #[error("must not have a query; use inject.query instead")]
    Query,
    /// `#…`.
    #[error("must not have a fragment (#…)")]
    Fragment,
    /// Nothing where the host should be.
    #[error("has no host")]
    HostMissing,
    /// Not a DNS name.
    #[error("has a host that is not a DNS name or an address")]
    Host,
    /// `example.com.`
    #[error("has a host that ends with a dot; leave the dot out")]
    TrailingDot,
    /// `127.1`, `2130706433`, `0x7f.0.0.1`, `010.0.0.1`, `[::ffff:127.0.0.1]`, `[0:0::1]`.
    #[error("has an address that is not in its canonical form, such as 127.0.0.1 or [::1]")]
    NotCanonical,
    /// An address that no server can have.
    #[error("has an address that no server can have ({0})")]
    Unusable(AddressClass),
    /// Not 1 to 65535.
    #[error("has a port that is not a number from 1 to 65535")]
    Port,
    /// A path with dot segments, encoded slashes, backslashes or broken percent-encoding.
    #[error("has a path with dot segments, encoded slashes, backslashes or broken percent-encoding")]
    Path,
    /// `http://` or `h2c://` to a public address.
    #[error("would send credentials in plain text to an address that is not loopback or private; use https://")]
    PlainToPublic,
    /// `http://` or `h2c://` to a name.
    #[error(
        "would send credentials in plain text to a name; use https://, a loopback or private address, \
         or allow the network in gateway.allow_private_upstreams"
    )]
    PlainToName,
}

impl UpstreamError {
    /// The code under which each of these is reported.
    pub const CODE: &'static str = "upstream-invalid";
}

/// The most characters that an upstream may have.
const LONGEST: usize = 2048;

impl Upstream {
    /// Reads and checks an upstream.
    ///
    /// `allow_private` is `gateway.allow_private_upstreams`: networks of one's own, to which plain `http://` by
    /// name is allowed (the addresses are checked again when they are dialled).
    ///
    /// # Errors
    /// An [`UpstreamError`] whose text goes on after "the upstream".
    pub fn parse(text: &str, allow_private: &[IpNet]) -> Result<Self, UpstreamError> {
        if text.len() > LONGEST {
            return Err(UpstreamError::TooLong);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(UpstreamError::Character);
        }
        let (scheme, rest) = text.split_once("://").ok_or(UpstreamError::Scheme)?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "h2c" => Scheme::H2c,
            "https" => Scheme::Https,
            _ => return Err(UpstreamError::Scheme),
        };
        if rest.contains('#') {
            return Err(UpstreamError::Fragment);
        }
        if rest.contains('?') {
            return Err(UpstreamError::Query);
        }
        let end = rest.find(['/', '\\']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end).ok_or(UpstreamError::Host)?;
        if authority.contains('@') {
            return Err(UpstreamError::UserInfo);
        }
        let (host, port) = read::split_port(authority)?;
        let host = read::host(host)?;
        let port = port.map_or(Ok(scheme.default_port()), read::port)?;
        let base_path = read::base_path(path)?;
        read::check_plain(scheme, &host, allow_private)?;

        let authority = if port == scheme.default_port() { host.to_string() } else { format!("{host}:{port}") };
        let authority = HeaderValue::try_from(authority).map_err(|_| UpstreamError::Host)?;
        Ok(Self { scheme, host, port, base_path, authority })
    }

    /// The scheme.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The port, the scheme's own where none was given.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path before every request's own: empty, or `/…` without a slash at its end.
    #[must_use]
    pub fn base_path(&self) -> &str {
        &self.base_path
    }

    /// The `Host` header: the host, and the port where it is not the scheme's own.
    #[must_use]
    pub fn host_header(&self) -> &HeaderValue {
        &self.authority
    }

    /// `https://host` or `https://host:port`, without a path.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme.as_str(), self.authority.to_str().unwrap_or_default())
    }

    /// The request target (origin form) for a request's own path and query, which begins with a slash.
    #[must_use]
    pub fn target(&self, path_and_query: &str) -> String {
        format!("{}{path_and_query}", self.base_path)
    }

    /// Whether the host is the word `localhost`, which is dialled at the loopback addresses and nowhere else.
    #[must_use]
    pub fn is_localhost(&self) -> bool {
        matches!(&self.host, Host::Name(name) if &**name == "localhost")
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin())?;
        f.write_str(&self.base_path)
    }
}

#[cfg(test)]
mod tests;
