//! Which headers may be injected, and when two names mean the same header.

/// Whether two names mean the same header to some server: they differ only in case, `-`, `_` or `.`.
#[must_use]
pub fn same_header(one: &str, other: &str) -> bool {
    let fold = |byte: u8| match byte {
        b'_' | b'.' => b'-',
        byte => byte.to_ascii_lowercase(),
    };
    one.len() == other.len() && one.bytes().zip(other.bytes()).all(|(a, b)| fold(a) == fold(b))
}

/// Headers that belong to one connection (RFC 9110 section 7.6.1) or to the message's frame, and so cannot be injected.
const NOT_INJECTABLE: [&str; 14] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "host",
    "content-length",
    "via",
    "expect",
    "http2-settings",
];

/// Whether a header may be injected.
#[must_use]
pub fn is_injectable(name: &str) -> bool {
    let ours = name.get(..8).is_some_and(|prefix| same_header(prefix, "keyroll-"));
    !ours && !NOT_INJECTABLE.iter().any(|reserved| same_header(reserved, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_are_one_header() {
        assert!(same_header("X-Api-Key", "x_api.key"));
        assert!(!same_header("X-Api-Key", "X-ApiKey"));
        assert!(is_injectable("Authorization"));
        for name in ["Host", "CONTENT_LENGTH", "connection", "Keyroll-Key", "keyroll_environment", "TE"] {
            assert!(!is_injectable(name), "{name}");
        }
    }
}
