//! The two rotations: one to a good key, one to a wrong one.

use std::collections::{BTreeMap, BTreeSet};

use api::rotation::{IncomingSecret, Manner, Move, PerEnvironment, PlanWish, RotationStart, Severity};
use api::secret::SecretText;

use super::figures::Figures;
use super::follow::Followed;
use super::scene::Scene;
use super::{ENVIRONMENTS, FIRST, SECOND, Values, WRONG};
use crate::demo::fault::Fault;

/// How long the last environment is watched, instead of 48 hours.
const SOAK: &str = "4s";

/// The first rotation: all as it is by default, but for the times.
fn good(values: &Values) -> RotationStart {
    let step = |environment: &str, length: &str| (environment.to_owned(), length.to_owned());
    let steps = [step("development", "1s"), step("staging", "1s"), step("production", "3s")];
    RotationStart {
        outgoing: FIRST.to_owned(),
        incoming: incoming(SECOND, &values.second),
        plan: Some(PlanWish {
            canary_step: Some(PerEnvironment::Each(BTreeMap::from(steps))),
            soak: Some(PerEnvironment::All(SOAK.to_owned())),
            ..PlanWish::default()
        }),
    }
}

/// The second: nobody is asked before production, and development is left out.
fn wrong(values: &Values) -> RotationStart {
    RotationStart {
        outgoing: SECOND.to_owned(),
        incoming: incoming(WRONG, &values.wrong),
        plan: Some(PlanWish {
            environments: Some(vec!["staging".to_owned(), "production".to_owned()]),
            canary_step: Some(PerEnvironment::All("2s".to_owned())),
            soak: Some(PerEnvironment::All(SOAK.to_owned())),
            advance: Some(PerEnvironment::All(Manner::Automatic)),
            ..PlanWish::default()
        }),
    }
}

fn incoming(name: &str, value: &str) -> IncomingSecret {
    let value = Some(SecretText::new(value.to_owned()));
    IncomingSecret { name: Some(name.to_owned()), value, ..IncomingSecret::default() }
}

impl Scene<'_> {
    /// What a rotation would do, without its being started.
    pub(super) async fn impact(&mut self, values: &Values) -> Result<(), Fault> {
        self.screen.step("The impact of a rotation, before anything is changed");
        let impact = self.node.client.rotation_impact(&good(values)).await?;
        for place in &impact.routes {
            let (route, environment, uses) = (&place.route, &place.environment, place.requests_24h);
            self.screen.note(&format!("{route} in {environment}: {uses} requests within 24 h"));
            self.screen.note(&format!("   {}: {} → {}", place.field, place.before, place.after));
        }
        let warnings = impact.findings.iter().filter(|finding| finding.severity != Severity::Info);
        let codes: BTreeSet<&str> = warnings.map(|finding| finding.code.as_str()).collect();
        self.screen.note(&format!("to be known before: {}", codes.into_iter().collect::<Vec<_>>().join(", ")));
        for stage in &impact.plan.stages {
            let (environment, canary) = (&stage.environment, stage.canary.join(", "));
            self.screen
                .note(&format!("plan: {environment}, {canary}, {} each, soak {}", stage.canary_step, stage.soak));
        }
        if impact.routes.len() != ENVIRONMENTS.len() || Figures::of(self.provider).with(SECOND).all() > 0 {
            return Err(Fault::NotSeen("a dry run finds every environment and changes nothing".to_owned()));
        }
        Ok(())
    }

    /// The good one, up to the promotion of production.
    pub(super) async fn rotate(&mut self, values: &Values) -> Result<Followed, Fault> {
        self.screen.step("The rotation: staging first, production when an operator says so");
        let mut followed = self.start(&good(values)).await?;
        let id = followed.id.clone();
        self.follow(&mut followed, "the rotation waits before production", |rotation| {
            rotation.state == "waiting" && rotation.environment.as_deref() == Some("production")
        })
        .await?;
        self.settled(&[("development", SECOND), ("staging", SECOND), ("production", FIRST)]).await?;

        self.screen.step("Production: a canary of 5 %, then half, then all of it, judged by the provider's answers");
        let body = Move { environment: Some("production".to_owned()) };
        self.node.client.advance_rotation(&id, &body).await?;
        self.tell(&format!("POST /v1/rotations/{id}/advance"));
        self.follow(&mut followed, "production is promoted", |rotation| {
            rotation.promoted.iter().any(|environment| environment == "production")
        })
        .await?;
        self.settled(&ENVIRONMENTS.map(|environment| (environment, SECOND))).await?;
        Ok(followed)
    }

    /// The good one's last look, until the outgoing key is withdrawn.
    pub(super) async fn soak(&mut self, followed: &mut Followed) -> Result<(), Fault> {
        self.screen.step("The soak: until nothing needed the old key for long enough, it stands behind the new one");
        self.follow(followed, "the old key is withdrawn", |rotation| rotation.state == "withdrawn").await?;
        Ok(())
    }

    /// The wrong one: it gets into production's canary, and out again.
    pub(super) async fn rotate_to_wrong(&mut self, values: &Values) -> Result<(), Fault> {
        self.screen
            .step("A wrong key: the provider takes it in staging, but not in production. No probe, nobody looks");
        let mut followed = self.start(&wrong(values)).await?;
        let ended = self.follow(&mut followed, "the wrong key is rolled back", |rotation| !rotation.live).await?;
        if ended.state != "rolled_back" {
            return Err(Fault::NotSeen(format!("the wrong key is rolled back: it is {}", ended.state)));
        }
        let refused = Figures::of(self.provider).with(WRONG).refused;
        if refused == 0 {
            return Err(Fault::NotSeen("the wrong key got into production".to_owned()));
        }
        self.tell(&format!("the provider refused it {refused} times; each time {SECOND} stepped in"));
        self.settled(&[("staging", SECOND), ("production", SECOND)]).await
    }
}
