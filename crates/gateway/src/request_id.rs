//! The id under which a request is logged and passed on.

use http::{HeaderMap, HeaderName};
use model::time::{Clock, Entropy};

use crate::client_key;

/// The header that carries it.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The client's own id where it sent one, and a sane one; otherwise a new one, `req_…`.
///
/// Sane is what can stand in a header, a log line and a URL without being mistaken for anything else.
pub(crate) fn request_id(headers: &HeaderMap, clock: &dyn Clock, entropy: &dyn Entropy) -> String {
    let mut sent = headers.get_all(X_REQUEST_ID).iter();
    match (sent.next().and_then(|value| value.to_str().ok()), sent.next()) {
        (Some(id), None) if is_sane(id) => id.to_owned(),
        _ => model::id::new("req", clock.now(), entropy),
    }
}

fn is_sane(id: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    // A key would be sane enough, and stand in the access log.
    (1..=128).contains(&id.len()) && id.bytes().all(fits) && !client_key::holds(id.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sane_ids() {
        for good in ["a", "req_1.b-2", &"x".repeat(128)] {
            assert!(is_sane(good), "{good}");
        }
        for bad in ["", "a b", "a\"", "ä", "a/b", "{{x}}", &"x".repeat(129)] {
            assert!(!is_sane(bad), "{bad}");
        }
    }
}
