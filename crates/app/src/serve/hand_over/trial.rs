//! What was counted in rotations, on its way from one process to the other.

use model::snapshot::{SIGNS, TrialDrained, TrialKey};
use model::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The counters of one place in a rotation.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TrialCount {
    rotation: String,
    environment: String,
    route: String,
    upstream: String,
    /// In the order of [`SIGNS`], to which later versions only ever add.
    counts: Vec<u64>,
    needed_at: Option<i64>,
}

impl TrialCount {
    pub(super) fn new((key, drained): &(TrialKey, TrialDrained)) -> Self {
        Self {
            rotation: key.rotation.clone(),
            environment: key.environment.as_str().to_owned(),
            route: key.route.as_str().to_owned(),
            upstream: key.upstream.clone(),
            counts: drained.counts.to_vec(),
            needed_at: drained.needed_at.map(Timestamp::as_millis),
        }
    }

    /// Nothing where a name is none: the other process is not what it should be.
    pub(super) fn read(self) -> Option<(TrialKey, TrialDrained)> {
        let key = TrialKey {
            rotation: self.rotation,
            environment: self.environment.parse().ok()?,
            route: self.route.parse().ok()?,
            upstream: self.upstream,
        };
        let mut counts = [0; SIGNS.len()];
        counts.iter_mut().zip(self.counts).for_each(|(count, given)| *count = given);
        Some((key, TrialDrained { counts, needed_at: self.needed_at.map(Timestamp::from_millis) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_rotation_was_counted_comes_back_as_it_went_in() {
        let key = TrialKey {
            rotation: "rot_1".to_owned(),
            environment: "production".parse().unwrap(),
            route: "r".parse().unwrap(),
            upstream: "https://api.example:443".to_owned(),
        };
        let drained =
            TrialDrained { counts: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], needed_at: Some(Timestamp::from_millis(7)) };
        let text = serde_json::to_string(&TrialCount::new(&(key.clone(), drained))).unwrap();
        let read = |text: &str| serde_json::from_str::<TrialCount>(text).unwrap().read();
        assert_eq!(read(&text), Some((key, drained)));
        assert_eq!(read(&text.replace("production", "no name")), None);
    }
}
