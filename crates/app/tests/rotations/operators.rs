//! Operators, by the admin API: they start rotations, have their say in them, and edit by hand.

use model::rotation::{Action, Manner, Per, WORKS, Wish};
use model::time::Span;
use serde_json::{Value, json};
use testkit::Reply;

use crate::hall::Who;
use crate::provider::now;
use crate::run::{Run, Started};
use crate::scenario::Temper;
use crate::truth::Truth;
use crate::wishes;

/// The tick in which some seeds begin to replace the other secret as well, of which two routes may have both.
const SECOND: usize = 6;

impl Run<'_> {
    pub(crate) fn first_start(&mut self) {
        let alpha = format!("s{}_alpha", self.seed);
        self.start(&alpha);
    }

    /// What operators do in a simulated tick.
    pub(crate) fn operators(&mut self) {
        if self.tick == SECOND && self.seed.is_multiple_of(3) && self.rotations.len() < 2 {
            let beta = format!("s{}_beta", self.seed);
            self.start(&beta);
        }
        let acts = self.scenario.acts;
        if !self.dice.falls(acts) {
            if self.dice.falls(60) {
                self.help();
            }
            return;
        }
        match self.dice.below(20) {
            0 | 1 => {
                let names: Vec<String> = self.truths.keys().cloned().collect();
                let name = self.dice.pick(&names).clone();
                self.start(&name);
            }
            2..=5 => self.edit(),
            6 | 8 => self.delete(),
            9 => self.attest(),
            _ if self.rotations.is_empty() => {}
            _ => {
                let at = self.dice.below(self.rotations.len());
                let action = wishes::action(&mut self.dice);
                let who = *self.dice.pick(&[Who::Admin, Who::Other]);
                self.ask(at, &action, who);
            }
        }
    }

    /// Somebody does at last what is waited for.
    fn help(&mut self) {
        for at in 0..self.rotations.len() {
            let told = self.hall.get(&format!("/v1/rotations/{}", self.rotations[at].id));
            let action = match told["state"].as_str().unwrap() {
                "awaiting_approval" => Action::Approve { reason: "fine".to_owned() },
                "held" => Action::Resume,
                "needs_operator" if self.dice.falls(500) => Action::RollBack { note: "no way".to_owned() },
                "needs_operator" => Action::Resume,
                "waiting" | "canary" => Action::Advance,
                _ => continue,
            };
            self.ask(at, &action, Who::Other);
        }
    }

    fn ask(&mut self, at: usize, action: &Action, who: Who) {
        let path = format!("/v1/rotations/{}/{}", self.rotations[at].id, action.word());
        let body = match action {
            Action::Approve { reason } => json!({"reason": reason}),
            Action::Hold { note } | Action::RollBack { note } | Action::Abandon { note } => json!({"note": note}),
            Action::Advance | Action::Promote if self.tick.is_multiple_of(2) => {
                json!({"environment": self.dice.pick(&self.environments)})
            }
            _ => json!({}),
        };
        let body = Some(body).filter(|_| !matches!(action, Action::Resume));
        self.change(who, "POST", &path, body.as_ref(), &[200, 409]);
    }

    fn attest(&mut self) {
        if self.rotations.is_empty() {
            return;
        }
        let id = self.rotations[self.dice.below(self.rotations.len())].id.clone();
        if self.dice.falls(250) {
            self.change(
                Who::Admin,
                "DELETE",
                &format!("/v1/rotations/{id}/attest/{WORKS}"),
                None,
                &[200, 204, 404, 409],
            );
        } else {
            let body = json!({"step": WORKS, "note": "seen", "not_applicable": self.dice.falls(200)});
            self.change(Who::Admin, "POST", &format!("/v1/rotations/{id}/attest"), Some(&body), &[200, 409]);
        }
    }

    fn delete(&mut self) {
        if self.rotations.is_empty() {
            return;
        }
        let outgoing = self.rotations[self.dice.below(self.rotations.len())].outgoing.clone();
        self.change(Who::Admin, "DELETE", &format!("/v1/secrets/{outgoing}"), None, &[204, 404, 409]);
    }

    /// Edits a route by hand.
    fn edit(&mut self) {
        let names = self.route_names();
        let name = self.dice.pick(&names).clone();
        let path = format!("/v1/routes/{name}");
        match self.dice.below(5) {
            0 | 4 => {
                let body = json!({"base": {"upstream": self.hall.provider.url(self.dice.below(2))}});
                self.change(Who::Admin, "PATCH", &path, Some(&body), &[200, 409]);
            }
            1 | 2 => {
                let secrets: Vec<String> = self.truths.keys().cloned().collect();
                let (from, to) = (self.dice.pick(&secrets).clone(), self.dice.pick(&secrets).clone());
                let mut body = json!({"from": from, "to": to});
                if self.dice.falls(500) {
                    body["environments"] = json!([self.environments[0]]);
                }
                // Also where it is refused: the answer to a try that was cut off is not known.
                let reply = self.change(Who::Admin, "POST", "/v1/routes/replace-secret", Some(&body), &[200, 409, 422]);
                if reply.status == 200 {
                    let changed = reply.json()["changes"].as_array().cloned().unwrap_or_default();
                    let routes = changed.iter().filter_map(|one| one["route"].as_str());
                    routes.for_each(|route| self.touch(route));
                }
            }
            _ => {
                let body = json!({"revision": 1 + self.dice.below(4)});
                let reply =
                    self.change(Who::Admin, "POST", &format!("{path}/roll-back"), Some(&body), &[200, 404, 409, 422]);
                if reply.status == 200 {
                    self.touch(&name);
                }
            }
        }
    }

    fn touch(&mut self, route: &str) {
        self.touched.entry(route.to_owned()).or_insert_with(now);
    }

    /// Asks for a change that may be refused, in one of these ways.
    fn change(&mut self, who: Who, method: &str, path: &str, body: Option<&Value>, fine: &[u16]) -> Reply {
        let reply = self.hall.api(who, method, path, body);
        let said = if reply.status < 300 { String::new() } else { reply.text() };
        let shown = body.filter(|_| path != "/v1/rotations").map(Value::to_string).unwrap_or_default();
        self.say(format!("{who:?} {method} {path} {shown} -> {} {said}", reply.status));
        assert!(fine.contains(&reply.status), "{method} {path} {shown}: {} {said}", reply.status);
        reply
    }

    /// Starts a rotation, unless the rules say no.
    fn start(&mut self, outgoing: &str) {
        if self.rotations.len() > 5 {
            return;
        }
        let calm = self.scenario.temper == Temper::Calm;
        let incoming = format!("{outgoing}_{}", self.rotations.len() + 2);
        let truth = match calm {
            true => *self.dice.pick(&[Truth::Valid, Truth::Valid, Truth::Invalid]),
            false => Truth::draw(&mut self.dice, 0),
        };
        let first = self.rotations.first().map(|one| one.id.clone());
        let mut wish = wishes::plan(&mut self.dice, calm, &self.environments, first);
        let value = self.learn(&incoming, truth, 0);
        let mut new = json!({"name": incoming, "value": value});
        if self.dice.falls(300) {
            let headers = json!({"Authorization": format!("Bearer {{{{{incoming}}}}}")});
            new["probe"] = json!({"http": {"url": format!("{}/", self.hall.provider.url(0)), "headers": headers}});
        }
        let before = self.named();
        if wish.after.as_deref() == Some("rot_missing") {
            let body = json!({"outgoing": outgoing, "incoming": new, "plan": plan(&wish)});
            self.change(Who::Admin, "POST", "/v1/rotations", Some(&body), &[409, 422]);
            wish.after = None;
        }
        let body = json!({"outgoing": outgoing, "incoming": new, "plan": plan(&wish)});
        let reply = self.change(Who::Admin, "POST", "/v1/rotations", Some(&body), &[201, 409, 422]);
        if reply.status != 201 {
            assert!(self.rotations.iter().any(|one| one.outgoing == outgoing || one.incoming == outgoing));
            self.truths.remove(&incoming);
            return;
        }
        let id = reply.json()["id"].as_str().unwrap().to_owned();
        self.say(format!("{id} {outgoing} -> {incoming} {}", body["plan"]));
        self.rotations.push(Started { id, outgoing: outgoing.to_owned(), incoming, before });
    }
}

/// What is wished for, as the API has it; minutes are shortened.
fn plan(wish: &Wish) -> Value {
    let all = |per: &Option<Per<Span>>| match per {
        Some(Per::All(span)) => span.as_millis() / 60_000,
        _ => 0,
    };
    let manner = |manner: Manner| if manner == Manner::Manual { "manual" } else { "automatic" };
    let step = match all(&wish.canary_step) {
        1 => "500ms",
        2 => "700ms",
        _ => "1s",
    };
    let soak = match all(&wish.soak) {
        10 => "1s",
        30 => "2s",
        _ => "5s",
    };
    let Some(Per::All(canary)) = &wish.canary else { panic!("{wish:?}") };
    let Some(Per::All(advance)) = wish.advance else { panic!("{wish:?}") };
    let mut plan = json!({
        "canary": canary.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "canary_step": step, "soak": soak, "advance": manner(advance), "reason": wish.reason.as_str(),
        "roll_back": manner(wish.roll_back.unwrap()), "delete_outgoing": manner(wish.delete_outgoing.unwrap()),
        "approval": wish.approval,
    });
    if let Some(environments) = &wish.environments {
        plan["environments"] = json!(environments);
    }
    if let Some(after) = &wish.after {
        plan["after"] = json!(after);
    }
    plan
}
