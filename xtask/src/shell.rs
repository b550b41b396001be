//! Running other programs, step by step, with a clear word when one fails.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Why a task stopped: one message for the developer.
#[derive(Debug)]
pub(crate) struct Failed(String);

impl Failed {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR");
    let here = here.map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    here.parent().map_or_else(|| here.clone(), PathBuf::from)
}

/// Where cargo builds to.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// The binary as built for development.
pub(crate) fn keyroll() -> PathBuf {
    target().join("debug/keyroll")
}

/// The cargo that runs this task.
pub(crate) fn cargo<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root());
    command
}

/// Runs a command whose output the developer sees; its failure ends the task.
pub(crate) fn step(name: &str, command: &mut Command) -> Result<(), Failed> {
    println!("── {name}: {}", line(command));
    let status = command
        .stdin(Stdio::null())
        .status()
        .map_err(|e| Failed::new(format!("step `{name}` could not run: {e}: {}", line(command))))?;
    if status.success() {
        return Ok(());
    }
    Err(Failed::new(format!("step `{name}` failed ({status}): {}", line(command))))
}

/// Runs a command and returns what it wrote to standard output.
pub(crate) fn output(command: &mut Command) -> Result<String, Failed> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|e| Failed::new(format!("{}: {e}", line(command))))?;
    if !output.status.success() {
        return Err(Failed::new(format!("{} ended with {}", line(command), output.status)));
    }
    String::from_utf8(output.stdout).map_err(|_| Failed::new(format!("{} did not write text", line(command))))
}

/// Runs a command that must succeed, and returns what it wrote to standard error.
pub(crate) fn talk(command: &mut Command) -> Result<String, Failed> {
    let output = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .output()
        .map_err(|e| Failed::new(format!("{}: {e}", line(command))))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() {
        return Ok(said);
    }
    Err(Failed::new(format!("{} ended with {}:\n{said}", line(command), output.status)))
}

/// Whether a command runs and succeeds, without showing what it writes.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|s| s.success())
}

/// Waits for the end of a child; one that takes longer than `patience` is killed.
pub(crate) fn wait(child: &mut Child, patience: Duration) -> Result<ExitStatus, Failed> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if begun.elapsed() > patience {
            child.kill()?;
            child.wait()?;
            return Err(Failed::new(format!("still running after {} s", patience.as_secs())));
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// The command as a developer would type it.
pub(crate) fn line(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let program = program.strip_prefix(root()).unwrap_or(program);
    let program = match program.file_name() {
        Some(name) if name == "cargo" => name,
        _ => program.as_os_str(),
    };
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|w| w.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_names_itself_and_its_command() {
        step("good", Command::new("true").arg("x")).unwrap();
        let failed = step("bad", Command::new("false").arg("x")).unwrap_err().to_string();
        assert_eq!(failed, "step `bad` failed (exit status: 1): false x");
        let absent = step("none", &mut Command::new("/no/such/program")).unwrap_err().to_string();
        assert!(absent.starts_with("step `none` could not run: "), "{absent}");
    }

    #[test]
    fn a_child_that_hangs_is_ended() {
        let mut quick = Command::new("true").spawn().unwrap();
        assert!(wait(&mut quick, Duration::from_secs(10)).unwrap().success());
        let mut slow = Command::new("sleep").arg("60").spawn().unwrap();
        let failed = wait(&mut slow, Duration::from_millis(50)).unwrap_err();
        assert!(failed.to_string().starts_with("still running after"));
        assert!(slow.try_wait().unwrap().is_some());
    }
}
