//! The edges between our crates, and what each must not contain: the map of the architecture.

use serde_json::Value;

use super::Finding;

/// A crate, what it may import of ours, and what from outside it must do without.
struct Place {
    name: &'static str,
    imports: &'static [&'static str],
    without: &'static [&'static str],
    so_that: &'static str,
}

const ASYNC: &str = "tokio";

const MAP: [Place; 11] = [
    Place {
        name: "model",
        imports: &[],
        without: &[ASYNC, "hyper", "axum", "rusqlite", "rustls", "aws-lc-rs", "tracing"],
        so_that: "every rule is a pure function with table tests",
    },
    Place {
        name: "envelope",
        imports: &["model"],
        without: &[ASYNC, "http", "hyper", "axum", "rusqlite", "rustls"],
        so_that: "all cryptography is reviewable in an hour",
    },
    Place {
        name: "store",
        imports: &["model"],
        // TLS it has: towards the database server.
        without: &["http", "hyper", "axum"],
        so_that: "the database layer cannot see a plaintext",
    },
    Place {
        name: "outbound",
        imports: &["model"],
        without: &["axum", "rusqlite"],
        so_that: "whoever sends a credential out does it through this one door",
    },
    Place {
        name: "gateway",
        imports: &["model", "outbound"],
        without: &["axum", "rusqlite"],
        so_that: "traffic flows with the database down",
    },
    Place {
        name: "engine",
        imports: &["model", "envelope", "store", "outbound"],
        without: &["axum", "hyper", "rusqlite"],
        so_that: "rotations run without the API",
    },
    Place {
        name: "api",
        imports: &[],
        without: &["axum", "rusqlite"],
        so_that: "the wire contract changes only on purpose",
    },
    Place {
        name: "control",
        imports: &["model", "envelope", "store", "outbound", "api"],
        without: &["rusqlite"],
        so_that: "a handler ends at its commit",
    },
    Place {
        name: "keyroll",
        imports: &["model", "envelope", "store", "outbound", "gateway", "engine", "api", "control"],
        without: &[],
        so_that: "wiring is in one place",
    },
    Place {
        name: "testkit",
        imports: &[],
        without: &[ASYNC, "hyper", "axum"],
        so_that: "a mistake in a crate cannot hide in the tool that tests it",
    },
    Place { name: "xtask", imports: &[], without: &[], so_that: "it builds in seconds and when all else is broken" },
];

/// What tests may import beyond the map: the crate, and the imports.
const IN_TESTS: [(&str, &[&str]); 8] = [
    ("keyroll", &["testkit"]),
    ("envelope", &["testkit"]),
    ("store", &["testkit"]),
    ("outbound", &["testkit"]),
    ("gateway", &["testkit"]),
    ("engine", &["testkit"]),
    ("api", &["testkit"]),
    ("control", &["testkit"]),
];

/// `metadata` is what `cargo metadata --no-deps` writes.
pub(super) fn check(metadata: &Value) -> Vec<Finding> {
    let none = Vec::new();
    let packages = metadata["packages"].as_array().unwrap_or(&none);
    let ours: Vec<&str> = packages.iter().map(|p| text(p, "name")).collect();
    let mut findings = Vec::new();
    for package in packages {
        let name = text(package, "name");
        let Some(place) = MAP.iter().find(|p| p.name == name) else {
            let what = format!("crate `{name}` is not on the map: add it with the import it forbids");
            findings.push(Finding::new(manifest(package), 0, "edges", what));
            continue;
        };
        for dependency in package["dependencies"].as_array().unwrap_or(&none) {
            let other = text(dependency, "name");
            let in_tests = text(dependency, "kind") == "dev";
            let allowed = if ours.contains(&other) {
                place.imports.contains(&other) || (in_tests && may_in_tests(name, other))
            } else {
                in_tests || !place.without.contains(&other)
            };
            if !allowed {
                let what = format!("`{name}` must not import `{other}`, so that {}", place.so_that);
                findings.push(Finding::new(manifest(package), 0, "edges", what));
            }
        }
    }
    findings
}

fn may_in_tests(name: &str, other: &str) -> bool {
    IN_TESTS.iter().any(|(crate_, imports)| *crate_ == name && imports.contains(&other))
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// The manifest's path from the root, as far as it can be told.
fn manifest(package: &Value) -> String {
    let path = text(package, "manifest_path");
    let from = path.rfind("/crates/").or_else(|| path.rfind("/xtask/"));
    from.and_then(|at| path.get(at + 1..)).unwrap_or(path).to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Findings when this crate has this dependency of this kind, among all crates of the map.
    fn with(name: &str, other: &str, kind: Option<&str>) -> Vec<Finding> {
        let packages: Vec<Value> = MAP
            .iter()
            .map(|p| {
                let dependencies = if p.name == name { json!([{"name": other, "kind": kind}]) } else { json!([]) };
                let path = format!("/somewhere/crates/{}/Cargo.toml", p.name);
                json!({"name": p.name, "manifest_path": path, "dependencies": dependencies})
            })
            .collect();
        check(&json!({"packages": packages}))
    }

    #[test]
    fn the_arrows_of_the_design_pass_and_all_others_fail() {
        for from in &MAP {
            for to in MAP.iter().filter(|to| to.name != from.name) {
                let good = from.imports.contains(&to.name);
                let findings = with(from.name, to.name, None);
                assert_eq!(findings.is_empty(), good, "{} imports {}", from.name, to.name);
            }
        }
        // Spelled out, so that a mistake in the table is noticed.
        for (from, to) in [
            ("store", "envelope"),
            ("gateway", "store"),
            ("gateway", "envelope"),
            ("control", "engine"),
            ("control", "gateway"),
            ("engine", "control"),
            ("api", "model"),
            ("model", "api"),
            ("keyroll", "testkit"),
        ] {
            let findings = with(from, to, None);
            assert_eq!(findings.len(), 1, "{from} imports {to}");
            let line = findings[0].to_string();
            let start = format!("crates/{from}/Cargo.toml: [edges] `{from}` must not import `{to}`");
            assert!(line.starts_with(&start), "{line}");
        }
        assert!(with("gateway", "outbound", None).is_empty());
    }

    #[test]
    fn tests_have_edges_of_their_own() {
        assert!(with("keyroll", "testkit", Some("dev")).is_empty());
        assert!(with("gateway", "testkit", Some("dev")).is_empty());
        assert!(with("gateway", "outbound", Some("dev")).is_empty());
        assert_eq!(with("gateway", "store", Some("dev")).len(), 1);
        assert_eq!(with("model", "testkit", Some("dev")).len(), 1);
        assert_eq!(with("keyroll", "testkit", Some("build")).len(), 1);
    }

    #[test]
    fn what_a_crate_does_without_is_kept_out_of_the_crate_but_not_of_its_tests() {
        for (name, other, good) in [
            ("gateway", "rusqlite", false),
            ("gateway", "hyper", true),
            ("model", "tokio", false),
            ("model", "http", true),
            ("envelope", "hyper", false),
            ("store", "rusqlite", true),
        ] {
            assert_eq!(with(name, other, None).is_empty(), good, "{name} with {other}");
            assert!(with(name, other, Some("dev")).is_empty(), "tests of {name} with {other}");
        }
    }

    #[test]
    fn a_crate_without_a_place_is_noticed() {
        let metadata = json!({"packages": [{"name": "extra", "dependencies": []}]});
        assert!(check(&metadata)[0].what.starts_with("crate `extra` is not on the map"));
    }
}
