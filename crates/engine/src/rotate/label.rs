//! The places at which a process may die in the middle of a rotation. Tests let it die at each.

use std::str::FromStr;

use model::rotation::EVENTS;

/// A place around the commit of an event, or around the effect of a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// Everything is written, nothing is committed.
    Before(&'static str),
    /// The event is committed, nothing else was done.
    After(&'static str),
    /// A probe has its answers; they are not written down.
    ProbeSent,
}

/// Where to die, for tests; a process that serves anybody has none.
pub type StopAt = Option<Label>;

impl Label {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        let around = EVENTS.into_iter().flat_map(|event| [Self::Before(event), Self::After(event)]);
        around.chain([Self::ProbeSent])
    }
}

impl std::fmt::Display for Label {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Before(event) => write!(f, "{event}.before"),
            Self::After(event) => write!(f, "{event}.after"),
            Self::ProbeSent => f.write_str("probe.sent"),
        }
    }
}

/// A text that is no label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a label of a rotation's step")]
pub struct UnknownLabel;

impl FromStr for Label {
    type Err = UnknownLabel;

    fn from_str(text: &str) -> Result<Self, UnknownLabel> {
        Self::all().find(|label| label.to_string() == text).ok_or(UnknownLabel)
    }
}

/// Dies here, where that is what is asked for: as by `kill -9`, nothing is flushed and nothing is told.
pub(super) fn reach(stop_at: StopAt, label: Label) {
    if stop_at == Some(label) {
        std::process::abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_label_has_a_text_of_its_own() {
        for label in Label::all() {
            assert_eq!(label.to_string().parse(), Ok(label));
        }
        assert_eq!("promoted".parse::<Label>(), Err(UnknownLabel));
        assert_eq!(Label::all().count(), EVENTS.len() * 2 + 1);
    }
}
