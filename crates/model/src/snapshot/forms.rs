//! The spellings in which an injected value could come back in an answer.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::bind::Opened;
use super::bound::{HeaderFill, Injection};
use crate::secret::SHORT_VALUE;

/// What the guard looks for: each sensitive value as inserted, percent-encoded, JSON-escaped, and in base64 (standard
/// and URL-safe, at its three alignments), and basic credentials as they are sent. Values shorter than
/// [`SHORT_VALUE`] are left out: they would be found where they are not.
#[derive(Default)]
pub struct Forms(Vec<Zeroizing<Vec<u8>>>);

impl Forms {
    pub(super) fn of(sensitive: &[Arc<Opened>], injection: Option<&Injection>) -> Self {
        let mut forms = Self::default();
        for value in sensitive.iter().filter_map(|opened| opened.value.as_ref()) {
            if value.len() >= SHORT_VALUE {
                forms.add_all(value.expose());
            }
        }
        let headers = injection.filter(|_| !forms.0.is_empty()).map_or(&[][..], |injection| &injection.headers);
        for header in headers {
            if let HeaderFill::Ready(value) = &header.value
                && let Some(credentials) = value.as_bytes().strip_prefix(b"Basic ")
            {
                forms.add(credentials.trim_ascii_end().to_vec());
            }
        }
        forms
    }

    /// Whether there is nothing to look for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The forms, in no order, none of them empty.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(|form| form.as_slice())
    }

    fn add(&mut self, form: Vec<u8>) {
        let form = Zeroizing::new(form);
        if form.len() >= SHORT_VALUE && !self.0.contains(&form) {
            self.0.push(form);
        }
    }

    fn add_all(&mut self, value: &str) {
        self.add(value.as_bytes().to_vec());
        for (digits, space) in [(UPPER, "%20"), (LOWER, "%20"), (UPPER, "+"), (LOWER, "+")] {
            self.add(percent(value, digits, space));
        }
        for (slash, ascii) in [(false, false), (true, false), (false, true), (true, true)] {
            self.add(json(value, slash, ascii));
        }
        for alignment in 0..3 {
            for alphabet in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
                self.add(base64(value, &alphabet, alignment));
            }
        }
    }
}

impl fmt::Debug for Forms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Forms({})", self.0.len())
    }
}

const UPPER: &[u8; 16] = b"0123456789ABCDEF";
const LOWER: &[u8; 16] = b"0123456789abcdef";

fn percent(value: &str, digits: &[u8; 16], space: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len().saturating_mul(3));
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte);
        } else if byte == b' ' {
            out.extend_from_slice(space.as_bytes());
        } else {
            out.push(b'%');
            for nibble in [byte >> 4, byte & 0x0f] {
                out.extend(digits.get(usize::from(nibble)));
            }
        }
    }
    out
}

/// The inside of a JSON string (RFC 8259 section 7); some writers escape slashes, some all that is not ASCII.
fn json(value: &str, slash: bool, ascii: bool) -> Vec<u8> {
    use std::fmt::Write as _;

    let mut out = String::with_capacity(value.len().saturating_mul(6));
    for letter in value.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '/' if slash => out.push_str("\\/"),
            letter if letter.is_ascii_control() || (ascii && !letter.is_ascii()) => {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    // Writing to a string cannot fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            letter => out.push(letter),
        }
    }
    out.into_bytes()
}

/// The characters of base64 that the value alone decides when `alignment` bytes stand before it in its group of three.
fn base64(value: &str, alphabet: &GeneralPurpose, alignment: usize) -> Vec<u8> {
    let mut plain = Zeroizing::new(vec![0; alignment]);
    plain.extend_from_slice(value.as_bytes());
    let encoded = Zeroizing::new(alphabet.encode(&*plain));
    let first = alignment.saturating_mul(8).div_ceil(6);
    let last = plain.len().saturating_mul(8) / 6;
    encoded.as_bytes().get(first..last).unwrap_or_default().to_vec()
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn every_spelling_is_among_the_forms() {
        let value = "p/ä \"+x?~12>>34";
        let mut forms = Forms::default();
        forms.add_all(value);
        let has =
            |text: &str| forms.iter().any(|form| text.as_bytes().windows(form.len()).any(|window| window == form));
        assert!(has(value));
        assert!(has("p%2F%C3%A4%20%22%2Bx%3F~12%3E%3E34"));
        assert!(has("p%2f%c3%a4+%22%2bx%3f~12%3e%3e34"));
        assert!(has("p/ä \\\"+x?~12>>34"));
        assert!(has("p\\/\\u00e4 \\\"+x?~12>>34"));
        for before in ["", "u", "us", "user:"] {
            for after in ["", ":", "xy"] {
                let text = format!("{before}{value}{after}");
                assert!(has(&STANDARD.encode(&text)), "{text}");
                assert!(has(&URL_SAFE_NO_PAD.encode(&text)), "{text}");
            }
        }
        assert!(!has("p/ä \"+x?~12>>35"));
        assert!(!has(&STANDARD.encode("something else altogether, and longer")));
    }

    #[test]
    fn a_plain_value_has_few_forms_and_a_short_one_none() {
        let mut forms = Forms::default();
        forms.add_all("sk_live_4242");
        assert_eq!(forms.iter().count(), 4, "as inserted, and three alignments");
        let mut short = Forms::default();
        short.add(b"1234567".to_vec());
        assert!(short.is_empty());
    }
}
