//! Tables of configurations and of mistakes.

use std::path::PathBuf;

use super::keys::Settings;
use super::*;

/// A configuration from a file's text and some variables.
struct Case {
    dir: tempfile::TempDir,
    flags: Flags,
    variables: Variables,
}

fn case(text: &str, variables: &[(&str, &str)]) -> Case {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keyroll.toml");
    std::fs::write(&path, text).unwrap();
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Case { flags: Flags { config: Some(path), ..Flags::default() }, variables: Variables(variables.collect()), dir }
}

impl Case {
    fn load(&self) -> Result<Loaded, String> {
        let folder = format!("{}/", self.dir.path().display());
        load(&self.flags, &self.variables).map_err(|mistakes| mistakes.to_string().replace(&folder, ""))
    }
}

#[test]
fn nothing_set_gives_the_defaults_of_the_contract() {
    let loaded = case("", &[]).load().unwrap();
    assert_eq!(loaded.config, Config::default());
    assert_eq!(loaded.config.gateway.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(loaded.config.admin.listen.to_string(), "127.0.0.1:8081");
    assert_eq!(loaded.config.gateway.drain_timeout.to_string(), "30s");
    assert_eq!(loaded.config.policy.retention.to_string(), "48h");
    assert_eq!(loaded.config.policy.max_staleness.to_string(), "24h");
    assert_eq!(loaded.data_dir, PathBuf::from("keyroll-data"));
}

#[test]
fn everything_can_be_set_in_the_file() {
    let loaded = case(
        r#"
        [gateway]
        listen = "10.1.2.3:80"
        drain_timeout = "5s"
        allow_plaintext = true
        allow_private_upstreams = ["10.0.0.0/8", "fd00::1"]
        [admin]
        listen = "[::1]:0"
        [database]
        url = "sqlite:///var/lib/keyroll/it.db"
        [keys]
        kek_file = "/etc/keyroll/kek"
        [policy]
        retention = "30d"
        max_staleness = "1h"
        rotation_windows = ["* 9-16 * * MON-FRI Europe/Berlin", "0-29 20 * * SUN UTC"]
        rotation_gap = "15m"
        [log]
        level = "debug"
        format = "json"
        access = true
        "#,
        &[],
    );
    let config = loaded.load().unwrap().config;
    assert_eq!(config.gateway.listen.port(), 80);
    assert_eq!(config.gateway.allow_private_upstreams.len(), 2);
    assert_eq!(
        config.database.url.map(|url| url.0),
        Some(store::DatabaseUrl::SqliteFile("/var/lib/keyroll/it.db".into()))
    );
    assert_eq!((config.log.level, config.log.format, config.log.access), (Level::Debug, Format::Json, true));
    assert_eq!(config.policy.retention.to_string(), "30d");
    assert_eq!((config.policy.rotation_windows.len(), config.policy.rotation_gap.to_string()), (2, "15m".to_owned()));
}

#[test]
fn flags_go_before_variables_before_the_file() {
    let mut case = case(
        "[gateway]\nlisten = \"127.0.0.1:1\"\n[admin]\nlisten = \"127.0.0.1:2\"\n[log]\nlevel = \"warn\"\n",
        &[("KEYROLL_GATEWAY__LISTEN", "127.0.0.1:3"), ("KEYROLL_ADMIN__LISTEN", "127.0.0.1:4")],
    );
    case.flags.gateway_listen = Some("127.0.0.1:5".to_owned());
    let loaded = case.load().unwrap();
    let ports = (loaded.config.gateway.listen.port(), loaded.config.admin.listen.port());
    assert_eq!((ports, loaded.config.log.level), ((5, 4), Level::Warn));

    let shown = show(&loaded);
    assert!(shown.contains("listen = \"127.0.0.1:5\"  # --gateway-listen\n"), "{shown}");
    assert!(shown.contains("listen = \"127.0.0.1:4\"  # KEYROLL_ADMIN__LISTEN\n"), "{shown}");
    assert!(shown.contains("keyroll.toml:6\n"), "{shown}");
    assert!(shown.contains("retention = \"48h\"  # default\n"), "{shown}");
    assert!(shown.contains("# url is not set\n"), "{shown}");
    let reread: toml::de::DeTable<'_> = toml::de::DeTable::parse(&shown).unwrap().into_inner();
    assert_eq!(reread.len(), 7, "what is shown is a configuration file again");
}

#[test]
fn variables_are_read_by_kind_and_from_files() {
    let case = case("", &[]);
    let path = case.dir.path().join("level");
    std::fs::write(&path, "trace\n").unwrap();
    let variables = [
        ("KEYROLL_LOG__LEVEL_FILE", path.to_str().unwrap()),
        ("KEYROLL_LOG__ACCESS", "true"),
        ("KEYROLL_GATEWAY__ALLOW_PRIVATE_UPSTREAMS", "10.0.0.0/8, 192.168.1.1"),
        ("KEYROLL_KEYS__KEK_FILE", "/run/kek"),
        ("STATE_DIRECTORY", "/var/lib/keyroll:/var/lib/other"),
        // None of these is a setting, and none is a misspelt one.
        ("KEYROLL_ADDR", "http://127.0.0.1:8081"),
        ("KEYROLL_TOKEN", "krt_x"),
        ("KEYROLL_SERVICE_HOST", "10.0.0.1"),
        ("KEYROLL_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
    ];
    let variables = Variables(variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect());
    let loaded = load(&case.flags, &variables).unwrap();
    assert_eq!((loaded.config.log.level, loaded.config.log.access), (Level::Trace, true));
    assert_eq!(loaded.config.gateway.allow_private_upstreams.len(), 2);
    assert_eq!(loaded.config.keys.kek_file, Some("/run/kek".into()));
    assert_eq!(loaded.data_dir, PathBuf::from("/var/lib/keyroll"));
}

#[test]
fn every_mistake_is_reported_once_with_its_place() {
    let mut case = case(
        r#"[gateway]
listn = "127.0.0.1:8080"
drain_timeout = "soon"
allow_private_upstreams = [
    "10.0.0.0/8",
    "10.0.0.0/33",
    "db.internal",
]
allow_plaintext = "yes"

[admin]
listen = "0.0.0.0:8081"
tls.cert = "/nowhere/cert.pem"

[log]
level = "loud"
broken = = 5

[polciy]
retention = "1h"

[policy]
retention = "12h"
"#,
        &[
            ("KEYROLL_LOG__FORMT", "json"),
            ("KEYROLL_LOG__ACCESS", "perhaps"),
            ("KEYROLL_GATEWAY_LISTEN", "127.0.0.1:1"),
            ("KEYROLL_KEYS__KEK_FILE_FILE", "/nowhere/kek"),
        ],
    );
    case.flags.gateway_listen = Some("localhost:8080".to_owned());
    case.flags.database = Some("postgres://keyroll:hunter2@db:port/keyroll".to_owned());
    let report = case.load().unwrap_err();
    assert!(!report.contains("hunter2"), "{report}");
    insta::assert_snapshot!(report, @r#"
    the configuration has 17 mistakes
      keyroll.toml:2: gateway.listn is not a setting; did you mean gateway.listen?
      keyroll.toml:3: gateway.drain_timeout: is not a duration: an integer and one of ms, s, m, h, d, such as 250ms, 30s or 48h
      keyroll.toml:6: gateway.allow_private_upstreams: is not a network, such as 10.0.0.0/8 or fd00::/8
      keyroll.toml:7: gateway.allow_private_upstreams: is not a network, such as 10.0.0.0/8 or fd00::/8
      keyroll.toml:9: gateway.allow_plaintext: invalid type: string "yes", expected a boolean
      keyroll.toml:13: admin.tls.cert needs admin.tls.key beside it
      keyroll.toml:13: admin.tls.cert: the file cannot be read: No such file or directory (os error 2)
      keyroll.toml:16: log.level: unknown variant `loud`, expected one of `error`, `warn`, `info`, `debug`, `trace`
      keyroll.toml:17: extra `=`, expected nothing
      keyroll.toml:19: polciy is not a setting; did you mean policy?
      keyroll.toml:23: policy.max_staleness (24h) has to be less than policy.retention (12h): a node could still hold a secret that may be deleted
      KEYROLL_GATEWAY_LISTEN: is not a setting; did you mean KEYROLL_GATEWAY__LISTEN?
      KEYROLL_KEYS__KEK_FILE_FILE: /nowhere/kek cannot be read: No such file or directory (os error 2)
      KEYROLL_LOG__ACCESS: log.access: invalid type: string "perhaps", expected a boolean
      KEYROLL_LOG__FORMT: is not a setting; did you mean KEYROLL_LOG__FORMAT?
      --database: database.url: the database URL cannot be read; write postgres://USER:PASSWORD@HOST:PORT/NAME, with characters such as @, / and : of a password percent-encoded
      --gateway-listen: gateway.listen: is not an IP address and a port, such as 127.0.0.1:8080 or [::1]:8080
    "#);
}

#[test]
fn rules_between_settings() {
    let table: [(&str, Option<&str>); 15] = [
        ("[gateway]\nlisten = '0.0.0.0:80'", Some("keyroll.toml:2: gateway.listen: 0.0.0.0:80 can be reached")),
        ("[gateway]\nlisten = '0.0.0.0:80'\nallow_plaintext = true", None),
        ("[admin]\nlisten = '192.168.0.1:80'", Some("keyroll.toml:2: admin.listen: 192.168.0.1:80 can be reached")),
        ("[admin]\nlisten = '[::1]:80'", None),
        ("[admin]\nlisten = '127.0.0.1:8080'", Some("keyroll.toml:2: gateway and admin cannot listen")),
        ("[policy]\nmax_staleness = '48h'", Some("keyroll.toml:2: policy.max_staleness (48h) has to be less")),
        ("[policy]\nmax_staleness = '47h'", None),
        ("[policy]\nrotation_windows = ['* * * * * UTC']", None),
        (
            "[policy]\nrotation_windows = [\n'* * * * * UTC',\n'* 25 * * * UTC']",
            Some("keyroll.toml:4: policy.rotation_windows: is not a window, such as"),
        ),
        (
            "[policy]\nrotation_windows = ['* * 31 6 * UTC']",
            Some("keyroll.toml:2: policy.rotation_windows: never opens"),
        ),
        ("[gateway.tls]\nkey = '/dev/null'", Some("keyroll.toml:2: gateway.tls.key needs gateway.tls.cert")),
        (
            "[gateway.tls]\nmore = ['/dev/null:/dev/null']",
            Some("keyroll.toml:2: gateway.tls.more needs gateway.tls.cert"),
        ),
        (
            "[admin.tls]\nmore = ['/dev/null']",
            Some("keyroll.toml:2: admin.tls.more: is not CERT:KEY, the paths of two"),
        ),
        (
            "[gateway.tls]\ncert = '/dev/null'\nkey = '/dev/null'\nmore = ['/dev/null:/nowhere']",
            Some("keyroll.toml:4: gateway.tls.more: /nowhere cannot be read"),
        ),
        ("gateway = 5", Some("keyroll.toml:1: gateway is a section: write [gateway]")),
    ];
    for (text, expected) in table {
        match (case(text, &[]).load(), expected) {
            (Ok(_), None) => {}
            (Err(report), Some(expected)) => {
                assert!(report.starts_with("the configuration has a mistake\n"), "{report}");
                assert!(report.contains(expected), "{report}");
            }
            (result, _) => panic!("{text}: {result:?}"),
        }
    }
}

#[test]
fn a_file_that_is_named_has_to_exist() {
    let mut case = case("", &[("KEYROLL_CONFIG", "/nowhere/at/all.toml")]);
    assert!(case.load().is_ok(), "the flag goes before the variable");
    case.flags.config = None;
    assert!(case.load().unwrap_err().contains("KEYROLL_CONFIG: /nowhere/at/all.toml does not exist"));
    case.flags.config = Some("/nowhere/either.toml".into());
    assert!(case.load().unwrap_err().contains("--config: /nowhere/either.toml does not exist"));
}

#[test]
fn a_value_and_its_file_exclude_each_other() {
    let report = case("", &[("KEYROLL_LOG__LEVEL", "info"), ("KEYROLL_LOG__LEVEL_FILE", "/x")]).load().unwrap_err();
    assert!(report.contains("KEYROLL_LOG__LEVEL_FILE: is set beside KEYROLL_LOG__LEVEL"), "{report}");
}

#[test]
fn every_setting_is_described_and_in_the_reference() {
    let settings = Settings::derive();
    assert_eq!(settings.all.len(), 26);
    let (reference, schema) = (reference(), schema());
    for setting in &settings.all {
        assert!(!setting.description.is_empty(), "{}", setting.path);
        assert!(reference.contains(&format!("`{}`", setting.variable())), "{}", setting.path);
    }
    assert!(reference.contains("One of `error`, `warn`, `info`, `debug`, `trace`."), "{reference}");
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    assert_eq!(schema.pointer("/properties/gateway/additionalProperties"), Some(&false.into()));
    assert_eq!(schema.pointer("/properties/log/properties/level/default"), Some(&"info".into()));
}

#[test]
fn a_reload_knows_what_changed() {
    let one = case("[log]\nlevel = 'warn'", &[]).load().unwrap().config;
    let other = case("[log]\nlevel = 'info'\n[gateway]\ntls.cert = '/dev/null'\ntls.key = '/dev/null'", &[]);
    let other = other.load().unwrap().config;
    assert_eq!(difference(&one, &one), Vec::<String>::new());
    let mut changed = difference(&one, &other);
    changed.sort();
    assert_eq!(changed, ["gateway.tls.cert", "gateway.tls.key", "log.level"]);
}
