//! `keyroll route replace-secret`: every route from one secret to another, in one transaction.

use api::client::Call;
use api::path;
use api::route::{ReplaceSecret, Replaced};
use clap::Args;
use serde_json::Value;

use super::super::fault::Fault;
use super::super::print;
use super::super::session::{Format, Session};
use super::super::wait::WaitArgs;
use super::super::words;
use super::show;

/// `keyroll route replace-secret`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  keyroll route replace-secret stripe_api_key stripe_api_key_v2 --dry-run\n  \
                        keyroll route replace-secret stripe_api_key stripe_api_key_v2 --environment staging --wait")]
pub(crate) struct ReplaceArgs {
    /// The secret that routes name now
    from: String,
    /// The secret that they are to name instead
    to: String,
    /// Only in this environment; may be given several times [default: everywhere]
    #[arg(short, long, value_name = "ENV")]
    environment: Vec<String>,
    /// Only tell what would change
    #[arg(long, conflicts_with = "wait")]
    dry_run: bool,
    /// Whether to wait, and how long.
    #[command(flatten)]
    wait: WaitArgs,
}

/// Shows what would change, asks where there is somebody to ask, and changes it.
pub(super) async fn run(args: ReplaceArgs, session: &mut Session<'_>) -> Result<(), Fault> {
    let mut body = ReplaceSecret {
        from: args.from,
        to: args.to,
        environments: words::list(args.environment),
        dry_run: Some(true),
    };
    // A person sees the changes before they are made; documents are for programs, which get one and no more.
    let shown = session.asks() && session.format == Format::Table;
    if !args.dry_run {
        if session.asks() {
            let (planned, value) = send(&body, session).await?;
            if shown {
                tell(&value, session)?;
                session.out.flush()?;
            }
            if !planned.changes.is_empty() {
                session.confirm(&format!("Change {}?", templates(planned.changes.len())))?;
            }
        }
        body.dry_run = Some(false);
    }
    let (answer, value) = send(&body, session).await?;
    if args.dry_run || !shown {
        tell(&value, session)?;
    }
    let count = answer.changes.len();
    session.out.say(&match answer.revision {
        _ if count == 0 => format!("nothing names {} there", body.from),
        Some(revision) => format!("{} changed, revision {revision}", templates(count)),
        None => format!("{} would change", templates(count)),
    });
    match answer.revision {
        Some(revision) => args.wait.served(session, revision).await,
        None => Ok(()),
    }
}

fn templates(count: usize) -> String {
    if count == 1 { "1 template".to_owned() } else { format!("{count} templates") }
}

async fn send(body: &ReplaceSecret, session: &Session<'_>) -> Result<(Replaced, Value), Fault> {
    let reply = session.send(Call::post(path::REPLACE_SECRET).json(body)?).await?;
    Ok((reply.json()?, reply.json()?))
}

fn tell(answer: &Value, session: &mut Session<'_>) -> Result<(), Fault> {
    match session.format {
        Format::Json | Format::Yaml => print::document(session.out, session.format, answer),
        Format::Table | Format::Name => {
            let changes = answer.get("changes").and_then(Value::as_array).cloned().unwrap_or_default();
            print::list(session.out, session.format, &show::CHANGES, changes, &Value::Null)
        }
    }
}
