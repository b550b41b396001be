//! What must hold, asked from outside when a seed is over.

use std::collections::BTreeSet;

use model::name::EnvironmentName;
use model::rotation::{Basis, Event, Manner, Reading, State, Trouble};
use model::route::{RouteSpec, effective, references};

use crate::logs::Log;
use crate::provider::Delivery;
use crate::requests::Sent;
use crate::run::{Run, Started, spelled_alike};
use crate::scenario::Temper;
use crate::truth::{Answer, Truth};

/// How far two readings of one clock are apart, at most.
const SLACK: i64 = 50;
/// How much later than it is needed the counts may be stored.
const LATE: i64 = 2_500;
const SYSTEM: &str = "system:rotate";

impl Run<'_> {
    pub(crate) fn check(&mut self) {
        let logs: Vec<Log> = self.rotations.iter().map(|one| Log::read(self.hall, &one.id)).collect();
        for entry in logs.iter().flat_map(|log| log.entries.iter().map(move |entry| (&log.now.id, entry))) {
            let (id, entry) = entry;
            let (at, told) = (entry.at.as_millis() - self.began, serde_json::to_string(&entry.event).unwrap());
            self.story.push(format!("     {at:>6} ms {id} {} {told}", entry.actor));
        }
        self.count(&logs);
        for (at, log) in logs.iter().enumerate() {
            self.check_bases(log);
            self.check_roll_back(at, &logs);
            self.check_deletion(log);
            self.check_soak(log);
        }
        self.check_alone(&logs);
        self.check_routes(&logs);
        for sent in &self.odd {
            self.check_answer(sent, &logs);
        }
        if self.scenario.temper == Temper::Calm {
            self.check_end(&logs);
        }
    }

    /// Tells what was reached, so that a simulation that has become blind is found out.
    fn count(&self, logs: &[Log]) {
        for log in logs {
            self.hall.saw(&format!("state {}", log.now.word()), 1);
            for entry in &log.entries {
                let whose = if entry.actor == SYSTEM { "itself" } else { "operators" };
                self.hall.saw(&format!("event {} by {whose}", entry.event.word()), 1);
            }
        }
        let tries = (0..self.sent).map(|number| self.hall.provider.deliveries(&format!("s{}-{number}.1", self.seed)));
        let twice = |tries: &Vec<Delivery>| tries.len() == 2 && tries[0].answer == Answer::Dead;
        let saved = tries.filter(|tries| twice(tries) && tries[1].answer == Answer::Alive).count();
        self.hall.saw("request sent", self.sent);
        if saved > 0 {
            self.hall.saw("request saved by the shield", saved);
        }
        self.hall.saw("request without success", self.odd.len());
    }

    fn truth(&self, secret: &str) -> Truth {
        self.truths[secret]
    }

    /// Templates name what was judged, tried out, or vouched for by a person; and that is no dead value.
    fn check_bases(&self, log: &Log) {
        let never = self.truth(log.now.incoming.as_str()) == Truth::Invalid;
        for (at, entry) in log.entries.iter().enumerate() {
            let Event::Promoted { healthy, changes, .. } = &entry.event else { continue };
            match healthy.basis() {
                Basis::Traffic { judged } => {
                    assert!(*judged >= 3 && !never, "a dead value was found healthy by {judged} answers");
                }
                Basis::Probe { at: tried } => {
                    let alive = log.entries[..at].iter().any(|earlier| {
                        earlier.at == *tried && matches!(earlier.event, Event::Probed { reading: Reading::Alive, .. })
                    });
                    assert!(alive && !never, "no probe found it alive");
                }
                Basis::Attested { by } => assert!(by != SYSTEM && entry.actor != SYSTEM, "nobody vouched for it"),
                Basis::Unsent => assert_eq!(changes.len(), 0, "templates changed though nothing was known"),
            }
        }
    }

    /// Every place names what it named before, unless somebody edited it; and a good value goes back at somebody's word only.
    fn check_roll_back(&self, at: usize, logs: &[Log]) {
        let (one, log) = (&self.rotations[at], &logs[at]);
        let State::RolledBack { why } = &log.now.state else { return };
        let by_itself =
            log.entries.iter().any(|entry| matches!(entry.event, Event::RolledBack { .. }) && entry.actor == SYSTEM);
        let good = self.truth(&one.incoming) == Truth::Valid;
        let shield = |route: &RouteSpec, name: &EnvironmentName| effective(route, name).is_none_or(|one| one.shield);
        let shielded = self.routes.iter().all(|route| route.environments.keys().all(|name| shield(route, name)));
        if good && by_itself && shielded {
            let caused = matches!(why, Trouble::Rejected { .. } | Trouble::ProbedDead);
            assert!(!caused, "a good value was rolled back: {why:?}");
        }
        let now = self.named();
        for (route, before) in &one.before {
            let by_others = logs.iter().enumerate().any(|(other, log)| other != at && log.changed(route));
            if !by_others && !self.touched.contains_key(route) {
                assert_eq!(&now[route], before, "{route} is not as it was before {}", one.id);
            }
        }
    }

    /// Nothing carries what is deleted.
    fn check_deletion(&self, log: &Log) {
        let deleted = log.entries.iter().find(|entry| matches!(entry.event, Event::Deleted { .. }));
        let Some(deleted) = deleted else { return };
        let outgoing = log.now.outgoing.as_str();
        let last = self.hall.provider.last_use(outgoing).unwrap_or(0);
        let after = last - deleted.at.as_millis();
        assert!(after <= SLACK, "{outgoing} was sent {after} ms after its deletion");
        for (name, route) in self.named() {
            assert!(!route.contains(outgoing), "{name} names {outgoing}, which is deleted");
        }
    }

    /// Nothing was sent with the outgoing value as the first choice while it was watched, as far as a node could tell.
    fn check_soak(&self, log: &Log) {
        let withdrawn = log.entries.iter().find(|entry| matches!(entry.event, Event::Withdrawn { .. }));
        let Some(withdrawn) = withdrawn else { return };
        let (soak, at) = (log.now.plan.final_soak().as_millis(), withdrawn.at.as_millis());
        let window = at - soak + 10 * SLACK..at - LATE;
        if self.hall.was_disturbed(at - soak) {
            return;
        }
        let planned = |name: &EnvironmentName| log.now.plan.stages.iter().any(|stage| stage.environment == *name);
        // Where the plan leaves an environment out, it goes on being needed there.
        if !self.environments.iter().all(planned) {
            return;
        }
        for number in 0..self.sent {
            let first = self.hall.provider.deliveries(&format!("s{}-{number}.1", self.seed)).into_iter().next();
            let Some(first) = first.filter(|first| window.contains(&first.at)) else { continue };
            let needed = first.secrets.iter().any(|secret| *secret == log.now.outgoing.as_str());
            assert!(!needed, "{} was needed {} ms before its end", log.now.outgoing, at - first.at);
        }
    }

    /// One live rotation per outgoing secret, and one canary per route and environment.
    fn check_alone(&self, logs: &[Log]) {
        for (at, log) in logs.iter().enumerate() {
            for other in &logs[at + 1..] {
                if log.now.outgoing == other.now.outgoing {
                    let ended = log.ended_at().unwrap_or_else(|| panic!("two live rotations of {}", log.now.outgoing));
                    assert!(ended <= other.now.started_at.as_millis() + SLACK, "two rotations of one secret at a time");
                }
                for (place, from, to) in log.canaries() {
                    for (same, begins, ends) in other.canaries() {
                        let apart = place != same || to <= begins + SLACK || ends <= from + SLACK;
                        assert!(apart, "two canaries at a time in {place:?}: {} and {}", log.now.id, other.now.id);
                    }
                }
            }
        }
    }

    /// What routes name is there, and came there by a promotion or by hand.
    fn check_routes(&self, logs: &[Log]) {
        for name in self.route_names() {
            let spec = self.route(&name).0;
            let secrets: BTreeSet<String> = references(&spec).into_iter().map(|one| one.secret.to_string()).collect();
            for secret in secrets {
                let told = self.hall.get(&format!("/v1/secrets/{secret}"));
                let still = spelled_alike(&self.route(&name).0).contains(&secret);
                assert!(told["state"] == "active" || !still, "{name} names {secret}, which is {}", told["state"]);
                let brought = self.rotations.iter().position(|one| one.incoming == secret);
                if let Some(at) = brought.filter(|_| still && !self.touched.contains_key(&name)) {
                    assert!(logs[at].changed(&name), "{name} names {secret}, which was not promoted there");
                }
            }
        }
    }

    /// No request failed that a valid value would have saved.
    fn check_answer(&self, sent: &Sent, logs: &[Log]) {
        let deliveries = self.hall.provider.deliveries(&sent.id);
        let met = |answer: Answer| deliveries.iter().any(|one| one.answer == answer);
        let own = sent.proxy.contains("error=");
        if met(Answer::Unclear) || (sent.status == 403 && met(Answer::Forbidden)) {
            return;
        }
        assert!(sent.status == 401 && !own, "{sent:?} {deliveries:?}");
        let Some(first) = deliveries.first().filter(|_| !sent.request.garbage) else {
            assert!(sent.request.garbage, "{sent:?} was not answered by the provider");
            return;
        };
        for (one, log) in self.rotations.iter().zip(logs) {
            if first.secrets.contains(&one.incoming) && !self.is_excused(sent, &deliveries, one, log, logs) {
                panic!("a request failed that {} would have saved: {sent:?} {deliveries:?}", one.outgoing);
            }
        }
    }

    /// Whether the outgoing value would not have helped, or could not be tried by what is promised.
    fn is_excused(&self, sent: &Sent, deliveries: &[Delivery], one: &Started, log: &Log, logs: &[Log]) -> bool {
        let first = &deliveries[0];
        let with_outgoing = |delivery: &Delivery, at: i64| {
            let takes = |name: &String| {
                let name = if *name == one.incoming { &one.outgoing } else { name };
                self.truth(name).at(delivery.upstream, at) == Answer::Alive
            };
            delivery.secrets.iter().all(takes)
        };
        let helps = deliveries.iter().all(|one| [-SLACK, 0, SLACK].iter().all(|by| with_outgoing(one, one.at + by)));
        let route = &self.routes[sent.request.route];
        let environment = &self.environments[sent.request.environment];
        let settings = effective(route, environment);
        let unjudged = settings.as_ref().is_none_or(|one| one.judgement.dead.is_empty());
        let unshielded = settings.is_none_or(|one| !one.shield);
        let vetted = log.entries.iter().filter(|entry| entry.at.as_millis() <= first.at + SLACK).any(|entry| {
            match &entry.event {
                Event::FoundHealthy { environment: place, .. } | Event::Promoted { environment: place, .. } => {
                    place == environment
                }
                Event::Probed { reading, .. } => *reading == Reading::Alive,
                _ => false,
            }
        });
        // A canary of another rotation stands before the shield of this one.
        let shared = self.rotations.iter().zip(logs).any(|(other, log)| {
            let both = first.secrets.contains(&other.outgoing) || first.secrets.contains(&other.incoming);
            other.id != one.id && both && log.now.started_at.as_millis() <= first.at
        });
        let by_hand = self.touched.get(route.name.as_str()).is_some_and(|at| *at <= first.at + SLACK);
        let goes_unshielded = if sent.request.replayable { unshielded } else { vetted };
        !helps || unjudged || goes_unshielded || log.withdrawn_by(first.at + SLACK) || shared || by_hand
    }

    /// How a calm seed has to end.
    fn check_end(&self, logs: &[Log]) {
        let (one, log) = (&self.rotations[0], &logs[0]);
        let (plan, word) = (&log.now.plan, log.now.word());
        match self.truth(&one.incoming) {
            // Nothing names it, and the soak of two days is longer than a run.
            _ if plan.stages.is_empty() => assert!(matches!(word, "watching" | "needs_operator"), "{word}"),
            Truth::Valid => match plan.delete_outgoing {
                Manner::Automatic => assert_eq!(word, "completed"),
                Manner::Manual => assert!(matches!(word, "withdrawn" | "completed"), "{word}"),
            },
            _ => {
                let found_out = word == "needs_operator" && !log.now.has_moved();
                assert!(matches!(log.now.state, State::RolledBack { .. }) || found_out, "{word}");
            }
        }
    }
}

impl Log {
    /// Whether it changed the templates of a route.
    fn changed(&self, route: &str) -> bool {
        self.entries.iter().any(|entry| match &entry.event {
            Event::Promoted { changes, .. } | Event::RolledBack { changes, .. } => {
                changes.iter().any(|change| change.route.as_str() == route)
            }
            _ => false,
        })
    }

    /// Its canaries: route and environment, from when until when.
    fn canaries(&self) -> Vec<((String, String), i64, i64)> {
        let mut found = Vec::new();
        for (at, entry) in self.entries.iter().enumerate() {
            let Event::StageBegan { environment, routes, .. } = &entry.event else { continue };
            let ends = |event: &Event| {
                matches!(event, Event::Promoted { .. } | Event::RolledBack { .. } | Event::RouteLeft { .. })
            };
            let end = self.entries[at..].iter().find(|later| ends(&later.event));
            let end = end.map_or(i64::MAX, |later| later.at.as_millis());
            for (route, _) in routes {
                found.push(((route.to_string(), environment.to_string()), entry.at.as_millis(), end));
            }
        }
        found
    }
}
