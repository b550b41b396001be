//! `keyroll audit`: who changed what, and when.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use api::audit::AuditQuery;
use api::client::Call;
use api::path;
use clap::{Args, Subcommand};

use super::fault::Fault;
use super::list;
use super::session::Session;
use super::table::{Cell, Column, View};

/// The verbs of the audit.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// List audit events
    List(ListArgs),
    /// Export audit events with their leaf hashes, one JSON document a line
    Export(ExportArgs),
}

/// Which events.
#[derive(Debug, Args)]
pub(crate) struct Filters {
    /// Only by this actor, such as token:ci
    #[arg(long, value_name = "ACTOR")]
    actor: Option<String>,
    /// Only this action, such as secret.create, or 'secret.*'
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// Only about this subject, such as secret:stripe_api_key
    #[arg(long, value_name = "SUBJECT")]
    subject: Option<String>,
    /// Only from this moment on, such as 2026-11-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Only before this moment
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
}

/// `keyroll audit list`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  keyroll audit list --subject secret:stripe_api_key")]
pub(crate) struct ListArgs {
    #[command(flatten)]
    filters: Filters,
    /// Show at most so many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

/// `keyroll audit export`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  keyroll audit export --from 2026-10-01T00:00:00Z --file october.ndjson")]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    filters: Filters,
    /// Write to this file, which must not exist yet, instead of stdout
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
}

const VIEW: View = View {
    name: "/record/sequence",
    columns: &[
        Column("NO", Cell::At("/record/sequence")),
        Column("TIME", Cell::At("/record/time")),
        Column("ACTOR", Cell::At("/record/actor")),
        Column("ACTION", Cell::At("/record/action")),
        Column("SUBJECT", Cell::At("/record/subject")),
        Column("OUTCOME", Cell::At("/record/outcome")),
    ],
    details: &[],
};

impl Filters {
    fn query(self) -> AuditQuery {
        let Self { actor, action, subject, from, to } = self;
        AuditQuery { actor, action, subject, from, to, ..AuditQuery::default() }
    }
}

/// Does what the verb says.
pub(super) async fn run(command: AuditCommand, session: &mut Session<'_>) -> Result<(), Fault> {
    match command {
        AuditCommand::List(args) => {
            list::show(session, path::AUDIT, &args.filters.query(), Some(args.limit), &VIEW).await
        }
        AuditCommand::Export(args) => export(args, session).await,
    }
}

/// Piece by piece: an audit may be larger than the memory.
async fn export(args: ExportArgs, session: &mut Session<'_>) -> Result<(), Fault> {
    let mut answer = session.client.stream(Call::get(path::AUDIT_EXPORT).query(&args.filters.query())).await?;
    let Some(path) = args.file else {
        while let Some(piece) = answer.chunk().await? {
            session.out.data(&piece)?;
        }
        return Ok(());
    };
    let fault = |source| Fault::File { path: path.clone(), source };
    let mut file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(fault)?;
    while let Some(piece) = answer.chunk().await? {
        file.write_all(&piece).map_err(fault)?;
    }
    file.sync_all().map_err(fault)?;
    session.out.say(&format!("written to {}", path.display()));
    Ok(())
}
