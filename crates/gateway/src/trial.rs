//! Which of two credentials a request gets while a rotation replaces one by the other, and what its answer says of them.

use std::sync::Arc;

use model::snapshot::{Bound, Sign, Trial, TrialCounts};
use model::time::{Entropy, Timestamp};
use model::usage::Outcome;

use crate::inject::usable;

/// Whose credential a request carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Outgoing,
    Incoming,
}

impl Side {
    pub(crate) fn bound(self, trial: &Trial) -> &Arc<Bound> {
        match self {
            Self::Outgoing => &trial.with_outgoing,
            Self::Incoming => &trial.with_incoming,
        }
    }

    fn sign(self, outcome: Outcome) -> Sign {
        match (self, outcome) {
            (Self::Incoming, Outcome::Accepted) => Sign::Alive,
            (Self::Incoming, Outcome::Rejected) => Sign::Unpaired,
            (Self::Incoming, Outcome::Refused) => Sign::Refused,
            (Self::Incoming, Outcome::Throttled | Outcome::Failed | Outcome::Unreachable) => Sign::Unclear,
            (Self::Outgoing, Outcome::Accepted) => Sign::OutgoingAlive,
            (Self::Outgoing, Outcome::Rejected) => Sign::OutgoingDead,
            // A 403 among them: for the incoming one, too, it is neither alive nor dead.
            (Self::Outgoing, _) => Sign::OutgoingUnclear,
        }
    }
}

/// Decides for one request, by a number that is drawn for it here and told to nobody: nothing that a client sends has a
/// say in it, but whether the request can be sent again.
///
/// A credential that cannot be used at this moment is no reason to fail where the other one can.
pub(crate) fn choose(trial: &Trial, now: Timestamp, replayable: bool, entropy: &dyn Entropy) -> Side {
    let can = |bound: &Bound| usable(bound, now).is_ok();
    match (can(&trial.with_outgoing), can(&trial.with_incoming)) {
        (_, false) => return Side::Outgoing,
        (false, true) => return Side::Incoming,
        (true, true) => {}
    }
    let mut drawn = [0; 8];
    entropy.fill(&mut drawn);
    let drawn = u64::from_ne_bytes(drawn);
    if trial.picks_incoming(drawn, replayable) {
        return Side::Incoming;
    }
    if trial.picks_incoming(drawn, true) {
        trial.counts.saw(Sign::Kept, now);
    }
    Side::Outgoing
}

/// What is yet to be counted of one request in a trial: once, when it is dropped.
#[derive(Debug)]
pub(crate) struct Mark {
    counts: Arc<TrialCounts>,
    side: Side,
    /// When the request began.
    at: Timestamp,
    sign: Option<Sign>,
}

impl Mark {
    /// Of a request that is about to be sent. Whose client goes away before there is an answer says nothing.
    pub(crate) fn begin(trial: &Trial, side: Side, at: Timestamp) -> Self {
        let sign = Some(side.sign(Outcome::Unreachable));
        Self { counts: Arc::clone(&trial.counts), side, at, sign }
    }

    /// The answer says that.
    pub(crate) fn judged(mut self, outcome: Outcome) {
        self.sign = Some(self.side.sign(outcome));
    }

    /// The credential was refused, and what the other one is worth is yet to be seen.
    pub(crate) fn refused(&mut self) {
        self.sign = Some(Sign::Unpaired);
    }

    /// It is this after all.
    pub(crate) fn say(mut self, sign: Sign) {
        self.sign = Some(sign);
    }

    /// Nothing was sent.
    pub(crate) fn withdraw(mut self) {
        self.sign = None;
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        if let Some(sign) = self.sign {
            self.counts.saw(sign, self.at);
        }
    }
}
