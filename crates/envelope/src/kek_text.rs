//! The text of a KEK file: one key a line, the current one first, `#` for comments.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::time::{Entropy, Timestamp};
use zeroize::Zeroizing;

use crate::cipher::{KEY_LEN, Key};
use crate::encoding::hex;
use crate::keyring::{Kek, KekId, Keyring};

/// How a file of ours begins.
const HEAD: &str = "\
# Keyroll's key-encryption keys, one a line: the first one seals, the others still open.
# Whoever reads this file and the database reads every secret; without this file nobody ever can.
# Keep a copy of it apart from the database.
";
/// The comment that says when the key of the next line was made, with a full stop at its end.
const MADE: &str = "# Made ";

/// Where a new key is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In front: it seals from now on.
    Current,
    /// Behind the others: it opens, and seals nothing until its line is moved to the front.
    Standby,
}

/// Why a text is not a KEK file. Names the line, counted from 1, and never quotes it: it may hold a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KekTextError {
    /// No key at all.
    #[error("holds no key: expected a line `kek_<id> <base64 of 32 bytes>`")]
    Empty,
    /// Not an id and a key.
    #[error("line {line}: expected `kek_<id> <base64 of 32 bytes>`, the id of letters, digits, _ and -")]
    Shape {
        /// The line.
        line: usize,
    },
    /// The second word is not a key.
    #[error("line {line}: the key is not the base64 (standard alphabet, padded) of exactly 32 bytes")]
    Key {
        /// The line.
        line: usize,
    },
    /// Two lines have one id: which of the two keys it means cannot be known.
    #[error("line {line}: has the same id as line {first}")]
    Duplicate {
        /// The line.
        line: usize,
        /// The earlier line with this id.
        first: usize,
    },
}

impl Keyring {
    /// Reads the text of a KEK file: `kek_<id> <base64 of 32 bytes>` a line, the current key first, older ones
    /// after it. Empty lines and lines that begin with `#` are skipped, but for `# Made <time>.`, which says when the
    /// key of the next line was made.
    ///
    /// # Errors
    ///
    /// The first line that does not fit.
    pub fn parse(text: &str) -> Result<Self, KekTextError> {
        let mut lines_of_ids = BTreeMap::new();
        let mut keks = Vec::new();
        let mut made_at = None;
        for (line, content) in (1..).zip(text.lines()) {
            let content = content.trim();
            if content.is_empty() || content.starts_with('#') {
                let made = content.strip_prefix(MADE).and_then(|text| text.strip_suffix('.')?.parse().ok());
                made_at = made.or(made_at);
                continue;
            }
            let kek = parse_line(content, line, made_at.take())?;
            if let Some(first) = lines_of_ids.insert(kek.id.as_str().to_owned(), line) {
                return Err(KekTextError::Duplicate { line, first });
            }
            keks.push(kek);
        }
        let mut keks = keks.into_iter();
        let current = keks.next().ok_or(KekTextError::Empty)?;
        Ok(Self { current, older: keks.collect() })
    }
}

fn parse_line(content: &str, line: usize, made_at: Option<Timestamp>) -> Result<Kek, KekTextError> {
    let mut words = content.split_whitespace();
    let (Some(id), Some(key), None) = (words.next(), words.next(), words.next()) else {
        return Err(KekTextError::Shape { line });
    };
    let id = KekId::parse(id).ok_or(KekTextError::Shape { line })?;
    // The decoder wants room for whole groups of three bytes; anything that needs more is not a key.
    let mut bytes = Zeroizing::new([0; KEY_LEN + 1]);
    let length = STANDARD.decode_slice(key, bytes.as_mut_slice()).map_err(|_| KekTextError::Key { line })?;
    let key = bytes.get(..length).and_then(Key::from_slice).ok_or(KekTextError::Key { line })?;
    Ok(Kek { id, key, made_at })
}

/// The text of a KEK file with one new key. In front of an existing file's text it makes the new key the current
/// one and keeps the others.
#[must_use]
pub fn generate(entropy: &dyn Entropy, now: Timestamp) -> Zeroizing<String> {
    let mut id = [0; 8];
    entropy.fill(&mut id);
    let key = Key::random(entropy);
    let mut encoded = Zeroizing::new([0; KEY_LEN.div_ceil(3) * 4]);
    // The buffer is as long as padded base64 of a key always is, and base64 is ASCII: neither can fail,
    // and a text without a key would not load.
    let written = STANDARD.encode_slice(key.bytes(), encoded.as_mut_slice()).unwrap_or(0);
    let key = encoded.get(..written).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default();
    let head = format!("{HEAD}{MADE}{now}.\nkek_{} ", hex(&id));
    // Room for all of it from the start: a string that grows would leave the key behind.
    let mut text = Zeroizing::new(String::with_capacity(head.len() + key.len() + 1));
    text.push_str(&head);
    text.push_str(key);
    text.push('\n');
    text
}

/// The text of a KEK file with the one key of `fresh` (made by [`generate`]) added: in front, so that it becomes the
/// current one, or behind the others, where it opens and does not seal yet.
pub(crate) fn add(existing: &str, fresh: &str, place: Place) -> Zeroizing<String> {
    let old = existing.strip_prefix(HEAD).unwrap_or(existing);
    let new = fresh.strip_prefix(HEAD).unwrap_or(fresh);
    let mut text = Zeroizing::new(String::with_capacity(HEAD.len() + existing.len() + fresh.len() + 1));
    text.push_str(HEAD);
    let (first, second) = match place {
        Place::Current => (new, old),
        Place::Standby => (old, new),
    };
    text.push_str(first);
    if !first.is_empty() && !first.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(second);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    const B: &str = "//////////////////////////////////////////8=";

    fn ids(text: &str) -> Result<Vec<String>, KekTextError> {
        Keyring::parse(text).map(|keyring| keyring.ids().map(KekId::to_string).collect())
    }

    #[test]
    fn the_first_key_is_the_current_one() {
        let table = [
            (format!("kek_a {A}"), vec!["kek_a"]),
            (format!("\n# comment {B}\n  kek_2026-11_x\t {A}  \r\nkek_B {B}\n\n"), vec!["kek_2026-11_x", "kek_B"]),
            (
                format!("kek_{} {A}", "x".repeat(64)),
                vec!["kek_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
            ),
        ];
        for (text, expected) in table {
            assert_eq!(ids(&text).unwrap(), expected, "{text}");
        }
        let keyring = Keyring::parse(&format!("kek_a {A}\nkek_b {B}")).unwrap();
        assert_eq!(keyring.current().as_str(), "kek_a");
        assert_eq!(keyring.key("kek_a").unwrap().bytes(), [0; 32]);
        assert_eq!(keyring.key("kek_b").unwrap().bytes(), [0xff; 32]);
        assert!(matches!(keyring.key("kek_c"), Err(crate::OpenError::UnknownKek { .. })));
    }

    #[test]
    fn a_key_is_added_in_front_or_behind_and_knows_when_it_was_made() {
        let ours = format!("{HEAD}{MADE}2026-11-01T00:00:00Z.\nkek_old {B}\n");
        let fresh = format!("{HEAD}{MADE}2026-12-01T00:00:00Z.\nkek_new {A}\n");
        let bare = format!("kek_old {B}");
        for (existing, place, expected) in [
            (&ours, Place::Current, [("kek_new", Some("2026-12-01")), ("kek_old", Some("2026-11-01"))]),
            (&ours, Place::Standby, [("kek_old", Some("2026-11-01")), ("kek_new", Some("2026-12-01"))]),
            (&bare, Place::Current, [("kek_new", Some("2026-12-01")), ("kek_old", None)]),
            (&bare, Place::Standby, [("kek_old", None), ("kek_new", Some("2026-12-01"))]),
        ] {
            let text = add(existing, &fresh, place);
            assert_eq!(text.matches("Keep a copy").count(), 1, "{}", *text);
            assert!(text.starts_with(HEAD), "{}", *text);
            let keyring = Keyring::parse(&text).unwrap();
            let found: Vec<_> =
                keyring.made().map(|(id, at)| (id.to_string(), at.map(|at| at.to_string()[..10].to_owned()))).collect();
            assert_eq!(found, expected.map(|(id, at)| (id.to_owned(), at.map(str::to_owned))));
        }
    }

    #[test]
    fn what_is_refused_names_its_line_and_quotes_nothing() {
        let table = [
            (String::new(), KekTextError::Empty),
            (format!("# kek_a {A}\n\n"), KekTextError::Empty),
            (A.to_owned(), KekTextError::Shape { line: 1 }),
            (format!("kek_a {A}\nkek_b"), KekTextError::Shape { line: 2 }),
            (format!("key_a {A}"), KekTextError::Shape { line: 1 }),
            (format!("kek_ {A}"), KekTextError::Shape { line: 1 }),
            (format!("kek_{} {A}", "x".repeat(65)), KekTextError::Shape { line: 1 }),
            (format!("kek_ä {A}"), KekTextError::Shape { line: 1 }),
            (format!("kek_a {A} # mine"), KekTextError::Shape { line: 1 }),
            (format!("{A} kek_a"), KekTextError::Shape { line: 1 }),
            (format!("#\nkek_a {}", &A[..43]), KekTextError::Key { line: 2 }),
            (format!("kek_a {}", &A[4..]), KekTextError::Key { line: 1 }),
            (format!("kek_a AAAA{A}"), KekTextError::Key { line: 1 }),
            (format!("kek_a {}", B.replace('/', "_")), KekTextError::Key { line: 1 }),
            (format!("kek_a {}A", &A[..43]), KekTextError::Key { line: 1 }),
            (format!("kek_a {A}\n\nkek_b {B}\nkek_a {B}"), KekTextError::Duplicate { line: 4, first: 1 }),
        ];
        for (text, expected) in table {
            let error = ids(&text).unwrap_err();
            assert_eq!(error, expected, "{text}");
            assert!(!error.to_string().contains("AAAA") && !error.to_string().contains("kek_a"), "{error}");
        }
    }
}
