//! The list of secrets by groups: a secret of several groups has a row in each.

use std::cmp::Ordering;

use api::list::Page as WirePage;
use api::secret::{GroupBy, SecretItem};
use model::secret::Secret;
use model::time::Timestamp;
use store::{Page, ReadTx, SecretFilter, SecretRow, SecretSort, SortKey};

use super::view;
use crate::refusal::Refusal;

/// Where a row stands: groups in the order of their names, and in each the order of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    group: String,
    key: i64,
    name: String,
}

impl Place {
    fn compare(&self, other: &Self, sort: SecretSort) -> Ordering {
        let within = (self.key, &self.name).cmp(&(other.key, &other.name));
        self.group.cmp(&other.group).then(if sort.descending { within.reverse() } else { within })
    }
}

/// One page. All that fit are read for it, since groups cut across every index.
pub(super) async fn list(
    tx: &ReadTx,
    filter: &SecretFilter,
    by: GroupBy,
    sort: SecretSort,
    page: &Page,
    now: Timestamp,
) -> Result<WirePage<SecretItem>, Refusal> {
    let after = page.cursor.as_deref().map(|cursor| read_cursor(cursor, by, sort)).transpose()?;
    let all = everything(tx, filter).await?;
    let mut places: Vec<(Place, &SecretRow)> = all
        .iter()
        .flat_map(|row| groups(&row.secret, by).into_iter().map(move |group| (group, row)))
        .map(|(group, row)| (Place { group, key: key(row, sort.key), name: row.secret.name.to_string() }, row))
        .filter(|(place, _)| after.as_ref().is_none_or(|after| place.compare(after, sort) == Ordering::Greater))
        .collect();
    places.sort_by(|(one, _), (other, _)| one.compare(other, sort));
    let more = places.len() > page.limit;
    places.truncate(page.limit);
    let next = places.last().filter(|_| more).map(|(place, _)| write_cursor(place, by, sort));
    let item = |(place, row): (Place, &SecretRow)| SecretItem { group: Some(place.group), ..view::item(row, now) };
    Ok(WirePage { items: places.into_iter().map(item).collect(), next })
}

async fn everything(tx: &ReadTx, filter: &SecretFilter) -> Result<Vec<SecretRow>, Refusal> {
    let mut all = Vec::new();
    let mut page = Page { limit: 500, cursor: None };
    loop {
        let found = tx.secrets(filter, SecretSort::default(), &page).await?;
        all.extend(found.items);
        if found.next.is_none() {
            return Ok(all);
        }
        page.cursor = found.next;
    }
}

/// The groups of a secret, at least one.
fn groups(secret: &Secret, by: GroupBy) -> Vec<String> {
    match (by, &secret.limits.environments) {
        (GroupBy::Type, _) => vec![secret.kind.to_string()],
        // Names go by service first: stripe_api_key, Stripe_webhook.
        (GroupBy::Service, _) => {
            vec![secret.name.as_str().split('_').next().unwrap_or_default().to_ascii_lowercase()]
        }
        (GroupBy::Environment, None) => vec!["*".to_owned()],
        (GroupBy::Environment, Some(set)) => set.iter().map(ToString::to_string).collect(),
    }
}

/// Never used comes before all, never due after all.
fn key(row: &SecretRow, key: SortKey) -> i64 {
    match key {
        SortKey::Name => 0,
        SortKey::CreatedAt => row.secret.created_at.as_millis(),
        SortKey::LastUsedAt => row.last_used_at.map_or(0, Timestamp::as_millis),
        SortKey::RotationDueAt => row.due().map_or(i64::MAX, |due| due.at.as_millis()),
    }
}

/// The two letters of a list: its groups, its order.
fn letters(by: GroupBy, sort: SecretSort) -> String {
    let group = match by {
        GroupBy::Service => 's',
        GroupBy::Environment => 'e',
        GroupBy::Type => 't',
    };
    let key = match sort.key {
        SortKey::Name => 'n',
        SortKey::CreatedAt => 'c',
        SortKey::LastUsedAt => 'u',
        SortKey::RotationDueAt => 'd',
    };
    [group, key].into_iter().collect()
}

/// `sn.stripe.0.stripe_api_key`: the list, the group, the key, the name. None of them holds a dot.
fn write_cursor(place: &Place, by: GroupBy, sort: SecretSort) -> String {
    format!("{}.{}.{}.{}", letters(by, sort), place.group, place.key, place.name)
}

fn read_cursor(cursor: &str, by: GroupBy, sort: SecretSort) -> Result<Place, Refusal> {
    let foreign = || Refusal::member("/cursor", "cursor-invalid", "is not a cursor that this list gave out");
    let parts: Vec<&str> = cursor.split('.').collect();
    let [list, group, key, name] = parts.as_slice() else { return Err(foreign()) };
    if *list != letters(by, sort) {
        return Err(foreign());
    }
    let key = key.parse().map_err(|_| foreign())?;
    Ok(Place { group: (*group).to_owned(), key, name: (*name).to_owned() })
}
