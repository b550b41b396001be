//! A KEK is replaced on a node that serves, by the steps of the operator's page; then the older one is gone.

use serde_json::json;
use testkit::{TestNode, Upstream};

use crate::house::{KEYROLL, client, eventually, route, secret, served};

#[test]
fn a_kek_is_replaced_and_the_older_one_taken_out() {
    let mut node = TestNode::start(KEYROLL);
    let upstream = Upstream::ok();
    for number in 0..5 {
        secret(&node, &format!("k{number}"), &format!("planted-value-{number}"));
    }
    route(&node, "pay", &upstream.url(), &json!({"Authorization": "Bearer {{k0}}"}));
    let key = client(&node, "shop", "staging");
    served(&node, "/pay/", &key);
    let kek = node.data_dir().join("kek");
    let kek_file = kek.to_str().unwrap().to_owned();

    let new = node.cli(&["key", "generate", "--kek-file", &kek_file, "-o", "name"], "").expect(0);
    let new = new.stdout.trim_end().to_owned();
    // Until the node is started again it has one key, and says so instead of sending the operator off with the wrong one.
    let early = node.cli(&["key", "rewrap", "--wait"], "").expect(0);
    assert!(early.stderr.contains("at its next start") && !early.stderr.contains("taken out"), "{}", early.stderr);
    assert_eq!(node.cli(&["key", "list", "-o", "name"], "").expect(0).stdout.lines().count(), 1);

    node.restart();
    let old = node.cli(&["key", "list", "-o", "name"], "").expect(0).stdout.lines().nth(1).unwrap().to_owned();
    let step = node.cli(&["key", "rewrap", "--step", "2"], "").expect(0);
    assert_eq!(step.stdout, format!("2 secrets and the fingerprint key wrapped with {new}; 3 left\n"));
    let all = node.cli(&["key", "rewrap", "--wait", "--step", "2"], "").expect(0);
    assert_eq!(all.stdout, format!("3 secrets wrapped with {new}; 0 left\n"));
    assert!(all.stderr.contains(&format!("Wraps nothing in this database: {old}.")), "{}", all.stderr);
    served(&node, "/pay/", &key);

    let text = std::fs::read_to_string(&kek).unwrap();
    let left: Vec<&str> = text.lines().filter(|line| !line.starts_with(&old)).collect();
    std::fs::write(&kek, left.join("\n") + "\n").unwrap();
    node.restart();
    eventually("the route is served", || {
        node.gateway_get("/pay/", &[("Keyroll-Key", &key)]).status == 200
            && upstream.last().header("authorization").as_deref() == Some("Bearer planted-value-0")
    });
    node.cli(&["secret", "compare", "k4", "--value-stdin"], "planted-value-4").expect(0);
    node.cli(&["audit", "verify"], "").expect(0);
    assert!(!node.log().contains("cannot be opened"), "{}", node.log());
}
