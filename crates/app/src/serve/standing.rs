//! What a node tells about itself, for readiness.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use model::snapshot::Snapshot;

/// What a node tells about itself.
pub(super) struct Standing {
    snapshot: Arc<ArcSwap<Snapshot>>,
    draining: AtomicBool,
}

impl Standing {
    /// The standing of a node that serves from `snapshot`.
    pub(super) fn new(snapshot: Arc<ArcSwap<Snapshot>>) -> Self {
        Self { snapshot, draining: AtomicBool::new(false) }
    }

    /// From now on the node is on its way out.
    pub(super) fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }
}

impl control::Standing for Standing {
    fn serves(&self) -> Option<i64> {
        let snapshot = self.snapshot.load();
        // The snapshot of a process that has published none yet names no database.
        (!snapshot.incarnation.is_empty()).then_some(snapshot.revision)
    }

    fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    fn audit_fault(&self) -> Option<String> {
        None
    }
}
