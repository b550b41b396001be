//! File sizes: a file that fits in one reading.

use super::Finding;
use super::tree::{Text, Tree};

/// Lines at which a file must be divided; 150 is the aim, 300 the time to think again.
const LIMIT: usize = 400;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let long = counted(tree).filter(|f| lines(f) > LIMIT);
    long.map(|f| {
        let what = format!("{} lines, the limit is {LIMIT}: divide it by what it does", lines(f));
        Finding::new(&f.path, 0, "sizes", what)
    })
    .collect()
}

/// Median, ninth decile and the longest file, for the eye.
pub(super) fn summary(tree: &Tree) -> String {
    let mut sizes: Vec<(usize, &str)> = counted(tree).map(|f| (lines(f), f.path.as_str())).collect();
    sizes.sort_unstable();
    let at = |part: usize| sizes.get(sizes.len() * part / 10).map_or(0, |(n, _)| *n);
    let (most, longest) = sizes.last().copied().unwrap_or_default();
    format!(
        "{} Rust files beside tests; lines: median {}, nine in ten up to {}, longest {most} ({longest})",
        sizes.len(),
        at(5),
        at(9),
    )
}

fn counted(tree: &Tree) -> impl Iterator<Item = &Text> {
    let tests = |path: &str| path.contains("/tests/") || path.ends_with("/tests.rs");
    tree.rust().filter(move |f| !tests(&f.path) && !f.text.starts_with("// @generated"))
}

fn lines(file: &Text) -> usize {
    file.text.lines().count()
}

#[cfg(test)]
mod tests {
    use super::super::tree::tests::of;
    use super::*;

    #[test]
    fn four_hundred_pass_and_one_more_fails() {
        let (fits, long) = ("x\n".repeat(400), "x\n".repeat(401));
        assert!(check(&of(&[("crates/m/src/a.rs", &fits)])).is_empty());
        let findings = check(&of(&[("crates/m/src/a.rs", &long)]));
        assert_eq!(findings.len(), 1);
        assert!(findings[0].to_string().starts_with("crates/m/src/a.rs: [sizes] 401 lines"));
        for path in ["crates/m/tests/a.rs", "crates/m/src/a/tests.rs", "docs/a.md"] {
            assert!(check(&of(&[(path, &long)])).is_empty(), "{path}");
        }
        let made = format!("// @generated\n{long}");
        assert!(check(&of(&[("crates/m/src/made.rs", &made)])).is_empty());
        assert_eq!(check(&of(&[("crates/testkit/src/a.rs", &long)])).len(), 1);
    }

    #[test]
    fn the_summary_names_the_longest() {
        let tree = of(&[("a.rs", "1\n"), ("b.rs", "1\n2\n3\n"), ("c.rs", "1\n2\n")]);
        assert!(summary(&tree).ends_with("median 2, nine in ten up to 3, longest 3 (b.rs)"));
    }
}
