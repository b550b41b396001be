//! Tries a value at one place, and reads what the answer says about it.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use http_body_util::BodyExt;
use ipnet::IpNet;
use model::probe::{Login, Reading, Request, Target, Tried};
use model::route::{Judgement, Rule};
use model::template::Facts;
use model::time::Timestamp;
use model::usage::{Drained, Outcome, TallyKey};
use tokio::time::{Instant, timeout_at};

use crate::judge::{Judge, Look};
use crate::{AnswerBody, Forwarder, Given, OutBody, Tls, TlsSettings, compose, log_in};

/// What `{{client}}` is in a probe.
const CLIENT: &str = "probe";

/// On what occasion a value is tried.
#[derive(Debug, Clone, Copy)]
pub struct Occasion<'a> {
    /// The moment: what has expired by now is not sent.
    pub now: Timestamp,
    /// The id that the upstream is told.
    pub request_id: &'a str,
    /// `gateway.allow_private_upstreams`, as it is now.
    pub allow_private: &'a [IpNet],
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// What is told and kept.
    pub tried: Tried,
    /// The uses of secrets, to be written down by the caller: what was sent just now must not count as unused.
    pub used: Vec<(TallyKey, Drained)>,
}

/// Sends the request, or logs in. Redirects are not followed, and nothing is sent a second time on a doubt.
pub async fn send(target: &Target, occasion: &Occasion<'_>) -> Sent {
    match target {
        Target::Http(request) => ask(request, occasion).await,
        Target::Login(login) => Sent { tried: enter(login).await, used: Vec::new() },
    }
}

async fn ask(request: &Request, occasion: &Occasion<'_>) -> Sent {
    let bound = &request.bound;
    let tried = |status: Option<StatusCode>, reading, detail: String| Tried {
        place: request.place.clone(),
        status_class: status.map(|status| format!("{}xx", status.as_u16() / 100)),
        reading,
        detail,
    };
    let unsent = |detail| Sent { tried: tried(None, Reading::Unclear, detail), used: Vec::new() };
    if let Some((end, secret)) = bound.expires.as_ref().filter(|(end, _)| *end <= occasion.now) {
        return unsent(format!("nothing was sent: {secret} expired at {end} and is strict about it"));
    }
    let timestamp = occasion.now.to_string();
    let facts = Facts {
        request_id: occasion.request_id,
        environment: bound.environment.as_str(),
        route: bound.route.as_str(),
        client: CLIENT,
        timestamp: &timestamp,
    };
    let composed = match compose(bound, &given(request), &facts) {
        Ok(composed) => composed,
        Err(error) => return unsent(error.to_string()),
    };
    let settings = TlsSettings::of(bound);
    let target = crate::Target::of(bound, &settings, occasion.allow_private);
    let forwarder = Forwarder::unpooled(Arc::new(Tls::new()));
    let (tried, outcome) = match forwarder.forward(target, composed.map(OutBody::full)).await {
        Ok(forwarded) => {
            let (parts, body) = forwarded.response.into_parts();
            let look = match looks_at_body(&bound.judgement, parts.status) {
                true => beginning(body, bound.response.as_std()).await,
                false => Look::new(),
            };
            let judge = Judge::new(&bound.judgement);
            let outcome = judge.judge_with_prefix(parts.status, &parts.headers, look.bytes());
            let alive = judge.is_alive(parts.status, &parts.headers, look.bytes());
            let (reading, detail) = read(outcome, alive);
            (tried(Some(parts.status), reading, detail.to_owned()), Some(outcome))
        }
        Err(error) => {
            let code = error.failure.code().unwrap_or("request-invalid");
            (tried(None, Reading::Unclear, format!("no answer: {code}")), error.outcome())
        }
    };
    let counted = outcome.filter(|_| request.counts);
    Sent { tried, used: counted.map(|outcome| bound.one_use(occasion.now, outcome)).unwrap_or_default() }
}

fn given(request: &Request) -> Given {
    let target = &request.target;
    let (path, query) = target.split_once('?').map_or((target.as_str(), None), |(path, query)| (path, Some(query)));
    Given {
        method: request.method.clone(),
        path: path.to_owned(),
        query: query.map(str::to_owned),
        headers: request.headers.clone(),
        body: None,
    }
}

fn read(outcome: Outcome, alive: bool) -> (Reading, &'static str) {
    match outcome {
        Outcome::Rejected => (Reading::Dead, "the answer is one that means a dead credential"),
        Outcome::Accepted if alive => (Reading::Alive, "the answer is one that means a living credential"),
        Outcome::Accepted => (Reading::Unclear, "the answer is neither what means alive nor what means dead"),
        Outcome::Refused => (Reading::Unclear, "the credential is known, and may not do this"),
        Outcome::Throttled => (Reading::Unclear, "too many requests"),
        Outcome::Failed | Outcome::Unreachable => (Reading::Unclear, "the upstream failed"),
    }
}

fn looks_at_body(rules: &Judgement, status: StatusCode) -> bool {
    let looks = |rule: &Rule| matches!(rule, Rule::Body { status: wanted, .. } if *wanted == status.as_u16());
    rules.alive.iter().chain(&rules.dead).any(looks)
}

/// As much of the body as a rule may look at. Cut off or too slow: what is there is judged.
async fn beginning(mut body: AnswerBody, longest: Duration) -> Look {
    let deadline = Instant::now() + longest;
    let mut look = Look::new();
    while !look.is_full() {
        let Ok(Some(Ok(frame))) = timeout_at(deadline, body.frame()).await else { break };
        if let Some(piece) = frame.data_ref() {
            look.see(piece);
        }
    }
    look
}

async fn enter(login: &Login) -> Tried {
    let found = |reading, detail: String| Tried { place: login.place.clone(), status_class: None, reading, detail };
    let Some(value) = &login.opened.value else {
        return found(Reading::Unclear, "nothing was sent: the stored value cannot be used".to_owned());
    };
    let allowed = |host: &str| login.opened.secret.limits.allow_host(host);
    let login = log_in(login.url.as_deref(), value, &Tls::new(), allowed).await;
    let reading = match login {
        crate::Login::Alive => Reading::Alive,
        crate::Login::Dead => Reading::Dead,
        crate::Login::Unclear | crate::Login::Unreachable | crate::Login::Refused => Reading::Unclear,
    };
    found(reading, login.to_string())
}
