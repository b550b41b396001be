//! What every part of the story has at hand.

use std::time::Duration;

use serde_json::Value;

use super::figures::Figures;
use super::{ENVIRONMENTS, FIRST};
use crate::demo::fault::Fault;
use crate::demo::node::Node;
use crate::demo::provider::Provider;
use crate::demo::screen::Screen;
use crate::demo::traffic::Traffic;

/// How long anything is waited for. On an idle machine nothing takes a tenth of it.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked at.
const GLANCE: Duration = Duration::from_millis(100);

/// The stand-in, the node, the screen and the traffic.
pub(super) struct Scene<'a> {
    pub(super) provider: &'a Provider,
    pub(super) node: &'a Node,
    pub(super) screen: &'a mut Screen,
    pub(super) traffic: Traffic,
}

/// A wait that does not last for ever.
pub(super) struct Patience {
    until: tokio::time::Instant,
}

impl Patience {
    pub(super) fn begin() -> Self {
        Self { until: tokio::time::Instant::now() + PATIENCE }
    }

    /// Lets a moment pass.
    pub(super) async fn pause(&self, what: &str) -> Result<(), Fault> {
        if tokio::time::Instant::now() >= self.until {
            return Err(Fault::NotSeen(what.to_owned()));
        }
        tokio::time::sleep(GLANCE).await;
        Ok(())
    }
}

impl Scene<'_> {
    /// Tells something, with the counts of this moment.
    pub(super) fn tell(&mut self, text: &str) {
        self.screen.told(text, self.traffic.counts());
    }

    /// Shows the counts of this moment, and what is waited for.
    pub(super) fn live(&mut self, text: &str) {
        let (sent, failed) = self.traffic.counts();
        self.screen.live(&format!("sent {sent}, failed {failed}   {text}"));
    }

    /// That no request has failed so far.
    pub(super) fn failed_none(&self) -> Result<(), Fault> {
        crate::demo::failed_none(&self.traffic)
    }

    /// Waits until the stand-in's record shows something; a failed request ends the wait.
    pub(super) async fn wait(&mut self, what: &str, holds: impl Fn(&Figures) -> bool) -> Result<(), Fault> {
        let patience = Patience::begin();
        loop {
            self.failed_none()?;
            if holds(&Figures::of(self.provider)) {
                return Ok(());
            }
            self.live(what);
            patience.pause(what).await?;
        }
    }

    /// The traffic has begun.
    pub(super) async fn steady(&mut self) -> Result<(), Fault> {
        let start = Figures::of(self.provider);
        let what = "the stand-in sees the key in every environment";
        self.wait(what, |figures| ENVIRONMENTS.iter().all(|name| figures.since(&start, name, FIRST).taken >= 60))
            .await?;
        self.tell(what);
        Ok(())
    }

    /// Waits until each environment sends the key that it should, and nothing else.
    pub(super) async fn settled(&mut self, expected: &[(&str, &str)]) -> Result<(), Fault> {
        served(self.node).await?;
        // What was on its way when the change came to be served has been answered by then.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let start = Figures::of(self.provider);
        self.wait("the change is served", |figures| {
            expected.iter().all(|(environment, key)| figures.since(&start, environment, key).taken >= 40)
        })
        .await?;
        let now = Figures::of(self.provider);
        for (environment, key) in expected {
            let (here, with) = (now.all_since(&start, environment), now.since(&start, environment, key));
            if here.all() > with.taken {
                return Err(Fault::NotSeen(format!("{environment} sends {key} alone")));
            }
            self.tell(&format!("{environment:<12} sends {key} alone"));
        }
        Ok(())
    }
}

/// Waits until the node serves all that is stored.
pub(super) async fn served(node: &Node) -> Result<(), Fault> {
    let patience = Patience::begin();
    loop {
        let nodes: Value = node.client.get("/v1/nodes").await?;
        if nodes.pointer("/items/0/lag_ms").and_then(Value::as_i64) == Some(0) {
            return Ok(());
        }
        patience.pause("the node serves what is stored").await?;
    }
}
