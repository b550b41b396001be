//! Raw SQL by the owner of the database, guards switched off: noticed, and the secret is unusable.

use serde_json::json;
use testkit::Upstream;

use super::{Cluster, database};
use crate::house::{client, eventually, secret, served};

#[test]
fn rows_that_were_changed_behind_the_back_are_not_used() {
    for sql in [
        "UPDATE secrets SET ciphertext = '\\x00' WHERE name = 'one'",
        "UPDATE secrets s SET ciphertext = o.ciphertext, wrapped_dek = o.wrapped_dek FROM secrets o \
         WHERE s.name = 'one' AND o.name = 'two'",
        "UPDATE secrets SET allowed_hosts = '[\"127.0.0.1\",\"evil.example\"]' WHERE name = 'one'",
        "UPDATE secrets SET environments = '[\"production\"]' WHERE name = 'one'",
    ] {
        let database = database();
        let mut cluster = Cluster::start(&[database.url()]);
        let upstream = Upstream::ok();
        for name in ["one", "two"] {
            secret(cluster.node(0), name, &format!("sk_value_of_{name}_0001"));
            let body = json!({"name": name, "environments": {"production": {}}, "base": {"upstream": upstream.url(),
                "inject": {"headers": {"Authorization": format!("Bearer {{{{{name}}}}}")}}}});
            cluster.node(0).api("POST", "/v1/routes", Some(&body)).expect(201);
        }
        let key = client(cluster.node(0), "shop", "production");
        served(cluster.node(0), "/one/", &key);
        let off = "ALTER TABLE secrets DISABLE TRIGGER USER";
        let on = "ALTER TABLE secrets ENABLE TRIGGER USER";
        database.psql(&format!("{off}; {sql}; {on}")).unwrap();
        let before = upstream.count();
        cluster.nodes[0].kill();
        cluster.nodes[0].restart_unready();
        eventually("the other secret is served", || {
            cluster.node(0).gateway_get("/two/", &[("Keyroll-Key", &key)]).status == 200
        });
        let refused = cluster.node(0).gateway_get("/one/", &[("Keyroll-Key", &key)]).expect(503);
        assert_eq!(refused.json()["code"], "secret-unusable", "{sql}");
        let records = upstream.records();
        assert!(records[before..].iter().all(|r| r.header("authorization").unwrap().contains("of_two_")), "{sql}");
    }
}
