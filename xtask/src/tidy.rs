//! The house rules that neither compiler nor clippy knows, each a function from text to findings.

mod ambient;
mod edges;
mod expose;
mod links;
mod module_docs;
mod packages;
mod sizes;
mod soak_only;
mod texts;
mod tree;

use std::fmt;

use crate::reference;
use crate::shell::{self, Failed, cargo};
use tree::Tree;

/// A place that breaks a rule, and what to do about it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    path: String,
    /// From 1; 0 where the whole file is meant.
    line: usize,
    rule: &'static str,
    what: String,
}

impl Finding {
    pub(crate) fn new(path: impl Into<String>, line: usize, rule: &'static str, what: impl Into<String>) -> Self {
        Self { path: path.into(), line, rule, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, rule, what } = self;
        match line {
            0 => write!(f, "{path}: [{rule}] {what}"),
            _ => write!(f, "{path}:{line}: [{rule}] {what}"),
        }
    }
}

/// `cargo xtask tidy`: builds the binary whose references are compared, then checks.
pub(crate) fn run() -> Result<(), Failed> {
    // Where the build is broken, the rules about text can be checked all the same.
    let built = reference::build();
    let checked = check();
    built.and(checked)
}

/// Checks all rules; the binary is built already.
pub(crate) fn check() -> Result<(), Failed> {
    println!("── tidy");
    let tree = Tree::read(&shell::root())?;
    let metadata = shell::output(&mut cargo(["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata =
        serde_json::from_str(&metadata).map_err(|e| Failed::new(format!("cargo metadata cannot be read: {e}")))?;
    let plain = ["--prefix", "none", "--format", "{p}"];
    let all = shell::output(cargo(["tree", "--workspace"]).args(plain))?;
    let shipped = shell::output(cargo(["tree", "-p", "keyroll", "-e", "normal,build"]).args(plain))?;

    let mut findings = edges::check(&metadata);
    findings.extend(sizes::check(&tree));
    findings.extend(expose::check(&tree));
    findings.extend(module_docs::check(&tree));
    findings.extend(ambient::check(&tree));
    findings.extend(soak_only::check(&tree));
    findings.extend(texts::check(&tree));
    findings.extend(links::check(&tree));
    findings.extend(packages::check(&all, &shipped));
    // A binary that cannot write its references must not hide the other findings.
    findings.extend(
        reference::check()
            .unwrap_or_else(|failed| vec![Finding::new("docs/reference", 0, "references", failed.to_string())]),
    );

    println!("   {}", sizes::summary(&tree));
    println!("   {}", packages::summary(&shipped));
    if findings.is_empty() {
        return Ok(());
    }
    for finding in &findings {
        eprintln!("{finding}");
    }
    Err(Failed::new(format!("step `tidy` failed: {} findings, listed above", findings.len())))
}
