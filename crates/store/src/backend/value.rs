//! The four kinds of value that go into and come out of a query, the same on both engines.

use std::fmt;
use std::sync::Arc;

use crate::error::StoreError;

/// A value bound to `$n` or found in a column.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Val {
    /// SQL NULL.
    Null,
    /// Every number, moment (milliseconds) and truth value (0 or 1).
    Int(i64),
    /// Text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl fmt::Debug for Val {
    /// Shows the kind alone: sealed columns pass through here, and an error text must not hold them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "Null",
            Self::Int(_) => "Int",
            Self::Text(_) => "Text",
            Self::Blob(_) => "Blob",
        })
    }
}

impl From<i64> for Val {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Val {
    fn from(truth: bool) -> Self {
        Self::Int(i64::from(truth))
    }
}

impl From<&str> for Val {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Val {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&String> for Val {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<Vec<u8>> for Val {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Blob(bytes)
    }
}

impl From<&[u8]> for Val {
    fn from(bytes: &[u8]) -> Self {
        Self::Blob(bytes.to_vec())
    }
}

impl From<model::time::Timestamp> for Val {
    fn from(moment: model::time::Timestamp) -> Self {
        Self::Int(moment.as_millis())
    }
}

impl<T: Into<Val>> From<Option<T>> for Val {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Binds each of its arguments to `$1`, `$2`, ….
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::backend::Val::from($value)),*] };
}
pub(crate) use args;

/// One row of an answer.
#[derive(Debug)]
pub(crate) struct Row {
    columns: Arc<[String]>,
    values: Vec<Val>,
}

impl Row {
    pub(super) fn new(columns: Arc<[String]>, values: Vec<Val>) -> Self {
        Self { columns, values }
    }

    /// The names of the columns.
    pub(crate) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The values, in the order of the columns.
    pub(crate) fn into_values(self) -> Vec<Val> {
        self.values
    }

    /// A value as it is.
    pub(crate) fn value(&self, column: &str) -> Result<Val, StoreError> {
        self.get(column).cloned()
    }

    fn get(&self, column: &str) -> Result<&Val, StoreError> {
        let found = self.columns.iter().zip(&self.values).find(|(name, _)| *name == column);
        found.map(|(_, value)| value).ok_or_else(|| StoreError::damaged(column, "the column is missing"))
    }

    /// A number.
    pub(crate) fn int(&self, column: &str) -> Result<i64, StoreError> {
        self.opt_int(column)?.ok_or_else(|| StoreError::damaged(column, "is NULL"))
    }

    /// A number or NULL.
    pub(crate) fn opt_int(&self, column: &str) -> Result<Option<i64>, StoreError> {
        match self.get(column)? {
            Val::Null => Ok(None),
            Val::Int(number) => Ok(Some(*number)),
            _ => Err(StoreError::damaged(column, "is not a number")),
        }
    }

    /// A truth value, stored as 0 or 1.
    pub(crate) fn truth(&self, column: &str) -> Result<bool, StoreError> {
        Ok(self.int(column)? != 0)
    }

    /// A moment.
    pub(crate) fn moment(&self, column: &str) -> Result<model::time::Timestamp, StoreError> {
        self.int(column).map(model::time::Timestamp::from_millis)
    }

    /// A moment or NULL.
    pub(crate) fn opt_moment(&self, column: &str) -> Result<Option<model::time::Timestamp>, StoreError> {
        Ok(self.opt_int(column)?.map(model::time::Timestamp::from_millis))
    }

    /// A text.
    pub(crate) fn text(&self, column: &str) -> Result<&str, StoreError> {
        self.opt_text(column)?.ok_or_else(|| StoreError::damaged(column, "is NULL"))
    }

    /// A text or NULL.
    pub(crate) fn opt_text(&self, column: &str) -> Result<Option<&str>, StoreError> {
        match self.get(column)? {
            Val::Null => Ok(None),
            Val::Text(text) => Ok(Some(text)),
            _ => Err(StoreError::damaged(column, "is not a text")),
        }
    }

    /// A text that is read as something else, such as a name.
    pub(crate) fn parsed<T: std::str::FromStr>(&self, column: &str) -> Result<T, StoreError> {
        self.text(column)?.parse().map_err(|_| StoreError::damaged(column, "does not follow its rule"))
    }

    /// A text that is read as something else, or NULL.
    pub(crate) fn opt_parsed<T: std::str::FromStr>(&self, column: &str) -> Result<Option<T>, StoreError> {
        let parse = |text: &str| text.parse().map_err(|_| StoreError::damaged(column, "does not follow its rule"));
        self.opt_text(column)?.map(parse).transpose()
    }

    /// A JSON text.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self, column: &str) -> Result<T, StoreError> {
        serde_json::from_str(self.text(column)?)
            .map_err(|_| StoreError::damaged(column, "is not the JSON it should be"))
    }

    /// A JSON text or NULL.
    pub(crate) fn opt_json<T: serde::de::DeserializeOwned>(&self, column: &str) -> Result<Option<T>, StoreError> {
        let parse = |text: &str| {
            serde_json::from_str(text).map_err(|_| StoreError::damaged(column, "is not the JSON it should be"))
        };
        self.opt_text(column)?.map(parse).transpose()
    }

    /// Bytes.
    pub(crate) fn blob(&self, column: &str) -> Result<&[u8], StoreError> {
        self.opt_blob(column)?.ok_or_else(|| StoreError::damaged(column, "is NULL"))
    }

    /// Bytes or NULL.
    pub(crate) fn opt_blob(&self, column: &str) -> Result<Option<&[u8]>, StoreError> {
        match self.get(column)? {
            Val::Null => Ok(None),
            Val::Blob(bytes) => Ok(Some(bytes)),
            _ => Err(StoreError::damaged(column, "is not bytes")),
        }
    }

    /// Bytes of a fixed length, such as a digest.
    pub(crate) fn bytes<const N: usize>(&self, column: &str) -> Result<[u8; N], StoreError> {
        self.blob(column)?.try_into().map_err(|_| StoreError::damaged(column, "has the wrong length"))
    }
}
