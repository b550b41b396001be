//! `keyroll rotation list`: which rotations there are, the latest first.

use api::path;
use api::rotation::RotationQuery;
use clap::Args;
use model::rotation::STATES;
use serde_json::Value;

use super::super::fault::Fault;
use super::super::list;
use super::super::session::Session;
use super::super::table::{self, Cell, Column, View};
use super::moment;

/// `keyroll rotation list`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  keyroll rotation list --live\n  \
                        keyroll rotation list --secret stripe_api_key --state rolled_back -o json")]
pub(crate) struct ListArgs {
    /// Only in this state
    #[arg(long, value_parser = STATES)]
    state: Option<String>,
    /// Only those that this secret is part of, outgoing or incoming
    #[arg(long, value_name = "NAME")]
    secret: Option<String>,
    /// Only those that are in or before this environment
    #[arg(short, long, value_name = "ENV")]
    environment: Option<String>,
    /// Only those in which something can still happen
    #[arg(long, conflicts_with = "ended")]
    live: bool,
    /// Only those that are over
    #[arg(long)]
    ended: bool,
    /// Show at most so many [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
}

const VIEW: View = View {
    name: "/id",
    columns: &[
        Column("ID", Cell::At("/id")),
        Column("STATE", Cell::At("/state")),
        Column("FOR", Cell::By(|item| ago(item, "/state_since"))),
        Column("ENVIRONMENT", Cell::At("/environment")),
        Column("SHARE", Cell::At("/weight")),
        Column("AGE", Cell::By(|item| ago(item, "/started_at"))),
        Column("SECRETS", Cell::By(secrets)),
    ],
    details: &[],
};

/// Lists rotations.
pub(super) async fn run(args: ListArgs, session: &mut Session<'_>) -> Result<(), Fault> {
    let filters = RotationQuery {
        state: args.state,
        secret: args.secret,
        environment: args.environment,
        live: args.live.then_some(true).or(args.ended.then_some(false)),
        limit: None,
        cursor: None,
    };
    list::show(session, path::ROTATIONS, &filters, args.limit, &VIEW).await.map(drop)
}

fn ago(item: &Value, pointer: &str) -> String {
    item.pointer(pointer).map(|at| moment::ago(&table::text(at), moment::now())).unwrap_or_default()
}

fn secrets(item: &Value) -> String {
    let text = |member: &str| item.get(member).map(table::text).unwrap_or_default();
    format!("{} → {}", text("outgoing"), text("incoming"))
}
