//! One log entry when the database goes away from a task, and one when it is back.

use store::StoreError;

/// Whether a task's last look at the database failed.
#[derive(Debug)]
pub(crate) struct Outage {
    task: &'static str,
    lasts: bool,
}

impl Outage {
    /// No outage, for the task of this name.
    pub(crate) fn none(task: &'static str) -> Self {
        Self { task, lasts: false }
    }

    /// Notes how it went. Tasks try again many times a minute; only a change of state is worth an entry.
    pub(crate) fn note<T>(&mut self, result: Result<T, StoreError>) -> Option<T> {
        match result {
            Ok(done) => {
                if std::mem::take(&mut self.lasts) {
                    tracing::info!(task = self.task, "the database answers again");
                }
                Some(done)
            }
            // The other process does it from now on; this one has nothing to mend.
            Err(StoreError::HandedOver) => None,
            Err(error) => {
                if !std::mem::replace(&mut self.lasts, true) {
                    tracing::error!(task = self.task, %error, "the database does not serve this task; it keeps trying");
                }
                None
            }
        }
    }
}
