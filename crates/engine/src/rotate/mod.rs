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

use model::rotation::{House, Next, Rotation, Step};
use model::time::{Span, Timestamp};
use store::{Lease, StoreError};
use tokio::time::Instant;

pub use label::{Label, StopAt};

use crate::Shared;
use crate::outage::Outage;
use look::Look;

/// How long the lease lasts beyond a pause; after a node has died, another one waits for so long.
const LEASE: Span = Span::from_secs(4);

/// How often a rotation is looked at: one whose traffic moves, one that only waits. Where there are many, less often, so
/// that looking never takes more than a part of one processor.
const MOVING: Duration = Duration::from_secs(1);
const CALM: Duration = Duration::from_secs(3);
const MANY: usize = 200;

/// The least time between two rounds, however many changes there are.
const LEAST: Duration = Duration::from_millis(100);

/// How long a round lasts before the lease, the nodes and the database's clock are looked at again. The next round goes on
/// with what this one did not come to.
const ROUND: Duration = Duration::from_secs(1);

/// So many steps of one rotation without a pause mean a mistake in this program.
const MOST_STEPS: usize = 20;

/// What the task knows between two looks. Losing it loses time at most.
#[derive(Default)]
struct Memory {
    /// When to look at a rotation again, and as of which version.
    due: HashMap<String, (i64, Instant)>,
    /// What a log said that has not grown since.
    read: HashMap<String, Rotation>,
    lease: Option<(Lease, Instant)>,
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
        let ticked = tick(&shared, &mut memory, &under_way).await;
        let pause = if matches!(ticked, Ok(false)) { Duration::ZERO } else { shared.options.pace.rotate };
        outage.note(ticked.map(drop));
        tokio::select! {
            () = shared.options.shutdown.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
            Ok(()) = changes.changed() => {}
        }
        if !shared.sleep(LEAST).await {
            return;
        }
    }
}

/// One round. The answer is whether it came to all that were due.
async fn tick(shared: &Arc<Shared>, memory: &mut Memory, under_way: &UnderWay) -> Result<bool, StoreError> {
    let tx = shared.options.store.read().await?;
    let live = tx.live_rotation_versions().await?;
    memory.due.retain(|id, _| live.contains_key(id));
    memory.read.retain(|id, _| live.contains_key(id));
    let now = Instant::now();
    let due_since = |(id, version): (&String, &i64)| match memory.due.get(id) {
        Some((known, due)) if known == version => (*due <= now).then(|| (Some(*due), id.clone(), *version)),
        _ => Some((None, id.clone(), *version)),
    };
    let mut due: Vec<(Option<Instant>, String, i64)> = live.iter().filter_map(due_since).collect();
    // Those that have waited longest go first, so that none waits for ever where there are more than there is time for.
    due.sort_unstable();
    if due.is_empty() {
        return Ok(true);
    }
    let slowness = 1 + u32::try_from(live.len() / MANY).unwrap_or(u32::MAX);
    let house = look::house(shared, &tx).await?;
    drop(tx);
    let Some(lease) = lease(shared, memory).await? else {
        return Ok(true);
    };
    for (_, id, version) in due {
        if now.elapsed() > ROUND || shared.options.shutdown.is_cancelled() {
            return Ok(false);
        }
        let round = Round { shared, house: &house, lease: &lease, under_way, slowness };
        match round.carry(&id, version, &mut memory.read).await {
            Ok((version, due)) => drop(memory.due.insert(id, (version, due))),
            // One that cannot be read must not stop the others.
            Err(StoreError::Tampered { subject }) => {
                tracing::error!(rotation = %id, subject, "a rotation was changed outside Keyroll and stands still");
                memory.due.insert(id, (version, Instant::now() + CALM * 10));
            }
            Err(StoreError::LeaseLost(_)) => {
                memory.lease = None;
                return Ok(true);
            }
            Err(error) if is_of_all(&error) => return Err(error),
            // Nor must one whose step is refused, by a rule of the database or a mistake of ours.
            Err(error) => {
                tracing::error!(rotation = %id, %error, "a step of a rotation could not be made");
                memory.due.insert(id, (version, Instant::now() + CALM * 10));
            }
        }
    }
    Ok(true)
}

/// Whether the database is away or somebody else's by now, so that nothing could be done about any rotation.
fn is_of_all(error: &StoreError) -> bool {
    use StoreError::{Full, HandedOver, OutcomeUnknown, Rejected, Unavailable};
    matches!(error, Unavailable(_) | Rejected(_) | OutcomeUnknown | HandedOver | Full)
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

/// What one round goes by.
struct Round<'a> {
    shared: &'a Arc<Shared>,
    house: &'a House,
    lease: &'a Lease,
    under_way: &'a UnderWay,
    slowness: u32,
}

impl Round<'_> {
    /// Takes one rotation as far as it goes now. The answer is its version, and when to look again.
    async fn carry(
        &self,
        id: &str,
        mut version: i64,
        read: &mut HashMap<String, Rotation>,
    ) -> Result<(i64, Instant), StoreError> {
        for _ in 0..MOST_STEPS {
            let tx = self.shared.options.store.read().await?;
            let known = read.remove(id).filter(|known| known.version == version);
            let under_way = is_under_way(self.under_way, id);
            let look = match known {
                Some(known) => Some(Look::of(self.shared, &tx, known, self.house, under_way).await?),
                None => Look::take(self.shared, &tx, id, self.house, under_way).await?,
            };
            drop(tx);
            let Some(look) = look else { return Ok((0, Instant::now() + CALM)) };
            let moving = look.is_moving();
            let (rotation, _, _, step) = look.into_parts();
            version = rotation.version;
            read.insert(id.to_owned(), rotation);
            match step {
                Step::Rest(next) => return Ok((version, self.again(&next, moving))),
                Step::Probe => {
                    probe::begin(self.shared, id, self.house, self.lease, self.under_way).await?;
                    return Ok((version.saturating_add(1), Instant::now() + MOVING));
                }
                _ => match act::act(self.shared, id, self.house, self.lease).await? {
                    Some(later) => version = later,
                    // Somebody else was faster: what is remembered of the log is out of date.
                    None => drop(read.remove(id)),
                },
            }
        }
        tracing::error!(rotation = %id, "a rotation made many steps at once and is looked at later");
        Ok((version, Instant::now() + CALM * 10))
    }

    fn again(&self, next: &Next, moving: bool) -> Instant {
        let most = (if moving { MOVING } else { CALM }) * self.slowness;
        let now: Timestamp = look::now(self.shared, self.house);
        let wait = next.at.map_or(most, |at| Span::between(now, at).as_std().min(most));
        // A moment that has passed and changes nothing is no reason to look all the time.
        Instant::now() + wait.max(Duration::from_millis(50))
    }
}
