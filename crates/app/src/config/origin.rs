//! Where a setting came from, and the mistakes that are reported with their places.

use std::fmt;
use std::path::{Path, PathBuf};

/// Where a setting came from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// A file, and the line counted from 1; without a line the file as a whole.
    File(PathBuf, Option<usize>),
    /// An environment variable.
    Variable(String),
    /// A flag of the command line.
    Flag(&'static str),
    /// Nobody set it.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, Some(line)) => write!(f, "{}:{line}", path.display()),
            Self::File(path, None) => write!(f, "{}", path.display()),
            Self::Variable(name) => f.write_str(name),
            Self::Flag(name) => f.write_str(name),
            Self::Default => f.write_str("default"),
        }
    }
}

/// One mistake and where it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mistake {
    /// Where to correct it.
    pub(crate) origin: Origin,
    /// What is wrong, and what would be right.
    pub(crate) message: String,
}

impl Mistake {
    /// A mistake at `origin`.
    pub(super) fn new(origin: Origin, message: impl Into<String>) -> Self {
        Self { origin, message: message.into() }
    }
}

/// All mistakes of a configuration: files by line first, then variables, then flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistakes(pub(super) Vec<Mistake>);

impl Mistakes {
    /// One after the other.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Mistake> {
        self.0.iter()
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => write!(f, "the configuration has a mistake")?,
            count => write!(f, "the configuration has {count} mistakes")?,
        }
        for mistake in &self.0 {
            write!(f, "\n  {}: {}", mistake.origin, mistake.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

/// The text of a configuration file, for turning positions into lines.
pub(super) struct FileText {
    /// Its path as it was named.
    pub(super) path: PathBuf,
    /// Its content.
    pub(super) text: String,
}

impl FileText {
    /// Reads the file; `None` where it does not exist.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, Mistake> {
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Some(Self { path: path.to_owned(), text })),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Mistake::new(Origin::File(path.to_owned(), None), format!("cannot be read: {error}"))),
        }
    }

    /// The place of the byte at `offset`.
    pub(super) fn at(&self, offset: usize) -> Origin {
        let line = self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1;
        Origin::File(self.path.clone(), Some(line))
    }
}
