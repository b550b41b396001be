//! Relative links between pages: the page is there, and so is the heading.

use std::collections::BTreeSet;

use super::Finding;
use super::tree::{Text, Tree};

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for page in tree.files.iter().filter(|f| f.path.ends_with(".md")) {
        for (line, number) in prose(&page.text) {
            for link in targets(line) {
                if let Some(what) = broken(tree, page, link) {
                    findings.push(Finding::new(&page.path, number, "links", what));
                }
            }
        }
    }
    findings
}

/// What is wrong with a link, if anything.
fn broken(tree: &Tree, page: &Text, link: &str) -> Option<String> {
    let remote = link.contains("://") || link.starts_with("mailto:");
    if remote || link.is_empty() {
        return None;
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if path.is_empty() { Some(page.path.clone()) } else { resolve(&page.path, path) };
    let Some(target) = target.filter(|t| t.is_empty() || tree.paths.contains(t)) else {
        return Some(format!("`{link}` leads nowhere"));
    };
    let there = tree.files.iter().find(|f| f.path == target && f.path.ends_with(".md"))?;
    let missing = !anchor.is_empty() && !anchors(&there.text).contains(anchor);
    missing.then(|| format!("`{link}`: {target} has no heading of that name"))
}

/// The path of a link on a page, from the root; `None` when it leaves the repository.
fn resolve(page: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// Lines outside code fences, numbered from 1.
fn prose(text: &str) -> Vec<(&str, usize)> {
    let mut fenced = false;
    let mut kept = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            kept.push((line, number));
        }
    }
    kept
}

/// The targets of `[text](target)` and `[name]: target`; what stands between backticks is code.
fn targets(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    if let Some(("", definition)) = line.split_once('[') {
        found.extend(definition.split_once("]: ").map(|(_, target)| target));
    }
    let outside_code = line.split('`').step_by(2);
    // A link text may itself hold code: then the target begins a piece after the backtick.
    for piece in outside_code {
        for (at, _) in piece.match_indices("](") {
            let rest = piece.get(at + 2..).unwrap_or_default();
            found.extend(rest.split_once(')').map(|(target, _)| target));
        }
    }
    found.iter().filter_map(|t| t.split_whitespace().next()).collect()
}

/// The anchors of a page's headings, formed as the usual renderers do.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).into_iter().filter_map(|(l, _)| l.strip_prefix('#'));
    let mut all = BTreeSet::new();
    for heading in headings {
        let slug: String = heading
            .trim_start_matches('#')
            .trim()
            .to_lowercase()
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect();
        let again = (1..).map(|n| format!("{slug}-{n}")).find(|s| !all.contains(s));
        if !all.insert(slug) {
            all.extend(again);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::tree::tests::of;
    use super::*;

    #[test]
    fn a_link_leads_to_a_file_a_folder_or_a_heading() {
        let files = |page| {
            of(&[
                ("docs/page.md", page),
                ("docs/other.md", "# Life of a request\n## `serve`, and on\n## Again\n## Again\n"),
                ("ARCHITECTURE.md", "# Map\n"),
                ("crates/model/src/lib.rs", "//! M.\n"),
            ])
        };
        for good in [
            "[a](other.md)",
            "[a](./other.md#life-of-a-request)",
            "[a](other.md#serve-and-on) and [b](other.md#again-1)",
            "[a](../ARCHITECTURE.md \"title\")",
            "[`code`](../crates/model/src/lib.rs)",
            "[a](../crates/model)",
            "[a](../)",
            "[a](https://example.org/none) [m](mailto:a@example.org)",
            "# Here\n[a](#here)",
            "```\n[a](none.md)\n```",
            "`[a](none.md)`",
            "[a]: other.md",
        ] {
            assert!(check(&files(good)).is_empty(), "{good}: {:?}", check(&files(good)));
        }
        for bad in [
            "[a](none.md)",
            "[a](other.md#none)",
            "[a](../../outside.md)",
            "[a](#none)",
            "[`code`](none.rs)",
            "text [a](other.md) and [b](none.md)",
            "[a]: none.md",
        ] {
            let findings = check(&files(bad));
            assert_eq!(findings.len(), 1, "{bad}: {findings:?}");
            assert!(findings[0].to_string().starts_with("docs/page.md:1: [links]"));
        }
    }
}
