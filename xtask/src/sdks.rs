//! The official SDKs that the tests call with: installed under `target/sdks` from lock files that are committed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell::{self, Failed, step};

/// Where the lock files are, beside the programs that use the SDKs.
const LOCKS: &str = "crates/app/tests/sdks/clients";

/// The SDKs of one language.
struct Kit {
    name: &'static str,
    /// Who runs them: another version begins anew.
    runs_on: &'static str,
    locks: &'static [&'static str],
    make: fn(&Path) -> Result<(), Failed>,
}

const KITS: [Kit; 2] = [
    Kit { name: "python", runs_on: "python3", locks: &["requirements.txt"], make: python },
    Kit { name: "node", runs_on: "node", locks: &["package.json", "package-lock.json"], make: node },
];

/// Installs what is not there yet, or was made of other lock files.
///
/// # Errors
/// When an installer fails: it needs the registries of Python and npm, or a mirror that it is configured for.
pub(crate) fn install() -> Result<(), Failed> {
    for kit in &KITS {
        let folder = shell::target().join("sdks").join(kit.name);
        let stamp = stamp(kit)?;
        if is_current(&folder, &stamp) {
            println!("── sdks: {} all there", kit.name);
            continue;
        }
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        (kit.make)(&folder)?;
        // Last: an installation that broke off has none.
        fs::write(folder.join(STAMP), stamp)?;
    }
    Ok(())
}

const STAMP: &str = "stamp";

fn is_current(folder: &Path, stamp: &str) -> bool {
    fs::read_to_string(folder.join(STAMP)).is_ok_and(|there| there == stamp)
}

/// All that an installation depends on.
fn stamp(kit: &Kit) -> Result<String, Failed> {
    let mut stamp = shell::output(Command::new(kit.runs_on).arg("--version"))?;
    for lock in kit.locks {
        stamp.push_str(&fs::read_to_string(locks().join(lock))?);
    }
    Ok(stamp)
}

fn locks() -> PathBuf {
    shell::root().join(LOCKS)
}

fn python(folder: &Path) -> Result<(), Failed> {
    step("sdks", Command::new("python3").args(["-m", "venv"]).arg(folder))?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "-r"]).arg(locks().join("requirements.txt"));
    step("sdks", &mut pip)
}

fn node(folder: &Path) -> Result<(), Failed> {
    for lock in ["package.json", "package-lock.json"] {
        fs::copy(locks().join(lock), folder.join(lock))?;
    }
    // No package of these needs a script to be installed.
    let args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    step("sdks", Command::new("npm").args(args).current_dir(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installation_is_current_as_long_as_its_stamp_is() {
        let folder = shell::target().join("xtask/sdks-stamp");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(STAMP), "node 1\nlock").unwrap();
        assert!(is_current(&folder, "node 1\nlock"));
        assert!(!is_current(&folder, "node 2\nlock"));
        assert!(!is_current(&folder.join("never-made"), "node 1\nlock"));
    }

    #[test]
    fn every_version_is_pinned_and_no_registry_is_named() {
        for line in fs::read_to_string(locks().join("requirements.txt")).unwrap().lines() {
            assert!(line.starts_with('#') || line.contains("=="), "{line}");
        }
        let lock = fs::read_to_string(locks().join("package-lock.json")).unwrap();
        assert!(lock.contains("\"integrity\"") && !lock.contains("\"resolved\""));
    }
}
