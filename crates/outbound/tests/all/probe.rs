//! A value that is tried at a place: what its answer says, what counts as a use, and that nothing of it is told.

use std::collections::HashMap;
use std::sync::Arc;

use model::name::SecretName;
use model::probe::{Login, Reading, Target, Through, Tried};
use model::secret::{Secret, SecretValue};
use model::snapshot::{Opened, opened, unreadable};
use model::time::Timestamp;
use model::usage::OUTCOMES;
use outbound::probe::{Occasion, Sent, send};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::time::{Duration, sleep};

use super::server::Server;

const VALUE: &str = "sk_planted_4711";

fn now() -> Timestamp {
    Timestamp::from_millis(1_000)
}

fn occasion() -> Occasion<'static> {
    Occasion { now: now(), request_id: "req_1", allow_private: &[] }
}

fn secrets(change: impl Fn(&mut Secret)) -> HashMap<SecretName, Arc<Opened>> {
    let name: SecretName = "key".parse().unwrap();
    let mut secret = unreadable(name.clone()).secret.clone();
    change(&mut secret);
    HashMap::from([(name, opened(secret, Some(SecretValue::new(VALUE.to_owned()))))])
}

fn targets(upstream: &str, rules: Value, secrets: &HashMap<SecretName, Arc<Opened>>) -> Vec<Target> {
    let mut base = json!({"upstream": upstream, "probe": {"path": "/me?x=1", "headers": {"X-Own": "1"}},
        "timeouts": {"response": "2s"}, "inject": {"headers": {"Authorization": "Bearer {{key}}", "X-As": "{{client}}"}}});
    base.as_object_mut().unwrap().extend(rules.as_object().unwrap().clone());
    let spec = json!({"name": "r", "base": base, "environments": {"staging": {}}});
    let through = Through::routes("key".parse().unwrap(), vec![serde_json::from_value(spec).unwrap()], None);
    through.targets(secrets, &[]).unwrap()
}

async fn tried(upstream: &str, rules: Value) -> Sent {
    let sent = send(&targets(upstream, rules, &secrets(|_| {}))[0], &occasion()).await;
    assert!(!format!("{sent:?}").contains("planted"), "{sent:?}");
    assert_eq!(sent.tried.place, "r/staging");
    sent
}

/// Which outcomes were counted, for the one secret.
fn counted(sent: &Sent) -> Vec<&'static str> {
    let words = sent.used.iter().flat_map(|(key, drained)| {
        assert_eq!((key.secret.as_str(), key.route.as_str(), key.environment.as_str()), ("key", "r", "staging"));
        assert_eq!(drained.last_used, Some(now()));
        OUTCOMES.iter().zip(drained.counts).filter(|(_, count)| *count == 1)
    });
    words.map(|(outcome, _)| outcome.as_str()).collect()
}

#[tokio::test]
async fn an_answer_says_alive_dead_or_neither() {
    let none = json!({});
    let slack = json!({"dead": [{"status": 200, "body_contains": "invalid_auth"}]});
    let told = json!({"alive": [{"status": 200, "body_contains": "\"ok\":true"}]});
    for (answer, rules, reading, class, outcome) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", &none, Reading::Alive, "2xx", "accepted"),
        ("HTTP/1.1 401 No\r\nContent-Length: 15\r\n\r\nsk_planted_4711", &none, Reading::Dead, "4xx", "rejected"),
        ("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", &none, Reading::Unclear, "4xx", "refused"),
        ("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", &none, Reading::Unclear, "4xx", "accepted"),
        ("HTTP/1.1 302 Go\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", &none, Reading::Unclear, "3xx", "accepted"),
        ("HTTP/1.1 429 No\r\nContent-Length: 0\r\n\r\n", &none, Reading::Unclear, "4xx", "throttled"),
        ("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", &none, Reading::Unclear, "5xx", "failed"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\ninvalid_auth", &slack, Reading::Dead, "2xx", "rejected"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", &slack, Reading::Alive, "2xx", "accepted"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"ok\":true}", &told, Reading::Alive, "2xx", "accepted"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{\"ok\":false}", &told, Reading::Unclear, "2xx", "accepted"),
    ] {
        let server = Server::answering(answer).await;
        let sent = tried(&format!("http://{}", server.address), rules.clone()).await;
        assert_eq!((sent.tried.reading, sent.tried.status_class.as_deref()), (reading, Some(class)), "{answer}");
        assert_eq!(counted(&sent), [outcome], "{answer}");
        let seen = server.seen.requests();
        assert_eq!(seen.len(), 1, "nothing is followed or repeated: {answer}");
        let seen = seen[0].to_ascii_lowercase();
        assert!(seen.starts_with("get /me?x=1 http/1.1\r\n"), "{seen}");
        for line in ["authorization: bearer sk_planted_4711", "x-own: 1", "x-as: probe", "x-request-id: req_1"] {
            assert!(seen.contains(&format!("{line}\r\n")), "{line}: {seen}");
        }
    }
}

#[tokio::test]
async fn a_body_is_waited_for_only_where_a_rule_looks_at_it() {
    let endless = || {
        Server::start(|_, mut stream, seen| async move {
            seen.read(&mut stream).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n").await.unwrap();
            sleep(Duration::from_secs(60)).await;
        })
    };
    let within = |limit| move |trying| tokio::time::timeout(Duration::from_millis(limit), trying);
    let server = endless().await;
    let url = format!("http://{}", server.address);
    let found = within(1_000)(tried(&url, json!({}))).await.unwrap();
    assert_eq!(found.tried.reading, Reading::Alive);
    let rule = json!({"dead": [{"status": 200, "body_contains": "ok"}]});
    let found = within(10_000)(tried(&url, rule)).await.unwrap();
    assert_eq!(found.tried.reading, Reading::Dead, "what has come by then is judged");
}

#[tokio::test]
async fn without_an_answer_nothing_is_known() {
    let closing = Server::start(|_, mut stream, seen| async move { drop(seen.read(&mut stream).await) }).await;
    let lost = tried(&format!("http://{}", closing.address), json!({})).await;
    assert_eq!((lost.tried.reading, lost.tried.status_class.as_deref()), (Reading::Unclear, None));
    assert_eq!(lost.tried.detail, "no answer: upstream-protocol-error");
    assert_eq!(counted(&lost), ["unreachable"]);

    let nobody = tried("http://127.0.0.1:9", json!({})).await;
    assert_eq!(
        (nobody.tried.reading, nobody.tried.detail.as_str()),
        (Reading::Unclear, "no answer: upstream-unreachable")
    );
    assert_eq!(nobody.used, [], "nothing was sent");
}

#[tokio::test]
async fn what_may_not_be_sent_is_not_sent() {
    let server = Server::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let url = format!("http://{}", server.address);
    let strict = |end: Timestamp| secrets(move |secret| (secret.expires_at, secret.strict_expiry) = (Some(end), true));
    let elsewhere = secrets(|secret| secret.limits.allowed_hosts = Some(["b.example".parse().unwrap()].into()));
    for (secrets, reading, connections) in [
        (strict(Timestamp::from_millis(1_001)), Reading::Alive, 1),
        (strict(now()), Reading::Unclear, 1),
        (elsewhere, Reading::Unclear, 1),
    ] {
        let sent = send(&targets(&url, json!({}), &secrets)[0], &occasion()).await;
        assert_eq!(sent.tried.reading, reading, "{sent:?}");
        assert_eq!(sent.used.is_empty(), reading == Reading::Unclear);
        assert_eq!(server.seen.connections(), connections);
    }
}

#[tokio::test]
async fn a_login_that_reaches_nobody_says_nothing() {
    let unopened = unreadable("key".parse().unwrap());
    let opened = secrets(|secret| secret.limits.allowed_hosts = Some(["127.0.0.1".parse().unwrap()].into()));
    let place = "postgres://app@127.0.0.1:9/prod";
    for (secret, url, detail) in [
        (opened.values().next().unwrap(), place, "the server could not be reached, or its certificate not be verified"),
        (
            opened.values().next().unwrap(),
            "postgres://app@localhost:9/prod",
            "the place is not one that may be logged in to",
        ),
        (&unopened, place, "nothing was sent: the stored value cannot be used"),
    ] {
        let login = Login { place: place.to_owned(), url: Some(url.to_owned()), opened: Arc::clone(secret) };
        let sent = send(&Target::Login(login), &occasion()).await;
        let told =
            Tried { place: place.to_owned(), status_class: None, reading: Reading::Unclear, detail: detail.to_owned() };
        assert_eq!(sent, Sent { tried: told, used: Vec::new() });
    }
}
