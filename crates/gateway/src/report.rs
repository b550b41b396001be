//! Phase 7: what is left of a request: tallies for the engine, and one line of the access log.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderMap, Method, StatusCode};
use model::snapshot::Bound;
use model::time::Timestamp;
use model::usage::Outcome;
use outbound::ForwardError;
use outbound::judge::{Judge, Look};

use crate::trial::Mark;

/// The log target of the access log, one line per request at level info.
pub const ACCESS: &str = "keyroll::access";

/// A use of the secrets of a binding, from before the first byte until it is known how it ended.
///
/// A request that is dropped in between (the client went away) counts as a use without an answer: that it was one is
/// likely, and a use that nobody knows of would be worse than one that never was, because a secret is deleted by it.
#[derive(Debug)]
pub(crate) struct Use {
    bound: Arc<Bound>,
    at: Timestamp,
    open: bool,
}

impl Use {
    /// `at` is before the use, for a use must never be reported later than it happened.
    pub(crate) fn begin(bound: Arc<Bound>, at: Timestamp) -> Self {
        Self { bound, at, open: true }
    }

    /// There was no answer. Nothing is counted where no byte was sent.
    pub(crate) fn failed(mut self, error: &ForwardError) {
        self.open = false;
        self.lost(error.sent.saturating_sub(1));
        if let Some(outcome) = error.outcome() {
            self.count(outcome);
        }
    }

    /// There is an answer, for which `sent` attempts were needed. Where its body has a say in what it means, the
    /// verdict is left open.
    pub(crate) fn answered(mut self, sent: u8, status: StatusCode, headers: &HeaderMap) -> Opinion {
        self.open = false;
        self.lost(sent.saturating_sub(1));
        let judge = Judge::new(&self.bound.judgement);
        if judge.needs_body(status) {
            self.touch();
            let bound = Arc::clone(&self.bound);
            let headers = headers.clone();
            return Opinion::Open(Verdict { bound, status, headers, look: Look::new(), mark: None });
        }
        let outcome = judge.judge(status, headers);
        self.count(outcome);
        Opinion::Given(outcome)
    }

    fn lost(&self, attempts: u8) {
        for _ in 0..attempts {
            self.count(Outcome::Unreachable);
        }
    }

    fn count(&self, outcome: Outcome) {
        self.touch();
        ended(&self.bound, outcome);
    }

    fn touch(&self) {
        for (_, tally) in &self.bound.tallies {
            tally.used(self.at);
        }
    }
}

impl Drop for Use {
    fn drop(&mut self) {
        if self.open {
            self.count(Outcome::Unreachable);
        }
    }
}

fn ended(bound: &Bound, outcome: Outcome) {
    for (_, tally) in &bound.tallies {
        tally.ended(outcome);
    }
}

/// What an answer says of the credential, as far as its head tells.
#[derive(Debug)]
pub(crate) enum Opinion {
    /// That.
    Given(Outcome),
    /// Its body has a say.
    Open(Verdict),
}

impl Opinion {
    /// The verdict, where it is open; the trial is told in any case.
    pub(crate) fn with(self, mark: Option<Mark>) -> Option<Verdict> {
        match self {
            Self::Given(outcome) => {
                if let Some(mark) = mark {
                    mark.judged(outcome);
                }
                None
            }
            Self::Open(mut verdict) => {
                verdict.mark = mark;
                Some(verdict)
            }
        }
    }
}

/// A verdict that waits for the beginning of the answer's body; spoken when it is dropped.
#[derive(Debug)]
pub(crate) struct Verdict {
    bound: Arc<Bound>,
    status: StatusCode,
    headers: HeaderMap,
    look: Look,
    /// Of the trial that waits for it too.
    mark: Option<Mark>,
}

impl Verdict {
    /// Looks at a piece of the body; whether more has to be seen.
    pub(crate) fn see(&mut self, piece: &[u8]) -> bool {
        self.look.see(piece);
        !self.look.is_full()
    }

    /// What it would be by what was seen so far.
    pub(crate) fn outcome(&self) -> Outcome {
        let judge = Judge::new(&self.bound.judgement);
        judge.judge_with_prefix(self.status, &self.headers, self.look.bytes())
    }

    /// Tells a trial as well, once it is spoken.
    pub(crate) fn tell(&mut self, mark: Mark) {
        self.mark = Some(mark);
    }
}

impl Drop for Verdict {
    fn drop(&mut self) {
        let outcome = self.outcome();
        ended(&self.bound, outcome);
        if let Some(mark) = self.mark.take() {
            mark.judged(outcome);
        }
    }
}

/// A line of the access log, written when the answer has gone out or broken off: names, status and durations, never
/// a path, a query, a header or an address.
#[derive(Debug)]
pub(crate) struct Line {
    started: Instant,
    method: Method,
    request_id: String,
    binding: Option<Arc<Bound>>,
    client: Option<String>,
    upstream: Option<Duration>,
    status: u16,
    code: &'static str,
    bytes: u64,
    whole: bool,
}

impl Line {
    /// Nothing where the access log is off.
    pub(crate) fn begin(method: &Method, request_id: &str) -> Option<Box<Self>> {
        tracing::enabled!(target: ACCESS, tracing::Level::INFO).then(|| {
            Box::new(Self {
                started: Instant::now(),
                method: method.clone(),
                request_id: request_id.to_owned(),
                binding: None,
                client: None,
                upstream: None,
                status: 0,
                code: "",
                bytes: 0,
                whole: true,
            })
        })
    }

    pub(crate) fn called_by(&mut self, client: &str) {
        self.client = Some(client.to_owned());
    }

    pub(crate) fn bound_to(&mut self, bound: &Arc<Bound>) {
        self.binding = Some(Arc::clone(bound));
    }

    pub(crate) fn waited(&mut self, upstream: Duration) {
        self.upstream = Some(upstream);
    }

    /// The status of the answer, and its code where the gateway made it.
    pub(crate) fn answered(&mut self, status: StatusCode, code: Option<&'static str>) {
        self.status = status.as_u16();
        self.code = code.unwrap_or_default();
    }

    pub(crate) fn passed_on(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes).unwrap_or(0));
    }

    /// The answer broke off after its head.
    pub(crate) fn broke_off(&mut self) {
        self.whole = false;
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let binding = self.binding.as_deref();
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        tracing::info!(
            target: ACCESS,
            request_id = %self.request_id,
            method = %self.method,
            route = binding.map(|bound| bound.route.as_str()),
            environment = binding.map(|bound| bound.environment.as_str()),
            client = self.client.as_deref(),
            // 0: the client went away before there was an answer.
            status = self.status,
            code = (!self.code.is_empty()).then_some(self.code),
            bytes = self.bytes,
            whole = self.whole,
            upstream_ms = self.upstream.map(millis),
            duration_ms = millis(self.started.elapsed()),
            "request"
        );
    }
}
