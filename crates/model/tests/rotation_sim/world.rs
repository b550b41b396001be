//! The world: routes, secrets, upstreams, nodes, rotations, and the moment.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use model::environment::Environment;
use model::name::{EnvironmentName, RouteName, SecretName};
use model::rotation::{Counts, Entry, Event, Rotation, Step, Traffic};
use model::route::{Reference, RouteSpec};
use model::time::Timestamp;

use crate::dice::Dice;
use crate::gateway::Gate;
use crate::routes::{self, Binding, Published, Route, Trial};
use crate::scenario::{Scenario, Temper};
use crate::setting::Setting;
use crate::truth::Truth;

pub(crate) const SYSTEM: &str = "system:rotate";

/// A secret as the world knows it.
#[derive(Debug, Clone)]
pub(crate) struct Secret {
    pub(crate) truth: Truth,
    pub(crate) deleted: bool,
    /// Its limits forbid its use where it is named.
    pub(crate) unusable: bool,
    pub(crate) own_probe: bool,
}

/// What was counted in one go.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) at: i64,
    pub(crate) counts: Counts,
    pub(crate) doubtful: u64,
}

/// A rotation and what is known of it.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) log: Vec<Entry>,
    pub(crate) now: Rotation,
    pub(crate) traffic: Traffic,
    /// By environment and upstream.
    pub(crate) tallies: BTreeMap<(usize, usize), Vec<Tally>>,
    /// When the probe that is under way ends.
    pub(crate) probe_ends: Option<i64>,
    pub(crate) references: Vec<Vec<Reference>>,
    /// Routes that somebody else has edited since.
    pub(crate) touched: BTreeSet<usize>,
    /// Environment, route and upstream for which the incoming credential was found healthy.
    pub(crate) vetted: BTreeSet<(usize, usize, usize)>,
    /// How often it was really taken.
    pub(crate) taken: BTreeMap<(usize, usize), u64>,
    /// Whether an operator has vouched for it.
    pub(crate) vouched: bool,
    pub(crate) kind_needs_probe: bool,
}

/// Everything.
pub(crate) struct World {
    pub(crate) dice: Dice,
    pub(crate) scenario: Scenario,
    /// True time in milliseconds; the database's clock, too.
    pub(crate) t: i64,
    pub(crate) tick: usize,
    /// How far the deciding process's clock is off, and has ever been.
    pub(crate) offset: i64,
    pub(crate) jumped: i64,
    pub(crate) environments: Vec<EnvironmentName>,
    pub(crate) known: Vec<Environment>,
    pub(crate) secrets: BTreeMap<SecretName, Secret>,
    pub(crate) routes: Vec<Route>,
    pub(crate) runs: Vec<Run>,
    pub(crate) revision: i64,
    pub(crate) published: Rc<Published>,
    pub(crate) nodes: Vec<Gate>,
    /// When a secret was last needed in an environment, as reported; and in truth when ever, with the node.
    pub(crate) reported: BTreeMap<(SecretName, usize), i64>,
    pub(crate) needed: BTreeMap<(SecretName, usize), Vec<(i64, usize)>>,
    /// Until when the deciding process is down.
    pub(crate) down_until: usize,
    /// A step that was decided and is still to be committed: run, version, revision, step.
    pub(crate) pending: Option<(usize, i64, i64, Step)>,
    pub(crate) story: Vec<String>,
    pub(crate) words: BTreeMap<String, u64>,
}

impl World {
    pub(crate) fn new(seed: u64, temper: Temper) -> Self {
        let mut dice = Dice::new(seed);
        let Setting { scenario, t, environments: known, secrets, routes, nodes } =
            Setting::draw(temper, &mut dice, str::to_owned);
        let environments: Vec<EnvironmentName> = known.iter().map(|one| one.name.clone()).collect();
        let secrets = secrets
            .into_iter()
            .map(|(name, truth)| (secret(&name), Secret { truth, deleted: false, unusable: false, own_probe: false }));
        let secrets = secrets.collect();
        let routes = routes.into_iter().map(|spec| Route::new(spec, &environments)).collect();
        let nodes = (0..nodes).map(|at| Gate::new(&format!("node_{at}"), t)).collect();
        let mut world = Self {
            dice,
            scenario,
            t,
            tick: 0,
            offset: 0,
            jumped: 0,
            environments,
            known,
            secrets,
            routes,
            runs: Vec::new(),
            revision: 0,
            published: Rc::new(Published { revision: 0, bindings: Vec::new() }),
            nodes,
            reported: BTreeMap::new(),
            needed: BTreeMap::new(),
            down_until: 0,
            pending: None,
            story: Vec::new(),
            words: BTreeMap::new(),
        };
        world.publish();
        world
    }

    pub(crate) fn say(&mut self, line: String) {
        let at = (self.t - 1_800_000_000_000) / 1_000;
        self.story.push(format!("{:>4} {at:>6}s {line}", self.tick));
    }

    pub(crate) fn saw(&mut self, kind: &str, word: &str) {
        *self.words.entry(format!("{kind} {word}")).or_default() += 1;
    }

    /// The deciding process's clock.
    pub(crate) fn clock(&self) -> Timestamp {
        Timestamp::from_millis(self.t + self.offset)
    }

    pub(crate) fn route(&self, name: &RouteName) -> usize {
        self.routes.iter().position(|route| route.spec.name == *name).unwrap()
    }

    pub(crate) fn place(&self, name: &EnvironmentName) -> usize {
        self.environments.iter().position(|environment| environment == name).unwrap()
    }

    /// Saves a route. `by` is the rotation that does it.
    pub(crate) fn save(&mut self, route: usize, spec: RouteSpec, by: Option<usize>) {
        let environments = self.environments.clone();
        self.routes[route].put(spec, &environments);
        for (at, run) in self.runs.iter_mut().enumerate() {
            if by != Some(at) {
                run.touched.insert(route);
            }
        }
    }

    /// Makes the snapshot that nodes take up.
    pub(crate) fn publish(&mut self) {
        self.revision += 1;
        let mut bindings = Vec::new();
        for (route, one) in self.routes.iter().enumerate() {
            for (environment, view) in &one.views {
                let trial = self.trial(route, *environment);
                bindings.push(Binding { route, environment: *environment, view: view.clone(), trial });
            }
        }
        self.published = Rc::new(Published { revision: self.revision, bindings });
        self.check_published();
    }

    /// What a rotation does in a binding: a canary before a shield.
    fn trial(&self, route: usize, environment: usize) -> Option<Trial> {
        let view = &self.routes[route].views[&environment];
        let (name, place) = (&self.routes[route].spec.name, &self.environments[environment]);
        let mut shield = None;
        for (at, run) in self.runs.iter().enumerate() {
            let (outgoing, incoming) = (&run.now.outgoing, &run.now.incoming);
            let trial = |weight, careful, canary| {
                Some(Trial { run: at, outgoing: outgoing.clone(), incoming: incoming.clone(), weight, careful, canary })
            };
            if let Some(share) = run.traffic.canary.as_ref().filter(|share| share.environment == *place)
                && view.secrets.contains(outgoing)
                && let Some(careful) = share.careful_at(name, &routes::upstream(view.upstream))
            {
                return trial(share.weight, careful, true);
            }
            let moved = run.traffic.shielded.get(place).is_some_and(|routes| routes.contains(name));
            if moved && view.secrets.contains(incoming) && !view.secrets.contains(outgoing) {
                shield = trial(model::rotation::Weight::ALL, false, false);
            }
        }
        shield
    }

    /// Appends to a rotation's log, if it still stands where it stood.
    pub(crate) fn commit(&mut self, run: usize, version: i64, actor: &str, event: Event) -> bool {
        if self.runs[run].now.version != version {
            return false;
        }
        let entry = Entry { number: version + 1, at: self.clock(), actor: actor.to_owned(), event };
        self.saw("event", entry.event.word());
        let told = serde_json::to_string(&entry).unwrap();
        self.say(format!("{} {} {}", self.runs[run].now.id, actor, serde_json::to_string(&entry.event).unwrap()));
        // What is read again is what was written.
        let read: Entry = serde_json::from_str(&told).unwrap();
        assert_eq!(read, entry, "an event does not survive being written");
        let one = &mut self.runs[run];
        one.now.apply(&read).unwrap_or_else(|broken| panic!("{broken}: {:?}", one.now.state));
        one.log.push(read);
        let again = Rotation::read(&one.now.id, &one.log).unwrap();
        assert_eq!(again, one.now, "the log tells another story");
        let state = serde_json::to_string(&one.now.state).unwrap();
        assert_eq!(serde_json::from_str::<model::rotation::State>(&state).unwrap(), one.now.state);
        one.traffic = Traffic::of(&one.now);
        let word = one.now.word();
        self.saw("state", word);
        self.check_event(run);
        self.publish();
        true
    }
}

pub(crate) fn secret(name: &str) -> SecretName {
    name.parse().unwrap()
}
