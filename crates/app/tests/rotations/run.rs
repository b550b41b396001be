//! One seed, from its setting to its end.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, Instant};

use model::name::EnvironmentName;
use model::route::{RouteSpec, references};
use serde_json::{Value, json};

use crate::dice::Dice;
use crate::hall::{Hall, Who};
use crate::provider::now;
use crate::requests::{Body, Lines, Request, Sent};
use crate::scenario::{Scenario, Temper};
use crate::setting::Setting;
use crate::truth::Truth;

/// A tick of fifteen simulated seconds, and more of them at a time.
const TICK: Duration = Duration::from_millis(250);
/// How long a wild seed goes on.
const WILD: Duration = Duration::from_secs(16);
/// How long a calm one may take to arrive.
const CALM: Duration = Duration::from_secs(75);
/// What nodes count is stored within a second or two.
const SETTLE: Duration = Duration::from_millis(2_500);

/// A rotation that was started.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) id: String,
    pub(crate) outgoing: String,
    pub(crate) incoming: String,
    /// What each route named when it began.
    pub(crate) before: BTreeMap<String, BTreeSet<String>>,
}

/// A seed that is being played.
pub(crate) struct Run<'a> {
    pub(crate) hall: &'a Hall,
    pub(crate) seed: u64,
    pub(crate) dice: Dice,
    pub(crate) scenario: Scenario,
    pub(crate) environments: Vec<EnvironmentName>,
    pub(crate) routes: Vec<RouteSpec>,
    /// Routes and environments in which they are served.
    pub(crate) places: Vec<(usize, usize)>,
    /// Of clients, by environment.
    pub(crate) keys: Vec<String>,
    pub(crate) truths: BTreeMap<String, Truth>,
    pub(crate) rotations: Vec<Started>,
    /// When somebody changed by hand what a route names.
    pub(crate) touched: BTreeMap<String, i64>,
    pub(crate) tick: usize,
    pub(crate) sent: usize,
    pub(crate) odd: Vec<Sent>,
    pub(crate) lines: Lines,
    pub(crate) began: i64,
    pub(crate) story: Vec<String>,
}

pub(crate) fn run(hall: &Hall, seed: u64, temper: Temper) {
    let mut run = Run::furnish(hall, seed, temper);
    let began = Instant::now();
    run.first_start();
    while began.elapsed() < if temper == Temper::Wild { WILD } else { CALM } {
        let tick = Instant::now();
        run.tick += 1;
        if temper == Temper::Wild {
            run.operators();
            run.operators();
        }
        run.traffic();
        if run.tick.is_multiple_of(4) {
            run.look();
        }
        if temper == Temper::Calm && run.tick.is_multiple_of(4) && run.arrived() {
            break;
        }
        thread::sleep(TICK.saturating_sub(tick.elapsed()));
    }
    thread::sleep(SETTLE);
    run.check();
}

impl<'a> Run<'a> {
    /// Makes what the seed begins with.
    fn furnish(hall: &'a Hall, seed: u64, temper: Temper) -> Self {
        let mut dice = Dice::new(seed);
        let setting = Setting::draw(temper, &mut dice, |name| format!("s{seed}_{name}"));
        let urls = [0, 1].map(|at| hall.provider.url(at));
        let real = |spec: &RouteSpec| -> RouteSpec {
            let text = serde_json::to_string(spec).unwrap();
            let text = text.replace("https://u0.example", &urls[0]).replace("https://u1.example", &urls[1]);
            serde_json::from_str(&text).unwrap()
        };
        let environments: Vec<EnvironmentName> = setting.environments.iter().map(|one| one.name.clone()).collect();
        let routes: Vec<RouteSpec> = setting.routes.iter().map(real).collect();
        let index = |name: &EnvironmentName| environments.iter().position(|one| one == name).unwrap();
        let places = routes.iter().enumerate();
        let places = places.flat_map(|(at, route)| route.environments.keys().map(move |name| (at, index(name))));
        let mut run = Self {
            places: places.collect(),
            hall,
            seed,
            dice,
            scenario: setting.scenario,
            routes,
            keys: Vec::new(),
            truths: BTreeMap::new(),
            rotations: Vec::new(),
            touched: BTreeMap::new(),
            tick: 0,
            sent: 0,
            odd: Vec::new(),
            lines: Lines::default(),
            began: now(),
            story: Vec::new(),
            environments,
        };
        for (name, truth) in &setting.secrets {
            let value = run.learn(name, *truth, setting.t);
            hall.api(Who::Admin, "POST", "/v1/secrets", Some(&json!({"name": name, "value": value}))).expect(201);
        }
        for route in &run.routes {
            hall.api(Who::Admin, "POST", "/v1/routes", Some(&serde_json::to_value(route).unwrap())).expect(201);
        }
        for environment in &run.environments {
            let client = format!("s{seed}-{environment}");
            let names: Vec<String> = run.routes.iter().map(|route| route.name.to_string()).collect();
            let body = json!({"name": client, "environments": [environment], "routes": names});
            hall.api(Who::Admin, "POST", "/v1/clients", Some(&body)).expect(201);
            // A key is told once: who was cut off while it was makes another one.
            let key = std::iter::repeat_with(|| {
                hall.api(Who::Admin, "POST", &format!("/v1/clients/{client}/keys"), None).expect(201).json()
            });
            let key = key.take(5).find_map(|told| told["key"].as_str().map(str::to_owned));
            run.keys.push(key.unwrap());
        }
        run.wait_until_served();
        run
    }

    /// Whoever is asked serves the last thing that was made; at first, a node may be a second behind.
    fn wait_until_served(&mut self) {
        let Some((route, environment)) = self.places.last().copied() else { return };
        let until = now() + 20_000;
        let mut good = 0;
        while good < 2 * self.hall.gateways().len() {
            let (name, body) = (format!("s{}-warm-{good}", self.seed), Body::None);
            let sent = self.send(Request { name, route, environment, replayable: true, body, garbage: false });
            good = if sent.proxy.contains("error=") { 0 } else { good + 1 };
            assert!(now() < until, "not served: {} {}", sent.status, sent.proxy);
        }
    }

    /// Makes a value for a secret, worth what the seed says. Simulated time is shortened.
    pub(crate) fn learn(&mut self, secret: &str, truth: Truth, drawn_at: i64) -> String {
        let truth = match truth {
            Truth::Settles(from) => Truth::Settles(now() + (from - drawn_at) / 4),
            Truth::Dies(at) => Truth::Dies(now() + (at - drawn_at) / 240),
            Truth::Flaps(span) => Truth::Flaps(span / 50),
            other => other,
        };
        let value = format!("sk-{secret}-0123456789");
        self.hall.provider.learn(secret, &value, truth);
        self.truths.insert(secret.to_owned(), truth);
        value
    }

    pub(crate) fn say(&mut self, line: String) {
        self.story.push(format!("{:>4} {:>6} ms {line}", self.tick, now() - self.began));
    }

    /// A route as it stands, with the shares that rotations give to other secrets.
    pub(crate) fn route(&self, name: &str) -> (RouteSpec, Vec<Value>) {
        let told = self.hall.get(&format!("/v1/routes/{name}"));
        let member = |member: &str| told[member].clone();
        let spec = json!({"name": member("name"), "base": member("base"), "environments": member("environments")});
        (serde_json::from_value(spec).unwrap(), told["rotations"].as_array().cloned().unwrap_or_default())
    }

    pub(crate) fn route_names(&self) -> Vec<String> {
        self.routes.iter().map(|route| route.name.to_string()).collect()
    }

    /// What routes name now, spelled alike.
    pub(crate) fn named(&self) -> BTreeMap<String, BTreeSet<String>> {
        let names = self.route_names();
        names.into_iter().map(|name| (name.clone(), spelled_alike(&self.route(&name).0))).collect()
    }

    /// A look from outside while all goes on.
    fn look(&mut self) {
        let names = self.route_names();
        let name = self.dice.pick(&names).clone();
        let shares = self.route(&name).1;
        let environments: BTreeSet<&str> = shares.iter().filter_map(|one| one["environment"].as_str()).collect();
        assert_eq!(environments.len(), shares.len(), "two canaries in a place of {name}: {shares:?}");
    }

    /// Whether nothing more can come by itself.
    fn arrived(&self) -> bool {
        self.rotations.iter().all(|one| {
            let told = self.hall.get(&format!("/v1/rotations/{}", one.id));
            let by_hand = told["plan"]["delete_outgoing"] == "manual";
            let nothing = told["plan"]["stages"] == json!([]) && told["state"] == "watching";
            told["live"] == false
                || nothing
                || (told["state"] == "withdrawn" && by_hand)
                || told["state"] == "needs_operator"
        })
    }
}

/// What takes effect, two spellings of one header being one, and which secrets are named at all.
pub(crate) fn spelled_alike(spec: &RouteSpec) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for one in references(spec) {
        if let Some(environment) = &one.environment {
            named.insert(format!("{} {environment} {}", one.secret, one.field.to_lowercase()));
        }
        named.insert(one.secret.to_string());
    }
    named
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        if thread::panicking() || std::env::var_os("KEYROLL_ROTATION_SEED").is_some() {
            let routes: Vec<String> = self.routes.iter().map(|one| serde_json::to_string(one).unwrap()).collect();
            eprintln!(
                "KEYROLL_ROTATION_SEED={} began at {}, sent {}\n{:?}\n{:?}\n{}\n{}",
                self.seed,
                self.began,
                self.sent,
                self.scenario,
                self.truths,
                routes.join("\n"),
                self.story.join("\n")
            );
        }
    }
}
