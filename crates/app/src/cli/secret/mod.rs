//! `keyroll secret`: values that are written once, and what is known about them.

mod delete;
mod edit;
mod probe;
mod show;

use api::client::Call;
use api::path;
use api::secret::{CompareAnswer, CompareSecret, SecretCreate};
use clap::{Args, Subcommand};
use serde_json::Value;

use super::fault::Fault;
use super::list;
use super::print;
use super::session::{DryRun, Format, Session};
use super::value::ValueArgs;
use super::words::{self, CLASSES, KINDS};

/// The verbs of secrets.
#[derive(Debug, Subcommand)]
pub(crate) enum SecretCommand {
    /// Store a new secret; a new value for an old secret is a new secret, too (`--successor-of`)
    Create(Box<CreateArgs>),
    /// List secrets
    List(Box<show::ListArgs>),
    /// Show what is known about a secret; its value is never shown
    #[command(after_help = "Example:\n  keyroll secret get stripe_api_key -o json")]
    Get {
        /// Its name
        name: String,
    },
    /// Edit what is known about a secret; its value cannot be edited
    Edit(Box<edit::EditArgs>),
    /// Destroy the values of secrets for good; their names stay taken
    Delete(delete::DeleteArgs),
    /// Show where a secret is used
    #[command(after_help = "Example:\n  keyroll secret routes stripe_api_key")]
    Routes {
        /// Its name
        name: String,
    },
    /// Show how often a secret was used, and how that ended
    Usage(show::UsageArgs),
    /// Tell whether a value is the secret's
    Compare(CompareArgs),
    /// Try whether a stored value is alive, at the places that its probe or its routes name
    Probe(probe::ProbeArgs),
}

const CREATE_AFTER: &str = "\
The value is read from stdin or a file, or asked for without an echo; it is never an argument, where every
user of the machine could see it. One line break at its end is stripped.

Examples:
  keyroll secret create stripe_api_key --kind api_key --class critical --allowed-host api.stripe.com
  vault kv get -field=key kv/stripe | keyroll secret create stripe_api_key_v2 --value-stdin --successor-of stripe_api_key";

/// `keyroll secret create`
#[derive(Debug, Args)]
#[command(after_help = CREATE_AFTER)]
pub(crate) struct CreateArgs {
    /// Its name: a letter, then letters, digits and _; never used before
    name: String,
    /// What it is [default: api_key]
    #[arg(long, value_parser = KINDS)]
    kind: Option<String>,
    /// How critical it is: critical is due every 30 days, standard every 90 [default: standard]
    #[arg(long, value_parser = CLASSES)]
    class: Option<String>,
    /// Free text
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// The team that answers for it
    #[arg(long, value_name = "TEAM")]
    owner: Option<String>,
    /// A label; may be given several times
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    /// The secret that it is to replace
    #[arg(long, value_name = "NAME")]
    successor_of: Option<String>,
    /// An environment where it may be used; may be given several times [default: all]
    #[arg(short, long, value_name = "ENV")]
    environment: Vec<String>,
    /// An upstream host that it may be sent to; may be given several times [default: all]
    #[arg(long, value_name = "HOST")]
    allowed_host: Vec<String>,
    /// It may be seen in answers (a region, a publishable key)
    #[arg(long)]
    not_sensitive: bool,
    /// When the provider ends it, such as 2027-03-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,
    /// Stop using it at that time
    #[arg(long, requires = "expires_at")]
    strict_expiry: bool,
    /// How often it is to be replaced, such as 30d [default: by kind and class]
    #[arg(long, value_name = "SPAN")]
    rotate_every: Option<String>,
    #[command(flatten)]
    dry_run: DryRun,
    #[command(flatten)]
    value: ValueArgs,
}

/// `keyroll secret compare`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  keyroll secret compare stripe_api_key --value-file key.txt")]
pub(crate) struct CompareArgs {
    /// Its name
    name: String,
    #[command(flatten)]
    value: ValueArgs,
}

/// Does what the verb says.
pub(super) async fn run(command: SecretCommand, session: &mut Session<'_>) -> Result<(), Fault> {
    match command {
        SecretCommand::Create(args) => create(*args, session).await,
        SecretCommand::List(args) => show::list(*args, session).await,
        SecretCommand::Get { name } => {
            session.show(Call::get(path::item(path::SECRETS, &name)), &show::VIEW).await.map(drop)
        }
        SecretCommand::Edit(args) => edit::run(*args, session).await,
        SecretCommand::Delete(args) => delete::run(args, session).await,
        SecretCommand::Routes { name } => {
            list::show_all(session, &path::part(path::SECRETS, &name, "routes"), &show::ROUTES).await
        }
        SecretCommand::Usage(args) => show::usage(args, session).await,
        SecretCommand::Compare(args) => compare(args, session).await,
        SecretCommand::Probe(args) => probe::run(args, session).await,
    }
}

async fn create(args: CreateArgs, session: &mut Session<'_>) -> Result<(), Fault> {
    let value = args.value.read(&format!("Value of {} (not shown): ", args.name), session.out)?;
    let body = SecretCreate {
        name: args.name,
        value,
        kind: words::optional(args.kind)?,
        class: words::optional(args.class)?,
        description: args.description,
        owner: args.owner,
        tags: words::list(args.tag),
        successor_of: args.successor_of,
        environments: words::list(args.environment),
        allowed_hosts: words::list(args.allowed_host),
        sensitive: args.not_sensitive.then_some(false),
        probe: None,
        expires_at: args.expires_at,
        strict_expiry: args.strict_expiry.then_some(true),
        rotate_every: args.rotate_every,
    };
    let item = session.change(Call::post(path::SECRETS).json(&body)?, &show::VIEW, args.dry_run).await?;
    for warning in item.get("warnings").and_then(Value::as_array).into_iter().flatten() {
        if let Some(detail) = warning.get("detail").and_then(Value::as_str) {
            session.out.say(&format!("warning: {detail}"));
        }
    }
    Ok(())
}

async fn compare(args: CompareArgs, session: &mut Session<'_>) -> Result<(), Fault> {
    let value = args.value.read(&format!("Value to compare with {} (not shown): ", args.name), session.out)?;
    let call = Call::post(path::part(path::SECRETS, &args.name, "compare")).json(&CompareSecret { value })?;
    let reply = session.send(call).await?;
    let answer: CompareAnswer = reply.json()?;
    match session.format {
        Format::Json | Format::Yaml => print::document(session.out, session.format, &reply.json()?),
        Format::Table | Format::Name => {
            session.out.line(if answer.matches { "match" } else { "no match" })?;
            if let Some(hint) = answer.hint {
                session.out.say(&hint);
            }
            Ok(())
        }
    }
}
