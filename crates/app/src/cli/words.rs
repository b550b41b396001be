//! Words that flags accept, and their types on the wire.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::fault::Fault;

/// Kinds of secrets.
pub(super) const KINDS: [&str; 7] =
    ["api_key", "webhook_secret", "database_password", "database_url", "oauth_token", "certificate", "other"];
/// Classes of secrets.
pub(super) const CLASSES: [&str; 2] = ["critical", "standard"];
/// States of secrets.
pub(super) const STATES: [&str; 2] = ["active", "deleted"];
/// What a list of secrets can be grouped by.
pub(super) const GROUPS: [&str; 3] = ["service", "environment", "type"];
/// Orders of a list of secrets.
pub(super) const SORTS: [&str; 8] = [
    "name",
    "-name",
    "created_at",
    "-created_at",
    "last_used_at",
    "-last_used_at",
    "rotation_due_at",
    "-rotation_due_at",
];
/// What a route does with an answer that holds an injected value.
pub(super) const GUARDS: [&str; 3] = ["mask", "block", "off"];
/// Whether something happens by itself.
pub(super) const MANNERS: [&str; 2] = ["automatic", "manual"];
/// Why a credential is replaced.
pub(super) const REASONS: [&str; 4] = ["scheduled", "compromised", "expiring", "other"];
/// Roles of admin tokens.
pub(super) const ROLES: [&str; 5] = ["viewer", "auditor", "developer", "operator", "admin"];

/// A word as its type.
pub(super) fn typed<T: DeserializeOwned>(word: String) -> Result<T, Fault> {
    let told = format!("{word:?} is not known");
    serde_json::from_value(Value::String(word)).map_err(|_| Fault::Usage(told))
}

/// A word that may be absent as its type.
pub(super) fn optional<T: DeserializeOwned>(word: Option<String>) -> Result<Option<T>, Fault> {
    word.map(typed).transpose()
}

/// A list that was not given at all is absent.
pub(super) fn list(items: Vec<String>) -> Option<Vec<String>> {
    (!items.is_empty()).then_some(items)
}

/// `100/1m` or `100/1m,20`: so many requests in so long, with so many at once.
pub(super) fn rate_limit(text: &str) -> Result<api::route::RateLimit, String> {
    let rule = "expected REQUESTS/SPAN or REQUESTS/SPAN,BURST, such as 100/1m or 100/1m,20";
    let (requests, rest) = text.split_once('/').ok_or(rule)?;
    let (per, burst) = match rest.split_once(',') {
        Some((per, burst)) => (per, Some(burst.trim().parse().map_err(|_| rule)?)),
        None => (rest, None),
    };
    Ok(api::route::RateLimit {
        requests: requests.trim().parse().map_err(|_| rule)?,
        per: per.trim().to_owned(),
        burst,
    })
}

/// `NAME=VALUE`, or `NAME: VALUE` as curl writes headers.
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    let rule = "expected NAME=VALUE";
    let at = text.find(['=', ':']).ok_or(rule)?;
    let (name, value) = text.split_at(at);
    let value = match value.strip_prefix(':') {
        Some(value) => value.trim_start(),
        None => value.strip_prefix('=').unwrap_or(value),
    };
    if name.trim().is_empty() { Err(rule.to_owned()) } else { Ok((name.trim().to_owned(), value.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all<T: DeserializeOwned>(words: &[&str]) {
        for word in words {
            assert!(typed::<T>((*word).to_owned()).is_ok(), "{word}");
        }
        assert!(typed::<T>("nothing".to_owned()).is_err());
    }

    #[test]
    fn every_word_has_its_type() {
        all::<api::secret::SecretKind>(&KINDS);
        all::<api::secret::SecretClass>(&CLASSES);
        all::<api::secret::SecretState>(&STATES);
        all::<api::secret::GroupBy>(&GROUPS);
        all::<api::secret::SecretSort>(&SORTS);
        all::<api::route::GuardMode>(&GUARDS);
        all::<api::rotation::Manner>(&MANNERS);
        all::<api::rotation::RotationReason>(&REASONS);
        all::<api::token::Role>(&ROLES);
    }

    #[test]
    fn pairs() {
        for (text, name, value) in [
            ("Authorization=Bearer {{a}}", "Authorization", "Bearer {{a}}"),
            ("Authorization: Bearer {{a}}", "Authorization", "Bearer {{a}}"),
            ("key=a=b:c", "key", "a=b:c"),
            ("key=", "key", ""),
            ("key= x", "key", " x"),
        ] {
            assert_eq!(pair(text), Ok((name.to_owned(), value.to_owned())));
        }
        for text in ["", "key", "=x", " :x"] {
            assert!(pair(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rate_limits() {
        let limit = rate_limit("100/1m,20").unwrap();
        assert_eq!((limit.requests, limit.per.as_str(), limit.burst), (100, "1m", Some(20)));
        assert_eq!(rate_limit("5/1s").unwrap().burst, None);
        for text in ["", "100", "x/1m", "100/1m,x", "-1/1m"] {
            assert!(rate_limit(text).is_err(), "{text}");
        }
    }
}
