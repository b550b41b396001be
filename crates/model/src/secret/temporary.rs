//! Secrets that were not meant to stay.

use crate::secret::Secret;

/// Words by which people mark what should not stay.
const TEMPORARY: [&str; 9] = ["tmp", "temp", "temporary", "test", "testing", "demo", "dummy", "trial", "throwaway"];

/// Whether a word of the name or a tag says that the secret should not stay.
#[must_use]
pub fn looks_temporary(secret: &Secret) -> bool {
    sounds_temporary(secret.name.as_str()) || secret.tags.iter().any(|tag| is_mark(tag))
}

/// Whether a word of the name alone says so.
#[must_use]
pub fn sounds_temporary(name: &str) -> bool {
    name.split('_').any(is_mark)
}

fn is_mark(word: &str) -> bool {
    TEMPORARY.iter().any(|mark| word.eq_ignore_ascii_case(mark))
}
