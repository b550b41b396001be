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

/// Where tests of this program let it die in the middle of a rotation. A release has no such place.
pub(super) fn stop_at() -> engine::StopAt {
    if !cfg!(debug_assertions) {
        return None;
    }
    std::env::var("TEST_KEYROLL_STOP_AT").ok().and_then(|label| label.parse().ok())
}
