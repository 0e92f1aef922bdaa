//! The tables of the run records and their version. It moves no data.

use sqlx::{SqliteConnection, SqlitePool};

use super::begin;
use crate::error::{Error, Result};
use crate::state::db_error;

/// Version of the tables below; a change that an older Landfall would misread adds one.
const VERSION: i64 = 1;

const TABLES: &[&str] = &[
    "create table if not exists landfall_meta (
        records_version integer not null, written_by text not null)",
    "create table if not exists landfall_sequences (
        sequence integer primary key, state text not null, opened_at text not null,
        closed_at text, snapshot integer)",
    "create table if not exists landfall_runs (
        sequence integer not null, attempt integer not null, status text not null,
        target text not null, started_at text not null, finished_at text,
        pid integer not null, host text not null, version text not null,
        primary key (sequence, attempt))",
    "create table if not exists landfall_markers (
        id integer primary key, sequence integer not null, task text not null,
        attempt integer not null, input_hash text not null, row_counts text not null,
        snapshot integer, started_at text not null, finished_at text not null,
        unique (sequence, task))",
    "create table if not exists landfall_tasks (
        sequence integer not null, attempt integer not null, task text not null,
        status text not null, row_counts text not null, started_at text, finished_at text,
        code text, message text, hint text, place text, reason text,
        primary key (sequence, attempt, task))",
    "create table if not exists landfall_statements (
        sequence integer not null, attempt integer not null, task text not null,
        ordinal integer not null, text text not null, place text not null,
        inserted integer not null, updated integer not null, deleted integer not null,
        micros integer not null,
        primary key (sequence, attempt, task, ordinal))",
    "create table if not exists landfall_windows (
        sequence integer not null, task text not null, bounds text not null,
        primary key (sequence, task))",
    "create table if not exists landfall_partitions (
        id integer primary key, sequence integer not null, task text not null,
        landing text not null, path text not null unique, bytes integer not null,
        row_count integer not null)",
    "create index if not exists landfall_partitions_by_table
        on landfall_partitions (landing, sequence)",
    "create table if not exists landfall_quarantine (
        id integer primary key, sequence integer not null, task text not null,
        path text not null unique, bytes integer not null, row_count integer not null,
        reasons text not null)",
    "create table if not exists landfall_addresses (
        provider text not null, address text not null, country text,
        sequence integer not null,
        primary key (provider, address))",
];

/// Makes the tables of the run records where they are missing, in one transaction.
///
/// Errors: `state/newer` when a newer Landfall has written them.
pub async fn create_tables(conn: &mut SqliteConnection) -> Result<()> {
    if version(conn).await? == Some(VERSION) {
        return Ok(());
    }
    let mut transaction = begin(conn).await?;
    let tables = sqlx::AssertSqlSafe(TABLES.join(";"));
    sqlx::raw_sql(tables).execute(&mut *transaction).await.map_err(db_error)?;
    sqlx::query(
        "insert into landfall_meta (records_version, written_by)
         select ?, ? where not exists (select 1 from landfall_meta)",
    )
    .bind(VERSION)
    .bind(env!("CARGO_PKG_VERSION"))
    .execute(&mut *transaction)
    .await
    .map_err(db_error)?;
    transaction.commit().await.map_err(db_error)
}

/// Whether the database holds run records yet.
pub async fn exist(pool: &SqlitePool) -> Result<bool> {
    let found: Option<i64> = sqlx::query_scalar(
        "select 1 from sqlite_master where type = 'table' and name = 'landfall_meta'",
    )
    .fetch_optional(pool)
    .await
    .map_err(db_error)?;
    Ok(found.is_some())
}

/// The version of the tables that are there; `None` when there are none.
async fn version(conn: &mut SqliteConnection) -> Result<Option<i64>> {
    let made: Option<i64> = sqlx::query_scalar(
        "select 1 from sqlite_master where type = 'table' and name = 'landfall_meta'",
    )
    .fetch_optional(&mut *conn)
    .await
    .map_err(db_error)?;
    if made.is_none() {
        return Ok(None);
    }
    let found: Option<(i64, String)> =
        sqlx::query_as("select records_version, written_by from landfall_meta")
            .fetch_optional(&mut *conn)
            .await
            .map_err(db_error)?;
    match found {
        Some((version, by)) if version > VERSION => Err(Error::config(
            "state/newer",
            format!("Landfall {by} has written this project's records, in version {version}"),
        )
        .hint(format!("use Landfall {by} or a later one"))),
        other => Ok(other.map(|(version, _)| version)),
    }
}
