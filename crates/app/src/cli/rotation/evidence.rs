//! `keyroll rotation evidence`: what was planned, measured, changed and proven, as one document.

use api::client::Call;
use api::path;
use api::rotation::{EvidenceForm, EvidenceQuery};
use clap::Args;

use super::super::fault::Fault;
use super::super::print;
use super::super::session::{Format, Session};
use super::which::{self, Among};

const AFTER: &str = "\
The text is Markdown, for people; -o json is the same for programs. Both end with the audit's last checkpoint, so that
`keyroll audit verify` can prove them. It needs a role that may read the audit.

Examples:
  keyroll rotation evidence stripe_api_key > rotation.md
  keyroll rotation evidence rot_4 -o json";

/// `keyroll rotation evidence`
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct EvidenceArgs {
    /// Its id, or a secret that is part of it
    rotation: String,
}

/// Prints it.
pub(super) async fn run(args: EvidenceArgs, session: &mut Session<'_>) -> Result<(), Fault> {
    let id = which::id(session, &args.rotation, Among::All).await?;
    let form = match session.format {
        Format::Table => EvidenceForm::Text,
        Format::Json | Format::Yaml | Format::Name => EvidenceForm::Json,
    };
    let call = Call::get(path::part(path::ROTATIONS, &id, "evidence")).query(&EvidenceQuery { form: Some(form) });
    let reply = session.send(call).await?;
    match session.format {
        Format::Table => session.out.data(&reply.body),
        Format::Json | Format::Yaml => print::document(session.out, session.format, &reply.json()?),
        Format::Name => session.out.line(&id),
    }
}
