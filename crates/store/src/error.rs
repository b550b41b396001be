//! What can go wrong with the database, by what the caller can do about it.

use std::fmt;

/// Why the store did not do what was asked. No variant holds what a row contained.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Busy, locked or away; the same call may succeed later.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// The server refused the login, or has no such database. Trying again helps only once somebody has mended that.
    #[error("the database server refused the connection: {0}")]
    Rejected(String),
    /// The connection broke in the middle of a commit: the change is there whole, or not at all. Look before trying again.
    #[error("the connection to the database broke in the middle of a commit; whether it was made is not known")]
    OutcomeUnknown,
    /// Somebody else holds the lease by now; nothing was written.
    #[error("the lease {0} has passed to another node")]
    LeaseLost(&'static str),
    /// Another process is taking over and writes in the place of this one.
    #[error("another process is taking over from this one")]
    HandedOver,
    /// Something is there already, where an empty database was asked for; nothing was written.
    #[error("the database is not empty")]
    NotEmpty,
    /// No room on the disk; nothing was written.
    #[error("the disk that holds the database is full or cannot be written")]
    Full,
    /// The database itself refused the change.
    #[error("refused by the database: {0}")]
    Refused(Rule),
    /// The thing to be changed does not exist.
    #[error("{0} does not exist")]
    Missing(&'static str),
    /// A cursor that no list of this kind gave out.
    #[error("the cursor is not one that this list gave out")]
    BadCursor,
    /// A column holds what was never written there.
    #[error("the database is damaged: {column} {problem}")]
    Damaged {
        /// The column.
        column: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A row is not as Keyroll wrote it: somebody changed it in the database.
    #[error("the stored {subject} was changed outside Keyroll and is not used")]
    Tampered {
        /// Which: `route payments`.
        subject: String,
    },
    /// The database was made by other migrations than this binary knows.
    #[error(transparent)]
    Migration(#[from] crate::migrate::MigrationError),
    /// The URL of the database cannot be used.
    #[error("the database URL {0}")]
    Url(&'static str),
    /// A statement that the engine does not accept: a mistake in this program.
    #[error("the database did not accept a statement: {0}")]
    Statement(String),
}

impl StoreError {
    pub(crate) fn damaged(column: &str, problem: &'static str) -> Self {
        Self::Damaged { column: column.to_owned(), problem }
    }

    pub(crate) fn away(reason: impl Into<String>) -> Self {
        Self::Unavailable(reason.into())
    }
}

/// A rule that the schema enforces, whoever writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// A secret's name, id or data key was used before.
    SecretNameTaken,
    /// What a secret is made of cannot be changed.
    SecretIsWriteOnce,
    /// A deleted secret stays deleted, and its row stays.
    SecretRowStays,
    /// Something still names the secret.
    SecretIsReferenced,
    /// A route names a secret that is missing or deleted.
    SecretNotFound,
    /// Audit events are only ever added, each with the next sequence.
    AuditIsAppendOnly,
    /// Revisions of a route are only ever added, each with the next number.
    RouteRevisionsAreAppendOnly,
    /// The revision and the size of the audit never go back.
    RevisionGoesForward,
    /// A live rotation needs the secret.
    SecretInRotation,
    /// A rotation keeps its row, its secrets and its end.
    RotationsGoForward,
    /// Lines of a rotation's log are only ever added, each with the next number.
    RotationEventsAreAppendOnly,
    /// Something of this kind already has this name, id or key.
    Taken,
    /// Something still refers to it, or what it refers to does not exist.
    ForeignKey,
    /// A value outside what the column may hold.
    Check,
}

/// The texts that the triggers raise, the same on both engines.
const RULES: [(Rule, &str); 11] = [
    (Rule::SecretNameTaken, "secret-name-taken"),
    (Rule::SecretIsWriteOnce, "secret-is-write-once"),
    (Rule::SecretRowStays, "secret-row-stays"),
    (Rule::SecretIsReferenced, "secret-is-referenced"),
    (Rule::SecretNotFound, "secret-not-found"),
    (Rule::AuditIsAppendOnly, "audit-is-append-only"),
    (Rule::RouteRevisionsAreAppendOnly, "route-revisions-are-append-only"),
    (Rule::RevisionGoesForward, "revision-goes-forward"),
    (Rule::SecretInRotation, "secret-in-rotation"),
    (Rule::RotationsGoForward, "rotations-go-forward"),
    (Rule::RotationEventsAreAppendOnly, "rotation-events-are-append-only"),
];

impl Rule {
    /// The rule that a trigger names.
    pub(crate) fn from_trigger(text: &str) -> Self {
        RULES.iter().find(|(_, word)| *word == text).map_or(Self::Check, |(rule, _)| *rule)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = RULES.iter().find(|(rule, _)| rule == self).map(|(_, word)| *word);
        f.write_str(known.unwrap_or(match self {
            Self::Taken => "already exists",
            Self::ForeignKey => "is still in use, or refers to what does not exist",
            _ => "is outside what the column may hold",
        }))
    }
}
