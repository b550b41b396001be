//! `keyroll route`: where requests go and what is added to them.

mod document;
mod flags;
mod replace;
mod show;
mod try_out;
mod write;

use api::client::Call;
use api::path;
use api::route::{RollBack, RouteQuery};
use clap::{Args, Subcommand};

use super::fault::Fault;
use super::list;
use super::session::{DryRun, Session};

/// The verbs of routes.
#[derive(Debug, Subcommand)]
pub(crate) enum RouteCommand {
    /// Create a route, from flags or from a file
    Create(Box<write::CreateArgs>),
    /// List routes
    List(ListArgs),
    /// Show a route: its base and what each environment overrides
    #[command(after_help = "Example:\n  keyroll route get payments -o json")]
    Get {
        /// Its name
        name: String,
    },
    /// Edit a route, by flags or by a file
    Edit(Box<write::EditArgs>),
    /// Delete a route; requests to it get 404 within a second
    #[command(after_help = "Example:\n  keyroll route delete payments")]
    Delete {
        /// Its name
        name: String,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Show the changes of a route, the newest first
    #[command(after_help = "Example:\n  keyroll route revisions payments")]
    Revisions {
        /// Its name
        name: String,
    },
    /// Go back to an earlier revision; this makes a new one
    #[command(after_help = "Example:\n  keyroll route roll-back payments 3")]
    RollBack {
        /// Its name
        name: String,
        /// The revision to go back to
        revision: u64,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Send one request and show exactly what was sent, values masked
    Test(try_out::TestArgs),
    /// Point all routes from one secret to another at once
    ReplaceSecret(replace::ReplaceArgs),
}

/// `keyroll route list`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  keyroll route list --secret stripe_api_key")]
pub(crate) struct ListArgs {
    /// Text in name, description, tags or upstream
    #[arg(short, long, value_name = "TEXT")]
    q: Option<String>,
    /// Only served in this environment
    #[arg(short, long, value_name = "ENV")]
    environment: Option<String>,
    /// Only those that mention this secret
    #[arg(long, value_name = "NAME")]
    secret: Option<String>,
    /// Only with this label
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// Show at most so many [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
}

/// Does what the verb says.
pub(super) async fn run(command: RouteCommand, session: &mut Session<'_>) -> Result<(), Fault> {
    match command {
        RouteCommand::Create(args) => write::create(*args, session).await,
        RouteCommand::List(args) => {
            let filters = RouteQuery {
                q: args.q,
                environment: args.environment,
                secret: args.secret,
                tag: args.tag,
                ..RouteQuery::default()
            };
            list::show(session, path::ROUTES, &filters, args.limit, &show::VIEW).await.map(drop)
        }
        RouteCommand::Get { name } => {
            session.show(Call::get(path::item(path::ROUTES, &name)), &show::VIEW).await.map(drop)
        }
        RouteCommand::Edit(args) => write::edit(*args, session).await,
        RouteCommand::Delete { name, dry_run } => {
            let call = Call::delete(path::item(path::ROUTES, &name));
            session.remove_or_try(call, dry_run, ["route", &name], &format!("Delete the route {name}?")).await
        }
        RouteCommand::Revisions { name } => {
            list::show_all(session, &path::part(path::ROUTES, &name, "revisions"), &show::REVISIONS).await
        }
        RouteCommand::RollBack { name, revision, dry_run } => {
            if !dry_run.dry_run {
                session.confirm(&format!("Put the route {name} back to revision {revision}?"))?;
            }
            let call = Call::post(path::part(path::ROUTES, &name, "roll-back")).json(&RollBack { revision })?;
            session.change(call, &show::VIEW, dry_run).await.map(drop)
        }
        RouteCommand::Test(args) => try_out::run(args, session).await,
        RouteCommand::ReplaceSecret(args) => replace::run(args, session).await,
    }
}
