//! What it takes to start a rotation, and to steer it.

use model::access::Need;
use model::environment::Environment;
use model::name::EnvironmentName;
use model::rotation::{Plan, Rotation};
use model::secret::Secret;
use store::ReadTx;

use crate::endpoints::secrets::need;
use crate::refusal::Refusal;

/// The rights in every environment of the plan, and in both secrets: one that may be used anywhere counts as protected.
pub(super) fn of_plan<'a>(
    plan: &Plan,
    secrets: impl IntoIterator<Item = &'a Secret>,
    known: &[Environment],
) -> Vec<Need> {
    let free = |name: &EnvironmentName| known.iter().any(|other| other.name == *name && !other.protected);
    let stages = plan.stages.iter();
    let protected = stages.map(|stage| stage.protected || !free(&stage.environment));
    let stages = protected.map(|protected| Need::Change { protected });
    stages.chain(secrets.into_iter().map(|secret| need(&secret.limits, known))).collect()
}

/// The same of a rotation that is stored.
pub(super) async fn of_rotation(tx: &ReadTx, rotation: &Rotation) -> Result<Vec<Need>, Refusal> {
    let mut secrets = Vec::new();
    for name in [&rotation.outgoing, &rotation.incoming] {
        secrets.extend(tx.secret(name.as_str()).await?.map(|row| row.secret));
    }
    Ok(of_plan(&rotation.plan, &secrets, &tx.environments().await?))
}
