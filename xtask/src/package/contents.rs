//! What is in the package: the files, the rules of Debian, and that each of them can be used.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::shell::{self, Failed, step};

/// Files that somebody relies on, relative to the root.
const EXPECTED: [&str; 14] = [
    "etc/keyroll/keyroll.toml",
    "usr/bin/keyroll",
    "usr/lib/systemd/system/keyroll.service",
    "usr/lib/systemd/system/keyroll-kek.service",
    "usr/lib/systemd/system/keyroll-gateway.socket",
    "usr/lib/systemd/system/keyroll-admin.socket",
    "usr/lib/sysusers.d/keyroll.conf",
    "usr/share/bash-completion/completions/keyroll",
    "usr/share/fish/vendor_completions.d/keyroll.fish",
    "usr/share/zsh/vendor-completions/_keyroll",
    "usr/share/doc/keyroll/copyright",
    "usr/share/doc/keyroll/libraries.txt.gz",
    "usr/share/man/man1/keyroll.1.gz",
    "usr/share/man/man1/keyroll-key-generate.1.gz",
];

/// What lintian says and is no mistake here: a package from elsewhere closes no bug of Debian's, the maintainers' address
/// is one of those that lead nowhere, and the man pages are looked at by themselves.
const OVERLOOKED: [&str; 3] = ["initial-upload-closes-no-bugs", "bogus-mail-host", "groff-message"];

/// `root` is where `package` was unpacked.
pub(super) fn check(package: &Path, root: &Path) -> Result<(), Failed> {
    let missing: Vec<&str> = EXPECTED.into_iter().filter(|file| !root.join(file).is_file()).collect();
    if !missing.is_empty() {
        return Err(Failed::new(format!("not in the package: {}", missing.join(", "))));
    }
    let conffiles = shell::output(Command::new("dpkg-deb").args(["--info"]).arg(package).arg("conffiles"))?;
    if !conffiles.lines().any(|line| line == "/etc/keyroll/keyroll.toml") {
        return Err(Failed::new("an upgrade would write over /etc/keyroll/keyroll.toml: it is no conffile"));
    }
    let binary = root.join("usr/bin/keyroll");
    step("binary", Command::new(&binary).arg("version"))?;
    let example = root.join("etc/keyroll/keyroll.toml");
    step("example", Command::new(&binary).args(["config", "check", "--config"]).arg(example))?;
    completions(root)?;
    manual(root)?;
    let mut lintian = Command::new("lintian");
    lintian.args(["--fail-on", "error,warning", "--allow-root", "--suppress-tags", &OVERLOOKED.join(",")]);
    step("lintian", lintian.arg(package))
}

/// Each shell reads its script without running it.
fn completions(root: &Path) -> Result<(), Failed> {
    let share = root.join("usr/share");
    for (shell, option, script) in [
        ("bash", "-n", "bash-completion/completions/keyroll"),
        ("zsh", "-n", "zsh/vendor-completions/_keyroll"),
        ("fish", "--no-execute", "fish/vendor_completions.d/keyroll.fish"),
    ] {
        step("completions", Command::new(shell).arg(option).arg(share.join(script)))?;
    }
    Ok(())
}

/// Each page is set without a warning.
fn manual(root: &Path) -> Result<(), Failed> {
    let mut pages = 0;
    for entry in fs::read_dir(root.join("usr/share/man/man1"))? {
        let path = entry?.path();
        let mut man = Command::new("man");
        man.args(["--warnings", "--encoding=UTF-8", "--troff-device=utf8", "--ditroff", "--local-file"]).arg(&path);
        let said = shell::talk(man.env("LC_ALL", "C.UTF-8").env("MANWIDTH", "80"))?;
        // A long word at the end of a line is no mistake of the page.
        if let Some(warning) = said.lines().find(|line| !line.contains("cannot adjust line")) {
            return Err(Failed::new(format!("step `man pages` failed: {}: {warning}", path.display())));
        }
        pages += 1;
    }
    println!("── man pages: {pages} without a warning");
    Ok(())
}
