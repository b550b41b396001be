//! The stand-in of two providers: it knows what every value is worth at every moment, and keeps what it was sent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use testkit::{Recorded, Upstream};

use crate::dice::Dice;
use crate::truth::{Answer, Truth};

/// Names a request and the client's try of it.
pub(crate) const ID: &str = "X-Sim-Id";
/// That no credential would save it.
pub(crate) const GARBAGE: &str = "X-Sim-Garbage";
/// How often, in a thousand, it meets with something else than a judgement.
pub(crate) const UNCLEAR: &str = "X-Sim-Unclear";

/// A request as it arrived, and what it met with.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) at: i64,
    pub(crate) upstream: usize,
    /// The secrets whose values it carried.
    pub(crate) secrets: Vec<String>,
    pub(crate) answer: Answer,
}

struct Ledger {
    dice: Dice,
    /// By value, and by user name and value in base64.
    known: HashMap<String, (String, Truth)>,
    by_id: HashMap<String, Vec<Delivery>>,
    used: HashMap<String, i64>,
    /// Values that no secret ever had.
    strangers: Vec<String>,
}

pub(crate) struct Provider {
    upstreams: [Upstream; 2],
    ledger: Arc<Mutex<Ledger>>,
}

/// Milliseconds since 1970, as the nodes have them.
#[allow(clippy::disallowed_methods, reason = "real processes go by the real clock")]
pub(crate) fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

impl Provider {
    pub(crate) fn start(seed: u64) -> Self {
        let ledger = Ledger {
            dice: Dice::new(seed),
            known: HashMap::new(),
            by_id: HashMap::new(),
            used: HashMap::new(),
            strangers: Vec::new(),
        };
        let ledger = Arc::new(Mutex::new(ledger));
        let upstreams = [0, 1].map(|at| {
            let ledger = Arc::clone(&ledger);
            Upstream::start(move |request| lock(&ledger).answer(at, request))
        });
        Self { upstreams, ledger }
    }

    pub(crate) fn url(&self, upstream: usize) -> String {
        self.upstreams[upstream].url()
    }

    /// Gives a secret its value, and the value its worth.
    pub(crate) fn learn(&self, secret: &str, value: &str, truth: Truth) {
        let mut ledger = lock(&self.ledger);
        for form in [value.to_owned(), STANDARD.encode(format!("u:{value}"))] {
            ledger.known.insert(form, (secret.to_owned(), truth));
        }
    }

    /// What a request met with, in order.
    pub(crate) fn deliveries(&self, id: &str) -> Vec<Delivery> {
        lock(&self.ledger).by_id.get(id).cloned().unwrap_or_default()
    }

    /// When a secret's value was seen last.
    pub(crate) fn last_use(&self, secret: &str) -> Option<i64> {
        lock(&self.ledger).used.get(secret).copied()
    }

    pub(crate) fn strangers(&self) -> Vec<String> {
        lock(&self.ledger).strangers.clone()
    }

    /// Forgets what is kept twice.
    pub(crate) fn tidy(&self) {
        self.upstreams.iter().for_each(Upstream::clear);
    }
}

fn lock(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ledger {
    fn answer(&mut self, upstream: usize, request: &Recorded) -> testkit::Answer {
        let at = now();
        let mut truths = Vec::new();
        let mut secrets = Vec::new();
        for value in carried(request) {
            match self.known.get(&value) {
                Some((name, truth)) => {
                    secrets.push(name.clone());
                    truths.push(truth.at(upstream, at));
                }
                None => self.strangers.push(format!("{} {}", request.method, request.target)),
            }
        }
        for secret in &secrets {
            self.used.insert(secret.clone(), at);
        }
        let unclear = request.header(UNCLEAR).and_then(|text| text.parse().ok()).unwrap_or(0);
        let answer = if self.dice.falls(unclear) {
            Answer::Unclear
        } else if request.header(GARBAGE).is_some() || truths.contains(&Answer::Dead) {
            Answer::Dead
        } else if truths.contains(&Answer::Forbidden) {
            Answer::Forbidden
        } else {
            Answer::Alive
        };
        if let Some(id) = request.header(ID) {
            self.by_id.entry(id).or_default().push(Delivery { at, upstream, secrets, answer });
        }
        match answer {
            Answer::Alive => testkit::Answer::text(200, "taken"),
            Answer::Dead => testkit::Answer::text(401, "unknown"),
            Answer::Forbidden => testkit::Answer::text(403, "not that"),
            Answer::Unclear => match self.dice.below(4) {
                0 => testkit::Answer::text(429, "later"),
                1 => testkit::Answer::text(500, "oh"),
                2 => testkit::Answer::text(503, "away"),
                _ => testkit::Answer::raw(""),
            },
        }
    }
}

/// The credentials of a request, as the routes of a setting place them.
fn carried(request: &Recorded) -> Vec<String> {
    let bare = |text: String| {
        let form = text.strip_prefix("Bearer ").or_else(|| text.strip_prefix("Basic "));
        form.map_or_else(|| text.clone(), str::to_owned)
    };
    let headers = ["authorization", "x-second"].into_iter().flat_map(|name| request.all(name)).map(bare);
    let query = request.target.split_once('?').map_or("", |(_, query)| query);
    let keys = query.split('&').filter_map(|pair| pair.strip_prefix("key=")).map(str::to_owned);
    headers.chain(keys).collect()
}
