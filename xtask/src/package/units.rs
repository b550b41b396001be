//! The units: systemd understands every line of them, and finds the services shut in.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::shell::{self, Failed, step};

const UNITS: [&str; 4] = ["keyroll.service", "keyroll-kek.service", "keyroll-gateway.socket", "keyroll-admin.socket"];

/// The exposure, in tenths, that `systemd-analyze security` may find: 12 of 100 as it is, where the network is needed.
const EXPOSURE: &str = "15";

/// Units of the system that ours refer to, which a package has not.
const SYSTEM: &str = "/usr/lib/systemd/system";

/// `root` is where the package was unpacked.
pub(super) fn check(folder: &Path, root: &Path) -> Result<(), Failed> {
    let whole = folder.join("system");
    let units = whole.join("usr/lib/systemd/system");
    fs::create_dir_all(&units)?;
    fs::create_dir_all(whole.join("usr/bin"))?;
    fs::create_dir_all(whole.join("bin"))?;
    // Copies: the package as it was unpacked stays as it is.
    fs::copy(root.join("usr/bin/keyroll"), whole.join("usr/bin/keyroll"))?;
    fs::copy("/bin/sh", whole.join("bin/sh"))?;
    for name in UNITS {
        fs::copy(root.join("usr/lib/systemd/system").join(name), units.join(name))?;
    }
    for entry in fs::read_dir(SYSTEM)? {
        let entry = entry?;
        if entry.path().extension().is_some_and(|end| end == "target") {
            fs::copy(entry.path(), units.join(entry.file_name()))?;
        }
    }
    let at = format!("--root={}", whole.display());
    let mut verify = Command::new("systemd-analyze");
    // It ends well after an unknown word, which it only warns of.
    let said = shell::talk(verify.args(["verify", "--man=no"]).arg(&at).args(UNITS))?;
    if !said.is_empty() {
        return Err(Failed::new(format!("step `units` failed: systemd-analyze says:\n{said}")));
    }
    println!("── units: {}", UNITS.join(", "));
    for service in UNITS.iter().filter(|name| name.ends_with(".service")) {
        let mut security = Command::new("systemd-analyze");
        security.args(["security", "--offline=true", "--no-pager"]).arg(format!("--threshold={EXPOSURE}")).arg(&at);
        step("exposure", security.arg(service).stdout(std::process::Stdio::null()))?;
    }
    Ok(())
}
