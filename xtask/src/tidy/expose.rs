//! Where a secret's plaintext may be looked at: the callers of `expose` are a list, and it is short.

use super::Finding;
use super::tree::Tree;

/// Paths and why they may.
const ALLOWED: [(&str, &str); 4] = [
    ("crates/envelope/src/", "seals and opens"),
    ("crates/outbound/src/", "fills a request that goes out"),
    ("crates/model/src/snapshot/", "compiles templates into bound values"),
    ("crates/model/src/secret/value.rs", "the type itself"),
];

/// Written apart, so that this file does not find itself.
const CALLS: [&str; 2] = [concat!(".expo", "se("), concat!("::expo", "se")];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust().filter(|f| !ALLOWED.iter().any(|(p, _)| f.path.starts_with(p))) {
        for (number, line) in file.shipped() {
            if CALLS.iter().any(|c| line.contains(c)) {
                let what = "a secret is opened outside the allow-list (envelope, outbound, \
                            snapshot): pass the SecretValue on instead";
                findings.push(Finding::new(&file.path, number, "expose", what));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::tree::tests::of;
    use super::*;

    #[test]
    fn only_the_listed_places_open_a_secret() {
        let code = "//! A.\n/// Not `.expose()`.\nfn f(v: &SecretValue) {\n    v.expose();\n}\n";
        for path in [
            "crates/envelope/src/seal.rs",
            "crates/outbound/src/fill.rs",
            "crates/model/src/snapshot/bind.rs",
            "crates/model/src/secret/value.rs",
            "crates/control/tests/secrets.rs",
            "crates/store/src/secrets/tests.rs",
        ] {
            assert!(check(&of(&[(path, code)])).is_empty(), "{path}");
        }
        for path in [
            "crates/control/src/secrets.rs",
            "crates/model/src/secret/mod.rs",
            "crates/model/src/snapshot.rs",
            "crates/app/src/serve.rs",
            "xtask/src/main.rs",
        ] {
            let findings = check(&of(&[(path, code)]));
            assert_eq!(findings.len(), 1, "{path}");
            assert!(findings[0].to_string().starts_with(&format!("{path}:4: [expose]")));
        }
    }

    #[test]
    fn sees_chained_and_path_calls_but_not_tests_in_the_file() {
        let path = "crates/app/src/a.rs";
        for code in ["x\n    .expose()", "map(SecretValue::expose)", "SecretValue::expose(&v)"] {
            assert_eq!(check(&of(&[(path, code)])).len(), 1, "{code}");
        }
        let tested = "fn a() {}\n#[cfg(test)]\nmod tests {\n    v.expose();\n}\n";
        assert!(check(&of(&[(path, tested)])).is_empty());
        let after = format!("{tested}fn b() {{\n    v.expose();\n}}\n");
        assert_eq!(check(&of(&[(path, &after)])).len(), 1);
        assert!(check(&of(&[(path, "router.exposed(); v.exposes()")])).is_empty());
    }
}
