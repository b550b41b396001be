//! Nodes: they serve what they last heard of, count, and tell.

use std::collections::BTreeMap;
use std::rc::Rc;

use model::name::SecretName;
use model::node::{Node, NodeRole, Stopped};
use model::snapshot::Sign;
use model::time::{Span, Timestamp};

use crate::routes::{Binding, Published};
use crate::truth::Answer;
use crate::world::{Tally, World};

/// How long a node serves without hearing from the database.
pub(crate) const MAX_STALENESS: i64 = 20 * 60_000;

/// A node.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) name: String,
    pub(crate) snapshot: Option<Rc<Published>>,
    pub(crate) heard_at: i64,
    pub(crate) alive: bool,
    pub(crate) silent: bool,
    /// What the database knows of it.
    pub(crate) told_at: i64,
    pub(crate) told: Option<i64>,
    pub(crate) told_open: Vec<SecretName>,
    pub(crate) stopped: bool,
    tallies: BTreeMap<(usize, usize, usize), Tally>,
    needs: BTreeMap<(SecretName, usize), i64>,
    /// Streams under way: with which secret, and until when.
    pub(crate) streams: Vec<(SecretName, i64)>,
}

impl Gate {
    pub(crate) fn new(name: &str, now: i64) -> Self {
        Self {
            name: name.to_owned(),
            snapshot: None,
            heard_at: now,
            alive: true,
            silent: false,
            told_at: now,
            told: None,
            told_open: Vec::new(),
            stopped: false,
            tallies: BTreeMap::new(),
            needs: BTreeMap::new(),
            streams: Vec::new(),
        }
    }

    /// As the database has it.
    pub(crate) fn row(&self) -> Node {
        Node {
            id: self.name.clone(),
            name: self.name.clone(),
            role: NodeRole::All,
            version: "1".to_owned(),
            started_at: Timestamp::from_millis(0),
            last_seen_at: Timestamp::from_millis(self.told_at),
            incarnation: if self.told.is_some() { "inc".to_owned() } else { String::new() },
            revision: self.told,
            max_staleness: Span::from_millis(MAX_STALENESS),
            stopped: self
                .stopped
                .then(|| Stopped { at: Timestamp::from_millis(self.told_at), by: "token:ops".to_owned() }),
        }
    }

    fn die(&mut self) {
        self.alive = false;
        self.snapshot = None;
        self.tallies.clear();
        self.needs.clear();
        self.streams.clear();
    }
}

impl World {
    /// What happens to nodes, and what they hear and tell.
    pub(crate) fn nodes(&mut self) {
        for at in 0..self.nodes.len() {
            let (dies, silent, late) = (self.scenario.dies, self.scenario.silent, self.scenario.late);
            if !self.nodes[at].alive {
                if self.dice.falls(100) {
                    self.nodes[at].alive = true;
                    self.nodes[at].silent = false;
                    self.nodes[at].stopped = false;
                    self.say(format!("{} starts", self.nodes[at].name));
                } else {
                    continue;
                }
            } else if self.dice.falls(dies) {
                // What it had not told is lost, to everybody.
                let told_at = self.nodes[at].told_at;
                for known in self.needed.values_mut() {
                    known.retain(|(when, node)| *node != at || *when < told_at);
                }
                self.nodes[at].die();
                self.say(format!("{} dies", self.nodes[at].name));
                continue;
            }
            if self.nodes[at].silent {
                self.nodes[at].silent = !self.dice.falls(60);
            } else if self.dice.falls(silent) {
                self.nodes[at].silent = true;
                self.say(format!("{} is cut off", self.nodes[at].name));
            }
            let now = self.t;
            if self.nodes[at].silent {
                if now - self.nodes[at].heard_at > MAX_STALENESS {
                    // It stops serving, and what is under way ends with it.
                    self.nodes[at].snapshot = None;
                    self.nodes[at].streams.clear();
                }
                self.nodes[at].streams.retain(|(_, until)| *until > now);
                continue;
            }
            let published = self.published.clone();
            let late = self.nodes[at].snapshot.is_some() && self.dice.falls(late);
            self.hear(at, if late { None } else { Some(published) });
        }
    }

    fn hear(&mut self, at: usize, snapshot: Option<Rc<Published>>) {
        let now = self.t;
        let node = &mut self.nodes[at];
        node.heard_at = now;
        if let Some(snapshot) = snapshot {
            node.snapshot = Some(snapshot);
            // What is withdrawn ends the streams that began with it.
            let over: Vec<SecretName> =
                self.runs.iter().filter(|run| run.is_withdrawn()).map(|run| run.now.outgoing.clone()).collect();
            node.streams.retain(|(secret, _)| !over.contains(secret));
        }
        node.streams.retain(|(_, until)| *until > now);
        node.told_at = now;
        node.told = node.snapshot.as_ref().map(|snapshot| snapshot.revision);
        node.told_open = node.streams.iter().map(|(secret, _)| secret.clone()).collect();
        for ((run, environment, upstream), tally) in std::mem::take(&mut node.tallies) {
            self.runs[run].tallies.entry((environment, upstream)).or_default().push(tally);
        }
        for (key, at) in std::mem::take(&mut node.needs) {
            let last = self.reported.entry(key).or_insert(at);
            *last = at.max(*last);
        }
    }

    /// A tick's traffic.
    pub(crate) fn traffic(&mut self) {
        for at in 0..self.nodes.len() {
            let Some(snapshot) = self.nodes[at].snapshot.clone().filter(|_| self.nodes[at].alive) else { continue };
            for binding in &snapshot.bindings {
                let most = self.scenario.rate;
                let share = if self.nodes.len() == 1 { most } else { most.div_ceil(2) };
                for _ in 0..self.dice.below(share * 2 + 1) {
                    self.request(at, binding);
                }
            }
        }
    }

    fn ask(&mut self, binding: &Binding, secrets: &[&SecretName], garbage: bool) -> Answer {
        let unclear = self.scenario.unclear;
        if self.dice.falls(unclear) {
            return Answer::Unclear;
        }
        if garbage {
            return Answer::Dead;
        }
        let answers = secrets.iter().map(|name| self.secrets[*name].truth.at(binding.view.upstream, self.t));
        let answers: Vec<Answer> = answers.collect();
        let first = |answer| answers.contains(&answer).then_some(answer);
        first(Answer::Dead).or_else(|| first(Answer::Forbidden)).unwrap_or(Answer::Alive)
    }

    /// One request, as a gateway serves it.
    fn request(&mut self, at: usize, binding: &Binding) {
        let scenario = &self.scenario;
        let (garbage_share, from) = (scenario.garbage, scenario.garbage_from);
        let (good, bad) = (scenario.replayable, scenario.garbage_replayable);
        let garbage = self.tick >= from && self.dice.falls(garbage_share);
        let replayable = self.dice.falls(if garbage { bad } else { good });
        let named: Vec<&SecretName> = binding.view.secrets.iter().collect();
        let Some(trial) = &binding.trial else {
            for name in named {
                self.need(at, name, binding.environment);
            }
            return;
        };
        let swapped = |from: &SecretName, to| -> Vec<&SecretName> {
            named.iter().map(|name| if **name == *from { to } else { *name }).collect()
        };
        let (with_outgoing, with_incoming) = if trial.canary {
            (named.clone(), swapped(&trial.outgoing, &trial.incoming))
        } else {
            (swapped(&trial.incoming, &trial.outgoing), named.clone())
        };
        let drawn = self.dice.next();
        let usable = !trial.canary || !self.secrets[&trial.incoming].unusable;
        let picks = usable && (replayable || !trial.careful) && trial.weight.includes(drawn);
        let key = (trial.run, binding.environment, binding.view.upstream);
        let judged =
            |answer: Answer| if answer == Answer::Dead && !binding.view.judges { Answer::Unclear } else { answer };
        if self.dice.falls(3) {
            let until = self.t + 60_000 * i64::try_from(1 + self.dice.below(90)).unwrap();
            let secret = if picks { &trial.incoming } else { &trial.outgoing };
            self.nodes[at].streams.push((secret.clone(), until));
        }
        if !picks {
            let answer = judged(self.ask(binding, &with_outgoing, garbage));
            self.need(at, &trial.outgoing, binding.environment);
            self.count(
                at,
                key,
                match answer {
                    Answer::Alive => Sign::OutgoingAlive,
                    Answer::Dead => Sign::OutgoingDead,
                    _ => Sign::OutgoingUnclear,
                },
            );
            return;
        }
        let answer = judged(self.ask(binding, &with_incoming, garbage));
        self.need(at, &trial.incoming, binding.environment);
        let sign = match answer {
            Answer::Alive => Sign::Alive,
            Answer::Forbidden => Sign::Refused,
            Answer::Unclear => Sign::Unclear,
            Answer::Dead if binding.view.shield && replayable => {
                match judged(self.ask(binding, &with_outgoing, garbage)) {
                    Answer::Alive => Sign::Pair,
                    Answer::Dead => Sign::BothDead,
                    _ => Sign::Unpaired,
                }
            }
            Answer::Dead => Sign::Unpaired,
        };
        if sign == Sign::Alive {
            *self.runs[trial.run].taken.entry((binding.environment, binding.view.upstream)).or_default() += 1;
        }
        if sign == Sign::Pair {
            self.need(at, &trial.outgoing, binding.environment);
        }
        self.count(at, key, sign);
        if answer == Answer::Dead && !garbage {
            self.check_request(binding, trial, sign, replayable, &with_outgoing);
        }
    }

    fn need(&mut self, at: usize, secret: &SecretName, environment: usize) {
        let key = (secret.clone(), environment);
        self.nodes[at].needs.insert(key.clone(), self.t);
        let known = self.needed.entry(key).or_default();
        if known.last() != Some(&(self.t, at)) {
            known.push((self.t, at));
        }
    }

    fn count(&mut self, at: usize, key: (usize, usize, usize), sign: Sign) {
        let tally = self.nodes[at].tallies.entry(key).or_default();
        tally.at = self.t;
        match sign {
            Sign::Alive => tally.counts.alive += 1,
            Sign::Pair => tally.counts.pairs += 1,
            Sign::OutgoingAlive => tally.counts.outgoing_alive += 1,
            Sign::OutgoingDead => tally.counts.outgoing_dead += 1,
            Sign::Unpaired => tally.counts.unpaired += 1,
            _ => {}
        }
        tally.doubtful += u64::from(matches!(sign, Sign::BothDead | Sign::Unpaired));
    }
}
