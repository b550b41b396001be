//! `keyroll health`: whether a node should get work, for whoever looks at exit codes.

use api::client::{Call, Reply};
use api::health::Readiness;
use api::path;
use clap::Args;
use serde_json::Value;

use super::fault::Fault;
use super::out::Out;
use super::print;
use super::profile;
use super::session::{Format, Globals, Target, Variables};

const AFTER: &str = "\
Asks /readyz on the admin listener, for which no token is needed. Exit codes: 0 ready, 2 not ready or not
reachable, 6 no answer in time.

Examples:
  keyroll health
  keyroll health --addr https://keys.example --timeout 3 -o json";

/// `keyroll health`
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct HealthArgs {
    #[command(flatten)]
    pub(super) globals: Globals,
}

/// Prints how the node is.
pub(super) async fn run(args: HealthArgs, variables: &Variables, out: &mut Out) -> Result<(), Fault> {
    let mut target = Target::choose(&args.globals, variables, profile::load(variables.profile.as_deref(), out)?);
    target.token = None;
    let reply = target.client(args.globals.timeout)?.ask(Call::get(path::READY)).await?;
    let Readiness { checks, .. } = reply.json()?;
    let missing: Vec<String> =
        checks.iter().filter(|check| !check.ready).map(|check| format!("{}: {}", check.name, check.detail)).collect();
    tell(&reply, args.globals.output, &missing, out)?;
    if reply.status.is_success() { Ok(()) } else { Err(Fault::NotReady(missing.join("; "))) }
}

fn tell(reply: &Reply, format: Format, missing: &[String], out: &mut Out) -> Result<(), Fault> {
    match format {
        Format::Json | Format::Yaml => print::document(out, format, &reply.json::<Value>()?),
        Format::Table | Format::Name if reply.status.is_success() => {
            // What takes no traffic away is still an operator's matter.
            missing.iter().for_each(|check| out.say(check));
            out.line("ready")
        }
        Format::Table | Format::Name => Ok(()),
    }
}
