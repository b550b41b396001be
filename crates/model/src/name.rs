//! What things may be called (the rules of the product's reference, "Names"), and help with misspelt names.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Names that templates use for something else.
pub const RESERVED: [&str; 6] = ["secret", "request_id", "environment", "route", "client", "timestamp"];

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// No character at all.
    #[error("is empty")]
    Empty,
    /// Longer than the rule allows.
    #[error("is longer than {max} characters")]
    TooLong {
        /// The most characters that are allowed.
        max: usize,
    },
    /// A character that the rule does not allow at this place.
    #[error("has {found:?} at character {at}; {rule}")]
    Character {
        /// The offending character.
        found: char,
        /// Its place, counted from 1.
        at: usize,
        /// The rule, in words.
        rule: &'static str,
    },
    /// A word that templates use for a built-in value.
    #[error("is a reserved word (secret, request_id, environment, route, client, timestamp)")]
    Reserved,
}

const SECRET_RULE: &str = "a secret's name begins with a letter and goes on with letters, digits and _";
const SLUG_RULE: &str = "only a-z, 0-9, - and _ are allowed, with a letter or digit at both ends";

fn check_secret(text: &str) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    for (index, found) in text.chars().enumerate() {
        let fits = found.is_ascii_alphabetic() || (index > 0 && (found.is_ascii_digit() || found == '_'));
        if !fits {
            return Err(NameError::Character { found, at: index + 1, rule: SECRET_RULE });
        }
    }
    if text.len() > 128 {
        return Err(NameError::TooLong { max: 128 });
    }
    if RESERVED.contains(&text) {
        return Err(NameError::Reserved);
    }
    Ok(())
}

fn check_slug(text: &str) -> Result<(), NameError> {
    let Some(last) = text.chars().count().checked_sub(1) else {
        return Err(NameError::Empty);
    };
    for (index, found) in text.chars().enumerate() {
        let inner = found == '-' || found == '_';
        let fits = found.is_ascii_lowercase() || found.is_ascii_digit() || (inner && index > 0 && index < last);
        if !fits {
            return Err(NameError::Character { found, at: index + 1, rule: SLUG_RULE });
        }
    }
    if text.len() > 63 {
        return Err(NameError::TooLong { max: 63 });
    }
    Ok(())
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(Arc<str>);

        impl $type {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                $check(text)?;
                Ok(Self(Arc::from(text)))
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

name!(
    /// A secret's name: `[A-Za-z][A-Za-z0-9_]{0,127}`, case-sensitive, not a reserved word.
    SecretName,
    check_secret
);
name!(
    /// A route's name: `[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?`.
    RouteName,
    check_slug
);
name!(
    /// An environment's name: `[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?`.
    EnvironmentName,
    check_slug
);
name!(
    /// A client's name: `[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?`.
    ClientName,
    check_slug
);

impl SecretName {
    /// The name that a successor should have: `x` → `x_v2` → `x_v3`.
    ///
    /// The suggestion may already be taken; a caller that knows the existing names goes on asking.
    #[must_use]
    pub fn successor(&self) -> String {
        let (stem, version) = match self.0.rsplit_once("_v") {
            Some((stem, digits)) if !stem.is_empty() => match digits.parse::<u32>() {
                Ok(version) if version >= 2 && !digits.starts_with('0') => (stem, version),
                _ => (&*self.0, 1),
            },
            _ => (&*self.0, 1),
        };
        format!("{stem}_v{}", version.saturating_add(1))
    }
}

/// The existing name that a misspelt one most likely means: one that differs only in case, or by at most two edits.
#[must_use]
pub fn nearest<'a>(wanted: &str, existing: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = wanted.to_ascii_lowercase();
    existing
        .into_iter()
        .filter(|name| *name != wanted && name.len().abs_diff(wanted.len()) <= 2)
        .map(|name| {
            let same_but_case = name.eq_ignore_ascii_case(wanted);
            let edits = strsim::osa_distance(&lower, &name.to_ascii_lowercase());
            // Of names that are as near whatever the case, the one in the same case is meant.
            (if same_but_case { 0 } else { edits.max(1) }, strsim::osa_distance(wanted, name), name)
        })
        // A two-letter name is two edits from everything: at least half must agree.
        .filter(|(edits, _, name)| *edits <= 2 && edits * 2 <= name.len().max(2))
        .min()
        .map(|(_, _, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_names() {
        for good in ["a", "stripe_api_key", "Stripe_Api_Key", "a1", &"a".repeat(128)] {
            assert!(good.parse::<SecretName>().is_ok(), "{good}");
        }
        for bad in ["", "1a", "_a", "a-b", "a b", "ä", "secret", "timestamp", &"a".repeat(129)] {
            assert!(bad.parse::<SecretName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn slugs() {
        for good in ["a", "a1", "payments", "pay-ments_eu", &"a".repeat(63)] {
            assert!(good.parse::<RouteName>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a.b", "a/b", &"a".repeat(64)] {
            assert!(bad.parse::<RouteName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn successors() {
        for (name, next) in [
            ("x", "x_v2"),
            ("x_v2", "x_v3"),
            ("x_v9", "x_v10"),
            ("x_v1", "x_v1_v2"),
            ("x_v02", "x_v02_v2"),
            ("x_vpn", "x_vpn_v2"),
        ] {
            assert_eq!(name.parse::<SecretName>().unwrap().successor(), next);
        }
    }

    #[test]
    fn nearest_names() {
        let existing = ["stripe_api_key", "stripe_api_key_v2", "sendgrid"];
        assert_eq!(nearest("Stripe_API_key", existing), Some("stripe_api_key"));
        assert_eq!(nearest("strpe_api_kye", existing), Some("stripe_api_key"));
        assert_eq!(nearest("stripe_api_key_v3", existing), Some("stripe_api_key_v2"));
        assert_eq!(nearest("mailgun", existing), None);
        assert_eq!(nearest("ab", ["cd"]), None);
        assert_eq!(nearest("stripe_kee", ["Stripe_Key", "stripe_key"]), Some("stripe_key"));
    }
}
