//! `keyroll config check | show | schema`.

use std::io::{self, Write};
use std::process::ExitCode;

use super::{Flags, Loaded, Tls, Variables, load, schema, show};
use crate::cli::{ConfigArgs, ConfigCommand};
use crate::logging::chain;
use crate::process::{Certificate, say};

impl From<ConfigArgs> for Flags {
    fn from(args: ConfigArgs) -> Self {
        Self {
            config: args.config,
            data_dir: args.data_dir,
            gateway_listen: args.gateway_listen,
            admin_listen: args.admin_listen,
            database: args.database,
            kek_file: args.kek_file,
            role: args.role,
        }
    }
}

/// Does what the command says; 1 where the configuration has mistakes.
pub(crate) fn run(command: ConfigCommand, variables: &Variables) -> ExitCode {
    let printed = match command {
        ConfigCommand::Schema => print(&schema()),
        ConfigCommand::Show(args) => loaded(args, variables).and_then(|loaded| print(&show(&loaded))),
        ConfigCommand::Check(args) => loaded(args, variables).and_then(|loaded| certificates(&loaded)),
    };
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            say(&reason);
            ExitCode::FAILURE
        }
    }
}

fn loaded(args: ConfigArgs, variables: &Variables) -> Result<Loaded, String> {
    load(&args.into(), variables).map_err(|mistakes| mistakes.to_string())
}

/// What only opening the files can tell.
fn certificates(loaded: &Loaded) -> Result<(), String> {
    let check = |section: &str, tls: &Tls| match Certificate::load(tls) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("{section}.tls: {}", chain(&error))),
    };
    check("gateway", &loaded.config.gateway.tls)?;
    check("admin", &loaded.config.admin.tls)?;
    say("the configuration is in order");
    Ok(())
}

fn print(text: &str) -> Result<(), String> {
    match io::stdout().write_all(text.as_bytes()) {
        // Whoever reads only the beginning has what they wanted.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(format!("stdout cannot be written: {error}")),
        _ => Ok(()),
    }
}
