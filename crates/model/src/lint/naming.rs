//! How secrets are named: by which of the usual strategies a name goes, and for which environment it is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::name::EnvironmentName;

/// One way to name secrets. Each allows a version at the end, `_v2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Naming {
    /// `stripe_production_api_key`: service, environment, type.
    ServiceEnvironmentType,
    /// `stripe_api_key`: the service first, no environment.
    Service,
    /// `production_stripe_key`: the environment first.
    Environment,
}

/// All strategies.
pub const NAMINGS: [Naming; 3] = [Naming::ServiceEnvironmentType, Naming::Service, Naming::Environment];

impl Naming {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ServiceEnvironmentType => "service-environment-type",
            Self::Service => "service",
            Self::Environment => "environment",
        }
    }

    /// What a name looks like.
    #[must_use]
    pub fn example(self) -> &'static str {
        match self {
            Self::ServiceEnvironmentType => "stripe_production_api_key",
            Self::Service => "stripe_api_key",
            Self::Environment => "production_stripe_key",
        }
    }
}

impl fmt::Display for Naming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no strategy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not service-environment-type, service or environment")]
pub struct UnknownNaming;

impl FromStr for Naming {
    type Err = UnknownNaming;

    fn from_str(text: &str) -> Result<Self, UnknownNaming> {
        NAMINGS.into_iter().find(|naming| naming.as_str() == text).ok_or(UnknownNaming)
    }
}

/// Short words for the environments that everybody has.
const SHORT: [(&str, &str); 5] = [
    ("prod", "production"),
    ("stage", "staging"),
    ("stg", "staging"),
    ("dev", "development"),
    ("devel", "development"),
];

/// What a name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reading<'a> {
    /// By which strategy it goes.
    pub(super) naming: Naming,
    /// The environment in it, where there is one.
    pub(super) environment: Option<&'a EnvironmentName>,
}

/// Reads a name word by word. `-` in the name of an environment is `_` in that of a secret.
pub(super) fn read<'a>(name: &str, environments: &'a [EnvironmentName]) -> Reading<'a> {
    let lower = name.to_ascii_lowercase();
    let mut words: Vec<&str> = lower.split('_').collect();
    let is_version = |word: &&str| word.strip_prefix('v').is_some_and(|digits| digits.parse::<u32>().is_ok());
    if words.len() > 1 && words.last().is_some_and(is_version) {
        words.pop();
    }
    let found = (0..words.len()).find_map(|at| Some((at, named(words.get(at..)?, environments)?)));
    let (naming, environment) = match found {
        None => (Naming::Service, None),
        Some((0, environment)) => (Naming::Environment, Some(environment)),
        Some((_, environment)) => (Naming::ServiceEnvironmentType, Some(environment)),
    };
    Reading { naming, environment }
}

/// A name without its version, and the version: `x_v3` is the third of `x`, and `x` the first.
pub(super) fn version(name: &str) -> (&str, u32) {
    let parts = name
        .rsplit_once(['v', 'V'])
        .and_then(|(before, digits)| Some((before.strip_suffix('_')?, digits.parse().ok()?)));
    parts.unwrap_or((name, 1))
}

/// The environment that these words begin with.
fn named<'a>(words: &[&str], environments: &'a [EnvironmentName]) -> Option<&'a EnvironmentName> {
    let first = words.first()?;
    let long = SHORT.iter().find(|(short, _)| short == first).map(|(_, long)| *long);
    environments.iter().find(|environment| {
        let spelled: Vec<&str> = environment.as_str().split(['-', '_']).collect();
        words.starts_with(&spelled) || long == Some(environment.as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        for (name, stem, number) in [
            ("stripe_key", "stripe_key", 1),
            ("stripe_key_v2", "stripe_key", 2),
            ("stripe_key_V12", "stripe_key", 12),
            ("stripe_vpn", "stripe_vpn", 1),
            ("v2", "v2", 1),
            ("stripe_keyv2", "stripe_keyv2", 1),
        ] {
            assert_eq!(version(name), (stem, number), "{name}");
        }
    }

    #[test]
    fn names_are_read() {
        let environments: Vec<EnvironmentName> =
            ["development", "staging", "production", "eu-west"].iter().map(|name| name.parse().unwrap()).collect();
        for (name, naming, environment) in [
            ("stripe_production_api_key", Naming::ServiceEnvironmentType, Some("production")),
            ("database_prod_password", Naming::ServiceEnvironmentType, Some("production")),
            ("database_dev_password_v12", Naming::ServiceEnvironmentType, Some("development")),
            ("stripe_eu_west_key", Naming::ServiceEnvironmentType, Some("eu-west")),
            ("stripe_api_key_prod", Naming::ServiceEnvironmentType, Some("production")),
            ("stripe_api_key", Naming::Service, None),
            ("stripe_api_key_v2", Naming::Service, None),
            ("aws_region", Naming::Service, None),
            ("stripe_eu_key", Naming::Service, None),
            ("reproduction_key", Naming::Service, None),
            ("production_stripe_key", Naming::Environment, Some("production")),
            ("STAGING_DATABASE_URL", Naming::Environment, Some("staging")),
            ("eu_west_stripe_key", Naming::Environment, Some("eu-west")),
            ("v2", Naming::Service, None),
        ] {
            let reading = read(name, &environments);
            let found = (reading.naming, reading.environment.map(EnvironmentName::as_str));
            assert_eq!(found, (naming, environment), "{name}");
        }
    }

    #[test]
    fn words_are_read_back() {
        for naming in NAMINGS {
            assert_eq!(naming.as_str().parse(), Ok(naming));
            assert_eq!(serde_json::to_value(naming).unwrap(), naming.as_str());
        }
        assert_eq!("by-service".parse::<Naming>(), Err(UnknownNaming));
    }
}
