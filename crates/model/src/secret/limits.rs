//! Where a secret's value may go: environments and hosts.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::name::EnvironmentName;

/// Where a value may go, and whether it must be hidden. Bound to the wrapped data key, so that rows cannot be widened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Only these environments; `None` for all, which counts as protected.
    pub environments: Option<BTreeSet<EnvironmentName>>,
    /// Only these upstream hosts; `None` for all.
    pub allowed_hosts: Option<BTreeSet<HostRule>>,
    /// Whether the guard looks for the value in answers.
    pub sensitive: bool,
}

impl Limits {
    /// Whether the value may be used in this environment.
    #[must_use]
    pub fn allow_environment(&self, environment: &EnvironmentName) -> bool {
        self.environments.as_ref().is_none_or(|set| set.contains(environment))
    }

    /// Whether the value may be sent to this host (lower case, without port).
    #[must_use]
    pub fn allow_host(&self, host: &str) -> bool {
        self.allowed_hosts.as_ref().is_none_or(|set| set.iter().any(|rule| rule.matches(host)))
    }
}

/// A host that a value may be sent to: `api.stripe.com`, an address, or `*.example.com` for one or more labels before it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostRule(String);

/// Why a text is not a host rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a host: give a name such as api.stripe.com, *.example.com or an address, without scheme, port or path")]
pub struct HostRuleError;

impl HostRule {
    /// The rule as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `host` (lower case, without port or brackets) fits.
    #[must_use]
    pub fn matches(&self, host: &str) -> bool {
        match self.0.strip_prefix('*') {
            Some(suffix) => host.len() > suffix.len() && host.ends_with(suffix),
            None => host == self.0,
        }
    }
}

impl FromStr for HostRule {
    type Err = HostRuleError;

    fn from_str(text: &str) -> Result<Self, HostRuleError> {
        let lower = text.to_ascii_lowercase();
        if let Ok(address) = lower.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>() {
            return Ok(Self(address.to_string()));
        }
        let name = lower.strip_prefix("*.").unwrap_or(&lower);
        let label = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        };
        if name.len() > 253 || !name.split('.').all(label) {
            return Err(HostRuleError);
        }
        Ok(Self(lower))
    }
}

impl fmt::Display for HostRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for HostRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for HostRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_rules() {
        let table = [
            ("api.stripe.com", "api.stripe.com", true),
            ("API.stripe.com", "api.stripe.com", true),
            ("api.stripe.com", "evil-api.stripe.com", false),
            ("*.example.com", "a.example.com", true),
            ("*.example.com", "a.b.example.com", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", "badexample.com", false),
            ("127.0.0.1", "127.0.0.1", true),
            ("[::1]", "::1", true),
        ];
        for (rule, host, fits) in table {
            assert_eq!(rule.parse::<HostRule>().unwrap().matches(host), fits, "{rule} {host}");
        }
        for bad in ["", "*", "https://a.b", "a.b:443", "a.b/c", "a..b", "-a.b", "*.*.b", "a b"] {
            assert!(bad.parse::<HostRule>().is_err(), "{bad}");
        }
    }
}
