//! `keyroll completion`: the completion script of a shell.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Cli;
use super::fault::Fault;
use super::out::Out;

/// `keyroll completion`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  keyroll completion bash > ~/.local/share/bash-completion/completions/keyroll")]
pub(crate) struct CompletionArgs {
    /// Which shell
    shell: Shell,
}

/// Prints the script.
pub(super) fn run(args: &CompletionArgs, out: &mut Out) -> Result<(), Fault> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "keyroll", &mut script);
    out.data(&script)
}
