//! `keyroll serve`: a node is put together here, in the order in which its parts need each other.

mod admin;
mod error;
mod reload;
mod standing;

use std::process::ExitCode;
use std::sync::Arc;

use crate::config::{self, Flags};
use crate::logging::{Logging, chain};
use crate::process::{self, DataDir, Environment, say};

use error::ServeError;

/// Runs a node until a signal ends it.
pub(crate) fn serve(flags: &Flags, environment: Environment) -> ExitCode {
    match run(flags, environment) {
        Ok(code) => code,
        Err(error) => {
            say(&chain(&error));
            ExitCode::FAILURE
        }
    }
}
