//! One PostgreSQL cluster for a whole run of tests, ended with it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::shell::{self, Failed};

/// By this name the tests look for it.
const NAME: &str = "KEYROLL_TEST_POSTGRES";

/// A process of testkit that holds the cluster until its input is closed, which the kernel does
/// when this process is killed.
pub(crate) struct Cluster {
    holder: Child,
    invitation: String,
}

impl Cluster {
    /// Starts it; the holder has been built.
    pub(crate) fn start() -> Result<Self, Failed> {
        let mut command = Command::new(shell::target().join("debug/examples/postgres"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let failed = |why: String| Failed::new(format!("step `cluster` failed: {why}"));
        let mut holder = command.spawn().map_err(|e| failed(format!("{}: {e}", shell::line(&command))))?;
        let mut invitation = String::new();
        if let Some(out) = holder.stdout.take() {
            BufReader::new(out).read_line(&mut invitation)?;
        }
        // From here on its drop ends the holder.
        let cluster = Self { holder, invitation: invitation.trim().to_owned() };
        if cluster.invitation.is_empty() {
            return Err(failed("PostgreSQL did not start; why is written above".to_owned()));
        }
        Ok(cluster)
    }

    /// Lets the tests that this command runs use the cluster.
    pub(crate) fn invite(&self, command: &mut Command) {
        command.env(NAME, &self.invitation);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}
