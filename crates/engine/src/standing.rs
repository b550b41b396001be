//! What is served and what is wrong, for readiness, diagnosis, and between the tasks.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::name::SecretName;
use model::snapshot::Opened;
use tokio::sync::{Notify, watch};

/// What is served and what is wrong.
#[derive(Debug, Default)]
pub struct Standing {
    served: watch::Sender<Option<i64>>,
    facts: Mutex<Facts>,
    doubts: Notify,
}

/// The secrets that the last check of all rows found wrong.
pub(crate) type Suspects = Arc<BTreeSet<SecretName>>;

#[derive(Debug, Default)]
struct Facts {
    published: Option<Published>,
    suspects: Suspects,
    audit_fault: Option<String>,
    tampered_rows: Arc<[String]>,
}

/// What the latest snapshot was built from.
#[derive(Debug, Clone)]
pub(crate) struct Published {
    pub(crate) incarnation: String,
    pub(crate) revision: i64,
    /// The secrets that a route names.
    pub(crate) secrets: Arc<HashMap<SecretName, Arc<Opened>>>,
    /// The names of those that cannot be used, or not even be found.
    pub(crate) unopened: Arc<BTreeSet<SecretName>>,
}

impl Standing {
    /// The revision that is served; `None` before the first snapshot, and when the snapshot got too old.
    #[must_use]
    pub fn served(&self) -> Option<i64> {
        *self.served.borrow()
    }

    /// Follows the revision that is served.
    #[must_use]
    pub fn follow(&self) -> watch::Receiver<Option<i64>> {
        self.served.subscribe()
    }

    /// What the last check of the audit found wrong, in words.
    #[must_use]
    pub fn audit_fault(&self) -> Option<String> {
        self.facts().audit_fault.clone()
    }

    /// The rows of routes, clients, tokens and environments that somebody changed outside Keyroll, as the last check
    /// found them: `route payments`.
    #[must_use]
    pub fn tampered_rows(&self) -> Arc<[String]> {
        Arc::clone(&self.facts().tampered_rows)
    }

    /// Notes what a check of these rows found.
    pub(crate) fn note_rows(&self, found: Vec<String>) {
        self.facts().tampered_rows = found.into();
    }

    /// The secrets that cannot be used because their rows were changed outside Keyroll or their key is not at hand,
    /// sorted.
    #[must_use]
    pub fn unusable_secrets(&self) -> Vec<SecretName> {
        let facts = self.facts();
        let unopened = facts.published.iter().flat_map(|published| published.unopened.iter());
        unopened.chain(facts.suspects.iter()).cloned().collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Which life of the database is served, and which revision of it; `None` where nothing is.
    pub(crate) fn serving(&self) -> Option<(String, i64)> {
        self.served()?;
        self.facts().published.as_ref().map(|published| (published.incarnation.clone(), published.revision))
    }

    /// Waits until a snapshot is served; the answer is its revision.
    pub(crate) async fn serves(&self) -> i64 {
        let mut served = self.served.subscribe();
        match served.wait_for(Option::is_some).await.map(|revision| *revision) {
            Ok(Some(revision)) => revision,
            // The sender lives as long as `self`.
            _ => std::future::pending().await,
        }
    }

    /// Notes what is served from now on.
    pub(crate) fn publish(&self, published: Published) {
        let revision = published.revision;
        self.facts().published = Some(published);
        self.served.send_replace(Some(revision));
    }

    /// Notes that nothing is served.
    pub(crate) fn withdraw(&self) {
        self.served.send_replace(None);
    }

    /// What the latest snapshot was built from.
    pub(crate) fn published(&self) -> Option<Published> {
        self.facts().published.clone()
    }

    /// The secrets that the last check found wrong. The same pointer as long as no check found something else.
    pub(crate) fn suspects(&self) -> Suspects {
        Arc::clone(&self.facts().suspects)
    }

    /// Notes what a check found, and wakes the task that publishes if that is something else than before.
    pub(crate) fn suspect(&self, found: BTreeSet<SecretName>) {
        let mut facts = self.facts();
        // A secret that did not open when it was published and that no check objects to is worth another try.
        let all_known = facts.published.as_ref().is_none_or(|published| published.unopened.is_subset(&found));
        if *facts.suspects == found && all_known {
            return;
        }
        facts.suspects = Arc::new(found);
        drop(facts);
        self.doubts.notify_one();
    }

    /// Waits for a check that found something else than the one before.
    pub(crate) async fn doubted(&self) {
        self.doubts.notified().await;
    }

    /// Notes what a check of the audit found; the answer is whether that is news.
    pub(crate) fn note_audit(&self, fault: Option<String>) -> bool {
        let mut facts = self.facts();
        let news = facts.audit_fault != fault;
        facts.audit_fault = fault;
        news
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        // Whole values are put in and taken out: a panic elsewhere leaves nothing half done.
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
