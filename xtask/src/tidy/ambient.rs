//! Time and randomness come in as parameters: one file may take them from the machine.

use super::Finding;
use super::tree::Tree;

/// The only file that lifts clippy's ban.
const SOURCE: &str = "crates/app/src/ambient.rs";

/// Written apart, so that this file does not find itself.
const LINT: &str = concat!("clippy::disallowed", "_methods");

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust().filter(|f| f.path != SOURCE) {
        for (number, line) in file.shipped() {
            if line.contains(LINT) {
                let what = format!("take a Clock or Entropy; only {SOURCE} asks the machine");
                findings.push(Finding::new(&file.path, number, "ambient", what));
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
    fn one_file_and_tests_may_ask_the_machine() {
        for attribute in ["#[allow(", "#![allow(", "#[expect(", "    "] {
            let code = format!("//! A.\n{attribute}{LINT})]\nfn now() {{}}\n");
            for path in [SOURCE, "crates/app/tests/clock.rs", "crates/store/src/write/tests.rs"] {
                assert!(check(&of(&[(path, &code)])).is_empty(), "{path}");
            }
            for path in ["crates/app/src/serve.rs", "crates/store/src/ambient.rs"] {
                let findings = check(&of(&[(path, &code)]));
                assert_eq!(findings.len(), 1, "{path}");
                assert!(findings[0].to_string().starts_with(&format!("{path}:2: [ambient]")));
            }
        }
    }
}
