//! What a dead process has left in the database: read there, without any process of ours.

use std::collections::{BTreeMap, BTreeSet};

use model::name::{EnvironmentName, SecretName};
use model::rotation::{Entry, Rotation, State, Traffic};
use model::route::{RouteSpec, references};
use testkit::TestNode;

/// Runs a query that answers one text in each row.
pub(crate) type Inspect = Box<dyn Fn(&TestNode, &str) -> Vec<String>>;

/// The words of one commit's events, and whose it was.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Commit {
    actor: String,
    words: Vec<&'static str>,
}

/// One rotation as it lies there.
pub(super) struct Lying {
    pub(super) rotation: Rotation,
    commits: BTreeMap<i64, Commit>,
}

impl Lying {
    /// The words of its log.
    pub(super) fn words(&self) -> Vec<&'static str> {
        self.commits.values().flat_map(|commit| commit.words.clone()).collect()
    }
}

/// Everything that lies there.
pub(super) struct AtRest {
    pub(super) rotations: Vec<Lying>,
    routes: Vec<RouteSpec>,
}

impl AtRest {
    /// Reads what is there. Panics where something is half done: a row that does not follow from its log, an event without
    /// its audit event, a route that names what does not exist, a template that was moved without the log, or the reverse.
    pub(super) fn read(inspect: &Inspect, node: &TestNode) -> Self {
        let active: BTreeSet<String> =
            inspect(node, "SELECT name FROM secrets WHERE state = 'active'").into_iter().collect();
        let routes = inspect(node, "SELECT spec FROM routes ORDER BY name");
        let routes: Vec<RouteSpec> = routes.iter().map(|spec| serde_json::from_str(spec).unwrap()).collect();
        let named = routes.iter().flat_map(references).map(|found| found.secret.to_string());
        let missing: Vec<String> = named.filter(|name| !active.contains(name)).collect();
        assert!(missing.is_empty(), "routes name {missing:?}, which do not exist");

        let lost = "SELECT rotation || ' ' || number FROM rotation_events WHERE NOT EXISTS (SELECT 1 FROM audit a \
             WHERE a.sequence = rotation_events.sequence)";
        assert_eq!(inspect(node, lost), [""; 0], "an event is not in the audit");
        let logs = logs(inspect, node);
        let rows = "SELECT id || ' ' || state || ' ' || live || ' ' || version || ' ' || traffic FROM rotations \
             ORDER BY started_at, id";
        let rotations: Vec<Lying> = inspect(node, rows).iter().map(|row| lying(row, &logs)).collect();
        assert_eq!(rotations.len(), logs.len(), "a log without its rotation");
        let found = Self { rotations, routes };
        found.rotations.iter().for_each(|lying| found.fits(&lying.rotation));
        found
    }

    /// Where the templates stand, by the log.
    fn fits(&self, rotation: &Rotation) {
        let back = matches!(rotation.state, State::RolledBack { .. });
        for stage in &rotation.plan.stages {
            let promoted = rotation.promoted.iter().find(|promotion| promotion.environment == stage.environment);
            for route in &self.routes {
                let moved = promoted.is_some_and(|promotion| promotion.routes.contains(&route.name)) && !back;
                let names = |secret| names(route, &stage.environment, secret);
                let (outgoing, incoming) = (names(&rotation.outgoing), names(&rotation.incoming));
                let place = format!("{} in {}", route.name, stage.environment);
                assert!(!incoming || moved, "{place} names {} too early", rotation.incoming);
                assert!(!outgoing || !moved, "{place} still names {}", rotation.outgoing);
            }
        }
    }

    /// How many commits of the engine began with this event.
    pub(super) fn led_by(&self, word: &str) -> usize {
        let commits = self.rotations.iter().flat_map(|lying| lying.commits.values());
        commits.filter(|commit| commit.actor == "system:rotate" && commit.words.first() == Some(&word)).count()
    }

    /// How many events there are with this word, whoever's they are.
    pub(super) fn count(&self, word: &str) -> usize {
        self.rotations.iter().flat_map(Lying::words).filter(|other| *other == word).count()
    }

    /// The secrets that are named in an environment: `ROUTE SECRET`.
    pub(super) fn named_in(&self, environment: &str) -> Vec<String> {
        let each = self.routes.iter().flat_map(|route| {
            let here = references(route).into_iter();
            let here = here.filter(|found| found.environment.as_ref().is_some_and(|name| name.as_str() == environment));
            here.map(|found| format!("{} {}", route.name, found.secret))
        });
        each.collect()
    }
}

fn names(route: &RouteSpec, environment: &EnvironmentName, secret: &SecretName) -> bool {
    references(route).iter().any(|found| found.secret == *secret && found.environment.as_ref() == Some(environment))
}

type Logs = BTreeMap<String, Vec<(i64, Entry)>>;

/// By rotation, each line with the sequence of its audit event.
fn logs(inspect: &Inspect, node: &TestNode) -> Logs {
    let mut logs = Logs::new();
    let lines = "SELECT rotation || ' ' || number || ' ' || at || ' ' || actor || ' ' || sequence || ' ' || event \
         FROM rotation_events ORDER BY rotation, number";
    for line in inspect(node, lines) {
        let parts: Vec<&str> = line.splitn(6, ' ').collect();
        let entry = Entry {
            number: parts[1].parse().unwrap(),
            at: model::time::Timestamp::from_millis(parts[2].parse().unwrap()),
            actor: parts[3].to_owned(),
            event: serde_json::from_str(parts[5]).unwrap(),
        };
        logs.entry(parts[0].to_owned()).or_default().push((parts[4].parse().unwrap(), entry));
    }
    logs
}

/// A rotation whose row follows from its log.
fn lying(row: &str, logs: &Logs) -> Lying {
    let parts: Vec<&str> = row.splitn(5, ' ').collect();
    let log = &logs[parts[0]];
    let entries: Vec<Entry> = log.iter().map(|(_, entry)| entry.clone()).collect();
    let rotation = Rotation::read(parts[0], &entries).unwrap();
    let live = if rotation.is_live() { "1" } else { "0" };
    assert_eq!(parts[1..4], [rotation.word(), live, &rotation.version.to_string()], "the row follows from the log");
    assert_eq!(serde_json::from_str::<Traffic>(parts[4]).unwrap(), Traffic::of(&rotation));
    let mut commits = BTreeMap::<i64, Commit>::new();
    for (sequence, entry) in log {
        let commit =
            commits.entry(*sequence).or_insert_with(|| Commit { actor: entry.actor.clone(), words: Vec::new() });
        commit.words.push(entry.event.word());
    }
    Lying { rotation, commits }
}
