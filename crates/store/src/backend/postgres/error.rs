//! What PostgreSQL's error codes mean for a caller (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).

use tokio_postgres::Error;
use tokio_postgres::error::{DbError, SqlState};

use crate::error::{Rule, StoreError};

/// The code that the guards raise, with the rule's name as the message. A class that PostgreSQL itself never uses.
const GUARD: &str = "KR001";

/// Turns the engine's error into ours. Only the message is taken over: the detail repeats what a row holds.
pub(super) fn translate(error: &Error) -> StoreError {
    let Some(refusal) = error.as_db_error() else {
        return without_server(error);
    };
    let code = refusal.code();
    if code.code() == GUARD {
        return StoreError::Refused(Rule::from_trigger(refusal.message()));
    }
    if *code == SqlState::UNIQUE_VIOLATION {
        return StoreError::Refused(Rule::Taken);
    }
    if *code == SqlState::FOREIGN_KEY_VIOLATION {
        return StoreError::Refused(Rule::ForeignKey);
    }
    match code.code().get(..2) {
        Some("23") => StoreError::Refused(Rule::Check),
        // Class 22 is about values; what is in them does not belong into a text.
        Some("22") => StoreError::Refused(Rule::Check),
        Some("28" | "3D") => StoreError::Rejected(said(refusal)),
        // Of class 53, memory and connections pass by themselves, and a full disk does not.
        Some("53") if *code == SqlState::DISK_FULL => StoreError::Full,
        Some("58") => StoreError::Full,
        Some("08" | "25" | "40" | "53" | "55" | "57") => StoreError::away(said(refusal)),
        Some("XX") => StoreError::away(said(refusal)),
        _ => StoreError::Statement(said(refusal)),
    }
}

fn said(refusal: &DbError) -> String {
    format!("{} ({})", refusal.message(), refusal.code().code())
}

/// Errors of the connection, or of the values that were bound.
fn without_server(error: &Error) -> StoreError {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    let is_ours =
        ["error serializing", "unexpected number of", "expected "].iter().any(|begin| text.starts_with(begin));
    if is_ours { StoreError::Statement(text) } else { StoreError::away(text) }
}
