//! What an upstream's answer says about the credential that was sent.

use http::{HeaderMap, StatusCode};
use model::route::{Judgement, Rule};
use model::usage::Outcome;

/// How much of a body a rule may look at, in bytes.
pub const LOOK: usize = 4096;

/// Judges the answers of one route and environment.
#[derive(Debug, Clone, Copy)]
pub struct Judge<'a> {
    rules: &'a Judgement,
}

impl<'a> Judge<'a> {
    /// A judge by these rules.
    #[must_use]
    pub fn new(rules: &'a Judgement) -> Self {
        Self { rules }
    }

    /// Whether an answer with this status cannot be judged without the beginning of its body.
    #[must_use]
    pub fn needs_body(&self, status: StatusCode) -> bool {
        self.rules
            .dead
            .iter()
            .any(|rule| matches!(rule, Rule::Body { status: wanted, .. } if *wanted == status.as_u16()))
    }

    /// Judges by the head alone; a rule about the body does not apply.
    #[must_use]
    pub fn judge(&self, status: StatusCode, headers: &HeaderMap) -> Outcome {
        self.judge_with_prefix(status, headers, &[])
    }

    /// Whether an answer is one that means a living credential.
    #[must_use]
    pub fn is_alive(&self, status: StatusCode, headers: &HeaderMap, prefix: &[u8]) -> bool {
        let prefix = prefix.get(..LOOK).unwrap_or(prefix);
        let says = |rules: &[Rule]| rules.iter().any(|rule| applies(rule, status, headers, prefix));
        says(&self.rules.alive) && !says(&self.rules.dead)
    }

    /// Judges by head and the beginning of the body, of which no more than [`LOOK`] bytes count.
    ///
    /// A `dead` rule comes first, because some providers refuse a dead key with a 200, a 400 or a 403.
    #[must_use]
    pub fn judge_with_prefix(&self, status: StatusCode, headers: &HeaderMap, prefix: &[u8]) -> Outcome {
        let prefix = prefix.get(..LOOK).unwrap_or(prefix);
        if self.rules.dead.iter().any(|rule| applies(rule, status, headers, prefix)) {
            return Outcome::Rejected;
        }
        match status.as_u16() {
            403 => Outcome::Refused,
            429 => Outcome::Throttled,
            500.. => Outcome::Failed,
            _ => Outcome::Accepted,
        }
    }
}

fn applies(rule: &Rule, status: StatusCode, headers: &HeaderMap, prefix: &[u8]) -> bool {
    let status = status.as_u16();
    match rule {
        Rule::Status(wanted) => status == *wanted,
        // Being throttled or out of order says nothing about a credential, so a class does not take these along.
        Rule::Class(class) => status / 100 == *class && status != 429 && status < 500,
        Rule::Body { status: wanted, contains } => {
            let contains = contains.as_bytes();
            status == *wanted && !contains.is_empty() && prefix.windows(contains.len()).any(|window| window == contains)
        }
        Rule::Header { status: wanted, headers: expected } => {
            status == *wanted
                && expected.iter().all(|(name, value)| {
                    headers.get_all(name.as_str()).iter().any(|found| found.as_bytes() == value.as_bytes())
                })
        }
    }
}

/// The beginning of a body, kept while it is passed on, so that judging delays nothing.
#[derive(Default)]
pub struct Look(Vec<u8>);

impl Look {
    /// Nothing seen yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps what still counts of a piece of the body.
    pub fn see(&mut self, piece: &[u8]) {
        let room = LOOK.saturating_sub(self.0.len());
        self.0.extend_from_slice(piece.get(..room).unwrap_or(piece));
    }

    /// Whether more would not be looked at.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.0.len() >= LOOK
    }

    /// What was seen.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Look {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Look(…)")
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde_json::{Value, json};

    use super::*;

    fn judgement(dead: Value) -> Judgement {
        let dead = dead.as_array().unwrap().iter().map(|rule| Rule::from_value(rule).unwrap()).collect();
        Judgement { alive: vec![Rule::Class(2)], dead }
    }

    #[test]
    fn answers_are_judged() {
        let mut headers = HeaderMap::new();
        headers.append("x-error", HeaderValue::from_static("other"));
        headers.append("x-error", HeaderValue::from_static("dead"));
        let late = [vec![b' '; LOOK - 3], b"invalid_auth".to_vec()].concat();
        let in_time = [vec![b' '; LOOK - 12], b"invalid_auth".to_vec()].concat();
        let slack = json!([{"status": 200, "body_contains": "invalid_auth"}]);
        // dead rules, status, beginning of the body, outcome
        for (dead, status, body, outcome) in [
            (json!([401]), 200, &b""[..], Outcome::Accepted),
            (json!([401]), 101, b"", Outcome::Accepted),
            (json!([401]), 302, b"", Outcome::Accepted),
            (json!([401]), 404, b"", Outcome::Accepted),
            (json!([401]), 401, b"", Outcome::Rejected),
            (json!([]), 401, b"", Outcome::Accepted),
            (json!([401]), 403, b"", Outcome::Refused),
            (json!([401]), 429, b"", Outcome::Throttled),
            (json!([401]), 500, b"", Outcome::Failed),
            (json!([401]), 503, b"", Outcome::Failed),
            (json!(["4xx"]), 404, b"", Outcome::Rejected),
            (json!(["4xx"]), 429, b"", Outcome::Throttled),
            (json!(["5xx"]), 503, b"", Outcome::Failed),
            (json!([403]), 403, b"", Outcome::Rejected),
            (json!([503]), 503, b"", Outcome::Rejected),
            (slack.clone(), 200, br#"{"ok":false,"error":"invalid_auth"}"#, Outcome::Rejected),
            (slack.clone(), 200, br#"{"ok":true}"#, Outcome::Accepted),
            (slack.clone(), 200, b"", Outcome::Accepted),
            (slack.clone(), 201, b"invalid_auth", Outcome::Accepted),
            (slack.clone(), 200, &in_time, Outcome::Rejected),
            (slack, 200, &late, Outcome::Accepted),
            (json!([{"status": 403, "header": {"X-Error": "dead"}}]), 403, b"", Outcome::Rejected),
            (json!([{"status": 403, "header": {"x-error": "de"}}]), 403, b"", Outcome::Refused),
            (json!([{"status": 403, "header": {"x-error": "dead", "x-b": "1"}}]), 403, b"", Outcome::Refused),
        ] {
            let rules = judgement(dead.clone());
            let status = StatusCode::from_u16(status).unwrap();
            let found = Judge::new(&rules).judge_with_prefix(status, &headers, body);
            assert_eq!(found, outcome, "{dead} {status}");
        }
    }

    #[test]
    fn the_body_is_looked_at_only_where_a_rule_asks_for_it() {
        let rules = judgement(json!([401, {"status": 200, "body_contains": "x"}]));
        let judge = Judge::new(&rules);
        assert!(judge.needs_body(StatusCode::OK));
        assert!(!judge.needs_body(StatusCode::UNAUTHORIZED));
        assert_eq!(judge.judge(StatusCode::OK, &HeaderMap::new()), Outcome::Accepted);
    }

    #[test]
    fn a_look_is_bounded() {
        let mut look = Look::new();
        look.see(&[b'a'; 4000]);
        assert!(!look.is_full());
        look.see(&[b'b'; 4000]);
        look.see(b"c");
        assert!(look.is_full());
        assert_eq!(look.bytes().len(), LOOK);
        assert_eq!(look.bytes().last(), Some(&b'b'));
    }
}
