//! The words of the API and those of the rules, each in terms of the other.

use api::secret::{SecretClass, SecretKind, SecretState, UsageOutcome};
use model::secret::{Class, Kind, State};
use model::usage::Outcome;

/// The kind that the wire names.
pub(super) fn kind(wire: SecretKind) -> Kind {
    match wire {
        SecretKind::ApiKey => Kind::ApiKey,
        SecretKind::WebhookSecret => Kind::WebhookSecret,
        SecretKind::DatabasePassword => Kind::DatabasePassword,
        SecretKind::DatabaseUrl => Kind::DatabaseUrl,
        SecretKind::OauthToken => Kind::OauthToken,
        SecretKind::Certificate => Kind::Certificate,
        SecretKind::Other => Kind::Other,
    }
}

/// The kind on the wire.
pub(super) fn wire_kind(kind: Kind) -> SecretKind {
    match kind {
        Kind::ApiKey => SecretKind::ApiKey,
        Kind::WebhookSecret => SecretKind::WebhookSecret,
        Kind::DatabasePassword => SecretKind::DatabasePassword,
        Kind::DatabaseUrl => SecretKind::DatabaseUrl,
        Kind::OauthToken => SecretKind::OauthToken,
        Kind::Certificate => SecretKind::Certificate,
        Kind::Other => SecretKind::Other,
    }
}

/// The class that the wire names.
pub(super) fn class(wire: SecretClass) -> Class {
    match wire {
        SecretClass::Critical => Class::Critical,
        SecretClass::Standard => Class::Standard,
    }
}

/// The class on the wire.
pub(super) fn wire_class(class: Class) -> SecretClass {
    match class {
        Class::Critical => SecretClass::Critical,
        Class::Standard => SecretClass::Standard,
    }
}

/// The state that the wire names.
pub(super) fn state(wire: SecretState) -> State {
    match wire {
        SecretState::Active => State::Active,
        SecretState::Deleted => State::Deleted,
    }
}

/// The state on the wire.
pub(super) fn wire_state(state: State) -> SecretState {
    match state {
        State::Active => SecretState::Active,
        State::Deleted => SecretState::Deleted,
    }
}

/// The outcome on the wire.
pub(super) fn wire_outcome(outcome: Outcome) -> UsageOutcome {
    match outcome {
        Outcome::Accepted => UsageOutcome::Accepted,
        Outcome::Rejected => UsageOutcome::Rejected,
        Outcome::Refused => UsageOutcome::Refused,
        Outcome::Throttled => UsageOutcome::Throttled,
        Outcome::Failed => UsageOutcome::Failed,
        Outcome::Unreachable => UsageOutcome::Unreachable,
    }
}
