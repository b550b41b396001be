//! What changes while a request is under way: its token, its turn, and the same request once more.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod common;

use std::path::Path;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use common::{House, Reply};
use futures_util::stream;
use model::access::Role;
use model::time::Span;
use serde_json::{Value, json};
use tokio::join;
use tokio::sync::oneshot;
use tokio::time::sleep;

const ADMIN: Role = Role::Admin;

/// Long enough for a request to come as far as it can.
const WHILE: Duration = Duration::from_millis(200);

/// A body that begins, says so, and ends when it is told to.
fn halting(text: &str) -> (Body, oneshot::Receiver<()>, oneshot::Sender<()>) {
    let (begun, has_begun) = oneshot::channel();
    let (go_on, may_go_on) = oneshot::channel();
    let (first, rest) = text.split_at(text.len() / 2);
    let parts = [Bytes::from(first.to_owned()), Bytes::from(rest.to_owned())];
    let steps =
        stream::unfold((0, parts, Some(begun), Some(may_go_on)), |(step, parts, mut begun, mut wait)| async move {
            if step == 1 {
                begun.take().unwrap().send(()).unwrap();
                wait.take().unwrap().await.ok();
            }
            let part = parts.get(step)?.clone();
            Some((Ok::<_, std::io::Error>(part), (step + 1, parts, begun, wait)))
        });
    (Body::from_stream(steps), has_begun, go_on)
}

/// A token of its own for a test, as the header says it.
async fn token(house: &House, name: &str, expires_at: Option<&str>) -> String {
    let body = json!({"name": name, "role": "developer", "expires_at": expires_at});
    let made = house.send(ADMIN, "POST", "/v1/tokens", body).await.expect(201);
    format!("Bearer {}", made.body["token"].as_str().unwrap())
}

/// Revokes in the database, so that nothing of the API stands in the way.
async fn revoke(house: &House, name: &str) {
    let mut tx = house.begin().await;
    let all = tx.tokens().await.unwrap();
    let token = all.iter().find(|token| token.name == name).unwrap();
    tx.revoke_token(&token.id, house.control.now()).await.unwrap();
    house.commit(tx).await;
}

fn client(name: &str) -> Value {
    json!({"name": name, "environments": ["staging"], "routes": ["*"]})
}

#[tokio::test]
async fn a_token_that_ends_while_the_body_is_sent_changes_and_reads_nothing() {
    let house = House::new().await;
    for (method, path, status) in [("POST", "/v1/clients", 201), ("GET", "/v1/routes", 200)] {
        for end in ["never", "revoked", "expired"] {
            let name = format!("{}-{end}", method.to_lowercase());
            let in_an_hour = house.control.now().plus(Span::from_hours(1)).to_string();
            let bearer = token(&house, &name, (end == "expired").then_some(in_an_hour.as_str())).await;
            let headers = [("authorization", bearer.as_str())];
            let (body, begun, go_on) = halting(&client(&name).to_string());
            let meanwhile = async {
                begun.await.unwrap();
                match end {
                    "revoked" => revoke(&house, &name).await,
                    "expired" => house.advance(Span::from_hours(1)),
                    _ => {}
                }
                go_on.send(()).unwrap();
            };
            let (reply, ()) = join!(house.send_body(method, path, &headers, body), meanwhile);
            match end {
                "never" => drop(reply.expect(status)),
                _ => assert_eq!(reply.refusal(), (401, "token-invalid"), "{method} {end}"),
            }
        }
    }
    let clients = house.send(ADMIN, "GET", "/v1/clients", Value::Null).await;
    assert_eq!(clients.names(), ["post-never"]);
}

#[tokio::test]
async fn a_token_that_ends_before_its_turn_changes_nothing() {
    let house = House::new().await;
    for end in ["never", "revoked", "expired"] {
        let in_an_hour = house.control.now().plus(Span::from_hours(1)).to_string();
        let bearer = token(&house, end, (end == "expired").then_some(in_an_hour.as_str())).await;
        let headers = [("authorization", bearer.as_str())];
        // Whoever holds the change that is under way decides when the next one gets its turn.
        let mut tx = house.begin().await;
        let meanwhile = async {
            sleep(WHILE).await;
            match end {
                "revoked" => {
                    let all = tx.tokens().await.unwrap();
                    let token = all.iter().find(|token| token.name == end).unwrap();
                    tx.revoke_token(&token.id, house.control.now()).await.unwrap();
                }
                "expired" => house.advance(Span::from_hours(1)),
                _ => {}
            }
            house.commit(tx).await;
        };
        let body = client(end).to_string().into_bytes();
        let (reply, ()) = join!(house.send_raw("POST", "/v1/clients", &headers, body), meanwhile);
        match end {
            "never" => drop(reply.expect(201)),
            _ => assert_eq!(reply.refusal(), (401, "token-invalid"), "{end}"),
        }
    }
    let clients = house.send(ADMIN, "GET", "/v1/clients", Value::Null).await;
    assert_eq!(clients.names(), ["never"]);
}

#[tokio::test]
async fn a_token_that_ends_before_its_turn_deletes_no_list_of_secrets() {
    let house = House::new().await;
    let secret = json!({"name": "one", "value": "a-value-of-some-length", "environments": ["staging"]});
    house.send(ADMIN, "POST", "/v1/secrets", secret).await.expect(201);
    let bearer = token(&house, "ends", None).await;
    let mut tx = house.begin().await;
    let meanwhile = async {
        sleep(WHILE).await;
        let all = tx.tokens().await.unwrap();
        let token = all.iter().find(|token| token.name == "ends").unwrap();
        tx.revoke_token(&token.id, house.control.now()).await.unwrap();
        house.commit(tx).await;
    };
    let body = json!({"names": ["one"]});
    let headers = [("authorization", bearer.as_str())];
    let sent = house.send_raw("POST", "/v1/secrets/delete", &headers, body.to_string().into_bytes());
    let (reply, ()) = join!(sent, meanwhile);
    assert_eq!(reply.refusal(), (401, "token-invalid"));
    let kept = house.send(ADMIN, "GET", "/v1/secrets/one", Value::Null).await.expect(200);
    assert_eq!(kept.body["state"], "active");
    let reply = house.send(ADMIN, "POST", "/v1/secrets/delete", body).await.expect(200);
    assert_eq!(reply.body["results"][0]["outcome"], "deleted");
}

/// Sends the same twice at once, so that both wait for their turn before either was answered.
async fn twice(house: &House, path: &str, bodies: [Value; 2]) -> [Reply; 2] {
    let key = [("idempotency-key", "one")];
    let tx = house.begin().await;
    let meanwhile = async {
        sleep(WHILE).await;
        drop(tx);
    };
    let [first, second] = bodies;
    let (one, other, ()) = join!(
        house.send_with(ADMIN, "POST", path, &key, first),
        house.send_with(ADMIN, "POST", path, &key, second),
        meanwhile
    );
    [one, other]
}

#[tokio::test]
async fn the_same_request_twice_at_once_is_one_change_with_one_answer() {
    let secrets = json!({"name": "one", "value": "a-value-of-some-length"});
    let environment = json!({"name": "qa"});
    for (path, body, status) in [
        ("/v1/clients", client("shop"), 201),
        ("/v1/environments", environment, 201),
        ("/v1/secrets", secrets, 201),
        ("/v1/clients/known/keys", Value::Null, 201),
        ("/v1/secrets/delete", json!({"names": ["old"]}), 200),
    ] {
        let house = House::new().await;
        house.send(ADMIN, "POST", "/v1/clients", client("known")).await.expect(201);
        let old = json!({"name": "old", "value": "a-value-of-some-length"});
        house.send(ADMIN, "POST", "/v1/secrets", old).await.expect(201);
        let before = house.audit(500).await.len();
        let replies = twice(&house, path, [body.clone(), body]).await.map(|reply| reply.expect(status));
        let [replayed, done] = match replies[0].header("idempotency-replayed") {
            "true" => replies,
            _ => {
                let [done, replayed] = replies;
                [replayed, done]
            }
        };
        assert_eq!((done.header("idempotency-replayed"), replayed.header("idempotency-replayed")), ("", "true"));
        let mut told = done.body.clone();
        if let Some(members) = told.as_object_mut() {
            members.remove("key");
        }
        assert_eq!(told, replayed.body, "{path}");
        assert_eq!(house.audit(500).await.len(), before + 1, "{path}");
    }
}

#[tokio::test]
async fn two_requests_at_once_under_one_key_are_told_apart() {
    let house = House::new().await;
    let replies = twice(&house, "/v1/clients", [client("one"), client("other")]).await;
    let mut refusals = replies.iter().map(Reply::refusal).collect::<Vec<_>>();
    refusals.sort();
    assert_eq!(refusals, [(201, ""), (422, "idempotency-key-reused")]);
}

#[tokio::test]
async fn a_key_is_free_again_after_a_day() {
    let house = House::new().await;
    let key = [("idempotency-key", "one")];
    house.send_with(ADMIN, "POST", "/v1/clients", &key, client("one")).await.expect(201);
    house.send_with(ADMIN, "POST", "/v1/clients", &key, client("two")).await.expect(422);
    house.advance(Span::from_hours(24));
    // Nothing has swept up since.
    house.send_with(ADMIN, "POST", "/v1/clients", &key, client("two")).await.expect(201);
    let again = house.send_with(ADMIN, "POST", "/v1/clients", &key, client("two")).await.expect(201);
    assert_eq!(again.header("idempotency-replayed"), "true");
}

#[tokio::test]
async fn whoever_is_late_is_named() {
    let house = House::new().await;
    let bearer = format!("Bearer {}", House::token(ADMIN));
    let headers = [("authorization", bearer.as_str())];
    let slow = async |method: &str, path: &str| {
        let (body, _begun, _go_on) = halting("{\"name\": \"late\"}");
        let start = Instant::now();
        let reply = house.send_body(method, path, &headers, body).await;
        assert_eq!(reply.refusal(), (408, "request-timeout"), "{method} {path}");
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    };
    join!(slow("POST", "/v1/clients"), slow("POST", "/v1/routes/none/test"), slow("GET", "/v1/audit/export"));
    let tx = house.begin().await;
    let start = Instant::now();
    let reply = house.send(ADMIN, "POST", "/v1/clients", client("late")).await;
    assert_eq!(reply.refusal(), (503, "database-unavailable"));
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    drop(tx);
    // A body that takes its time, and arrives.
    let (body, begun, go_on) = halting(&client("slow").to_string());
    let meanwhile = async {
        begun.await.unwrap();
        sleep(Duration::from_secs(2)).await;
        go_on.send(()).unwrap();
    };
    let (reply, ()) = join!(house.send_body("POST", "/v1/clients", &headers, body), meanwhile);
    reply.expect(201);
}

#[test]
fn handlers_begin_through_their_call_alone() {
    let mut left = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/endpoints")];
    let mut begun = 0;
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let text: String = std::fs::read_to_string(&path).unwrap().split_whitespace().collect();
        assert!(!text.contains("store.begin("), "{}: begin through the call", path.display());
        begun += text.matches("call.begin(").count();
    }
    assert!(begun > 15, "only {begun} handlers begin a change; does this test still look for the right words?");
}
