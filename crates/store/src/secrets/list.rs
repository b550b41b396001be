//! The list of secrets: filters, orders, pages.

use model::name::{EnvironmentName, SecretName};
use model::secret::{Class, Kind, State};
use model::time::Timestamp;

use super::{SecretRow, row};
use crate::backend::args;
use crate::error::StoreError;
use crate::page::{Conditions, Listed, Page, contains};
use crate::transaction::ReadTx;

/// Which secrets. Every member that is given narrows the list.
#[derive(Debug, Clone, Default)]
pub struct SecretFilter {
    /// Part of a name, owner, description or tag, whatever the case.
    pub q: Option<String>,
    /// Of this kind.
    pub kind: Option<Kind>,
    /// Of this class.
    pub class: Option<Class>,
    /// Limited to this environment, among others, or in effect there.
    pub environment: Option<EnvironmentName>,
    /// With this tag.
    pub tag: Option<String>,
    /// In this state.
    pub state: Option<State>,
    /// Active, expected to be used, and not used since this moment (nor made since).
    pub unused_since: Option<Timestamp>,
    /// Named by no route, or by one.
    pub unreferenced: Option<bool>,
    /// Looks like a test or temporary secret by a word of its name or tags, or does not.
    pub temporary: Option<bool>,
    /// Active and due at or before this moment.
    pub due_before: Option<Timestamp>,
}

/// The order of the list; the name breaks ties.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SecretSort {
    /// By what.
    pub key: SortKey,
    /// Whether the greatest comes first.
    pub descending: bool,
}

/// What the list can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SortKey {
    /// The name.
    #[default]
    Name,
    /// When it was made.
    CreatedAt,
    /// When it was last used; never counts as before all.
    LastUsedAt,
    /// When it is due; never counts as after all.
    RotationDueAt,
}

/// [`model::schedule::due`]: `rotation_due_at` is the end of the interval, to which what traffic saw is added here.
const DUE: &str = "CASE WHEN s.kind = 'oauth_token' AND u.dead_since < coalesce(s.rotation_due_at, u.dead_since + 1) \
     THEN u.dead_since ELSE s.rotation_due_at END";

/// Later than any moment that can be written.
const NEVER: i64 = i64::MAX;

impl ReadTx {
    /// One page of the secrets that fit.
    ///
    /// # Errors
    /// [`StoreError::BadCursor`] for a cursor of another order; else as any query.
    pub async fn secrets(
        &self,
        filter: &SecretFilter,
        sort: SecretSort,
        page: &Page,
    ) -> Result<Listed<SecretRow>, StoreError> {
        let mut conditions = conditions(filter);
        let (key, direction, beyond) = (sort.key.sql(), sort.direction(), if sort.descending { "<" } else { ">" });
        if let Some(cursor) = &page.cursor {
            let (value, name) = sort.read_cursor(cursor)?;
            let name = conditions.bind(name);
            match value {
                Some(value) => {
                    let value = conditions.bind(value);
                    conditions.add_plain(&format!("({key}, s.name) {beyond} ({value}, {name})"));
                }
                None => conditions.add_plain(&format!("s.name {beyond} {name}")),
            }
        }
        let limit = conditions.bind(page.fetch());
        let order = match sort.key {
            SortKey::Name => format!("s.name {direction}"),
            _ => format!("{key} {direction}, s.name {direction}"),
        };
        // By name: the key, in its order. By other keys: a scan and a sort, measured in milliseconds at 20,000 secrets.
        let sql = format!("{} {} ORDER BY {order} LIMIT {limit}", row::SELECT, conditions.sql());
        let rows = self.query(&sql, conditions.args).await?;
        let found = self.with_bindings(&rows).await?;
        Ok(page.cut(found, |row| sort.write_cursor(row)))
    }

    /// The active, sensitive secrets whose sealed value has fewer bytes, by name.
    ///
    /// # Errors
    /// As any query.
    pub async fn secrets_sealed_below(&self, bytes: usize) -> Result<Vec<SecretName>, StoreError> {
        // A scan.
        let sql = "SELECT name FROM secrets WHERE state = 'active' AND sensitive = 1 AND length(ciphertext) < $1 ORDER BY name";
        let rows = self.query(sql, args![i64::try_from(bytes).unwrap_or(i64::MAX)]).await?;
        rows.iter().map(|row| row.parsed("name")).collect()
    }

    /// The secrets that any route mentions, in effect or not, by name.
    ///
    /// # Errors
    /// As any query.
    pub async fn referenced_secrets(&self) -> Result<Vec<SecretName>, StoreError> {
        // The leading column of route_references' key, in its order.
        let rows = self.query("SELECT DISTINCT secret FROM route_references ORDER BY secret", args![]).await?;
        rows.iter().map(|row| row.parsed("secret")).collect()
    }

    /// How many secrets fit.
    ///
    /// # Errors
    /// As any query.
    pub async fn count_secrets(&self, filter: &SecretFilter) -> Result<i64, StoreError> {
        let conditions = conditions(filter);
        // A scan of the key, with look-ups by key for what the filter asks.
        let sql = format!(
            "SELECT count(*) AS n FROM secrets s LEFT JOIN secret_usage u ON u.secret = s.name {}",
            conditions.sql()
        );
        self.query_one(&sql, conditions.args).await?.map_or(Ok(0), |row| row.int("n"))
    }
}

fn conditions(filter: &SecretFilter) -> Conditions {
    let mut all = Conditions::default();
    if let Some(q) = &filter.q {
        let fields =
            ["name", "owner", "description", "tags"].map(|field| format!("lower(s.{field}) LIKE {{}} ESCAPE '\\'"));
        all.add(&fields.join(" OR "), contains(q));
    }
    if let Some(kind) = filter.kind {
        all.add("s.kind = {}", kind.as_str());
    }
    if let Some(class) = filter.class {
        all.add("s.class = {}", class.as_str());
    }
    if let Some(environment) = &filter.environment {
        let limited = "EXISTS (SELECT 1 FROM secret_labels l WHERE l.kind = 'environment' AND l.label = {} AND l.secret = s.name)";
        let bound = "EXISTS (SELECT 1 FROM route_references r WHERE r.secret = s.name AND r.environment = {})";
        all.add(&format!("{limited} OR {bound}"), environment.as_str());
    }
    if let Some(tag) = &filter.tag {
        all.add(
            "EXISTS (SELECT 1 FROM secret_labels l WHERE l.kind = 'tag' AND l.label = {} AND l.secret = s.name)",
            tag,
        );
    }
    if let Some(state) = filter.state {
        all.add("s.state = {}", state.as_str());
    }
    if let Some(since) = filter.unused_since {
        all.add(
            "s.state = 'active' AND s.kind <> 'webhook_secret' AND coalesce(u.last_used_at, s.created_at) <= {}",
            since,
        );
    }
    if let Some(unreferenced) = filter.unreferenced {
        let not = if unreferenced { "NOT " } else { "" };
        all.add_plain(&format!("{not}EXISTS (SELECT 1 FROM route_references r WHERE r.secret = s.name)"));
    }
    if let Some(temporary) = filter.temporary {
        all.add("s.temporary = {}", temporary);
    }
    if let Some(due) = filter.due_before {
        all.add(&format!("s.state = 'active' AND {DUE} <= {{}}"), due);
    }
    all
}

impl SortKey {
    fn sql(self) -> String {
        match self {
            Self::Name => "s.name".to_owned(),
            Self::CreatedAt => "s.created_at".to_owned(),
            Self::LastUsedAt => "coalesce(u.last_used_at, 0)".to_owned(),
            Self::RotationDueAt => format!("coalesce({DUE}, {NEVER})"),
        }
    }

    /// The key of a row; `None` where the name alone is the key.
    fn of(self, row: &SecretRow) -> Option<i64> {
        match self {
            Self::Name => None,
            Self::CreatedAt => Some(row.secret.created_at.as_millis()),
            Self::LastUsedAt => Some(row.last_used_at.map_or(0, Timestamp::as_millis)),
            Self::RotationDueAt => Some(row.due().map_or(NEVER, |due| due.at.as_millis())),
        }
    }

    fn letter(self) -> &'static str {
        match self {
            Self::Name => "n",
            Self::CreatedAt => "c",
            Self::LastUsedAt => "u",
            Self::RotationDueAt => "d",
        }
    }
}

impl SecretSort {
    fn direction(self) -> &'static str {
        if self.descending { "DESC" } else { "ASC" }
    }

    /// `c.1764000000000.stripe_api_key`: the order, the key, the name. Names hold no dot.
    fn write_cursor(self, row: &SecretRow) -> String {
        let value = self.key.of(row).map(|value| value.to_string()).unwrap_or_default();
        format!("{}.{value}.{}", self.key.letter(), row.secret.name)
    }

    fn read_cursor(self, cursor: &str) -> Result<(Option<i64>, String), StoreError> {
        let parts: Vec<&str> = cursor.split('.').collect();
        let [letter, value, name] = parts.as_slice() else { return Err(StoreError::BadCursor) };
        let name: SecretName = name.parse().map_err(|_| StoreError::BadCursor)?;
        let value = match (self.key, *value) {
            (SortKey::Name, "") => None,
            (SortKey::Name, _) => return Err(StoreError::BadCursor),
            (_, text) => Some(text.parse().map_err(|_| StoreError::BadCursor)?),
        };
        if *letter != self.key.letter() {
            return Err(StoreError::BadCursor);
        }
        Ok((value, name.as_str().to_owned()))
    }
}
