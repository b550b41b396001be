//! Entity tags of what can be edited: the number of edits, quoted (RFC 9110 section 8.8.3).

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::refusal::Refusal;

/// The tag of a version.
pub(crate) fn tag(version: i64) -> HeaderValue {
    // Digits in quotes are always a header value.
    HeaderValue::from_str(&format!("\"{version}\"")).unwrap_or_else(|_| HeaderValue::from_static("\"0\""))
}

/// Holds `If-Match` against the stored version. Absent is a match: it is honoured, not required.
pub(crate) fn check(headers: &HeaderMap, version: i64) -> Result<(), Refusal> {
    let mut given = headers.get_all(header::IF_MATCH).iter().peekable();
    if given.peek().is_none() {
        return Ok(());
    }
    let wanted = format!("\"{version}\"");
    let matches = given.filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(',')).any(|one| {
        let one = one.trim();
        one == "*" || one == wanted
    });
    if matches {
        return Ok(());
    }
    Err(Refusal::new(
        StatusCode::PRECONDITION_FAILED,
        "precondition-failed",
        "It was changed meanwhile",
        format!("If-Match does not hold the current ETag {wanted}; read it again, and decide anew"),
    ))
}
