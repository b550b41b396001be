//! The `keyroll` binary: configuration, commands, wiring. Nothing imports it.

mod ambient;
mod bootstrap;
mod cli;
mod config;
mod demo;
mod key;
mod logging;
mod process;
mod reference;
mod serve;

use std::process::ExitCode;

use clap::CommandFactory;
use cli::{Cli, Command};
use process::Environment;

fn main() -> ExitCode {
    process::refuse_core_dumps();
    let command = match cli::parse(std::env::args_os()) {
        Ok(cli) => cli.command,
        Err(code) => return code,
    };
    match command {
        Command::Serve(args) => serve::serve(&args.config.into(), Environment::take()),
        Command::Demo(args) => demo::run(args),
        Command::Config(command) => config::command::run(command, &Environment::take().variables),
        Command::Key(command) => key::run(command),
        Command::Reference(args) => reference::run(Cli::command(), &args),
        Command::Client(command) => client(command),
    }
}

/// Client commands do one thing at a time: the thread that is there is enough.
fn client(command: cli::ClientCommand) -> ExitCode {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(cli::run_client(command, &mut cli::Out::real())),
        Err(error) => {
            process::say(&format!("no runtime can be set up: {error}"));
            ExitCode::FAILURE
        }
    }
}
