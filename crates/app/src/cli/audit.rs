//! `keyroll audit`: who changed what, and when.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use api::audit::{AuditQuery, SIZE_HEADER};
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
    /// List audit events, the latest first
    List(ListArgs),
    /// Export all audit events with their leaf hashes, one JSON document a line, the earliest first
    Export(ExportArgs),
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

/// `keyroll audit export`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  keyroll audit export --file audit.ndjson")]
pub(crate) struct ExportArgs {
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

/// Does what the verb says.
pub(super) async fn run(command: AuditCommand, session: &mut Session<'_>) -> Result<(), Fault> {
    match command {
        AuditCommand::List(args) => {
            let ListArgs { actor, action, subject, from, to, limit } = args;
            let filters = AuditQuery { actor, action, subject, from, to, ..AuditQuery::default() };
            list::show(session, path::AUDIT, &filters, Some(limit), &VIEW).await
        }
        AuditCommand::Export(args) => export(args, session).await,
    }
}

/// Piece by piece, since an audit may be larger than the memory; and counted, since one may have been cut.
async fn export(args: ExportArgs, session: &mut Session<'_>) -> Result<(), Fault> {
    let mut answer = session.client.stream(Call::get(path::AUDIT_EXPORT)).await?;
    let promised: Option<u64> = answer.header(SIZE_HEADER).and_then(|size| size.parse().ok());
    let mut found = 0;
    if let Some(path) = args.file {
        let fault = |source| Fault::File { path: path.clone(), source };
        let mut file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(fault)?;
        while let Some(piece) = answer.chunk().await? {
            found += lines(&piece);
            file.write_all(&piece).map_err(fault)?;
        }
        file.sync_all().map_err(fault)?;
        session.out.say(&format!("{found} events written to {}", path.display()));
    } else {
        while let Some(piece) = answer.chunk().await? {
            found += lines(&piece);
            session.out.data(&piece)?;
        }
    }
    match promised {
        Some(promised) if promised != found => Err(Fault::Incomplete { found, promised }),
        _ => Ok(()),
    }
}

fn lines(piece: &[u8]) -> u64 {
    u64::try_from(piece.iter().filter(|byte| **byte == b'\n').count()).unwrap_or(u64::MAX)
}
