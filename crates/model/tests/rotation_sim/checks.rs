//! What must hold, asked after every step.

use std::collections::{BTreeMap, BTreeSet};

use model::name::SecretName;
use model::rotation::{Action, Basis, Entry, Event, Evidence, Manner, Reading, State, Step, Trouble, act};
use model::route::Reference;
use model::snapshot::Sign;

use crate::gateway::MAX_STALENESS;
use crate::routes::{Binding, Trial, upstream};
use crate::truth::Truth;
use crate::world::{SYSTEM, World};

impl World {
    /// No request fails because of a rotation.
    pub(crate) fn check_request(
        &self,
        binding: &Binding,
        trial: &Trial,
        sign: Sign,
        replayable: bool,
        with_outgoing: &[&SecretName],
    ) {
        let run = &self.runs[trial.run];
        let to = binding.view.upstream;
        let takes = |name: &&SecretName| self.secrets[*name].truth.at(to, self.t) == crate::truth::Answer::Alive;
        let outgoing_works = with_outgoing.iter().all(takes);
        if !binding.view.judges || !outgoing_works || sign == Sign::Pair {
            return;
        }
        // What came to the second try was an answer of another kind, or none.
        let tried_again = replayable && binding.view.shield;
        assert!(
            !(tried_again && sign == Sign::BothDead),
            "a request failed that the outgoing credential would have saved"
        );
        if !replayable && trial.canary {
            let place = (binding.environment, binding.route, to);
            assert!(
                run.vetted.contains(&place),
                "a request that cannot be sent again met a dead credential that nobody found healthy at {place:?}"
            );
        }
    }

    /// One canary per route and environment, and a shield wherever one is owed.
    pub(crate) fn check_published(&self) {
        let mut canaries: BTreeMap<(usize, usize), &str> = BTreeMap::new();
        for run in &self.runs {
            let Some(share) = &run.traffic.canary else { continue };
            let environment = self.place(&share.environment);
            for (at, route) in self.routes.iter().enumerate() {
                let Some(view) = route.views.get(&environment) else { continue };
                let name = &route.spec.name;
                if view.secrets.contains(&run.now.outgoing)
                    && share.careful_at(name, &upstream(view.upstream)).is_some()
                {
                    let other = canaries.insert((at, environment), &run.now.id);
                    assert_eq!(other, None, "a second canary in one route and environment: {}", run.now.id);
                }
            }
        }
        for binding in self.published.bindings.iter().filter(|binding| binding.view.shield) {
            let (route, environment) = (&self.routes[binding.route].spec.name, &self.environments[binding.environment]);
            let owed = self.runs.iter().any(|run| {
                run.now.is_live()
                    && !run.is_withdrawn()
                    && run.moved(route, environment)
                    && binding.view.secrets.contains(&run.now.incoming)
                    && !binding.view.secrets.contains(&run.now.outgoing)
            });
            assert!(!owed || binding.trial.is_some(), "{route} in {environment} has lost its shield");
        }
        let mut live = BTreeMap::new();
        for run in self.runs.iter().filter(|run| run.now.is_live()) {
            let other = live.insert(&run.now.outgoing, &run.now.id);
            assert_eq!(other, None, "a second live rotation of {}", run.now.outgoing);
        }
        for route in &self.routes {
            for one in &route.references {
                assert!(
                    !self.secrets[&one.secret].deleted,
                    "{} names {}, which is deleted",
                    route.spec.name, one.secret
                );
            }
        }
    }

    /// After an event was committed.
    pub(crate) fn check_event(&mut self, at: usize) {
        let run = &self.runs[at];
        let entry = run.log.last().unwrap().clone();
        let by_itself = entry.actor == SYSTEM;
        match &entry.event {
            Event::StageBegan { .. } | Event::CanaryStep { .. } if by_itself => self.check_advance(at),
            Event::Promoted { healthy, changes, environment, .. } => {
                self.check_basis(at, healthy.basis(), environment, changes.is_empty());
                let unusable = self.secrets[&run.now.incoming].unusable && !changes.is_empty();
                assert!(!unusable, "templates name what cannot be used");
                if by_itself {
                    self.check_advance(at);
                }
            }
            Event::Probed { .. } if run.now.has_moved() => {
                let lately = |entry: &&Entry| matches!(entry.event, Event::Probed { .. });
                let probes: Vec<i64> =
                    run.log.iter().rev().take_while(lately_or_began).filter(lately).map(|e| e.at.as_millis()).collect();
                assert!(probes.len() < 5 || probes[0] - probes[4] > 120_000, "it probes without a pause");
            }
            Event::RolledBack { why, .. } => self.check_roll_back(at, why, by_itself),
            _ => {}
        }
        self.vet(at, &entry.event);
    }

    /// What nobody can judge goes on only at an operator's word.
    fn check_advance(&self, at: usize) {
        let run = &self.runs[at];
        let evidence = self.evidence(at);
        let stage = match &run.log.last().unwrap().event {
            Event::Promoted { environment, .. } | Event::StageBegan { environment, .. } => environment,
            Event::CanaryStep { environment, .. } => environment,
            _ => return,
        };
        let blind = evidence.places.iter().any(|place| {
            let here = place.spot.environment == *stage;
            here && !place.has_dead_rules && !evidence.probe.reach(stage)
        });
        let released = run.log.iter().any(|entry| matches!(entry.event, Event::Advanced) && entry.actor != SYSTEM);
        assert!(!blind || released, "it went on in {stage}, where nothing can judge it");
    }

    fn check_basis(&self, at: usize, basis: &Basis, environment: &model::name::EnvironmentName, unchanged: bool) {
        let run = &self.runs[at];
        let never = self.secrets[&run.now.incoming].truth == Truth::Invalid;
        match basis {
            Basis::Traffic { judged } => {
                assert!(*judged >= 3 && !never, "a dead credential was found healthy by {judged} answers");
                let place = self.place(environment);
                assert!(run.taken.iter().any(|((there, _), taken)| *there == place && *taken >= 3));
            }
            Basis::Probe { at } => {
                let alive = run.log.iter().any(|entry| {
                    entry.at <= *at && matches!(entry.event, Event::Probed { reading: Reading::Alive, .. })
                });
                assert!(alive && !never, "no probe found it alive");
            }
            Basis::Attested { by } => assert!(by != SYSTEM && run.vouched, "nobody vouched for it"),
            Basis::Unsent => assert!(unchanged, "templates changed though nothing was known"),
        }
    }

    fn check_roll_back(&self, at: usize, why: &Trouble, by_itself: bool) {
        let run = &self.runs[at];
        for (route, before) in run.references.iter().enumerate() {
            if !run.touched.contains(&route) {
                let (now, name) = (&self.routes[route].references, &self.routes[route].spec.name);
                assert_eq!(spelled_alike(now), spelled_alike(before), "{name} is not as it was");
            }
        }
        let good = self.secrets[&run.now.incoming].truth == Truth::Valid;
        if good && by_itself && self.routes.iter().all(|route| route.views.values().all(|view| view.shield)) {
            let caused = matches!(why, Trouble::Rejected { .. } | Trouble::ProbedDead);
            assert!(!caused, "a good credential was rolled back: {why:?}");
        }
    }

    fn vet(&mut self, at: usize, event: &Event) {
        let run = &self.runs[at];
        let found = match (event, &run.now.state) {
            (Event::FoundHealthy { .. }, _) => true,
            (Event::StageBegan { .. }, State::Canary(canary)) => canary.healthy.is_some(),
            (Event::UpstreamChanged { .. }, _) => {
                let gone = run.now.stage().map(|stage| self.place(&stage.environment));
                self.runs[at].vetted.retain(|(environment, ..)| Some(*environment) != gone);
                false
            }
            _ => false,
        };
        if found {
            let places = self.evidence(at).places;
            let places: Vec<_> = places
                .iter()
                .map(|place| {
                    let (route, environment) = (self.route(&place.spot.route), self.place(&place.spot.environment));
                    (environment, route, self.routes[route].views[&environment].upstream)
                })
                .collect();
            self.runs[at].vetted.extend(places);
        }
    }

    /// Of what was decided, before it is done.
    pub(crate) fn check_step(&mut self, at: usize, step: &Step, evidence: &Evidence) {
        let run = &self.runs[at];
        let now = self.clock();
        if self.tick.is_multiple_of(16) {
            assert_eq!(model::rotation::decide(&run.now, evidence, now), *step, "asked twice, it says two things");
            if run.now.is_live() && !run.is_withdrawn() {
                let back = Action::RollBack { note: String::new() };
                assert!(act(&run.now, &back, "token:ops", None, evidence, now).is_ok(), "there is no way back");
            }
        }
        match step {
            Step::Delete(_) => self.check_deletion(at, "the rotation"),
            Step::Withdraw(..) => self.check_withdrawal(at),
            _ => {}
        }
    }

    /// Whether the outgoing credential was really needed in the soak, by true time: as far as a node that is heard of could
    /// have told.
    fn needed_in_soak(&self, at: usize) -> Option<i64> {
        let run = &self.runs[at];
        let here = |environment: usize| {
            let name = &self.environments[environment];
            run.now.plan.stages.is_empty() || run.now.plan.stages.iter().any(|stage| stage.environment == *name)
        };
        let slack = 2 * self.jumped;
        let window = self.t - run.now.plan.final_soak().as_millis() + slack + 1..self.t - 1;
        let uses = self.needed.iter().filter(|((secret, there), _)| *secret == run.now.outgoing && here(*there));
        let told = |node: usize| self.nodes[node].alive && !self.nodes[node].silent;
        uses.flat_map(|(_, uses)| uses).filter(|(at, node)| window.contains(at) && told(*node)).map(|(at, _)| *at).max()
    }

    fn check_withdrawal(&self, at: usize) {
        let run = &self.runs[at];
        if let Some(needed) = self.needed_in_soak(at) {
            panic!("{} was needed {}s ago", run.now.outgoing, (self.t - needed) / 1_000);
        }
        for node in self.nodes.iter().filter(|node| node.alive && !node.stopped) {
            let Some(snapshot) = &node.snapshot else { continue };
            assert!(snapshot.revision >= run.now.cut_over_revision(), "{} is behind", node.name);
        }
    }

    pub(crate) fn check_deletion(&self, at: usize, by: &str) {
        let run = &self.runs[at];
        self.check_withdrawal(at);
        let outgoing = &run.now.outgoing;
        let now = self.needed.iter().filter(|((secret, _), _)| secret == outgoing).flat_map(|(_, uses)| uses);
        assert!(now.clone().all(|(at, _)| *at < self.t), "{by} deletes what is being used");
        for route in &self.routes {
            assert!(!route.mentions(outgoing), "{by} deletes what {} names", route.spec.name);
        }
        for node in self.nodes.iter().filter(|node| node.alive) {
            let names = |binding: &Binding| {
                let behind = binding.trial.as_ref().is_some_and(|trial| trial.outgoing == *outgoing);
                behind || binding.view.secrets.contains(outgoing)
            };
            let serves = self.t - node.heard_at <= MAX_STALENESS;
            if let Some(snapshot) = node.snapshot.as_ref().filter(|_| serves) {
                assert!(!snapshot.bindings.iter().any(names), "{by} deletes what {} serves", node.name);
            }
            let open = node.streams.iter().any(|(secret, _)| secret == outgoing);
            assert!(!open, "{by} deletes what a stream of {} began with", node.name);
        }
        let needs = self.runs.iter().any(|other| other.now.is_live() && other.now.incoming == *outgoing);
        assert!(!needs, "{by} deletes what another rotation brings");
    }

    /// How a calm run has to end.
    pub(crate) fn check_end(&self) {
        let Some(run) = self.runs.first() else { return };
        let (plan, word) = (&run.now.plan, run.now.word());
        let told = format!("{word} after {} ticks", self.tick);
        match self.secrets[&run.now.incoming].truth {
            // Nothing names it, and the soak of two days is longer than a run.
            _ if plan.stages.is_empty() => assert!(matches!(word, "watching" | "needs_operator"), "{told}"),
            Truth::Valid => match plan.delete_outgoing {
                Manner::Automatic => assert_eq!(word, "completed", "{told}"),
                Manner::Manual => assert!(matches!(word, "withdrawn" | "completed"), "{told}"),
            },
            // It goes back, or is found out before it gets any traffic.
            Truth::Invalid => assert!(
                matches!(run.now.state, State::RolledBack { .. }) || (word == "needs_operator" && !run.now.has_moved()),
                "{told}"
            ),
            _ => {}
        }
    }
}

/// What takes effect, two spellings of one header being one, and which secrets are named at all: a mention may move from
/// an environment to the base that it inherits.
fn spelled_alike(references: &[Reference]) -> BTreeSet<(String, Option<String>, String)> {
    let effective = references.iter().filter_map(|one| Some((one, one.environment.as_ref()?)));
    let effective = effective.map(|(one, at)| (one.secret.to_string(), Some(at.to_string()), one.field.to_lowercase()));
    let named = references.iter().map(|one| (one.secret.to_string(), None, String::new()));
    effective.chain(named).collect()
}

fn lately_or_began(entry: &&Entry) -> bool {
    matches!(entry.event, Event::Probed { .. } | Event::ProbeBegan)
}
