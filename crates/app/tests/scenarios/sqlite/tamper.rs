//! Raw SQL on the database file: refused by the database, or noticed and the secret unusable.

use rusqlite::Connection;
use serde_json::json;
use testkit::{TestNode, Upstream};

use crate::house::{KEYROLL, client, eventually, secret, served};

struct Scene {
    node: TestNode,
    upstream: Upstream,
    key: String,
}

impl Scene {
    fn new() -> Self {
        let node = TestNode::start(KEYROLL);
        let upstream = Upstream::ok();
        for name in ["one", "two"] {
            secret(&node, name, &format!("sk_value_of_{name}_0001"));
            let body = json!({"name": name, "environments": {"production": {}}, "base": {"upstream": upstream.url(),
                "inject": {"headers": {"Authorization": format!("Bearer {{{{{name}}}}}")}}}});
            node.api("POST", "/v1/routes", Some(&body)).expect(201);
        }
        let key = client(&node, "shop", "production");
        served(&node, "/one/", &key);
        served(&node, "/two/", &key);
        Self { node, upstream, key }
    }

    fn database(&self) -> Connection {
        database(&self.node)
    }

    fn tamper(&self, sql: &str) {
        change(&self.node, sql);
    }

    fn status(&self, route: &str) -> (u16, String) {
        let reply = self.node.gateway_get(&format!("/{route}/"), &[("Keyroll-Key", &self.key)]);
        let code = if reply.status == 200 { String::new() } else { reply.json()["code"].as_str().unwrap().to_owned() };
        (reply.status, code)
    }

    /// After a restart, which reads everything anew.
    fn restarted(&mut self) {
        self.node.kill();
        self.node.restart();
    }
}

fn database(node: &TestNode) -> Connection {
    let connection = Connection::open(node.data_dir().join("keyroll.db")).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
    connection
}

/// The rows of a query that answers one text in each.
pub(super) fn read(node: &TestNode, sql: &str) -> Vec<String> {
    let connection = database(node);
    let mut query = connection.prepare(sql).unwrap();
    query.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

/// Changes the file as somebody can who takes the database's own guards away and puts them back afterwards.
pub(super) fn change(node: &TestNode, sql: &str) {
    let connection = database(node);
    let guards = guards(&connection);
    assert!(guards.len() > 5, "{guards:?}");
    connection.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    for (name, _) in &guards {
        connection.execute_batch(&format!("DROP TRIGGER \"{name}\"")).unwrap();
    }
    assert_eq!(connection.execute(sql, []).unwrap(), 1, "{sql}");
    for (_, text) in &guards {
        connection.execute_batch(text).unwrap();
    }
}

/// The database's guards: name and text of each trigger.
fn guards(connection: &Connection) -> Vec<(String, String)> {
    let mut query = connection.prepare("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").unwrap();
    query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
}

/// One check of a node that is ready.
fn check(node: &TestNode, name: &str) -> serde_json::Value {
    let ready = node.api("GET", "/readyz", None).expect(200).json();
    ready["checks"].as_array().unwrap().iter().find(|check| check["name"] == name).unwrap().clone()
}

#[test]
fn a_database_without_its_guards_is_not_served_from() {
    let mut scene = Scene::new();
    let (name, text) = guards(&scene.database()).remove(0);
    scene.database().execute_batch(&format!("DROP TRIGGER \"{name}\"")).unwrap();
    scene.node.kill();
    let refused = std::process::Command::new(KEYROLL)
        .args(["serve", "--gateway-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data-dir"])
        .arg(scene.node.data_dir())
        .env_clear()
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    scene.database().execute_batch(&text).unwrap();
    scene.node.restart();
    eventually("it is served again", || scene.status("one").0 == 200);
}

#[test]
fn the_database_itself_refuses_what_must_not_happen() {
    let scene = Scene::new();
    let connection = scene.database();
    for sql in [
        "UPDATE secrets SET ciphertext = x'00' WHERE name = 'one'",
        "UPDATE secrets SET ciphertext = (SELECT ciphertext FROM secrets WHERE name = 'two') WHERE name = 'one'",
        "UPDATE secrets SET name = 'three' WHERE name = 'one'",
        "UPDATE OR REPLACE secrets SET name = 'two' WHERE name = 'one'",
        "DELETE FROM secrets WHERE name = 'one'",
        "INSERT OR REPLACE INTO secrets SELECT * FROM secrets WHERE name = 'one'",
        "DELETE FROM audit WHERE sequence = 2",
        "DELETE FROM audit WHERE sequence = (SELECT max(sequence) FROM audit)",
        "UPDATE audit SET actor = 'nobody' WHERE sequence = 2",
        "UPDATE revision SET revision = revision - 1",
    ] {
        let refused = connection.execute(sql, []);
        assert!(refused.is_err(), "{sql}: {refused:?}");
    }
    // The positive twin: the same connection may write what no rule forbids.
    connection.execute("UPDATE secrets SET description = 'x' WHERE name = 'one'", []).unwrap();
    assert_eq!(scene.status("one"), (200, String::new()));
}

#[test]
fn swapped_widened_and_changed_rows_make_the_secret_unusable() {
    let swap = "UPDATE secrets SET (ciphertext, wrapped_dek, dek_id, kek_id) = (SELECT ciphertext, wrapped_dek, 'x', kek_id \
                FROM secrets WHERE name = 'two') WHERE name = 'one'";
    for sql in [
        "UPDATE secrets SET ciphertext = x'00' WHERE name = 'one'",
        swap,
        "UPDATE secrets SET allowed_hosts = '[\"127.0.0.1\",\"evil.example\"]' WHERE name = 'one'",
        "UPDATE secrets SET environments = '[\"production\"]' WHERE name = 'one'",
        "UPDATE secrets SET sensitive = 0 WHERE name = 'one'",
    ] {
        let mut scene = Scene::new();
        scene.tamper(sql);
        let before = scene.upstream.count();
        scene.restarted();
        eventually("the other secret is served", || scene.status("two").0 == 200);
        assert_eq!(scene.status("one"), (503, "secret-unusable".to_owned()), "{sql}");
        assert!(
            scene.upstream.records()[before..].iter().all(|r| r.header("authorization").unwrap().contains("of_two_"))
        );
        assert!(scene.node.log().contains("one"), "the log names the secret");
        assert_eq!(check(&scene.node, "secrets")["ready"], false, "{sql}");
    }
}

#[test]
fn a_missing_audit_row_is_noticed() {
    for sql in [
        "DELETE FROM audit WHERE sequence = 3",
        "UPDATE audit SET record = replace(record, 'token', 'other') WHERE sequence = 4",
        "DELETE FROM audit WHERE sequence = (SELECT max(sequence) FROM audit)",
    ] {
        let mut scene = Scene::new();
        scene.restarted();
        assert_eq!(check(&scene.node, "audit")["ready"], true);
        assert_eq!(check(&scene.node, "secrets")["ready"], true);
        scene.tamper(sql);
        scene.restarted();
        eventually("the damage is reported", || check(&scene.node, "audit")["ready"] == false);
    }
}
