//! `keyroll node`: the processes that share a database, and what each of them serves.

use api::client::Call;
use api::node::NodeAttest;
use api::path;
use clap::{Args, Subcommand};

use super::fault::Fault;
use super::list;
use super::session::Session;
use super::table::{Cell, Column, View};

/// The verbs of nodes.
#[derive(Debug, Subcommand)]
pub(crate) enum NodeCommand {
    /// List nodes: what each serves, and since when nothing was heard of it
    #[command(after_help = "Example:\n  keyroll node list")]
    List,
    /// Show a node
    #[command(after_help = "Example:\n  keyroll node get node_019ac3f1a2b47d1e9c33a8f0b1c2d3e4")]
    Get {
        /// Its id
        id: String,
    },
    /// Vouch that a silent node is stopped, so that nobody waits for what it might still serve
    AttestStopped(AttestArgs),
}

/// `keyroll node attest-stopped`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  keyroll node attest-stopped node_019ac3f1a2b47d1e9c33a8f0b1c2d3e4 \\\n      \
                        --reason 'the machine was switched off, ticket 4711'")]
pub(crate) struct AttestArgs {
    /// Its id
    id: String,
    /// How that is known; it stands in the audit
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

const VIEW: View = View {
    name: "/id",
    columns: &[
        Column("ID", Cell::At("/id")),
        Column("NAME", Cell::At("/name")),
        Column("ROLE", Cell::At("/role")),
        Column("STATE", Cell::At("/state")),
        Column("REVISION", Cell::At("/revision")),
        Column("LAG MS", Cell::At("/lag_ms")),
        Column("LAST SEEN", Cell::At("/last_seen_at")),
        Column("VERSION", Cell::At("/version")),
    ],
    details: &[
        Column("Id", Cell::At("/id")),
        Column("Name", Cell::At("/name")),
        Column("Role", Cell::At("/role")),
        Column("State", Cell::At("/state")),
        Column("Stopped by", Cell::At("/stopped_by")),
        Column("Revision", Cell::At("/revision")),
        Column("Lag in ms", Cell::At("/lag_ms")),
        Column("Last seen", Cell::At("/last_seen_at")),
        Column("May serve until", Cell::At("/may_serve_until")),
        Column("Started", Cell::At("/started_at")),
        Column("Version", Cell::At("/version")),
    ],
};

/// Does what the verb says.
pub(super) async fn run(command: NodeCommand, session: &mut Session<'_>) -> Result<(), Fault> {
    match command {
        NodeCommand::List => list::show_all(session, path::NODES, &VIEW).await,
        NodeCommand::Get { id } => session.show(Call::get(path::item(path::NODES, &id)), &VIEW).await.map(drop),
        NodeCommand::AttestStopped(args) => {
            session.confirm(&format!("Is the node {} stopped, and nothing of it serves any more?", args.id))?;
            let call = Call::post(format!("{}/attest-stopped", path::item(path::NODES, &args.id)));
            session.show(call.json(&NodeAttest { reason: args.reason })?, &VIEW).await.map(drop)
        }
    }
}
