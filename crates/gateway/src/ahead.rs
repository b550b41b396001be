//! The beginning of an answer, read before it is passed on, to find out what it says of the credential.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use model::usage::Outcome;
use tokio::time::{Instant, timeout_at};

use crate::report::Verdict;
use crate::respond::{Broken, Content};

/// How long the next piece is waited for, so that a stream whose events come one by one is not held up.
const PIECE: Duration = Duration::from_millis(500);
/// How long all pieces together are, or a stream that trickles would never begin.
const ALL: Duration = Duration::from_secs(2);

/// What was read, in its order; with an error where it broke off.
#[derive(Default)]
pub(crate) struct Ahead {
    frames: VecDeque<Result<Frame<Bytes>, Broken>>,
    known: bool,
}

impl Ahead {
    /// Reads until the verdict cannot change any more: it calls the credential dead, has seen all that it may look at,
    /// or the answer has ended. Or until time is over.
    pub(crate) async fn read(content: &mut Content, verdict: &mut Verdict) -> Self {
        let mut ahead = Self::default();
        let until = Instant::now() + ALL;
        while !ahead.known {
            let next = poll_fn(|cx| content.poll_next(cx));
            let Ok(frame) = timeout_at(until.min(Instant::now() + PIECE), next).await else { break };
            let Some(frame) = frame else {
                ahead.known = true;
                break;
            };
            let more = match &frame {
                Ok(frame) => frame.data_ref().is_none_or(|data| verdict.see(data)),
                Err(_) => false,
            };
            ahead.known = !more || verdict.outcome() == Outcome::Rejected;
            ahead.frames.push_back(frame);
        }
        ahead
    }

    /// Whether the verdict is known by it.
    pub(crate) fn is_known(&self) -> bool {
        self.known
    }

    pub(crate) fn next(&mut self) -> Option<Result<Frame<Bytes>, Broken>> {
        self.frames.pop_front()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// The length of it and the rest together.
    pub(crate) fn before(&self, rest: &SizeHint) -> SizeHint {
        let lengths = self.frames.iter().flatten().filter_map(Frame::data_ref).map(Bytes::len);
        let here = u64::try_from(lengths.sum::<usize>()).unwrap_or(u64::MAX);
        let mut both = SizeHint::new();
        both.set_lower(rest.lower().saturating_add(here));
        if let Some(upper) = rest.upper() {
            both.set_upper(upper.saturating_add(here));
        }
        both
    }
}

impl fmt::Debug for Ahead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ahead(…)")
    }
}
