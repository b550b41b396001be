//! One look at a rotation: what its log says, what is stored beside it, and what follows from both.

use model::rotation::{Evidence, Facts, Fleet, House, Item, Present, Rotation, Step, Summary, checklist, decide};
use model::time::{Span, Timestamp};
use store::{Detail, Logged, Page, ReadTx, RotationFilter};

use crate::refusal::Refusal;
use crate::state::Control;

/// A probe that began longer ago was lost.
const PROBING: Span = Span::from_secs(60);

/// What one transaction has seen of a rotation.
pub(super) struct Look {
    pub(super) logged: Logged,
    pub(super) facts: Facts,
    pub(super) evidence: Evidence,
    pub(super) step: Step,
    /// For the checklist and the playbook.
    pub(super) present: Present,
    /// The moment that it was decided for; whatever is written about the rotation carries this one.
    pub(super) now: Timestamp,
}

impl Look {
    /// Reads and decides, or 404.
    pub(super) async fn take(control: &Control, tx: &ReadTx, id: &str, now: Timestamp) -> Result<Self, Refusal> {
        let Some(logged) = tx.rotation(id).await? else { return Err(Refusal::not_found("rotation", id, None)) };
        Self::of(control, tx, logged, now).await
    }

    /// Of one that is read already.
    pub(super) async fn of(control: &Control, tx: &ReadTx, logged: Logged, now: Timestamp) -> Result<Self, Refusal> {
        let fleet = tx.fleet().await?;
        let now = moment(control, &fleet, now);
        let house = House::new(fleet, &control.policy.rotations, &control.policy.allow_private, now);
        let rotation = &logged.rotation;
        let facts = tx.rotation_facts(rotation, house.lately(now), Detail::ByRoute).await?;
        let probing = rotation.probing_since.is_some_and(|since| now < since.plus(PROBING));
        let evidence = Evidence::gather(rotation, &facts, &house, probing, now);
        let step = decide(rotation, &evidence, now);
        let later = later(tx, rotation).await?;
        let present = Present::gather(rotation, &facts, &evidence, &tx.environments().await?, &later);
        Ok(Self { logged, facts, evidence, step, present, now })
    }

    /// The checklist as it stands.
    pub(super) fn checklist(&self) -> Vec<Item> {
        checklist(&self.logged.rotation, &self.logged.log, &self.present)
    }
}

/// The rotations that the incoming secret is a part of, the latest first.
async fn later(tx: &ReadTx, rotation: &Rotation) -> Result<Vec<Summary>, Refusal> {
    let filter = RotationFilter { secret: Some(rotation.incoming.clone()), ..RotationFilter::default() };
    Ok(tx.rotations(&filter, &Page { limit: 100, cursor: None }).await?.items)
}

/// The moment by which the rotation is decided and written down. Not simply that of the request: an operator's word at a
/// node whose date was set forward would otherwise carry the rotation along, and its soak would be over.
pub(super) fn moment(control: &Control, fleet: &Fleet, asked: Timestamp) -> Timestamp {
    fleet.moment(control.rotation_clock.now().min(asked))
}
