//! Hides injected values in an answer that is at hand as a whole, for a person who tries a route.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use http::HeaderValue;
use model::secret::SecretValue;
use zeroize::Zeroizing;

/// The forms in which values may show up: as they are, percent-encoded, JSON-escaped, and in Base64 (standard and
/// URL-safe) at its three alignments. Letter case does not matter.
#[derive(Default)]
pub struct Mask {
    forms: Vec<Zeroizing<Vec<u8>>>,
}

/// Fewer characters of Base64 than this would be found where the value is not.
const SHORTEST_BASE64: usize = 6;

impl Mask {
    /// Hides a value.
    pub fn hide(&mut self, value: &SecretValue) {
        let text = value.expose();
        self.add(text.as_bytes().to_vec());
        let percent = percent(text.as_bytes());
        self.add(percent.replace("%20", "+").into_bytes());
        self.add(percent.into_bytes());
        if let Ok(json) = serde_json::to_string(text) {
            let inner = json.get(1..json.len().saturating_sub(1)).unwrap_or_default();
            self.add(inner.replace('/', "\\/").into_bytes());
            self.add(inner.as_bytes().to_vec());
        }
        for offset in 0..3 {
            for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
                self.add_base64(
                    engine.encode([&[0; 2][..offset.min(2)], text.as_bytes()].concat()),
                    offset,
                    text.len(),
                );
            }
        }
    }

    /// Hides what was sent in an injected header, without the word that names its scheme.
    pub fn hide_header(&mut self, value: &HeaderValue) {
        let bytes = value.as_bytes();
        let credential =
            bytes.iter().position(|byte| *byte == b' ').and_then(|at| bytes.get(at + 1..)).unwrap_or(bytes);
        if credential.len() >= SHORTEST_BASE64 {
            self.add(credential.to_vec());
        }
    }

    /// The length of the longest form, in bytes: so much more must be at hand than is shown.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.forms.iter().map(|form| form.len()).max().unwrap_or(0)
    }

    /// Replaces every form by `*`, in place.
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

    fn add(&mut self, form: Vec<u8>) {
        let form = Zeroizing::new(form);
        if !form.is_empty() && !self.forms.contains(&form) {
            self.forms.push(form);
        }
    }

    /// Keeps the characters that depend on the value alone, whatever stands before and after it.
    fn add_base64(&mut self, encoded: String, offset: usize, length: usize) {
        let encoded = Zeroizing::new(encoded);
        let first = (offset * 8).div_ceil(6);
        let end = (offset + length) * 8 / 6;
        if let Some(own) = encoded.as_bytes().get(first..end)
            && own.len() >= SHORTEST_BASE64
        {
            self.add(own.to_vec());
        }
    }
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mask(…)")
    }
}

fn percent(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 3);
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            out.push(char::from(*byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    use super::*;

    fn masked(value: &str, text: &str) -> String {
        let mut mask = Mask::default();
        mask.hide(&SecretValue::new(value.to_owned()));
        let mut bytes = text.as_bytes().to_vec();
        mask.apply(&mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn every_listed_form_is_hidden() {
        let value = "s k/\"?>~ü_live";
        let json = serde_json::to_string(value).unwrap();
        for text in [
            value.to_owned(),
            value.to_uppercase().to_lowercase(),
            percent(value.as_bytes()),
            percent(value.as_bytes()).to_lowercase(),
            percent(value.as_bytes()).replace("%20", "+"),
            json.trim_matches('"').to_owned(),
            json.trim_matches('"').replace('/', "\\/"),
        ] {
            let shown = masked(value, &format!("a={text}&b"));
            assert_eq!(shown, format!("a={}&b", "*".repeat(text.len())), "{text}");
        }
        for before in ["", "u", "us", "use:"] {
            for engine in [STANDARD, URL_SAFE] {
                let text = engine.encode(format!("{before}{value}!!"));
                let shown = masked(value, &text);
                let hidden = shown.bytes().filter(|byte| *byte == b'*').count();
                // Two thirds of a byte on either side may depend on the neighbours.
                assert!(hidden >= value.len() * 8 / 6 - 2, "{before}: {shown}");
            }
        }
        assert_eq!(masked(value, "nothing of it"), "nothing of it");
    }

    #[test]
    fn what_a_header_carried_is_hidden_and_overlaps_are_too() {
        let mut mask = Mask::default();
        mask.hide_header(&HeaderValue::from_static("Basic dTpwYXNz"));
        mask.hide(&SecretValue::new("abcdef".to_owned()));
        mask.hide(&SecretValue::new("defghi".to_owned()));
        let mut bytes = b"Basic dTpwYXNz abcdefghi".to_vec();
        mask.apply(&mut bytes);
        assert_eq!(bytes, b"Basic ******** *********");
        assert!(mask.longest() >= 8);
        assert_eq!(format!("{mask:?}"), "Mask(…)");
    }
}
