//! What is wrong with one member of an input: where, which rule, and what to do.

use serde::Serialize;

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// A JSON Pointer (RFC 6901) to the member.
    pub pointer: String,
    /// The stable, kebab-case name of the rule.
    pub code: &'static str,
    /// A sentence for a person; never a secret's value.
    pub detail: String,
    /// The existing name that was probably meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub did_you_mean: Option<String>,
}

impl Finding {
    /// A broken rule at `pointer`.
    #[must_use]
    pub fn new(pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), code, detail: detail.into(), did_you_mean: None }
    }

    /// The same with the name that was probably meant.
    #[must_use]
    pub fn meaning(mut self, name: Option<&str>) -> Self {
        if let Some(name) = name {
            self.detail = format!("{}; did you mean {name}?", self.detail.trim_end_matches('.'));
            self.did_you_mean = Some(name.to_owned());
        }
        self
    }
}

/// One token of a JSON Pointer, escaped (RFC 6901 section 3).
#[must_use]
pub fn token(text: &str) -> String {
    text.replace('~', "~0").replace('/', "~1")
}
