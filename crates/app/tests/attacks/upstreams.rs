//! Upstreams that must not be reached: addresses, names, certificates, proxies of the environment.

use serde_json::json;
use testkit::{Answer, Authority, Connection, NodeOptions, Upstream};

use crate::scene::{KEYROLL, Scene, VALUE, client, route, spec};

/// Spellings under which a route cannot be saved, each with why.
const REFUSED: &[(&str, &str)] = &[
    ("http://169.254.169.254", "metadata"),
    ("http://[fd00:ec2::254]", "metadata"),
    ("http://100.100.100.200", "metadata"),
    ("http://127.1", "a short spelling"),
    ("http://2130706433", "a number"),
    ("http://0x7f000001", "hexadecimal"),
    ("http://0177.0.0.1", "octal"),
    ("http://[::ffff:127.0.0.1]", "IPv4-mapped"),
    ("https://[::ffff:169.254.169.254]", "IPv4-mapped"),
    ("http://localhost.", "a trailing dot"),
    ("https://api.example.com.", "a trailing dot"),
    ("http://0.0.0.0", "this host"),
    ("http://user@127.0.0.1", "a user"),
    ("http://api.example.com", "plain text to a name"),
    ("http://8.8.8.8", "plain text to a public address"),
    ("https://api.example.com/a/../b", "dot segments"),
    ("https://api.example.com/x#y", "a fragment"),
    ("ftp://127.0.0.1", "another scheme"),
    ("file:///etc/passwd", "another scheme"),
];

#[test]
fn addresses_inside_cannot_be_named_in_disguise() {
    let scene = Scene::start();
    for (upstream, why) in REFUSED {
        let reply = scene.node.api("POST", "/v1/routes", Some(&spec("ssrf", upstream, &json!({}))));
        let told = reply.text();
        // A metadata address can be named in so many words under TLS or plain text to it is refused: never silently.
        let refused = (reply.status == 422 && told.contains("upstream-invalid")) || reply.status == 400;
        assert!(refused, "{upstream} ({why}): {} {told}", reply.status);
        assert_eq!(scene.node.api("GET", "/v1/routes/ssrf", None).status, 404, "{upstream}");
    }
    // The twin: an address that is named as it is.
    route(&scene.node, "named", &scene.upstream.url(), &json!({}));
    let all = client(&scene.node, "all", &json!(["*"]));
    scene.eventually("the route is served", || {
        scene.node.gateway_get("/named/x", &[("Keyroll-Key", &all)]).status == 200
    });
    scene.assert_sound();
}

#[test]
fn a_public_name_that_leads_inside_and_a_certificate_of_nobody_get_nothing() {
    let authority = Authority::new();
    let host = rustix::system::uname().nodename().to_string_lossy().to_ascii_lowercase();
    let secure = Upstream::tls(&authority, &["127.0.0.1", &host], |_| Answer::text(200, "secure"));
    let port = secure.address().port();
    let scene = Scene::with(NodeOptions::new(KEYROLL), |node| {
        // The machine's own name leads to the machine, or nowhere.
        route(node, "inside", &format!("https://{host}:{port}"), &json!({"tls": {"ca": authority.ca_pem()}}));
        route(node, "unverified", &secure.url(), &json!({}));
        route(node, "verified", &secure.url(), &json!({"tls": {"ca": authority.ca_pem()}}));
        for switch in ["insecure", "verify", "skip_verify", "danger_accept_invalid_certs"] {
            let body = spec("off", &secure.url(), &json!({"tls": {switch: true}}));
            let reply = node.api("POST", "/v1/routes", Some(&body));
            assert!(matches!(reply.status, 400 | 422), "verification has no switch: {}", reply.text());
        }
    });
    let all = client(&scene.node, "all", &json!(["*"]));
    let get = |path: &str| scene.node.gateway_get(path, &[("Keyroll-Key", &all)]);
    scene.eventually("the new client is served", || get("/verified/x").status == 200);
    secure.clear();
    let (inside, unverified) = (get("/inside/x").expect(502), get("/unverified/x").expect(502));
    assert_eq!(inside.json()["code"], "upstream-unreachable", "{}", inside.text());
    assert_eq!(unverified.json()["code"], "upstream-tls-failed");
    assert_eq!(secure.count(), 0, "nothing was sent");
    assert_eq!(get("/verified/x").text(), "secure");
    assert_eq!(secure.last().header("authorization"), Some(format!("Bearer {VALUE}")));
    scene.assert_sound();
}

#[test]
fn the_environment_s_proxy_is_not_asked() {
    let proxy = Upstream::ok();
    let mut options = NodeOptions::new(KEYROLL);
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        options = options.env(name, proxy.url());
    }
    let authority = Authority::new();
    let secure = Upstream::tls(&authority, &["127.0.0.1"], |_| Answer::text(200, "secure"));
    let scene = Scene::with(options, |node| {
        route(node, "verified", &secure.url(), &json!({"tls": {"ca": authority.ca_pem()}}));
    });
    let all = client(&scene.node, "all", &json!(["*"]));
    let get = |path: &str| scene.node.gateway_get(path, &[("Keyroll-Key", &all)]).status;
    scene.eventually("the new client is served", || get("/verified/x") == 200);
    assert_eq!(get("/r/x"), 200);
    let test = json!({"environment": "production", "path": "/x"});
    scene.node.api("POST", "/v1/routes/r/test", Some(&test)).expect(200);
    assert_eq!(proxy.connections(), 0);
    assert!(scene.upstream.records().iter().all(|record| record.all("authorization") == [format!("Bearer {VALUE}")]));
    scene.assert_sound();
}

#[test]
fn a_connection_that_speaks_to_no_upstream_of_ours_leaves_nothing_behind() {
    // Bytes that are no HTTP at all, on both listeners.
    let scene = Scene::start();
    for bytes in
        [&b"\x16\x03\x01\x02\x00\x01\x00"[..], b"\x05\x01\x00", b"SSH-2.0-x\r\n\r\n", b"PROXY TCP4 1 2 3 4\r\n\r\n"]
    {
        for address in [scene.node.gateway(), scene.node.admin()] {
            let mut connection = Connection::open(address).unwrap();
            connection.send(bytes).unwrap();
            let _ = connection.stream().get_ref().shutdown(std::net::Shutdown::Write);
            let answer = connection.reply(false);
            assert!(!answer.is_ok_and(|reply| reply.status < 400), "{bytes:?}");
        }
    }
    assert_eq!(scene.upstream.count(), 0);
    assert_eq!(scene.get("/r/x"), 200);
    scene.assert_sound();
}
