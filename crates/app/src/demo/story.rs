//! The story: a key is replaced in staging, then in production; a wrong one is rolled back; the old one is deleted.

mod figures;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use api::client::Call;
use model::id;
use model::time::Clock;
use serde_json::{Value, json};

use super::fault::Fault;
use super::node::{Node, RETENTION};
use super::provider::Provider;
use super::screen::Screen;
use super::traffic::{Application, Traffic};
use crate::ambient::{SystemClock, SystemEntropy};

use figures::Figures;

/// The environments in the order in which a change reaches them.
const ENVIRONMENTS: [&str; 3] = ["development", "staging", "production"];

/// The secret that is replaced, its successor, and the wrong one.
const OUTGOING: &str = "stripe_api_key";
const INCOMING: &str = "stripe_api_key_v2";
const WRONG: &str = "stripe_api_key_v3";

/// Tells the story, and holds every sentence of it against the stand-in's record.
pub(super) struct Story<'a> {
    provider: &'a Provider,
    node: &'a Node,
    screen: &'a mut Screen,
    broken: bool,
}

impl<'a> Story<'a> {
    /// `broken` leaves out the injection, which the story must notice.
    pub(super) fn new(provider: &'a Provider, node: &'a Node, screen: &'a mut Screen, broken: bool) -> Self {
        Self { provider, node, screen, broken }
    }

    /// Tells it. The traffic goes on afterwards.
    pub(super) async fn tell(mut self) -> Result<Traffic, Fault> {
        let values = [OUTGOING, INCOMING, WRONG].map(|name| (name, value()));
        self.provider.issue(OUTGOING, &values[0].1);
        self.provider.issue(INCOMING, &values[1].1);

        self.screen.step("A provider's key is stored, and a route adds it on the server side");
        self.secret(OUTGOING, &values[0].1, None).await?;
        self.route().await?;
        self.screen.note("Authorization: Bearer {{stripe_api_key}}   in development, staging and production");

        self.screen.step("Applications call the gateway with keys of their own, all the time");
        let traffic = self.traffic(values.iter().map(|(_, value)| value.clone()).collect()).await?;
        let start = Figures::of(self.provider);
        self.wait(&traffic, "the stand-in sees the outgoing key in every environment", |figures| {
            ENVIRONMENTS.iter().all(|environment| figures.since(&start, environment, OUTGOING) >= 50)
        })
        .await?;

        self.screen.step("A successor is created under a new name; nothing uses it yet");
        self.secret(INCOMING, &values[1].1, Some(OUTGOING)).await?;
        let plan = self.replace(OUTGOING, INCOMING, &ENVIRONMENTS, true).await?;
        for change in plan.get("changes").and_then(Value::as_array).into_iter().flatten() {
            let text = |member: &str| change.get(member).and_then(Value::as_str).unwrap_or("–").to_owned();
            self.screen.note(&format!("would change {}: {} → {}", text("environment"), text("before"), text("after")));
        }

        self.screen.step("Staging first: its route is pointed at the successor, production stays");
        self.replace(OUTGOING, INCOMING, &["development", "staging"], false).await?;
        self.settled(&traffic, &[("development", INCOMING), ("staging", INCOMING), ("production", OUTGOING)]).await?;

        self.screen.step("Production after it");
        self.replace(OUTGOING, INCOMING, &["production"], false).await?;
        self.settled(&traffic, &ENVIRONMENTS.map(|environment| (environment, INCOMING))).await?;

        self.refused_deletion().await?;
        self.wrong_value(&traffic, &values[2].1).await?;
        self.delete(&traffic).await?;
        self.end(&traffic, &values).await?;
        Ok(traffic)
    }

    async fn secret(&self, name: &str, value: &str, successor_of: Option<&str>) -> Result<(), Fault> {
        let body = json!({"name": name, "value": value, "kind": "api_key", "successor_of": successor_of});
        self.node.client.post::<_, Value>("/v1/secrets", &body).await?;
        Ok(())
    }

    async fn route(&self) -> Result<(), Fault> {
        // Broken on purpose: the credential goes where no provider looks for it.
        let header = if self.broken { "X-Nowhere" } else { "Authorization" };
        let headers = BTreeMap::from([
            (header, format!("Bearer {{{{{OUTGOING}}}}}")),
            ("X-Environment", "{{environment}}".into()),
        ]);
        let body = json!({
            "name": "payments",
            "base": {"upstream": self.provider.url, "inject": {"headers": headers}},
            "environments": {"development": {}, "staging": {}, "production": {}},
        });
        self.node.client.post::<_, Value>("/v1/routes", &body).await?;
        Ok(())
    }

    async fn traffic(&self, values: Vec<String>) -> Result<Traffic, Fault> {
        let values = Arc::new(values);
        let mut applications = Vec::new();
        for environment in ENVIRONMENTS {
            let name = format!("shop-{environment}");
            let body = json!({"name": name, "environments": [environment], "routes": ["payments"]});
            self.node.client.post::<_, Value>("/v1/clients", &body).await?;
            let key: Value = self.node.client.post(format!("/v1/clients/{name}/keys"), &json!({})).await?;
            applications.push(Application {
                gateway: self.node.gateway.trim_start_matches("http://").to_owned(),
                key: key.get("key").and_then(Value::as_str).unwrap_or_default().to_owned(),
                values: Arc::clone(&values),
            });
        }
        // A change is served within a second; an application would not be given its key sooner.
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(Traffic::start(applications))
    }

    async fn replace(&self, from: &str, to: &str, environments: &[&str], dry_run: bool) -> Result<Value, Fault> {
        let body = json!({"from": from, "to": to, "environments": environments, "dry_run": dry_run});
        Ok(self.node.client.post("/v1/routes/replace-secret", &body).await?)
    }

    /// Waits until each environment sends what it should, and for a while nothing else.
    async fn settled(&mut self, traffic: &Traffic, expected: &[(&str, &str)]) -> Result<(), Fault> {
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        let start = Figures::of(self.provider);
        self.wait(traffic, "the change is served", |figures| {
            expected.iter().all(|(environment, key)| figures.since(&start, environment, key) >= 60)
        })
        .await?;
        let now = Figures::of(self.provider);
        for (environment, key) in expected {
            let others = now.total_since(&start, environment) - now.since(&start, environment, key);
            if others > 0 {
                return Err(Fault::NotSeen(format!("a second after the change {environment} sends {key} alone")));
            }
            self.screen.note(&format!("{environment:<12} sends {key}"));
        }
        Ok(())
    }

    async fn wrong_value(&mut self, traffic: &Traffic, value: &str) -> Result<(), Fault> {
        self.screen.step("A wrong value is caught by a test, and rolled back by hand");
        self.secret(WRONG, value, Some(INCOMING)).await?;
        let route: Value = self.node.client.get("/v1/routes/payments").await?;
        let good = route.get("revision").and_then(Value::as_u64).unwrap_or_default();
        // Nobody depends on this route yet: the test needs no traffic of the applications.
        let copy = json!({"name": "rehearsal", "base": route.get("base"), "environments": {"development": {}}});
        self.node.client.post::<_, Value>("/v1/routes", &copy).await?;
        self.judge(INCOMING, 200).await?;
        let body = json!({"base": {"inject": {"headers": {"Authorization": format!("Bearer {{{{{WRONG}}}}}")}}}});
        let patch = Call::patch("/v1/routes/rehearsal").json(&body)?;
        self.node.client.call(patch).await?;
        self.judge(WRONG, 401).await?;
        self.node.client.post::<_, Value>("/v1/routes/rehearsal/roll-back", &json!({"revision": 1})).await?;
        self.judge(INCOMING, 200).await?;
        self.screen.note(&format!("the applications' route stayed at revision {good} all the while"));
        self.node.client.delete("/v1/routes/rehearsal").await?;
        self.failed_none(traffic)
    }

    /// Tests the rehearsal route and holds the provider's answer against what it should be.
    async fn judge(&mut self, key: &str, expected: u16) -> Result<(), Fault> {
        let body = json!({"environment": "development", "method": "GET", "path": "/v1/balance"});
        let answer: Value = self.node.client.post("/v1/routes/rehearsal/test", &body).await?;
        let status = answer.pointer("/answer/status").and_then(Value::as_u64);
        self.screen.note(&format!("test with {key}: the provider answers {}", status.unwrap_or_default()));
        if status == Some(u64::from(expected)) {
            return Ok(());
        }
        Err(Fault::NotSeen(format!("a test with {key} is answered with {expected}")))
    }

    async fn refused_deletion(&mut self) -> Result<(), Fault> {
        self.screen.step("The old key stays until it is proven unused, so that there is a way back");
        match self.node.client.delete(format!("/v1/secrets/{OUTGOING}")).await {
            Err(error) if error.status() == Some(409) => {
                let problem = error.problem().cloned().unwrap_or_default();
                self.screen.note(&format!("deletion now: refused, {} ({})", problem.code, problem.detail));
                Ok(())
            }
            Err(error) => Err(error.into()),
            Ok(()) => Err(Fault::NotSeen("the deletion of a key in use a moment ago is refused".to_owned())),
        }
    }

    async fn delete(&mut self, traffic: &Traffic) -> Result<(), Fault> {
        self.screen.step("Unused for the whole retention, the old key may go");
        let before = Figures::of(self.provider);
        tokio::time::sleep(RETENTION + Duration::from_millis(1_200)).await;
        let uses: u64 = ENVIRONMENTS.iter().map(|name| Figures::of(self.provider).since(&before, name, OUTGOING)).sum();
        if uses > 0 {
            return Err(Fault::NotSeen("the outgoing key rests".to_owned()));
        }
        self.node.client.delete(format!("/v1/secrets/{OUTGOING}")).await?;
        self.screen.note(&format!("{} s without use (48 h is the default): deleted", RETENTION.as_secs()));
        self.failed_none(traffic)
    }

    async fn end(&mut self, traffic: &Traffic, values: &[(&str, String)]) -> Result<(), Fault> {
        self.screen.step("What the provider's own record says");
        for ((environment, key), count) in self.provider.counts() {
            self.screen.note(&format!("{environment:<12} {key:<18} {count:>6} requests"));
        }
        let (sent, failed) = traffic.counts();
        self.screen.note(&format!("the applications sent {sent} requests, {failed} failed"));
        let events: Value = self.node.client.get("/v1/audit?limit=500").await?;
        let text = events.to_string();
        if traffic.values_seen() > 0 || values.iter().any(|(_, value)| text.contains(value.as_str())) {
            return Err(Fault::NotSeen("no application and no audit event ever saw a value".to_owned()));
        }
        let count = events.get("items").and_then(Value::as_array).map_or(0, Vec::len);
        self.screen.note(&format!("the audit has {count} events, and nobody outside ever saw a value"));
        self.failed_none(traffic)
    }

    fn failed_none(&self, traffic: &Traffic) -> Result<(), Fault> {
        match traffic.counts() {
            (_, 0) => Ok(()),
            (sent, failed) => Err(Fault::NotSeen(format!("no request failed: {failed} of {sent} did"))),
        }
    }

    /// Waits until the record shows something, at most ten seconds; a failed request ends the wait.
    async fn wait(&mut self, traffic: &Traffic, what: &str, holds: impl Fn(&Figures) -> bool) -> Result<(), Fault> {
        for _ in 0..200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            self.failed_none(traffic)?;
            if holds(&Figures::of(self.provider)) {
                let (sent, failed) = traffic.counts();
                self.screen.note(&format!("{what} ({sent} requests sent, {failed} failed)"));
                return Ok(());
            }
        }
        Err(Fault::NotSeen(what.to_owned()))
    }
}

/// A value such as a provider would issue.
fn value() -> String {
    format!("sk_demo_{}", id::new("v", SystemClock.now(), &SystemEntropy))
}
