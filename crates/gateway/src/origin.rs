//! Where a request comes from: the peer of its connection, or whom a trusted proxy names.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;
use model::route::same_header;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What is known of a request's origin before its headers are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) peer: IpAddr,
    /// `gateway.trusted_proxies`.
    pub(crate) trusted: &'a [IpNet],
}

/// A trusted proxy passed on something that is no address: whoever it was, it is not known.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unreadable;

impl Origin<'_> {
    /// The client's address: the right-most of `X-Forwarded-For` that is not a trusted proxy's own. What stands to the
    /// left of it was written by the client and says nothing, and so does the whole header where the peer is nobody
    /// that is trusted. Where all are trusted, it is the left-most.
    pub(crate) fn address(&self, headers: &HeaderMap) -> Result<IpAddr, Unreadable> {
        let mut address = self.peer;
        if !self.is_proxied() {
            return Ok(address);
        }
        // Several lines are one list (RFC 9110 section 5.3).
        let lines = headers.get_all(X_FORWARDED_FOR).iter().collect::<Vec<_>>().into_iter().rev();
        for hop in lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b',')) {
            address = read(hop).ok_or(Unreadable)?;
            if !self.trusts(address) {
                break;
            }
        }
        Ok(address)
    }

    /// Whether a trusted proxy passed the request on.
    pub(crate) fn is_proxied(&self) -> bool {
        self.trusts(self.peer)
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(&address))
    }
}

/// Whether a header tells where a request came from, as proxies write it for those behind them.
pub(crate) fn is_forwarding(name: &str) -> bool {
    const PREFIX: &str = "x-forwarded-";
    let prefixed = name.get(..PREFIX.len()).is_some_and(|prefix| same_header(prefix, PREFIX));
    prefixed || same_header(name, "forwarded") || same_header(name, "x-real-ip")
}

/// An address, with or without a port, as proxies write it: `192.0.2.1`, `192.0.2.1:443`, `2001:db8::1`,
/// `[2001:db8::1]`, `[2001:db8::1]:443`.
fn read(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop).ok()?.trim_matches([' ', '\t']);
    let bracketed = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let address = match bracketed {
        Some(address) => address.parse().ok().map(IpAddr::V6),
        None => text.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip())),
    };
    // A mapped address is the IPv4 address that rules name.
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_most_address_that_is_not_trusted_is_the_clients() {
        let trusted: Vec<IpNet> = ["10.0.0.0/8", "fd00::/8"].map(|text| text.parse().unwrap()).into();
        // peer, header lines, address
        for (peer, lines, address) in [
            ("192.0.2.9", &[][..], Some("192.0.2.9")),
            ("192.0.2.9", &["198.51.100.1"], Some("192.0.2.9")),
            ("192.0.2.9", &["10.0.0.1, nonsense"], Some("192.0.2.9")),
            ("10.0.0.1", &[], Some("10.0.0.1")),
            ("10.0.0.1", &["198.51.100.1"], Some("198.51.100.1")),
            ("10.0.0.1", &["203.0.113.5, 198.51.100.1"], Some("198.51.100.1")),
            ("10.0.0.1", &["203.0.113.5", "198.51.100.1"], Some("198.51.100.1")),
            ("10.0.0.1", &["203.0.113.5,198.51.100.1,10.0.0.2", "10.9.9.9"], Some("198.51.100.1")),
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], Some("10.0.0.3")),
            ("10.0.0.1", &["nonsense, 198.51.100.1"], Some("198.51.100.1")),
            ("10.0.0.1", &["198.51.100.1:4711"], Some("198.51.100.1")),
            ("10.0.0.1", &["::ffff:198.51.100.1"], Some("198.51.100.1")),
            ("10.0.0.1", &["::ffff:198.51.100.1, ::ffff:10.0.0.2"], Some("198.51.100.1")),
            ("fd00::1", &["2001:db8::1"], Some("2001:db8::1")),
            ("fd00::1", &["[2001:db8::1]"], Some("2001:db8::1")),
            ("fd00::1", &["[2001:db8::1]:443"], Some("2001:db8::1")),
            ("10.0.0.1", &["unknown"], None),
            ("10.0.0.1", &["198.51.100.1, unknown"], None),
            ("10.0.0.1", &["198.51.100.1, unknown, 10.0.0.2"], None),
            ("10.0.0.1", &["198.51.100.1,"], None),
            ("10.0.0.1", &["198.51.100.1", ""], None),
            ("10.0.0.1", &["198.51.100.1 10.0.0.2"], None),
            ("10.0.0.1", &["198.51.100.01"], None),
            ("10.0.0.1", &["[198.51.100.1]"], None),
            ("10.0.0.1", &["198.51.100.0/24"], None),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(X_FORWARDED_FOR, line.parse().unwrap());
            }
            let found = Origin { peer: peer.parse().unwrap(), trusted: &trusted }.address(&headers);
            assert_eq!(found.ok(), address.map(|text| text.parse().unwrap()), "{peer} {lines:?}");
        }
    }

    #[test]
    fn headers_of_proxies_are_known_under_every_alias() {
        for name in ["x-forwarded-for", "x_forwarded_for", "x-forwarded.host", "forwarded", "x-real-ip", "x_real_ip"] {
            assert!(is_forwarding(name), "{name}");
        }
        for name in ["x-forwarded", "x-forward-for", "forwarded-for", "via", "x-request-id", "é-forwarded-for"] {
            assert!(!is_forwarding(name), "{name}");
        }
    }
}
