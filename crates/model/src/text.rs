//! Which characters a text may hold that people wrote and others will read.

/// The form of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One line: a name that people read, a team.
    Line,
    /// Lines and tabs: a description.
    Block,
}

/// Whether a character must not stand in any text: a control character other than a tab and what ends a line. NUL cannot
/// be stored everywhere, and the others drive terminals.
#[must_use]
pub fn is_refused(found: char) -> bool {
    found.is_control() && !matches!(found, '\t' | '\n' | '\r')
}

/// Why a text is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// It is too long.
    #[error("is longer than {0} bytes")]
    TooLong(usize),
    /// It holds a character of [`is_refused`].
    #[error("holds a control character")]
    Control,
    /// It has more than one line, or a tab.
    #[error("holds a line break or a tab, where one line of text belongs")]
    Lines,
}

/// Holds a text against its form and its greatest length in bytes.
///
/// # Errors
/// [`TextError`].
pub fn check(text: &str, form: Form, longest: usize) -> Result<(), TextError> {
    if text.len() > longest {
        return Err(TextError::TooLong(longest));
    }
    if text.chars().any(is_refused) {
        return Err(TextError::Control);
    }
    if form == Form::Line && text.chars().any(char::is_control) {
        return Err(TextError::Lines);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_stand_in_a_text() {
        use Form::{Block, Line};
        use TextError::{Control, Lines, TooLong};
        for (text, form, expected) in [
            ("", Line, Ok(())),
            ("Team Größe, 支払い 🦀", Line, Ok(())),
            ("a\tb\r\nc", Block, Ok(())),
            ("a\tb", Line, Err(Lines)),
            ("a\nb", Line, Err(Lines)),
            ("a\u{0}b", Line, Err(Control)),
            ("a\u{0}b", Block, Err(Control)),
            ("a\u{1b}[2J", Block, Err(Control)),
            ("a\u{7f}", Block, Err(Control)),
            // CSI as one character.
            ("a\u{9b}2J", Block, Err(Control)),
            ("12345678901234567890123456789012", Line, Ok(())),
            ("123456789012345678901234567890123", Line, Err(TooLong(32))),
        ] {
            assert_eq!(check(text, form, 32), expected, "{text:?} {form:?}");
        }
    }
}
