//! What the answers of an upstream say about an incoming credential, while the outgoing one still works beside it.
//!
//! A dead answer alone says little: a client can send requests that no credential would save, and an upstream can refuse
//! a good credential now and then. So what counts is a **pair**: the same request was refused with the incoming
//! credential and taken with the outgoing one. Answers that were dead with both say nothing about either.
//!
//! Two rules call a credential unhealthy, and both know how often this upstream refuses the outgoing one:
//!
//! 1. **Dead**: a cumulative sum (Page 1954) of the log likelihood ratio between «refused at least every other time» and
//!    «refused as often as the background». It starts again at zero whenever the credential is doing well, so that it
//!    notices a credential that dies in the middle of a soak as fast as one that was dead from the start.
//! 2. **Worse**: the share of pairs is more than one percentage point above the outgoing credential's share of dead
//!    answers, and Fisher's exact test finds that no accident. It is asked whenever the number of answers has doubled,
//!    with less and less error to spend, so that asking often does not make an accident likely.
//!
//! How often they err is in `docs/decisions/0015-when-a-credential-is-dead.md`.

mod fisher;

use fisher::more_often;

/// What was counted for one upstream host in one span of time, over all nodes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests that the upstream took with the incoming credential.
    pub alive: u64,
    /// Requests that it refused with the incoming credential and took with the outgoing one.
    pub pairs: u64,
    /// Requests that it refused with the incoming credential and that could not be tried with the other one.
    pub unpaired: u64,
    /// Requests with the outgoing credential that it took; replays of others are not among them.
    pub outgoing_alive: u64,
    /// Requests with the outgoing credential that it refused.
    pub outgoing_dead: u64,
}

/// How many judged answers it takes to call a credential healthy.
pub const ENOUGH: u64 = 30;

/// How likely each of the rules may call a healthy credential unhealthy, in all.
const ERROR: f64 = 0.000_25;

/// How many judged answers the first rule reckons with while a rotation lasts: 10,000 a minute for two days.
const MANY: f64 = 30_000_000.0;

/// The least share of refusals by accident that is reckoned with, even where none was seen.
const LEAST_BACKGROUND: f64 = 0.002;
/// The greatest: an upstream that refuses a good credential more often judges nothing.
const MOST_BACKGROUND: f64 = 0.2;

/// How often a dead credential is refused at least: there may be servers that have not heard of it yet.
const DEAD: f64 = 0.5;

/// How much worse than the outgoing credential is too much.
const MARGIN: f64 = 0.01;

/// What is to be thought of the incoming credential.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// It was judged often enough, and no worse than the outgoing one.
    Healthy,
    /// It was not judged often enough yet, or the evidence leans against it without being enough.
    Undecided {
        /// So many answers say that it is alive or refused.
        judged: u64,
    },
    /// It is refused where the outgoing one is taken.
    Unhealthy(Why),
}

/// By which rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It is refused all or most of the time.
    Dead,
    /// It is refused more often than the outgoing one.
    Worse,
}

/// Judges by what was counted since the incoming credential got its share of the traffic, span by span. The spans are
/// short: within one, the order of answers is not known.
///
/// ```
/// use model::rotation::{Counts, Verdict, Why, judge};
///
/// let good = Counts { alive: 40, outgoing_alive: 700, ..Counts::default() };
/// assert_eq!(judge([good]), Verdict::Healthy);
/// let refused = Counts { pairs: 6, outgoing_alive: 100, ..Counts::default() };
/// assert_eq!(judge([good, refused]), Verdict::Unhealthy(Why::Dead));
/// // What was refused with both counts for neither.
/// assert_eq!(judge([Counts::default()]), Verdict::Undecided { judged: 0 });
/// ```
#[must_use]
pub fn judge(spans: impl IntoIterator<Item = Counts>) -> Verdict {
    let mut seen = Counts::default();
    let mut sum = 0.0_f64;
    let mut look = 0_u32;
    for span in spans {
        // By what was known before this span: what is judged does not choose its own measure.
        let background = background(&seen);
        let (refused, taken) = ((DEAD / background).ln(), ((1.0 - DEAD) / (1.0 - background)).ln());
        // The order of answers within a span is not known: they count together. Refusals first, a good credential would be
        // called dead wherever a span holds enough of its accidents.
        sum = (sum + number(span.pairs) * refused + number(span.alive) * taken).max(0.0);
        if sum >= (MANY / ERROR).ln() {
            return Verdict::Unhealthy(Why::Dead);
        }
        seen.add(&span);
        while seen.judged() >= ENOUGH.checked_shl(look).unwrap_or(u64::MAX) {
            look += 1;
            if is_worse(&seen, ERROR / f64::from(look * (look + 1))) {
                return Verdict::Unhealthy(Why::Worse);
            }
        }
    }
    // As long as the sum stands, the last answers were refusals.
    match seen.judged() {
        judged if judged < ENOUGH || sum > 0.0 => Verdict::Undecided { judged },
        _ => Verdict::Healthy,
    }
}

impl Counts {
    /// How many answers say anything about the incoming credential.
    #[must_use]
    pub fn judged(&self) -> u64 {
        self.alive.saturating_add(self.pairs)
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.alive = self.alive.saturating_add(other.alive);
        self.pairs = self.pairs.saturating_add(other.pairs);
        self.unpaired = self.unpaired.saturating_add(other.unpaired);
        self.outgoing_alive = self.outgoing_alive.saturating_add(other.outgoing_alive);
        self.outgoing_dead = self.outgoing_dead.saturating_add(other.outgoing_dead);
    }
}

/// Judges refusals that could not be tried again with the outgoing credential, as where a route's shield is off.
///
/// No pair is made then, but which request gets which credential is drawn by lot, so that whoever sends requests that no
/// credential would save meets both alike: only the difference between the two counts, and it has to be a great one.
///
/// It counts within a span alone. Shares change, and all of the traffic has the incoming credential in the end: compared
/// over all spans, whoever begins to send such requests after the promotion would look like a dead credential. Spans in
/// which only one of the two was sent are taken together with those that follow.
pub(super) fn more_often_refused(spans: impl IntoIterator<Item = Counts>) -> Option<Why> {
    let mut seen = Counts::default();
    let (mut open, mut more, mut variance, mut compared) = (Counts::default(), 0.0, 0.0, 0.0);
    for span in spans {
        open.add(&span);
        let incoming = number(open.alive.saturating_add(open.unpaired));
        let outgoing = number(open.outgoing_alive.saturating_add(open.outgoing_dead));
        if incoming == 0.0 || outgoing == 0.0 {
            continue;
        }
        let all = incoming + outgoing;
        let share = number(open.unpaired.saturating_add(open.outgoing_dead)) / all;
        // By lot, so many of the refusals would have met the incoming one (hypergeometric).
        more += number(open.unpaired) - incoming * share;
        variance += incoming * share * (1.0 - share) * outgoing / (all - 1.0);
        compared += incoming * outgoing / all;
        seen.add(&std::mem::take(&mut open));
    }
    let enough = seen.alive.saturating_add(seen.unpaired).min(seen.outgoing_alive.saturating_add(seen.outgoing_dead));
    if enough < ENOUGH || more <= 10.0 * MARGIN * compared {
        return None;
    }
    // Bernstein's inequality, which holds at any number of answers.
    let surprise = more * more / (2.0 * (variance + more / 3.0));
    (surprise > (MANY / ERROR).ln()).then_some(Why::Worse)
}

/// How often this upstream refuses the outgoing credential, at most: its share of dead answers, and what so few of them
/// leave open (two standard errors of Agresti and Coull).
fn background(seen: &Counts) -> f64 {
    let all = number(seen.outgoing_alive.saturating_add(seen.outgoing_dead)) + 4.0;
    let dead = number(seen.outgoing_dead) + if seen.outgoing_dead == 0 { 0.0 } else { 2.0 };
    let share = dead / all;
    (share + 2.0 * (share * (1.0 - share) / all).sqrt()).clamp(LEAST_BACKGROUND, MOST_BACKGROUND)
}

fn is_worse(seen: &Counts, error: f64) -> bool {
    let outgoing = seen.outgoing_alive.saturating_add(seen.outgoing_dead);
    let share = |part: u64, all: u64| if all == 0 { 0.0 } else { number(part) / number(all) };
    let apart = share(seen.pairs, seen.judged()) - share(seen.outgoing_dead, outgoing);
    // Without anything to compare with, the least background stands for it.
    let (dead, alive) = match outgoing {
        0 => (0, 500),
        _ => (seen.outgoing_dead, seen.outgoing_alive),
    };
    apart > MARGIN && more_often([seen.pairs, seen.alive], [dead, alive]) < error
}

#[expect(clippy::cast_precision_loss, reason = "counts of answers are far below 2^53")]
fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
