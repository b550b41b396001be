//! The same with peers that nobody here wrote: curl shows certificates to the gateway, nginx demands them of it.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use testkit::{Authority, Issued, Nginx, TestNode};

use super::{certificate, install, secured};
use crate::house::{client, eventually, secret};

/// What curl is answered, over HTTP/1.1 and over HTTP/2 alike: status and body.
fn curl(node: &TestNode, dir: &Path, path: &str, key: &str, shown: Option<&Issued>) -> (u16, String) {
    let [(status, one), (other, two)] = ["1.1", "2"].map(|version| call(node, dir, path, key, shown, version));
    assert_eq!(status, other, "{one} {two}");
    (status, one)
}

fn call(node: &TestNode, dir: &Path, path: &str, key: &str, shown: Option<&Issued>, version: &str) -> (u16, String) {
    let port = node.gateway().rsplit(':').next().unwrap();
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--max-time", "20", "--write-out", "\n%{http_code} %{http_version}"])
        .arg(format!("--http{version}"))
        .args(["--resolve", &format!("localhost:{port}:127.0.0.1"), "--header", &format!("Keyroll-Key: {key}")])
        .arg("--cacert")
        .arg(dir.join("ca.pem"));
    if let Some(shown) = shown {
        let (cert, key) = install(dir, "curl", shown);
        curl.arg("--cert").arg(cert).arg("--key").arg(key);
    }
    let done = curl.arg(format!("https://localhost:{port}{path}")).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let text = String::from_utf8(done.stdout).unwrap();
    let (body, end) = text.rsplit_once('\n').unwrap();
    let (status, spoken) = end.split_once(' ').unwrap();
    assert_eq!(spoken, version);
    (status.parse().unwrap(), body.to_owned())
}

#[test]
fn curl_shows_a_certificate_and_nginx_is_shown_one() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let (authority, clients, partners) = (Authority::new(), Authority::new(), Authority::new());
    std::fs::write(dir.join("ca.pem"), authority.ca_pem()).unwrap();
    let mut node = secured(dir, &authority);
    let nginx = Nginx::mutual_tls(&["Authorization"], &authority.server(&["127.0.0.1"]), &partners);
    secret(&node, "partner_key", "sk_partner_planted_0001");
    certificate(&node, "cert_one", &partners.client("keyroll one", &[]));
    certificate(&node, "cert_two", &partners.client("keyroll two", &[]));
    for (name, shown) in [("pay", json!("cert_one")), ("bare", Value::Null)] {
        let tls = json!({"ca": authority.ca_pem(), "client_certificate": shown,
            "client_authorities": clients.ca_pem(), "client_names": ["billing.internal"]});
        let inject = json!({"headers": {"Authorization": "Bearer {{partner_key}}"}});
        let body = json!({"name": name, "base": {"upstream": nginx.secure_url(), "tls": tls, "inject": inject},
            "environments": {"production": {}}});
        node.api("POST", "/v1/routes", Some(&body)).expect(201);
    }
    let key = client(&node, "shop", "production");
    let good = clients.client("x", &["billing.internal"]);
    eventually("the route is served", || curl(&node, dir, "/pay/", &key, Some(&good)).0 == 200);

    for (shown, code) in [
        (None, "client-certificate-required"),
        (Some(clients.client("x", &["shipping.internal"])), "client-certificate-not-accepted"),
        (Some(Authority::new().client("x", &["billing.internal"])), "client-certificate-not-accepted"),
    ] {
        let (status, body) = curl(&node, dir, "/pay/", &key, shown.as_ref());
        assert_eq!(status, 403, "{body}");
        assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["code"], code);
    }
    // nginx speaks TLS with everybody, and answers those without a certificate by itself.
    let (status, body) = curl(&node, dir, "/bare/", &key, Some(&good));
    assert_eq!(status, 400);
    assert!(body.contains("No required SSL certificate was sent"), "{body}");

    let replaced = json!({"from": "cert_one", "to": "cert_two"});
    node.api("POST", "/v1/routes/replace-secret", Some(&replaced)).expect(200);
    eventually("the successor is shown", || {
        assert_eq!(curl(&node, dir, "/pay/", &key, Some(&good)).0, 200);
        nginx.records().last().is_some_and(|record| record["subject"].as_str().unwrap().contains("keyroll two"))
    });
    let records = nginx.records();
    let subjects: Vec<&str> = records.iter().map(|record| record["subject"].as_str().unwrap()).collect();
    assert!(subjects.first().unwrap().contains("keyroll one"), "{subjects:?}");
    assert!(records.iter().all(|record| record["authorization"] == "Bearer sk_partner_planted_0001"));
    node.stop();
}
