//! How secrets, their places and their uses are shown.

use api::client::Call;
use api::path;
use api::secret::{SecretQuery, UsageQuery};
use clap::Args;
use serde_json::Value;

use super::super::fault::Fault;
use super::super::print;
use super::super::session::{Format, Session};
use super::super::table::{self, Cell, Column, View};
use super::super::words::{self, CLASSES, GROUPS, KINDS, SORTS, STATES};

/// Secrets.
pub(super) const VIEW: View = View {
    name: "/name",
    columns: COLUMNS,
    details: &[
        Column("Name", Cell::At("/name")),
        Column("Kind", Cell::At("/kind")),
        Column("Class", Cell::At("/class")),
        Column("State", Cell::At("/state")),
        Column("Fingerprint", Cell::At("/fingerprint")),
        Column("Description", Cell::At("/description")),
        Column("Owner", Cell::At("/owner")),
        Column("Tags", Cell::At("/tags")),
        Column("Successor of", Cell::At("/successor_of")),
        Column("Superseded by", Cell::At("/superseded_by")),
        Column("Environments", Cell::By(|item| limit(item, "/environments"))),
        Column("Allowed hosts", Cell::By(|item| limit(item, "/allowed_hosts"))),
        Column("Sensitive", Cell::At("/sensitive")),
        Column("Used by", Cell::By(places)),
        Column("Last used", Cell::By(last_used)),
        Column("Uses", Cell::At("/use_count")),
        Column("Rotation due", Cell::By(due)),
        Column("Rotate every", Cell::At("/rotate_every")),
        Column("Expires", Cell::At("/expires_at")),
        Column("Strict expiry", Cell::At("/strict_expiry")),
        Column("Created", Cell::By(created)),
        Column("Probe", Cell::At("/probe")),
    ],
};

const COLUMNS: &[Column] = &[
    Column("NAME", Cell::At("/name")),
    Column("KIND", Cell::At("/kind")),
    Column("CLASS", Cell::At("/class")),
    Column("STATE", Cell::At("/state")),
    Column("USED BY", Cell::By(places)),
    Column("LAST USED", Cell::By(last_used)),
    Column("DUE", Cell::By(due)),
];

/// Secrets, grouped.
const GROUPED: View = View {
    name: "/name",
    columns: &[
        Column("GROUP", Cell::At("/group")),
        Column("NAME", Cell::At("/name")),
        Column("KIND", Cell::At("/kind")),
        Column("CLASS", Cell::At("/class")),
        Column("USED BY", Cell::By(places)),
        Column("LAST USED", Cell::By(last_used)),
        Column("DUE", Cell::By(due)),
    ],
    details: &[],
};

/// Where a secret is used.
pub(super) const ROUTES: View = View {
    name: "/route",
    columns: &[
        Column("ROUTE", Cell::At("/route")),
        Column("ENVIRONMENT", Cell::At("/environment")),
        Column("FIELD", Cell::At("/field")),
        Column("SERVED", Cell::At("/enabled")),
        Column("LAST USED", Cell::By(last_used)),
    ],
    details: &[],
};

const BUCKETS: View = View {
    name: "/at",
    columns: &[
        Column("FROM", Cell::At("/at")),
        Column("ROUTE", Cell::At("/route")),
        Column("ENVIRONMENT", Cell::At("/environment")),
        Column("OUTCOME", Cell::At("/outcome")),
        Column("COUNT", Cell::At("/count")),
    ],
    details: &[],
};

/// `keyroll secret list`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  keyroll secret list --unused-for 30d\n  \
                        keyroll secret list --environment production --due-within 14d --sort rotation_due_at")]
pub(crate) struct ListArgs {
    /// Text in name, description, owner or tags
    #[arg(short, long, value_name = "TEXT")]
    q: Option<String>,
    /// Only this kind
    #[arg(long, value_parser = KINDS)]
    kind: Option<String>,
    /// Only this class
    #[arg(long, value_parser = CLASSES)]
    class: Option<String>,
    /// Only secrets of this environment
    #[arg(short, long, value_name = "ENV")]
    environment: Option<String>,
    /// Only with this label
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// Only in this state [default: active]
    #[arg(long, value_parser = STATES)]
    state: Option<String>,
    /// Only without a use for so long, such as 30d
    #[arg(long, value_name = "SPAN")]
    unused_for: Option<String>,
    /// Only secrets that no route mentions
    #[arg(long)]
    unreferenced: bool,
    /// Only what looks like a test or a temporary secret, by words in its name or tags
    #[arg(long)]
    temporary: bool,
    /// Only overdue, or due within so long, such as 14d
    #[arg(long, value_name = "SPAN")]
    due_within: Option<String>,
    /// Show in groups
    #[arg(long, value_parser = GROUPS)]
    group_by: Option<String>,
    /// Order; - in front turns it round
    #[arg(long, value_parser = SORTS, allow_hyphen_values = true)]
    sort: Option<String>,
    /// Show at most so many [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
}

/// `keyroll secret usage`
#[derive(Debug, Args)]
#[command(
    after_help = "-o name prints the total alone.\n\nExample:\n  keyroll secret usage stripe_api_key --from 2026-11-01T00:00:00Z --step 1d"
)]
pub(crate) struct UsageArgs {
    /// Its name
    name: String,
    /// From when on [default: 24 hours before the end]
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Until when [default: now]
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// How much time one line sums up, such as 1h
    #[arg(long, value_name = "SPAN")]
    step: Option<String>,
}

/// Lists secrets.
pub(super) async fn list(args: ListArgs, session: &mut Session<'_>) -> Result<(), Fault> {
    let view = if args.group_by.is_some() { &GROUPED } else { &VIEW };
    let filters = SecretQuery {
        q: args.q,
        kind: words::optional(args.kind)?,
        class: words::optional(args.class)?,
        environment: args.environment,
        tag: args.tag,
        state: words::optional(args.state)?,
        unused_for: args.unused_for,
        unreferenced: args.unreferenced.then_some(true),
        temporary: args.temporary.then_some(true),
        due_within: args.due_within,
        group_by: words::optional(args.group_by)?,
        sort: words::optional(args.sort)?,
        limit: None,
        cursor: None,
    };
    super::super::list::show(session, path::SECRETS, &filters, args.limit, view).await.map(drop)
}

/// Shows a secret's uses.
pub(super) async fn usage(args: UsageArgs, session: &mut Session<'_>) -> Result<(), Fault> {
    let query = UsageQuery { from: args.from, to: args.to, step: args.step };
    let reply = session.send(Call::get(path::part(path::SECRETS, &args.name, "usage")).query(&query)).await?;
    let answer: Value = reply.json()?;
    let buckets = answer.get("buckets").and_then(Value::as_array).cloned().unwrap_or_default();
    let total = answer.get("total").map(table::text).unwrap_or_default();
    match session.format {
        Format::Table => {}
        Format::Name => return session.out.line(&total),
        Format::Json | Format::Yaml => return print::document(session.out, session.format, &answer),
    }
    print::list(session.out, session.format, &BUCKETS, buckets, &Value::Null)?;
    session.out.say(&format!("{total} uses in all"));
    Ok(())
}

fn limit(item: &Value, pointer: &str) -> String {
    match item.pointer(pointer) {
        None | Some(Value::Null) => "all".to_owned(),
        Some(list) => table::text(list),
    }
}

fn places(item: &Value) -> String {
    let places = item.get("routes").and_then(Value::as_array).into_iter().flatten();
    let name = |place: &Value, member: &str| place.get(member).map(table::text).unwrap_or_default();
    let mut texts: Vec<String> =
        places.map(|place| format!("{}@{}", name(place, "route"), name(place, "environment"))).collect();
    let more = texts.len().saturating_sub(3);
    texts.truncate(3);
    if more > 0 {
        texts.push(format!("and {more} more"));
    }
    texts.join(", ")
}

fn last_used(item: &Value) -> String {
    match item.get("last_used_at") {
        None | Some(Value::Null) => "never".to_owned(),
        Some(moment) => table::text(moment),
    }
}

fn due(item: &Value) -> String {
    let moment = item.get("rotation_due_at").map(table::text).unwrap_or_default();
    if item.get("overdue") == Some(&Value::Bool(true)) { format!("{moment} OVERDUE") } else { moment }
}

fn created(item: &Value) -> String {
    let text = |member: &str| item.get(member).map(table::text).unwrap_or_default();
    format!("{} by {}", text("created_at"), text("created_by"))
}
