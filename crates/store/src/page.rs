//! Paging by key: a page begins after the last thing of the one before, however many were added meanwhile.

use crate::backend::Val;
use crate::error::StoreError;

/// Which page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// At most so many, 1 to 500.
    pub limit: usize,
    /// The `next` of the page before.
    pub cursor: Option<String>,
}

impl Default for Page {
    fn default() -> Self {
        Self { limit: 50, cursor: None }
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<T> {
    /// What is on the page.
    pub items: Vec<T>,
    /// The cursor of the next page; `None` on the last one. Opaque.
    pub next: Option<String>,
}

impl Page {
    /// One more than the page holds, to learn whether there is a next page.
    pub(crate) fn fetch(&self) -> i64 {
        i64::try_from(self.limit.clamp(1, 500)).unwrap_or(500).saturating_add(1)
    }

    /// Makes a page of what was fetched; `cursor` names an item.
    pub(crate) fn cut<T>(&self, mut items: Vec<T>, cursor: impl Fn(&T) -> String) -> Listed<T> {
        let limit = self.limit.clamp(1, 500);
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(cursor) } else { None };
        Listed { items, next }
    }

    /// The cursor as a number.
    pub(crate) fn after_number(&self) -> Result<Option<i64>, StoreError> {
        self.cursor.as_deref().map(|text| text.parse().map_err(|_| StoreError::BadCursor)).transpose()
    }
}

/// The conditions of a query that is put together from filters.
#[derive(Debug, Default)]
pub(crate) struct Conditions {
    clauses: Vec<String>,
    pub(crate) args: Vec<Val>,
}

impl Conditions {
    /// Adds a condition; each `{}` in it stands for the value.
    pub(crate) fn add(&mut self, clause: &str, value: impl Into<Val>) {
        let place = self.bind(value);
        self.clauses.push(clause.replace("{}", &place));
    }

    /// Adds a condition without a value.
    pub(crate) fn add_plain(&mut self, clause: &str) {
        self.clauses.push(clause.to_owned());
    }

    /// Binds a value and answers its place, such as `$3`.
    pub(crate) fn bind(&mut self, value: impl Into<Val>) -> String {
        self.args.push(value.into());
        format!("${}", self.args.len())
    }

    /// `WHERE …`, or nothing.
    pub(crate) fn sql(&self) -> String {
        if self.clauses.is_empty() { String::new() } else { format!("WHERE ({})", self.clauses.join(") AND (")) }
    }
}

/// A pattern for `LIKE … ESCAPE '\'` that finds the text anywhere, in lower case.
pub(crate) fn contains(text: &str) -> String {
    let mut pattern = String::from("%");
    for char in text.to_lowercase().chars() {
        if matches!(char, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(char);
    }
    pattern.push('%');
    pattern
}
