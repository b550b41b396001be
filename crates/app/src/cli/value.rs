//! Reads a secret's value: from stdin, from a file, or by a prompt that shows nothing; never from an argument.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use api::secret::SecretText;
use clap::Args;
use zeroize::Zeroizing;

use super::fault::Fault;
use super::out::Out;

/// The largest value, in bytes.
const LARGEST: usize = 64 << 10;
/// A line break at the end, of whichever kind, does not count.
const LINE_BREAK: usize = 2;

/// Where a value comes from.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Value (asked for without an echo when neither is given)")]
pub(super) struct ValueArgs {
    /// Read the value from stdin
    #[arg(long, conflicts_with = "value_file")]
    pub(super) value_stdin: bool,
    /// Read the value from a file
    #[arg(long, value_name = "FILE")]
    pub(super) value_file: Option<PathBuf>,
    /// Accept white space around the value (one line break at the end is stripped all the same)
    #[arg(long)]
    pub(super) keep_whitespace: bool,
}

impl ValueArgs {
    /// The value.
    pub(super) fn read(&self, prompt: &str, out: &mut Out) -> Result<SecretText, Fault> {
        let text = if self.value_stdin {
            clean(&read_all(out.stdin())?, self.keep_whitespace)
        } else if let Some(path) = &self.value_file {
            let fault = |source| Fault::File { path: path.clone(), source };
            let mut file = File::open(path).map_err(fault)?;
            clean(&read_all(&mut file).map_err(fault)?, self.keep_whitespace)
        } else if out.is_interactive() {
            check(Zeroizing::new(rpassword::prompt_password(prompt)?), self.keep_whitespace)
        } else {
            Err(Refusal::NoSource)
        };
        text.map(|mut text| SecretText::new(std::mem::take(&mut *text)))
            .map_err(|refusal| Fault::Usage(refusal.to_string()))
    }
}

/// Why a value was not taken. None of them repeats a byte of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    /// There is nobody to ask.
    #[error("give the value by --value-stdin or --value-file (there is no terminal to ask at)")]
    NoSource,
    /// Nothing, or nothing but a line break.
    #[error("the value is empty")]
    Empty,
    /// Too much.
    #[error("the value is larger than 64 KiB")]
    TooLarge,
    /// No text.
    #[error("the value is not UTF-8 text; encode it first, for example with base64")]
    NotText,
    /// Almost always a slip of copy and paste.
    #[error(
        "the value has white space around it (after one line break at its end was stripped); \
         remove it, or insist on it with --keep-whitespace"
    )]
    WhiteSpace,
}

/// All of `source`, but no more than tells that it is too much. The buffer never grows, so no copy stays behind.
pub(super) fn read_all(source: &mut (impl Read + ?Sized)) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let mut buffer = Zeroizing::new(vec![0; LARGEST + LINE_BREAK + 1]);
    let mut filled = 0;
    while let Some(space) = buffer.get_mut(filled..).filter(|space| !space.is_empty()) {
        match source.read(space) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    buffer.truncate(filled);
    Ok(buffer)
}

/// The value in `bytes`: one line break at the end is stripped.
pub(super) fn clean(bytes: &[u8], keep_whitespace: bool) -> Result<Zeroizing<String>, Refusal> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| if bytes.len() > LARGEST { Refusal::TooLarge } else { Refusal::NotText })?;
    let text = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
    check(Zeroizing::new(text.to_owned()), keep_whitespace)
}

fn check(text: Zeroizing<String>, keep_whitespace: bool) -> Result<Zeroizing<String>, Refusal> {
    if text.is_empty() {
        Err(Refusal::Empty)
    } else if text.len() > LARGEST {
        Err(Refusal::TooLarge)
    } else if !keep_whitespace && text.trim().len() != text.len() {
        Err(Refusal::WhiteSpace)
    } else {
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_and_white_space() {
        for (given, keep, expected) in [
            ("v", false, Ok("v")),
            ("v\n", false, Ok("v")),
            ("v\r\n", false, Ok("v")),
            ("a b\tc\nd", false, Ok("a b\tc\nd")),
            ("v\n\n", false, Err(Refusal::WhiteSpace)),
            (" v", false, Err(Refusal::WhiteSpace)),
            ("v ", false, Err(Refusal::WhiteSpace)),
            ("v\r", false, Err(Refusal::WhiteSpace)),
            ("v\u{a0}\n", false, Err(Refusal::WhiteSpace)),
            (" v ", true, Ok(" v ")),
            ("v\n\n", true, Ok("v\n")),
            ("v\n", true, Ok("v")),
            ("", false, Err(Refusal::Empty)),
            ("\n", true, Err(Refusal::Empty)),
            ("  \n", false, Err(Refusal::WhiteSpace)),
        ] {
            let found = clean(given.as_bytes(), keep);
            assert_eq!(
                found.as_ref().map(|text| text.as_str()).map_err(|refusal| *refusal),
                expected,
                "{given:?} {keep}"
            );
        }
        assert_eq!(clean(b"\xff", false), Err(Refusal::NotText));
    }

    #[test]
    fn the_largest_value_may_be_followed_by_a_line_break() {
        let largest = "v".repeat(LARGEST);
        for (given, fits) in [
            (largest.clone(), true),
            (format!("{largest}\r\n"), true),
            (format!("{largest}v"), false),
            (format!("{largest}vvvvvvvv"), false),
            (format!("{}é", "v".repeat(LARGEST + 2)), false),
        ] {
            let read = read_all(&mut given.as_bytes()).unwrap();
            match clean(&read, false) {
                Ok(text) => assert!(fits && text.len() == LARGEST),
                Err(refusal) => assert!(!fits && refusal == Refusal::TooLarge, "{refusal}"),
            }
        }
    }

    #[test]
    fn without_a_source_and_without_a_terminal_it_says_what_to_give() {
        let mut out = Out::scripted(b"unread", std::io::sink(), std::io::sink(), false);
        let fault = ValueArgs::default().read("Value: ", &mut out).unwrap_err();
        assert!(fault.to_string().contains("--value-stdin"), "{fault}");
        let given = ValueArgs { value_stdin: true, ..ValueArgs::default() }.read("Value: ", &mut out).unwrap();
        assert_eq!(given.into_inner(), "unread");
    }
}
