//! Where the database is.

use std::path::PathBuf;
use std::str::FromStr;

use crate::error::StoreError;

/// Where the database is: `sqlite:PATH`, or `sqlite::memory:` for one that is gone when the store is dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file; made, with its directory, when there is none.
    SqliteFile(PathBuf),
    /// A throw-away database for tests, with the same locking as a file.
    SqliteMemory,
}

impl FromStr for DatabaseUrl {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        match text.strip_prefix("sqlite:") {
            Some(":memory:") => Ok(Self::SqliteMemory),
            Some("") => Err(StoreError::Url("names no file; write sqlite:PATH")),
            // `sqlite://host/…` would be taken for a relative path; nobody who writes it means that.
            Some(path) if path.starts_with("//") && !path.starts_with("///") => {
                Err(StoreError::Url("names a host; write sqlite:PATH or sqlite:///PATH"))
            }
            Some(path) => Ok(Self::SqliteFile(PathBuf::from(path.strip_prefix("//").unwrap_or(path)))),
            None => Err(StoreError::Url("is not one this binary can open; write sqlite:PATH")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let file = |path: &str| Some(DatabaseUrl::SqliteFile(PathBuf::from(path)));
        let table = [
            ("sqlite:data/keyroll.db", file("data/keyroll.db")),
            ("sqlite:/var/lib/keyroll.db", file("/var/lib/keyroll.db")),
            ("sqlite:///var/lib/keyroll.db", file("/var/lib/keyroll.db")),
            ("sqlite::memory:", Some(DatabaseUrl::SqliteMemory)),
            ("sqlite:", None),
            ("sqlite://host/db", None),
            ("mysql://host/db", None),
            ("keyroll.db", None),
        ];
        for (text, expected) in table {
            assert_eq!(text.parse().ok(), expected, "{text}");
        }
    }
}
