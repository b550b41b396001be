//! What traffic has to know of a rotation: which environments it moves, how much, and where its shield stands.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Weight;
use super::rotation::Rotation;
use super::state::State;
use crate::name::{EnvironmentName, RouteName};

/// What is published of a rotation. Nothing, once it has ended or the outgoing secret is withdrawn.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Traffic {
    /// The canary.
    pub canary: Option<Share>,
    /// The environments that are promoted, each with the routes that were re-pointed: there the outgoing credential
    /// stands behind the incoming one.
    pub shielded: BTreeMap<EnvironmentName, Vec<RouteName>>,
}

/// The canary of one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Which.
    pub environment: EnvironmentName,
    /// How much of the traffic gets the incoming credential.
    pub weight: Weight,
    /// Whether it is yet to be found healthy.
    pub careful: bool,
}

impl Traffic {
    /// Of this rotation, as it stands.
    #[must_use]
    pub fn of(rotation: &Rotation) -> Self {
        if !rotation.is_live() || matches!(rotation.state, State::Withdrawn(_)) {
            return Self::default();
        }
        let canary = match (&rotation.state, rotation.stage(), rotation.weight()) {
            (State::Canary(canary), Some(stage), Some(weight)) => {
                Some(Share { environment: stage.environment.clone(), weight, careful: canary.healthy.is_none() })
            }
            _ => None,
        };
        let promoted = rotation.promoted.iter().map(|promoted| (promoted.environment.clone(), promoted.routes.clone()));
        Self { canary, shielded: promoted.collect() }
    }

    /// Whether there is nothing to publish.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.canary.is_none() && self.shielded.is_empty()
    }
}
