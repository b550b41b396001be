//! `cargo xtask bench`: the release binary with many routes and secrets, on SQLite and on PostgreSQL.

mod machine;
mod page;

use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::debian;
use crate::shell::{self, Failed, cargo, line, step};

const PAGE: &str = "docs/benchmarks.md";

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// Few and short, for the eye: nothing is written.
    quick: bool,
    count: u64,
}

impl Options {
    /// Reads what follows `bench`.
    pub(crate) fn read(words: &[&str]) -> Result<Self, Failed> {
        let (mut quick, mut given) = (false, None);
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            match *word {
                "--quick" => quick = true,
                "--count" => {
                    let count = rest.next().and_then(|n| n.parse().ok()).filter(|n| (1_000..=1_000_000).contains(n));
                    given = Some(count.ok_or_else(|| Failed::new("--count takes a number from 1000 to 1000000"))?);
                }
                other => return Err(Failed::new(format!("bench takes --quick and --count N, not `{other}`"))),
            }
        }
        Ok(Self { quick, count: given.unwrap_or(if quick { 2_000 } else { 100_000 }) })
    }

    /// How often each thing is measured.
    fn times(&self) -> u32 {
        if self.quick { 8 } else { 20 }
    }

    /// After how many changes the memory is looked at again.
    fn changes(&self) -> u32 {
        if self.quick { 200 } else { 1_000 }
    }

    /// As a developer types it.
    fn command(&self) -> String {
        let mut text = "cargo xtask bench".to_owned();
        if self.quick {
            text.push_str(" --quick");
        }
        let usual = Self { quick: self.quick, count: if self.quick { 2_000 } else { 100_000 } };
        if *self != usual {
            text.push_str(&format!(" --count {}", self.count));
        }
        text
    }
}

/// Builds, measures, shows the tables, and writes the page where the run was a full one.
pub(crate) fn run(options: &Options) -> Result<(), Failed> {
    debian::install(debian::TESTS)?;
    step("build", &mut cargo(["build", "--package", "keyroll", "--release", "--quiet"]))?;
    step("build", &mut cargo(["build", "--package", "testkit", "--example", "bench", "--quiet"]))?;
    let figures = measure(options)?;
    let page = page::render(options, &machine::facts()?, &figures);
    if options.quick {
        print!("{}", page::tables(&figures));
        return Ok(());
    }
    fs::write(shell::root().join(PAGE), page)?;
    println!("wrote {PAGE}");
    Ok(())
}

fn measure(options: &Options) -> Result<Value, Failed> {
    let kept = shell::target().join("bench");
    fs::create_dir_all(&kept)?;
    let mut command = Command::new(shell::target().join("debug/examples/bench"));
    command.arg(shell::target().join("release/keyroll")).arg(kept);
    command.args([options.count.to_string(), options.times().to_string(), options.changes().to_string()]);
    println!("── measure: {}", line(&command));
    // Progress is on standard error; the figures come at the end.
    let output = shell::output(command.stdin(Stdio::null()))?;
    serde_json::from_str(&output).map_err(|e| Failed::new(format!("the figures cannot be read: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_its_words_and_says_them_again() {
        for (words, quick, count, said) in [
            (&[][..], false, 100_000, "cargo xtask bench"),
            (&["--quick"], true, 2_000, "cargo xtask bench --quick"),
            (&["--count", "5000"], false, 5_000, "cargo xtask bench --count 5000"),
            (&["--count", "1500", "--quick"], true, 1_500, "cargo xtask bench --quick --count 1500"),
        ] {
            let options = Options::read(words).unwrap();
            assert_eq!(options, Options { quick, count }, "{words:?}");
            assert_eq!(options.command(), said);
        }
        for words in [&["--count"][..], &["--count", "x"], &["--count", "99"], &["fast"]] {
            assert!(Options::read(words).is_err(), "{words:?}");
        }
    }
}
