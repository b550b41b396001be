//! What a node tells about itself, for readiness.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use model::node::NodeRole;

/// What a node tells about itself.
pub(super) struct Standing {
    role: NodeRole,
    engine: Arc<engine::Standing>,
    exposure: Option<String>,
    draining: AtomicBool,
}

impl Standing {
    /// The standing of a node of this role with this engine.
    pub(super) fn new(role: NodeRole, engine: Arc<engine::Standing>, exposure: Option<String>) -> Self {
        Self { role, engine, exposure, draining: AtomicBool::new(false) }
    }

    /// From now on the node is on its way out.
    pub(super) fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }
}

impl control::Standing for Standing {
    fn role(&self) -> NodeRole {
        self.role
    }

    fn serves(&self) -> Option<i64> {
        self.engine.served()
    }

    fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    fn audit_fault(&self) -> Option<String> {
        self.engine.audit_fault()
    }

    fn exposure(&self) -> Option<String> {
        self.exposure.clone()
    }

    fn tampered_rows(&self) -> Arc<[String]> {
        self.engine.tampered_rows()
    }

    fn unusable_secrets(&self) -> usize {
        self.engine.unusable_secrets().len()
    }
}
