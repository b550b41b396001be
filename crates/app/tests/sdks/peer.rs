//! A server that others wrote, in a process of its own, and a node with a route to it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use testkit::{LeakWatch, NodeOptions, TestNode};

use crate::house::{KEYROLL, client, eventually, secret};

/// The credential that the servers are sent.
pub(crate) const CREDENTIAL: &str = "tok_live_KeyrollPeer";

/// For what takes two seconds at most on a machine that has nothing else to do.
const PATIENCE: Duration = Duration::from_secs(20);

/// The server; it is ended when it is dropped.
pub(crate) struct Peer {
    process: Child,
    pub(crate) port: u16,
    said: Arc<Mutex<Vec<String>>>,
}

impl Peer {
    /// Starts a program and waits for its first line: a server's is `port N`, and that of a client which holds something
    /// open is `hold`.
    #[track_caller]
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let first = lines.next().unwrap_or_else(|| panic!("{command:?} ended: `cargo xtask sdks`?")).unwrap();
        let port = first.strip_prefix("port ").map_or(0, |port| port.parse().unwrap());
        assert!(port > 0 || first == "hold", "{first}");
        let said = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&said);
        thread::spawn(move || lines.map_while(Result::ok).for_each(|line| heard.lock().unwrap().push(line)));
        Self { process, port, said }
    }

    /// Waits until it has said this line so often.
    #[track_caller]
    pub(crate) fn says(&self, line: &str, times: usize) {
        let begun = Instant::now();
        while self.count(line) < times {
            assert!(begun.elapsed() < PATIENCE, "{line} is not said, but {:?}", self.said.lock().unwrap());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// How often it has said something that begins so.
    pub(crate) fn count(&self, begin: &str) -> usize {
        self.said.lock().unwrap().iter().filter(|said| said.starts_with(begin)).count()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Where it fails, it has ended already. The signal is passed on to the program.
        let _ = Pid::from_raw(self.process.id() as i32).map(|pid| kill_process(pid, Signal::TERM));
        let _ = self.process.wait();
    }
}

/// A node with a client and a secret.
pub(crate) struct Stage {
    pub(crate) node: TestNode,
    pub(crate) key: String,
}

impl Stage {
    pub(crate) fn start() -> Self {
        Self::with(NodeOptions::new(KEYROLL))
    }

    pub(crate) fn with(options: NodeOptions) -> Self {
        let node = options.start();
        secret(&node, "peer", CREDENTIAL);
        let key = client(&node, "app", "production");
        Self { node, key }
    }

    /// Makes a route, with this host besides its name, and waits until it is served.
    #[track_caller]
    pub(crate) fn route(&self, name: &str, upstream: &str) {
        let route = json!({
            "name": name,
            "hosts": [format!("{name}.test")],
            "base": {"upstream": upstream, "inject": {"headers": {"Authorization": "Bearer {{peer}}"}}},
            "environments": {"production": {}},
        });
        self.node.api("POST", "/v1/routes", Some(&route)).expect(201);
        // Whatever the upstream says to such a request: it was asked.
        eventually("the route is served", || {
            let reply = self.node.gateway_get(&format!("/{name}/"), &[("Keyroll-Key", &self.key)]);
            ![401, 404, 503].contains(&reply.status)
                || reply.header("proxy-status").is_some_and(|status| status.contains("received-status"))
        });
    }

    /// The environment of a client program, for a route.
    pub(crate) fn environment(&self, command: &mut Command, route: &str) {
        let gateway = self.node.gateway();
        command.env("BASE_URL", format!("{gateway}/{route}")).env("API_KEY", &self.key);
        command.env("TARGET", gateway.trim_start_matches("http://")).env("AUTHORITY", format!("{route}.test"));
    }

    /// Asserts that nothing of these texts, nor of the log, holds the credential.
    #[track_caller]
    pub(crate) fn assert_no_leak(&self, texts: &[&str]) {
        let mut watch = LeakWatch::new();
        watch.plant("peer", CREDENTIAL);
        for text in texts {
            self.node.transcript().add("a client's output", text.as_bytes());
        }
        watch.search_transcript(self.node.transcript());
        watch.search_dir(&self.node.log_path());
        watch.assert_clean();
    }
}
