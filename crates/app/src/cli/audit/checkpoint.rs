//! `keyroll audit checkpoint`: how long the audit is and what it holds, signed.

use api::audit::CheckpointItem;
use api::client::Call;
use api::path;
use clap::Args;

use super::super::fault::Fault;
use super::super::print;
use super::super::session::{Format, Session};

/// `keyroll audit checkpoint`
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct CheckpointArgs {
    /// Print the public key instead, to check checkpoints and exports with
    #[arg(long)]
    public_key: bool,
}

const AFTER: &str = "\
A checkpoint is text: the name of the log, the number of events, the root of the Merkle tree over them, and a
signature. Keep some where the node cannot write. An audit that was rewritten or cut off since does not fit them.

Examples:
  keyroll audit checkpoint --public-key > audit.pub
  keyroll audit checkpoint >> /archive/checkpoints/$(date +%F)";

/// Asks for one, and prints it as it is: other tools read it, too.
pub(super) async fn run(args: CheckpointArgs, session: &mut Session<'_>) -> Result<(), Fault> {
    let reply = session.send(Call::get(path::AUDIT_CHECKPOINT)).await?;
    let item: CheckpointItem = reply.json()?;
    match session.format {
        Format::Json | Format::Yaml => print::document(session.out, session.format, &reply.json()?),
        Format::Table | Format::Name if args.public_key => session.out.line(&item.public_key),
        Format::Name => session.out.line(&item.size.to_string()),
        Format::Table => session.out.data(item.note.as_bytes()),
    }
}
