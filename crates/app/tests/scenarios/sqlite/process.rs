//! The process: first start, what is written where, who is let in, how it stops, what it says of a bad configuration.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Answer, NodeOptions, TestNode, Upstream};

use crate::house::{KEYROLL, client, route, secret, served};

#[test]
fn the_first_start_makes_what_a_user_needs_and_the_second_makes_nothing() {
    let mut node = TestNode::start(KEYROLL);
    let mode = |name: &str| std::fs::metadata(node.data_dir().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(""), mode("kek"), mode("admin-token"), mode("keyroll.db")), (0o700, 0o600, 0o600, 0o600));
    let list = node.api("GET", "/v1/environments", None).expect(200).json();
    let environments: Vec<_> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            (
                item["name"].as_str().unwrap().to_owned(),
                item["rank"].as_u64().unwrap(),
                item["protected"] == true,
                item["default"] == true,
            )
        })
        .collect();
    let expected = [("development", 0, false, false), ("staging", 1, false, false), ("production", 2, true, true)];
    assert_eq!(
        environments,
        expected.map(|(name, rank, protected, default)| (name.to_owned(), rank, protected, default))
    );
    assert!(!node.log().contains(node.token()), "the token is named, not shown");
    let token = node.token().to_owned();
    node.stop();
    assert!(!node.data_dir().join("run/addresses.json").exists(), "nobody listens there any longer");
    node.restart();
    assert_eq!(node.token(), token);
    let tokens = node.api("GET", "/v1/tokens", None).expect(200).json();
    assert_eq!(tokens["items"].as_array().unwrap().len(), 1);
    assert!(tokens["items"][0]["expires_at"].is_string());
}

#[test]
fn a_second_process_on_the_same_data_is_refused() {
    let node = TestNode::start(KEYROLL);
    let second = serve(&["--data-dir", node.data_dir().to_str().unwrap()]);
    assert_eq!(second.status.code(), Some(1), "{second:?}");
    node.api("GET", "/readyz", None).expect(200);
}

#[test]
fn a_bootstrap_token_from_the_environment_is_taken_and_erased() {
    let given = "a-bootstrap-token-of-more-than-32-characters";
    let node = NodeOptions::new(KEYROLL).env("KEYROLL_BOOTSTRAP_TOKEN", given).start();
    node.api_as(Some(given), "GET", "/v1/tokens", None).expect(200);
    assert!(!node.data_dir().join("admin-token").exists());
    let environ = std::fs::read(format!("/proc/{}/environ", node.pid())).unwrap_or_default();
    assert!(!environ.windows(given.len()).any(|window| window == given.as_bytes()));
    let directory = tempfile::tempdir().unwrap();
    let short = Command::new(KEYROLL)
        .args(["serve", "--gateway-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data-dir"])
        .arg(directory.path().join("data"))
        .env("KEYROLL_BOOTSTRAP_TOKEN", "too-short")
        .output()
        .unwrap();
    assert_eq!(short.status.code(), Some(1));
}

#[test]
fn sigterm_drains_what_is_in_flight_and_ends_well() {
    let mut node = TestNode::start(KEYROLL);
    let upstream = Upstream::start(|_| Answer::text(200, "late").after(Duration::from_millis(1_200)));
    secret(&node, "key", "sk_drained_0001");
    route(&node, "slow", &upstream.url(), &json!({"Authorization": "Bearer {{key}}"}));
    let key = client(&node, "shop", "production");
    served(&node, "/slow/", &key);
    std::thread::scope(|scope| {
        let answer = scope.spawn(|| node.gateway_get("/slow/", &[("Keyroll-Key", &key)]));
        std::thread::sleep(Duration::from_millis(400));
        Command::new("kill").args(["-TERM", &node.pid().to_string()]).status().unwrap();
        assert_eq!(answer.join().unwrap().expect(200).text(), "late");
    });
    assert_eq!(node.wait_exit(Duration::from_secs(5)).code(), Some(0));
}

#[test]
fn all_mistakes_of_a_configuration_are_told_at_once_with_their_places() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("keyroll.toml");
    let text = "[gateway]\nlisten = \"0.0.0.0:8080\"\ndrain_timeout = \"soon\"\n[policy]\nretention = \"1h\"\nmax_staleness = \"2h\"\nretentoin = \"3h\"\n[nonsense]\n";
    std::fs::write(&file, text).unwrap();
    let output =
        serve(&["--config", file.to_str().unwrap(), "--data-dir", directory.path().join("data").to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    for part in
        ["keyroll.toml:2", "keyroll.toml:3", "keyroll.toml:6", "keyroll.toml:7", "keyroll.toml:8", "allow_plaintext"]
    {
        assert!(told.contains(part), "{part} is not in:\n{told}");
    }
    assert!(!directory.path().join("data/keyroll.db").exists(), "nothing is made before the configuration is right");
    let schema = Command::new(KEYROLL).args(["config", "schema"]).output().unwrap();
    let schema: Value = serde_json::from_slice(&schema.stdout).unwrap();
    assert!(schema["properties"]["policy"].is_object() || schema["$defs"].is_object());
}

#[test]
fn exit_codes_say_what_kind_of_no_it_was() {
    let node = TestNode::start(KEYROLL);
    secret(&node, "key", "sk_for_exit_codes");
    node.cli(&["secret", "get", "key"], "").expect(0);
    node.cli(&["secret", "get"], "").expect(1);
    node.cli(&["secret", "create", "9bad", "--value-stdin"], "some-long-value").expect(2);
    let missing = node.cli(&["secret", "get", "kye"], "").expect(3);
    assert!(missing.stderr.contains("key"), "{}", missing.stderr);
    node.cli_as(Some("krt_wrong"), &["secret", "list"], "").expect(4);
    node.cli(&["secret", "create", "key", "--value-stdin"], "some-long-value").expect(5);
}

/// Runs `serve` where it is expected to end by itself.
fn serve(args: &[&str]) -> std::process::Output {
    let mut command = Command::new(KEYROLL);
    command.args(["serve", "--gateway-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    if args.contains(&"--config") {
        // The listeners under test are the file's.
        command = Command::new(KEYROLL);
        command.arg("serve");
    }
    command.args(args).env_clear().output().unwrap()
}

#[test]
fn health_is_told_by_the_exit_code() {
    let health = |address: &str| {
        let output = Command::new(KEYROLL).args(["health", "--timeout", "5", "--addr", address]).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let mut node = TestNode::start(KEYROLL);
    let admin = node.admin().to_owned();
    assert_eq!(health(&admin), (Some(0), "ready\n".to_owned(), String::new()));
    node.stop();
    assert_eq!(health(&admin).0, Some(2));

    let check = |name: &str, detail: &str| json!({"name": name, "ready": detail.is_empty(), "detail": detail});
    let told = json!({"status": "not ready", "checks": [check("database", "gone"), check("running", "")]});
    let away = Upstream::start(move |_| Answer::text(503, told.to_string()));
    let (code, said, talk) = health(&away.url());
    assert_eq!((code, said.as_str()), (Some(2), ""));
    assert!(talk.contains("not ready: database: gone"), "{talk}");
}

#[test]
fn a_key_is_made_once_and_serves_a_first_start() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("kek");
    let create = || {
        let made = Command::new(KEYROLL).args(["key", "generate", "--create", "--kek-file"]).arg(&file).output();
        made.unwrap().status.code()
    };
    assert_eq!(create(), Some(0));
    let made = std::fs::read(&file).unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!((create(), std::fs::read(&file).unwrap()), (Some(1), made.clone()), "it is never written over");

    let node = NodeOptions::new(KEYROLL).env("KEYROLL_KEYS__KEK_FILE", file.to_str().unwrap()).start();
    secret(&node, "key", "sk_sealed_0001");
    assert!(!node.data_dir().join("kek").exists());
    assert_eq!(std::fs::read(&file).unwrap(), made);
}
