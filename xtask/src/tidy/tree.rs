//! The files of the repository as text, and which lines of a Rust file are shipped.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::shell::Failed;

/// Folders that hold no source of ours.
const SKIPPED: [&str; 4] = [".git", "target", "keyroll-data", "node_modules"];

/// Endings of files that a test run leaves for the developer to accept or throw away.
const LEFT_BEHIND: [&str; 2] = [".pending-snap", ".snap.new"];

/// All files of the repository.
#[derive(Default)]
pub(super) struct Tree {
    /// Text files in the order of their paths.
    pub(super) files: Vec<Text>,
    /// Every file and folder, text or not, relative to the root, with `/`.
    pub(super) paths: BTreeSet<String>,
}

/// A text file.
pub(super) struct Text {
    /// Relative to the root, with `/`.
    pub(super) path: String,
    pub(super) text: String,
}

impl Tree {
    pub(super) fn read(root: &Path) -> Result<Self, Failed> {
        let mut tree = Self::default();
        tree.walk(root, "")?;
        tree.files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(tree)
    }

    /// The Rust files.
    pub(super) fn rust(&self) -> impl Iterator<Item = &Text> {
        self.files.iter().filter(|f| f.path.ends_with(".rs"))
    }

    fn walk(&mut self, folder: &Path, prefix: &str) -> Result<(), Failed> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            let kind = entry.file_type()?;
            if kind.is_dir() {
                if !SKIPPED.contains(&name.as_str()) {
                    self.walk(&entry.path(), &format!("{path}/"))?;
                    self.paths.insert(path);
                }
            } else if kind.is_file() && !LEFT_BEHIND.iter().any(|end| name.ends_with(end)) {
                // What is not UTF-8 is a picture or the like.
                if let Ok(text) = fs::read_to_string(entry.path()) {
                    self.files.push(Text { path: path.clone(), text });
                }
                self.paths.insert(path);
            }
        }
        Ok(())
    }
}

impl Text {
    /// Whether the whole file belongs to tests: under `tests/`, named `tests.rs`, or in the crate
    /// that only tests use.
    pub(super) fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.ends_with("/tests.rs") || self.path.starts_with("crates/testkit/")
    }

    /// The lines that are shipped, numbered from 1: no comments, no `#[cfg(test)]` modules, and
    /// nothing at all of a test file.
    pub(super) fn shipped(&self) -> Vec<(usize, &str)> {
        if self.is_test() {
            return Vec::new();
        }
        let mut kept = Vec::new();
        let mut lines = self.text.lines().zip(1..).peekable();
        while let Some((line, number)) = lines.next() {
            if line == "#[cfg(test)]" {
                let opens = lines.next().is_some_and(|(l, _)| l.ends_with('{'));
                if opens {
                    // As formatted, the brace at column 0 ends the module.
                    let _ = lines.by_ref().find(|(l, _)| *l == "}");
                }
            } else if !line.trim_start().starts_with("//") {
                kept.push((number, line));
            }
        }
        kept
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A tree of these files.
    pub(in crate::tidy) fn of(files: &[(&str, &str)]) -> Tree {
        let mut tree = Tree::default();
        for (path, text) in files {
            let mut folder = *path;
            while let Some((parent, _)) = folder.rsplit_once('/') {
                tree.paths.insert(parent.to_owned());
                folder = parent;
            }
            tree.paths.insert((*path).to_owned());
            tree.files.push(Text { path: (*path).to_owned(), text: (*text).to_owned() });
        }
        tree
    }

    #[test]
    fn tells_shipped_lines_from_tests_and_comments() {
        let text = "a\n// c\n#[cfg(test)]\nmod tests;\nb\n#[cfg(test)]\nmod more {\n    x\n}\nc\n";
        let tree = of(&[("crates/m/src/a.rs", text)]);
        assert_eq!(tree.files[0].shipped(), [(1, "a"), (5, "b"), (10, "c")]);
        for path in ["crates/m/tests/a.rs", "crates/m/src/a/tests.rs", "crates/testkit/src/a.rs"] {
            assert!(of(&[(path, text)]).files[0].shipped().is_empty(), "{path}");
        }
    }

    #[test]
    fn reads_this_repository_without_what_is_built() {
        let tree = Tree::read(&crate::shell::root()).unwrap();
        assert!(tree.files.iter().any(|f| f.path == "xtask/src/tidy/tree.rs"));
        assert!(tree.paths.contains("xtask/src"));
        assert!(!tree.paths.iter().any(|p| p.starts_with("target")));
    }
}
