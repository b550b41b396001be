//! `keyroll client`: the applications that call the gateway, and their keys.

use api::client::Call;
use api::clients::{ClientCreate, ClientPatch, ClientQuery, Signing};
use api::path;
use api::route::RateLimit;
use clap::{ArgGroup, Args, Subcommand};
use serde_json::Value;

use super::fault::Fault;
use super::list;
use super::print;
use super::session::{DryRun, Session};
use super::table::{self, Cell, Column, View};
use super::words;

/// The verbs of clients.
#[derive(Debug, Subcommand)]
pub(crate) enum ClientCommand {
    /// Create a client
    Create(CreateArgs),
    /// List clients
    List(ListArgs),
    /// Show a client and the ids of its keys
    #[command(after_help = "Example:\n  keyroll client get checkout")]
    Get {
        /// Its name
        name: String,
    },
    /// Edit a client
    Edit(EditArgs),
    /// Delete a client; its keys end within two seconds
    #[command(after_help = "Example:\n  keyroll client delete checkout")]
    Delete {
        /// Its name
        name: String,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// The keys of a client; several may live at once, so that they can be replaced without a gap
    #[command(subcommand)]
    Key(KeyCommand),
}

/// The verbs of a client's keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key; it is shown this once
    #[command(after_help = KEY_AFTER)]
    Create {
        /// The client's name
        name: String,
    },
    /// End a key within two seconds, on open connections too
    #[command(after_help = "Example:\n  keyroll client key revoke checkout key_0192f0c1")]
    Revoke {
        /// The client's name
        name: String,
        /// The key's id, as `keyroll client get` shows it
        id: String,
    },
}

const KEY_AFTER: &str = "\
To replace a key without a gap: make a second one, give it to the application, then revoke the first.
-o name prints the key alone; for a client that signs its requests, the signing key.

Examples:
  keyroll client key create checkout
  (umask 077; keyroll client key create checkout -o name > checkout.key)";

/// `keyroll client create`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  keyroll client create checkout --environment staging --route payments\n  \
                        keyroll client create batch --environment production --route '*' --allowed-ip 10.0.0.0/8")]
pub(crate) struct CreateArgs {
    /// Its name: small letters, digits, - and _
    name: String,
    /// An environment where it is served; may be given several times
    #[arg(short, long, value_name = "ENV", required = true)]
    environment: Vec<String>,
    /// A route that it may use, or '*' for all; may be given several times
    #[arg(short, long, value_name = "ROUTE", required = true)]
    route: Vec<String>,
    /// Free text
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// An address or network that it may call from; may be given several times [default: all]
    #[arg(long, value_name = "NETWORK")]
    allowed_ip: Vec<String>,
    /// How often it may call, such as 100/1m or 100/1m,20
    #[arg(long, value_name = "LIMIT", value_parser = words::rate_limit)]
    rate_limit: Option<RateLimit>,
    /// When its keys end, such as 2027-03-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,
    /// Refuse its keys for now
    #[arg(long)]
    disabled: bool,
    /// Demand that it signs its requests instead of sending its key
    #[arg(long, value_name = "required", value_parser = signing)]
    signing: Option<Signing>,
    #[command(flatten)]
    dry_run: DryRun,
}

/// `keyroll client edit`
#[derive(Debug, Args)]
#[command(after_help = "What is not given stays. A list that is given replaces the whole list.\n\n\
                        Examples:\n  keyroll client edit checkout --environment staging --environment production\n  \
                        keyroll client edit checkout --disabled true")]
#[command(group = ArgGroup::new("change").multiple(true).required(true).args(["environment", "route", "description", "allowed_ip",
    "rate_limit", "expires_at", "disabled", "signing", "clear"]))]
pub(crate) struct EditArgs {
    /// Its name
    name: String,
    /// An environment where it is served; may be given several times
    #[arg(short, long, value_name = "ENV")]
    environment: Vec<String>,
    /// A route that it may use, or '*' for all; may be given several times
    #[arg(short, long, value_name = "ROUTE")]
    route: Vec<String>,
    /// Free text
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// An address or network that it may call from; may be given several times
    #[arg(long, value_name = "NETWORK")]
    allowed_ip: Vec<String>,
    /// How often it may call, such as 100/1m or 100/1m,20
    #[arg(long, value_name = "LIMIT", value_parser = words::rate_limit)]
    rate_limit: Option<RateLimit>,
    /// When its keys end, such as 2027-03-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,
    /// Whether its keys are refused for now
    #[arg(long, value_name = "true|false")]
    disabled: Option<bool>,
    /// Demand that it signs its requests instead of sending its key; then make a new key
    #[arg(long, value_name = "required", value_parser = signing)]
    signing: Option<Signing>,
    /// Take something away; may be given several times
    #[arg(long, value_name = "WHAT", value_parser = ["description", "allowed-ips", "rate-limit", "expires-at", "signing"])]
    clear: Vec<String>,
    #[command(flatten)]
    dry_run: DryRun,
}

/// `keyroll client list`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  keyroll client list --route payments")]
pub(crate) struct ListArgs {
    /// Text in name or description
    #[arg(short, long, value_name = "TEXT")]
    q: Option<String>,
    /// Only served in this environment
    #[arg(short, long, value_name = "ENV")]
    environment: Option<String>,
    /// Only those that may use this route
    #[arg(short, long, value_name = "ROUTE")]
    route: Option<String>,
    /// Show at most so many [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
}

const VIEW: View = View {
    name: "/name",
    columns: &[
        Column("NAME", Cell::At("/name")),
        Column("ENVIRONMENTS", Cell::At("/environments")),
        Column("ROUTES", Cell::At("/routes")),
        Column("KEYS", Cell::By(live_keys)),
        Column("DISABLED", Cell::At("/disabled")),
        Column("EXPIRES", Cell::At("/expires_at")),
    ],
    details: &[
        Column("Name", Cell::At("/name")),
        Column("Description", Cell::At("/description")),
        Column("Environments", Cell::At("/environments")),
        Column("Routes", Cell::At("/routes")),
        Column("Allowed IPs", Cell::At("/allowed_ips")),
        Column("Rate limit", Cell::At("/rate_limit")),
        Column("Expires", Cell::At("/expires_at")),
        Column("Disabled", Cell::At("/disabled")),
        Column("Signing", Cell::At("/signing")),
        Column("Created", Cell::At("/created_at")),
        Column("Keys", Cell::At("/keys")),
    ],
};

/// A key that was made. `-o name` prints the key itself: there is no second chance to see it.
const KEY: View = View {
    name: "/key",
    columns: &[
        Column("Id", Cell::At("/id")),
        Column("Key", Cell::At("/key")),
        Column("Created", Cell::At("/created_at")),
    ],
    details: &[],
};

/// The same for a client that signs: what it needs is the signing key.
const SIGNING_KEY: View = View {
    name: "/signing_key",
    columns: &[
        Column("Id", Cell::At("/id")),
        Column("Key", Cell::At("/key")),
        Column("Signing key", Cell::At("/signing_key")),
        Column("Created", Cell::At("/created_at")),
    ],
    details: &[],
};

fn signing(text: &str) -> Result<Signing, String> {
    match text {
        "required" => Ok(Signing::Required),
        _ => Err("say required, or --clear signing".to_owned()),
    }
}

fn live_keys(item: &Value) -> String {
    let keys = item.get("keys").and_then(Value::as_array).into_iter().flatten();
    table::text(&keys.filter(|key| key.get("revoked_at").is_none_or(Value::is_null)).count().into())
}

/// Does what the verb says.
pub(super) async fn run(command: ClientCommand, session: &mut Session<'_>) -> Result<(), Fault> {
    match command {
        ClientCommand::Create(args) => {
            let body = ClientCreate {
                name: args.name,
                description: args.description,
                environments: args.environment,
                routes: args.route,
                allowed_ips: words::list(args.allowed_ip),
                rate_limit: args.rate_limit,
                expires_at: args.expires_at,
                disabled: args.disabled.then_some(true),
                signing: args.signing,
            };
            let name = body.name.clone();
            session.change(Call::post(path::CLIENTS).json(&body)?, &VIEW, args.dry_run).await?;
            if !args.dry_run.dry_run {
                session.out.say(&format!("It has no key yet: keyroll client key create {name}"));
            }
            Ok(())
        }
        ClientCommand::List(args) => {
            let filters =
                ClientQuery { q: args.q, environment: args.environment, route: args.route, ..ClientQuery::default() };
            list::show(session, path::CLIENTS, &filters, args.limit, &VIEW).await.map(drop)
        }
        ClientCommand::Get { name } => session.show(Call::get(path::item(path::CLIENTS, &name)), &VIEW).await.map(drop),
        ClientCommand::Edit(args) => edit(args, session).await,
        ClientCommand::Delete { name, dry_run } => {
            let question = format!("Delete the client {name} and end its keys?");
            let call = Call::delete(path::item(path::CLIENTS, &name));
            session.remove_or_try(call, dry_run, ["client", &name], &question).await
        }
        ClientCommand::Key(KeyCommand::Create { name }) => {
            let item: Value = session.send(Call::post(path::part(path::CLIENTS, &name, "keys"))).await?.json()?;
            let signs = item.get("signing_key").is_some_and(Value::is_string);
            print::item(session.out, session.format, if signs { &SIGNING_KEY } else { &KEY }, &item)?;
            session.out.say(match signs {
                true => "Both keys are shown this once. The client signs with the signing key, and never sends either.",
                false => "The key is shown this once; only a digest of it is stored.",
            });
            Ok(())
        }
        ClientCommand::Key(KeyCommand::Revoke { name, id }) => {
            let question = format!("End the key {id} of {name}?");
            let call = Call::delete(path::client_key(&name, &id));
            session.remove(call, &question, &format!("key {id} is revoked"), &id).await
        }
    }
}

async fn edit(args: EditArgs, session: &mut Session<'_>) -> Result<(), Fault> {
    let mut body = ClientPatch {
        description: args.description.map(Some),
        environments: words::list(args.environment),
        routes: words::list(args.route),
        allowed_ips: words::list(args.allowed_ip).map(Some),
        rate_limit: args.rate_limit.map(Some),
        expires_at: args.expires_at.map(Some),
        disabled: args.disabled,
        signing: args.signing.map(Some),
    };
    for what in &args.clear {
        let free = match what.as_str() {
            "description" => body.description.replace(None).is_none(),
            "allowed-ips" => body.allowed_ips.replace(None).is_none(),
            "rate-limit" => body.rate_limit.replace(None).is_none(),
            "signing" => body.signing.replace(None).is_none(),
            _ => body.expires_at.replace(None).is_none(),
        };
        if !free {
            return Err(Fault::Usage(format!("{what} is both given and cleared")));
        }
    }
    let call = Call::patch(path::item(path::CLIENTS, &args.name)).json(&body)?;
    session.change(call, &VIEW, args.dry_run).await.map(drop)
}
