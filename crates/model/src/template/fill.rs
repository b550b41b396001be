//! From runs to bytes, once per request: copying, which cannot fail.

use zeroize::Zeroizing;

use super::compile::{Compiled, Form, Run, basic};
use super::{Builtin, place};

/// What the built-ins of one request are.
///
/// The caller makes `request_id` sane (it may come from a client). Should it hold something odd nevertheless, it can
/// not leave its place: a query encodes it, a JSON writer escapes it, and in a header control characters become `_`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts<'a> {
    /// The id that the request is logged under.
    pub request_id: &'a str,
    /// The environment's name.
    pub environment: &'a str,
    /// The route's name.
    pub route: &'a str,
    /// The client's name.
    pub client: &'a str,
    /// The moment of the request, RFC 3339 in UTC.
    pub timestamp: &'a str,
}

impl<'a> Facts<'a> {
    fn get(&self, builtin: Builtin) -> &'a str {
        match builtin {
            Builtin::RequestId => self.request_id,
            Builtin::Environment => self.environment,
            Builtin::Route => self.route,
            Builtin::Client => self.client,
            Builtin::Timestamp => self.timestamp,
        }
    }
}

impl Compiled {
    /// The finished bytes, where no built-in is left to fill in.
    #[must_use]
    pub fn fixed(&self) -> Option<&[u8]> {
        self.fixed_text().map(str::as_bytes)
    }

    /// The finished text, where no built-in is left to fill in.
    #[must_use]
    pub fn fixed_text(&self) -> Option<&str> {
        match self.runs.as_slice() {
            [] => Some(""),
            [Run::Fixed(text)] => Some(text),
            _ => None,
        }
    }

    /// Appends the text for one request to `out`, in UTF-8.
    ///
    /// `out` grows at most once. It holds plaintext afterwards: zeroing it is up to the caller.
    pub fn fill(&self, facts: &Facts<'_>, out: &mut Vec<u8>) {
        out.reserve(self.length(facts));
        self.write(facts, &mut |piece| out.extend_from_slice(piece.as_bytes()));
    }

    /// As [`Compiled::fill`], into a string; for a body member, which a JSON writer then escapes.
    pub fn fill_text(&self, facts: &Facts<'_>, out: &mut String) {
        out.reserve(self.length(facts));
        self.write(facts, &mut |piece| out.push_str(piece));
    }

    fn length(&self, facts: &Facts<'_>) -> usize {
        let mut length = 0;
        self.write(facts, &mut |piece| length += piece.len());
        length
    }

    fn write(&self, facts: &Facts<'_>, sink: &mut impl FnMut(&str)) {
        if self.form != Form::Basic {
            return self.write_runs(facts, sink);
        }
        let mut length = 0;
        self.write_runs(facts, &mut |piece| length += piece.len());
        let mut plain = Zeroizing::new(String::with_capacity(length));
        self.write_runs(facts, &mut |piece| plain.push_str(piece));
        sink(&basic(&plain));
    }

    fn write_runs(&self, facts: &Facts<'_>, sink: &mut impl FnMut(&str)) {
        for run in &self.runs {
            match run {
                Run::Fixed(text) => sink(text),
                Run::Builtin(builtin) => encode(self.form, facts.get(*builtin), sink),
            }
        }
    }
}

/// Hands `text` to `sink` piece by piece as `form` writes it.
pub(super) fn encode(form: Form, text: &str, sink: &mut impl FnMut(&str)) {
    match form {
        Form::Body => sink(text),
        Form::Header | Form::Basic => {
            let mut pieces = text.split(|c: char| u8::try_from(c).is_ok_and(|byte| !place::fits_header(byte)));
            if let Some(first) = pieces.next() {
                sink(first);
            }
            for piece in pieces {
                sink("_");
                sink(piece);
            }
        }
        Form::Percent => {
            let mut buffer = [0; 4];
            for c in text.chars() {
                let unreserved = c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~');
                let written: &str = c.encode_utf8(&mut buffer);
                if unreserved {
                    sink(written);
                    continue;
                }
                for byte in written.bytes() {
                    sink("%");
                    sink(hex_digit(byte >> 4));
                    sink(hex_digit(byte & 0x0f));
                }
            }
        }
    }
}

fn hex_digit(nibble: u8) -> &'static str {
    let at = usize::from(nibble);
    "0123456789ABCDEF".get(at..=at).unwrap_or_default()
}
