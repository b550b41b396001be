//! `keyroll config check | show | schema`.

use std::io::{self, Write};
use std::process::ExitCode;

use serde_json::{Value, json};

use super::{Flags, Loaded, Mistakes, Tls, Variables, document, load, schema, show};
use crate::cli::{ConfigArgs, ConfigCommand, Format, PrintArgs};
use crate::logging::chain;
use crate::process::{Certificates, say};

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
        ConfigCommand::Show(args) => loaded(args, variables).and_then(|(loaded, format)| match format {
            Format::Table => print(&show(&loaded)),
            Format::Json | Format::Yaml => print(&written(&document(&loaded), format)?),
            Format::Name => print(&loaded.origins.keys().map(|name| format!("{name}\n")).collect::<String>()),
        }),
        ConfigCommand::Check(args) => loaded(args, variables).and_then(|(loaded, _)| certificates(&loaded)),
    };
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            say(&reason);
            ExitCode::FAILURE
        }
    }
}

/// The configuration, or its mistakes: as a document where one was asked for, and told in any case.
fn loaded(args: PrintArgs, variables: &Variables) -> Result<(Loaded, Format), String> {
    let format = args.output;
    match load(&args.config.into(), variables) {
        Ok(loaded) => Ok((loaded, format)),
        Err(mistakes) => {
            if matches!(format, Format::Json | Format::Yaml) {
                print(&written(&list(&mistakes), format)?)?;
            }
            Err(mistakes.to_string())
        }
    }
}

fn list(mistakes: &Mistakes) -> Value {
    let one = |mistake: &super::Mistake| json!({"place": mistake.origin.to_string(), "mistake": mistake.message});
    json!({"mistakes": mistakes.iter().map(one).collect::<Vec<_>>()})
}

fn written(value: &Value, format: Format) -> Result<String, String> {
    let text = match format {
        Format::Yaml => serde_saphyr::to_string(value).map_err(|error| error.to_string()),
        _ => serde_json::to_string_pretty(value).map_err(|error| error.to_string()),
    };
    text.map(|text| format!("{}\n", text.trim_end()))
}

/// What only opening the files can tell.
fn certificates(loaded: &Loaded) -> Result<(), String> {
    let check = |section: &str, tls: &Tls| match Certificates::load(tls) {
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
