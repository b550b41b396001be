//! How the audit tells of what was added to the log of a rotation, whoever added it.

use serde_json::json;

use super::event::{Entry, Event};
use super::rotation::Rotation;
use super::traffic::Traffic;
use crate::audit;

impl Rotation {
    /// How the audit names it.
    #[must_use]
    pub fn subject(&self) -> String {
        format!("rotation/{}", self.id)
    }

    /// The action of lines that were added to its log: by the first of them, those after it follow from it.
    #[must_use]
    pub fn action(added: &[Entry]) -> String {
        format!("rotation.{}", added.first().map_or("planned", |line| line.event.word()))
    }

    /// Writes the lines into their audit event: names, templates and counts, never a value.
    #[must_use]
    pub fn audited(&self, event: audit::Event, added: &[Entry]) -> audit::Event {
        let events: Vec<&Event> = added.iter().map(|line| &line.event).collect();
        let mut event = event.after(json!({
            "outgoing": self.outgoing,
            "incoming": self.incoming,
            "state": self.word(),
            "traffic": Traffic::of(self),
            "events": events,
        }));
        event.rotation_id = Some(self.id.clone());
        event.epoch = Some(self.version);
        event
    }
}
