//! One rotation, from its start to where the story wants it: asks how it stands, and tells what is new.

use api::rotation::{RotationItem, RotationStart};

use super::figures::Figures;
use super::scene::{Patience, Scene};
use crate::demo::fault::Fault;

/// A rotation, and what was told of it.
pub(super) struct Followed {
    pub(super) id: String,
    incoming: String,
    told: At,
    step_began: Figures,
}

/// Where it stood.
#[derive(PartialEq, Default)]
struct At {
    state: String,
    environment: Option<String>,
    weight: Option<String>,
    careful: bool,
    promoted: usize,
}

impl At {
    fn of(rotation: &RotationItem) -> Self {
        let canary = rotation.canary.as_ref();
        Self {
            state: rotation.state.clone(),
            environment: rotation.environment.clone(),
            weight: canary.map(|canary| canary.weight.clone()),
            careful: canary.is_some_and(|canary| canary.careful),
            promoted: rotation.promoted.len(),
        }
    }

    fn is_other_step(&self, before: &Self) -> bool {
        (&self.environment, &self.weight) != (&before.environment, &before.weight)
    }
}

impl Scene<'_> {
    /// Starts a rotation.
    pub(super) async fn start(&mut self, body: &RotationStart) -> Result<Followed, Fault> {
        let step_began = Figures::of(self.provider);
        let rotation = self.node.client.start_rotation(body).await?;
        self.tell(&format!("POST /v1/rotations: {} by {}", rotation.outgoing, rotation.incoming));
        Ok(Followed { id: rotation.id, incoming: rotation.incoming, told: At::default(), step_began })
    }

    /// Waits until the rotation is there; a failed request ends the wait, and so does an end somewhere else.
    pub(super) async fn follow(
        &mut self,
        followed: &mut Followed,
        what: &str,
        there: impl Fn(&RotationItem) -> bool,
    ) -> Result<RotationItem, Fault> {
        let patience = Patience::begin();
        loop {
            self.failed_none()?;
            let rotation = self.node.client.rotation(&followed.id).await?;
            self.narrate(followed, &rotation);
            if there(&rotation) {
                return Ok(rotation);
            }
            if !rotation.live || rotation.state == "needs_operator" {
                let waits = rotation.next.waits_for.unwrap_or(rotation.verdict.detail);
                return Err(Fault::NotSeen(format!("{what}; the rotation is {}: {waits}", rotation.state)));
            }
            let canary = rotation.canary.as_ref().map_or("", |canary| canary.weight.as_str());
            let environment = rotation.environment.as_deref().unwrap_or_default();
            self.live(&format!("{} {environment} {canary}", rotation.state));
            patience.pause(what).await?;
        }
    }

    fn narrate(&mut self, followed: &mut Followed, rotation: &RotationItem) {
        let now = At::of(rotation);
        if now == followed.told {
            return;
        }
        let before = std::mem::replace(&mut followed.told, now);
        let (now, incoming) = (&followed.told, &followed.incoming);
        let is_other_step = now.is_other_step(&before);
        if let (true, Some(environment), Some(weight)) = (is_other_step, &before.environment, &before.weight) {
            let figures = Figures::of(self.provider);
            let with = figures.since(&followed.step_began, environment, incoming).all();
            let all = figures.all_since(&followed.step_began, environment).all();
            self.tell(&format!("{environment:<12} {weight:>4}: {with} of {all} requests carried {incoming}"));
        }
        for environment in rotation.promoted.iter().skip(before.promoted) {
            self.tell(&format!("{environment:<12} promoted: its templates name {incoming}"));
        }
        if let Some(canary) = rotation.canary.as_ref().filter(|_| is_other_step) {
            followed.step_began = Figures::of(self.provider);
            self.tell(&format!("{:<12} {:>4} of the traffic gets {incoming}", canary.environment, canary.weight));
        }
        if before.careful && !is_other_step && !now.careful {
            let environment = now.environment.as_deref().unwrap_or_default();
            self.tell(&format!("{environment:<12} healthy: {}", rotation.verdict.detail));
        }
        if now.state != before.state {
            self.arrived(rotation);
        }
    }

    /// What is to be said of a state that has just begun.
    fn arrived(&mut self, rotation: &RotationItem) {
        let waits = rotation.next.waits_for.as_deref().unwrap_or_default();
        let environment = rotation.environment.as_deref().unwrap_or_default();
        match rotation.state.as_str() {
            "waiting" if !waits.is_empty() => self.tell(&format!("{environment:<12} waits for {waits}")),
            "watching" => self.tell(&format!("watching: {waits}")),
            "withdrawn" => self.tell(&format!("withdrawn: {} leaves every snapshot", rotation.outgoing)),
            "completed" => self.tell("completed"),
            "rolled_back" => {
                self.tell("rolled back, by itself");
                self.screen.note(&rotation.verdict.detail);
            }
            _ => {}
        }
    }
}
