//! Which packages from outside may be built, and how many.
//!
//! The lists come from `cargo tree`, which names what is built; `Cargo.lock` also names what a
//! feature that nobody switches on would bring.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;

/// Packages and what to use instead.
const BANNED: [(&str, &str); 10] = [
    ("ring", "aws-lc-rs is the one cryptographic library"),
    ("openssl-sys", "TLS is rustls with aws-lc-rs"),
    ("native-tls", "TLS is rustls with aws-lc-rs"),
    ("reqwest", "requests go out through crate outbound"),
    ("ureq", "requests go out through crate outbound"),
    ("chrono", "time is jiff"),
    ("sqlx", "SQL is rusqlite"),
    ("sqlx-core", "SQL is rusqlite"),
    ("serde_yaml", "it is unmaintained; YAML is serde-saphyr"),
    ("figment", "configuration is our own overlay on toml"),
];

/// Packages that must be there in one version: two would be a second stack.
const SINGLE: [&str; 6] = ["http", "hyper", "rustls", "aws-lc-rs", "tokio", "rusqlite"];

/// Packages in the binary, ours included; a cold build on two cores takes about two minutes. A client of PostgreSQL with
/// TLS, a progress bar and man pages are 52 of them, what unpacks answers is 7.
const CEILING: usize = 229;

/// `all` are the packages of the workspace with its tests, `shipped` those of the binary.
pub(super) fn check(all: &str, shipped: &str) -> Vec<Finding> {
    let all = packages(all);
    let mut findings = Vec::new();
    for (name, instead) in BANNED.iter().filter(|(n, _)| all.contains_key(n)) {
        let what = format!("`{name}` is built: {instead}; `cargo tree -i {name}` shows who wants it");
        findings.push(Finding::new("Cargo.toml", 0, "packages", what));
    }
    for name in SINGLE {
        let versions = all.get(name).map_or(0, BTreeSet::len);
        if versions > 1 {
            let what = format!("`{name}` is built in {versions} versions; `cargo tree -d` shows why");
            findings.push(Finding::new("Cargo.toml", 0, "packages", what));
        }
    }
    let built = count(shipped);
    if built > CEILING {
        let what = format!("{built} packages in the binary, the ceiling is {CEILING}: do without one");
        findings.push(Finding::new("Cargo.toml", 0, "packages", what));
    }
    findings
}

/// The count, for the eye.
pub(super) fn summary(shipped: &str) -> String {
    format!("{} packages in the binary, the ceiling is {CEILING}", count(shipped))
}

fn count(list: &str) -> usize {
    packages(list).values().map(BTreeSet::len).sum()
}

/// Versions by name, from lines such as `rustls v0.23.46 (*)`.
fn packages(list: &str) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut packages: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for line in list.lines() {
        let mut words = line.split_whitespace();
        if let (Some(name), Some(version)) = (words.next(), words.next()) {
            packages.entry(name).or_default().insert(version);
        }
    }
    packages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn banned_and_doubled_packages_are_found() {
        let good = "keyroll v0.1.0 (/x)\nrustls v0.23.46\nrustls v0.23.46 (*)\nringbuf v1.0.0\n";
        assert!(check(good, good).is_empty());
        for (name, _) in BANNED {
            let findings = check(&format!("{good}{name} v1.0.0\n"), good);
            assert_eq!(findings.len(), 1, "{name}");
            assert!(findings[0].what.starts_with(&format!("`{name}` is built")));
        }
        let findings = check(&format!("{good}rustls v0.22.0\n"), good);
        assert!(findings[0].what.starts_with("`rustls` is built in 2 versions"));
    }

    #[test]
    fn the_ceiling_counts_each_package_once() {
        let list = |n: usize| (0..n).map(|i| format!("p{i} v1.0.0\np{i} v1.0.0 (*)\n")).collect();
        let (fits, more): (String, String) = (list(CEILING), list(CEILING + 1));
        assert!(check("", &fits).is_empty());
        assert_eq!(check("", &more).len(), 1);
        assert!(summary("a v1\nb v2\na v1 (*)\n").starts_with("2 packages"));
    }
}
