//! `keyroll version`: which Keyroll this is, and which the server is.

use api::client::Call;
use api::path;
use clap::Args;
use serde_json::{Value, json};

use super::fault::Fault;
use super::out::Out;
use super::print;
use super::profile;
use super::session::{Format, Globals, Target, Variables};

/// `keyroll version`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  keyroll version --server -o json")]
pub(crate) struct VersionArgs {
    /// Ask the server for its version too
    #[arg(long)]
    server: bool,
    #[command(flatten)]
    pub(super) globals: Globals,
}

/// Prints the version.
pub(super) async fn run(args: VersionArgs, variables: &Variables, out: &mut Out) -> Result<(), Fault> {
    let mut answer = json!({"name": "keyroll", "version": env!("CARGO_PKG_VERSION")});
    let mut lines = vec![concat!("keyroll ", env!("CARGO_PKG_VERSION")).to_owned()];
    if args.server {
        let mut target = Target::choose(&args.globals, variables, profile::load(variables.profile.as_deref(), out)?);
        // Nobody needs a token to ask for a version.
        target.token = None;
        let server: Value = target.client(args.globals.timeout)?.call(Call::get(path::VERSION)).await?.json()?;
        let version = server.get("version").and_then(Value::as_str).unwrap_or("unknown");
        lines.push(format!("server {version} at {}", target.address));
        if let Value::Object(members) = &mut answer {
            members.insert("server".to_owned(), server);
        }
    }
    match args.globals.output {
        Format::Json | Format::Yaml => print::document(out, args.globals.output, &answer),
        Format::Table => lines.iter().try_for_each(|line| out.line(line)),
        Format::Name => out.line(env!("CARGO_PKG_VERSION")),
    }
}
