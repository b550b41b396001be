//! The leak watch: known values are planted, then every sink is searched for every form of them.

mod control;
mod forms;
mod search;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use crate::transcript::Transcript;
pub use forms::{Form, forms};
use search::Needles;

/// The shortest value that can be planted: a shorter one would be found by accident.
pub const SHORTEST: usize = 12;

/// Planted values, and where they were found.
///
/// ```
/// let mut watch = testkit::LeakWatch::new();
/// watch.plant("stripe_api_key", "sk_live_planted_0001");
/// watch.require("upstream's record", b"Authorization: Bearer sk_live_planted_0001", "stripe_api_key");
/// watch.search_bytes("answer", b"{\"name\": \"stripe_api_key\"}");
/// watch.assert_clean();
/// ```
#[derive(Debug, Default)]
pub struct LeakWatch {
    needles: Needles,
    kinds: BTreeSet<Sink>,
    findings: Vec<String>,
}

/// The ways a sink is read; each that was used is put to the proof by [`LeakWatch::assert_clean`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sink {
    Bytes,
    Folder,
    Process,
}

impl LeakWatch {
    /// A watch without plants.
    pub fn new() -> Self {
        Self::default()
    }

    /// Watches this value; `name` stands for it in messages.
    ///
    /// # Panics
    /// When the value is shorter than [`SHORTEST`] bytes.
    pub fn plant(&mut self, name: &str, value: &str) -> &mut Self {
        assert!(value.len() >= SHORTEST, "the value planted as {name} is too short to search for");
        self.needles.add(name, value);
        self
    }

    /// The positive twin: this sink must hold the value as it is, or the scenario proved nothing.
    pub fn require(&mut self, label: &str, bytes: &[u8], name: &str) -> &mut Self {
        let found = self.needles.find(bytes);
        if !found.iter().any(|f| f.name == name && f.form == Form::Plain) {
            self.findings.push(format!("{label}: {name} should be here and is not"));
        }
        self
    }

    /// Searches these bytes: an output, an answer, an export.
    pub fn search_bytes(&mut self, label: &str, bytes: &[u8]) -> &mut Self {
        self.kinds.insert(Sink::Bytes);
        self.look(label, bytes);
        self
    }

    /// Searches everything that was answered over HTTP and on the command line.
    pub fn search_transcript(&mut self, transcript: &Transcript) -> &mut Self {
        let entries = transcript.entries();
        if entries.is_empty() {
            self.findings.push("transcript: nothing in it to search".to_owned());
        }
        for entry in entries {
            self.search_bytes(&entry.label, &entry.bytes);
        }
        self
    }

    /// Searches every file under this folder (or this one file): database, write-ahead log, logs,
    /// keys, and the file names. A file that goes away meanwhile is passed over.
    pub fn search_dir(&mut self, path: &Path) -> &mut Self {
        self.kinds.insert(Sink::Folder);
        let mut files = 0;
        if let Err(error) = self.walk(path, &mut files) {
            self.findings.push(format!("{}: cannot be searched: {error}", path.display()));
        }
        if files == 0 {
            self.findings.push(format!("{}: no file to search", path.display()));
        }
        self
    }

    /// Searches the environment, the command line and the name of this process.
    pub fn search_proc(&mut self, pid: u32) -> &mut Self {
        self.kinds.insert(Sink::Process);
        for file in ["environ", "cmdline", "comm"] {
            let path = format!("/proc/{pid}/{file}");
            // A process that is gone, or not ours, was not searched.
            match fs::read(&path) {
                Ok(bytes) => self.look(&path, &bytes),
                Err(error) => self.findings.push(format!("{path}: cannot be searched: {error}")),
            }
        }
        self
    }

    /// What was found so far, one line each, without the values.
    pub fn findings(&self) -> &[String] {
        &self.findings
    }

    /// Asserts that no planted value was found, and first that the searches used can find one.
    ///
    /// # Panics
    /// With all findings; when a search fails its control; when nothing was planted or searched.
    #[track_caller]
    pub fn assert_clean(&self) {
        assert!(!self.needles.is_empty(), "nothing was planted");
        assert!(!self.kinds.is_empty(), "nothing was searched");
        for kind in &self.kinds {
            control::prove(*kind);
        }
        assert!(self.findings.is_empty(), "leak watch:\n  {}", self.findings.join("\n  "));
    }

    fn look(&mut self, label: &str, bytes: &[u8]) {
        for found in self.needles.find(bytes) {
            self.findings.push(format!("{label}: {} at byte {} in the form {:?}", found.name, found.at, found.form));
        }
    }

    fn walk(&mut self, path: &Path, files: &mut usize) -> io::Result<()> {
        let kind = match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other?.file_type(),
        };
        let label = path.display().to_string();
        self.look(&format!("name of {label}"), label.as_bytes());
        if kind.is_dir() {
            for entry in fs::read_dir(path)? {
                self.walk(&entry?.path(), files)?;
            }
        } else if kind.is_file() {
            match fs::read(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                other => {
                    *files += 1;
                    self.look(&label, &other?);
                }
            }
        }
        Ok(())
    }
}
