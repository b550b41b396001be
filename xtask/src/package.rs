//! `cargo xtask package`: the Debian package and all that goes with it, built into `target/package/` and checked.

mod changelog;
mod contents;
mod deploy;
mod libraries;
mod sockets;
mod tools;
mod units;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::debian;
use crate::shell::{self, Failed, cargo, step};
use tools::Tools;

/// Builds everything and checks it.
pub(crate) fn run() -> Result<(), Failed> {
    debian::install(debian::PACKAGES)?;
    let tools = Tools::install()?;
    // What can be seen without the build, which takes minutes, is looked at first.
    deploy::check(&tools)?;
    let folder = fresh()?;
    step("build", &mut cargo(["build", "--locked", "--profile", "dist", "--package", "keyroll"]))?;
    let binary = shell::target().join("dist/keyroll");
    let installed = folder.join("installed");
    step(
        "man pages and completions",
        Command::new(&binary).args(["reference", "--installed", "--out"]).arg(&installed),
    )?;
    fs::write(folder.join("libraries.txt"), libraries::text()?)?;
    // Without its name and time in the result, which is the same for the same libraries.
    step("libraries", Command::new("gzip").args(["-9", "-n"]).arg(folder.join("libraries.txt")))?;
    fs::write(folder.join("changelog"), changelog::text()?)?;
    let mut deb = tools.cargo_deb();
    // Quiet: it warns of every path below target/ that is no build of cargo's.
    deb.args(["deb", "--quiet", "--package", "keyroll", "--profile", "dist", "--no-build", "--dbgsym", "--output"])
        .arg(&folder);
    step("package", &mut deb)?;

    let package = the_package(&folder)?;
    let root = folder.join("root");
    step("unpack", Command::new("dpkg-deb").arg("--extract").arg(&package).arg(&root))?;
    contents::check(&package, &root)?;
    units::check(&folder, &root)?;
    sockets::check(&folder, &root)?;
    deploy::try_image(&folder, &root)?;
    println!("── {} is built and checked", package.strip_prefix(shell::root()).unwrap_or(&package).display());
    Ok(())
}

/// The folder that cargo-deb's manifest names: in the workspace, wherever cargo builds to.
fn fresh() -> Result<PathBuf, Failed> {
    let folder = shell::root().join("target/package");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// The one package with the product; its debug symbols are in a `.ddeb`.
fn the_package(folder: &Path) -> Result<PathBuf, Failed> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "deb") {
            return Ok(path);
        }
    }
    Err(Failed::new("step `package` made no .deb"))
}
