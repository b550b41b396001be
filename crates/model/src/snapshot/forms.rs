//! The spellings in which an injected value could come back in an answer.

use std::fmt;

use base64::Engine as _;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::wanted::Wanted;
use crate::secret::SHORT_VALUE;

/// What is looked for in answers: each sensitive value as inserted (and in lower case, as names of headers and hosts
/// come), percent-encoded, JSON-escaped, and in base64 (standard and URL-safe, at its three alignments), and the basic
/// credentials that hold one as they are sent. Values shorter than [`SHORT_VALUE`] are left out: they would be found
/// where they are not. Built-ins are no secrets.
#[derive(Default)]
pub struct Forms(pub(super) Vec<Zeroizing<Vec<u8>>>);

impl Forms {
    /// Of the values, and of basic credentials that hold one of them.
    pub(super) fn of(wanted: &Wanted) -> Self {
        let mut forms = Self::default();
        for value in wanted.values() {
            forms.add_all(value.expose());
        }
        for credentials in wanted.basic() {
            forms.add(credentials.to_vec());
            forms.add(credentials.iter().take_while(|byte| **byte != b'=').copied().collect());
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

    pub(super) fn add(&mut self, form: Vec<u8>) {
        let form = Zeroizing::new(form);
        if form.len() >= SHORT_VALUE && !self.0.contains(&form) {
            self.0.push(form);
        }
    }

    pub(super) fn add_all(&mut self, value: &str) {
        self.add(value.as_bytes().to_vec());
        self.add(value.to_ascii_lowercase().into_bytes());
        for encoder in &ENCODERS {
            self.add(percent(value, encoder, UPPER));
            self.add(percent(value, encoder, LOWER));
        }
        for writer in &WRITERS {
            self.add(json(value, writer));
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

/// A habit of percent-encoding: which characters stay beside letters and digits, and what a space becomes.
struct Encoder {
    kept: &'static [u8],
    space: &'static [u8],
}

const ENCODERS: [Encoder; 6] = [
    // RFC 3986 section 2.3, and so what is injected into a query; with `+` in libraries for forms.
    Encoder { kept: b"-._~", space: b"%20" },
    Encoder { kept: b"-._~", space: b"+" },
    // The URL standard's application/x-www-form-urlencoded.
    Encoder { kept: b"*-._", space: b"+" },
    // JavaScript's encodeURIComponent.
    Encoder { kept: b"-._~!*'()", space: b"%20" },
    // A path of several segments, as Python's quote leaves it.
    Encoder { kept: b"-._~/", space: b"%20" },
    // What a browser or the URL standard changes in a query that is written out.
    Encoder { kept: b"!$%&'()*+,-./:;=?@[\\]^_`{|}~", space: b"%20" },
];

fn percent(value: &str, encoder: &Encoder, digits: &[u8; 16]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len().saturating_mul(3));
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || encoder.kept.contains(&byte) {
            out.push(byte);
        } else if byte == b' ' {
            out.extend_from_slice(encoder.space);
        } else {
            out.push(b'%');
            for nibble in [byte >> 4, byte & 0x0f] {
                out.extend(digits.get(usize::from(nibble)));
            }
        }
    }
    out
}

/// A habit of JSON writers (RFC 8259 section 7 leaves them the choice).
struct Writer {
    /// `/` becomes `\/`.
    slash: bool,
    /// What is not printable ASCII becomes `\u....`.
    ascii: bool,
    /// These become `\u....` too.
    numbered: &'static str,
    /// The digits of these numbers are in upper case.
    upper: bool,
}

const PLAIN: Writer = Writer { slash: false, ascii: false, numbered: "", upper: false };

const WRITERS: [Writer; 8] = [
    // serde_json, and most.
    PLAIN,
    Writer { slash: true, ..PLAIN },
    // Python.
    Writer { ascii: true, ..PLAIN },
    Writer { ascii: true, upper: true, ..PLAIN },
    // PHP.
    Writer { slash: true, ascii: true, ..PLAIN },
    // Go.
    Writer { numbered: "<>&\u{2028}\u{2029}", ..PLAIN },
    // Gson.
    Writer { numbered: "<>&='\u{2028}\u{2029}", ..PLAIN },
    // .NET.
    Writer { ascii: true, numbered: "<>&'+`\"", upper: true, ..PLAIN },
];

/// The inside of a JSON string.
fn json(value: &str, writer: &Writer) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len().saturating_mul(6));
    let digits = if writer.upper { UPPER } else { LOWER };
    for letter in value.chars() {
        let printable = letter.is_ascii() && !letter.is_ascii_control();
        let short = match letter {
            '"' => b'"',
            '\\' => b'\\',
            '\u{8}' => b'b',
            '\t' => b't',
            '\n' => b'n',
            '\u{c}' => b'f',
            '\r' => b'r',
            '/' if writer.slash => b'/',
            _ => 0,
        };
        if writer.numbered.contains(letter) || (short == 0 && (letter < ' ' || (writer.ascii && !printable))) {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                out.extend_from_slice(b"\\u");
                for shift in [12, 8, 4, 0] {
                    out.extend(digits.get(usize::from((*unit >> shift) & 0x0f)));
                }
            }
        } else if short != 0 {
            out.extend_from_slice(&[b'\\', short]);
        } else {
            out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    out
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
mod tests;
