//! The log of a rotation as it can be read from outside: the lines of its evidence, with what the audit says of each.

use model::rotation::{Entry, Event, Rotation};
use model::time::Timestamp;
use serde_json::Value;

use crate::hall::Hall;

/// A rotation at one moment.
pub(crate) struct Log {
    pub(crate) entries: Vec<Entry>,
    pub(crate) now: Rotation,
}

impl Log {
    /// Reads it, and holds what is told of the rotation against what its events come to.
    pub(crate) fn read(hall: &Hall, id: &str) -> Self {
        for _ in 0..50 {
            let told = hall.get(&format!("/v1/rotations/{id}"));
            let evidence = hall.get(&format!("/v1/rotations/{id}/evidence"));
            let audit = hall.get(&format!("/v1/audit?subject=rotation/{id}&limit=500"));
            let lines = evidence["history"].as_array().unwrap();
            let mut events: Vec<Event> = Vec::new();
            for item in audit["items"].as_array().unwrap().iter().rev() {
                let added = item["after"]["events"].as_array().into_iter().flatten();
                events.extend(added.map(|event| serde_json::from_value(event.clone()).unwrap()));
            }
            // One that ends because its secret is deleted is told of in the audit of the secret.
            let words: Vec<&str> = lines.iter().map(|line| line["word"].as_str().unwrap()).collect();
            // Words of operators about the checklist may follow.
            if let Some(at) = words.windows(2).position(|pair| pair == ["deleted", "completed"])
                && words.len() == events.len() + 2
            {
                events.splice(at..at, [Event::Deleted { unused: None }, Event::Completed]);
            }
            if told["history"].as_array().unwrap().len() != lines.len() || words.len() != events.len() {
                // Something happened in between.
                std::thread::sleep(std::time::Duration::from_millis(100));
                continue;
            }
            let entries: Vec<Entry> = lines.iter().zip(events).map(|(line, event)| entry(line, event)).collect();
            let now = Rotation::read(id, &entries).unwrap_or_else(|broken| panic!("{id}: {broken}: {words:?}"));
            assert_eq!(told["state"], now.word(), "{id} is not what its log says");
            let promoted: Vec<&str> = now.promoted.iter().map(|one| one.environment.as_str()).collect();
            assert_eq!(told["promoted"], serde_json::json!(promoted), "{id} is not what its log says");
            return Self { entries, now };
        }
        panic!("{id}: what is told, its evidence and the audit never come to the same");
    }

    /// When it ended; `None` while something can still happen.
    pub(crate) fn ended_at(&self) -> Option<i64> {
        let ends = |entry: &&Entry| {
            matches!(entry.event, Event::Completed | Event::RolledBack { .. } | Event::Abandoned { .. })
        };
        self.entries.iter().find(ends).map(|entry| entry.at.as_millis())
    }

    /// Whether the outgoing secret was out of the snapshots by then.
    pub(crate) fn withdrawn_by(&self, at: i64) -> bool {
        self.entries.iter().any(|entry| matches!(entry.event, Event::Withdrawn { .. }) && entry.at.as_millis() <= at)
    }
}

fn entry(line: &Value, event: Event) -> Entry {
    assert_eq!(line["word"], event.word(), "evidence and audit tell two stories: {line}");
    let at: Timestamp = line["at"].as_str().unwrap().parse().unwrap();
    let (number, actor) = (line["event"].as_i64().unwrap(), line["by"].as_str().unwrap().to_owned());
    Entry { number, at, actor, event }
}
