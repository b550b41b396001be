//! Carries rotations out: reads, decides, acts, records.
//!
//! One node does it at a time, under a lease that each of its commits checks. Nothing is remembered that is not stored,
//! but for when to look at a rotation again: a task that begins anew, on this node or another, looks at all of them at
//! once and goes on where the log ends.

mod act;
mod label;
mod look;
mod probe;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::rotation::{House, Next, Step, Summary};
use model::time::{Span, Timestamp};
use store::{Lease, StoreError};
use tokio::time::Instant;

pub use label::{Label, StopAt};

use crate::Shared;
use crate::outage::Outage;
use look::Look;

/// How long the lease lasts beyond a pause; after a node has died, another one waits for so long.
const LEASE: Span = Span::from_secs(4);

/// How often a rotation is looked at: one whose traffic moves, one that only waits.
const MOVING: Duration = Duration::from_secs(1);
const CALM: Duration = Duration::from_secs(3);

/// So many steps of one rotation without a pause mean a mistake in this program.
const MOST_STEPS: usize = 20;

/// What the task knows between two looks. Losing it loses time at most.
#[derive(Default)]
struct Memory {
    /// When to look at a rotation again, and as of which version.
    due: HashMap<String, (i64, Instant)>,
    lease: Option<(Lease, Instant)>,
    revision: i64,
}

/// The rotations whose probes are under way in this process.
pub(crate) type UnderWay = Arc<Mutex<BTreeSet<String>>>;

fn is_under_way(under_way: &UnderWay, id: &str) -> bool {
    under_way.lock().unwrap_or_else(PoisonError::into_inner).contains(id)
}

/// Looks at all live rotations, again and again, each as often as it needs.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut outage = Outage::none("rotate");
    let mut changes = shared.options.store.changes();
    let mut memory = Memory::default();
    let under_way = UnderWay::default();
    loop {
        outage.note(tick(&shared, &mut memory, &under_way).await);
        tokio::select! {
            () = shared.options.shutdown.cancelled() => return,
            () = tokio::time::sleep(shared.options.pace.rotate) => {}
            Ok(()) = changes.changed() => {}
        }
    }
}

async fn tick(shared: &Arc<Shared>, memory: &mut Memory, under_way: &UnderWay) -> Result<(), StoreError> {
    let tx = shared.options.store.read().await?;
    let live = tx.live_rotations().await?;
    memory.due.retain(|id, _| live.iter().any(|rotation| rotation.id == *id));
    if live.is_empty() {
        return Ok(());
    }
    // An edit of a route matters to a rotation as well: whatever was committed is a reason to look.
    let revision = tx.position().revision;
    let news = std::mem::replace(&mut memory.revision, revision) != revision;
    let now = Instant::now();
    let is_due = |rotation: &&Summary| match memory.due.get(&rotation.id) {
        Some((version, due)) => *version != rotation.version || *due <= now || (news && is_moving(rotation)),
        None => true,
    };
    let due: Vec<Summary> = live.iter().filter(is_due).cloned().collect();
    if due.is_empty() {
        return Ok(());
    }
    let house = look::house(shared, &tx).await?;
    drop(tx);
    let Some(lease) = lease(shared, memory).await? else {
        return Ok(());
    };
    for summary in due {
        if shared.options.shutdown.is_cancelled() {
            return Ok(());
        }
        match carry(shared, &summary.id, &house, &lease, under_way).await {
            Ok((version, due)) => drop(memory.due.insert(summary.id, (version, due))),
            // One that cannot be read must not stop the others.
            Err(StoreError::Tampered { subject }) => {
                tracing::error!(rotation = %summary.id, subject, "a rotation was changed outside Keyroll and stands still");
                memory.due.insert(summary.id, (summary.version, Instant::now() + CALM * 10));
            }
            Err(StoreError::Statement(reason)) => {
                tracing::error!(rotation = %summary.id, reason, "a step of a rotation could not be made");
                memory.due.insert(summary.id, (summary.version, Instant::now() + CALM * 10));
            }
            Err(StoreError::LeaseLost(_)) => {
                memory.lease = None;
                return Ok(());
            }
            Err(other) => return Err(other),
        }
    }
    Ok(())
}

fn is_moving(rotation: &Summary) -> bool {
    matches!(rotation.state.as_str(), "planned" | "probing" | "canary" | "waiting" | "withdrawn")
}

/// The right to carry rotations out; prolonged well before it ends.
async fn lease(shared: &Shared, memory: &mut Memory) -> Result<Option<Lease>, StoreError> {
    if let Some((lease, taken)) = &memory.lease
        && taken.elapsed() < LEASE.as_std() / 4
    {
        return Ok(Some(lease.clone()));
    }
    let taken = Instant::now();
    let lease = shared.lease("rotate", shared.options.pace.rotate, LEASE).await?;
    memory.lease = lease.clone().map(|lease| (lease, taken));
    Ok(lease)
}

/// Takes one rotation as far as it goes now. The answer is its version, and when to look again.
async fn carry(
    shared: &Arc<Shared>,
    id: &str,
    house: &House,
    lease: &Lease,
    under_way: &UnderWay,
) -> Result<(i64, Instant), StoreError> {
    for _ in 0..MOST_STEPS {
        let tx = shared.options.store.read().await?;
        let Some(look) = Look::take(shared, &tx, id, house, is_under_way(under_way, id)).await? else {
            return Ok((0, Instant::now() + CALM));
        };
        drop(tx);
        let (version, moving) = (look.version(), look.is_moving());
        match look.step() {
            Step::Rest(next) => return Ok((version, again(shared, next, moving))),
            Step::Probe => {
                probe::begin(shared, id, house, lease, under_way).await?;
                return Ok((version.saturating_add(1), Instant::now() + MOVING));
            }
            _ => act::act(shared, id, house, lease).await?,
        }
    }
    tracing::error!(rotation = %id, "a rotation made many steps at once and is looked at later");
    Ok((0, Instant::now() + CALM * 10))
}

fn again(shared: &Shared, next: &Next, moving: bool) -> Instant {
    let most = if moving { MOVING } else { CALM };
    let now: Timestamp = shared.options.clock.now();
    let wait = next.at.map_or(most, |at| Span::between(now, at).as_std().min(most));
    // A moment that has passed and changes nothing is no reason to look all the time.
    Instant::now() + wait.max(Duration::from_millis(50))
}
