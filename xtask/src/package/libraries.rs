//! The licenses of the libraries in the binary, with the texts that these ask to be passed on.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::shell::{self, Failed, cargo};

const INTRODUCTION: &str = "\
The keyroll binary holds code of the libraries below. First all of them with their licenses, then the texts, each with
the libraries that carry it.
";

/// The list and the texts.
pub(super) fn text() -> Result<String, Failed> {
    let metadata = shell::output(&mut cargo(["metadata", "--locked", "--format-version", "1"]))?;
    let metadata: Value =
        serde_json::from_str(&metadata).map_err(|e| Failed::new(format!("cargo metadata cannot be read: {e}")))?;
    // Procedural macros and build scripts write code; none of theirs is in the binary.
    let tree =
        ["tree", "--locked", "-p", "keyroll", "-e", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}"];
    let shipped = shell::output(&mut cargo(tree))?;
    let shipped: BTreeSet<(&str, &str)> = shipped.lines().filter_map(name_and_version).collect();

    let (mut list, mut texts) = (String::new(), BTreeMap::<String, Vec<String>>::new());
    for package in metadata.get("packages").and_then(Value::as_array).into_iter().flatten() {
        let member = |name: &str| package.get(name).and_then(Value::as_str).unwrap_or_default();
        let (name, version) = (member("name"), member("version"));
        let ours = package.get("source").is_none_or(Value::is_null);
        if ours || !shipped.contains(&(name, version)) {
            continue;
        }
        let _ = writeln!(list, "{name} {version}: {}", member("license"));
        let Some(folder) = Path::new(member("manifest_path")).parent() else { continue };
        for text in licenses(folder)? {
            texts.entry(text).or_default().push(format!("{name} {version}"));
        }
    }
    let mut out = format!("{INTRODUCTION}\n{list}");
    for (text, carriers) in texts {
        let _ = write!(out, "\n{}\n{}\n\n{text}\n", "-".repeat(72), carriers.join(", "));
    }
    Ok(out)
}

/// From a line such as `rustls v0.23.46 (*)`.
fn name_and_version(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = line.split_once(" v")?;
    Some((name, rest.split_whitespace().next()?))
}

/// The texts of the license files that lie beside a manifest.
fn licenses(folder: &Path) -> Result<Vec<String>, Failed> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_uppercase();
        let is_text =
            ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"].iter().any(|s| name.starts_with(s));
        if is_text && entry.file_type()?.is_file() {
            texts.push(fs::read_to_string(entry.path())?.replace("\r\n", "\n").trim().to_owned());
        }
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_versions_are_read() {
        for (line, found) in [
            ("rustls v0.23.46 (*)", Some(("rustls", "0.23.46"))),
            ("keyroll v0.1.0 (/somewhere/crates/app)", Some(("keyroll", "0.1.0"))),
            ("", None),
        ] {
            assert_eq!(name_and_version(line), found, "{line}");
        }
    }
}
