//! `keyroll key create`: the KEK file of nodes that are given one, instead of making it on their first start.

use std::process::ExitCode;

use envelope::kek_file;
use model::time::Clock;

use crate::ambient::{SystemClock, SystemEntropy};
use crate::cli::KeyCommand;
use crate::logging::chain;
use crate::process::say;

/// Does what the command says; 1 where the file is there already or cannot be made.
pub(crate) fn run(command: KeyCommand) -> ExitCode {
    let KeyCommand::Create { file } = command;
    match kek_file::create(&file, &SystemEntropy, SystemClock.now()) {
        Ok(()) => {
            say(&format!("{} holds a new key: keep a copy in a safe place, apart from the database", file.display()));
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(&chain(&error));
            ExitCode::FAILURE
        }
    }
}
