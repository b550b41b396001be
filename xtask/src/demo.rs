//! The demo, run once as it is and once with injection broken, which it must notice.

use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::shell::{self, Failed};

/// The demo promises to end in under a minute; a machine busy with a build gets twice that.
const PATIENCE: Duration = Duration::from_secs(120);

/// Exit code of a mistake on the command line: a demo that does not know a flag would also end
/// with a failure, and would have noticed nothing.
const USAGE: i32 = 1;

/// Runs both.
///
/// # Errors
/// When the whole demo fails, or the broken one does not; with the end of what it wrote.
pub(crate) fn run() -> Result<(), Failed> {
    let (code, said) = play(&["demo", "--exit"])?;
    judge_whole(code).map_err(|why| failed(why, &said))?;
    let (code, said) = play(&["demo", "--exit", "--break-injection"])?;
    judge_broken(code).map_err(|why| failed(why, &said))
}

/// `None` stands for an end by a signal.
fn judge_whole(code: Option<i32>) -> Result<(), &'static str> {
    match code {
        Some(0) => Ok(()),
        Some(_) => Err("it did not end with exit code 0"),
        None => Err("a signal ended it"),
    }
}

fn judge_broken(code: Option<i32>) -> Result<(), &'static str> {
    match code {
        Some(0) => Err("with injection broken it still says that all is well"),
        Some(USAGE) => Err("--break-injection must end with exit code 2, not with that of a usage mistake"),
        None => Err("with injection broken a signal ended it"),
        Some(_) => Ok(()),
    }
}

fn failed(why: &str, said: &str) -> Failed {
    Failed::new(format!("step `demo` failed: {why}; the end of what it wrote:\n{said}"))
}

fn play(args: &[&str]) -> Result<(Option<i32>, String), Failed> {
    let mut command = Command::new(shell::keyroll());
    command.args(args);
    println!("── demo: {}", shell::line(&command));
    let folder = shell::target().join("xtask");
    fs::create_dir_all(&folder)?;
    let path = folder.join("demo.log");
    let log = File::create(&path)?;
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).current_dir(&folder);
    let mut child = command.spawn().map_err(|e| Failed::new(format!("step `demo` could not run: {e}")))?;
    let ended = shell::wait(&mut child, PATIENCE);
    let said = tail(&fs::read_to_string(&path)?);
    match ended {
        Ok(status) => Ok((status.code(), said)),
        Err(late) => Err(failed(&late.to_string(), &said)),
    }
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(40);
    lines.get(from..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_demo_passes_and_the_broken_one_fails() {
        for (code, whole, broken) in
            [(Some(0), true, false), (Some(USAGE), false, false), (Some(2), false, true), (None, false, false)]
        {
            assert_eq!(judge_whole(code).is_ok(), whole, "{code:?}");
            assert_eq!(judge_broken(code).is_ok(), broken, "{code:?}");
        }
    }

    #[test]
    fn the_tail_is_the_last_forty_lines() {
        let text = (0..50).map(|n| format!("line {n}\n")).collect::<String>();
        assert!(tail(&text).starts_with("line 10\n") && tail(&text).ends_with("line 49"));
        assert_eq!(tail("one\n"), "one");
    }
}
