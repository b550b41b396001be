//! What the reader sees: a numbered story on stdout.

use std::io::{self, Write};

/// Writes the story. Nobody may listen, which is no reason to fail.
pub(super) struct Screen {
    step: u32,
}

impl Screen {
    pub(super) fn new() -> Self {
        Self { step: 0 }
    }

    /// The title of the show.
    pub(super) fn title(&mut self, text: &str) {
        self.say(text);
        self.say(&"─".repeat(text.chars().count()));
    }

    /// A step of the story begins.
    pub(super) fn step(&mut self, text: &str) {
        self.step += 1;
        self.say(&format!("\n{}. {text}", self.step));
    }

    /// A line under the current step.
    pub(super) fn note(&mut self, text: &str) {
        self.say(&format!("   {text}"));
    }

    /// A line.
    pub(super) fn say(&mut self, text: &str) {
        let mut out = io::stdout().lock();
        let _ = writeln!(out, "{text}").and_then(|()| out.flush());
    }

    /// The show failed.
    pub(super) fn failure(&mut self, text: &str) {
        let _ = writeln!(io::stderr(), "\nkeyroll demo: {text}");
    }
}
