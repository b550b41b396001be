//! `keyroll secret delete`: each of several judged alone, what may not go said why.

use api::client::{Call, ClientError};
use api::path;
use api::secret::{DeleteOutcome, DeleteQuery, DeleteResult, DeleteSecrets, SecretsDeleted};
use clap::Args;
use serde_json::Value;

use super::super::fault::Fault;
use super::super::out::particulars;
use super::super::print;
use super::super::session::{Format, Session};
use super::super::table::{Cell, Column, View};

const AFTER: &str = "\
A secret that a route mentions cannot be deleted; one that was in use lately can be after its retention.

Examples:
  keyroll secret delete stripe_api_key --dry-run
  keyroll secret delete stripe_api_key sendgrid_key
  keyroll secret delete leaked_key --force --reason 'revoked at the provider'";

/// `keyroll secret delete`
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct DeleteArgs {
    /// Their names
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
    /// Only tell what would happen
    #[arg(long, conflicts_with = "force")]
    dry_run: bool,
    /// Do not wait for the retention to pass (role admin); never overrides a mention by a route
    #[arg(long, requires = "reason")]
    force: bool,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT", requires = "force")]
    reason: Option<String>,
}

const RESULTS: View = View {
    name: "/name",
    columns: &[
        Column("NAME", Cell::At("/name")),
        Column("OUTCOME", Cell::At("/outcome")),
        Column("WHY", Cell::At("/problem/detail")),
    ],
    details: &[],
};

/// Deletes secrets.
pub(super) async fn run(args: DeleteArgs, session: &mut Session<'_>) -> Result<(), Fault> {
    if !args.dry_run {
        session.confirm(&format!("Destroy for good: {}?", args.names.join(", ")))?;
    }
    let answer = if args.force {
        forced(&args, session).await?
    } else {
        let body = DeleteSecrets { names: args.names, dry_run: Some(args.dry_run) };
        session.send(Call::post(path::SECRETS_DELETE).json(&body)?).await?.json()?
    };
    tell(&answer, session)
}

/// Force is asked for one by one: the server has it for one secret only, so that each has its own reason on record.
async fn forced(args: &DeleteArgs, session: &Session<'_>) -> Result<SecretsDeleted, Fault> {
    let query = DeleteQuery { force: Some(true), reason: args.reason.clone(), dry_run: None };
    let mut results = Vec::new();
    for name in &args.names {
        let (outcome, problem) = match session.client.delete_secret(name, &query).await {
            Ok(()) => (DeleteOutcome::Deleted, None),
            Err(ClientError::Refused(problem)) => (DeleteOutcome::Refused, Some(*problem)),
            Err(error) => return Err(error.into()),
        };
        results.push(DeleteResult { name: name.clone(), outcome, problem });
    }
    Ok(SecretsDeleted { results })
}

fn tell(answer: &SecretsDeleted, session: &mut Session<'_>) -> Result<(), Fault> {
    let value = serde_json::to_value(answer).map_err(std::io::Error::from)?;
    match session.format {
        Format::Json | Format::Yaml => print::document(session.out, session.format, &value)?,
        Format::Table => {
            let items = value.get("results").and_then(Value::as_array).cloned().unwrap_or_default();
            print::list(session.out, session.format, &RESULTS, items, &Value::Null)?;
        }
        Format::Name => {
            for result in answer.results.iter().filter(|result| result.outcome != DeleteOutcome::Refused) {
                session.out.line(&result.name)?;
            }
        }
    }
    for (result, problem) in answer.results.iter().filter_map(|result| Some((result, result.problem.as_ref()?))) {
        session.out.say(&format!("{}: {}", result.name, problem.code));
        for line in particulars(problem) {
            session.out.say(&line);
        }
    }
    let asked = answer.results.len();
    let refused: Vec<u16> = answer
        .results
        .iter()
        .filter(|result| result.outcome == DeleteOutcome::Refused)
        .map(|result| result.problem.as_ref().map_or(409, |problem| problem.status))
        .collect();
    match refused.first() {
        Some(status) => Err(Fault::Several { refused: refused.len(), asked, status: *status }),
        None => Ok(()),
    }
}
