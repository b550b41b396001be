//! `keyroll lint`: what can be tidied about secrets.

use api::path;
use clap::Args;
use serde_json::json;

use super::fault::Fault;
use super::list;
use super::out::Out;
use super::session::{Globals, Session, Variables};
use super::table::{Cell, Column, View};

const AFTER: &str = "\
Rules, the most pressing first: value-too-short, same-value, other-environment, overdue, never-rotated, no-allowed-hosts,
unreferenced, unused, temporary, naming (against policy.naming) or, without that setting, naming-mixed, naming-version.

Examples:
  keyroll lint
  keyroll lint --rule overdue -o name
  keyroll lint --strict   # exit code 2 where anything is found, for a pipeline";

/// `keyroll lint`
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct LintArgs {
    /// The options.
    #[command(flatten)]
    pub(super) globals: Globals,
    /// Only the findings of this rule
    #[arg(long, value_name = "RULE")]
    rule: Option<String>,
    /// Only the findings about this secret
    #[arg(long, value_name = "NAME")]
    secret: Option<String>,
    /// Fail where anything is found
    #[arg(long)]
    strict: bool,
}

const VIEW: View = View {
    name: "/id",
    columns: &[
        Column("RULE", Cell::At("/rule")),
        Column("SECRET", Cell::At("/secret")),
        Column("FOUND", Cell::At("/detail")),
        Column("ADVICE", Cell::At("/advice")),
    ],
    details: &[],
};

/// Lists, and fails where that was asked for and there is anything.
pub(super) async fn run(args: LintArgs, variables: &Variables, out: &mut Out) -> Result<(), Fault> {
    let mut session = Session::open(args.globals, variables, out)?;
    let filters = json!({"rule": args.rule, "secret": args.secret});
    let count = list::show(&mut session, path::LINT, &filters, None, &VIEW).await?;
    if args.strict && count > 0 { Err(Fault::Problems(count)) } else { Ok(()) }
}
