//! The client programs, each run by its own language with the SDKs under `target/sdks`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// What `cargo xtask sdks` made of the lock files beside the programs.
fn sdks() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("sdks")
}

fn source(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdks/clients").join(file)
}

/// A program in Python.
#[track_caller]
pub(crate) fn python(file: &str) -> Command {
    let mut command = bounded(&installed("python/bin/python"));
    command.arg(source(file)).env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONUTF8", "1");
    command
}

/// A program in JavaScript.
#[track_caller]
pub(crate) fn node(file: &str) -> Command {
    let mut command = bounded(Path::new("node"));
    command.arg(source(file)).env("NODE_PATH", installed("node/node_modules"));
    command
}

/// A program in Java, compiled in memory; the JDK's own classes are all that it uses.
pub(crate) fn java(file: &str) -> Command {
    let mut command = bounded(Path::new("java"));
    // The lines of a program are read as UTF-8, whatever the locale.
    command.args(["-Dfile.encoding=UTF-8", "-XX:TieredStopAtLevel=1"]).arg(source(file));
    command
}

/// A program of Debian's, with none of the user's settings.
pub(crate) fn bounded(program: &Path) -> Command {
    // A program that hangs is ended, and that is a failure with what it wrote so far.
    let mut command = Command::new("timeout");
    command.arg("120").arg(program).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.stdin(Stdio::null());
    command
}

/// Runs it to its end.
#[track_caller]
pub(crate) fn output(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert_ne!(output.status.code(), Some(127), "{command:?} is not installed: `cargo xtask sdks` as root installs it");
    output
}

#[track_caller]
fn installed(part: &str) -> PathBuf {
    let path = sdks().join(part);
    assert!(path.exists(), "{} is missing: `cargo xtask sdks` makes it", path.display());
    path
}
