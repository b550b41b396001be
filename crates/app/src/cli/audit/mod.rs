//! `keyroll audit`: who changed what, and when.

mod checkpoint;
mod export;
mod verify;

use api::audit::AuditQuery;
use api::path;
use clap::{Args, Subcommand};

use super::fault::Fault;
use super::list;
use super::session::Session;
use super::table::{Cell, Column, View};

pub(super) use verify::{is_offline, offline};

/// The verbs of the audit.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// List audit events, the latest first
    List(ListArgs),
    /// Export all audit events with their leaf hashes, one JSON document a line, the earliest first
    Export(export::ExportArgs),
    /// Check that no event was edited, removed or put in: numbers, hashes, and the signed checkpoint, computed here
    Verify(verify::VerifyArgs),
    /// Print a signed checkpoint: how long the audit is, and what it holds
    Checkpoint(checkpoint::CheckpointArgs),
}

/// `keyroll audit list`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  keyroll audit list --subject secret/stripe_api_key")]
pub(crate) struct ListArgs {
    /// Only by this actor, such as token:ci
    #[arg(long, value_name = "ACTOR")]
    actor: Option<String>,
    /// Only this action, such as secret.create
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// Only about this subject, such as secret/stripe_api_key
    #[arg(long, value_name = "SUBJECT")]
    subject: Option<String>,
    /// Only from this moment on, such as 2026-11-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Only before this moment
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Show at most so many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

const VIEW: View = View {
    name: "/sequence",
    columns: &[
        Column("NO", Cell::At("/sequence")),
        Column("TIME", Cell::At("/time")),
        Column("ACTOR", Cell::At("/actor")),
        Column("ACTION", Cell::At("/action")),
        Column("SUBJECT", Cell::At("/subject")),
        Column("OUTCOME", Cell::At("/outcome")),
    ],
    details: &[],
};

/// Does what the verb says.
pub(super) async fn run(command: AuditCommand, session: &mut Session<'_>) -> Result<(), Fault> {
    match command {
        AuditCommand::List(args) => {
            let ListArgs { actor, action, subject, from, to, limit } = args;
            let filters = AuditQuery { actor, action, subject, from, to, ..AuditQuery::default() };
            list::show(session, path::AUDIT, &filters, Some(limit), &VIEW).await.map(drop)
        }
        AuditCommand::Export(args) => export::run(args, session).await,
        AuditCommand::Verify(args) => verify::run(args, session).await,
        AuditCommand::Checkpoint(args) => checkpoint::run(args, session).await,
    }
}
