//! One entry as it stands: what was found about it, and what somebody attested.

use serde::{Deserialize, Serialize};

use crate::rotation::event::Entry;
use crate::rotation::rotation::Attestation;
use crate::time::Timestamp;

/// How an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemState {
    /// It is yet to be done.
    Open,
    /// A record shows that it is done.
    Evidence,
    /// Somebody vouches for it.
    Attested,
    /// There is nothing to do.
    NotApplicable,
}

impl ItemState {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Evidence => "evidence",
            Self::Attested => "attested",
            Self::NotApplicable => "not_applicable",
        }
    }
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Its word.
    pub step: String,
    /// How it stands.
    pub state: ItemState,
    /// What shows it: `event/7` of the rotation's log, `secret/x_v2`, `rotation/rot_…`.
    pub record: Option<String>,
    /// Whose doing it was.
    pub by: Option<String>,
    /// When.
    pub at: Option<Timestamp>,
    /// What was found or attested; why it is open.
    pub note: String,
    /// Where more is to be found, as whoever attested it says.
    pub link: Option<String>,
}

/// What was found about an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::rotation) enum Found {
    /// A record shows it.
    Shown { record: String, by: Option<String>, at: Option<Timestamp>, note: String },
    /// A record shows that somebody vouched for it in the course of the rotation.
    Vouched { record: String, by: String, at: Timestamp, note: String },
    /// There is nothing to do.
    Nothing { record: String, note: String },
    /// Nothing shows it yet.
    Missing { note: String },
    /// Something stands against it: since then, or at this very moment where `since` is absent.
    Against { since: Option<Timestamp>, note: String },
}

impl Found {
    pub(in crate::rotation) fn missing(note: impl Into<String>) -> Self {
        Self::Missing { note: note.into() }
    }

    pub(in crate::rotation) fn against_now(note: impl Into<String>) -> Self {
        Self::Against { since: None, note: note.into() }
    }

    pub(in crate::rotation) fn shown(entry: &Entry, note: impl Into<String>) -> Self {
        Self::Shown {
            record: event(entry.number),
            by: Some(entry.actor.clone()),
            at: Some(entry.at),
            note: note.into(),
        }
    }
}

/// How an event of the log is named as a record.
pub(in crate::rotation) fn event(number: i64) -> String {
    format!("event/{number}")
}

impl Item {
    pub(in crate::rotation) fn open(step: &str, note: String) -> Self {
        Self { step: step.to_owned(), state: ItemState::Open, record: None, by: None, at: None, note, link: None }
    }

    /// What was found and what was attested, held together.
    pub(in crate::rotation) fn of(step: &str, found: Found, attestation: Option<&Attestation>) -> Self {
        let waived = attestation.is_some_and(|own| own.not_applicable);
        match (found, attestation) {
            (Found::Shown { record, by, at, note }, _) => Self {
                step: step.to_owned(),
                state: ItemState::Evidence,
                record: Some(record),
                by,
                at,
                note,
                link: None,
            },
            (Found::Missing { .. } | Found::Vouched { .. } | Found::Nothing { .. }, Some(own)) => {
                Self::attested(step, own, None)
            }
            (Found::Against { since, note }, Some(own)) => match since {
                _ if waived => Self::attested(step, own, Some(&note)),
                // Somebody has looked at it since.
                Some(since) if own.at > since => Self::attested(step, own, Some(&note)),
                _ => Self::open(step, format!("{} attested it, but {note}", own.by)),
            },
            (Found::Vouched { record, by, at, note }, None) => Self {
                step: step.to_owned(),
                state: ItemState::Attested,
                record: Some(record),
                by: Some(by),
                at: Some(at),
                note,
                link: None,
            },
            (Found::Nothing { record, note }, None) => Self {
                step: step.to_owned(),
                state: ItemState::NotApplicable,
                record: Some(record),
                by: None,
                at: None,
                note,
                link: None,
            },
            (Found::Missing { note } | Found::Against { note, .. }, None) => Self::open(step, note),
        }
    }

    fn attested(step: &str, own: &Attestation, although: Option<&str>) -> Self {
        let note = match although {
            Some(although) => format!("{} (although {although})", own.note),
            None => own.note.clone(),
        };
        Self {
            step: step.to_owned(),
            state: if own.not_applicable { ItemState::NotApplicable } else { ItemState::Attested },
            record: Some(event(own.number)),
            by: Some(own.by.clone()),
            at: Some(own.at),
            note,
            link: own.link.clone(),
        }
    }
}
