//! Upstreams that demand a certificate of us.

use serde_json::{Value, json};
use testkit::{Answer, Authority, LeakWatch, TestNode, Upstream};

use super::certificate;
use crate::house::{KEYROLL, client, eventually, secret, served};

fn route(name: &str, upstream: &str, authority: &Authority, certificate: &Value) -> Value {
    let tls = json!({"ca": authority.ca_pem(), "client_certificate": certificate});
    json!({"name": name, "base": {"upstream": upstream, "tls": tls,
        "inject": {"headers": {"Authorization": "Bearer {{partner_key}}"}}}, "environments": {"production": {}}})
}

#[test]
fn an_upstream_is_shown_the_certificate_of_the_secret_and_its_successor_at_once() {
    let mut node = TestNode::start(KEYROLL);
    let (authority, partners) = (Authority::new(), Authority::new());
    let upstream = Upstream::mutual_tls(&authority, &["127.0.0.1"], &partners, |_| Answer::text(200, "ok"));
    let (one, two) = (partners.client("keyroll one", &[]), partners.client("keyroll two", &[]));
    let foreign = Authority::new().client("keyroll", &[]);
    let mut watch = LeakWatch::new();
    for (name, issued) in [("cert_one", &one), ("cert_two", &two), ("cert_foreign", &foreign)] {
        certificate(&node, name, issued);
        // The first line of a key says of which kind it is, and is the same in all.
        let lines = issued.key_pem.lines().filter(|line| !line.starts_with('-')).skip(1);
        for line in lines.filter(|line| line.len() >= testkit::leak::SHORTEST) {
            watch.plant(name, line);
        }
    }
    secret(&node, "partner_key", "sk_partner_planted_0001");
    for (name, shown) in [("pay", json!("cert_one")), ("bare", Value::Null), ("foreign", json!("cert_foreign"))] {
        node.api("POST", "/v1/routes", Some(&route(name, &upstream.url(), &authority, &shown))).expect(201);
    }
    let key = client(&node, "shop", "production");
    served(&node, "/pay/", &key);
    let call = |path: &str| node.gateway_get(path, &[("Keyroll-Key", &key)]);
    for _ in 0..20 {
        call("/pay/").expect(200);
    }
    assert!(upstream.records().iter().all(|record| record.certificate.as_ref() == Some(&one.certificate)));
    assert!(upstream.connections() < 20, "connections are kept");
    let before = upstream.count();
    for path in ["/bare/", "/foreign/"] {
        let reply = call(path).expect(502);
        assert_eq!(reply.json()["code"], "upstream-tls-failed", "{path}");
        assert!(reply.json()["detail"].as_str().unwrap().contains("does not accept us"), "{}", reply.text());
    }
    assert_eq!(upstream.count(), before);

    // The secret stands where every other one does.
    let uses = node.api("GET", "/v1/secrets/cert_one/routes", None).expect(200).json();
    assert_eq!(uses["items"][0]["field"], "tls.client_certificate");
    let refused = node.api("DELETE", "/v1/secrets/cert_one", None).expect(409).json();
    assert_eq!(refused["code"], "secret-is-referenced");
    eventually("its use is counted", || {
        let shown = node.api("GET", "/v1/secrets/cert_one", None).json();
        !shown["last_used_at"].is_null() && shown["use_count"].as_u64() > Some(0)
    });
    let test = node.api("POST", "/v1/routes/pay/test", Some(&json!({"environment": "production"}))).expect(200).json();
    assert_eq!(test["answer"]["status"], 200, "{test}");
    assert_eq!(test["sent"]["secrets"], json!(["cert_one", "partner_key"]));
    let doctor = node.api("GET", "/v1/doctor?route=pay", None).expect(200).json();
    let found = doctor["findings"].as_array().unwrap().iter().find(|finding| finding["check"] == "upstream").unwrap();
    assert_eq!(found["state"], "ok", "{found}");

    // Once the successor was shown, no kept connection shows the other one again.
    let replaced = json!({"from": "cert_one", "to": "cert_two"});
    let replaced = node.api("POST", "/v1/routes/replace-secret", Some(&replaced)).expect(200).json();
    assert_eq!(replaced["changes"][0]["field"], "tls.client_certificate");
    eventually("the successor is shown", || {
        call("/pay/").expect(200);
        upstream.last().certificate.as_ref() == Some(&two.certificate)
    });
    upstream.clear();
    for _ in 0..20 {
        call("/pay/").expect(200);
    }
    assert!(upstream.records().iter().all(|record| record.certificate.as_ref() == Some(&two.certificate)));
    let gone = node.api("DELETE", "/v1/secrets/cert_one?force=true&reason=replaced", None);
    assert_eq!(gone.status, 204, "{}", gone.text());
    call("/pay/").expect(200);

    for args in [["secret", "list", "-o", "yaml"], ["route", "list", "-o", "json"]] {
        node.cli(&args, "").expect(0);
    }
    for list in ["/v1/routes/pay", "/v1/audit/export", "/v1/secrets/cert_two"] {
        node.api("GET", list, None).expect(200);
    }
    watch.search_proc(node.pid());
    node.stop();
    watch.search_dir(&node.data_dir()).search_dir(&node.log_path()).search_transcript(node.transcript());
    watch.assert_clean();
}

#[test]
fn a_certificate_is_held_to_its_limits_and_its_kind() {
    let node = TestNode::start(KEYROLL);
    let (authority, partners) = (Authority::new(), Authority::new());
    let upstream = Upstream::mutual_tls(&authority, &["127.0.0.1"], &partners, |_| Answer::text(200, "ok"));
    let issued = partners.client("keyroll", &[]);
    secret(&node, "partner_key", "sk_partner_planted_0001");
    certificate(&node, "cert", &issued);
    let make = |name: &str, kind: &str, value: String, hosts: Value| {
        let body = json!({"name": name, "kind": kind, "value": value, "allowed_hosts": hosts});
        node.api("POST", "/v1/secrets", Some(&body)).expect(201).json()
    };
    make("elsewhere", "certificate", issued.both_pem(), json!(["partner.example"]));
    make("other", "other", issued.both_pem(), Value::Null);
    let warned = make("bare", "certificate", issued.pem.clone(), Value::Null);
    assert_eq!(warned["warnings"][0]["code"], "certificate-unusable", "{warned}");
    make("mixed", "certificate", format!("{}{}", issued.pem, partners.client("x", &[]).key_pem), Value::Null);
    for (name, code, detail) in [
        ("elsewhere", "secret-not-allowed-for-host", "may not be sent to 127.0.0.1"),
        ("other", "secret-kind-wrong", "of the kind other"),
        ("bare", "value-not-allowed-here", "not exactly one private key"),
        ("mixed", "value-not-allowed-here", "does not belong to its first certificate"),
        ("cret", "secret-not-found", "did you mean cert?"),
    ] {
        let body = route("pay", &upstream.url(), &authority, &json!(name));
        let reply = node.api("POST", "/v1/routes", Some(&body)).expect(422).json();
        let error = &reply["errors"][0];
        assert_eq!((&error["code"], &error["pointer"]), (&json!(code), &json!("/base/tls/client_certificate")));
        assert!(error["detail"].as_str().unwrap().contains(detail), "{error}");
    }
    let plain = route("pay", "http://127.0.0.1:9", &authority, &json!("cert"));
    let reply = node.api("POST", "/v1/routes", Some(&plain)).expect(422).json();
    assert_eq!(reply["errors"][0]["code"], "tls-required");

    node.api("POST", "/v1/routes", Some(&route("pay", &upstream.url(), &authority, &json!("cert")))).expect(201);
    let key = client(&node, "shop", "production");
    served(&node, "/pay/", &key);
    let narrowed = node.api("PATCH", "/v1/secrets/cert", Some(&json!({"allowed_hosts": ["partner.example"]})));
    assert_eq!(narrowed.status, 409, "{}", narrowed.text());
    for to in ["elsewhere", "other", "bare"] {
        let replace = json!({"from": "cert", "to": to});
        node.api("POST", "/v1/routes/replace-secret", Some(&replace)).expect(422);
    }
    assert!(upstream.records().iter().all(|record| record.certificate.as_ref() == Some(&issued.certificate)));
}
