//! A connection on loan from the pool: it goes back only when it is known to be clean.

use std::ops::Deref;

use deadpool_postgres::{ClientWrapper, Object, Pool};

/// A connection that is closed when it is dropped, whatever was going on; [`Lent::give_back`] is the only way back.
pub(super) struct Lent(Option<Object>);

impl Lent {
    pub(super) fn new(object: Object) -> Self {
        Self(Some(object))
    }

    /// Returns it to the pool. It must not be in a transaction.
    pub(super) fn give_back(mut self) {
        drop(self.0.take());
    }
}

impl Deref for Lent {
    type Target = ClientWrapper;

    #[allow(clippy::expect_used, reason = "it is taken out only where `self` ends")]
    fn deref(&self) -> &ClientWrapper {
        self.0.as_ref().expect("there until given back")
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // Dropped as it is, it would go back to the pool, perhaps in the middle of a transaction.
        drop(self.0.take().map(Object::take));
    }
}

/// Closes all connections that lie idle.
pub(super) fn purge(pool: &Pool) {
    pool.retain(|_, _| false);
}
