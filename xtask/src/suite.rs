//! `cargo xtask test`, all that must pass, and `cargo xtask soak`, what takes long.

use std::time::Instant;

use crate::shell::{self, Failed, cargo, step};
use crate::{debian, demo, tidy};

/// Runs every step in the order of cost. The tests come last, so that the output ends with the
/// test runner's own summary.
pub(crate) fn test() -> Result<(), Failed> {
    let begun = Instant::now();
    debian::install(&debian::TESTS)?;
    step("format", &mut cargo(["fmt", "--all", "--check"]))?;
    step("clippy", &mut cargo(["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]))?;
    // All targets of all packages at once: cargo then unifies features as for the tests, and
    // nothing is compiled twice.
    step("build", &mut cargo(["build", "--workspace", "--all-targets", "--quiet"]))?;
    tidy::check()?;
    demo::run()?;
    step("doc tests", &mut cargo(["test", "--workspace", "--doc", "--quiet"]))?;
    println!("── {} s so far", begun.elapsed().as_secs());
    if has_nextest() {
        return step("tests", &mut cargo(["nextest", "run", "--workspace", "--no-fail-fast"]));
    }
    step("tests", &mut cargo(["test", "--workspace", "--all-targets", "--no-fail-fast"]))
}

/// Runs the tests marked `#[ignore = "soak"]`.
pub(crate) fn soak() -> Result<(), Failed> {
    debian::install(&debian::TESTS)?;
    if has_nextest() {
        let mut run = cargo(["nextest", "run", "--workspace", "--profile", "soak"]);
        return step("soak", run.args(["--run-ignored", "only", "--no-fail-fast"]));
    }
    let args = ["test", "--workspace", "--all-targets", "--no-fail-fast", "--", "--ignored"];
    step("soak", &mut cargo(args))
}

fn has_nextest() -> bool {
    shell::succeeds(&mut cargo(["nextest", "--version"]))
}
