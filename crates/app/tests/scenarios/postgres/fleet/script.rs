//! The operators' script: starts rotations with good and with wrong values, and promotes, advances, holds, rolls them back
//! or lets them be, as the dice say.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::dice::Dice;
use super::doors::{Caller, Doors, Listener};
use super::stand_in::{StandIn, Worth};

/// A rotation that has not ended after so long never will.
const PATIENCE: Duration = Duration::from_secs(300);

/// A secret that is replaced again and again.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) route: String,
    /// The secret that the route names now, and the number and the text of its value.
    pub(super) name: String,
    pub(super) number: usize,
    pub(super) value: String,
    pub(super) round: usize,
    live: Option<Live>,
}

impl Slot {
    pub(super) fn new(route: String, name: String, value: String, number: usize) -> Self {
        Self { route, name, number, value, round: 0, live: None }
    }
}

#[derive(Debug)]
struct Live {
    id: String,
    mood: Mood,
    is_good: bool,
    begun: Instant,
    incoming: (String, usize, String),
    acts: usize,
}

/// What the script means to do with a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Leave,
    Promote,
    Advance,
    RollBack,
    Abandon,
    Hold,
}

/// How the rotations ended, and how long they took.
#[derive(Debug, Default)]
pub(super) struct Ends {
    pub(super) by_state: BTreeMap<String, Vec<Duration>>,
    /// What was asked for, by action and status.
    pub(super) acts: BTreeMap<String, usize>,
}

/// What all operators share.
pub(super) struct Script<'a> {
    pub(super) doors: &'a Doors,
    pub(super) stand_in: &'a StandIn,
    pub(super) total: usize,
    started: AtomicUsize,
    ended: AtomicUsize,
    pub(super) done: AtomicBool,
    /// The states of live rotations, as the list told them last, and when that was.
    states: RwLock<(HashMap<String, String>, Option<Instant>)>,
    pub(super) most_live: AtomicUsize,
    pub(super) ends: Mutex<Ends>,
}

impl<'a> Script<'a> {
    pub(super) fn new(doors: &'a Doors, stand_in: &'a StandIn, total: usize) -> Self {
        Self {
            doors,
            stand_in,
            total,
            started: AtomicUsize::new(0),
            ended: AtomicUsize::new(0),
            done: AtomicBool::new(false),
            states: RwLock::default(),
            most_live: AtomicUsize::new(0),
            ends: Mutex::default(),
        }
    }

    pub(super) fn ended(&self) -> usize {
        self.ended.load(Ordering::Relaxed)
    }

    pub(super) fn started(&self) -> usize {
        self.started.load(Ordering::Relaxed)
    }

    /// Looks at all live rotations, again and again, until the script is through.
    pub(super) fn look(&self) {
        let mut caller = Caller::new(self.doors, Listener::Admin);
        for round in 0.. {
            if self.done.load(Ordering::Relaxed) {
                return;
            }
            let (mut found, mut cursor, at) = (HashMap::new(), String::new(), Instant::now());
            loop {
                let path = format!("/v1/rotations?live=true&limit=500{cursor}");
                let page = caller.api(round, "GET", &path, "", None).expect(200).json();
                for item in page["items"].as_array().unwrap() {
                    found.insert(text(&item["id"]), text(&item["state"]));
                }
                match page["next"].as_str() {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => break,
                }
            }
            self.most_live.fetch_max(found.len(), Ordering::Relaxed);
            *self.states.write().unwrap() = (found, Some(at));
            self.stand_in.forget_bytes();
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    /// One operator's part: these secrets.
    pub(super) fn operate(&self, slots: &mut [Slot], dice: &mut Dice) {
        let mut caller = Caller::new(self.doors, Listener::Admin);
        let _ending = EndOnPanic(&self.done);
        while self.ended() < self.total && !self.done.load(Ordering::Relaxed) {
            for slot in slots.iter_mut() {
                if slot.live.is_some() {
                    self.follow(slot, &mut caller, dice);
                } else if self.started.fetch_add(1, Ordering::Relaxed) < self.total {
                    self.start(slot, &mut caller, dice);
                } else {
                    self.started.fetch_sub(1, Ordering::Relaxed);
                }
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn start(&self, slot: &mut Slot, caller: &mut Caller<'_>, dice: &mut Dice) {
        slot.round += 1;
        let is_good = dice.one_in(10) < 7;
        let name = format!("{}_v{}", slot.route.replace('-', "_"), slot.round + 1);
        let value = format!("sk_fleet_{}_{}_{}", slot.route, slot.round, dice.next());
        let worth = if is_good { Worth::Valid } else { Worth::Wrong };
        let number = self.stand_in.learn(&slot.route, &value, worth);
        let mood = match (dice.one_in(10), is_good) {
            (0..4, _) => Mood::Leave,
            (4 | 5, true) => Mood::Promote,
            (4..7, _) => Mood::Advance,
            (7, _) => Mood::Abandon,
            (8, _) => Mood::Hold,
            _ => Mood::RollBack,
        };
        let canary = [json!(["100%"]), json!(["50%", "100%"]), json!(["20%", "100%"])];
        let advance = if mood == Mood::Advance { "manual" } else { "automatic" };
        let body = json!({
            "outgoing": slot.name,
            "incoming": {"name": name, "value": value},
            "plan": {"canary": canary[dice.one_in(3)], "canary_step": "1s", "soak": "2s", "advance": advance,
                "delete_outgoing": "automatic"},
        });
        let key = format!("start-{name}");
        let reply = caller.api(dice.one_in(2), "POST", "/v1/rotations", &key, Some(&body)).expect(201).json();
        let incoming = (name, number, value);
        slot.live = Some(Live { id: text(&reply["id"]), mood, is_good, begun: Instant::now(), incoming, acts: 0 });
    }

    fn follow(&self, slot: &mut Slot, caller: &mut Caller<'_>, dice: &mut Dice) {
        let Some(live) = &mut slot.live else { return };
        let state = {
            let states = self.states.read().unwrap();
            if states.1.is_none_or(|at| at < live.begun) {
                return;
            }
            states.0.get(&live.id).cloned()
        };
        if let Some(state) = state {
            let took = live.begun.elapsed();
            assert!(took < PATIENCE, "{live:?} is {state}: {}", shown(caller, &live.id));
            if let Some(action) = live.act(&state, took, dice) {
                self.act(live, &action, caller, dice);
            }
            return;
        }
        let shown =
            caller.api(dice.one_in(2), "GET", &format!("/v1/rotations/{}", live.id), "", None).expect(200).json();
        let state = text(&shown["state"]);
        assert_eq!(shown["live"], false, "{shown}");
        let Some(live) = slot.live.take() else { return };
        if state == "completed" {
            // Only now, as its owner would at the provider.
            self.stand_in.revoke(&slot.value);
            (slot.name, slot.number, slot.value) = live.incoming;
        }
        self.ends.lock().unwrap().by_state.entry(state).or_default().push(live.begun.elapsed());
        self.ended.fetch_add(1, Ordering::Relaxed);
    }

    fn act(&self, live: &mut Live, action: &str, caller: &mut Caller<'_>, dice: &mut Dice) {
        live.acts += 1;
        let body = match action {
            "attest" => Some(json!({"step": "credential_works", "note": "tried by hand"})),
            "hold" | "roll-back" | "abandon" => Some(json!({"note": "as the dice say"})),
            _ => None,
        };
        let (path, key) = (format!("/v1/rotations/{}/{action}", live.id), format!("{}-{}", live.id, live.acts));
        let reply = caller.api(dice.one_in(2), "POST", &path, &key, body.as_ref());
        // The rotation may have gone on meanwhile; nothing else is a reason to refuse.
        let code = if reply.status == 200 { "done".to_owned() } else { text(&reply.json()["code"]) };
        assert!(["done", "action-not-possible"].contains(&code.as_str()), "{path}: {}", reply.text());
        *self.ends.lock().unwrap().acts.entry(format!("{action}: {code}")).or_default() += 1;
    }
}

impl Live {
    /// What to do now, where anything.
    fn act(&mut self, state: &str, took: Duration, dice: &mut Dice) -> Option<String> {
        let may_abandon = matches!(state, "planned" | "probing" | "waiting");
        let action = match (self.mood, state) {
            (_, "needs_operator") if self.acts.is_multiple_of(2) => "roll-back",
            (_, "needs_operator") => "abandon",
            // Held rotations go on after a while.
            (_, "held") if took > Duration::from_secs(5) => {
                self.mood = Mood::Leave;
                "resume"
            }
            (Mood::Promote, "canary" | "waiting") if self.acts.is_multiple_of(2) => "attest",
            (Mood::Promote, "canary" | "waiting") => "promote",
            (Mood::Advance, "waiting") => "advance",
            // Whoever advances a wrong value to the end vouches for it, and where no traffic comes nobody contradicts.
            (Mood::Advance, "canary" | "soaking") if self.is_good => "advance",
            (Mood::Hold, "canary" | "soaking" | "watching") => "hold",
            (Mood::Abandon, _) if may_abandon => "abandon",
            (Mood::Abandon, _) => {
                self.mood = Mood::RollBack;
                return None;
            }
            (Mood::RollBack, "canary" | "soaking" | "watching") if dice.one_in(6) == 0 => "roll-back",
            _ => return None,
        };
        // Operators are slower than a list that is a moment old.
        (dice.one_in(3) == 0).then(|| action.to_owned())
    }
}

/// One operator's panic ends the others' work.
struct EndOnPanic<'a>(&'a AtomicBool);

impl Drop for EndOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

fn shown(caller: &mut Caller<'_>, id: &str) -> Value {
    caller.api(0, "GET", &format!("/v1/rotations/{id}"), "", None).json()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
