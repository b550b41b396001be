//! `keyroll route create` and `edit`.

use std::path::PathBuf;

use api::client::Call;
use api::path;
use api::route::{RouteCreate, RouteSpec};
use clap::Args;
use serde_json::{Map, Value, json};

use super::super::fault::Fault;
use super::super::out::Out;
use super::super::session::{DryRun, Session};
use super::document::{lay_over, load, typed};
use super::flags::{RouteFlags, SettingsFlags, put_map};
use super::show;

const CREATE_AFTER: &str = "\
Flags describe the base, which holds in every environment given with --environment; what differs there is set
with `keyroll route edit NAME --in ENV`, or comes from a file. {{name}} in a template inserts a secret.

Examples:
  keyroll route create payments --upstream https://api.stripe.com \\
      --header 'Authorization=Bearer {{stripe_api_key}}' --environment staging --environment production
  keyroll route create --file payments.json";

const EDIT_AFTER: &str = "\
What is not given stays. A list that is given replaces the whole list; headers, query parameters and body
members are changed one by one. A file is a JSON merge patch (RFC 7396), or with --replace the whole route.

Examples:
  keyroll route edit payments --header 'X-Partner-Key={{partner_api_key}}' --no-header X-Old
  keyroll route edit payments --in staging --header 'Authorization=Bearer {{stripe_staging_api_key}}'
  keyroll route get payments -o json > p.json; vi p.json; keyroll route edit payments --file p.json --replace";

const CLEARABLE: [&str; 15] = [
    "methods",
    "paths",
    "remove-headers",
    "timeouts",
    "rate-limit",
    "guard",
    "shield",
    "probe",
    "alive",
    "dead",
    "max-request-body",
    "ca",
    "client-certificate",
    "client-authorities",
    "client-names",
];

/// Those of them that stand below `tls`.
const OF_TLS: [&str; 4] = ["ca", "client-certificate", "client-authorities", "client-names"];

/// `keyroll route create`
#[derive(Debug, Args)]
#[command(after_help = CREATE_AFTER)]
pub(crate) struct CreateArgs {
    /// Its name, the first part of its address on the gateway; may stand in the file instead
    #[arg(required_unless_present = "file")]
    name: Option<String>,
    /// JSON file with the route, or - for stdin; flags are laid over it
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    route: RouteFlags,
    #[command(flatten)]
    settings: SettingsFlags,
    #[command(flatten)]
    dry_run: DryRun,
}

/// `keyroll route edit`
#[derive(Debug, Args)]
#[command(after_help = EDIT_AFTER)]
pub(crate) struct EditArgs {
    /// Its name
    name: String,
    /// JSON file with a merge patch, or - for stdin; flags are laid over it
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The file holds the whole route: what is not in it goes
    #[arg(long, requires = "file")]
    replace: bool,
    /// Change what this environment overrides instead of the base
    #[arg(long = "in", value_name = "ENV")]
    inside: Option<String>,
    /// An environment that it is no longer served in; may be given several times
    #[arg(long, value_name = "ENV")]
    remove_environment: Vec<String>,
    /// A header no longer to add (with --in: not to add there); may be given several times
    #[arg(long, value_name = "NAME", help_heading = "Settings")]
    no_header: Vec<String>,
    /// A query parameter no longer to add; may be given several times
    #[arg(long, value_name = "NAME", help_heading = "Settings")]
    no_query: Vec<String>,
    /// A body member no longer to add; may be given several times
    #[arg(long, value_name = "NAME", help_heading = "Settings")]
    no_body: Vec<String>,
    /// Go back to the default (with --in: to what the base says); may be given several times
    #[arg(long, value_name = "WHAT", value_parser = CLEARABLE, help_heading = "Settings")]
    clear: Vec<String>,
    #[command(flatten)]
    route: RouteFlags,
    #[command(flatten)]
    settings: SettingsFlags,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Creates a route.
pub(super) async fn create(args: CreateArgs, session: &mut Session<'_>) -> Result<(), Fault> {
    let dry_run = args.dry_run;
    let body = new_route(args, session.out)?;
    session.change(Call::post(path::ROUTES).json(&body)?, &show::VIEW, dry_run).await.map(drop)
}

/// Edits a route.
pub(super) async fn edit(args: EditArgs, session: &mut Session<'_>) -> Result<(), Fault> {
    let (name, replace, dry_run) = (args.name.clone(), args.replace, args.dry_run);
    let patch = change(args, session.out)?;
    let address = path::item(path::ROUTES, &name);
    let call = if replace {
        Call::put(address).json(&typed::<RouteSpec>(patch)?)?
    } else {
        Call::patch(address).json(&patch)?
    };
    session.change(call, &show::VIEW, dry_run).await.map(drop)
}

fn new_route(args: CreateArgs, out: &mut Out) -> Result<RouteCreate, Fault> {
    let mut document = match &args.file {
        Some(path) => load(path, out)?,
        None => Map::new(),
    };
    let mut flags = args.route.patch();
    put_map(&mut flags, "base", args.settings.patch()?);
    lay_over(&mut document, flags);
    if let Some(name) = args.name {
        same_name(&document, &name)?;
        document.insert("name".to_owned(), json!(name));
    }
    typed(document)
}

fn change(args: EditArgs, out: &mut Out) -> Result<Map<String, Value>, Fault> {
    let mut document = match &args.file {
        Some(path) => load(path, out)?,
        None => Map::new(),
    };
    same_name(&document, &args.name)?;
    document.remove("name");

    let mut settings = args.settings.patch()?;
    // In the base an entry is taken out; in an environment it is switched off, or the base's would come through.
    let gone = if args.inside.is_some() { json!(false) } else { Value::Null };
    let mut inject = Map::new();
    for (place, names) in [("headers", args.no_header), ("query", args.no_query), ("body", args.no_body)] {
        put_map(&mut inject, place, names.into_iter().map(|name| (name, gone.clone())).collect());
    }
    let mut away = Map::new();
    put_map(&mut away, "inject", inject);
    let mut tls = Map::new();
    for what in args.clear {
        let place = if OF_TLS.contains(&what.as_str()) { &mut tls } else { &mut away };
        place.insert(what.replace('-', "_"), Value::Null);
    }
    put_map(&mut away, "tls", tls);
    lay_over(&mut settings, away);

    let mut flags = args.route.patch();
    let environments: Map<String, Value> =
        args.remove_environment.into_iter().map(|name| (name, Value::Null)).collect();
    let mut removed = Map::new();
    put_map(&mut removed, "environments", environments);
    lay_over(&mut flags, removed);
    let mut placed = Map::new();
    match args.inside {
        Some(environment) => put_map(&mut placed, &environment, settings),
        None => put_map(&mut flags, "base", std::mem::take(&mut settings)),
    }
    let mut inside = Map::new();
    put_map(&mut inside, "environments", placed);
    lay_over(&mut flags, inside);
    lay_over(&mut document, flags);
    if document.is_empty() && !args.replace {
        return Err(Fault::Usage("nothing to change was given; see keyroll route edit --help".to_owned()));
    }
    Ok(document)
}

fn same_name(document: &Map<String, Value>, name: &str) -> Result<(), Fault> {
    match document.get("name") {
        Some(found) if found != name => Err(Fault::Usage(format!("the file names another route than {name}"))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
