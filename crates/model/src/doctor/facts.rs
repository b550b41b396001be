//! What is known about a route when somebody asks why it fails.

use std::collections::BTreeMap;

use crate::name::{EnvironmentName, RouteName, SecretName};
use crate::node::NodeState;
use crate::secret::Secret;
use crate::time::Timestamp;
use crate::usage::{OUTCOMES, Outcome};

/// Everything that the findings are made from.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The route.
    pub route: RouteName,
    /// The current moment.
    pub now: Timestamp,
    /// The last change of the route.
    pub change: LastChange,
    /// What is looked at, in the order of ranks.
    pub places: Vec<PlaceFacts>,
    /// The secrets that the route names there.
    pub secrets: BTreeMap<SecretName, SecretFacts>,
    /// The nodes that share the database.
    pub nodes: Vec<NodeFact>,
}

/// The last change of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastChange {
    /// The number of the route's revision.
    pub number: i64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// By what: `create`, `update`, `replace-secret`, `roll-back`.
    pub action: String,
    /// The revision to which the route can go back; `None` for a route that was just made.
    pub before: Option<i64>,
}

/// A route in one environment.
#[derive(Debug, Clone)]
pub struct PlaceFacts {
    /// The environment, as somebody wrote it.
    pub environment: String,
    /// Whether the route is served there.
    pub listing: Listing,
    /// The upstream's host, lower case, without brackets.
    pub host: Option<String>,
    /// Whether the route says there how to try a credential.
    pub has_probe: bool,
    /// Why the route cannot be put together there, where that is not the fault of a secret.
    pub broken: Option<String>,
    /// The secrets that take effect there.
    pub bindings: Vec<BindingFacts>,
    /// What probes found that try the whole request, and so no single one of several secrets.
    pub readings: Vec<Reading>,
}

/// Whether a route is served in an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listing {
    /// It is.
    Served(EnvironmentName),
    /// It is not, though there is such an environment; it is served in these.
    NotListed(Vec<EnvironmentName>),
    /// There is no such environment; this one may be meant.
    Unknown(Option<String>),
}

/// A secret in effect in one environment of the route.
#[derive(Debug, Clone)]
pub struct BindingFacts {
    /// The secret.
    pub secret: SecretName,
    /// The members that name it: `inject.headers.Authorization`.
    pub named_at: Vec<String>,
    /// When it was last sent through the route in this environment.
    pub last_used_at: Option<Timestamp>,
    /// How the upstream answered.
    pub answers: Answers,
    /// How it answered to the secret that this one succeeds, in the same place.
    pub before: Answers,
    /// What probes found.
    pub readings: Vec<Reading>,
}

/// A secret that the route names.
#[derive(Debug, Clone, Default)]
pub struct SecretFacts {
    /// What is known about it; `None` where there is no such row, or it cannot be read.
    pub secret: Option<Secret>,
    /// Why its value cannot be had although there is a row.
    pub closed: Option<String>,
    /// An active secret of nearly the same name, for one that cannot be used.
    pub meant: Option<SecretName>,
    /// The secrets that it succeeds, the nearest first.
    pub predecessors: Vec<Related>,
    /// Its latest successor.
    pub successor: Option<Related>,
    /// The rotation that it is the outgoing secret of, while one is under way.
    pub rotation: Option<Live>,
}

/// A predecessor or successor.
#[derive(Debug, Clone)]
pub struct Related {
    /// Its name.
    pub name: SecretName,
    /// Since when its value is destroyed, where it is.
    pub deleted_at: Option<Timestamp>,
    /// Who names it, switched-off mentions and bases that no environment inherits included.
    pub mentions: Vec<Mention>,
}

/// A place that names a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// The route.
    pub route: RouteName,
    /// Where it takes effect; `None` for a mention in the base that no environment inherits.
    pub environment: Option<EnvironmentName>,
    /// The member that holds it.
    pub field: String,
}

/// A rotation that has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// `rot_…`.
    pub id: String,
    /// Its state.
    pub state: String,
    /// What is to take the secret's place.
    pub incoming: SecretName,
}

/// What the upstream said, by windows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers {
    /// In the last hour.
    pub hour: Window,
    /// Since the last change of the route, and for a day at most.
    pub since: Window,
    /// In the hour before that change.
    pub before: Window,
}

/// The answers of one span of time, by outcome.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Window([Option<Run>; OUTCOMES.len()]);

/// How often an outcome was seen, and in which minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// How often.
    pub count: u64,
    /// The first minute that has one.
    pub first: Timestamp,
    /// The last minute that has one.
    pub last: Timestamp,
}

impl Window {
    /// Puts in what was seen of an outcome.
    pub fn put(&mut self, outcome: Outcome, run: Run) {
        if let Some(place) = self.0.get_mut(outcome as usize) {
            *place = Some(run);
        }
    }

    /// What was seen of an outcome.
    #[must_use]
    pub fn run(&self, outcome: Outcome) -> Option<Run> {
        self.0.get(outcome as usize).copied().flatten()
    }

    /// How often an outcome was seen.
    #[must_use]
    pub fn count(&self, outcome: Outcome) -> u64 {
        self.run(outcome).map_or(0, |run| run.count)
    }

    /// How many answers there were.
    #[must_use]
    pub fn total(&self) -> u64 {
        OUTCOMES.into_iter().map(|outcome| self.count(outcome)).sum()
    }
}

impl Answers {
    /// The last minute in which an outcome was seen.
    #[must_use]
    pub fn last(&self, outcome: Outcome) -> Option<Timestamp> {
        [&self.hour, &self.since, &self.before]
            .into_iter()
            .filter_map(|window| window.run(outcome))
            .map(|run| run.last)
            .max()
    }
}

/// What a probe found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Where it went.
    pub place: String,
    /// What the answer means.
    pub said: Said,
    /// Why.
    pub detail: String,
}

/// What an answer says about a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// It lives.
    Alive,
    /// It is dead.
    Dead,
    /// Neither.
    Unclear,
}

/// A node, and what it serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeFact {
    /// Its name and id.
    pub name: String,
    /// Its id.
    pub id: String,
    /// What can be said of it.
    pub state: NodeState,
    /// Whether it serves traffic.
    pub has_gateway: bool,
    /// The revision of the database that it serves; `None` where it serves nothing.
    pub revision: Option<i64>,
    /// Whether that holds the route and its secrets as they are now.
    pub is_current: bool,
    /// For how long there has been a change that it lacks, in milliseconds.
    pub lag_ms: i64,
    /// When it was last heard from.
    pub last_seen_at: Timestamp,
    /// Until when it may serve although nobody hears from it.
    pub may_serve_until: Timestamp,
}
