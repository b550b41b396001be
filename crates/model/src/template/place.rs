//! The places a template can stand in, and what each of them refuses.

use super::{Builtin, Part, Template, TemplateError, TemplateFault};

/// Where the result of a template is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// A header's value: put in as it is, hence without control characters.
    Header,
    /// A query parameter's value: percent-encoded, hence anything.
    Query,
    /// A member of a JSON body: a string that the JSON writer escapes, hence anything.
    Body,
    /// The user name of basic authentication: neither control characters nor a colon (RFC 7617, section 2).
    BasicUsername,
    /// The password of basic authentication: no control characters (RFC 7617, section 2).
    BasicPassword,
}

/// Why a value may not stand in a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A control character: CR, LF and NUL among them.
    #[error("holds a line break or another control character, which may not stand in {}", .0.words())]
    Control(Place),
    /// A colon in the user name of basic authentication, where it would begin the password.
    #[error("holds a colon, which may not stand in {}", Place::BasicUsername.words())]
    Colon,
}

impl Place {
    /// The place, in words that fit after "in".
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Header => "a header value",
            Self::Query => "a query parameter",
            Self::Body => "a body member",
            Self::BasicUsername => "a user name of basic authentication",
            Self::BasicPassword => "a password of basic authentication",
        }
    }

    /// Whether a secret's value may be inserted here, so that a bad match is refused before any request is sent.
    ///
    /// # Errors
    ///
    /// [`Refusal`] says what about the value is in the way, without its characters.
    pub fn admits(self, value: &str) -> Result<(), Refusal> {
        let control = match self {
            Self::Query | Self::Body => false,
            Self::Header => value.bytes().any(|byte| !fits_header(byte)),
            Self::BasicUsername | Self::BasicPassword => value.bytes().any(|byte| byte.is_ascii_control()),
        };
        if control {
            return Err(Refusal::Control(self));
        }
        if self == Self::BasicUsername && value.contains(':') {
            return Err(Refusal::Colon);
        }
        Ok(())
    }

    /// What a literal character breaks here, if anything: the rule in words.
    fn refuses_literal(self, found: char) -> Option<&'static str> {
        let visible = found == ' ' || found.is_ascii_graphic();
        match self {
            Self::Query | Self::Body => None,
            Self::Header if visible || found == '\t' => None,
            Self::Header => Some("visible ASCII characters, spaces and tabs are allowed"),
            Self::BasicUsername if found == ':' => {
                Some("a user name has no colon, because the first one begins the password")
            }
            Self::BasicUsername | Self::BasicPassword if found.is_control() => {
                Some("control characters are not allowed")
            }
            Self::BasicUsername | Self::BasicPassword => None,
        }
    }
}

/// Whether the byte may stand in a header value, by the rule of `http::HeaderValue::from_bytes`.
///
/// Asked here rather than there because that copies the bytes into memory that nobody zeroes.
pub(super) fn fits_header(byte: u8) -> bool {
    byte == b'\t' || !byte.is_ascii_control()
}

impl Template {
    /// Checks what the template itself says against the place that it is meant for: its literal text and built-ins.
    /// Values of secrets are judged by [`Place::admits`].
    ///
    /// # Errors
    ///
    /// [`TemplateFault::Literal`] or [`TemplateFault::Builtin`] with the column of the first that does not fit.
    pub fn check(&self, place: Place) -> Result<(), TemplateError> {
        for placed in &self.parts {
            match &placed.part {
                Part::Secret(_) => {}
                Part::Literal(_) => {
                    // The source is read, not the literal: the backslash of an escape fits everywhere, and columns agree.
                    let written = self.source.get(placed.at.clone()).unwrap_or_default();
                    for (index, found) in written.char_indices() {
                        if let Some(rule) = place.refuses_literal(found) {
                            let fault = TemplateFault::Literal { found, place: place.words(), rule };
                            let offset = placed.at.start + index;
                            return Err(TemplateError::at(&self.source, offset, fault));
                        }
                    }
                }
                // A time has colons, and an id that came from a client might.
                Part::Builtin(builtin @ (Builtin::RequestId | Builtin::Timestamp)) if place == Place::BasicUsername => {
                    let fault = TemplateFault::Builtin { word: builtin.as_str(), place: place.words() };
                    return Err(TemplateError::at(&self.source, placed.at.start, fault));
                }
                Part::Builtin(_) => {}
            }
        }
        Ok(())
    }
}
