//! What a package installs beside the binary: a man page for each command, and the completion scripts of the shells.

use std::io;
use std::path::Path;

use clap::Command;
use clap_complete::{Shell, generate_to};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

/// Writes `man/*.1` and `completions/*` below `out`.
pub(super) fn write(cli: Command, out: &Path) -> io::Result<()> {
    let (pages, scripts) = (out.join("man"), out.join("completions"));
    std::fs::create_dir_all(&pages)?;
    std::fs::create_dir_all(&scripts)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        generate_to(shell, &mut cli.clone(), "keyroll", &scripts)?;
    }
    for (name, page) in manual(cli)? {
        std::fs::write(pages.join(name), page)?;
    }
    Ok(())
}

/// The man pages of all commands that help shows, by file name.
fn manual(mut cli: Command) -> io::Result<Vec<(String, Vec<u8>)>> {
    cli.build();
    let mut pages = Vec::new();
    describe(&cli, &mut pages)?;
    Ok(pages)
}

fn describe(command: &Command, pages: &mut Vec<(String, Vec<u8>)>) -> io::Result<()> {
    let man = Man::new(command.clone());
    let name = man.get_filename();
    let title = name.trim_end_matches(".1");
    // Not by `render_title`: it leaves the empty date out, and the version would be taken for one.
    let mut page = format!(".TH {title} 1 \"\" \"keyroll {}\" Keyroll\n", env!("CARGO_PKG_VERSION")).into_bytes();
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    if let Some(after) = command.get_after_help() {
        notes(&after.to_string()).to_writer(&mut page)?;
    }
    pages.push((name, page));
    command.get_subcommands().filter(|inner| !inner.is_hide_set()).try_for_each(|inner| describe(inner, pages))
}

/// What stands under a command's help, line by line as it is there: examples must not be filled like prose.
fn notes(text: &str) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["NOTES"]).control("nf", []);
    text.lines().for_each(|line| {
        roff.text([roman(line)]);
    });
    roff.control("fi", []);
    roff
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn every_shown_command_has_a_page_with_its_examples() {
        let pages = manual(Cli::command()).unwrap();
        let page = |name: &str| {
            let found = pages.iter().find(|(known, _)| known == name);
            String::from_utf8(found.unwrap_or_else(|| panic!("{name} is missing")).1.clone()).unwrap()
        };
        assert!(page("keyroll.1").contains(".SH SUBCOMMANDS"));
        assert!(page("keyroll-serve.1").starts_with(".TH keyroll-serve 1 \"\" \"keyroll "));
        let create = page("keyroll-secret-create.1");
        assert!(create.contains(".nf\n") && create.contains("keyroll secret create"), "{create}");
        assert!(!pages.iter().any(|(name, _)| name.contains("reference") || name.contains("help")));
    }

    #[test]
    fn the_scripts_have_the_names_that_shells_look_for() {
        let directory = tempfile::tempdir().unwrap();
        write(Cli::command(), directory.path()).unwrap();
        for name in ["completions/keyroll.bash", "completions/_keyroll", "completions/keyroll.fish", "man/keyroll.1"] {
            assert!(directory.path().join(name).is_file(), "{name}");
        }
    }
}
