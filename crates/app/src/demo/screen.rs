//! What the reader sees: a numbered story on stdout, and on a terminal a last line that lives.

use std::io::{self, IsTerminal, Write};

/// Takes the line away that the cursor is in.
const CLEAR: &str = "\r\x1b[2K";

/// Where the counts stand, beside what is told.
const MARGIN: usize = 72;

/// Writes the story. Nobody may listen, which is no reason to fail.
pub(super) struct Screen {
    step: u32,
    is_terminal: bool,
    lives: bool,
}

impl Screen {
    pub(super) fn new() -> Self {
        Self { step: 0, is_terminal: io::stdout().is_terminal(), lives: false }
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

    /// A line under the current step, with the requests that were sent up to then and those of them that failed.
    pub(super) fn told(&mut self, text: &str, (sent, failed): (u64, u64)) {
        self.note(&format!("{text:<MARGIN$} sent {sent:>6}, failed {failed}"));
    }

    /// A line.
    pub(super) fn say(&mut self, text: &str) {
        let clear = if std::mem::take(&mut self.lives) { CLEAR } else { "" };
        let mut out = io::stdout().lock();
        let _ = writeln!(out, "{clear}{text}").and_then(|()| out.flush());
    }

    /// What holds at this moment; the next line takes its place. Only on a terminal: elsewhere each would stay.
    pub(super) fn live(&mut self, text: &str) {
        if !self.is_terminal {
            return;
        }
        self.lives = true;
        let text: String = text.chars().take(MARGIN).collect();
        let mut out = io::stdout().lock();
        let _ = write!(out, "{CLEAR}   {text}").and_then(|()| out.flush());
    }

    /// The show failed.
    pub(super) fn failure(&mut self, text: &str) {
        let clear = if std::mem::take(&mut self.lives) { CLEAR } else { "" };
        let _ = writeln!(io::stderr(), "{clear}\nkeyroll demo: {text}");
    }
}
