//! A node with a route to a stand-in, an SDK with a client's key, and what holds for every SDK.

use std::process::Command;
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use serde_json::json;
use testkit::{LeakWatch, TestNode};

use crate::house::{KEYROLL, client, secret, served};
use crate::program;
use crate::provider::Provider;
use crate::signals::Signals;

pub(crate) const ROUTE: &str = "third-party";
/// A name by which the route is known without its first path segment.
const HOST: &str = "third-party.gateway.test";
const SECRETS: [&str; 2] = ["provider_key", "provider_key_v2"];

/// An SDK and the provider that it is for.
pub(crate) struct Sdk {
    pub(crate) program: fn() -> Command,
    pub(crate) provider: fn(&Signals) -> Provider,
    pub(crate) base: Base,
}

/// The base URL that an SDK is given.
pub(crate) enum Base {
    /// The route's address with this path behind it.
    Path(&'static str),
    /// The route's own host.
    Host,
}

/// One test's node, stand-in and client.
pub(crate) struct Scene {
    pub(crate) node: TestNode,
    pub(crate) provider: Provider,
    pub(crate) signals: Signals,
    program: fn() -> Command,
    pub(crate) base: String,
    pub(crate) key: String,
}

impl Scene {
    /// A node that serves the route already; the stand-in has forgotten how that was found out.
    pub(crate) fn of(sdk: &Sdk) -> Self {
        let node = TestNode::start(KEYROLL);
        let signals = Signals::start();
        let provider = (sdk.provider)(&signals);
        for (name, value) in SECRETS.iter().zip(provider.door.values) {
            secret(&node, name, value);
        }
        let route = json!({
            "name": ROUTE,
            "hosts": [HOST],
            "base": {"upstream": provider.upstream.url(), "inject": {"headers": provider.door.headers(SECRETS[0])}},
            "environments": {"production": {}},
        });
        node.api("POST", "/v1/routes", Some(&route)).expect(201);
        let key = client(&node, "shop", "production");
        served(&node, &format!("/{ROUTE}{}", provider.door.probe), &key);
        provider.upstream.clear();
        let base = match sdk.base {
            Base::Path(path) => format!("{}/{ROUTE}{path}", node.gateway()),
            Base::Host => node.gateway().replace("127.0.0.1", HOST),
        };
        Self { node, provider, signals, program: sdk.program, base, key }
    }

    /// Runs the program in this mode, and answers what it wrote.
    #[track_caller]
    pub(crate) fn run(&self, mode: &str) -> String {
        self.run_with(&self.key, mode)
    }

    #[track_caller]
    fn run_with(&self, key: &str, mode: &str) -> String {
        let mut command = (self.program)();
        command.arg(mode).env("BASE_URL", &self.base).env("API_KEY", key).env("SIGNALS", self.signals.url());
        let output = program::output(&mut command);
        let transcript = self.node.transcript();
        transcript.add(&format!("stdout of the program, {mode}"), &output.stdout);
        transcript.add(&format!("stderr of the program, {mode}"), &output.stderr);
        let [stdout, stderr] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        assert!(output.status.success(), "{mode} ended with {}\n{stdout}\n{stderr}", output.status);
        stdout
    }

    /// Asserts that the credentials named were in what the stand-in received and in nothing that anybody else read.
    #[track_caller]
    pub(crate) fn assert_no_leak(&self, sent: &[&str]) {
        let mut watch = LeakWatch::new();
        for (name, value) in SECRETS.iter().zip(self.provider.door.values) {
            watch.plant(name, value);
            if sent.contains(&value) {
                watch.require("the stand-in's record", &self.provider.upstream.bytes(), name);
            }
        }
        watch.search_transcript(self.node.transcript());
        watch.search_dir(&self.node.log_path());
        watch.assert_clean();
    }
}

/// Runs `calls` and compares the lines that begin with one of these words; answers what the stand-in received.
#[track_caller]
pub(crate) fn calls(sdk: &Sdk, expected: &[&str]) -> Vec<testkit::Recorded> {
    let scene = Scene::of(sdk);
    let said = scene.run("calls");
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.get(..expected.len()).unwrap_or(&lines), expected, "{said}");
    let first = scene.provider.door.values[0];
    assert!(scene.provider.carried().iter().all(|value| *value == first));
    scene.assert_no_leak(&[first]);
    scene.provider.upstream.records()
}

/// Runs `stream`: each event is sent only after the client had the one before it.
#[track_caller]
pub(crate) fn stream(sdk: &Sdk, expected: &[&str]) {
    let scene = Scene::of(sdk);
    let said = scene.run("stream");
    assert_eq!(said.lines().collect::<Vec<_>>(), expected);
    let log: Vec<String> = (0..expected.len()).flat_map(|n| [format!("sent {n}"), format!("seen {n}")]).collect();
    assert_eq!(scene.signals.log(), log);
    assert_eq!(scene.provider.carried(), [scene.provider.door.values[0]]);
    scene.assert_no_leak(&scene.provider.door.values[..1]);
}

/// A wrong key of the client, and a credential that the provider no longer knows: both are the SDK's own error of this
/// name, and the answer says whose no it was.
#[track_caller]
pub(crate) fn denied(sdk: &Sdk, error: &str) {
    let scene = Scene::of(sdk);
    let (rest, last) = scene.key.split_at(scene.key.len() - 1);
    let wrong = format!("{rest}{}", if last == "x" { "y" } else { "x" });
    let said = scene.run_with(&wrong, "denied");
    assert_eq!(said.lines().next(), Some(&*format!("{error} 401 keyroll; error=http_request_denied")), "{said}");
    assert!(said.contains("client-key-invalid"), "the program can tell why: {said}");
    assert_eq!(scene.provider.upstream.count(), 0, "nothing is sent for a wrong key");

    scene.provider.revoke();
    let said = scene.run("denied");
    assert_eq!(said.lines().next(), Some(&*format!("{error} 401 keyroll; received-status=401")), "{said}");
    assert!(!said.contains("client-key-invalid"), "the provider's own words arrive: {said}");
    let first = scene.provider.door.values[0];
    assert_eq!(scene.provider.carried(), [first], "rejected once, and not asked again");
    scene.assert_no_leak(&[first]);
}

/// Replaces the secret in the middle of a series of calls: none fails, and the successor is sent from some call on.
#[track_caller]
pub(crate) fn replaced(sdk: &Sdk) {
    let scene = Scene::of(sdk);
    let [outgoing, incoming] = scene.provider.door.values;
    let said = thread::scope(|scope| {
        let series = scope.spawn(|| scene.run("series"));
        while_it_runs(&series, "twenty calls are made", || scene.signals.asked() > 20);
        let body = json!({"from": SECRETS[0], "to": SECRETS[1]});
        scene.node.api("POST", "/v1/routes/replace-secret", Some(&body)).expect(200);
        while_it_runs(&series, "twenty more carry the successor", || scene.provider.count_of(incoming) > 20);
        scene.signals.enough();
        series.join().unwrap()
    });
    let mut carried = scene.provider.carried();
    // The program ends with the first call that fails; what it counted arrived once each.
    assert_eq!(said, format!("calls {}\n", carried.len()));
    carried.dedup();
    assert_eq!(carried, [outgoing, incoming]);
    scene.assert_no_leak(&[outgoing, incoming]);
}

/// Waits until something holds, which a program that has ended will not bring about.
#[track_caller]
fn while_it_runs<T>(program: &ScopedJoinHandle<'_, T>, what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() && !program.is_finished() {
        assert!(start.elapsed() < Duration::from_secs(60), "in a minute it did not happen that {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
