//! No test is switched off: only long ones wait for `cargo xtask soak`.

use super::Finding;
use super::tree::Tree;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust() {
        for (line, number) in file.text.lines().zip(1..) {
            let line = line.trim();
            if line.starts_with("#[ignore") && line != "#[ignore = \"soak\"]" {
                let what = "repair or delete the test; only `#[ignore = \"soak\"]` is run elsewhere";
                findings.push(Finding::new(&file.path, number, "soak-only", what));
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
    fn long_tests_wait_and_others_run() {
        let good = "#[test]\n#[ignore = \"soak\"]\nfn long() {}\n";
        assert!(check(&of(&[("a.rs", good)])).is_empty());
        for bad in ["#[test]\n#[ignore]\nfn f() {}\n", "#[test]\n    #[ignore = \"flaky\"]\n"] {
            let findings = check(&of(&[("a.rs", bad)]));
            assert_eq!(findings.len(), 1, "{bad}");
            assert!(findings[0].to_string().starts_with("a.rs:2: [soak-only]"));
        }
    }
}
