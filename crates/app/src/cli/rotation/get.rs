//! `keyroll rotation get`: one rotation, once or as it goes.

use api::client::Call;
use api::path;
use clap::Args;

use super::super::fault::Fault;
use super::super::session::Session;
use super::told::{Extent, Told};
use super::watch::{self, Patience};
use super::which::{self, Among};

const AFTER: &str = "\
A secret stands for the rotation that it is part of: the one under way, else the latest.
With --watch it ends as `keyroll rotation start --wait` does.

Examples:
  keyroll rotation get stripe_api_key
  keyroll rotation get rot_4 --watch --until promoted --wait-timeout 1h
  keyroll rotation get rot_4 -o json";

/// `keyroll rotation get`
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct GetArgs {
    /// Its id, or a secret that is part of it
    rotation: String,
    /// Show it as it goes, until nothing more happens by itself
    #[arg(short = 'w', long = "watch")]
    wait: bool,
    #[command(flatten)]
    patience: Patience,
}

/// Shows it.
pub(super) async fn run(args: GetArgs, session: &mut Session<'_>) -> Result<(), Fault> {
    let id = which::id(session, &args.rotation, Among::All).await?;
    let told = Told::by(session, Call::get(path::item(path::ROTATIONS, &id))).await?;
    if args.wait {
        return watch::follow(told, &args.patience, session).await;
    }
    told.show(session, Extent::Whole)
}
