//! The generated reference: what the code says about its command line, its settings and its API, as files.

mod installed;

use std::fmt::Write;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use clap::Command;

use crate::cli::ReferenceArgs;
use crate::config;
use crate::process::say;

/// Writes the reference, or what a package installs, into a directory, which is made where it is missing.
pub(crate) fn run(cli: Command, args: &ReferenceArgs) -> ExitCode {
    let written = if args.installed { installed::write(cli, &args.out) } else { write(cli, &args.out) };
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("{}: {error}", args.out.display()));
            ExitCode::FAILURE
        }
    }
}

fn write(cli: Command, out: &Path) -> io::Result<()> {
    std::fs::create_dir_all(out)?;
    for (name, text) in pages(cli)? {
        std::fs::write(out.join(name), text)?;
    }
    Ok(())
}

/// All files by name. The same code gives the same bytes, so that what is committed can be compared.
fn pages(cli: Command) -> io::Result<[(&'static str, String); 7]> {
    let openapi = serde_json::to_string_pretty(&control::openapi())? + "\n";
    Ok([
        ("cli.md", commands(cli)),
        ("config.md", config::reference()),
        ("config.schema.json", config::schema()),
        ("errors.md", errors()),
        ("gateway-answers.md", answers()),
        ("keyroll.toml", config::example()),
        ("openapi.json", openapi),
    ])
}

/// What the admin API refuses with, by code.
fn errors() -> String {
    let mut out = String::from(
        "# Error codes\n\nProblems (RFC 9457) have a `code` that stays the same from version to version: decide by it, not by \
         the texts. [gateway-answers.md](gateway-answers.md) lists the codes of the gateway; this page lists those of the \
         admin API.\n\nUnder 422 a code also stands in `errors`, beside the member that breaks the rule; a single broken \
         rule gives its code to the whole problem. Under 201 it is a warning: the thing was created. In the answer to a test \
         of a route, `error` has the code that the gateway would have given.\n\n| `code` | status | what it means, and what \
         to do |\n|---|---|---|\n",
    );
    for control::Code { code, statuses, meaning } in control::CODES {
        let statuses: Vec<String> = statuses.iter().map(u16::to_string).collect();
        let _ = writeln!(out, "| `{code}` | {} | {meaning} |", statuses.join(", "));
    }
    out
}

/// What the gateway answers by itself, in the order of statuses.
fn answers() -> String {
    let mut out = String::from(
        "# Answers of the gateway\n\nThese answers are the gateway's own: problems (RFC 9457) with a `code`, and with \
         `Proxy-Status: keyroll; error=…` (RFC 9209). An upstream's answer passes unchanged and says \
         `Proxy-Status: keyroll; received-status=…`. The codes of the admin API are in \
         [errors.md](errors.md).\n\n| status | `code` | meaning | `error` |\n|---|---|---|---|\n",
    );
    for kind in gateway::KINDS {
        let _ = writeln!(out, "| {} | `{}` | {} | `{}` |", kind.status, kind.code, kind.title, kind.error);
    }
    out
}

/// The command line: a section a command, with the help that the command itself prints.
fn commands(mut cli: Command) -> String {
    cli.build();
    let mut out = String::from(
        "# Command line\n\nData goes to stdout, talk to stderr. Exit codes: 0 done, 1 local mistake (usage, configuration), \
         2 the server refused or failed, 3 not found, 4 denied, 5 conflict, 6 timed out.\n",
    );
    describe(&cli, "keyroll", &mut out);
    out
}

fn describe(command: &Command, path: &str, out: &mut String) {
    let help = command.clone().bin_name(path).render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    let _ = write!(out, "\n## `{path}`\n\n```text\n{}\n```\n", help.join("\n").trim());
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set() && inner.get_name() != "help") {
        describe(inner, &format!("{path} {}", inner.get_name()), out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shown_command_has_a_section() {
        let inner = Command::new("list").about("Lists them");
        let cli = Command::new("keyroll")
            .subcommand(Command::new("secret").about("Secrets").subcommand(inner))
            .subcommand(Command::new("reference").hide(true));
        let text = commands(cli);
        for heading in ["## `keyroll`", "## `keyroll secret`", "## `keyroll secret list`"] {
            assert!(text.contains(heading), "{text}");
        }
        assert!(text.contains("Lists them") && text.contains("Usage: keyroll secret list"), "{text}");
        assert!(!text.contains("reference") && !text.contains("`keyroll help`"), "{text}");
    }
}
