//! How routes, their revisions and their changes are shown.

use serde_json::Value;

use super::super::table::{self, Cell, Column, View};

/// Routes.
pub(super) const VIEW: View = View {
    name: "/name",
    columns: &[
        Column("NAME", Cell::At("/name")),
        Column("UPSTREAM", Cell::At("/base/upstream")),
        Column("ENVIRONMENTS", Cell::By(environments)),
        Column("INJECTS", Cell::By(injected)),
        Column("REVISION", Cell::At("/revision")),
        Column("UPDATED", Cell::At("/updated_at")),
    ],
    details: &[
        Column("Name", Cell::At("/name")),
        Column("Hosts", Cell::At("/hosts")),
        Column("Description", Cell::At("/description")),
        Column("Tags", Cell::At("/tags")),
        Column("Revision", Cell::At("/revision")),
        Column("Created", Cell::At("/created_at")),
        Column("Updated", Cell::At("/updated_at")),
        Column("Base", Cell::At("/base")),
        Column("Environments", Cell::At("/environments")),
    ],
};

/// Revisions of a route.
pub(super) const REVISIONS: View = View {
    name: "/revision",
    columns: &[
        Column("REVISION", Cell::At("/revision")),
        Column("AT", Cell::At("/at")),
        Column("ACTOR", Cell::At("/actor")),
        Column("ACTION", Cell::At("/action")),
        Column("CHANGED", Cell::By(changed)),
    ],
    details: &[],
};

/// Templates that a replacement changed.
pub(super) const CHANGES: View = View {
    name: "/route",
    columns: &[
        Column("ROUTE", Cell::At("/route")),
        Column("ENVIRONMENT", Cell::At("/environment")),
        Column("FIELD", Cell::At("/field")),
        Column("BEFORE", Cell::At("/before")),
        Column("AFTER", Cell::At("/after")),
    ],
    details: &[],
};

fn keys(item: &Value, pointer: &str) -> Vec<String> {
    let members = item.pointer(pointer).and_then(Value::as_object);
    members.into_iter().flat_map(|members| members.keys().cloned()).collect()
}

fn environments(item: &Value) -> String {
    keys(item, "/environments").join(", ")
}

/// The names of the entries, not their templates: a list has room for no more.
fn injected(item: &Value) -> String {
    let places = ["/base/inject/headers", "/base/inject/query", "/base/inject/body"];
    places.iter().flat_map(|place| keys(item, place)).collect::<Vec<_>>().join(", ")
}

fn changed(item: &Value) -> String {
    let operations = item.get("diff").and_then(Value::as_array).into_iter().flatten();
    let text = |operation: &Value, member: &str| operation.get(member).map(table::text).unwrap_or_default();
    let mut texts: Vec<String> =
        operations.map(|operation| format!("{} {}", text(operation, "op"), text(operation, "path"))).collect();
    let more = texts.len().saturating_sub(3);
    texts.truncate(3);
    if more > 0 {
        texts.push(format!("and {more} more"));
    }
    texts.join(", ")
}
