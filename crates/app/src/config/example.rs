//! The example of a configuration file: every setting, commented out, with what holds without it.

use std::fmt::Write;

use super::keys::{Setting, Settings};
use super::show::{last, members};

const INTRODUCTION: &str = "\
# Configuration of a Keyroll node. Every setting is here, commented out, with its default or with an example.
#
# Flags and environment variables go before this file: the variable of `key` in [section] is KEYROLL_SECTION__KEY, and
# the same name with _FILE holds the path of a file with the value. `keyroll config check` reports all mistakes at once,
# `keyroll config show` prints what holds and where it comes from.
";

/// How long a line of text may become.
const WIDTH: usize = 120;

/// The file. Where the `#` before a setting is taken away, it holds.
pub(crate) fn example() -> String {
    let settings = Settings::derive();
    let mut out = String::from(INTRODUCTION);
    for (section, description) in &settings.sections {
        out.push('\n');
        prose(description, &mut out);
        let _ = writeln!(out, "[{section}]");
        members(&settings, section).for_each(|setting| describe(setting, &mut out));
    }
    out
}

fn describe(setting: &Setting, out: &mut String) {
    out.push('\n');
    let mut text = setting.description.clone();
    if !setting.words.is_empty() {
        let _ = write!(text, " One of {}.", setting.words.join(", "));
    }
    if setting.default.is_null() {
        text.push_str(" No default.");
    }
    prose(&text, out);
    let shown = if setting.default.is_null() { setting.example.as_ref() } else { Some(&setting.default) };
    // Strings, switches and lists of strings are written alike in JSON and in TOML.
    let shown = shown.map(|value| format!(" {value}")).unwrap_or_default();
    let _ = writeln!(out, "#{} ={shown}", last(&setting.path));
}

/// `text` as comments of at most [`WIDTH`] characters, broken between words.
fn prose(text: &str, out: &mut String) {
    let mut line = String::from("#");
    for word in text.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(out, "{line}");
            line.truncate(1);
        }
        let _ = write!(line, " {word}");
    }
    let _ = writeln!(out, "{line}");
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    /// The text with those settings in effect that `chosen` takes, by the name before ` =`.
    fn with(chosen: impl Fn(&str) -> bool) -> String {
        let example = example();
        let lines = example.lines().map(|line| match line.strip_prefix('#') {
            Some(setting) if !setting.is_empty() && !setting.starts_with(' ') && chosen(setting) => setting,
            _ => line,
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn it_says_what_holds_without_it() {
        let defaults = Config::default();
        assert_eq!(toml::from_str::<Config>(&example()).unwrap(), defaults, "all is commented out");
        let settings = Settings::derive();
        let has_default = |line: &str| {
            let named = |setting: &&Setting| line.starts_with(&format!("{} =", last(&setting.path)));
            settings.all.iter().filter(named).any(|setting| !setting.default.is_null())
        };
        assert_eq!(toml::from_str::<Config>(&with(has_default)).unwrap(), defaults);
    }

    #[test]
    fn every_setting_is_there_once_and_can_be_read() {
        let exemplified = |line: &str| !line.ends_with(" =");
        let text = with(exemplified);
        toml::from_str::<Config>(&text).unwrap();
        let count =
            example().lines().filter(|line| line.starts_with('#') && !line.starts_with("# ") && line.len() > 1).count();
        assert_eq!(count, Settings::derive().all.len());
    }

    #[test]
    fn lines_are_broken_between_words() {
        assert!(example().lines().all(|line| line.chars().count() <= WIDTH), "{}", example());
    }
}
