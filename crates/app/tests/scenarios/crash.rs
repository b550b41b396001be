//! kill -9 at random moments under writes: the database opens, and what was acknowledged is there.

use std::time::Duration;

use serde_json::json;
use testkit::TestNode;

/// Names of the secrets that the node has, page by page.
fn names(node: &TestNode) -> Vec<String> {
    let mut names = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = node.api("GET", &format!("/v1/secrets?limit=500{cursor}"), None).expect(200).json();
        names.extend(page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return names,
        }
    }
}

#[test]
fn fifty_kills_lose_nothing_that_was_acknowledged() {
    kill_and_look(50);
}

#[test]
#[ignore = "soak"]
fn five_hundred_kills_lose_nothing_that_was_acknowledged() {
    kill_and_look(500);
}

fn kill_and_look(kills: u64) {
    let mut node = super::options().env("KEYROLL_LOG__LEVEL", "warn").start();
    let mut acknowledged = Vec::new();
    for round in 0..kills {
        let admin = node.admin().trim_start_matches("http://").to_owned();
        let token = format!("Bearer {}", node.token());
        let writer = std::thread::spawn(move || write_until_cut(&admin, &token, round));
        // Moments that differ from round to round, without a clock or a random source to blame.
        std::thread::sleep(Duration::from_millis(15 + (round * 37) % 120));
        node.kill();
        acknowledged.extend(writer.join().unwrap());
        node.restart();
        if round % 10 == 9 || round + 1 == kills {
            let present = names(&node);
            for name in &acknowledged {
                assert!(present.contains(name), "{name} was acknowledged before kill {round} and is gone");
            }
        }
    }
    assert!(acknowledged.len() > 100, "only {} writes were acknowledged: nothing was tried", acknowledged.len());
    let audit = node.api("GET", "/readyz", None).expect(200).json();
    assert!(audit["checks"].as_array().unwrap().iter().all(|check| check["ready"] == true), "{audit}");
}

/// Creates secrets until the connection is gone; answers the names that were acknowledged.
fn write_until_cut(admin: &str, token: &str, round: u64) -> Vec<String> {
    let mut done = Vec::new();
    let Ok(mut connection) = testkit::Connection::open(admin) else { return done };
    for number in 0.. {
        let name = format!("s{round}_{number}");
        let body = json!({"name": name, "value": "value-under-fire"}).to_string();
        let headers = [("Host", admin), ("Authorization", token), ("Content-Type", "application/json")];
        let request = testkit::wire::request("POST", "/v1/secrets", &headers, body.as_bytes());
        match connection.call(&request) {
            Ok(reply) if reply.status == 201 => done.push(name),
            Ok(reply) => panic!("{}: {}", reply.status, reply.text()),
            Err(_) => break,
        }
    }
    done
}
