//! `keyroll env`: the stages that a change reaches one after the other.

use api::client::Call;
use api::environment::{EnvironmentCreate, EnvironmentPatch};
use api::path;
use clap::{ArgGroup, Args, Subcommand};

use super::fault::Fault;
use super::list;
use super::session::{DryRun, Session};
use super::table::{Cell, Column, View};

/// The verbs of environments.
#[derive(Debug, Subcommand)]
pub(crate) enum EnvCommand {
    /// Create an environment
    Create(CreateArgs),
    /// List environments in the order of promotion
    #[command(after_help = "Example:\n  keyroll env list -o name")]
    List,
    /// Show an environment
    #[command(after_help = "Example:\n  keyroll env get production")]
    Get {
        /// Its name
        name: String,
    },
    /// Edit an environment
    Edit(EditArgs),
    /// Delete an environment that nothing uses
    #[command(after_help = "Example:\n  keyroll env delete qa")]
    Delete {
        /// Its name
        name: String,
        #[command(flatten)]
        dry_run: DryRun,
    },
}

/// `keyroll env create`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  keyroll env create qa --display-name 'Quality assurance' --rank 1")]
pub(crate) struct CreateArgs {
    /// Its name: small letters, digits, - and _
    name: String,
    /// The name that people read [default: its name]
    #[arg(long, value_name = "TEXT")]
    display_name: Option<String>,
    /// Its place in the order of promotion, the lowest first [default: after all others]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    rank: Option<i64>,
    /// Changes there need an operator
    #[arg(long)]
    protected: bool,
    /// Clients with several environments are served there when they name none
    #[arg(long)]
    default: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// `keyroll env edit`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  keyroll env edit staging --protected true")]
#[command(group = ArgGroup::new("change").multiple(true).required(true).args(["display_name", "rank", "protected", "default"]))]
pub(crate) struct EditArgs {
    /// Its name
    name: String,
    /// The name that people read
    #[arg(long, value_name = "TEXT")]
    display_name: Option<String>,
    /// Its place in the order of promotion, the lowest first
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    rank: Option<i64>,
    /// Whether changes there need an operator
    #[arg(long, value_name = "true|false")]
    protected: Option<bool>,
    /// Whether clients with several environments are served there when they name none
    #[arg(long, value_name = "true|false")]
    default: Option<bool>,
    #[command(flatten)]
    dry_run: DryRun,
}

const VIEW: View = View {
    name: "/name",
    columns: &[
        Column("NAME", Cell::At("/name")),
        Column("DISPLAY NAME", Cell::At("/display_name")),
        Column("RANK", Cell::At("/rank")),
        Column("PROTECTED", Cell::At("/protected")),
        Column("DEFAULT", Cell::At("/default")),
    ],
    details: &[
        Column("Name", Cell::At("/name")),
        Column("Display name", Cell::At("/display_name")),
        Column("Rank", Cell::At("/rank")),
        Column("Protected", Cell::At("/protected")),
        Column("Default", Cell::At("/default")),
    ],
};

/// Does what the verb says.
pub(super) async fn run(command: EnvCommand, session: &mut Session<'_>) -> Result<(), Fault> {
    match command {
        EnvCommand::Create(args) => {
            let body = EnvironmentCreate {
                name: args.name,
                display_name: args.display_name,
                rank: args.rank,
                protected: args.protected.then_some(true),
                default: args.default.then_some(true),
            };
            session.change(Call::post(path::ENVIRONMENTS).json(&body)?, &VIEW, args.dry_run).await.map(drop)
        }
        EnvCommand::List => list::show_all(session, path::ENVIRONMENTS, &VIEW).await,
        EnvCommand::Get { name } => {
            session.show(Call::get(path::item(path::ENVIRONMENTS, &name)), &VIEW).await.map(drop)
        }
        EnvCommand::Edit(args) => {
            let body = EnvironmentPatch {
                display_name: args.display_name.map(Some),
                rank: args.rank,
                protected: args.protected,
                default: args.default,
            };
            let call = Call::patch(path::item(path::ENVIRONMENTS, &args.name)).json(&body)?;
            session.change(call, &VIEW, args.dry_run).await.map(drop)
        }
        EnvCommand::Delete { name, dry_run } => {
            let question = format!("Delete the environment {name}?");
            let call = Call::delete(path::item(path::ENVIRONMENTS, &name));
            session.remove_or_try(call, dry_run, ["environment", &name], &question).await
        }
    }
}
