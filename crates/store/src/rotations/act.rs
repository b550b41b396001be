//! The steps of a rotation that change more than its log, each whole in the transaction of its caller.

use model::name::EnvironmentName;
use model::rotation::{Change, Entry, Event, Healthy, Repointed, Rotation, Trouble};
use model::time::Timestamp;

use crate::error::StoreError;
use crate::transaction::WriteTx;

impl WriteTx {
    /// Adds what happened to the log of a rotation, which is given as it was read in this transaction and brought up to
    /// date. The answer is the lines.
    ///
    /// # Errors
    /// As [`WriteTx::append_to_rotation`].
    pub async fn log_rotation(
        &mut self,
        rotation: &mut Rotation,
        events: impl IntoIterator<Item = Event>,
        now: Timestamp,
    ) -> Result<Vec<Entry>, StoreError> {
        let actor = self.actor().to_owned();
        let line = |(number, event)| Entry { number, at: now, actor: actor.clone(), event };
        let lines: Vec<Entry> = (rotation.version.saturating_add(1)..).zip(events).map(line).collect();
        self.append_to_rotation(rotation, &lines).await?;
        Ok(lines)
    }

    /// Stores the routes of an environment as they name the incoming secret. The routes are held against the rules before.
    ///
    /// # Errors
    /// As [`WriteTx::update_route`] and [`WriteTx::append_to_rotation`].
    pub async fn promote_rotation(
        &mut self,
        rotation: &mut Rotation,
        environment: &EnvironmentName,
        healthy: Healthy,
        routes: &[Repointed],
        now: Timestamp,
    ) -> Result<Vec<Entry>, StoreError> {
        let changes = self.repoint(routes, "rotation", now).await?;
        let (environment, revision) = (environment.clone(), self.next_revision());
        self.log_rotation(rotation, [Event::Promoted { environment, healthy, changes, revision }], now).await
    }

    /// Stores the routes as they name the outgoing secret again, and ends the rotation.
    ///
    /// # Errors
    /// As [`WriteTx::update_route`] and [`WriteTx::append_to_rotation`].
    pub async fn roll_back_rotation(
        &mut self,
        rotation: &mut Rotation,
        why: Trouble,
        routes: &[Repointed],
        now: Timestamp,
    ) -> Result<Vec<Entry>, StoreError> {
        let changes = self.repoint(routes, "rotation-roll-back", now).await?;
        self.log_rotation(rotation, [Event::RolledBack { why, changes }], now).await
    }

    async fn repoint(&mut self, routes: &[Repointed], action: &str, now: Timestamp) -> Result<Vec<Change>, StoreError> {
        for route in routes {
            self.update_route(&route.spec, action, now).await?;
        }
        Ok(routes.iter().flat_map(|route| route.changes.clone()).collect())
    }
}
