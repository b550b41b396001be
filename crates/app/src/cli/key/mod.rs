//! `keyroll key`: the keys that wrap the keys of secrets (KEKs), and how one replaces another.

mod generate;
mod rewrap;

use api::path;
use clap::Subcommand;
use serde_json::Value;

use super::fault::Fault;
use super::list;
use super::session::Session;
use super::table::{self, Cell, Column, View};

pub(super) use generate::{GenerateArgs, run as generate};

/// The verbs of key-encryption keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// List the KEKs and how much each wraps
    #[command(after_help = LIST_AFTER)]
    List,
    /// Add a new KEK to a KEK file; no server is asked
    Generate(GenerateArgs),
    /// Wrap the keys of all secrets with the current KEK, so that an older one can be taken out
    Rewrap(rewrap::RewrapArgs),
}

const LIST_AFTER: &str = "\
The list is that of the node that answers. A key that wraps something and that this node does not hold (HELD no)
opens nothing there: give the node a KEK file with that key.

Example:
  keyroll key list";

const VIEW: View = View {
    name: "/id",
    columns: &[
        Column("ID", Cell::At("/id")),
        Column("CURRENT", Cell::At("/current")),
        Column("HELD", Cell::At("/held")),
        Column("SECRETS", Cell::At("/secrets")),
        Column("WRAPS", Cell::By(wraps)),
        Column("CREATED", Cell::At("/created_at")),
    ],
    details: &[],
};

/// What stands against taking the key out.
fn wraps(item: &Value) -> String {
    let secrets = item.get("secrets").and_then(Value::as_u64).unwrap_or_default();
    let fingerprints = item.get("fingerprint_key") == Some(&Value::Bool(true));
    let parts = [(secrets > 0).then_some("secrets"), fingerprints.then_some("the fingerprint key")];
    let text: Vec<Value> = parts.into_iter().flatten().map(Value::from).collect();
    if text.is_empty() { "nothing".to_owned() } else { table::text(&Value::Array(text)) }
}

/// Does what the verb says.
pub(super) async fn run(command: KeyCommand, session: &mut Session<'_>) -> Result<(), Fault> {
    match command {
        KeyCommand::List => list::show_all(session, path::KEYS, &VIEW).await,
        KeyCommand::Generate(args) => generate(&args, session.format, session.out),
        KeyCommand::Rewrap(args) => rewrap::run(args, session).await,
    }
}
