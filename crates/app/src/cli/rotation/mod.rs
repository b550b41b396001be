//! `keyroll rotation`: what is replaced, when, and how it goes.

mod act;
mod calendar;
mod checklist;
mod counts;
mod evidence;
mod get;
mod impact;
mod list;
mod live;
mod moment;
mod page;
mod plan;
#[cfg(test)]
mod sample;
mod start;
#[cfg(test)]
mod tests;
mod told;
mod watch;
mod which;

use clap::Subcommand;

use super::fault::Fault;
use super::session::Session;

/// The verbs of rotations.
#[derive(Debug, Subcommand)]
pub(crate) enum RotationCommand {
    /// Replace a secret behind every route that names it, watched and reversible
    Start(Box<start::StartArgs>),
    /// List rotations, the latest first
    List(list::ListArgs),
    /// Show a rotation: where it stands, what comes next, what was measured, what happened
    Get(get::GetArgs),
    /// Approve a rotation that somebody else has started and that waits for it
    #[command(after_help = "Example:\n  keyroll rotation approve rot_4 --reason 'change 4711 was reviewed'")]
    Approve(act::ApproveArgs),
    /// Take the next step now: into an environment, to the next share of the traffic, out of a soak
    #[command(after_help = "Example:\n  keyroll rotation advance stripe_api_key --environment production")]
    Advance(act::MoveArgs),
    /// Give the incoming secret all of this environment's traffic now
    #[command(after_help = "Example:\n  keyroll rotation promote stripe_api_key --environment production")]
    Promote(act::MoveArgs),
    /// Let a rotation stand still
    #[command(after_help = "Example:\n  keyroll rotation hold stripe_api_key --note 'until the release is out'")]
    Hold(act::NoteArgs),
    /// Let a rotation go on
    #[command(after_help = "Example:\n  keyroll rotation resume stripe_api_key")]
    Resume {
        /// Its id, or a secret that is part of it
        rotation: String,
    },
    /// Put the outgoing secret back wherever the rotation has replaced it
    #[command(after_help = "Example:\n  keyroll rotation roll-back stripe_api_key --note 'wrong account'")]
    RollBack(act::NoteArgs),
    /// End a rotation before any traffic has moved
    #[command(
        after_help = "Example:\n  keyroll rotation abandon stripe_api_key --note 'the provider withdrew the key'"
    )]
    Abandon(act::NoteArgs),
    /// Vouch for a step of a rotation's checklist, or say why it does not apply
    Attest(checklist::AttestArgs),
    /// Show what is to be done until the outgoing credential is gone, and what of it is
    #[command(after_help = "-o name prints the open steps.\n\nExample:\n  keyroll rotation checklist stripe_api_key")]
    Checklist {
        /// Its id, or a secret that is part of it
        rotation: String,
    },
    /// Print what was planned, measured, changed and proven, as one document
    Evidence(evidence::EvidenceArgs),
    /// Print the due dates as a calendar (iCalendar), to be put where calendars are read from
    Calendar(calendar::CalendarArgs),
}

/// Does what the verb says.
pub(super) async fn run(command: RotationCommand, session: &mut Session<'_>) -> Result<(), Fault> {
    match command {
        RotationCommand::Start(args) => start::run(*args, session).await,
        RotationCommand::List(args) => list::run(args, session).await,
        RotationCommand::Get(args) => get::run(args, session).await,
        RotationCommand::Approve(args) => act::approve(args, session).await,
        RotationCommand::Advance(args) => act::advance(args, session).await,
        RotationCommand::Promote(args) => act::promote(args, session).await,
        RotationCommand::Hold(args) => act::hold(args, session).await,
        RotationCommand::Resume { rotation } => act::resume(&rotation, session).await,
        RotationCommand::RollBack(args) => act::roll_back(args, session).await,
        RotationCommand::Abandon(args) => act::abandon(args, session).await,
        RotationCommand::Attest(args) => checklist::attest(args, session).await,
        RotationCommand::Checklist { rotation } => checklist::list(&rotation, session).await,
        RotationCommand::Evidence(args) => evidence::run(args, session).await,
        RotationCommand::Calendar(args) => calendar::run(args, session).await,
    }
}
