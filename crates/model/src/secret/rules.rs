//! What a value may be, by its kind.

use crate::secret::{Kind, SecretValue};

/// The longest value, in bytes.
pub const MAX_VALUE: usize = 64 * 1024;

/// A sensitive value shorter than this is accepted with a warning: the guard cannot look for it without harming answers.
pub const SHORT_VALUE: usize = 8;

/// Why a value is refused. No variant holds any part of the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Nothing in it.
    #[error("is empty; a value has 1 byte to 64 KiB")]
    Empty,
    /// Over 64 KiB.
    #[error("is longer than 64 KiB")]
    TooLong,
    /// A NUL byte.
    #[error("contains NUL, which no protocol carries safely")]
    Nul,
    /// CR or LF in a kind that goes into headers.
    #[error("contains a line break; only the kinds certificate and other may")]
    LineBreak,
}

impl ValueError {
    /// The stable name of the rule.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "value-empty",
            Self::TooLong => "value-too-long",
            Self::Nul => "value-has-nul",
            Self::LineBreak => "value-has-line-break",
        }
    }
}

/// Checks a new value against the rules of its kind.
///
/// # Errors
/// The first rule that is broken.
pub fn check_value(value: &SecretValue, kind: Kind) -> Result<(), ValueError> {
    if value.is_empty() {
        return Err(ValueError::Empty);
    }
    if value.len() > MAX_VALUE {
        return Err(ValueError::TooLong);
    }
    if value.contains_any(&['\0']) {
        return Err(ValueError::Nul);
    }
    if !kind.may_span_lines() && value.contains_any(&['\r', '\n']) {
        return Err(ValueError::LineBreak);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_by_kind() {
        let table = [
            ("x", Kind::ApiKey, Ok(())),
            ("", Kind::ApiKey, Err(ValueError::Empty)),
            ("a\0b", Kind::Other, Err(ValueError::Nul)),
            ("a\nb", Kind::ApiKey, Err(ValueError::LineBreak)),
            ("a\r\nb", Kind::Certificate, Ok(())),
            ("a\nb", Kind::Other, Ok(())),
            ("ключ", Kind::ApiKey, Ok(())),
        ];
        for (text, kind, expected) in table {
            assert_eq!(check_value(&SecretValue::new(text.to_owned()), kind), expected, "{text:?} {kind}");
        }
        assert_eq!(check_value(&SecretValue::new("x".repeat(MAX_VALUE)), Kind::ApiKey), Ok(()));
        assert_eq!(check_value(&SecretValue::new("x".repeat(MAX_VALUE + 1)), Kind::ApiKey), Err(ValueError::TooLong));
    }
}
