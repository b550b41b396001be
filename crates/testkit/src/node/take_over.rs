//! A process that starts beside the one that runs, to take its place.

use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use super::{START, STOP, TestNode};

impl TestNode {
    /// Starts the binary once more with `--take-over`, beside the process that runs, and these variables on top.
    ///
    /// # Panics
    /// When the binary cannot be run.
    pub fn successor(&self, variables: &[(&str, &str)]) -> Child {
        let mut command = self.command();
        self.spawn(command.arg("--take-over").envs(variables.iter().copied()))
    }

    /// Has another process take over, and waits until the one that runs has drained and ended, with exit code 0.
    ///
    /// # Panics
    /// When either of the two does otherwise.
    #[track_caller]
    pub fn take_over(&mut self) {
        let successor = self.successor(&[]);
        self.succeed(successor);
    }

    /// The same for a process that was started as [`TestNode::successor`].
    ///
    /// # Panics
    /// When either of the two does otherwise.
    #[track_caller]
    pub fn succeed(&mut self, mut successor: Child) {
        let status = self.wait_exit(START + STOP);
        let early = successor.try_wait().expect("our child");
        self.process = Some(successor);
        assert!(status.success(), "the process before ended with {status}; {}", self.log_tail());
        assert!(early.is_none(), "the successor ended with {early:?}; {}", self.log_tail());
        self.wait_ready();
    }

    /// Takes a process that was started as [`TestNode::successor`] for the node's, now that the one before is gone, and
    /// waits until it is ready.
    ///
    /// # Panics
    /// When it does not become ready.
    #[track_caller]
    pub fn adopt(&mut self, successor: Child) {
        self.process = Some(successor);
        self.wait_ready();
    }

    /// Waits until the log says this more often than `before` times; how often it does.
    ///
    /// # Panics
    /// When it does not in ten seconds.
    #[track_caller]
    pub fn wait_log(&self, text: &str, before: usize) -> usize {
        let until = Instant::now() + Duration::from_secs(10);
        loop {
            let count = self.log().matches(text).count();
            if count > before {
                return count;
            }
            assert!(Instant::now() < until, "{text:?} is not said; {}", self.log_tail());
            thread::sleep(Duration::from_millis(10));
        }
    }
}
