//! What no committed text may hold: paths and hosts of the machine on which it was written.

use super::Finding;
use super::tree::Tree;

/// Written apart, so that this file does not find itself. A text counts where no letter or digit
/// stands before it: `/a/b` is not found in `docs/a/b`.
const FORBIDDEN: [&str; 10] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("issues", " show"),
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
    concat!("registry.", "npmjs.org"),
    concat!("files.", "pythonhosted.org"),
    concat!("deb.", "debian.org"),
    concat!("security.", "debian.org"),
];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        for (line, number) in file.text.lines().zip(1..) {
            for text in FORBIDDEN.iter().filter(|t| stands_in(line, t)) {
                let what = format!("`{text}` belongs to one machine: say it in general words");
                findings.push(Finding::new(&file.path, number, "texts", what));
            }
        }
    }
    findings
}

fn stands_in(line: &str, text: &str) -> bool {
    line.match_indices(text).any(|(at, _)| {
        let before = line.get(..at).and_then(|b| b.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '-' || c == '}')
    })
}

#[cfg(test)]
mod tests {
    use super::super::tree::tests::of;
    use super::*;

    #[test]
    fn texts_of_one_machine_are_found_and_others_are_not() {
        for text in FORBIDDEN {
            for around in [format!("see {text}x"), text.to_owned(), format!("\"{text}\"")] {
                let findings = check(&of(&[("README.md", &format!("a\n{around}\n"))]));
                assert_eq!(findings.len(), 1, "{around}");
                assert!(findings[0].to_string().starts_with("README.md:2: [texts]"));
            }
            let inside = format!("docs{text}x");
            assert!(check(&of(&[("README.md", &inside)])).is_empty(), "{inside}");
        }
        let good = "/etc/keyroll/keyroll.toml, https://example.org/work, crates.io-index\n";
        assert!(check(&of(&[("README.md", good)])).is_empty());
    }
}
