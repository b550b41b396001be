//! Why a request is refused or failed: the one error type of this listener.

use api::problem::{MemberError, Problem, Reference};
use axum::http::StatusCode;
use model::access::Denied;
use model::problem::Finding;
use store::{IdempotencyRecord, Rule, StoreError};

/// A refusal or failure on its way out. [`crate::answer`] turns it into a response and writes the log line.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// What the caller is told.
    pub(crate) problem: Box<Problem>,
    /// What the log is told, where that is more.
    pub(crate) cause: Option<String>,
    /// Seconds after which it may work.
    pub(crate) retry_after: Option<u64>,
    /// What an earlier request under the same `Idempotency-Key` was answered. It is told instead: nothing was refused,
    /// there only was nothing left to do.
    pub(crate) earlier: Option<Box<IdempotencyRecord>>,
}

impl Refusal {
    /// A refusal with a stable code, its words, and what happened here.
    #[must_use]
    pub(crate) fn new(status: StatusCode, code: &str, title: &str, detail: impl Into<String>) -> Self {
        let problem = Problem {
            kind: format!("urn:keyroll:problem:{code}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            code: code.to_owned(),
            ..Problem::default()
        };
        Self { problem: Box::new(problem), cause: None, retry_after: None, earlier: None }
    }

    /// No refusal: the answer of an earlier request, given again.
    #[must_use]
    pub(crate) fn repeating(record: IdempotencyRecord) -> Self {
        Self { problem: Box::default(), cause: None, retry_after: None, earlier: Some(Box::new(record)) }
    }

    /// 404 `…-not-found`, with the name that was probably meant.
    #[must_use]
    pub(crate) fn not_found(thing: &str, name: &str, meant: Option<&str>) -> Self {
        let detail = match meant {
            Some(meant) => format!("there is no {thing} {name}; did you mean {meant}?"),
            None => format!("there is no {thing} {name}"),
        };
        let mut refusal =
            Self::new(StatusCode::NOT_FOUND, &format!("{thing}-not-found"), &format!("No such {thing}"), detail);
        refusal.problem.did_you_mean = meant.map(str::to_owned);
        refusal
    }

    /// 409: the thing or its state stands against it.
    #[must_use]
    pub(crate) fn conflict(code: &str, title: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, title, detail)
    }

    /// 422: members that break rules, all of them.
    #[must_use]
    pub(crate) fn members(findings: Vec<Finding>) -> Self {
        let detail = match findings.as_slice() {
            [only] if only.pointer.is_empty() => only.detail.clone(),
            [only] => format!("{}: {}", only.pointer, only.detail),
            several => format!("{} members break a rule; see errors", several.len()),
        };
        // One rule, however often it is broken, gives the whole problem its code: a program need not look further.
        let code = match findings.split_first() {
            Some((first, others)) if others.iter().all(|other| other.code == first.code) => first.code,
            _ => "members-invalid",
        };
        let mut refusal = Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, "The request breaks a rule", detail);
        if let [only] = findings.as_slice() {
            refusal.problem.did_you_mean.clone_from(&only.did_you_mean);
        }
        refusal.problem.errors = findings.into_iter().map(member).collect();
        refusal
    }

    /// 422 with one broken rule.
    #[must_use]
    pub(crate) fn member(pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self::members(vec![Finding::new(pointer, code, detail)])
    }

    /// 500: ours. The cause goes to the log alone.
    #[must_use]
    pub(crate) fn internal(cause: impl Into<String>) -> Self {
        let detail = "Keyroll could not do this; the log has the cause under this request's id";
        let mut refusal = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something failed inside", detail);
        refusal.cause = Some(cause.into());
        refusal
    }

    /// The places that name a secret.
    #[must_use]
    pub(crate) fn with_references(mut self, references: Vec<Reference>) -> Self {
        self.problem.references = references;
        self
    }
}

fn member(finding: Finding) -> MemberError {
    MemberError {
        pointer: finding.pointer,
        code: finding.code.to_owned(),
        detail: finding.detail,
        did_you_mean: finding.did_you_mean,
    }
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        Self::new(StatusCode::FORBIDDEN, "permission-denied", "The token may not do this", denied.to_string())
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let (status, code, title, detail) = match &error {
            StoreError::OutcomeUnknown => (
                StatusCode::SERVICE_UNAVAILABLE,
                "outcome-unknown",
                "Whether the change was made is not known",
                "the connection to the database broke in the middle: look before trying again, or send the request again \
                 with the same Idempotency-Key",
            ),
            StoreError::Unavailable(_) | StoreError::Rejected(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "database-unavailable",
                "The database cannot be reached",
                "traffic goes on; try again in a few seconds",
            ),
            StoreError::HandedOver => (
                StatusCode::SERVICE_UNAVAILABLE,
                "handing-over",
                "Another process is taking over from this one",
                "nothing was changed; try again in a second, on a new connection",
            ),
            StoreError::Full => (
                StatusCode::INSUFFICIENT_STORAGE,
                "disk-full",
                "No room for the change",
                "the disk that holds the database is full; nothing was changed and traffic goes on; free some space and try again",
            ),
            StoreError::Tampered { subject } => {
                let detail = format!(
                    "the {subject} was changed in the database, outside Keyroll, and is not used; an admin can delete it \
                     (revoke it, for a token) and make it anew, or it comes back from a backup"
                );
                let mut refusal = Self::conflict("row-tampered", "A stored row was changed outside Keyroll", detail);
                refusal.cause = Some(error.to_string());
                return refusal;
            }
            StoreError::BadCursor => {
                return Self::member("/cursor", "cursor-invalid", "is not a cursor that this list gave out");
            }
            StoreError::Refused(Rule::Taken | Rule::SecretNameTaken) => (
                StatusCode::CONFLICT,
                "name-taken",
                "The name is taken",
                "something of this kind already has this name",
            ),
            StoreError::Refused(Rule::SecretIsReferenced) => (
                StatusCode::CONFLICT,
                "secret-is-referenced",
                "The secret is still named",
                "a route names the secret; point the route elsewhere first",
            ),
            StoreError::Refused(Rule::SecretNotFound) => (
                StatusCode::CONFLICT,
                "secret-not-found",
                "No such secret",
                "a secret that the change names was deleted meanwhile",
            ),
            _ => return Self::internal(error.to_string()),
        };
        let mut refusal = Self::new(status, code, title, detail);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            refusal.retry_after = Some(1);
        }
        refusal.cause = Some(error.to_string());
        refusal
    }
}
