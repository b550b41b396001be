//! What a secret is and how often it should be replaced.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a provider would call this credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A key for a third party's API.
    #[default]
    ApiKey,
    /// A secret that checks incoming webhooks; not expected to be injected, so it never counts as unused.
    WebhookSecret,
    /// A password of a database user.
    DatabasePassword,
    /// A whole connection URL, credentials included.
    DatabaseUrl,
    /// A token from an OAuth authorisation server, replaced when its upstream rejects it.
    OauthToken,
    /// A certificate or key in PEM; may span lines.
    Certificate,
    /// Anything else; may span lines.
    Other,
}

/// How much damage a stolen value does, which sets the default interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Replace every 30 days.
    Critical,
    /// Replace every 90 days.
    #[default]
    Standard,
}

/// All kinds, in the order of the reference.
pub const KINDS: [Kind; 7] = [
    Kind::ApiKey,
    Kind::WebhookSecret,
    Kind::DatabasePassword,
    Kind::DatabaseUrl,
    Kind::OauthToken,
    Kind::Certificate,
    Kind::Other,
];

impl Kind {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ApiKey => "api_key",
            Self::WebhookSecret => "webhook_secret",
            Self::DatabasePassword => "database_password",
            Self::DatabaseUrl => "database_url",
            Self::OauthToken => "oauth_token",
            Self::Certificate => "certificate",
            Self::Other => "other",
        }
    }

    /// Whether a value of this kind may hold line breaks.
    #[must_use]
    pub fn may_span_lines(self) -> bool {
        matches!(self, Self::Certificate | Self::Other)
    }

    /// Whether an upstream's answers over HTTP tell a dead value of this kind from a living one: what logs in to a database
    /// fails behind the upstream, which answers as it likes.
    #[must_use]
    pub fn is_judged_by_answers(self) -> bool {
        !matches!(self, Self::DatabasePassword | Self::DatabaseUrl)
    }
}

impl Class {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Standard => "standard",
        }
    }
}

/// A word that names no kind or class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnknownWord {
    /// Not a kind.
    #[error("is not one of api_key, webhook_secret, database_password, database_url, oauth_token, certificate, other")]
    Kind,
    /// Not a class.
    #[error("is not one of critical, standard")]
    Class,
}

impl FromStr for Kind {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        KINDS.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownWord::Kind)
    }
}

impl FromStr for Class {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        [Self::Critical, Self::Standard].into_iter().find(|class| class.as_str() == text).ok_or(UnknownWord::Class)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
