//! The parts of an upstream's text, each read strictly: whatever two readers could understand differently is refused.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::IpNet;

use super::address::{classify, plain_may_reach};
use super::{Host, Scheme, UpstreamError};

/// Splits `host`, `host:port`, `[address]` and `[address]:port`.
pub(super) fn split_port(authority: &str) -> Result<(&str, Option<&str>), UpstreamError> {
    if authority.starts_with('[') {
        let end = authority.find(']').ok_or(UpstreamError::Host)?;
        let (host, rest) = authority.split_at_checked(end + 1).ok_or(UpstreamError::Host)?;
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(UpstreamError::Host),
        };
    }
    match authority.split_once(':') {
        None => Ok((authority, None)),
        Some((_, port)) if port.contains(':') => Err(UpstreamError::Host),
        Some((host, port)) => Ok((host, Some(port))),
    }
}

pub(super) fn port(text: &str) -> Result<u16, UpstreamError> {
    let canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    match text.parse() {
        Ok(port) if canonical => Ok(port),
        _ => Err(UpstreamError::Port),
    }
}

pub(super) fn host(text: &str) -> Result<Host, UpstreamError> {
    let text = text.to_ascii_lowercase();
    if text.is_empty() {
        return Err(UpstreamError::HostMissing);
    }
    let host = if let Some(inner) = text.strip_prefix('[') {
        let inner = inner.strip_suffix(']').ok_or(UpstreamError::Host)?;
        let ip: Ipv6Addr = inner.parse().map_err(|_| UpstreamError::Host)?;
        // A mapped address would be one destination with two spellings, of which a check may know only one.
        if ip.to_ipv4_mapped().is_some() || ip.to_string() != inner {
            return Err(UpstreamError::NotCanonical);
        }
        Host::Ip(IpAddr::V6(ip))
    } else if text.ends_with('.') {
        return Err(UpstreamError::TrailingDot);
    } else if let Ok(ip) = text.parse::<Ipv4Addr>() {
        Host::Ip(IpAddr::V4(ip))
    } else if ends_in_number(&text) {
        return Err(UpstreamError::NotCanonical);
    } else if is_dns_name(&text) {
        Host::Name(Arc::from(text))
    } else {
        return Err(UpstreamError::Host);
    };
    match &host {
        Host::Ip(ip) if classify(*ip).is_unusable() => Err(UpstreamError::Unusable(classify(*ip))),
        _ => Ok(host),
    }
}

/// Whether resolvers would read the host as an address in a short, decimal, octal or hexadecimal spelling: they
/// do when its last label is a number (the URL standard's "ends in a number").
fn ends_in_number(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or(host);
    let decimal = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
    let hexadecimal = last.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    decimal || hexadecimal
}

fn is_dns_name(host: &str) -> bool {
    // Underscores are no letters of a host name, yet container networks hand out such names.
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.len() <= 253 && host.split('.').all(label)
}

/// Checks the path and takes the slash at its end away, so that `base_path + "/rest"` has one slash.
pub(super) fn base_path(path: &str) -> Result<String, UpstreamError> {
    let lower = path.to_ascii_lowercase();
    let harmful = ["\\", "%2f", "%5c", "%00", "%25"].iter().any(|part| lower.contains(part));
    let dots = lower.split('/').any(|segment| {
        let plain = segment.replace("%2e", ".");
        let name = plain.split(';').next().unwrap_or_default();
        name == "." || name == ".."
    });
    let mut rest = lower.as_bytes();
    let mut broken = false;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match (*first, after) {
            (b'%', [a, b, ..]) if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => {}
            (b'%' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}', _) => broken = true,
            _ => {}
        }
    }
    if harmful || dots || broken {
        return Err(UpstreamError::Path);
    }
    Ok(path.trim_end_matches('/').to_owned())
}

pub(super) fn check_plain(scheme: Scheme, host: &Host, allow_private: &[IpNet]) -> Result<(), UpstreamError> {
    match (scheme, host) {
        (Scheme::Https, _) => Ok(()),
        (_, Host::Ip(ip)) if plain_may_reach(*ip, allow_private) => Ok(()),
        (_, Host::Ip(_)) => Err(UpstreamError::PlainToPublic),
        (_, Host::Name(name)) if &**name == "localhost" || !allow_private.is_empty() => Ok(()),
        (_, Host::Name(_)) => Err(UpstreamError::PlainToName),
    }
}
