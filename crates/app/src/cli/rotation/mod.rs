//! `keyroll rotation`: what is replaced, and when.

mod calendar;

use clap::Subcommand;

use super::fault::Fault;
use super::session::Session;

/// The verbs of rotations.
#[derive(Debug, Subcommand)]
pub(crate) enum RotationCommand {
    /// Print the due dates as a calendar (iCalendar), to be put where calendars are read from
    Calendar(calendar::CalendarArgs),
}

/// Does what the verb says.
pub(super) async fn run(command: RotationCommand, session: &mut Session<'_>) -> Result<(), Fault> {
    match command {
        RotationCommand::Calendar(args) => calendar::run(args, session).await,
    }
}
