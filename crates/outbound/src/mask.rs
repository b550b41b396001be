//! Hides injected values in an answer that is at hand as a whole, for a person who tries a route.

use std::fmt;

use model::secret::SecretValue;
use model::snapshot::Bound;

/// What must not be seen of an answer, whatever the route's guard is set to.
pub struct Mask<'a> {
    forms: Vec<&'a [u8]>,
}

impl<'a> Mask<'a> {
    /// Hides all forms that the guard would look for, and `values` as they are, so that those go too which are too
    /// short for it: a person can live with an answer that has a star too many.
    #[must_use]
    pub fn new(bound: &'a Bound, values: impl IntoIterator<Item = &'a SecretValue>) -> Self {
        let values = values.into_iter().map(|value| value.expose().as_bytes());
        Self { forms: bound.forms().iter().chain(values).filter(|form| !form.is_empty()).collect() }
    }

    /// The length of the longest form, in bytes: so much more must be at hand than is shown.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.forms.iter().map(|form| form.len()).max().unwrap_or(0)
    }

    /// Replaces every form by `*`, in place. Letter case does not matter: names of headers lose theirs.
    pub fn apply(&self, bytes: &mut [u8]) {
        // Marked first and hidden afterwards, so that one form does not break up another that overlaps it.
        let mut marks = vec![false; bytes.len()];
        for form in &self.forms {
            for (at, window) in bytes.windows(form.len()).enumerate() {
                if window.eq_ignore_ascii_case(form)
                    && let Some(found) = marks.get_mut(at..at + form.len())
                {
                    found.fill(true);
                }
            }
        }
        for (byte, marked) in bytes.iter_mut().zip(marks) {
            if marked {
                *byte = b'*';
            }
        }
    }
}

impl fmt::Debug for Mask<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mask(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_overlaps_is_hidden_whatever_its_case() {
        let mask = Mask { forms: vec![b"abcdef", b"defghi", b"xy"] };
        let mut bytes = b"-ABCdefghi-abcde-XY-".to_vec();
        mask.apply(&mut bytes);
        assert_eq!(bytes, b"-*********-abcde-**-");
        assert_eq!((mask.longest(), format!("{mask:?}")), (6, "Mask(…)".to_owned()));
    }
}
