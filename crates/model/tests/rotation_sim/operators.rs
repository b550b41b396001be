//! Operators: they start rotations, have their say in them, and edit by hand.

use std::collections::BTreeSet;

use model::name::{EnvironmentName, SecretName};
use model::rotation::{
    Action, Answer, Entry, Event, Plan, Planned, Rotation, Step, Traffic, WORKS, act, possible, replace, resolve,
};
use model::secret::Kind;

use crate::evidence::REVOKE;
use crate::scenario::Temper;
use crate::truth::Truth;
use crate::wishes;
use crate::world::{Run, Secret, World, secret};

const ACTORS: [&str; 2] = ["token:ops", "token:other"];

impl World {
    pub(crate) fn first_start(&mut self) {
        self.start(&secret("alpha"));
    }

    /// What operators do in a tick.
    pub(crate) fn operators(&mut self) {
        let acts = self.scenario.acts;
        if !self.dice.falls(acts) {
            // Somebody does at last what is waited for.
            if self.dice.falls(40) {
                self.help();
            }
            return;
        }
        match self.dice.below(20) {
            0 | 1 => {
                let names: Vec<SecretName> = self.secrets.keys().cloned().collect();
                let name = self.dice.pick(&names).clone();
                self.start(&name);
            }
            2..=5 => self.edit(),
            6 => self.limits(),
            7 => self.stopped(),
            8 => {
                let run = self.dice.below(self.runs.len());
                if !self.runs.is_empty() {
                    self.delete_by_hand(run);
                }
            }
            9 => self.attest(),
            _ => self.say_so(),
        }
    }

    fn help(&mut self) {
        for run in 0..self.runs.len() {
            let action = match self.runs[run].now.word() {
                "awaiting_approval" => Action::Approve { reason: "fine".to_owned() },
                "held" => Action::Resume,
                "needs_operator" if self.dice.falls(500) => Action::RollBack { note: "no way".to_owned() },
                "needs_operator" => Action::Resume,
                "waiting" | "canary" => Action::Advance,
                "withdrawn" => {
                    self.delete_by_hand(run);
                    continue;
                }
                _ => continue,
            };
            self.ask_for(run, &action, "token:other");
        }
    }

    fn say_so(&mut self) {
        if self.runs.is_empty() {
            return;
        }
        let run = self.dice.below(self.runs.len());
        let action = wishes::action(&mut self.dice);
        let actor = *self.dice.pick(&ACTORS);
        self.ask_for(run, &action, actor);
    }

    fn ask_for(&mut self, run: usize, action: &Action, actor: &str) {
        let evidence = self.evidence(run);
        let now = &self.runs[run].now;
        let environment: Option<EnvironmentName> = now.stage().map(|stage| stage.environment.clone());
        let named = environment.filter(|_| self.tick.is_multiple_of(2));
        let answer = act(now, action, actor, named.as_ref(), &evidence, self.clock());
        let words = possible(now);
        match answer {
            Err(refused) => {
                // What is said to be possible is, but for what depends on the evidence.
                let by_evidence = evidence.incoming_unusable.is_some();
                let depends = by_evidence || matches!(action, Action::Promote | Action::Approve { .. });
                let promised = words.contains(&action.word()) && !depends;
                assert!(!promised, "{refused}, though it is said to be possible");
            }
            Ok(Answer::Already) => {}
            Ok(Answer::Do(step)) => {
                assert!(words.contains(&action.word()), "{} is possible, and is not said to be", action.word());
                let vouches = matches!(action, Action::Advance | Action::Promote);
                self.runs[run].vouched |= vouches || matches!(step, Step::Promote(_));
                let version = now_version(&self.runs[run]);
                assert!(self.carry_out(run, version, actor, step));
            }
        }
    }

    fn attest(&mut self) {
        if self.runs.is_empty() {
            return;
        }
        let run = self.dice.below(self.runs.len());
        let step = (*self.dice.pick(&[WORKS, REVOKE])).to_owned();
        let version = now_version(&self.runs[run]);
        let event = if self.dice.falls(250) {
            Event::AttestationRemoved { step }
        } else {
            Event::Attested { step, note: "seen".to_owned(), link: None, not_applicable: self.dice.falls(200) }
        };
        self.commit(run, version, "token:ops", event);
    }

    /// Says that a node is stopped, of one that is.
    fn stopped(&mut self) {
        for node in self.nodes.iter_mut().filter(|node| !node.alive) {
            node.stopped = true;
        }
    }

    /// Narrows the limits of a secret, or widens them again.
    fn limits(&mut self) {
        let names: Vec<SecretName> = self.secrets.keys().cloned().collect();
        let name = self.dice.pick(&names).clone();
        let one = self.secrets.get_mut(&name).unwrap();
        one.unusable = !one.unusable && !name.as_str().ends_with("ha");
        let line = format!("{name} can be used: {}", !one.unusable);
        self.say(line);
        self.publish();
    }

    /// Edits a route by hand.
    fn edit(&mut self) {
        let at = self.dice.below(self.routes.len());
        let route = &self.routes[at];
        let mut next = route.spec.clone();
        match self.dice.below(5) {
            0 | 4 => next.base.upstream = Some(format!("https://u{}.example", self.dice.below(2))),
            1 | 2 => {
                let named: Vec<SecretName> = route.references.iter().map(|one| one.secret.clone()).collect();
                let names: Vec<SecretName> = self.secrets.keys().cloned().collect();
                if named.is_empty() {
                    return;
                }
                let (from, to) = (self.dice.pick(&named).clone(), self.dice.pick(&names).clone());
                let chosen = self.dice.falls(500).then(|| BTreeSet::from([self.environments[0].clone()]));
                next = replace(&next, &from, &to, chosen.as_ref()).0;
            }
            _ => match route.past.len() {
                0 => return,
                count => next = route.past[self.dice.below(count)].clone(),
            },
        }
        // As it is checked when a route is saved: nothing that is deleted, and no new mention of what is being replaced;
        // going back to an earlier version may bring one, until the withdrawal.
        let before = self.routes[at].references.clone();
        let new: Vec<SecretName> = model::route::references(&next)
            .into_iter()
            .filter(|one| !before.contains(one))
            .map(|one| one.secret)
            .collect();
        let rolls_back = self.routes[at].past.contains(&next);
        let refused = new.iter().any(|name| {
            let replaced = self
                .runs
                .iter()
                .any(|run| run.now.is_live() && run.now.outgoing == *name && (!rolls_back || run.is_withdrawn()));
            self.secrets[name].deleted || replaced
        });
        if refused || next == self.routes[at].spec {
            return;
        }
        self.say(format!("edited: {}", serde_json::to_string(&next).unwrap()));
        self.save(at, next, None);
        self.publish();
    }

    /// Starts a rotation, unless the rules say no.
    fn start(&mut self, outgoing: &SecretName) {
        let calm = self.scenario.temper == Temper::Calm;
        let busy = |name: &SecretName| self.runs.iter().any(|run| run.now.is_live() && (run.now.outgoing == *name));
        if busy(outgoing) || self.secrets[outgoing].deleted || self.runs.len() > 5 {
            return;
        }
        let incoming = secret(&format!("{outgoing}_{}", self.runs.len() + 2));
        let truth = match calm {
            true => *self.dice.pick(&[Truth::Valid, Truth::Valid, Truth::Invalid]),
            false => Truth::draw(&mut self.dice, self.t),
        };
        let own_probe = self.dice.falls(300);
        let named: BTreeSet<EnvironmentName> = self
            .routes
            .iter()
            .flat_map(|route| route.references.iter().filter(|one| one.secret == *outgoing))
            .filter_map(|one| one.environment.clone())
            .collect();
        let Some(plan) = self.plan(&named) else { return };
        let number = self.runs.len() + 1;
        let planned = Planned {
            outgoing: outgoing.clone(),
            incoming: incoming.clone(),
            kind: Kind::ApiKey,
            incoming_is_new: true,
            plan,
            named_at: Vec::new(),
        };
        self.secrets.insert(incoming, Secret { truth, deleted: false, unusable: false, own_probe });
        let at = self.clock();
        let event = Event::Planned(Box::new(planned));
        let entry = Entry { number: 1, at, actor: "token:ops".to_owned(), event };
        let now = Rotation::read(&format!("rot_{number}"), std::slice::from_ref(&entry)).unwrap();
        self.say(format!("{} {}", now.id, serde_json::to_string(&entry.event).unwrap()));
        self.saw("event", "planned");
        self.saw("state", now.word());
        self.runs.push(Run {
            log: vec![entry],
            traffic: Traffic::of(&now),
            now,
            tallies: Default::default(),
            probe_ends: None,
            references: self.routes.iter().map(|route| route.references.clone()).collect(),
            touched: BTreeSet::new(),
            vetted: BTreeSet::new(),
            taken: Default::default(),
            vouched: false,
            kind_needs_probe: !calm && self.dice.falls(50),
        });
        self.publish();
    }

    fn plan(&mut self, named: &BTreeSet<EnvironmentName>) -> Option<Plan> {
        let calm = self.scenario.temper == Temper::Calm;
        let first = self.runs.first().map(|run| run.now.id.clone());
        resolve(&wishes::plan(&mut self.dice, calm, &self.environments, first), &self.known, named).ok()
    }
}

fn now_version(run: &Run) -> i64 {
    run.now.version
}
