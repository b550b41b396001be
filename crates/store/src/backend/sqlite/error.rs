//! What SQLite's error codes mean for a caller (<https://www.sqlite.org/rescode.html>).

use rusqlite::ffi;

use crate::error::{Rule, StoreError};

/// Turns the engine's error into ours. The engine's texts name tables and columns, never what a row holds.
pub(super) fn translate(error: rusqlite::Error) -> StoreError {
    let rusqlite::Error::SqliteFailure(code, text) = error else {
        return StoreError::Statement(error.to_string());
    };
    match code.extended_code {
        ffi::SQLITE_CONSTRAINT_TRIGGER => {
            return StoreError::Refused(Rule::from_trigger(text.as_deref().unwrap_or("")));
        }
        ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_UNIQUE => return StoreError::Refused(Rule::Taken),
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => return StoreError::Refused(Rule::ForeignKey),
        _ => {}
    }
    match code.extended_code & 0xff {
        ffi::SQLITE_CONSTRAINT => StoreError::Refused(Rule::Check),
        // A disk that cannot be written is for the caller what a full one is: nothing was stored, and an operator is needed.
        ffi::SQLITE_FULL | ffi::SQLITE_IOERR | ffi::SQLITE_READONLY => StoreError::Full,
        ffi::SQLITE_ERROR | ffi::SQLITE_MISUSE | ffi::SQLITE_RANGE | ffi::SQLITE_MISMATCH | ffi::SQLITE_TOOBIG => {
            StoreError::Statement(text.unwrap_or_else(|| code.to_string()))
        }
        ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB => StoreError::damaged("file", "is not a sound SQLite database"),
        _ => StoreError::away(code.to_string()),
    }
}
