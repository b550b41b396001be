//! How often the outgoing secret was sent lately, by route and environment.

use std::collections::BTreeMap;

use model::name::{EnvironmentName, RouteName, SecretName};
use model::time::{Span, Timestamp};
use store::ReadTx;

use crate::refusal::Refusal;

/// So long a time counts.
pub(super) const DAY: Span = Span::from_hours(24);

/// Requests of the last 24 hours.
pub(super) struct Traffic(BTreeMap<(RouteName, EnvironmentName), u64>);

impl Traffic {
    pub(super) async fn of(tx: &ReadTx, secret: &SecretName, now: Timestamp) -> Result<Self, Refusal> {
        let to = now.plus(Span::from_millis(1));
        let mut found = BTreeMap::<_, u64>::new();
        for bucket in tx.usage(secret.as_str(), now.minus(DAY), to, DAY).await? {
            let sum = found.entry((bucket.route, bucket.environment)).or_default();
            *sum = sum.saturating_add(u64::try_from(bucket.count).unwrap_or(0));
        }
        Ok(Self(found))
    }

    pub(super) fn at(&self, route: &RouteName, environment: &EnvironmentName) -> u64 {
        self.0.get(&(route.clone(), environment.clone())).copied().unwrap_or(0)
    }
}
