//! Secrets that were not meant to stay.

use crate::secret::Secret;

/// Words by which people mark what should not stay.
const TEMPORARY: [&str; 9] = ["tmp", "temp", "temporary", "test", "testing", "demo", "dummy", "trial", "throwaway"];

/// Whether a word of the name or a tag says that the secret should not stay.
#[must_use]
pub fn looks_temporary(secret: &Secret) -> bool {
    let marked = |word: &str| TEMPORARY.iter().any(|mark| word.eq_ignore_ascii_case(mark));
    secret.name.as_str().split('_').any(marked) || secret.tags.iter().any(|tag| marked(tag))
}
