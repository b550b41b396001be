//! The move from a file to a server: everything arrives, and the old database is not used any more.

use std::process::{Command, Output};

use serde_json::json;
use testkit::{NodeOptions, TestNode, Upstream};

use super::database;
use crate::house::{KEYROLL, client, eventually, route, secret, served};

fn relocate(node: &TestNode, url: &str, more: &[&str]) -> Output {
    let file = node.work_dir().join("database-url");
    std::fs::write(&file, url).unwrap();
    let mut command = Command::new(KEYROLL);
    command.args(["database", "move", "--data-dir"]).arg(node.data_dir()).arg("--to-file").arg(file).args(more);
    command.env_clear().output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn everything_moves_and_the_old_database_is_closed() {
    let url = database().url();
    let mut node = TestNode::start(KEYROLL);
    let upstream = Upstream::ok();
    secret(&node, "zz_first", "sk_moved_first_0001");
    for (name, before) in [("aa_second", "zz_first"), ("mm_third", "aa_second")] {
        let body = json!({"name": name, "value": "sk_moved_later_0001", "successor_of": before, "tags": ["pci"]});
        node.api("POST", "/v1/secrets", Some(&body)).expect(201);
    }
    route(&node, "payments", &upstream.url(), &json!({"Authorization": "Bearer {{zz_first}}"}));
    let replace = json!({"from": "zz_first", "to": "mm_third", "environments": ["staging"]});
    node.api("POST", "/v1/routes/replace-secret", Some(&replace)).expect(200);
    secret(&node, "gone", "sk_moved_deleted_01");
    node.api("DELETE", "/v1/secrets/gone", None).expect(204);
    let key = client(&node, "shop", "production");
    served(&node, "/payments/x", &key);
    let used = || node.api("GET", "/v1/secrets/zz_first", None).expect(200).json()["use_count"].as_u64().unwrap();
    eventually("the use is counted", || used() > 0);
    let paths =
        ["/v1/secrets?sort=name", "/v1/routes", "/v1/routes/payments/revisions", "/v1/clients", "/v1/environments"];
    let shown = |node: &TestNode| paths.map(|path| node.api("GET", path, None).expect(200).json());

    let busy = relocate(&node, &url, &[]);
    assert_eq!(busy.status.code(), Some(1));
    assert!(said(&busy).contains("is in use by process"), "{}", said(&busy));
    let before = shown(&node);
    let audit = node.api("GET", "/v1/audit/export", None).expect(200).text();
    node.stop();
    let dry = relocate(&node, &url, &["--dry-run"]);
    assert_eq!(dry.status.code(), Some(0), "{}", said(&dry));
    let moved = relocate(&node, &url, &[]);
    assert_eq!(moved.status.code(), Some(0), "{}", said(&moved));
    assert!(said(&moved).contains("every secret opens"), "{}", said(&moved));
    for (_, password) in url.split_once("keyroll:").into_iter() {
        let password = password.split('@').next().unwrap();
        assert!(!said(&moved).contains(password), "the password is told");
    }

    let old = Command::new(KEYROLL)
        .args(["serve", "--gateway-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data-dir"])
        .arg(node.data_dir())
        .env_clear()
        .output()
        .unwrap();
    assert_eq!(old.status.code(), Some(1));
    assert!(said(&old).contains("this database was moved to postgres://keyroll@"), "{}", said(&old));
    let again = relocate(&node, &url, &[]);
    assert!(said(&again).contains("was moved already"), "{}", said(&again));

    let token = node.token().to_owned();
    let new = NodeOptions::new(KEYROLL).arg("--database").arg(&url).arg("--kek-file").arg(node.data_dir().join("kek"));
    let mut new = new.start();
    new.sign_in(&token);
    served(&new, "/payments/x", &key);
    assert_eq!(shown(&new), before);
    let now = new.api("GET", "/v1/audit/export", None).expect(200).text();
    // Behind the events stands the checkpoint, which the next event replaces.
    let events = audit.trim_end().rsplit_once('\n').unwrap().0;
    assert!(now.starts_with(events), "the audit goes on where it was");
    assert!(now.contains("database.move"));
}

#[test]
fn a_target_with_something_in_it_is_refused() {
    let target = database().url();
    let taken = NodeOptions::new(KEYROLL).arg("--database").arg(&target).start();
    drop(taken);
    let mut node = TestNode::start(KEYROLL);
    secret(&node, "key", "sk_stays_here_0001");
    node.stop();
    let refused = relocate(&node, &target, &[]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("the target is not empty"), "{}", said(&refused));
    node.restart();
    assert_eq!(node.api("GET", "/v1/secrets/key", None).expect(200).json()["state"], "active");
}
