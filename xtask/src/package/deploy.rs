//! What lies in `deploy/`: the linters of each kind of file, and the names of settings that are in them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::tools::Tools;
use crate::debian;
use crate::shell::{self, Failed, step};

/// Lints what is committed.
pub(super) fn check(tools: &Tools) -> Result<(), Failed> {
    let docker = shell::root().join("deploy/docker");
    step("Dockerfile", tools.hadolint().arg(docker.join("Dockerfile")))?;
    // Its warnings are about style: the order of members, and where quotes stand.
    step("compose file", tools.dclint().arg("--quiet").arg(docker.join("compose.yaml")))?;
    let scripts = [docker.join("collect"), shell::root().join("deploy/debian/postinst")];
    step("scripts", Command::new("shellcheck").args(scripts))?;
    let reference = fs::read_to_string(shell::root().join("docs/reference/config.md"))?;
    let compose = fs::read_to_string(docker.join("compose.yaml"))?;
    let service = fs::read_to_string(shell::root().join("deploy/systemd/keyroll.service"))?;
    let texts = format!("{compose}{service}");
    let unknown = unknown(&texts, &reference);
    if unknown.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = unknown.into_iter().collect();
    Err(Failed::new(format!("deploy/ names what is no setting: {}", names.join(", "))))
}

/// Gathers the image as the Dockerfile does, from the libraries of this machine, and runs the binary with nothing else.
pub(super) fn try_image(folder: &Path, root: &Path) -> Result<(), Failed> {
    if !debian::is_root() {
        println!("── image: left out, only root can enter it");
        return Ok(());
    }
    let image = folder.join("image");
    fs::create_dir_all(image.join("usr/bin"))?;
    fs::copy(root.join("usr/bin/keyroll"), image.join("usr/bin/keyroll"))?;
    step("image", Command::new("sh").arg(shell::root().join("deploy/docker/collect")).arg(&image))?;
    let mut inside = Command::new("chroot");
    step("image", inside.arg("--userspec=65532:65532").arg(&image).args(["/usr/bin/keyroll", "version"]))
}

/// The variables of settings in `text` that `reference` does not list.
fn unknown<'a>(text: &'a str, reference: &str) -> BTreeSet<&'a str> {
    let known: BTreeSet<&str> = variables(reference).collect();
    variables(text).filter(|name| !known.contains(name.trim_end_matches("_FILE")) && !known.contains(name)).collect()
}

/// Words of the form `KEYROLL_SECTION__KEY`.
fn variables(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'));
    words.filter(|word| word.starts_with("KEYROLL_") && word.contains("__"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_do_not_exist_are_found() {
        let reference = "| `url` | – | Where. Variable `KEYROLL_DATABASE__URL`. |\nVariable `KEYROLL_KEYS__KEK_FILE`.";
        let good = "Environment=KEYROLL_KEYS__KEK_FILE=%d/kek\nKEYROLL_DATABASE__URL_FILE: /x\nKEYROLL_ADDR: y\n";
        assert!(unknown(good, reference).is_empty());
        assert_eq!(
            unknown("KEYROLL_LOG__FORM: json", reference).into_iter().collect::<Vec<_>>(),
            ["KEYROLL_LOG__FORM"]
        );
    }
}
