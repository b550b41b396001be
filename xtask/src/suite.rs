//! `cargo xtask test`, all that must pass, and `cargo xtask soak`, what takes long.

use std::time::Instant;

use crate::cluster::Cluster;
use crate::nextest::{self, Which};
use crate::shell::{Failed, cargo, step};
use crate::{debian, demo, sdks, tidy};

/// Runs every step in the order of cost. The tests come last, so that the output ends with the
/// test runner's own summary.
pub(crate) fn test() -> Result<(), Failed> {
    let begun = Instant::now();
    debian::install(debian::TESTS)?;
    step("format", &mut cargo(["fmt", "--all", "--check"]))?;
    step("clippy", &mut cargo(["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]))?;
    build()?;
    tidy::check()?;
    demo::run()?;
    sdks::install()?;
    step("doc tests", &mut cargo(["test", "--workspace", "--doc", "--quiet"]))?;
    println!("── {} s so far", begun.elapsed().as_secs());
    run(Which::Ordinary)
}

/// Runs the tests marked `#[ignore = "soak"]`.
pub(crate) fn soak() -> Result<(), Failed> {
    debian::install(debian::TESTS)?;
    build()?;
    run(Which::Soak)
}

/// All targets of all packages at once: cargo then unifies features as for the tests, and nothing
/// is compiled twice.
fn build() -> Result<(), Failed> {
    step("build", &mut cargo(["build", "--workspace", "--all-targets", "--quiet"]))
}

fn run(which: Which) -> Result<(), Failed> {
    let cluster = Cluster::start()?;
    if nextest::is_there() {
        return nextest::run(which, &cluster);
    }
    // It has no filter here and no profile, and so nothing that could leave a test out.
    let mut run = cargo(["test", "--workspace", "--all-targets", "--no-fail-fast"]);
    if which == Which::Soak {
        run.args(["--", "--ignored"]);
    }
    cluster.invite(&mut run);
    step("tests", &mut run)
}
