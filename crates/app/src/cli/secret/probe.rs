//! `keyroll secret probe`: whether a stored value is alive.

use api::client::Call;
use api::path;
use api::secret::{ProbeAnswer, ProbeSecret};
use clap::Args;
use serde_json::{Value, json};

use super::super::fault::Fault;
use super::super::print;
use super::super::session::{Format, Session};
use super::super::table::{Cell, Column, View};

/// `keyroll secret probe`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  keyroll secret probe stripe_api_key_v2\n  keyroll secret probe stripe_api_key --route payments \\\n      --environment production"
)]
pub(crate) struct ProbeArgs {
    /// Its name
    name: String,
    /// Only through this route, whatever the secret's own probe is
    #[arg(long, value_name = "ROUTE")]
    route: Option<String>,
    /// Only in this environment of routes
    #[arg(short, long, value_name = "ENV")]
    environment: Option<String>,
}

const PLACES: View = View {
    name: "/place",
    columns: &[
        Column("PLACE", Cell::At("/place")),
        Column("READING", Cell::At("/reading")),
        Column("STATUS", Cell::At("/status_class")),
        Column("WHY", Cell::At("/detail")),
    ],
    details: &[],
};

/// Tries, and tells.
pub(super) async fn run(args: ProbeArgs, session: &mut Session<'_>) -> Result<(), Fault> {
    let body = ProbeSecret { route: args.route, environment: args.environment };
    let reply = session.send(Call::post(path::part(path::SECRETS, &args.name, "probe")).json(&body)?).await?;
    let answer: ProbeAnswer = reply.json()?;
    match session.format {
        Format::Json | Format::Yaml => print::document(session.out, session.format, &reply.json()?),
        Format::Table | Format::Name => {
            let places = answer.places.iter().map(|place| json!(place)).collect();
            print::list(session.out, session.format, &PLACES, places, &Value::Null)?;
            session.out.say(&format!("{}: {}", args.name, answer.reading));
            Ok(())
        }
    }
}
