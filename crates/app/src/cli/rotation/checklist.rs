//! `keyroll rotation checklist` and `attest`: what is done, what shows it, and what somebody vouches for.

use api::client::Call;
use api::path;
use api::rotation::{Attest, Checklist, ChecklistItem, PlaybookStep};
use clap::Args;

use super::super::fault::Fault;
use super::super::out::plain;
use super::super::print;
use super::super::session::{Format, Session};
use super::super::table::grid;
use super::page;
use super::told::{Extent, Told};
use super::which::{self, Among};

const AFTER: &str = "\
What Keyroll sees is ticked by a record, and open again when the record is gone. What is done elsewhere, such as
revoking the old credential at its provider, somebody vouches for by name.

Examples:
  keyroll rotation attest stripe_api_key update_documentation --note 'page 12 of the runbook' --link https://wiki.example/12
  keyroll rotation attest rot_4 notify_team --note 'nobody else uses it' --not-applicable
  keyroll rotation attest rot_4 notify_team --remove";

/// `keyroll rotation attest`
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct AttestArgs {
    /// Its id, or a secret that is part of it
    rotation: String,
    /// The word of the step, as the checklist has it
    step: String,
    /// What was done, or why the step does not apply
    #[arg(long, value_name = "TEXT", required_unless_present = "remove")]
    note: Option<String>,
    /// Where more is to be found
    #[arg(long, value_name = "URL")]
    link: Option<String>,
    /// Say that the step does not apply here
    #[arg(long)]
    not_applicable: bool,
    /// Take back what was attested
    #[arg(long, conflicts_with_all = ["note", "link", "not_applicable"])]
    remove: bool,
}

/// Vouches for a step, or takes that back.
pub(super) async fn attest(args: AttestArgs, session: &mut Session<'_>) -> Result<(), Fault> {
    let id = which::id(session, &args.rotation, Among::Live).await?;
    let call = match args.note {
        Some(note) => Call::post(path::part(path::ROTATIONS, &id, "attest")).json(&Attest {
            step: args.step.clone(),
            note,
            link: args.link,
            not_applicable: args.not_applicable.then_some(true),
        })?,
        None => Call::delete(path::attestation(&id, &args.step)),
    };
    let told = Told::by(session, call).await?;
    if let Some(entry) = told.item.checklist.iter().find(|entry| entry.step == args.step) {
        session.out.say(&format!("{} is {}", entry.step, entry.state));
    }
    match session.format {
        Format::Name => session.out.line(&args.step),
        Format::Json | Format::Yaml => told.show(session, Extent::Brief),
        Format::Table => session.out.data(entries(&told.item.checklist).as_bytes()),
    }
}

/// Shows the checklist, and the playbook with its next step.
pub(super) async fn list(rotation: &str, session: &mut Session<'_>) -> Result<(), Fault> {
    let id = which::id(session, rotation, Among::All).await?;
    let reply = session.send(Call::get(path::part(path::ROTATIONS, &id, "checklist"))).await?;
    let checklist: Checklist = reply.json()?;
    let open = || checklist.items.iter().filter(|entry| entry.state == OPEN);
    match session.format {
        Format::Json | Format::Yaml => print::document(session.out, session.format, &reply.json()?)?,
        Format::Name => open().try_for_each(|entry| session.out.line(&entry.step))?,
        Format::Table => {
            session.out.data(entries(&checklist.items).as_bytes())?;
            session.out.data(playbook(&checklist.playbook).as_bytes())?;
        }
    }
    session.out.flush()?;
    session.out.say(&format!("{} of {} open", open().count(), checklist.items.len()));
    Ok(())
}

/// The state of what is still to be done.
const OPEN: &str = "open";

fn entries(entries: &[ChecklistItem]) -> String {
    let head = page::CHECKLIST.map(str::to_owned).to_vec();
    grid(Some(head), entries.iter().map(page::checklist).collect())
}

/// The steps for a credential of this kind, and what the next one asks for.
fn playbook(steps: &[PlaybookStep]) -> String {
    if steps.is_empty() {
        return String::new();
    }
    let rows = steps.iter().map(|step| {
        let mark = if step.next { "next" } else { "" };
        vec![step.item.step.clone(), step.item.state.clone(), step.item.title.clone(), mark.to_owned()]
    });
    let head = ["PLAYBOOK", "STATE", "", ""].map(str::to_owned).to_vec();
    let mut text = format!("\n{}", grid(Some(head), rows.collect()));
    if let Some(next) = steps.iter().find(|step| step.next) {
        text.push_str(&format!("\nNext: {}\n", plain(&next.what)));
        text.extend(next.command.iter().map(|command| format!("  {}\n", plain(command))));
    }
    text
}
