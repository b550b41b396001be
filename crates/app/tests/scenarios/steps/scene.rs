//! A node, two providers and the applications between them.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use testkit::{Answer, Reply, TestNode, Upstream};

use super::crowd::Crowd;
use super::rest::{AtRest, Inspect};
use crate::house::{client, secret, served};

/// The variable that says where to die.
const STOP_AT: &str = "TEST_KEYROLL_STOP_AT";
/// SIGABRT: it died by itself, where it was told to.
const ABORTED: i32 = 6;

/// The value of a secret: providers know it by its name.
pub(super) fn value(name: &str) -> String {
    format!("sk_value_of_{name}_0001")
}

/// A third party that takes these secrets, and can be told to take others.
pub(super) struct Provider {
    pub(super) server: Upstream,
    taken: Arc<Mutex<BTreeSet<String>>>,
}

impl Provider {
    fn new() -> Self {
        let taken = Arc::new(Mutex::new(BTreeSet::new()));
        let known = Arc::clone(&taken);
        let server = Upstream::start(move |request| {
            let known = known.lock().unwrap();
            let sent = ["authorization", "x-other"].map(|name| request.header(name));
            let all = sent.into_iter().flatten().all(|sent| known.contains(sent.trim_start_matches("Bearer ")));
            Answer::text(if all && request.header("authorization").is_some() { 200 } else { 401 }, "x")
        });
        Self { server, taken }
    }

    pub(super) fn takes(&self, names: &[&str]) {
        *self.taken.lock().unwrap() = names.iter().map(|name| value(name)).collect();
    }
}

/// Who takes part in a story.
pub(super) struct Scene {
    pub(super) node: TestNode,
    pub(super) here: Provider,
    pub(super) there: Provider,
    inspect: Inspect,
}

impl Scene {
    /// Secrets `key`, `other` and `spare`, both providers taking them, and nothing in between.
    pub(super) fn new() -> Self {
        let (options, inspect) = super::super::inspected();
        let node = options.env("KEYROLL_LOG__LEVEL", "info").start();
        for name in ["key", "other", "spare"] {
            secret(&node, name, &value(name));
        }
        let providers = [(); 2].map(|()| Provider::new());
        providers.iter().for_each(|provider| provider.takes(&["key", "key_v2", "other", "other_v2", "spare"]));
        let [here, there] = providers;
        Self { node, here, there, inspect }
    }

    /// A route to `here`, with these members changed.
    pub(super) fn route(&self, name: &str, headers: &Value, base: &Value, environments: &Value) {
        let mut all = json!({"upstream": self.here.server.url(), "inject": {"headers": headers}});
        all.as_object_mut().unwrap().extend(base.as_object().cloned().unwrap_or_default());
        let body = json!({"name": name, "base": all, "environments": environments});
        self.node.api("POST", "/v1/routes", Some(&body)).expect(201);
    }

    /// The keys of two applications, which are served.
    pub(super) fn keys(&self, path: &str) -> [String; 2] {
        ["staging", "production"].map(|environment| {
            let key = client(&self.node, &format!("shop_{environment}"), environment);
            served(&self.node, path, &key);
            key
        })
    }

    /// The process in its place begins, and dies where it is said.
    pub(super) fn begin(&mut self, label: Option<&str>) {
        self.node.begin_again(&[(STOP_AT, label.unwrap_or_default())]);
    }

    /// Whether the process has died where it was told to; one that died otherwise is a failure. The applications are told.
    pub(super) fn is_dead(&mut self, crowd: &Crowd) -> bool {
        let Some(status) = self.node.ended() else { return false };
        crowd.served_at(None);
        assert_eq!(status.signal(), Some(ABORTED), "{status}; {}", self.node.log());
        true
    }

    /// What lies in the database. Nobody may run meanwhile.
    pub(super) fn at_rest(&self) -> AtRest {
        AtRest::read(&self.inspect, &self.node)
    }

    /// What an operator asks for. That the rotation has gone on meanwhile, or the process is gone, is no matter: the next look
    /// tells.
    pub(super) fn ask(&self, method: &str, path: &str, body: &Value) {
        let body = (!body.is_null()).then_some(body);
        let Some(reply) = self.node.try_api(method, path, body) else { return };
        assert!(matches!(reply.status, 200..=204 | 409), "{method} {path}: {} {}", reply.status, reply.text());
    }

    /// All rotations, in the order in which they were started; `None` where the process is gone.
    pub(super) fn rotations(&self) -> Option<Vec<Value>> {
        let list = self.node.try_api("GET", "/v1/rotations", None)?.expect(200).json();
        let ids = list["items"].as_array().unwrap().iter().rev();
        let get = |item: &Value| {
            let path = format!("/v1/rotations/{}", item["id"].as_str().unwrap());
            self.node.try_api("GET", &path, None).map(|reply: Reply| reply.expect(200).json())
        };
        ids.map(get).collect()
    }
}
