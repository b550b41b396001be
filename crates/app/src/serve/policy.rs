//! What the settings say to the rules of the admin API and of the engine.

use ipnet::IpNet;
use model::schedule;

use crate::config;

/// The settings that the admin API decides by.
pub(super) fn control(policy: &config::Policy, allow_private: Vec<IpNet>) -> control::Policy {
    control::Policy {
        retention: policy.retention,
        allow_private,
        naming: policy.naming.map(Into::into),
        rotations: rotations(policy),
    }
}

/// How rotations may go on by themselves.
pub(super) fn rotations(policy: &config::Policy) -> schedule::Policy {
    schedule::Policy {
        windows: policy.rotation_windows.iter().map(|window| window.0.clone()).collect(),
        gap: policy.rotation_gap,
    }
}
