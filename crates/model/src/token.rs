//! The form of client keys, signing keys and admin tokens: `krk_…`, `krs_…` and `krt_…`, 32 random bytes and a checksum in base62.
//!
//! Form only: what a well-formed token may do is decided by its digest, which the store keeps.
//! The checksum lets a mistyped or cut-off token be refused without a look-up, and lets scanners of
//! source code tell a real token from a text that only looks like one. It protects nothing.

use zeroize::Zeroizing;

/// The prefix of a client key, `krk_…`.
pub const CLIENT_KEY: &str = "krk";
/// The prefix of the key with which a client signs, `krs_…`.
pub const SIGNING_KEY: &str = "krs";
/// The prefix of an admin token, `krt_…`.
pub const ADMIN_TOKEN: &str = "krt";

/// 62^43 is the first power of 62 that is above 2^256.
const BODY: usize = 43;
/// 62^6 is the first power of 62 that is above 2^32.
const CHECKSUM: usize = 6;

/// The text of a token: `prefix`, `_`, 43 characters for the 32 bytes, 6 for the CRC-32 of all before it.
///
/// Numbers are big-endian, padded with `0` on the left; the digits are `0-9A-Za-z` in this order.
/// The caller keeps the result in a `Zeroizing`.
#[must_use]
pub fn encode(prefix: &str, random: &[u8; 32]) -> String {
    // All at once: a string that grows leaves copies of a key behind.
    let mut text = String::with_capacity(prefix.len() + 1 + BODY + CHECKSUM);
    text.push_str(prefix);
    text.push('_');
    text.extend(base62::<BODY>(random).iter().copied().map(char::from));
    let checksum = checksum(&text);
    text.extend(checksum.iter().copied().map(char::from));
    text
}

/// Whether `text` has the form that [`encode`] gives for this prefix, checksum included.
#[must_use]
pub fn well_formed(text: &str, prefix: &str) -> bool {
    let Some(digits) = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')) else {
        return false;
    };
    if digits.len() != BODY + CHECKSUM || !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return false;
    }
    text.split_at_checked(text.len() - CHECKSUM).is_some_and(|(body, found)| checksum(body)[..] == *found.as_bytes())
}

fn checksum(text: &str) -> Zeroizing<[u8; CHECKSUM]> {
    base62(&crc32fast::hash(text.as_bytes()).to_be_bytes())
}

/// The last `DIGITS` digits of a big-endian number, by long division.
fn base62<const DIGITS: usize>(number: &[u8]) -> Zeroizing<[u8; DIGITS]> {
    let mut number = Zeroizing::new(number.to_vec());
    let mut digits = Zeroizing::new([0; DIGITS]);
    for place in digits.iter_mut().rev() {
        let mut rest = 0;
        for byte in number.iter_mut() {
            let dividend = rest * 256 + u16::from(*byte);
            // The rest is below 62, so the dividend is below 62 * 256 and the quotient fits a byte.
            *byte = (dividend / 62) as u8;
            rest = dividend % 62;
        }
        *place = digit(rest as u8);
    }
    digits
}

fn digit(value: u8) -> u8 {
    match value {
        0..=9 => b'0' + value,
        10..=35 => b'A' + (value - 10),
        _ => b'a' + (value - 36),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_form_is_pinned() {
        // Computed with another implementation (Python's integers and zlib.crc32).
        let table = [
            (CLIENT_KEY, [0; 32], "krk_00000000000000000000000000000000000000000004TROaC"),
            (ADMIN_TOKEN, [0; 32], "krt_00000000000000000000000000000000000000000000FG7lb"),
            (CLIENT_KEY, [0xff; 32], "krk_yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp11koHWu"),
        ];
        for (prefix, bytes, text) in table {
            assert_eq!(encode(prefix, &bytes), text);
            assert!(well_formed(text, prefix), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_token() {
        let good = encode(CLIENT_KEY, &[7; 32]);
        assert!(well_formed(&good, CLIENT_KEY));
        let admin = encode(ADMIN_TOKEN, &[7; 32]);
        let renamed = good.replacen("krk", "krt", 1);
        let spaced = format!("{good} ");
        let umlaut = format!("{}ä", &good[..51]);
        let cut = &good[..52];
        for bad in ["", "krk", "krk_", &admin, &spaced, &umlaut, cut, &good.to_lowercase()] {
            assert!(!well_formed(bad, CLIENT_KEY), "{bad}");
        }
        assert!(!well_formed(&renamed, ADMIN_TOKEN), "the checksum covers the prefix");
    }

    proptest! {
        #[test]
        fn a_token_is_well_formed_and_a_changed_one_is_not(bytes: [u8; 32], place in 0..49_usize, other in "[0-9A-Za-z]") {
            let text = encode(CLIENT_KEY, &bytes);
            prop_assert!(well_formed(&text, CLIENT_KEY));
            let mut changed = text.clone();
            changed.replace_range(4 + place..=4 + place, &other);
            prop_assert_eq!(well_formed(&changed, CLIENT_KEY), changed == text);
        }

        #[test]
        fn any_text_can_be_asked(text in any::<String>()) {
            prop_assert!(!well_formed(&text, CLIENT_KEY));
        }
    }
}
