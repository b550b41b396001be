//! The development tasks of Keyroll, as `cargo xtask <task>`.
//!
//! Promise: what is checked on a fresh machine is what is checked here, by the same commands, and
//! a failure names its step and what to do.
//!
//! Absences: imports none of our crates; it asks cargo and the built binary, as a reader would.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a task talks to the developer on the terminal")]

mod bench;
mod cluster;
mod debian;
mod demo;
mod nextest;
mod package;
mod reference;
mod sdks;
mod shell;
mod suite;
mod tidy;

use std::process::ExitCode;

use shell::Failed;

const HELP: &str = "\
Development tasks of Keyroll.

Usage: cargo xtask <task>

Tasks:
  test   All that must pass: installs what the tests use (as root, from Debian's packages), then
         format, clippy, build, tidy, the demo, official SDKs, documentation tests, and all tests
         last, with a PostgreSQL of their own; a test on PostgreSQL that was left out is a failure
  tidy   The house rules that compilers do not know: edges between crates, file sizes, where
         secrets are opened, module docs, links, dependencies, generated references
  gen    Writes docs/reference/ anew from the code
  soak   The long tests, those marked #[ignore = \"soak\"]
  sdks   Installs what the tests with official SDKs use, under target/sdks (a part of test)
  package
         The Debian package in target/package/, and the checks of it and of what lies in deploy/;
         installs what it uses (as root, from Debian's packages; the rest below target/xtask/tools)
  help   This text

Each task ends with 0 when all is well and with 1 after the first step that failed.
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        [] | ["help" | "--help" | "-h", ..] | [_, "--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        ["test"] => suite::test(),
        ["tidy"] => tidy::run(),
        ["gen"] => reference::generate(),
        ["soak"] => suite::soak(),
        ["sdks"] => debian::install(debian::TESTS).and_then(|()| sdks::install()),
        ["package"] => package::run(),
        ["bench", rest @ ..] => bench::Options::read(rest).and_then(|options| bench::run(&options)),
        other => Err(Failed::new(format!("unknown task `{}`\n\n{HELP}", other.join(" ")))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            eprintln!("xtask: {failed}");
            ExitCode::FAILURE
        }
    }
}
