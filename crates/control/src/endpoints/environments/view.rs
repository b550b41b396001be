//! An environment as it is told, and the rules of its members.

use api::environment::EnvironmentItem;
use model::environment::Environment;
use model::name::nearest;
use serde_json::Value;
use store::ReadTx;

use crate::members::{Members, line_text};
use crate::refusal::Refusal;

/// As the API tells it.
pub(super) fn item(environment: &Environment) -> EnvironmentItem {
    EnvironmentItem {
        name: environment.name.to_string(),
        display_name: environment.display_name.clone(),
        rank: environment.rank,
        protected: environment.protected,
        default: environment.default,
    }
}

/// As the audit tells it.
pub(super) fn record(environment: &Environment) -> Value {
    serde_json::to_value(item(environment)).unwrap_or_default()
}

/// The rules of the members that are not names.
pub(super) fn check(members: &mut Members, environment: &Environment) {
    line_text(members, "/display_name", &environment.display_name);
    members.demand(
        (0..=1_000_000).contains(&environment.rank),
        "/rank",
        "rank-invalid",
        "is not between 0 and 1000000",
    );
}

/// The environment, or 404 with the name that was probably meant.
pub(super) async fn find(tx: &ReadTx, name: &str) -> Result<Environment, Refusal> {
    match tx.environment(name).await? {
        Some(environment) => Ok(environment),
        None => {
            let all = tx.environments().await?;
            Err(Refusal::not_found("environment", name, nearest(name, all.iter().map(|other| other.name.as_str()))))
        }
    }
}
