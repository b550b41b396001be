//! Rate limits: one atomic per limit, and no lock on the way to it.
//!
//! The rule is the generic cell rate algorithm: a limit of `requests` per `per` with a burst earns one request every
//! `per / requests`, and may have saved up `burst` of them. All that it keeps is the moment at which everything saved
//! up will have been earned back, so a limit outlives every snapshot that names it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use http::HeaderValue;
use model::name::{ClientName, EnvironmentName, RouteName};
use model::route::RateLimit;
use model::snapshot::Snapshot;

pub(crate) use standing::{Standing, Told, whole_seconds};

mod standing;

/// Whose limit it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Holder {
    /// A client, through all its routes.
    Client(ClientName),
    /// A route in an environment, for all its clients.
    Route(RouteName, EnvironmentName),
}

impl Holder {
    /// What the limit is called towards clients. An upstream has limits too, and might call one `client`.
    fn policy(&self) -> &'static str {
        match self {
            Self::Client(_) => "keyroll-client",
            Self::Route(..) => "keyroll-route",
        }
    }
}

/// The state of every limit that was asked since the process started.
#[derive(Debug)]
pub(crate) struct RateLimits {
    started: Instant,
    cells: ArcSwap<HashMap<Holder, Arc<Cell>>>,
}

impl RateLimits {
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), cells: ArcSwap::default() }
    }

    /// Takes one request from a limit, or says how long to wait for the next; and how things stand after it.
    pub(crate) fn take(
        &self,
        holder: &Holder,
        limit: RateLimit,
        snapshot: &Snapshot,
    ) -> (Standing, Result<(), Duration>) {
        let (cell, now) = (self.cell(holder, limit, snapshot), self.now());
        let taken = cell.take(now).map_err(Duration::from_nanos);
        (cell.standing(holder, now), taken)
    }

    /// How things stand, with nothing taken.
    pub(crate) fn look(&self, holder: &Holder, limit: RateLimit, snapshot: &Snapshot) -> Standing {
        self.cell(holder, limit, snapshot).standing(holder, self.now())
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn cell(&self, holder: &Holder, limit: RateLimit, snapshot: &Snapshot) -> Arc<Cell> {
        let known = self.cells.load().get(holder).filter(|cell| cell.limit == limit).cloned();
        known.unwrap_or_else(|| self.add(holder, limit, snapshot))
    }

    /// Adds a limit, or takes over a changed one, and forgets those that the snapshot knows no more. Two threads that
    /// come here at once agree on one cell.
    fn add(&self, holder: &Holder, limit: RateLimit, snapshot: &Snapshot) -> Arc<Cell> {
        let fresh = Arc::new(Cell::new(holder, limit));
        self.cells.rcu(|cells| {
            let mut cells: HashMap<_, _> = cells
                .iter()
                .filter(|(holder, _)| is_known(holder, snapshot))
                .map(|(holder, cell)| (holder.clone(), Arc::clone(cell)))
                .collect();
            if cells.get(holder).is_none_or(|cell| cell.limit != limit) {
                cells.insert(holder.clone(), Arc::clone(&fresh));
            }
            cells
        });
        self.cells.load().get(holder).map_or(fresh, Arc::clone)
    }
}

/// Routes come and go with operators; clients are few, and kept.
fn is_known(holder: &Holder, snapshot: &Snapshot) -> bool {
    match holder {
        Holder::Client(_) => true,
        Holder::Route(route, environment) => {
            snapshot.routes.get(route).is_some_and(|route| route.environments.contains_key(environment))
        }
    }
}

/// One limit.
#[derive(Debug)]
struct Cell {
    limit: RateLimit,
    /// The limit in words, made once.
    policy: HeaderValue,
    /// In nanoseconds since the process started.
    earned_back: AtomicU64,
}

impl Cell {
    fn new(holder: &Holder, limit: RateLimit) -> Self {
        Self { limit, policy: standing::policy(holder.policy(), limit), earned_back: AtomicU64::new(0) }
    }

    /// How long one request takes to be earned, and all that can be saved up.
    fn spans(&self) -> (u64, u64) {
        let per = u64::try_from(self.limit.per.as_std().as_nanos()).unwrap_or(u64::MAX);
        let each = per / u64::from(self.limit.requests.max(1));
        let burst = u64::from(self.limit.burst.unwrap_or(self.limit.requests).max(1));
        (each, each.saturating_mul(burst))
    }

    fn take(&self, now: u64) -> Result<(), u64> {
        let (each, saved_up) = self.spans();
        let mut wait = 0;
        let taken = self.earned_back.fetch_update(Ordering::AcqRel, Ordering::Acquire, |before| {
            let after = before.max(now).saturating_add(each);
            wait = after.saturating_sub(saved_up).saturating_sub(now);
            (wait == 0).then_some(after)
        });
        taken.map(|_| ()).map_err(|_| wait)
    }

    fn standing(&self, holder: &Holder, now: u64) -> Standing {
        let (each, saved_up) = self.spans();
        let spent = self.earned_back.load(Ordering::Acquire).saturating_sub(now);
        let left = saved_up.saturating_sub(spent) / each.max(1);
        // With nothing left it is the next request that is waited for, as `Retry-After` says it too.
        let nanos = if left == 0 { spent.saturating_add(each).saturating_sub(saved_up) } else { spent };
        Standing { policy: self.policy.clone(), name: holder.policy(), left, wait: Duration::from_nanos(nanos) }
    }
}

#[cfg(test)]
mod tests;
