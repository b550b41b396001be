//! What the tasks use from the machine: installed from Debian's packages by root, asked for else.

use std::path::Path;
use std::process::Command;

use crate::shell::{self, Failed};

/// A program that a task starts.
pub(crate) struct Need {
    /// A program on the path; with arguments, what must end well.
    binary: &'static str,
    package: &'static str,
    used_for: &'static str,
}

/// What `cargo xtask test` and `cargo xtask soak` start.
pub(crate) const TESTS: &[Need] = &[
    Need { binary: "nginx", package: "nginx-light", used_for: "a real upstream behind the gateway" },
    Need { binary: "haproxy", package: "haproxy", used_for: "another proxy's view of malformed requests" },
    Need { binary: "strace", package: "strace", used_for: "the order of flush and acknowledgement" },
    Need { binary: "curl", package: "curl", used_for: "calls as people make them" },
    Need { binary: "h2load", package: "nghttp2-client", used_for: "many requests on one connection of HTTP/2" },
    Need { binary: "node", package: "nodejs", used_for: "official SDKs" },
    Need { binary: "npm", package: "npm", used_for: "official SDKs" },
    Need { binary: "python3 -m ensurepip --version", package: "python3-venv", used_for: "official SDKs" },
    Need {
        binary: "/usr/bin/python3 -m icalendar.parser",
        package: "python3-icalendar",
        used_for: "a calendar library that reads our calendar",
    },
    Need { binary: "javac", package: "default-jdk-headless", used_for: "the HTTP client of the JDK" },
    Need { binary: "initdb", package: "postgresql", used_for: "a private cluster, the second database that we run on" },
];

/// What `cargo xtask package` starts.
pub(crate) const PACKAGES: &[Need] = &[
    Need { binary: "dpkg-shlibdeps", package: "dpkg-dev", used_for: "which libraries the package depends on" },
    Need { binary: "objcopy", package: "binutils", used_for: "debug symbols in a package of their own" },
    Need { binary: "lintian", package: "lintian", used_for: "the rules of Debian" },
    Need { binary: "systemd-analyze", package: "systemd", used_for: "the units, and sockets that are handed over" },
    Need { binary: "man", package: "man-db", used_for: "the man pages" },
    Need { binary: "groff", package: "groff", used_for: "the man pages" },
    Need { binary: "shellcheck", package: "shellcheck", used_for: "the scripts" },
    Need { binary: "zsh", package: "zsh", used_for: "its completion script" },
    Need { binary: "fish", package: "fish", used_for: "its completion script" },
    Need { binary: "python3", package: "python3-venv", used_for: "hadolint, which comes as a Python package" },
    Need { binary: "npm", package: "npm", used_for: "dclint, which comes as a package for Node" },
];

/// Beside `PATH`, which for ordinary users often lacks these.
const SYSTEM: [&str; 3] = ["/usr/sbin", "/usr/local/sbin", "/sbin"];

/// Debian keeps the server's programs out of `PATH`, in a folder `bin` of each version.
const POSTGRESQL: &str = "/usr/lib/postgresql";

/// Installs what is missing.
///
/// # Errors
/// When something is missing and this is not root: the message has the command to run.
pub(crate) fn install(needs: &[Need]) -> Result<(), Failed> {
    let missing: Vec<&Need> = needs.iter().filter(|n| !present(n.binary)).collect();
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
    let mut text = String::from("this needs programs that are not installed:\n");
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

pub(crate) fn is_root() -> bool {
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
        let text = ask(&TESTS.iter().take(3).collect::<Vec<_>>());
        assert!(text.contains("nginx (nginx-light): a real upstream"), "{text}");
        assert!(text.ends_with("run as root: apt-get install nginx-light haproxy strace"), "{text}");
    }
}
