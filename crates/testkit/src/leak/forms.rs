//! The forms in which a value may turn up, computed without the code under test.

use base64::Engine;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};

/// A way to write a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// As it is.
    Plain,
    /// The middle half of a long value, as a shortened log line would keep.
    Middle,
    /// Percent-encoded, only the reserved characters or every byte, in either case.
    Percent,
    /// As in a JSON string: short escapes, and `\u` for all but ASCII.
    Json,
    /// Base64, standard alphabet, the value starting at byte 0, 1 or 2 of a group of three.
    Base64(u8),
    /// Base64, URL-safe alphabet, likewise.
    Base64Url(u8),
    /// Hexadecimal, in either case.
    Hex,
    /// Two bytes a character, as some logs and databases keep text.
    Utf16,
}

/// Every form of this value with its bytes, without repetitions.
pub fn forms(value: &str) -> Vec<(Form, Vec<u8>)> {
    let bytes = value.as_bytes();
    let mut all = vec![(Form::Plain, bytes.to_vec())];
    if bytes.len() >= 32 {
        let quarter = bytes.len() / 4;
        all.push((Form::Middle, bytes[quarter..bytes.len() - quarter].to_vec()));
    }
    for (reserved_only, upper) in [(true, true), (true, false), (false, true), (false, false)] {
        all.push((Form::Percent, percent(bytes, reserved_only, upper)));
    }
    for ascii_only in [false, true] {
        all.push((Form::Json, json(value, ascii_only)));
    }
    for offset in 0..3 {
        all.push((Form::Base64(offset), base64(bytes, offset, &STANDARD)));
        all.push((Form::Base64Url(offset), base64(bytes, offset, &URL_SAFE)));
    }
    all.push((Form::Hex, hex(bytes, false)));
    all.push((Form::Hex, hex(bytes, true)));
    all.push((Form::Utf16, value.encode_utf16().flat_map(u16::to_le_bytes).collect()));
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|(_, bytes)| seen.insert(bytes.clone()));
    all
}

fn percent(bytes: &[u8], reserved_only: bool, upper: bool) -> Vec<u8> {
    let mut out = Vec::new();
    for byte in bytes {
        if reserved_only && (byte.is_ascii_alphanumeric() || b"-._~".contains(byte)) {
            out.push(*byte);
        } else {
            let text = if upper { format!("%{byte:02X}") } else { format!("%{byte:02x}") };
            out.extend_from_slice(text.as_bytes());
        }
    }
    out
}

fn json(value: &str, ascii_only: bool) -> Vec<u8> {
    let quoted = serde_json::Value::from(value).to_string();
    let inner = &quoted[1..quoted.len() - 1];
    if !ascii_only {
        return inner.as_bytes().to_vec();
    }
    let mut out = String::new();
    for unit in inner.encode_utf16() {
        match u8::try_from(unit).ok().filter(u8::is_ascii) {
            Some(b'/') => out.push_str("\\/"),
            Some(byte) => out.push(char::from(byte)),
            None => out.push_str(&format!("\\u{unit:04x}")),
        }
    }
    out.into_bytes()
}

/// The characters that do not depend on what stands before or after the value.
fn base64(bytes: &[u8], offset: u8, alphabet: &Alphabet) -> Vec<u8> {
    let mut shifted = vec![0; usize::from(offset)];
    shifted.extend_from_slice(bytes);
    let text = GeneralPurpose::new(alphabet, NO_PAD).encode(&shifted);
    // One byte before fills a character and touches the next; two bytes before touch three.
    let from = [0, 2, 3][usize::from(offset)];
    let to = text.len() - usize::from(shifted.len() % 3 != 0);
    text.as_bytes()[from..to].to_vec()
}

fn hex(bytes: &[u8], upper: bool) -> Vec<u8> {
    let digits = bytes.iter().map(|b| if upper { format!("{b:02X}") } else { format!("{b:02x}") });
    digits.collect::<String>().into_bytes()
}
