//! What the tests use from the machine: installed from Debian's packages by root, asked for else.

use std::path::Path;
use std::process::Command;

use crate::shell::{self, Failed};

/// A program that a test starts.
struct Need {
    /// A program on the path; with arguments, what must end well.
    binary: &'static str,
    package: &'static str,
    used_for: &'static str,
}

const NEEDS: &[Need] = &[
    Need { binary: "nginx", package: "nginx-light", used_for: "a real upstream behind the gateway" },
    Need { binary: "strace", package: "strace", used_for: "the order of flush and acknowledgement" },
    Need { binary: "curl", package: "curl", used_for: "calls as people make them" },
    Need { binary: "node", package: "nodejs", used_for: "official SDKs" },
    Need { binary: "npm", package: "npm", used_for: "official SDKs" },
    Need { binary: "python3 -m ensurepip --version", package: "python3-venv", used_for: "official SDKs" },
    Need { binary: "javac", package: "default-jdk-headless", used_for: "the HTTP client of the JDK" },
    Need { binary: "initdb", package: "postgresql", used_for: "a private cluster, the second database that we run on" },
];

/// Beside `PATH`, which for ordinary users often lacks these.
const SYSTEM: [&str; 3] = ["/usr/sbin", "/usr/local/sbin", "/sbin"];

/// Debian keeps the server's programs out of `PATH`, in a folder `bin` of each version.
const POSTGRESQL: &str = "/usr/lib/postgresql";

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
    if let Some((program, args)) = binary.split_once(' ') {
        return shell::succeeds(Command::new(program).args(args.split(' ')));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = SYSTEM.iter().map(|s| Path::new(s).to_owned());
    let versions = std::fs::read_dir(POSTGRESQL).into_iter().flatten().flatten();
    let versions = versions.map(|v| v.path().join("bin"));
    std::env::split_paths(&path).chain(system).chain(versions).any(|folder| folder.join(binary).is_file())
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
        assert!(present("sh -c true"));
        assert!(!present("sh -c false") && !present("no-such-program-anywhere --version"));
        let text = ask(&NEEDS.iter().take(2).collect::<Vec<_>>());
        assert!(text.contains("nginx (nginx-light): a real upstream"), "{text}");
        assert!(text.ends_with("run as root: apt-get install nginx-light strace"), "{text}");
    }
}
