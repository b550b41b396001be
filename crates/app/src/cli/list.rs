//! Fetches a list page by page, up to a limit.

use api::client::Call;
use api::list::{MAX_LIMIT, Page};
use api::query::query_string;
use serde::Serialize;
use serde_json::{Value, json};

use super::fault::Fault;
use super::print;
use super::session::Session;
use super::table::View;

/// Shows the items of `path` that fit `filters`, at most `limit` of them (all when absent). The answer is how many.
pub(super) async fn show<F: Serialize>(
    session: &mut Session<'_>,
    path: &str,
    filters: &F,
    limit: Option<u32>,
    view: &View,
) -> Result<usize, Fault> {
    let mut items: Vec<Value> = Vec::new();
    let mut cursor = Value::Null;
    let mut left = limit.unwrap_or(u32::MAX);
    loop {
        let page: Page<Value> =
            session.send(Call::get(address(path, filters, left.min(MAX_LIMIT), &cursor))).await?.json()?;
        left = left.saturating_sub(u32::try_from(page.items.len()).unwrap_or(u32::MAX));
        items.extend(page.items);
        match page.next {
            // A server that hands out the same cursor again would keep us here for ever.
            Some(next) if left > 0 && cursor != json!(next) => cursor = json!(next),
            Some(next) if left == 0 => {
                session.out.say("there is more; raise --limit to see it");
                let count = items.len();
                return print::list(session.out, session.format, view, items, &json!(next)).map(|()| count);
            }
            _ => {
                let count = items.len();
                return print::list(session.out, session.format, view, items, &Value::Null).map(|()| count);
            }
        }
    }
}

/// Shows the items of a `path` that knows no filters and no pages to choose.
pub(super) async fn show_all(session: &mut Session<'_>, path: &str, view: &View) -> Result<(), Fault> {
    show(session, path, &json!({}), None, view).await.map(drop)
}

fn address<F: Serialize>(path: &str, filters: &F, limit: u32, cursor: &Value) -> String {
    let mut query = serde_json::to_value(filters).unwrap_or_default();
    if let Value::Object(members) = &mut query {
        members.insert("limit".to_owned(), json!(limit));
        members.insert("cursor".to_owned(), cursor.clone());
    }
    format!("{path}{}", query_string(&query))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_limit_and_cursor_are_one_query() {
        let filters = json!({"q": "a b", "kind": null, "limit": null});
        assert_eq!(address("/v1/x", &filters, 7, &Value::Null), "/v1/x?limit=7&q=a%20b");
        assert_eq!(address("/v1/x", &filters, 7, &json!("c=")), "/v1/x?cursor=c%3D&limit=7&q=a%20b");
    }
}
