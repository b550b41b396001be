//! How a route is written and what a snapshot would send.

use std::sync::Arc;
use std::time::Duration;

use model::snapshot::{Bound, HeaderFill, Snapshot, Unusable};
use serde_json::{Value, json};

/// Asks until there is an answer, for at most half a minute: on a busy machine a check takes
/// its time, and the pause after it is longer in proportion.
pub(crate) async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..3_000 {
        if let Some(answer) = ask().await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never so: {what}");
}

/// A route in staging and production that sends one secret in `Authorization`.
pub(crate) fn spec(name: &str, secret: &str) -> Value {
    json!({"name": name, "base": {"upstream": "https://api.example.com",
           "inject": {"headers": {"Authorization": format!("Bearer {{{{{secret}}}}}")}}},
           "environments": {"production": {}, "staging": {}}})
}

/// The route in the environment.
pub(crate) fn bound(snapshot: &Snapshot, route: &str, environment: &str) -> Arc<Bound> {
    Arc::clone(&snapshot.routes[route].environments[environment])
}

/// What the route sends in `Authorization`, or why nothing.
pub(crate) fn sent(snapshot: &Snapshot, route: &str, environment: &str) -> Result<String, Unusable> {
    let bound = bound(snapshot, route, environment);
    bound.injection.as_ref().map_err(Clone::clone)?;
    Ok(carried(&bound))
}

/// What a binding that can be used sends in `Authorization`.
pub(crate) fn carried(bound: &Bound) -> String {
    match &bound.injection.as_ref().unwrap().headers[0].value {
        HeaderFill::Ready(value) => value.to_str().unwrap().to_owned(),
        HeaderFill::Fill(_) => panic!("nothing is left to fill in"),
    }
}
