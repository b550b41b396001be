//! Keeps a task running: one that panics is reported and begins anew.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::Shared;

/// The pause before a task begins anew, so that one that always panics does not fill the log.
const PAUSE: Duration = Duration::from_secs(1);

/// Runs `task` until it returns, over and over where it panics. It has no state to lose: it reads the world again.
pub(crate) fn supervise<F>(name: &'static str, shared: &Arc<Shared>, task: fn(Arc<Shared>) -> F) -> JoinHandle<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        while runs_again(name, tokio::spawn(task(Arc::clone(&shared)))).await {
            if !shared.sleep(PAUSE).await {
                return;
            }
        }
    })
}

/// Waits for the end of one run. The panic's text is not repeated here: nobody knows what it holds.
async fn runs_again(name: &'static str, run: JoinHandle<()>) -> bool {
    match run.await {
        Err(error) if error.is_panic() => {
            tracing::error!(task = name, "a task panicked and is started again");
            true
        }
        _ => false,
    }
}

/// Runs what keeps a processor busy where it holds nobody up.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is shutting down, and this task with it.
            Err(_) => std::future::pending().await,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_runs_again_and_an_end_does_not() {
        assert!(runs_again("test", tokio::spawn(async { panic!("on purpose") })).await);
        assert!(!runs_again("test", tokio::spawn(async {})).await);
    }

    #[tokio::test]
    async fn a_panic_in_blocking_work_is_the_callers() {
        assert_eq!(blocking(|| 7).await, 7);
        let caller = tokio::spawn(blocking(|| panic!("on purpose")));
        assert!(caller.await.unwrap_err().is_panic());
    }
}
