//! What the deciding process gets to know of the world.

use std::collections::{BTreeMap, BTreeSet};

use model::node::NodeState;
use model::rotation::{Counts, Evidence, Fleet, Measured, Mention, Place, ProbeMeans, Sibling, Spot, State};
use model::time::{Span, Timestamp};

use crate::routes::upstream;
use crate::world::{Run, World};

/// The step of the checklist that some worlds ask for.
pub(crate) const REVOKE: &str = "revoked_at_provider";

impl Run {
    pub(crate) fn is_withdrawn(&self) -> bool {
        matches!(self.now.state, State::Withdrawn(_) | State::Completed)
    }

    /// Whether the rotation re-pointed the route there.
    pub(crate) fn moved(&self, route: &model::name::RouteName, environment: &model::name::EnvironmentName) -> bool {
        self.now.promoted.iter().any(|one| one.environment == *environment && one.routes.contains(route))
    }
}

impl World {
    pub(crate) fn evidence(&self, at: usize) -> Evidence {
        let run = &self.runs[at];
        let places = self.places(at);
        let (window_opens_at, gap) = (self.window(), self.gap(at));
        Evidence {
            measured: self.measured(run),
            needed_at: self.needed_at(run).map(Timestamp::from_millis),
            outgoing_at: self.outgoing_at(at),
            outgoing_deleted: self.secrets[&run.now.outgoing].deleted,
            incoming_unusable: self.secrets[&run.now.incoming].unusable.then(|| "its limits were changed".to_owned()),
            open: self.open(run),
            fleet: Fleet {
                nodes: self.nodes.iter().map(crate::gateway::Gate::row).collect(),
                now: Timestamp::from_millis(self.t),
                incarnation: "inc".to_owned(),
            },
            sibling: self.sibling(run),
            rivals: self.rivals(at, &places),
            window_opens_at,
            gap,
            probe_under_way: run.probe_ends.is_some(),
            probe: ProbeMeans {
                own: self.secrets[&run.now.incoming].own_probe,
                routes: reached(&places),
                kind_needs_one: run.kind_needs_probe,
            },
            unattested: match self.scenario.checklist && !run.now.attested.contains_key(REVOKE) {
                true => vec![REVOKE.to_owned()],
                false => Vec::new(),
            },
            places,
        }
    }

    fn places(&self, at: usize) -> Vec<Place> {
        let run = &self.runs[at];
        let mut places = Vec::new();
        for stage in &run.now.plan.stages {
            let environment = self.place(&stage.environment);
            for route in &self.routes {
                let Some(view) = route.views.get(&environment) else { continue };
                let names_outgoing = view.secrets.contains(&run.now.outgoing);
                let name = &route.spec.name;
                let moved = view.secrets.contains(&run.now.incoming) && run.moved(name, &stage.environment);
                if names_outgoing || moved {
                    places.push(Place {
                        spot: Spot { route: name.clone(), environment: stage.environment.clone() },
                        upstream: upstream(view.upstream),
                        names_outgoing,
                        has_dead_rules: view.judges,
                        has_probe: view.has_probe,
                    });
                }
            }
        }
        places
    }

    fn measured(&self, run: &Run) -> Vec<Measured> {
        let probed_at = run.now.probe.map_or(0, |last| last.at.as_millis());
        let one = |((environment, to), tallies): (&(usize, usize), &Vec<crate::world::Tally>)| {
            let environment = self.environments[*environment].clone();
            let since = run.now.counting_since.get(&environment)?.as_millis();
            let counted = || tallies.iter().filter(move |tally| tally.at >= since);
            let spans: Vec<Counts> = counted().map(|tally| tally.counts).collect();
            Some(Measured {
                environment,
                upstream: upstream(*to),
                spans,
                doubtful_since_probe: counted().filter(|one| one.at > probed_at).map(|one| one.doubtful).sum(),
                last_at: counted().map(|one| one.at).max().map(Timestamp::from_millis),
            })
        };
        run.tallies.iter().filter_map(one).collect()
    }

    /// In the environments of the plan; what it leaves out goes on needing it.
    fn needed_at(&self, run: &Run) -> Option<i64> {
        let here = |environment: &usize| {
            let name = &self.environments[*environment];
            run.now.plan.stages.is_empty() || run.now.plan.stages.iter().any(|stage| stage.environment == *name)
        };
        let uses = self.reported.iter().filter(|((secret, at), _)| *secret == run.now.outgoing && here(at));
        uses.map(|(_, at)| *at).max()
    }

    /// Routes that name it, and other rotations that bring it.
    pub(crate) fn outgoing_at(&self, at: usize) -> Vec<Mention> {
        let outgoing = &self.runs[at].now.outgoing;
        let mut found = Vec::new();
        for route in &self.routes {
            for one in route.references.iter().filter(|one| one.secret == *outgoing) {
                let (route, environment) = (route.spec.name.clone(), one.environment.clone());
                found.push(Mention { route, environment, field: one.field.clone() });
            }
        }
        for other in self.runs.iter().filter(|other| other.now.is_live() && other.now.incoming == *outgoing) {
            let Some(route) = self.routes.first() else { continue };
            found.push(Mention { route: route.spec.name.clone(), environment: None, field: other.now.id.clone() });
        }
        found
    }

    fn open(&self, run: &Run) -> u64 {
        let serving = self.nodes.iter().filter(|node| {
            matches!(node.row().state(Timestamp::from_millis(self.t)), NodeState::Live | NodeState::Silent)
        });
        let open = serving.map(|node| node.told_open.iter().filter(|secret| **secret == run.now.outgoing).count());
        u64::try_from(open.sum::<usize>()).unwrap()
    }

    fn sibling(&self, run: &Run) -> Option<Sibling> {
        let first = self.runs.iter().find(|other| Some(&other.now.id) == run.now.plan.after.as_ref())?;
        Some(match &first.now.state {
            State::Watching(_) | State::Withdrawn(_) | State::Completed => Sibling::There,
            State::RolledBack { .. } | State::Abandoned => Sibling::Ended,
            _ => Sibling::Under,
        })
    }

    fn rivals(&self, at: usize, places: &[Place]) -> BTreeMap<model::name::EnvironmentName, String> {
        let mut rivals = BTreeMap::new();
        for (other, run) in self.runs.iter().enumerate().filter(|(other, _)| *other != at) {
            let (State::Canary(_), Some(stage)) = (&run.now.state, run.now.stage()) else { continue };
            let spots = self.places(other);
            let shared = |place: &Place| {
                place.spot.environment == stage.environment && spots.iter().any(|spot| spot.spot == place.spot)
            };
            if places.iter().any(shared) {
                rivals.insert(stage.environment.clone(), run.now.id.clone());
            }
        }
        rivals
    }

    /// Closed for the first twenty minutes of every hour.
    fn window(&self) -> Option<Timestamp> {
        let now = self.clock().as_millis();
        let into = now % 3_600_000;
        (self.scenario.windows && into < 1_200_000).then(|| Timestamp::from_millis(now - into + 1_200_000))
    }

    fn gap(&self, at: usize) -> Option<(String, Timestamp)> {
        let gap = Span::from_millis(self.scenario.least_gap);
        let mine: BTreeSet<_> = self.places(at).into_iter().map(|place| place.spot.route).collect();
        let others = self.runs.iter().enumerate().filter(|(other, _)| *other != at && self.scenario.least_gap > 0);
        let touched = others.flat_map(|(_, run)| run.now.promoted.iter().map(|one| (run.now.id.clone(), one)));
        let touched = touched.filter(|(_, one)| one.routes.iter().any(|route| mine.contains(route)));
        touched.map(|(id, one)| (id, one.at.plus(gap))).max_by_key(|(_, until)| *until)
    }
}

/// The environments in which a probe of routes reaches every upstream.
fn reached(places: &[Place]) -> BTreeSet<model::name::EnvironmentName> {
    let environments: BTreeSet<_> = places.iter().map(|place| place.spot.environment.clone()).collect();
    let covered = |environment: &model::name::EnvironmentName| {
        let here = || places.iter().filter(|place| place.spot.environment == *environment);
        here().all(|place| here().any(|other| other.has_probe && other.upstream == place.upstream))
    };
    environments.into_iter().filter(covered).collect()
}
