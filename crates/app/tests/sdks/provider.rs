//! The frame of a stand-in for a provider: it accepts the real credential alone, and keeps what it is sent.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use testkit::{Answer, Recorded, Upstream};

/// Where and what a provider's credential is.
#[derive(Clone, Copy)]
pub(crate) struct Door {
    /// The header that carries it.
    pub(crate) header: &'static str,
    /// What stands before it there.
    pub(crate) scheme: &'static str,
    /// The credential, and its successor.
    pub(crate) values: [&'static str; 2],
    /// A harmless request that is answered with 200.
    pub(crate) probe: &'static str,
    /// The provider's answer to a credential that it does not know.
    pub(crate) unknown: fn() -> Answer,
}

impl Door {
    /// The headers that a route adds, with this secret.
    pub(crate) fn headers(&self, secret: &str) -> Value {
        json!({self.header: format!("{}{{{{{secret}}}}}", self.scheme)})
    }

    fn line(&self, value: &str) -> String {
        format!("{}{value}", self.scheme)
    }
}

/// A running stand-in.
pub(crate) struct Provider {
    pub(crate) door: Door,
    pub(crate) upstream: Upstream,
    accepted: Arc<Mutex<Vec<&'static str>>>,
}

impl Provider {
    /// Accepts the credential and its successor, as a provider does between the two halves of a replacement.
    pub(crate) fn start(door: Door, api: impl Fn(&Recorded) -> Answer + Send + Sync + 'static) -> Self {
        let accepted = Arc::new(Mutex::new(door.values.to_vec()));
        let known = Arc::clone(&accepted);
        let upstream = Upstream::start(move |request| {
            let shown = request.all(door.header);
            let good = known.lock().unwrap().iter().any(|value| shown == [door.line(value)]);
            if good { api(request) } else { (door.unknown)() }
        });
        Self { door, upstream, accepted }
    }

    /// Knows no credential any longer.
    pub(crate) fn revoke(&self) {
        self.accepted.lock().unwrap().clear();
    }

    /// How many requests carried this credential.
    pub(crate) fn count_of(&self, value: &str) -> usize {
        let line = self.door.line(value);
        self.upstream.records().iter().filter(|record| record.all(self.door.header) == [line.clone()]).count()
    }

    /// Asserts that each request carried one of the two credentials, once, and no key of a client anywhere; answers
    /// which credential each carried.
    #[track_caller]
    pub(crate) fn carried(&self) -> Vec<&'static str> {
        let records = self.upstream.records();
        records.iter().map(|record| self.carried_by(record)).collect()
    }

    #[track_caller]
    fn carried_by(&self, record: &Recorded) -> &'static str {
        let text = String::from_utf8_lossy(&[&*record.head, &*record.body].concat()).into_owned();
        let shown = record.all(self.door.header);
        let value = self.door.values.into_iter().find(|value| shown == [self.door.line(value)]);
        let value = value.unwrap_or_else(|| panic!("{} is {shown:?} in\n{text}", self.door.header));
        let all: usize = self.door.values.iter().map(|value| text.matches(value).count()).sum();
        assert_eq!(all, 1, "the credential is there more than once:\n{text}");
        assert!(!text.contains("krk_"), "a client's key went to the provider:\n{text}");
        value
    }
}
