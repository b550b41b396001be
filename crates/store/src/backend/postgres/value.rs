//! The four kinds of value in PostgreSQL's types.

use std::error::Error;
use std::sync::Arc;

use bytes::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use crate::backend::{Row, Val};
use crate::error::StoreError;

impl ToSql for Val {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(number) if *kind == Type::INT4 => i32::try_from(*number)?.to_sql(kind, out),
            Self::Int(number) if *kind == Type::INT8 => number.to_sql(kind, out),
            Self::Text(text) if is_text(kind) => text.to_sql(kind, out),
            Self::Blob(bytes) if *kind == Type::BYTEA => bytes.to_sql(kind, out),
            // The kind alone is named: sealed columns pass through here.
            other => Err(format!("a value of kind {other:?} cannot be bound as {kind}").into()),
        }
    }

    fn accepts(kind: &Type) -> bool {
        matches!(*kind, Type::INT4 | Type::INT8 | Type::BYTEA) || is_text(kind)
    }

    to_sql_checked!();
}

fn is_text(kind: &Type) -> bool {
    matches!(*kind, Type::TEXT | Type::VARCHAR | Type::NAME)
}

/// One row of an answer.
pub(super) fn row(row: &tokio_postgres::Row, columns: &Arc<[String]>) -> Result<Row, StoreError> {
    let values: Result<Vec<Val>, StoreError> =
        row.columns().iter().enumerate().map(|(index, column)| value(row, index, column)).collect();
    Ok(Row::new(Arc::clone(columns), values?))
}

fn value(row: &tokio_postgres::Row, index: usize, column: &tokio_postgres::Column) -> Result<Val, StoreError> {
    let unreadable = |_| StoreError::damaged(column.name(), "cannot be read");
    Ok(match *column.type_() {
        Type::INT8 => row.try_get::<_, Option<i64>>(index).map_err(unreadable)?.into(),
        Type::INT4 => row.try_get::<_, Option<i32>>(index).map_err(unreadable)?.map(i64::from).into(),
        Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(index).map_err(unreadable)?.into(),
        ref kind if is_text(kind) => row.try_get::<_, Option<String>>(index).map_err(unreadable)?.into(),
        _ => return Err(StoreError::damaged(column.name(), "is of a type that no column has")),
    })
}
