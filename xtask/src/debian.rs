//! What the tests use from the machine: installed from Debian's packages by root, asked for else.

use std::path::Path;
use std::process::Command;

use crate::shell::{self, Failed};

/// A program that a test starts.
struct Need {
    binary: &'static str,
    package: &'static str,
    used_for: &'static str,
}

const NEEDS: [Need; 5] = [
    Need { binary: "nginx", package: "nginx-light", used_for: "a real upstream behind the gateway" },
    Need { binary: "strace", package: "strace", used_for: "the order of flush and acknowledgement" },
    Need { binary: "bash", package: "bash", used_for: "the README's worked example" },
    Need { binary: "curl", package: "curl", used_for: "the README's worked example" },
    Need { binary: "python3", package: "python3", used_for: "the README's worked example" },
];

/// Beside `PATH`, which for ordinary users often lacks these.
const SYSTEM: [&str; 3] = ["/usr/sbin", "/usr/local/sbin", "/sbin"];

/// Installs what is missing.
///
/// # Errors
/// When something is missing and this is not root: the message has the command to run.
pub(crate) fn install() -> Result<(), Failed> {
    let missing: Vec<&Need> = NEEDS.iter().filter(|n| !present(n.binary)).collect();
    if missing.is_empty() {
        println!("── packages: all there");
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().map(|n| n.package).collect();
    if !is_root() {
        return Err(Failed::new(ask(&missing)));
    }
    shell::step("packages", Command::new("apt-get").args(["update", "-qq"]))?;
    let mut install = Command::new("apt-get");
    install.args(["install", "-y", "-qq", "--no-install-recommends"]).args(&packages);
    shell::step("packages", install.env("DEBIAN_FRONTEND", "noninteractive"))
}

fn ask(missing: &[&Need]) -> String {
    let mut text = String::from("the tests need programs that are not installed:\n");
    for need in missing {
        text.push_str(&format!("  {} ({}): {}\n", need.binary, need.package, need.used_for));
    }
    let packages: Vec<&str> = missing.iter().map(|n| n.package).collect();
    text.push_str(&format!("run as root: apt-get install {}", packages.join(" ")));
    text
}

fn present(binary: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = SYSTEM.iter().map(|s| Path::new(s).to_owned());
    std::env::split_paths(&path).chain(system).any(|folder| folder.join(binary).is_file())
}

fn is_root() -> bool {
    shell::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_is_there_and_asks_for_what_is_not() {
        assert!(present("sh"));
        assert!(!present("no-such-program-anywhere"));
        let text = ask(&NEEDS.iter().collect::<Vec<_>>());
        assert!(text.contains("nginx (nginx-light): a real upstream"), "{text}");
        assert!(text.ends_with("run as root: apt-get install nginx-light strace bash curl python3"), "{text}");
    }
}
