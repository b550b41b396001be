//! What a crate that does cryptography makes of a part of a snapshot, once, and keeps where that part is kept.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// A place for what is made of the value beside it. It is gone when that is gone: nothing outlives the snapshot in a
/// cache that nobody empties.
#[derive(Default)]
pub struct Prepared(OnceLock<Arc<dyn Any + Send + Sync>>);

impl Prepared {
    /// What was made, or what `make` makes now. `None` where something of another type was made before.
    pub fn get_or_make<T: Send + Sync + 'static>(&self, make: impl FnOnce() -> T) -> Option<Arc<T>> {
        let made = self.0.get_or_init(|| {
            let made: Arc<dyn Any + Send + Sync> = Arc::new(make());
            made
        });
        Arc::clone(made).downcast().ok()
    }
}

/// Blank: it may be made of a private key.
impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prepared(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once() {
        let place = Prepared::default();
        assert_eq!(place.get_or_make(|| 1_u8).as_deref(), Some(&1));
        assert_eq!(place.get_or_make(|| 2_u8).as_deref(), Some(&1));
        assert_eq!(place.get_or_make(|| 2_u16), None);
        assert_eq!(format!("{place:?}"), "Prepared(…)");
    }
}
