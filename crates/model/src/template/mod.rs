//! Templates: text in which `{{name}}` stands for a secret's value, in three steps of which only the first two can fail.
//!
//! | step | when | what can go wrong |
//! |---|---|---|
//! | [`Template::parse`], [`Template::check`] | a route is saved | a mistake in the text: [`TemplateError`] names the column |
//! | [`compile`], [`compile_basic`] | a snapshot is built | a missing secret, a value that may not stand there: [`CompileError`] |
//! | [`Compiled::fill`] | a request runs | nothing |
//!
//! # What may be written
//!
//! - `{{name}}`, `{{ name }}`, `{{secret:name}}` and `{{ secret:name }}` insert the secret `name`. Spaces (U+0020, any
//!   number) are allowed just inside the braces and nowhere else: not around the colon, and no tab or line break.
//! - `{{request_id}}`, `{{environment}}`, `{{route}}`, `{{client}}` and `{{timestamp}}` insert a fact of the request.
//! - `\{{` is a literal `{{`. A backslash anywhere else is a backslash; consequently `\\{{` is `\{{`, literally.
//! - A lone `{`, a lone `}` and a `}}` that closes nothing stand for themselves.
//! - Anything else after `{{` is an error; so is `{{{`, of which nobody can say what was meant.
//!
//! What is inserted is never looked at again: braces, `$1` or backslashes in a value are its characters and no more.

mod compile;
mod fill;
mod parse;
mod place;

use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::name::SecretName;

pub use compile::{CompileError, Compiled, compile, compile_basic};
pub use fill::Facts;
pub use parse::{TemplateError, TemplateFault};
pub use place::{Place, Refusal};

/// A fact of the request that a template may insert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Builtin {
    /// `{{request_id}}`: the id that the request is logged under.
    RequestId,
    /// `{{environment}}`: the environment's name.
    Environment,
    /// `{{route}}`: the route's name.
    Route,
    /// `{{client}}`: the client's name.
    Client,
    /// `{{timestamp}}`: the moment of the request, RFC 3339 in UTC.
    Timestamp,
}

impl Builtin {
    /// All of them, in the order of the reference.
    pub const ALL: [Self; 5] = [Self::RequestId, Self::Environment, Self::Route, Self::Client, Self::Timestamp];

    /// The word between the braces.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RequestId => "request_id",
            Self::Environment => "environment",
            Self::Route => "route",
            Self::Client => "client",
            Self::Timestamp => "timestamp",
        }
    }
}

/// One piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text that stands for itself, escapes already undone; never empty, never two in a row.
    Literal(String),
    /// A secret's value goes here.
    Secret(SecretName),
    /// A fact of the request goes here.
    Builtin(Builtin),
}

/// A part and the bytes of the source that it was read from.
#[derive(Debug, Clone)]
struct Placed {
    part: Part,
    at: Range<usize>,
}

/// A parsed template. It keeps its source, is shown as it, and is equal to another if that was written the same.
#[derive(Clone)]
pub struct Template {
    source: Arc<str>,
    parts: Vec<Placed>,
}

impl Template {
    /// The text that it was parsed from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Its parts from left to right.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().map(|placed| &placed.part)
    }

    /// The secrets it names from left to right, as often as it names them.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretName> {
        self.parts().filter_map(|part| match part {
            Part::Secret(name) => Some(name),
            Part::Literal(_) | Part::Builtin(_) => None,
        })
    }

    /// Whether it names `name`.
    #[must_use]
    pub fn mentions(&self, name: &SecretName) -> bool {
        self.secrets().any(|secret| secret == name)
    }

    /// The same template with every placeholder of `from` pointing to `to`; `None` where it does not name `from`.
    ///
    /// All else stays byte for byte, the placeholder's own spelling (`{{ x }}`, `{{secret:x}}`) and `from` in literal
    /// text included.
    #[must_use]
    pub fn replace(&self, from: &SecretName, to: &SecretName) -> Option<Self> {
        if !self.mentions(from) {
            return None;
        }
        let mut source = String::with_capacity(self.source.len());
        let mut parts = Vec::with_capacity(self.parts.len());
        for placed in &self.parts {
            let begin = source.len();
            let written = self.source.get(placed.at.clone()).unwrap_or_default();
            let part = match &placed.part {
                Part::Secret(name) if name == from => {
                    // After the name only spaces and braces follow, so its last occurrence is the name itself.
                    let (before, after) = written.rsplit_once(from.as_str()).unwrap_or((written, ""));
                    source.extend([before, to.as_str(), after]);
                    Part::Secret(to.clone())
                }
                other => {
                    source.push_str(written);
                    other.clone()
                }
            };
            parts.push(Placed { part, at: begin..source.len() });
        }
        Some(Self { source: source.into(), parts })
    }
}

impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Template {}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.source, f)
    }
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        Self::parse(text)
    }
}

impl Serialize for Template {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.source)
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
