//! What is remembered of names, and what is to be done when one is asked for; moments are parameters.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// Addresses, at least one, or why there are none.
pub(super) type Answer = Result<Arc<[IpAddr]>, io::ErrorKind>;

/// For so long addresses serve without a new look-up.
const FRESH: Duration = Duration::from_secs(30);
/// For so long a failure is not tried again.
const FAILED: Duration = Duration::from_secs(1);
/// For so long addresses serve while a new look-up fails.
const STALE: Duration = Duration::from_secs(5 * 60);
/// So long a new look-up is waited for where older addresses are there.
const PATIENCE: Duration = Duration::from_secs(1);
/// So many names are remembered.
const MOST: usize = 1024;

/// All names.
#[derive(Default)]
pub(super) struct Names(HashMap<String, Entry>);

struct Entry {
    found: Option<(Arc<[IpAddr]>, Instant)>,
    failed: Option<(io::ErrorKind, Instant)>,
    flight: Option<Flight>,
    asked: Instant,
}

/// A look-up that is under way.
#[derive(Clone)]
pub(super) struct Flight {
    pub(super) landing: watch::Receiver<Option<Answer>>,
    /// Until when who has older addresses waits for it.
    pub(super) patience: Instant,
}

/// What is to be done for a name.
pub(super) enum Ask {
    /// Nothing more.
    Known(Answer),
    /// Somebody looks it up already.
    Wait { flight: Flight, stale: Option<Arc<[IpAddr]>> },
    /// It is to be looked up.
    LookUp { landing: watch::Sender<Option<Answer>>, flight: Flight, stale: Option<Arc<[IpAddr]>> },
    /// It is to be looked up, and not to be remembered: all that is remembered is in use.
    Full,
}

impl Names {
    pub(super) fn ask(&mut self, name: &str, now: Instant) -> Ask {
        if !self.0.contains_key(name) && !self.make_room() {
            return Ask::Full;
        }
        let empty = || Entry { found: None, failed: None, flight: None, asked: now };
        let entry = self.0.entry(name.to_owned()).or_insert_with(empty);
        entry.asked = now;
        let since = |at: Instant| now.saturating_duration_since(at);
        let found = |most: Duration| {
            entry.found.as_ref().filter(|(_, at)| since(*at) < most).map(|(found, _)| Arc::clone(found))
        };
        if let Some(fresh) = found(FRESH) {
            return Ask::Known(Ok(fresh));
        }
        let stale = found(STALE);
        if let Some((error, at)) = entry.failed
            && since(at) < FAILED
        {
            return Ask::Known(stale.ok_or(error));
        }
        if let Some(flight) = &entry.flight {
            return Ask::Wait { flight: flight.clone(), stale };
        }
        let (sender, landing) = watch::channel(None);
        let flight = Flight { landing, patience: now + PATIENCE };
        entry.flight = Some(flight.clone());
        Ask::LookUp { landing: sender, flight, stale }
    }

    pub(super) fn landed(&mut self, name: &str, answer: &Answer, now: Instant) {
        let Some(entry) = self.0.get_mut(name) else { return };
        entry.flight = None;
        match answer {
            Ok(found) => {
                entry.found = Some((Arc::clone(found), now));
                entry.failed = None;
            }
            Err(error) => entry.failed = Some((*error, now)),
        }
    }

    /// Forgets the name that was not asked for the longest, where there are too many. Names that are being looked up
    /// stay: somebody waits for them.
    fn make_room(&mut self) -> bool {
        if self.0.len() < MOST {
            return true;
        }
        let idle = self.0.iter().filter(|(_, entry)| entry.flight.is_none());
        let oldest = idle.min_by_key(|(_, entry)| entry.asked).map(|(name, _)| name.clone());
        oldest.is_some_and(|name| self.0.remove(&name).is_some())
    }
}

#[cfg(test)]
impl Names {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
