//! Where the server is.

use http::HeaderValue;

use super::ClientError;

/// A parsed address.
#[derive(Debug)]
pub(super) struct Address {
    /// Whether TLS is spoken.
    pub(super) tls: bool,
    /// Host name or address, without brackets.
    pub(super) host: String,
    /// TCP port.
    pub(super) port: u16,
    /// The `Host` header.
    pub(super) host_header: HeaderValue,
    /// A path that all calls are under; empty or beginning with a slash, without one at the end.
    pub(super) prefix: String,
}

impl Address {
    /// Reads `http://host[:port][/path]` or `https://…`.
    pub(super) fn parse(text: &str) -> Result<Self, ClientError> {
        let wrong = || ClientError::Address { given: text.to_owned() };
        let uri: http::Uri = text.parse().map_err(|_| wrong())?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(wrong()),
        };
        let authority = uri.authority().ok_or_else(wrong)?;
        if authority.as_str().contains('@') || uri.query().is_some() {
            return Err(wrong());
        }
        Ok(Self {
            tls,
            host: authority.host().trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: authority.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            host_header: HeaderValue::from_str(authority.as_str()).map_err(|_| wrong())?,
            prefix: uri.path().trim_end_matches('/').to_owned(),
        })
    }

    /// The address for a person.
    pub(super) fn shown(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}{}", self.host_header.to_str().unwrap_or_default(), self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, tls, host, port, prefix) in [
            ("http://127.0.0.1:8081", false, "127.0.0.1", 8081, ""),
            ("http://127.0.0.1:8081/", false, "127.0.0.1", 8081, ""),
            ("https://keys.example", true, "keys.example", 443, ""),
            ("https://keys.example/keyroll/", true, "keys.example", 443, "/keyroll"),
            ("http://[::1]:81", false, "::1", 81, ""),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!(
                (address.tls, address.host.as_str(), address.port, address.prefix.as_str()),
                (tls, host, port, prefix)
            );
        }
        for text in ["", "127.0.0.1:8081", "ftp://a", "http://", "http://u:p@a", "http://a/?x=1", "keys.example"] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }
}
