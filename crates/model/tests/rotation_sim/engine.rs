//! The deciding process: it reads, decides, acts and records, and may die between any two of these.

use std::collections::BTreeSet;

use model::rotation::{Event, Healthy, Reading, Step, Tried, Trouble, decide, deletable, replace};

use crate::routes::Route;
use crate::truth::Answer;
use crate::world::{SYSTEM, World};

/// More records at one moment are a circle.
const MOST_AT_ONCE: usize = 20;

impl World {
    /// One round over all rotations.
    pub(crate) fn engine(&mut self) {
        if self.tick < self.down_until {
            return;
        }
        let jumps = self.scenario.jumps;
        if self.dice.falls(jumps) {
            let by = i64::try_from(self.dice.below(600_000)).unwrap() - 300_000;
            self.offset += by;
            self.jumped = self.jumped.max(self.offset.abs());
            self.say(format!("the clock jumps by {}s", by / 1_000));
        }
        // A step that was decided before, and whose commit comes late.
        if let Some((run, version, revision, step)) = self.pending.take()
            && revision == self.revision
        {
            self.carry_out(run, version, SYSTEM, step);
        }
        for run in 0..self.runs.len() {
            self.probes(run);
            for round in 0.. {
                assert!(round < MOST_AT_ONCE, "it goes in circles: {:?}", self.runs[run].now.state);
                if !self.step(run) {
                    break;
                }
            }
            if self.tick < self.down_until {
                return;
            }
        }
    }

    /// Whether there may be another step right away.
    fn step(&mut self, run: usize) -> bool {
        let evidence = self.evidence(run);
        let now = self.clock();
        let step = decide(&self.runs[run].now, &evidence, now);
        self.saw("step", step.word());
        self.check_step(run, &step, &evidence);
        let version = self.runs[run].now.version;
        if let Step::Rest(_) = step {
            return false;
        }
        let killed = self.scenario.killed;
        if self.dice.falls(killed) {
            self.say(format!("killed before {}", step.word()));
            self.down_until = self.tick + 1 + self.dice.below(4);
            if self.dice.falls(500) && matches!(step, Step::Record(_) | Step::RollBack(_)) {
                self.pending = Some((run, version, self.revision, step));
            }
            return false;
        }
        let before = (self.runs[run].now.clone(), version);
        assert!(self.carry_out(run, version, SYSTEM, step.clone()), "nobody else wrote meanwhile");
        assert_ne!(before.0.version, self.runs[run].now.version);
        if self.dice.falls(killed) {
            self.say("killed after it".to_owned());
            self.down_until = self.tick + 1 + self.dice.below(4);
            // Whoever takes over does not know that it was done, and does it again.
            assert!(!self.carry_out(run, version, SYSTEM, step), "a step was done twice");
            return false;
        }
        true
    }

    /// Does a step, unless the rotation has moved on since `version`.
    pub(crate) fn carry_out(&mut self, run: usize, version: i64, actor: &str, step: Step) -> bool {
        if self.runs[run].now.version != version {
            return false;
        }
        let event = match step {
            Step::Rest(_) => return true,
            Step::Record(event) => event,
            Step::Probe => {
                let ends = self.t + 15_000 * i64::try_from(self.dice.below(3)).unwrap();
                self.commit(run, version, actor, Event::ProbeBegan);
                self.runs[run].probe_ends = Some(ends);
                self.probes(run);
                return true;
            }
            Step::Promote(healthy) => self.promote(run, healthy),
            Step::RollBack(why) => self.roll_back(run, why),
            Step::Withdraw(soak, converged) => {
                let remains_at = self.outgoing_at(run);
                Event::Withdrawn { soak, converged, remains_at, revision: self.revision + 1 }
            }
            Step::Delete(unused) => {
                let outgoing = self.runs[run].now.outgoing.clone();
                self.secrets.get_mut(&outgoing).unwrap().deleted = true;
                Event::Deleted { unused: Some(unused) }
            }
        };
        self.commit(run, version, actor, event)
    }

    fn promote(&mut self, run: usize, healthy: Healthy) -> Event {
        let stage = self.runs[run].now.stage().unwrap().clone();
        let (outgoing, incoming) = (self.runs[run].now.outgoing.clone(), self.runs[run].now.incoming.clone());
        let chosen = BTreeSet::from([stage.environment.clone()]);
        let mut changes = Vec::new();
        for route in 0..self.routes.len() {
            let (next, mut changed) = replace(&self.routes[route].spec, &outgoing, &incoming, Some(&chosen));
            if !changed.is_empty() {
                self.save(route, next, Some(run));
                changes.append(&mut changed);
            }
        }
        Event::Promoted { environment: stage.environment, healthy, changes, revision: self.revision + 1 }
    }

    fn roll_back(&mut self, run: usize, why: Trouble) -> Event {
        let (outgoing, incoming) = (self.runs[run].now.outgoing.clone(), self.runs[run].now.incoming.clone());
        let mut changes = Vec::new();
        for promotion in self.runs[run].now.promoted.clone().iter().rev() {
            for name in &promotion.routes {
                let chosen = BTreeSet::from([promotion.environment.clone()]);
                let route = self.route(name);
                let (next, mut changed) = replace(&self.routes[route].spec, &incoming, &outgoing, Some(&chosen));
                if !changed.is_empty() {
                    self.save(route, next, Some(run));
                    changes.append(&mut changed);
                }
            }
        }
        Event::RolledBack { why, changes }
    }

    /// Ends a probe that has got its answers.
    fn probes(&mut self, run: usize) {
        let Some(ends) = self.runs[run].probe_ends else { return };
        let killed = self.scenario.killed;
        if self.dice.falls(killed) {
            self.say("a probe's outcome is lost".to_owned());
            self.runs[run].probe_ends = None;
            return;
        }
        if self.t < ends {
            return;
        }
        self.runs[run].probe_ends = None;
        if !self.runs[run].now.is_live() {
            return;
        }
        let now = self.runs[run].now.clone();
        let reading = self.read(run, &now.incoming);
        let outgoing = now.has_moved().then(|| self.read(run, &now.outgoing));
        let tried = Tried { place: "there".to_owned(), status_class: None, reading, detail: "tried".to_owned() };
        self.commit(run, now.version, SYSTEM, Event::Probed { reading, outgoing, tried: vec![tried] });
    }

    fn read(&mut self, run: usize, secret: &model::name::SecretName) -> Reading {
        let evidence = self.evidence(run);
        let mut upstreams = BTreeSet::new();
        if evidence.probe.own {
            upstreams.insert(0);
        } else {
            for place in evidence.places.iter().filter(|place| place.has_probe) {
                if evidence.probe.routes.contains(&place.spot.environment) {
                    let route: &Route = &self.routes[self.route(&place.spot.route)];
                    upstreams.insert(route.views[&self.place(&place.spot.environment)].upstream);
                }
            }
        }
        let unclear = self.scenario.unclear;
        let answers: Vec<Answer> = upstreams
            .iter()
            .map(|to| match self.dice.falls(unclear) {
                true => Answer::Unclear,
                false => self.secrets[secret].truth.at(*to, self.t),
            })
            .collect();
        if answers.contains(&Answer::Dead) {
            Reading::Dead
        } else if !answers.is_empty() && answers.iter().all(|answer| *answer == Answer::Alive) {
            Reading::Alive
        } else {
            Reading::Unclear
        }
    }

    /// An operator asks for the deletion of a secret that is proven unused.
    pub(crate) fn delete_by_hand(&mut self, run: usize) {
        let evidence = self.evidence(run);
        if let Ok(unused) = deletable(&self.runs[run].now, &evidence) {
            self.check_deletion(run, "an operator");
            let outgoing = self.runs[run].now.outgoing.clone();
            self.secrets.get_mut(&outgoing).unwrap().deleted = true;
            let version = self.runs[run].now.version;
            if matches!(self.runs[run].now.state, model::rotation::State::Withdrawn(_)) && self.dice.falls(700) {
                self.commit(run, version, "token:ops", Event::Deleted { unused: Some(unused) });
            }
        }
    }
}
