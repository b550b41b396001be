//! Nextest, and the proof by its own list and report that no test on PostgreSQL was left out.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::cluster::Cluster;
use crate::shell::{self, Failed, cargo, step};

/// A test on PostgreSQL has this as a part of its name, as in `store::api secrets::postgres::create`.
const PART: &str = "postgres";

/// Which tests are run; the long ones are ignored otherwise.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Which {
    Ordinary,
    Soak,
}

pub(crate) fn is_there() -> bool {
    shell::succeeds(&mut cargo(["nextest", "--version"]))
}

/// Runs these tests on this cluster. The last words are nextest's own, its summary, unless
/// something is wrong.
///
/// # Errors
/// When a test fails, and when one on PostgreSQL was not run.
pub(crate) fn run(which: Which, cluster: &Cluster) -> Result<(), Failed> {
    let (name, profile) = match which {
        Which::Ordinary => ("tests", "default"),
        Which::Soak => ("soak", "soak"),
    };
    let listed = shell::output(&mut list())?;
    let report = report(profile);
    // A report of another run would prove nothing of this one.
    if report.exists() {
        fs::remove_file(&report)?;
    }
    let mut run = cargo(["nextest", "run", "--workspace", "--no-fail-fast", "--profile", profile]);
    if which == Which::Soak {
        run.args(["--run-ignored", "only"]);
    }
    cluster.invite(&mut run);
    step(name, &mut run)?;
    let report = fs::read_to_string(&report).map_err(|e| Failed::new(format!("{}: {e}", report.display())))?;
    let listed = serde_json::from_str(&listed).map_err(|e| Failed::new(format!("nextest list: {e}")))?;
    judge(which, &listed, &report).map_err(|why| Failed::new(format!("step `{name}` failed: {why}")))
}

/// All tests there are: a filter of the configuration would hide them from this list too.
fn list() -> Command {
    let mut list = cargo(["nextest", "list", "--workspace", "--ignore-default-filter", "--cargo-quiet"]);
    list.args(["--message-format", "json"]);
    list
}

/// Where `.config/nextest.toml` puts it.
fn report(profile: &str) -> PathBuf {
    shell::root().join("target/nextest").join(profile).join("junit.xml")
}

fn judge(which: Which, listed: &Value, report: &str) -> Result<(), String> {
    let expected = on_postgres(which, listed);
    if expected.is_empty() && which == Which::Ordinary {
        return Err(format!("there is no test with `{PART}` as a part of its name"));
    }
    let left_out = expected.iter().filter(|t| !was_run(t, report));
    let left_out: Vec<String> = left_out.map(|t| format!("{} {}", t.binary, t.name)).collect();
    if left_out.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{} of {} tests on PostgreSQL were left out:\n  {}",
        left_out.len(),
        expected.len(),
        left_out.join("\n  ")
    ))
}

struct Test {
    binary: String,
    name: String,
}

/// The tests on PostgreSQL that must be run. Those that are ignored are the long ones: tidy
/// allows no other reason.
fn on_postgres(which: Which, listed: &Value) -> Vec<Test> {
    let none = serde_json::Map::new();
    let mut tests = Vec::new();
    for (binary, suite) in listed["rust-suites"].as_object().unwrap_or(&none) {
        for (name, case) in suite["testcases"].as_object().unwrap_or(&none) {
            let part = binary.split("::").chain(name.split("::")).any(|p| p == PART);
            if part && (case["ignored"] == true) == (which == Which::Soak) {
                tests.push(Test { binary: binary.clone(), name: name.clone() });
            }
        }
    }
    tests
}

/// Whether the report has this test, and not as a skipped one. Names of tests have no characters
/// that XML would write otherwise.
fn was_run(test: &Test, report: &str) -> bool {
    let cases = report.split("<testcase ").skip(1);
    cases.filter_map(|case| case.split_once('>')).any(|(attributes, rest)| {
        let is = |attribute: &str, value: &str| attributes.contains(&format!("{attribute}=\"{value}\""));
        let within = rest.split("</testcase>").next().unwrap_or_default();
        is("name", &test.name) && is("classname", &test.binary) && !within.contains("<skipped")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const REPORT: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="nextest-run" tests="3">
    <testsuite name="store::api" tests="2">
        <testcase name="secrets::postgres::create" classname="store::api" time="0.1">
        </testcase>
        <testcase name="secrets::postgres::delete" classname="store::api" time="0.1">
            <skipped/>
        </testcase>
    </testsuite>
    <testsuite name="store::postgres" tests="1">
        <testcase name="opens" classname="store::postgres" time="0.1"/>
    </testsuite>
</testsuites>"#;

    fn listed(tests: &[(&str, &str, bool)]) -> Value {
        let mut suites = json!({});
        for (binary, name, ignored) in tests {
            suites[*binary]["testcases"][*name] = json!({"ignored": ignored});
        }
        json!({"rust-suites": suites})
    }

    #[test]
    fn every_test_on_postgresql_must_have_been_run() {
        let (create, opens) = (("store::api", "secrets::postgres::create", false), ("store::postgres", "opens", false));
        let other = ("store::api", "secrets::sqlite::postgresque", false);
        assert_eq!(judge(Which::Ordinary, &listed(&[create, opens, other]), REPORT), Ok(()));
        for absent in [
            ("store::api", "secrets::postgres::delete", false),
            ("store::api", "secrets::postgres::creat", false),
            ("store::apis", "secrets::postgres::create", false),
        ] {
            let why = judge(Which::Ordinary, &listed(&[create, absent]), REPORT).unwrap_err();
            assert_eq!(why, format!("1 of 2 tests on PostgreSQL were left out:\n  {} {}", absent.0, absent.1));
        }
    }

    #[test]
    fn there_must_be_one() {
        let why = judge(Which::Ordinary, &listed(&[("store::api", "sqlite::create", false)]), REPORT).unwrap_err();
        assert_eq!(why, "there is no test with `postgres` as a part of its name");
        assert!(judge(Which::Ordinary, &json!({}), REPORT).is_err());
    }

    #[test]
    fn the_long_ones_are_for_soak() {
        let long = ("store::api", "postgres::long", true);
        let create = ("store::api", "secrets::postgres::create", false);
        assert_eq!(judge(Which::Ordinary, &listed(&[create, long]), REPORT), Ok(()));
        assert!(judge(Which::Soak, &listed(&[create, long]), REPORT).is_err());
        assert_eq!(judge(Which::Soak, &listed(&[create]), REPORT), Ok(()));
    }
}
