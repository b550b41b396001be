//! What is known about a rotation from outside its log: measured by traffic, read from the database, told by nodes.

use std::collections::{BTreeMap, BTreeSet};

use super::event::{Mention, Spot};
use super::proof::Fleet;
use super::verdict::{Counts, Verdict, judge, more_often_refused};
use crate::name::EnvironmentName;
use crate::time::Timestamp;

/// What [`super::decide`] goes by, beside the rotation itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// The routes and environments of the plan that take part: those that name the outgoing secret, and those that were
    /// re-pointed and still name the incoming one.
    pub places: Vec<Place>,
    /// What was counted since each environment was entered.
    pub measured: Vec<Measured>,
    /// When the outgoing credential was last needed in an environment of the plan, by traffic of this rotation or by any
    /// other; anywhere, where the plan has none. What the plan leaves out goes on needing it, and is no reason to wait.
    pub needed_at: Option<Timestamp>,
    /// Where the outgoing secret is still named, disabled routes and idle bases included; and where another live rotation
    /// brings it as its incoming one.
    pub outgoing_at: Vec<Mention>,
    /// Whether the outgoing secret's value is destroyed.
    pub outgoing_deleted: bool,
    /// Why the incoming secret cannot be used, where it cannot.
    pub incoming_unusable: Option<String>,
    /// How many requests, streams and tunnels that carry the outgoing credential are under way, on all nodes that may
    /// serve.
    pub open: u64,
    /// The nodes.
    pub fleet: Fleet,
    /// How the rotation stands that has to go first; `None` where there is none, or it does not exist.
    pub sibling: Option<Sibling>,
    /// Other rotations that have a canary in a place of this environment.
    pub rivals: BTreeMap<EnvironmentName, String>,
    /// When changes are allowed again in protected environments; `None` where they are now.
    pub window_opens_at: Option<Timestamp>,
    /// Another rotation that touched one of the routes lately, and when the least time after it is over.
    pub gap: Option<(String, Timestamp)>,
    /// Whether a probe is under way at this very moment. One whose outcome was lost is not.
    pub probe_under_way: bool,
    /// Whether the incoming credential can be tried out on its own, or through the routes of all of these environments.
    pub probe: ProbeMeans,
    /// Steps of a playbook that somebody has to attest before the outgoing secret is deleted by itself.
    pub unattested: Vec<String>,
}

/// One place that takes part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Which.
    pub spot: Spot,
    /// Scheme, host and port of its upstream.
    pub upstream: String,
    /// Whether it names the outgoing secret; the incoming one otherwise.
    pub names_outgoing: bool,
    /// Whether its answers can say that a credential is dead.
    pub has_dead_rules: bool,
    /// Whether it has a probe.
    pub has_probe: bool,
}

/// How the incoming credential can be tried out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProbeMeans {
    /// By the secret's own probe.
    pub own: bool,
    /// Through the routes of these environments.
    pub routes: BTreeSet<EnvironmentName>,
    /// Whether answers to requests say nothing about a credential of this kind, so that it takes a probe of its own or
    /// an attestation.
    pub kind_needs_one: bool,
}

impl ProbeMeans {
    /// Whether there is any.
    #[must_use]
    pub fn any(&self) -> bool {
        self.own || !self.routes.is_empty()
    }

    /// Whether a probe says something about this environment.
    #[must_use]
    pub fn reach(&self, environment: &EnvironmentName) -> bool {
        self.own || self.routes.contains(environment)
    }
}

/// How the rotation stands that has to go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sibling {
    /// On its way.
    Under,
    /// Promoted everywhere.
    There,
    /// Rolled back or abandoned.
    Ended,
}

/// What was counted for one upstream in one environment, span by span, over all nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// The environment.
    pub environment: EnvironmentName,
    /// The upstream.
    pub upstream: String,
    /// In the order of time.
    pub spans: Vec<Counts>,
    /// Answers since the last probe that refused both credentials, or had no pair: only a probe can tell what they mean.
    pub doubtful_since_probe: u64,
    /// The last moment of which anything was counted.
    pub last_at: Option<Timestamp>,
}

impl Measured {
    /// All spans together.
    #[must_use]
    pub fn total(&self) -> Counts {
        let mut total = Counts::default();
        self.spans.iter().for_each(|span| total.add(span));
        total
    }

    /// What is to be thought of the incoming credential at this upstream.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match judge(self.spans.iter().copied()) {
            Verdict::Unhealthy(why) => Verdict::Unhealthy(why),
            other => more_often_refused(self.spans.iter().copied()).map_or(other, Verdict::Unhealthy),
        }
    }
}
