//! The story: a key is rotated, staging first; a wrong one is rolled back; the old one is deleted; the audit is verified.

mod beginning;
mod ending;
mod figures;
mod follow;
mod rotations;
mod scene;

use model::id;
use model::time::Clock;

use super::fault::Fault;
use super::node::Node;
use super::provider::Provider;
use super::screen::Screen;
use super::traffic::Traffic;
use crate::ambient::{SystemClock, SystemEntropy};

use scene::Scene;

/// The environments in the order in which a change reaches them.
const ENVIRONMENTS: [&str; 3] = ["development", "staging", "production"];

/// The secret that is rotated, its successor, and the wrong one.
const FIRST: &str = "stripe_api_key";
const SECOND: &str = "stripe_api_key_v2";
const WRONG: &str = "stripe_api_key_v3";

/// The values of the three.
struct Values {
    first: String,
    second: String,
    wrong: String,
}

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
    pub(super) async fn tell(self) -> Result<Traffic, Fault> {
        let Self { provider, node, screen, broken } = self;
        let values = Values { first: value(), second: value(), wrong: value() };
        provider.issue(FIRST, &values.first, &ENVIRONMENTS);
        provider.issue(SECOND, &values.second, &ENVIRONMENTS);
        // What happens to people: the provider knows this key, and was never told to take it in production.
        provider.issue(WRONG, &values.wrong, &["development", "staging"]);

        screen.say(&node.addresses());
        let traffic = beginning::begin(provider, node, screen, broken, &values).await?;
        let mut scene = Scene { provider, node, screen, traffic };
        scene.steady().await?;
        scene.impact(&values).await?;
        let mut first = scene.rotate(&values).await?;
        scene.refused_deletion().await?;
        scene.soak(&mut first).await?;
        scene.rotate_to_wrong(&values).await?;
        scene.delete(&mut first).await?;
        scene.end(&values).await?;
        Ok(scene.traffic)
    }
}

/// A value such as a provider would issue.
fn value() -> String {
    format!("sk_demo_{}", id::new("v", SystemClock.now(), &SystemEntropy))
}
