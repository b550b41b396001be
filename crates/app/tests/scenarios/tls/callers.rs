//! Routes that ask their clients for a certificate.

use serde_json::json;
use testkit::{Authority, Upstream, Visitor};

use super::{answered, get, secured};
use crate::house::{client, secret};

const REQUIRED: &str = "client-certificate-required";
const NOT_ACCEPTED: &str = "client-certificate-not-accepted";

#[test]
fn a_route_takes_the_certificates_that_it_asks_for() {
    let (dir, authority, upstream) = (tempfile::tempdir().unwrap(), Authority::new(), Upstream::ok());
    let (clients, others) = (Authority::new(), Authority::new());
    let mut node = secured(dir.path(), &authority);
    secret(&node, "stripe", "sk_live_planted_0001");
    let base = |tls| json!({"upstream": upstream.url(), "inject": {"headers": {"Authorization": "Bearer {{stripe}}"}}, "tls": tls});
    let open = json!({"tls": {"client_authorities": null}});
    let ca = clients.ca_pem();
    for (name, tls, staging) in [
        ("open", json!({}), json!({})),
        ("any", json!({"client_authorities": ca}), open),
        ("named", json!({"client_authorities": ca, "client_names": ["billing.internal", "Billing App"]}), json!({})),
    ] {
        let body = json!({"name": name, "base": base(tls), "environments": {"production": {}, "staging": staging}});
        node.api("POST", "/v1/routes", Some(&body)).expect(201);
    }
    let (production, staging) = (client(&node, "shop", "production"), client(&node, "trial", "staging"));
    let nobody = Visitor::new(&authority, None);
    answered(&nobody, &node, "/open/", &production, 200);
    answered(&nobody, &node, "/any/", &staging, 200);

    let by_name = clients.client("x", &["billing.internal"]);
    let by_common_name = clients.client("Billing App", &[]);
    let another = clients.client("Shipping App", &["shipping.internal"]);
    let foreign = others.client("Billing App", &["billing.internal"]);
    let ended = clients.ended_client("Billing App");
    let server = clients.server(&["billing.internal"]);
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        for (what, shown, any, named) in [
            ("nothing", None, REQUIRED, REQUIRED),
            ("the name", Some(&by_name), "", ""),
            ("the common name", Some(&by_common_name), "", ""),
            ("another name", Some(&another), "", NOT_ACCEPTED),
            ("another authority", Some(&foreign), NOT_ACCEPTED, NOT_ACCEPTED),
            ("one that has ended", Some(&ended), NOT_ACCEPTED, NOT_ACCEPTED),
            ("one that is for servers", Some(&server), NOT_ACCEPTED, NOT_ACCEPTED),
        ] {
            let visitor = Visitor::speaking(&authority, shown, &[version], &["http/1.1"]);
            upstream.clear();
            get(&visitor, &node, "/open/", &production).expect(200);
            // Asked for by the base, and not in this environment.
            get(&visitor, &node, "/any/", &staging).expect(200);
            for (path, code) in [("/any/", any), ("/named/", named)] {
                let reply = get(&visitor, &node, path, &production);
                if code.is_empty() {
                    assert_eq!(reply.status, 200, "{what} {path}");
                } else {
                    assert_eq!((reply.status, reply.json()["code"].as_str()), (403, Some(code)), "{what} {path}");
                    assert!(reply.header("proxy-status").unwrap().contains("http_request_denied"));
                }
            }
            let passed = 2 + usize::from(any.is_empty()) + usize::from(named.is_empty());
            assert_eq!(upstream.count(), passed, "{what}: the upstream sees what is accepted alone");
        }
    }

    // A resumed session is of the client that began it.
    let visitor = Visitor::new(&authority, Some(&by_name));
    get(&visitor, &node, "/named/", &production).expect(200);
    let mut visit = visitor.open(node.gateway(), "localhost").unwrap();
    assert!(visit.resumed());
    let request =
        |path: &str| testkit::wire::request("GET", path, &[("Host", "localhost"), ("Keyroll-Key", &production)], b"");
    for path in ["/named/", "/open/", "/any/", "/named/"] {
        assert_eq!(visit.call(&request(path)).unwrap().status, 200, "{path}");
    }
    // What the route asks for changes under an open connection, which is held against it from then on.
    let stricter = json!({"base": {"tls": {"client_names": ["nobody.internal"]}}});
    node.api("PATCH", "/v1/routes/named", Some(&stricter)).expect(200);
    crate::house::eventually("the open connection is refused", || {
        visit.call(&request("/named/")).unwrap().status == 403
    });
    assert_eq!(visit.call(&request("/any/")).unwrap().status, 200);
    node.stop();
}

#[test]
fn what_a_route_asks_for_is_checked_when_it_is_saved() {
    let node = testkit::TestNode::start(crate::house::KEYROLL);
    let ca = Authority::new().ca_pem();
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (tls, pointer, code) in [
        (json!({"client_authorities": "nonsense"}), "/base/tls/client_authorities", "certificate-invalid"),
        (json!({"client_authorities": format!("{ca}{broken}")}), "/base/tls/client_authorities", "certificate-invalid"),
        (json!({"client_authorities": ca, "client_names": []}), "/base/tls/client_names", "client-names-invalid"),
        (json!({"client_authorities": ca, "client_names": [""]}), "/base/tls/client_names/0", "client-names-invalid"),
        (json!({"client_names": ["app"]}), "/base/tls/client_names", "client-names-invalid"),
    ] {
        let body = json!({"name": "r", "base": {"upstream": "https://a.example", "tls": tls}, "environments": {"staging": {}}});
        let reply = node.api("POST", "/v1/routes", Some(&body)).expect(422).json();
        assert_eq!(
            (reply["errors"][0]["pointer"].as_str(), reply["errors"][0]["code"].as_str()),
            (Some(pointer), Some(code))
        );
    }
    let tls = json!({"client_authorities": ca, "client_names": ["app"]});
    let body =
        json!({"name": "r", "base": {"upstream": "https://a.example", "tls": tls}, "environments": {"staging": {}}});
    let made = node.api("POST", "/v1/routes", Some(&body)).expect(201).json();
    assert_eq!(made["base"]["tls"], tls);
    // Over plain text nobody can show a certificate.
    let key = client(&node, "shop", "staging");
    crate::house::eventually("the route asks", || {
        let reply = node.gateway_get("/r/", &[("Keyroll-Key", &key)]);
        reply.status == 403 && reply.json()["code"] == REQUIRED
    });
}
