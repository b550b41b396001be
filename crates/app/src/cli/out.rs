//! The streams of the process: the only place that writes to stdout and stderr, reads stdin, or asks a question.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Read, Write};

use super::fault::Fault;
use api::problem::Problem;
use indicatif::{ProgressBar, ProgressStyle};

/// The streams of the process, and whether a person sits at them.
pub(crate) struct Out {
    stdin: Box<dyn Read + Send>,
    stdout: Box<dyn Write + Send>,
    stderr: Box<dyn Write + Send>,
    /// Whether questions can be asked: stdin and stderr are a terminal.
    interactive: bool,
    /// Whether stderr may be coloured.
    color: bool,
    /// Whether stderr is a terminal, on which progress can be seen.
    terminal: bool,
    /// The progress that is seen now.
    bar: Option<ProgressBar>,
}

impl Out {
    /// The real streams.
    pub(crate) fn real() -> Self {
        let person = io::stderr().is_terminal();
        let text = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        Self {
            stdin: Box::new(io::stdin()),
            stdout: Box::new(io::BufWriter::new(io::stdout())),
            stderr: Box::new(io::stderr()),
            interactive: person && io::stdin().is_terminal(),
            color: colors(text("NO_COLOR").is_some(), text("CLICOLOR_FORCE"), person),
            terminal: person,
            bar: None,
        }
    }

    /// Streams for a test: `stdin` is given, what is written can be collected.
    #[cfg(test)]
    pub(super) fn scripted(
        stdin: &'static [u8],
        stdout: impl Write + Send + 'static,
        stderr: impl Write + Send + 'static,
        interactive: bool,
    ) -> Self {
        Self {
            stdin: Box::new(stdin),
            stdout: Box::new(stdout),
            stderr: Box::new(stderr),
            interactive,
            color: false,
            terminal: false,
            bar: None,
        }
    }

    /// Whether a person can be asked.
    pub(super) fn is_interactive(&self) -> bool {
        self.interactive
    }

    /// stdin, to be read to its end.
    pub(super) fn stdin(&mut self) -> &mut (dyn Read + Send) {
        &mut *self.stdin
    }

    /// Writes data to stdout, as it is.
    pub(super) fn data(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        Ok(self.stdout.write_all(bytes)?)
    }

    /// Writes one line of data to stdout.
    pub(super) fn line(&mut self, text: &str) -> Result<(), Fault> {
        Ok(writeln!(self.stdout, "{text}")?)
    }

    /// Sends on what is still held back.
    pub(super) fn flush(&mut self) -> Result<(), Fault> {
        Ok(self.stdout.flush()?)
    }

    /// Shows on a terminal how far something is; it is gone with the next word. Elsewhere nobody could see it move.
    pub(crate) fn progress(&mut self, done: u64, total: u64, what: &str) {
        if !self.terminal {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} {msg}");
            ProgressBar::new(total).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        bar.set_length(total);
        bar.set_position(done);
        bar.set_message(plain(what));
    }

    /// Draws these lines on a terminal, over those drawn before; they are gone with the next word. Elsewhere nobody could see
    /// them change.
    pub(super) fn pane(&mut self, text: &str) {
        if !self.terminal {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let style = ProgressStyle::with_template("{msg}");
            ProgressBar::new_spinner().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
        });
        bar.set_message(plain(text));
    }

    /// Takes away what was drawn, before something else stands there.
    pub(super) fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    /// Says something to the person, on stderr. If nobody listens, nothing is lost.
    pub(crate) fn say(&mut self, text: &str) {
        self.clear();
        let _ = writeln!(self.stderr, "{}", plain(text));
    }

    /// Asks where a person can be asked; whoever cannot be asked agrees.
    pub(crate) fn agrees(&mut self, question: &str) -> bool {
        !self.interactive || self.ask(question).unwrap_or(false)
    }

    /// Asks a question with yes and no; no is what an empty line means.
    pub(super) fn ask(&mut self, question: &str) -> Result<bool, Fault> {
        write!(self.stderr, "{} [y/N] ", plain(question))?;
        self.stderr.flush()?;
        let mut line = Vec::new();
        let mut byte = [0];
        // Byte by byte: nothing after the line may be swallowed.
        while self.stdin.read(&mut byte)? == 1 && byte != *b"\n" {
            line.extend_from_slice(&byte);
        }
        Ok(matches!(String::from_utf8_lossy(&line).trim().to_ascii_lowercase().as_str(), "y" | "yes"))
    }

    /// Tells why a command had no success; with `json` as the server's problem document where there is one.
    pub(super) fn fault(&mut self, fault: &Fault, json: bool) {
        self.clear();
        if fault.code() == 0 {
            return;
        }
        if let (true, Some(problem)) = (json, fault.problem()) {
            let text = serde_json::to_string_pretty(problem).unwrap_or_default();
            let _ = writeln!(self.stderr, "{text}");
            return;
        }
        let (red, end) = if self.color { ("\u{1b}[31;1m", "\u{1b}[0m") } else { ("", "") };
        let _ = write!(self.stderr, "{red}error:{end} ");
        self.say(&fault.to_string());
        if let Some(problem) = fault.problem() {
            for line in particulars(problem) {
                self.say(&line);
            }
        }
    }
}

/// Colour on a terminal, anywhere with `CLICOLOR_FORCE` other than 0, and never with `NO_COLOR`.
fn colors(refused: bool, forced: Option<OsString>, terminal: bool) -> bool {
    !refused && (terminal || forced.is_some_and(|value| value != "0"))
}

/// What a problem says beyond its first sentence, a line each.
pub(super) fn particulars(problem: &Problem) -> Vec<String> {
    let mut lines = Vec::new();
    // Where one rule alone is broken, the sentence of the problem says it already.
    let told = |detail: &str| problem.errors.len() == 1 && problem.detail.contains(detail);
    for error in problem.errors.iter().filter(|error| !told(&error.detail)) {
        lines.push(format!("  {}: {} ({})", error.pointer, error.detail, error.code));
    }
    for reference in &problem.references {
        let place = match &reference.environment {
            Some(environment) => format!("{} in {environment}", reference.route),
            None => format!("{} (base)", reference.route),
        };
        let note = if reference.enabled { "" } else { ", not served there" };
        lines.push(format!("  used by route {place}: {}{note}", reference.field));
    }
    if let Some(name) = &problem.did_you_mean {
        // The sentence of the server often says so already.
        if !problem.detail.contains(name.as_str()) {
            lines.push(format!("  did you mean {name}?"));
        }
    }
    if let Some(moment) = &problem.deletable_at {
        lines.push(format!("  possible from {moment} on"));
    }
    if let Some(rotation) = &problem.rotation {
        lines.push(format!("  see: keyroll rotation get {rotation}"));
    }
    if let Some(possible) = problem.possible.as_ref().filter(|possible| !possible.is_empty()) {
        lines.push(format!("  possible now: {}", possible.join(", ")));
    }
    if !problem.request_id.is_empty() {
        lines.push(format!("  request {}", problem.request_id));
    }
    lines
}

/// `text` without characters that could drive a terminal.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|found| if found.is_control() && found != '\n' { '\u{fffd}' } else { found }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_read_one_line_and_no_more() {
        for (typed, answer) in [("y\nrest", true), ("YES\n", true), ("n\n", false), ("\n", false), ("", false)] {
            let mut out = Out::scripted(typed.as_bytes(), io::sink(), io::sink(), true);
            assert_eq!(out.ask("Sure?").unwrap(), answer, "{typed:?}");
            let mut rest = String::new();
            out.stdin().read_to_string(&mut rest).unwrap();
            assert_eq!(rest, typed.split_once('\n').map_or("", |(_, rest)| rest));
        }
    }

    #[test]
    fn colour() {
        let forced = |text: &str| Some(OsString::from(text));
        for (refused, force, terminal, expected) in [
            (false, None, true, true),
            (false, None, false, false),
            (false, forced("1"), false, true),
            (false, forced("0"), false, false),
            (false, forced("0"), true, true),
            (true, forced("1"), true, false),
        ] {
            assert_eq!(colors(refused, force.clone(), terminal), expected, "{refused} {force:?} {terminal}");
        }
    }

    #[test]
    fn what_the_server_says_cannot_drive_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\nc"), "a\u{fffd}[2Jb\nc");
    }

    #[test]
    fn a_problem_is_told_with_all_that_helps() {
        let problem: Problem = serde_json::from_value(serde_json::json!({
            "type": "", "title": "In use", "status": 409, "code": "secret-is-referenced", "request_id": "r1",
            "references": [{"route": "pay", "environment": "staging", "field": "inject.headers.A", "enabled": true},
                           {"route": "old", "environment": null, "field": "inject.query.k", "enabled": false}],
            "errors": [{"pointer": "/name", "code": "name-invalid", "detail": "too long"}], "did_you_mean": "x",
            "rotation": "rot_1", "possible": ["hold", "roll-back"]
        }))
        .unwrap();
        assert_eq!(
            particulars(&problem),
            [
                "  /name: too long (name-invalid)",
                "  used by route pay in staging: inject.headers.A",
                "  used by route old (base): inject.query.k, not served there",
                "  did you mean x?",
                "  see: keyroll rotation get rot_1",
                "  possible now: hold, roll-back",
                "  request r1",
            ]
        );
    }
}
