//! Each Rust file begins by saying what it is.

use super::Finding;
use super::tree::Tree;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let silent = tree.rust().filter(|f| !says_what_it_is(&f.text));
    silent
        .map(|f| {
            let what = "begin the file with a `//!` sentence that says what the module is";
            Finding::new(&f.path, 1, "module-docs", what)
        })
        .collect()
}

fn says_what_it_is(text: &str) -> bool {
    let first = text.lines().next().and_then(|l| l.strip_prefix("//!"));
    first.is_some_and(|sentence| !sentence.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::tree::tests::of;
    use super::*;

    #[test]
    fn the_first_line_is_a_sentence() {
        assert!(check(&of(&[("a.rs", "//! Says what it is.\nuse b;\n")])).is_empty());
        assert!(check(&of(&[("a.md", "no Rust")])).is_empty());
        for text in ["", "use b;\n", "//!\n//! Late.\n", "use b;\n//! Late.\n", "// No doc.\n"] {
            let findings = check(&of(&[("a.rs", text)]));
            assert_eq!(findings.len(), 1, "{text:?}");
            assert!(findings[0].to_string().starts_with("a.rs:1: [module-docs]"));
        }
    }
}
