//! The `keyroll` binary: configuration, commands, wiring. Nothing imports it.

mod ambient;
mod bootstrap;
mod cli;
mod config;
mod demo;
mod logging;
mod process;
mod reference;
mod relocate;
mod serve;

use std::process::ExitCode;

use clap::CommandFactory;
use cli::{Cli, Command, DatabaseCommand};
use process::Environment;

fn main() -> ExitCode {
    process::refuse_core_dumps();
    let command = match cli::parse(std::env::args_os()) {
        Ok(cli) => cli.command,
        Err(code) => return code,
    };
    match command {
        Command::Serve(args) => serve::serve(&args.config.into(), args.take_over, Environment::take()),
        Command::Demo(args) => demo::run(args),
        Command::Config(command) => config::command::run(command, &Environment::take().variables),
        Command::Database(DatabaseCommand::Move(args)) => {
            let variables = Environment::take().variables;
            on_this_thread(async move { relocate::run(args, &variables, &mut cli::Out::real()).await })
        }
        Command::Reference(args) => reference::run(Cli::command(), &args),
        Command::Client(command) => client(command),
    }
}

/// Client commands do one thing at a time: the thread that is there is enough.
fn client(command: cli::ClientCommand) -> ExitCode {
    on_this_thread(async move { cli::run_client(command, &mut cli::Out::real()).await })
}

fn on_this_thread(work: impl Future<Output = ExitCode>) -> ExitCode {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => {
            process::say(&format!("no runtime can be set up: {error}"));
            ExitCode::FAILURE
        }
    }
}
