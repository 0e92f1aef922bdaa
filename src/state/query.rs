//! One text of SQL for either catalog database: its values, and where it runs.
//!
//! Texts use `$1` to `$n`, which both know. Rows are tuples of `i64`, `bool`, `String` and options
//! of them: the types that mean the same in both. It knows no table.

use std::borrow::Cow;

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgRow, PgTypeInfo};
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Encode, PgConnection, PgPool, Postgres, Sqlite, SqlitePool, Type};
use sqlx::{SqlSafeStr, SqlStr, SqliteConnection};

use super::{Connection, Driver, Readers, db_error, server};
use crate::error::Result;

/// A value for a parameter.
#[derive(Debug, Clone)]
pub enum Value {
    Int(Option<i64>),
    Text(Option<String>),
    Flag(bool),
    /// A text in SQLite, PostgreSQL's own type there.
    Uuid(uuid::Uuid),
    /// A moment as DuckLake writes it, `2026-11-22 12:08:13.634414+00`: a text in SQLite.
    Moment(String),
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Int(Some(value))
    }
}

impl From<Option<i64>> for Value {
    fn from(value: Option<i64>) -> Value {
        Value::Int(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Flag(value)
    }
}

impl From<uuid::Uuid> for Value {
    fn from(value: uuid::Uuid) -> Value {
        Value::Uuid(value)
    }
}

impl From<String> for Value {
    fn from(value: String) -> Value {
        Value::Text(Some(value))
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Value {
        Value::Text(Some(value.clone()))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Value {
        Value::Text(Some(value.to_string()))
    }
}

impl From<Option<String>> for Value {
    fn from(value: Option<String>) -> Value {
        Value::Text(value)
    }
}

impl From<&Option<String>> for Value {
    fn from(value: &Option<String>) -> Value {
        Value::Text(value.clone())
    }
}

impl From<Option<&str>> for Value {
    fn from(value: Option<&str>) -> Value {
        Value::Text(value.map(str::to_string))
    }
}

/// A value whose PostgreSQL type the driver is not built with, in the protocol's binary form.
struct Binary {
    oid: u32,
    bytes: Result<Vec<u8>, String>,
}

impl Binary {
    fn uuid(uuid: uuid::Uuid) -> Binary {
        Binary { oid: 2950, bytes: Ok(uuid.as_bytes().to_vec()) }
    }

    /// `timestamptz`: microseconds since 2000.
    fn moment(text: &str) -> Binary {
        const SINCE_1970: i64 = 946_684_800_000_000;
        let at = chrono::DateTime::parse_from_str(&format!("{text}00"), "%Y-%m-%d %H:%M:%S%.f%z");
        let bytes = at.map(|at| (at.timestamp_micros() - SINCE_1970).to_be_bytes().to_vec());
        Binary { oid: 1184, bytes: bytes.map_err(|e| format!("`{text}` is no moment: {e}")) }
    }
}

impl Type<Postgres> for Binary {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(2950))
    }
}

impl Encode<'_, Postgres> for Binary {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        buffer.extend_from_slice(self.bytes.as_ref().map_err(String::as_str)?);
        Ok(IsNull::No)
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        Some(PgTypeInfo::with_oid(Oid(self.oid)))
    }
}

/// A row that either driver can read: a tuple.
pub trait Found:
    for<'r> sqlx::FromRow<'r, SqliteRow> + for<'r> sqlx::FromRow<'r, PgRow> + Send + Unpin
{
}

impl<T> Found for T where
    T: for<'r> sqlx::FromRow<'r, SqliteRow> + for<'r> sqlx::FromRow<'r, PgRow> + Send + Unpin
{
}

/// Where a query runs: a connection, or any of a pool.
pub enum On<'a> {
    Sqlite(&'a mut SqliteConnection),
    SqlitePool(&'a SqlitePool),
    Postgres(&'a mut PgConnection),
    PostgresPool(&'a PgPool),
}

impl<'a> From<&'a mut Connection> for On<'a> {
    fn from(connection: &'a mut Connection) -> On<'a> {
        match &mut connection.driver {
            Driver::Sqlite(connection) => On::Sqlite(connection),
            Driver::Postgres(connection) => On::Postgres(connection),
        }
    }
}

impl<'a> From<&'a Readers> for On<'a> {
    fn from(readers: &'a Readers) -> On<'a> {
        match readers {
            Readers::Sqlite(pool) => On::SqlitePool(pool),
            Readers::Postgres(pool) => On::PostgresPool(pool),
        }
    }
}

/// A statement and the values of its parameters, in their order.
#[derive(Debug)]
pub struct Query {
    text: Cow<'static, str>,
    values: Vec<Value>,
}

/// A statement. Nothing that varies belongs into its text but names that were quoted.
pub fn query(text: impl Into<Cow<'static, str>>) -> Query {
    Query { text: text.into(), values: Vec::new() }
}

/// An INSERT of many rows by one statement: each statement costs a way to the database and back.
/// `into` is `insert into t`, and the rows are of one length, which is not nought.
pub fn insert<const N: usize>(into: &str, rows: impl IntoIterator<Item = [Value; N]>) -> Query {
    let mut values = Vec::new();
    let mut text = format!("{into} values ");
    for row in rows {
        text.push_str(if values.is_empty() { "(" } else { ", (" });
        for (position, value) in row.into_iter().enumerate() {
            values.push(value);
            let comma = if position == 0 { "" } else { ", " };
            text.push_str(&format!("{comma}${}", values.len()));
        }
        text.push(')');
    }
    Query { text: text.into(), values }
}

/// Gives a driver's query the values of ours.
macro_rules! bound {
    ($query:expr, $values:expr, $uuid:expr, $moment:expr) => {{
        let mut query = $query;
        for value in $values {
            query = match value {
                Value::Int(value) => query.bind(value),
                Value::Text(value) => query.bind(value),
                Value::Flag(value) => query.bind(value),
                Value::Uuid(value) => query.bind($uuid(value)),
                Value::Moment(value) => query.bind($moment(value)),
            };
        }
        query
    }};
}

/// Runs a query by the driver of the place it runs on.
macro_rules! run {
    ($self:expr, $on:expr, $make:ident [$($row:tt)*], $fetch:ident, $result:expr) => {{
        let Query { text, values } = $self;
        let text: SqlStr = AssertSqlSafe(text).into_sql_str();
        macro_rules! sqlite {
            () => {
                bound!(sqlx::$make::<Sqlite $($row)*>(text), values, |u: uuid::Uuid| u.to_string(), |m| m)
            };
        }
        macro_rules! postgres {
            () => {
                bound!(sqlx::$make::<Postgres $($row)*>(text), values, Binary::uuid, |m: String| {
                    Binary::moment(&m)
                })
            };
        }
        match $on.into() {
            On::Sqlite(on) => sqlite!().$fetch(on).await.map($result).map_err(db_error),
            On::SqlitePool(on) => sqlite!().$fetch(on).await.map($result).map_err(db_error),
            On::Postgres(on) => postgres!().$fetch(on).await.map($result).map_err(server::db_error),
            On::PostgresPool(on) => {
                postgres!().$fetch(on).await.map($result).map_err(server::db_error)
            }
        }
    }};
}

impl Query {
    /// The value of the next parameter.
    pub fn bind(mut self, value: impl Into<Value>) -> Query {
        self.values.push(value.into());
        self
    }

    pub async fn execute<'a>(self, on: impl Into<On<'a>>) -> Result<()> {
        run!(self, on, query[], execute, |_| ())
    }

    pub async fn fetch_one<'a, T: Found>(self, on: impl Into<On<'a>>) -> Result<T> {
        run!(self, on, query_as[, T], fetch_one, |found| found)
    }

    pub async fn fetch_optional<'a, T: Found>(self, on: impl Into<On<'a>>) -> Result<Option<T>> {
        run!(self, on, query_as[, T], fetch_optional, |found| found)
    }

    pub async fn fetch_all<'a, T: Found>(self, on: impl Into<On<'a>>) -> Result<Vec<T>> {
        run!(self, on, query_as[, T], fetch_all, |found| found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_microseconds_since_2000_and_a_text_that_is_none_is_refused() {
        let micros =
            |text: &str| Binary::moment(text).bytes.map(|b| b.try_into().map(i64::from_be_bytes));
        assert_eq!(micros("2000-01-01 00:00:01.000002+00"), Ok(Ok(1_000_002)));
        assert_eq!(micros("1999-12-31 23:59:59+00"), Ok(Ok(-1_000_000)));
        assert!(micros("yesterday").is_err());
    }
}
