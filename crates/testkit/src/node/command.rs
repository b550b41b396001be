//! The command line of the product, run against a node.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::TestNode;

/// How a command ended and what it wrote.
#[derive(Clone, Debug)]
pub struct CliOutput {
    /// Exit code; -1 when a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl CliOutput {
    /// This output, once its exit code is the expected one.
    ///
    /// # Panics
    /// When it is another one; the message shows both streams.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        let Self { stdout, stderr, .. } = &self;
        assert_eq!(self.code, code, "unexpected exit code\nstdout: {stdout}\nstderr: {stderr}");
        self
    }

    /// Standard output as JSON.
    ///
    /// # Panics
    /// When it is not JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("not JSON ({e}): {}{}", self.stdout, self.stderr))
    }
}

impl TestNode {
    /// Runs the binary with these arguments, with `KEYROLL_ADDR` and `KEYROLL_TOKEN` of this node,
    /// `stdin` as its input, and no terminal. The output goes into the transcript.
    ///
    /// # Panics
    /// When the binary cannot be run.
    #[track_caller]
    pub fn cli(&self, args: &[&str], stdin: &str) -> CliOutput {
        self.cli_as(Some(&self.token), args, stdin)
    }

    /// As [`TestNode::cli`], with another token or none.
    ///
    /// # Panics
    /// When the binary cannot be run.
    #[track_caller]
    pub fn cli_as(&self, token: Option<&str>, args: &[&str], stdin: &str) -> CliOutput {
        let mut command = Command::new(&self.options.binary);
        command
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.work_dir())
            .env("KEYROLL_ADDR", &self.admin)
            .current_dir(self.work_dir())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(token) = token {
            command.env("KEYROLL_TOKEN", token);
        }
        let mut process = command.spawn().expect("the binary runs");
        if let Some(mut input) = process.stdin.take() {
            // A command that needs no input may have ended before it is written.
            let _ = input.write_all(stdin.as_bytes());
        }
        let output = process.wait_with_output().expect("our child");
        let label = args.join(" ");
        self.transcript.add(&format!("stdout of keyroll {label}"), &output.stdout);
        self.transcript.add(&format!("stderr of keyroll {label}"), &output.stderr);
        CliOutput {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}
