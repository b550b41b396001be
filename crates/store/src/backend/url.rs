//! Where the database is.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::postgres::PostgresUrl;
use crate::error::StoreError;

/// Where the database is: `sqlite:PATH`, `postgres://USER:PASSWORD@HOST/NAME`, or `sqlite::memory:` for one that is gone
/// when the store is dropped. Displayed without its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file; made, with its directory, when there is none.
    SqliteFile(PathBuf),
    /// A throw-away database for tests, with the same locking as a file.
    SqliteMemory,
    /// A server.
    Postgres(PostgresUrl),
}

impl FromStr for DatabaseUrl {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        if ["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme)) {
            return Ok(Self::Postgres(text.parse()?));
        }
        match text.strip_prefix("sqlite:") {
            Some(":memory:") => Ok(Self::SqliteMemory),
            Some("") => Err(StoreError::Url("names no file; write sqlite:PATH")),
            // `sqlite://host/…` would be taken for a relative path; nobody who writes it means that.
            Some(path) if path.starts_with("//") && !path.starts_with("///") => {
                Err(StoreError::Url("names a host; write sqlite:PATH or sqlite:///PATH"))
            }
            Some(path) => Ok(Self::SqliteFile(PathBuf::from(path.strip_prefix("//").unwrap_or(path)))),
            None => Err(StoreError::Url(
                "is not one this binary can open; write sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME",
            )),
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SqliteFile(path) => write!(f, "sqlite:{}", path.display()),
            Self::SqliteMemory => f.write_str("sqlite::memory:"),
            Self::Postgres(url) => url.fmt(f),
        }
    }
}

impl DatabaseUrl {
    /// Whether several nodes can share it.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres(_))
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
            ("postgres:/host/db", None),
            ("keyroll.db", None),
        ];
        for (text, expected) in table {
            assert_eq!(text.parse().ok(), expected, "{text}");
        }
    }
}
