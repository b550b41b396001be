//! What is stored about a rotation beside its log, and the evidence that follows from it.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use super::event::{Mention, Spot};
use super::evidence::{Evidence, Measured, Place, ProbeMeans, Sibling};
use super::playbook::unattested;
use super::proof::Fleet;
use super::replace::{Repointed, repoint};
use super::rotation::Rotation;
use super::traffic::Traffic;
use super::verdict::Counts;
use crate::name::{EnvironmentName, RouteName, SecretName};
use crate::node::NodeState;
use crate::route::{RouteSpec, effective, references};
use crate::schedule::Policy;
use crate::secret::{Kind, Secret, State as SecretState};
use crate::snapshot::{Sign, TrialDrained};
use crate::time::{Span, Timestamp};
use crate::upstream::Upstream;

/// A rotation without its log, as lists and other rotations see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// `rot_…`.
    pub id: String,
    /// The secret that is replaced.
    pub outgoing: SecretName,
    /// The secret that takes its place.
    pub incoming: SecretName,
    /// Makes its choices of bindings others than those of any other rotation. Not to be shown.
    pub salt: u64,
    /// When it was started.
    pub started_at: Timestamp,
    /// The word of its state.
    pub state: String,
    /// The environment that it is in or before.
    pub environment: Option<EnvironmentName>,
    /// Since when it is in this state.
    pub state_since: Timestamp,
    /// When it promoted an environment last.
    pub cut_over_at: Option<Timestamp>,
    /// Whether anything can still happen.
    pub live: bool,
    /// What gateways need to know.
    pub traffic: Traffic,
    /// How many events its log has.
    pub version: i64,
}

/// What was counted in one route and environment within a second or a minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountRow {
    /// The environment.
    pub environment: EnvironmentName,
    /// Scheme, host and port.
    pub upstream: String,
    /// The route.
    pub route: RouteName,
    /// The beginning of the second or minute.
    pub at: Timestamp,
    /// By sign.
    pub counted: TrialDrained,
}

/// What is stored about a rotation beside its log.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// The outgoing secret's metadata.
    pub outgoing: Option<Secret>,
    /// The incoming secret's.
    pub incoming: Option<Secret>,
    /// The routes that name one of them.
    pub specs: Vec<RouteSpec>,
    /// What gateways counted since it began, by time.
    pub counts: Vec<CountRow>,
    /// When the outgoing secret was last sent, by route and environment.
    pub outgoing_used: Vec<(Spot, Timestamp)>,
    /// How many requests that carry the outgoing secret are under way, by node.
    pub open: Vec<(String, u64)>,
    /// The rotation that has to go first.
    pub sibling: Option<Summary>,
    /// The other rotations that share a route with it: live ones, and those that promoted something lately.
    pub others: Vec<Summary>,
}

/// What holds for all rotations of an installation.
#[derive(Debug, Clone, PartialEq)]
pub struct House {
    /// The nodes.
    pub fleet: Fleet,
    /// When changes are allowed again in protected environments; `None` where they are now.
    pub window_opens_at: Option<Timestamp>,
    /// The least time between two rotations that share a route.
    pub gap: Span,
    /// Private networks that upstreams may be in.
    pub allow_private: Vec<IpNet>,
}

impl House {
    /// What the settings come to at a moment. `asked` is what the node's own clock says.
    #[must_use]
    pub fn new(fleet: Fleet, policy: &Policy, allow_private: &[IpNet], asked: Timestamp) -> Self {
        let now = fleet.moment(asked);
        // A window that opens no more keeps rotations waiting until the end of all moments.
        let opens_at = || policy.windows.opens_at(now).unwrap_or(Timestamp::from_millis(i64::MAX));
        Self {
            window_opens_at: (!policy.windows.is_open(now)).then(opens_at),
            gap: policy.gap,
            allow_private: allow_private.to_vec(),
            fleet,
        }
    }

    /// From when on a promotion of another rotation still matters.
    #[must_use]
    pub fn lately(&self, now: Timestamp) -> Timestamp {
        now.minus(self.gap)
    }
}

/// Where the secret is named, disabled routes and idle bases included.
#[must_use]
pub fn mentions_of(secret: &SecretName, specs: &[RouteSpec]) -> Vec<Mention> {
    let each = specs.iter().flat_map(|spec| references(spec).into_iter().map(|found| (spec.name.clone(), found)));
    let named = each.filter(|(_, found)| found.secret == *secret);
    named.map(|(route, found)| Mention { route, environment: found.environment, field: found.field }).collect()
}

impl Evidence {
    /// The evidence that follows from what is stored.
    #[must_use]
    pub fn gather(rotation: &Rotation, facts: &Facts, house: &House, probe_under_way: bool, now: Timestamp) -> Self {
        let promoted: BTreeSet<Spot> = promoted(rotation);
        let places = places(rotation, &promoted, facts, &house.allow_private);
        Self {
            measured: measured(rotation, &places, &facts.counts),
            needed_at: needed_at(rotation, &promoted, facts),
            outgoing_at: mentions_of(&rotation.outgoing, &facts.specs),
            outgoing_deleted: facts.outgoing.as_ref().is_none_or(|secret| secret.state == SecretState::Deleted),
            incoming_unusable: unusable(facts.incoming.as_ref(), now),
            open: open(facts, &house.fleet),
            fleet: house.fleet.clone(),
            sibling: facts.sibling.as_ref().map(sibling),
            rivals: rivals(&places, facts),
            window_opens_at: house.window_opens_at,
            gap: gap(facts, house.gap, now),
            probe_under_way,
            probe: probe_means(rotation, &places, facts.incoming.as_ref()),
            unattested: unattested(rotation),
            places,
        }
    }
}

fn promoted(rotation: &Rotation) -> BTreeSet<Spot> {
    let each = rotation.promoted.iter().flat_map(|promotion| {
        promotion.routes.iter().map(|route| Spot { route: route.clone(), environment: promotion.environment.clone() })
    });
    each.collect()
}

fn places(rotation: &Rotation, promoted: &BTreeSet<Spot>, facts: &Facts, allow_private: &[IpNet]) -> Vec<Place> {
    let mut places = Vec::new();
    for spec in &facts.specs {
        let named = references(spec);
        for stage in &rotation.plan.stages {
            let names = |secret: &SecretName| {
                named
                    .iter()
                    .any(|found| found.secret == *secret && found.environment.as_ref() == Some(&stage.environment))
            };
            let spot = Spot { route: spec.name.clone(), environment: stage.environment.clone() };
            let names_outgoing = names(&rotation.outgoing);
            let is_part = names_outgoing || (promoted.contains(&spot) && names(&rotation.incoming));
            if !is_part {
                continue;
            }
            let Some(settings) = effective(spec, &stage.environment) else { continue };
            let upstream = settings.upstream.as_deref().and_then(|text| Upstream::parse(text, allow_private).ok());
            let own = spec.environments.get(&stage.environment);
            places.push(Place {
                spot,
                upstream: upstream.map_or_else(String::new, |upstream| upstream.origin()),
                names_outgoing,
                has_dead_rules: !settings.judgement.dead.is_empty(),
                has_probe: own.is_some_and(|own| own.probe.over(&spec.base.probe).as_set().is_some()),
            });
        }
    }
    places
}

/// By environment and upstream, since the environment was entered.
fn measured(rotation: &Rotation, places: &[Place], counts: &[CountRow]) -> Vec<Measured> {
    let mut found = BTreeMap::<(EnvironmentName, String), Measured>::new();
    let probed_at = rotation.probe.map_or(rotation.started_at, |last| last.at);
    for row in counts {
        let is_here = |place: &Place| place.spot.environment == row.environment && place.upstream == row.upstream;
        if !rotation.counts(&row.environment, row.at) || !places.iter().any(is_here) {
            continue;
        }
        let measured = found.entry((row.environment.clone(), row.upstream.clone())).or_insert_with(|| Measured {
            environment: row.environment.clone(),
            upstream: row.upstream.clone(),
            spans: Vec::new(),
            doubtful_since_probe: 0,
            last_at: None,
        });
        let count = |sign: Sign| row.counted.counts.get(sign as usize).copied().unwrap_or(0);
        measured.spans.push(Counts {
            alive: count(Sign::Alive),
            pairs: count(Sign::Pair),
            outgoing_alive: count(Sign::OutgoingAlive),
            outgoing_dead: count(Sign::OutgoingDead),
            unpaired: count(Sign::Unpaired),
        });
        if row.at >= probed_at {
            let doubtful = count(Sign::Unpaired).saturating_add(count(Sign::BothDead));
            measured.doubtful_since_probe = measured.doubtful_since_probe.saturating_add(doubtful);
        }
        if count(Sign::Alive) > 0 || count(Sign::Pair) > 0 {
            measured.last_at = measured.last_at.max(Some(row.at));
        }
    }
    found.into_values().collect()
}

/// By traffic that the rotation has a say in, and by what else sends the outgoing secret in its environments. A second try
/// that the shield made in a promoted place is a use of the secret, but only the rotation's own counts tell whether it was
/// needed.
fn needed_at(rotation: &Rotation, promoted: &BTreeSet<Spot>, facts: &Facts) -> Option<Timestamp> {
    let counted = facts.counts.iter().filter_map(|row| row.counted.needed_at);
    let planned = |spot: &Spot| rotation.plan.stages.iter().any(|stage| stage.environment == spot.environment);
    let elsewhere = facts.outgoing_used.iter().filter(|(spot, _)| planned(spot) && !promoted.contains(spot));
    counted.chain(elsewhere.map(|(_, at)| *at)).max()
}

fn unusable(incoming: Option<&Secret>, now: Timestamp) -> Option<String> {
    let Some(secret) = incoming.filter(|secret| secret.state == SecretState::Active) else {
        return Some("it is deleted".to_owned());
    };
    let expired = secret.expires_at.filter(|end| secret.strict_expiry && *end <= now)?;
    Some(format!("it expired at {expired}"))
}

fn open(facts: &Facts, fleet: &Fleet) -> u64 {
    let may_serve = |id: &str| {
        let node = fleet.nodes.iter().find(|node| node.id == id);
        node.is_some_and(|node| matches!(node.state(fleet.now), NodeState::Live | NodeState::Silent))
    };
    facts.open.iter().filter(|(node, _)| may_serve(node)).map(|(_, count)| *count).sum()
}

fn sibling(first: &Summary) -> Sibling {
    match first.state.as_str() {
        "watching" | "withdrawn" | "completed" => Sibling::There,
        "rolled_back" | "abandoned" => Sibling::Ended,
        _ => Sibling::Under,
    }
}

/// Other rotations whose canary is in a place of this one.
fn rivals(places: &[Place], facts: &Facts) -> BTreeMap<EnvironmentName, String> {
    let mut rivals = BTreeMap::new();
    for other in facts.others.iter().filter(|other| other.live) {
        let Some(share) = &other.traffic.canary else { continue };
        let shares = places.iter().filter(|place| place.spot.environment == share.environment).any(|place| {
            let spec = facts.specs.iter().find(|spec| spec.name == place.spot.route);
            spec.is_some_and(|spec| {
                references(spec).iter().any(|found| {
                    found.environment.as_ref() == Some(&share.environment)
                        && (found.secret == other.outgoing || found.secret == other.incoming)
                })
            })
        });
        if shares {
            rivals.entry(share.environment.clone()).or_insert_with(|| other.id.clone());
        }
    }
    rivals
}

fn gap(facts: &Facts, gap: Span, now: Timestamp) -> Option<(String, Timestamp)> {
    let ends = facts.others.iter().filter_map(|other| Some((other.id.clone(), other.cut_over_at?.plus(gap))));
    ends.filter(|(_, until)| *until > now).max_by_key(|(_, until)| *until)
}

fn probe_means(rotation: &Rotation, places: &[Place], incoming: Option<&Secret>) -> ProbeMeans {
    let reaches = |environment: &EnvironmentName| {
        let here: Vec<&Place> = places.iter().filter(|place| place.spot.environment == *environment).collect();
        let probed = |upstream: &str| here.iter().any(|place| place.has_probe && place.upstream == upstream);
        !here.is_empty() && here.iter().all(|place| probed(&place.upstream))
    };
    let environments = rotation.plan.stages.iter().map(|stage| &stage.environment);
    ProbeMeans {
        own: incoming.is_some_and(|secret| secret.probe.is_some()),
        routes: environments.filter(|name| reaches(name)).cloned().collect(),
        kind_needs_one: matches!(rotation.kind, Kind::DatabasePassword | Kind::DatabaseUrl),
    }
}

/// Where the outgoing secret takes effect, for a plan that is in the making.
#[must_use]
pub fn named_environments(outgoing: &SecretName, specs: &[RouteSpec]) -> BTreeSet<EnvironmentName> {
    mentions_of(outgoing, specs).into_iter().filter_map(|mention| mention.environment).collect()
}

/// The routes that a promotion of the environment re-points.
#[must_use]
pub fn promotion(rotation: &Rotation, environment: &EnvironmentName, specs: &[RouteSpec]) -> Vec<Repointed> {
    repoint(specs, &rotation.outgoing, &rotation.incoming, environment, None)
}

/// The routes that a roll-back re-points: those that the rotation had re-pointed and that still name the incoming secret, by
/// name, so that whatever else was edited meanwhile stays. A route that was re-pointed in several environments is changed
/// once.
#[must_use]
pub fn way_back(rotation: &Rotation, specs: &[RouteSpec]) -> Vec<Repointed> {
    let mut back: Vec<Repointed> = Vec::new();
    for promotion in rotation.promoted.iter().rev() {
        let at_hand = |spec: &RouteSpec| {
            back.iter().find(|done| done.spec.name == spec.name).map_or_else(|| spec.clone(), |done| done.spec.clone())
        };
        let specs: Vec<RouteSpec> = specs.iter().map(at_hand).collect();
        let (from, to) = (&rotation.incoming, &rotation.outgoing);
        for moved in repoint(&specs, from, to, &promotion.environment, Some(&promotion.routes)) {
            match back.iter_mut().find(|done| done.spec.name == moved.spec.name) {
                Some(done) => {
                    done.spec = moved.spec;
                    done.changes.extend(moved.changes);
                }
                None => back.push(moved),
            }
        }
    }
    back
}
