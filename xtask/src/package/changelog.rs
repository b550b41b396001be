//! Debian's changelog: one entry, for the version that is packaged, dated by the commit that it is made of.

use std::process::Command;

use crate::shell::{self, Failed, cargo};

const SIGNED: &str = "The Keyroll maintainers <keyroll@packages.invalid>";

pub(super) fn text() -> Result<String, Failed> {
    let id = shell::output(&mut cargo(["pkgid", "--package", "keyroll"]))?;
    let mut date = Command::new("git");
    date.args(["log", "-1", "--format=%cD"]).current_dir(shell::root());
    Ok(entry(version(&id), shell::output(&mut date)?.trim()))
}

/// The version at the end of a package id, `…#keyroll@0.1.0`.
fn version(id: &str) -> &str {
    id.trim().rsplit(['#', '@']).next().unwrap_or_default()
}

fn entry(version: &str, date: &str) -> String {
    format!("keyroll ({version}-1) stable; urgency=medium\n\n  * Version {version}.\n\n -- {SIGNED}  {date}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_the_form_that_dpkg_reads() {
        for id in ["path+file:///somewhere/crates/app#keyroll@0.1.0\n", "path+file:///somewhere/keyroll#0.1.0"] {
            assert_eq!(version(id), "0.1.0");
        }
        let text = entry("0.1.0", "Thu, 26 Nov 2026 05:00:00 +0000");
        assert!(text.starts_with("keyroll (0.1.0-1) stable; urgency=medium\n\n  * "), "{text}");
        assert!(text.ends_with("invalid>  Thu, 26 Nov 2026 05:00:00 +0000\n"), "{text}");
    }
}
