//! The whole command line: what it takes, what it refuses, and that every command can be learned from its help.

use clap::{CommandFactory, Parser};

use super::*;

fn parses(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once("keyroll").chain(line.split_whitespace()))
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn lines_that_are_taken() {
    for line in [
        "serve",
        "serve --config k.toml --data-dir d --gateway-listen 127.0.0.1:0 --admin-listen 127.0.0.1:0 --database sqlite:x --kek-file k",
        "demo --exit",
        "demo --exit --break-injection",
        "config check",
        "config show --data-dir d",
        "config schema",
        "reference --out out",
        "reference --out out --installed",
        "secret create a",
        "secret create a --value-stdin --keep-whitespace --kind api_key --class critical -e staging --allowed-host h",
        "secret list --unused-for 30d --unreferenced --sort -last_used_at -o json --limit 3",
        "secret get a -o yaml",
        "secret edit a --owner x",
        "secret delete a b c --yes",
        "secret delete a --force --reason leaked",
        "secret delete a --dry-run",
        "secret routes a",
        "secret usage a --step 1h",
        "secret compare a --value-file f",
        "route create pay --upstream https://a --header A={{x}} --environment staging",
        "route create --file -",
        "route edit pay --in staging --no-header A",
        "route roll-back pay 3",
        "route revisions pay",
        "route test pay --environment staging --path /x",
        "route replace-secret a b --environment staging --environment production --dry-run",
        "client create c --environment staging --route pay",
        "client create c --environment staging --route *",
        "client key create c",
        "client key revoke c key_1",
        "client edit c --disabled true",
        "env create qa --rank 1 --protected",
        "env edit qa --default true",
        "env list -o name",
        "audit list --action secret.create --limit 5",
        "audit export --file a.ndjson",
        "audit verify -o json",
        "key list",
        "key generate --kek-file k --standby",
        "key generate --kek-file k --create",
        "key rewrap --dry-run",
        "key rewrap --wait --step 10 --yes",
        "rotation start a --value-stdin --dry-run",
        "rotation start a --incoming b --canary 5%,100% --canary staging=1% --soak 48h --advance production=manual --yes",
        "rotation start a --value-file f --wait --until promoted --wait-timeout 1h --reason compromised --approval",
        "rotation list --live --state canary -e staging",
        "rotation get a --watch --wait-timeout 30",
        "rotation approve a --reason x",
        "rotation advance a",
        "rotation attest a step --note x --link y --not-applicable",
        "rotation attest a step --remove",
        "rotation checklist a",
        "env get qa",
        "config show -o yaml",
        "logout --addr https://a",
        "token create ci --role developer",
        "token revoke ci",
        "login --token-stdin --addr https://a --cacert ca.pem",
        "health --addr http://127.0.0.1:8081 --timeout 3",
        "completion bash",
        "version --server",
        "-o json secret list --addr http://a",
    ] {
        // Global options belong behind the noun; in front of it they are refused.
        let taken = !line.starts_with('-');
        match parses(line) {
            Ok(_) => assert!(taken, "{line}"),
            Err(error) => assert!(!taken, "{line}: {error}"),
        }
    }
}

#[test]
fn lines_that_are_refused() {
    for line in [
        "",
        "frobnicate",
        "secret",
        "secret create",
        "secret create a value",
        "secret create a --value v",
        "secret create a --value-stdin --value-file f",
        "secret create a --kind key",
        "secret create a --strict-expiry",
        "secret edit a",
        "secret edit a --value v",
        "secret delete",
        "secret delete a --force",
        "secret delete a --reason x",
        "secret delete a --force --reason x --dry-run",
        "secret list --limit 0",
        "secret list -o xml",
        "route create",
        "route create x --header A",
        "route roll-back pay",
        "route roll-back pay x",
        "route test pay",
        "route replace-secret a",
        "client create c",
        "client create c --environment staging",
        "client edit c",
        "client key create",
        "env edit qa",
        "token create ci",
        "token create ci --role root",
        "login --token krt_x",
        "rotation start",
        "rotation start a b",
        "rotation start a --value v",
        "rotation start a --dry-run --wait",
        "rotation start a --until promoted",
        "rotation start a --wait --until never",
        "rotation start a --roll-back sometimes",
        "rotation get a --wait-timeout 5",
        "rotation list --live --ended",
        "rotation list --state lost",
        "rotation approve a",
        "rotation attest a step",
        "rotation attest a step --remove --note x",
        "key generate",
        "key generate --kek-file k --create --standby",
        "key rewrap --dry-run --wait",
        "key rewrap --step 501",
        "completion tcl",
        "serve --role",
    ] {
        assert!(parses(line).is_err(), "{line}");
    }
}

#[test]
fn every_command_can_be_learned_from_its_help() {
    fn walk(command: &clap::Command, path: &str) {
        assert!(command.get_about().is_some_and(|about| !about.to_string().is_empty()), "{path} has no description");
        for argument in
            command.get_arguments().filter(|argument| !["help", "version"].contains(&argument.get_id().as_str()))
        {
            assert!(argument.get_help().is_some(), "{path}: {} has no help", argument.get_id());
        }
        let inner: Vec<_> = command.get_subcommands().collect();
        if inner.is_empty() && !command.is_hide_set() && path != "keyroll config schema" {
            let example = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(
                example.contains("Example") && example.contains(&path["keyroll ".len()..]),
                "{path} has no example: {example}"
            );
        }
        for command in inner {
            walk(command, &format!("{path} {}", command.get_name()));
        }
    }
    walk(&Cli::command(), "keyroll");
}

#[test]
fn help_and_version_succeed_and_mistakes_are_local() {
    let code = |line: &str| format!("{:?}", parse(std::iter::once("keyroll").chain(line.split_whitespace())).err());
    assert_eq!(code("--help"), format!("{:?}", Some(ExitCode::SUCCESS)));
    assert_eq!(code("secret create --help"), format!("{:?}", Some(ExitCode::SUCCESS)));
    assert_eq!(code("--version"), format!("{:?}", Some(ExitCode::SUCCESS)));
    assert_eq!(code("secret create"), format!("{:?}", Some(ExitCode::from(1))));
    assert_eq!(code(""), format!("{:?}", Some(ExitCode::from(1))));
}
