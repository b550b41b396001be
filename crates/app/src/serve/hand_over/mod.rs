//! A process gives its place to another one: the listening sockets first, then what it alone may do, then its counts.
//!
//! `offer` is the side of the process that runs, `take` that of the one that starts, `successor` starts one by itself.
//! What is said between them is below, one message after the other:
//!
//! ```text
//! starting   hello                                    ready              counted
//! running           offer + sockets   released + lock        yours counts …        done
//! starting                    release
//! ```
//!
//! Until `yours` the running process serves; where the connection ends before, it goes on as if nothing had been. A
//! connection that ends without a word means that the other process is gone.

mod channel;
mod offer;
mod successor;
mod take;
mod trial;

use model::time::Timestamp;
use model::usage::{Drained, OUTCOMES, TallyKey};
use serde::{Deserialize, Serialize};

pub(super) use offer::{Holdings, Offer, Offering};
pub(super) use successor::Program;
pub(super) use take::{Follower, TakeOver, TakeOverError};
use trial::TrialCount;

/// Which way of handing over both sides have to speak.
const PROTOCOL: u32 = 1;

/// The socket in the data directory on which a running process offers its place.
const DOOR: &str = "run/hand-over";

/// How many counters are handed over in one message.
const BATCH: usize = 200;

/// What the processes say.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
enum Message {
    /// Who starts, and with what that cannot change in between.
    Hello { protocol: u32, version: String, database: String },
    /// The sockets come along: the one of the admin API, then the gateway's.
    Offer { version: String, gateway: bool, managed: bool },
    /// The running process keeps its place.
    Refused { reason: String },
    /// Everything that can be prepared is.
    Release,
    /// The running process writes no more; the lock of the data directory comes along.
    Released,
    /// The starting process serves.
    Ready,
    /// The running process accepts no more and drains.
    Yours,
    /// What it has counted since.
    Counts { rows: Vec<Count> },
    /// What it has counted in rotations since.
    Trials { rows: Vec<TrialCount> },
    /// These will be written.
    Counted,
    /// There will be no more.
    Done,
}

/// A counter on its way from one process to the other.
#[derive(Debug, Serialize, Deserialize)]
struct Count {
    secret: String,
    route: String,
    environment: String,
    /// In the order of [`OUTCOMES`], to which later versions only ever add.
    counts: Vec<u64>,
    last_used: Option<i64>,
}

impl Count {
    fn new(key: &TallyKey, drained: &Drained) -> Self {
        Self {
            secret: key.secret.as_str().to_owned(),
            route: key.route.as_str().to_owned(),
            environment: key.environment.as_str().to_owned(),
            counts: drained.counts.to_vec(),
            last_used: drained.last_used.map(Timestamp::as_millis),
        }
    }

    /// Nothing where a name is none: the other process is not what it should be.
    fn read(self) -> Option<(TallyKey, Drained)> {
        let key = TallyKey {
            secret: self.secret.parse().ok()?,
            route: self.route.parse().ok()?,
            environment: self.environment.parse().ok()?,
        };
        let mut counts = [0; OUTCOMES.len()];
        counts.iter_mut().zip(self.counts).for_each(|(count, given)| *count = given);
        Some((key, Drained { counts, last_used: self.last_used.map(Timestamp::from_millis) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_comes_back_as_it_went_in() {
        let key = TallyKey {
            secret: "s".parse().unwrap(),
            route: "r".parse().unwrap(),
            environment: "production".parse().unwrap(),
        };
        let drained = Drained { counts: [1, 2, 3, 4, 5, 6], last_used: Some(Timestamp::from_millis(7)) };
        let text = serde_json::to_string(&Count::new(&key, &drained)).unwrap();
        let read = serde_json::from_str::<Count>(&text).unwrap().read().unwrap();
        assert_eq!(read, (key.clone(), drained));
        let unknown = Count { secret: "no name".to_owned(), ..Count::new(&key, &drained) };
        assert!(unknown.read().is_none());
    }
}
