//! One look at a rotation: what is stored, and what follows from it.

use model::rotation::{Evidence, Facts, House, Rotation, Step, decide};
use model::time::Timestamp;
use store::{Detail, ReadTx, StoreError};

use crate::Shared;

/// What holds for all rotations, now.
pub(super) async fn house(shared: &Shared, tx: &ReadTx) -> Result<House, StoreError> {
    let options = &shared.options;
    let asked = options.rotation_clock.now();
    Ok(House::new(tx.fleet().await?, &options.rotations, &options.allow_private, asked))
}

/// What one transaction has seen of a rotation.
pub(super) struct Look {
    rotation: Rotation,
    facts: Facts,
    evidence: Evidence,
    step: Step,
}

/// The moment by which rotations are decided.
pub(super) fn now(shared: &Shared, house: &House) -> Timestamp {
    house.fleet.moment(shared.options.rotation_clock.now())
}

impl Look {
    /// Reads the log and decides; `None` where there is no such rotation.
    pub(super) async fn take(
        shared: &Shared,
        tx: &ReadTx,
        id: &str,
        house: &House,
        probe_under_way: bool,
    ) -> Result<Option<Self>, StoreError> {
        let Some(logged) = tx.rotation(id).await? else { return Ok(None) };
        Self::of(shared, tx, logged.rotation, house, probe_under_way).await.map(Some)
    }

    /// Decides about a rotation whose log was read before and has not grown since.
    pub(super) async fn of(
        shared: &Shared,
        tx: &ReadTx,
        rotation: Rotation,
        house: &House,
        probe_under_way: bool,
    ) -> Result<Self, StoreError> {
        let now = now(shared, house);
        let facts = tx.rotation_facts(&rotation, house.lately(now), Detail::Summed).await?;
        let mut evidence = Evidence::gather(&rotation, &facts, house, probe_under_way, now);
        if evidence.incoming_unusable.is_none() && shared.standing.unusable_secrets().contains(&rotation.incoming) {
            evidence.incoming_unusable = Some("its stored row cannot be opened".to_owned());
        }
        let step = decide(&rotation, &evidence, now);
        Ok(Self { rotation, facts, evidence, step })
    }

    pub(super) fn into_parts(self) -> (Rotation, Facts, Evidence, Step) {
        (self.rotation, self.facts, self.evidence, self.step)
    }

    pub(super) fn is_moving(&self) -> bool {
        matches!(self.rotation.word(), "planned" | "probing" | "canary" | "waiting" | "withdrawn" | "soaking")
    }
}
