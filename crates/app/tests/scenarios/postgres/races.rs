//! Two nodes are asked for what cannot both be: one wins, the other is told, nothing dangles.

use std::sync::Barrier;

use serde_json::{Value, json};
use testkit::{Reply, TestNode};

use super::{Cluster, TOKEN, database};
use crate::house::secret;

/// Rounds of each race.
const ROUNDS: usize = 100;
const ROUNDS_IN_SOAK: usize = 1_000;

fn pair() -> Cluster {
    let url = database().url();
    Cluster::start(&[url.clone(), url])
}

/// Both at the same moment.
fn both(cluster: &Cluster, ask: impl Fn(&TestNode, usize) -> Reply + Sync) -> [Reply; 2] {
    let start = Barrier::new(2);
    std::thread::scope(|scope| {
        let asked = [0, 1].map(|number| {
            let (start, ask) = (&start, &ask);
            scope.spawn(move || {
                start.wait();
                ask(cluster.node(number), number)
            })
        });
        asked.map(|asked| asked.join().unwrap())
    })
}

fn statuses(replies: &[Reply; 2]) -> [u16; 2] {
    let mut statuses = [replies[0].status, replies[1].status];
    statuses.sort_unstable();
    statuses
}

fn deletion_against_reference(rounds: usize) {
    let cluster = pair();
    let (mut deleted, mut referenced) = (0, 0);
    for round in 0..rounds {
        let name = format!("contested_{round}");
        secret(cluster.node(0), &name, "sk_contested_value_01");
        let route = json!({"name": format!("route-{round}"), "environments": {"staging": {}}, "base": {
            "upstream": "https://api.example.com",
            "inject": {"headers": {"Authorization": format!("Bearer {{{{{name}}}}}")}}}});
        // Turns are taken, so that neither is always a little earlier.
        let replies = both(&cluster, |node, number| match number == round % 2 {
            true => node.api("DELETE", &format!("/v1/secrets/{name}"), None),
            false => node.api("POST", "/v1/routes", Some(&route)),
        });
        let shown = cluster.node(0).api("GET", &format!("/v1/secrets/{name}"), None).expect(200).json();
        match statuses(&replies) {
            [204, 409 | 422] => {
                deleted += 1;
                assert_eq!(shown["state"], "deleted");
                cluster.node(1).api("GET", &format!("/v1/routes/route-{round}"), None).expect(404);
            }
            [201, 409] => {
                referenced += 1;
                assert_eq!((&shown["state"], shown["routes"].as_array().unwrap().len()), (&json!("active"), 1));
            }
            other => panic!("{other:?}: {} {}", replies[0].text(), replies[1].text()),
        }
    }
    println!("deletion won {deleted} times, the reference {referenced} times");
    assert_eq!(deleted + referenced, rounds);
    let ready = cluster.node(0).api("GET", "/readyz", None).expect(200).json();
    assert!(ready["checks"].as_array().unwrap().iter().all(|check| check["ready"] == true), "{ready}");
}

fn two_editors_with_one_tag(rounds: usize) {
    let cluster = pair();
    let route =
        json!({"name": "payments", "environments": {"staging": {}}, "base": {"upstream": "https://api.example.com"}});
    cluster.node(0).api("POST", "/v1/routes", Some(&route)).expect(201);
    let token = format!("Bearer {TOKEN}");
    for round in 0..rounds {
        let tag =
            cluster.node(0).api("GET", "/v1/routes/payments", None).expect(200).header("etag").unwrap().to_owned();
        let replies = both(&cluster, |node, number| {
            let headers = [
                ("Authorization", token.as_str()),
                ("If-Match", tag.as_str()),
                ("Content-Type", "application/merge-patch+json"),
            ];
            let body = json!({"description": format!("round {round} by {number}")}).to_string();
            node.api_raw("PATCH", "/v1/routes/payments", &headers, body.as_bytes())
        });
        assert_eq!(statuses(&replies), [200, 412], "{} {}", replies[0].text(), replies[1].text());
        let winner = usize::from(replies[1].status == 200);
        let now = cluster.node(winner).api("GET", "/v1/routes/payments", None).expect(200).json();
        assert_eq!(now["description"], format!("round {round} by {winner}"));
    }
    let revisions = cluster.node(1).api("GET", "/v1/routes/payments/revisions?limit=1", None).expect(200).json();
    assert_eq!(revisions["items"][0]["revision"], rounds + 1, "one revision for each round");
}

fn one_start_from_two_nodes(rounds: usize) {
    let cluster = pair();
    let token = format!("Bearer {TOKEN}");
    for round in 0..rounds {
        let name = format!("once_{round}");
        // With one key they are one request, told twice; without, the second finds the name taken.
        let keyed = round % 2 == 0;
        let key = format!("start-{round}");
        let replies = both(&cluster, |node, _| {
            let mut headers = vec![("Authorization", token.as_str()), ("Content-Type", "application/json")];
            if keyed {
                headers.push(("Idempotency-Key", &key));
            }
            let body = json!({"name": name, "value": "sk_only_once_0001"}).to_string();
            node.api_raw("POST", "/v1/secrets", &headers, body.as_bytes())
        });
        let expected = if keyed { [201, 201] } else { [201, 409] };
        assert_eq!(statuses(&replies), expected, "{} {}", replies[0].text(), replies[1].text());
        if keyed {
            assert_eq!(replies[0].json()["created_at"], replies[1].json()["created_at"]);
        }
    }
    let mut made = 0;
    let mut cursor = String::new();
    loop {
        let page = cluster.node(0).api("GET", &format!("/v1/audit?limit=500&action=secret.create{cursor}"), None);
        let page = page.expect(200).json();
        made += page["items"].as_array().unwrap().len();
        match &page["next"] {
            Value::String(next) => cursor = format!("&cursor={next}"),
            _ => break,
        }
    }
    assert_eq!(made, rounds, "each was made once");
}

#[test]
fn a_deletion_races_a_new_reference() {
    deletion_against_reference(ROUNDS);
}

#[test]
#[ignore = "soak"]
fn a_deletion_races_a_new_reference_a_thousand_times() {
    deletion_against_reference(ROUNDS_IN_SOAK);
}

#[test]
fn two_editors_have_one_tag() {
    two_editors_with_one_tag(ROUNDS);
}

#[test]
#[ignore = "soak"]
fn two_editors_have_one_tag_a_thousand_times() {
    two_editors_with_one_tag(ROUNDS_IN_SOAK);
}

#[test]
fn the_same_is_started_from_two_nodes() {
    one_start_from_two_nodes(ROUNDS);
}

#[test]
#[ignore = "soak"]
fn the_same_is_started_from_two_nodes_a_thousand_times() {
    one_start_from_two_nodes(ROUNDS_IN_SOAK);
}
