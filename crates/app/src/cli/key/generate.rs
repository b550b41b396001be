//! `keyroll key generate`: a new KEK in a KEK file, which is replaced whole or not at all.

use std::error::Error;
use std::path::PathBuf;

use clap::Args;
use envelope::{Place, kek_file};
use model::time::Clock;
use serde_json::json;

use super::super::fault::Fault;
use super::super::out::Out;
use super::super::print;
use super::super::session::Format;
use super::super::table::{Cell, Column, View};
use crate::ambient::{SystemClock, SystemEntropy};

const AFTER: &str = "\
The file is replaced at once, with its owner and mode; all keys that are in it stay. The new key is the current one:
it seals from the next start of the node on. To replace a KEK on one node: generate, restart the node, rewrap, take
the older line out, restart.

With several nodes, no node may seal with a key that another one does not hold. So: generate with --standby, give
the file to every node and restart them all; move the new line to the front, give the file to every node and restart
them again; then rewrap.

Examples:
  keyroll key generate --kek-file /etc/keyroll/kek
  keyroll key generate --kek-file /etc/keyroll/kek --standby";

/// `keyroll key generate`
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct GenerateArgs {
    /// The KEK file, as it is given to `keyroll serve`
    #[arg(long, value_name = "FILE")]
    kek_file: PathBuf,
    /// Put the key behind the others: it opens, and seals nothing until its line is moved to the front
    #[arg(long)]
    standby: bool,
    /// Make the file, which must not exist, for nodes that have not been started yet
    #[arg(long, conflicts_with = "standby")]
    create: bool,
}

const VIEW: View = View {
    name: "/id",
    columns: &[
        Column("Id", Cell::At("/id")),
        Column("Current", Cell::At("/current")),
        Column("File", Cell::At("/file")),
    ],
    details: &[],
};

/// Adds the key.
pub(in super::super) fn run(args: &GenerateArgs, format: Format, out: &mut Out) -> Result<(), Fault> {
    let path = &args.kek_file;
    let now = SystemClock.now();
    let id = if args.create {
        kek_file::create(path, &SystemEntropy, now).map_err(|error| fault(&error))?;
        let keyring = kek_file::load(path).map_err(|error| fault(&error))?;
        keyring.current().clone()
    } else {
        let place = if args.standby { Place::Standby } else { Place::Current };
        kek_file::add(path, place, &SystemEntropy, now).map_err(|error| match &error {
            kek_file::AddError::Load(kek_file::LoadError::Read { source, .. })
                if source.kind() == std::io::ErrorKind::NotFound =>
            {
                Fault::KekFile(format!(
                    "{} does not exist; the first start of a node makes one, and so does --create",
                    path.display()
                ))
            }
            _ => fault(&error),
        })?
    };
    print::item(out, format, &VIEW, &json!({"id": id.as_str(), "current": !args.standby, "file": path}))?;
    out.say("Keep a copy of the file, apart from the backups of the database.");
    out.say(if args.create {
        "Give the same file to every node, before its first start."
    } else if args.standby {
        "Give the file to every node and restart them; then move its line to the front, and do so once more."
    } else {
        "A node that runs takes it over at its next start. With several nodes: stop here unless all of them hold the key \
         before one is restarted (see --standby)."
    });
    Ok(())
}

/// The error with its reasons; none of them quotes a key.
fn fault(error: &dyn Error) -> Fault {
    Fault::KekFile(crate::logging::chain(error))
}
