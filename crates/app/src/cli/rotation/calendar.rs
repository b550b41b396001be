//! `keyroll rotation calendar`: the due dates, for calendars of people.

use api::client::Call;
use api::path;
use api::rotation::CalendarQuery;
use clap::Args;
use serde_json::json;

use super::super::fault::Fault;
use super::super::print;
use super::super::session::{Format, Session};

/// `keyroll rotation calendar`
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct CalendarArgs {
    /// Look so many days ahead; what is overdue is always there [default: 400]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: Option<u32>,
    /// Only secrets that are limited to this environment, or in effect there
    #[arg(short, long, value_name = "ENVIRONMENT")]
    environment: Option<String>,
}

const AFTER: &str = "\
An event for each active secret that is overdue or due, for the whole day in UTC, with reminders 14, 7 and 1 days
before. Its UID stays the same, so that a calendar that is read again moves events and adds none.

Examples:
  keyroll rotation calendar > /srv/www/keyroll.ics
  keyroll rotation calendar --days 30 --environment production -o name";

/// How an event names its secret.
const SECRET: &str = "X-KEYROLL-SECRET:";

/// Asks for it, and prints it as it is: other programs read it.
pub(super) async fn run(args: CalendarArgs, session: &mut Session<'_>) -> Result<(), Fault> {
    let query = CalendarQuery { days: args.days, environment: args.environment };
    let reply = session.send(Call::get(path::ROTATIONS_CALENDAR).query(&query)).await?;
    let text = String::from_utf8_lossy(&reply.body);
    match session.format {
        Format::Table => session.out.data(&reply.body),
        Format::Json | Format::Yaml => print::document(session.out, session.format, &json!({"calendar": text})),
        Format::Name => {
            let unfolded = text.replace("\r\n ", "");
            unfolded.lines().filter_map(|line| line.strip_prefix(SECRET)).try_for_each(|name| session.out.line(name))
        }
    }
}
