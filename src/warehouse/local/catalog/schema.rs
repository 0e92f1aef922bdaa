//! The tables of a DuckLake 1.0 catalog, and the rows of an empty one.
//!
//! Source: the DuckLake specification, "Tables"; names, order and types as DuckDB makes them in
//! SQLite. In a catalog that exists it changes nothing but where the data lies.

use sqlx::SqliteConnection;

use crate::error::{Error, Result};
use crate::records;
use crate::state::db_error;

/// The catalog format this build reads and writes.
const VERSION: &str = "1.0";

const TABLES: &[&str] = &[
    "create table if not exists ducklake_metadata(key VARCHAR NOT NULL, value VARCHAR NOT NULL, scope VARCHAR, scope_id BIGINT)",
    "create table if not exists ducklake_snapshot(snapshot_id BIGINT PRIMARY KEY, snapshot_time VARCHAR, schema_version BIGINT, next_catalog_id BIGINT, next_file_id BIGINT)",
    "create table if not exists ducklake_snapshot_changes(snapshot_id BIGINT PRIMARY KEY, changes_made VARCHAR, author VARCHAR, commit_message VARCHAR, commit_extra_info VARCHAR)",
    "create table if not exists ducklake_schema(schema_id BIGINT PRIMARY KEY, schema_uuid VARCHAR, begin_snapshot BIGINT, end_snapshot BIGINT, schema_name VARCHAR, path VARCHAR, path_is_relative BIGINT)",
    "create table if not exists ducklake_table(table_id BIGINT, table_uuid VARCHAR, begin_snapshot BIGINT, end_snapshot BIGINT, schema_id BIGINT, table_name VARCHAR, path VARCHAR, path_is_relative BIGINT)",
    "create table if not exists ducklake_view(view_id BIGINT, view_uuid VARCHAR, begin_snapshot BIGINT, end_snapshot BIGINT, schema_id BIGINT, view_name VARCHAR, dialect VARCHAR, sql VARCHAR, column_aliases VARCHAR)",
    "create table if not exists ducklake_tag(object_id BIGINT, begin_snapshot BIGINT, end_snapshot BIGINT, key VARCHAR, value VARCHAR)",
    "create table if not exists ducklake_column_tag(table_id BIGINT, column_id BIGINT, begin_snapshot BIGINT, end_snapshot BIGINT, key VARCHAR, value VARCHAR)",
    "create table if not exists ducklake_data_file(data_file_id BIGINT PRIMARY KEY, table_id BIGINT, begin_snapshot BIGINT, end_snapshot BIGINT, file_order BIGINT, path VARCHAR, path_is_relative BIGINT, file_format VARCHAR, record_count BIGINT, file_size_bytes BIGINT, footer_size BIGINT, row_id_start BIGINT, partition_id BIGINT, encryption_key VARCHAR, mapping_id BIGINT, partial_max BIGINT)",
    "create table if not exists ducklake_file_column_stats(data_file_id BIGINT, table_id BIGINT, column_id BIGINT, column_size_bytes BIGINT, value_count BIGINT, null_count BIGINT, min_value VARCHAR, max_value VARCHAR, contains_nan BIGINT, extra_stats VARCHAR)",
    "create table if not exists ducklake_file_variant_stats(data_file_id BIGINT, table_id BIGINT, column_id BIGINT, variant_path VARCHAR, shredded_type VARCHAR, column_size_bytes BIGINT, value_count BIGINT, null_count BIGINT, min_value VARCHAR, max_value VARCHAR, contains_nan BIGINT, extra_stats VARCHAR)",
    "create table if not exists ducklake_delete_file(delete_file_id BIGINT PRIMARY KEY, table_id BIGINT, begin_snapshot BIGINT, end_snapshot BIGINT, data_file_id BIGINT, path VARCHAR, path_is_relative BIGINT, format VARCHAR, delete_count BIGINT, file_size_bytes BIGINT, footer_size BIGINT, encryption_key VARCHAR, partial_max BIGINT)",
    "create table if not exists ducklake_column(column_id BIGINT, begin_snapshot BIGINT, end_snapshot BIGINT, table_id BIGINT, column_order BIGINT, column_name VARCHAR, column_type VARCHAR, initial_default VARCHAR, default_value VARCHAR, nulls_allowed BIGINT, parent_column BIGINT, default_value_type VARCHAR, default_value_dialect VARCHAR)",
    "create table if not exists ducklake_table_stats(table_id BIGINT, record_count BIGINT, next_row_id BIGINT, file_size_bytes BIGINT)",
    "create table if not exists ducklake_table_column_stats(table_id BIGINT, column_id BIGINT, contains_null BIGINT, contains_nan BIGINT, min_value VARCHAR, max_value VARCHAR, extra_stats VARCHAR)",
    "create table if not exists ducklake_partition_info(partition_id BIGINT, table_id BIGINT, begin_snapshot BIGINT, end_snapshot BIGINT)",
    "create table if not exists ducklake_partition_column(partition_id BIGINT, table_id BIGINT, partition_key_index BIGINT, column_id BIGINT, transform VARCHAR)",
    "create table if not exists ducklake_file_partition_value(data_file_id BIGINT, table_id BIGINT, partition_key_index BIGINT, partition_value VARCHAR)",
    "create table if not exists ducklake_sort_info(sort_id BIGINT, table_id BIGINT, begin_snapshot BIGINT, end_snapshot BIGINT)",
    "create table if not exists ducklake_sort_expression(sort_id BIGINT, table_id BIGINT, sort_key_index BIGINT, expression VARCHAR, dialect VARCHAR, sort_direction VARCHAR, null_order VARCHAR)",
    "create table if not exists ducklake_files_scheduled_for_deletion(data_file_id BIGINT, path VARCHAR, path_is_relative BIGINT, schedule_start VARCHAR)",
    "create table if not exists ducklake_inlined_data_tables(table_id BIGINT, table_name VARCHAR, schema_version BIGINT)",
    "create table if not exists ducklake_column_mapping(mapping_id BIGINT, table_id BIGINT, type VARCHAR)",
    "create table if not exists ducklake_name_mapping(mapping_id BIGINT, column_id BIGINT, source_name VARCHAR, target_field_id BIGINT, parent_column BIGINT, is_partition BIGINT)",
    "create table if not exists ducklake_schema_versions(begin_snapshot BIGINT, schema_version BIGINT, table_id BIGINT)",
    "create table if not exists ducklake_macro(schema_id BIGINT, macro_id BIGINT, macro_name VARCHAR, begin_snapshot BIGINT, end_snapshot BIGINT)",
    "create table if not exists ducklake_macro_impl(macro_id BIGINT, impl_id BIGINT, dialect VARCHAR, sql VARCHAR, type VARCHAR)",
    "create table if not exists ducklake_macro_parameters(macro_id BIGINT, impl_id BIGINT, column_id BIGINT, parameter_name VARCHAR, parameter_type VARCHAR, default_value VARCHAR, default_value_type VARCHAR)",
    // Not of the specification, and invisible to other readers: what Redshift knows of a column
    // (DuckDB refuses a catalog whose columns have tags other than comments), and what keeps
    // look-ups cheap.
    "create table if not exists landfall_column_tag(table_id BIGINT, column_id BIGINT, begin_snapshot BIGINT, end_snapshot BIGINT, key VARCHAR, value VARCHAR)",
    UNBLANKED,
    super::external::CREATE,
    "create index if not exists landfall_data_file_table on ducklake_data_file(table_id)",
    "create index if not exists landfall_delete_file_table on ducklake_delete_file(table_id)",
    "create index if not exists landfall_file_stats_file on ducklake_file_column_stats(table_id, data_file_id)",
];

/// The text columns of each data file in which nothing ends with a blank, as ids between commas. Of
/// a file without a row, written by others, nothing is known.
const UNBLANKED: &str = "create table if not exists landfall_unblanked(table_id BIGINT, data_file_id BIGINT PRIMARY KEY, columns VARCHAR)";

/// Makes the catalog where there is none, and refuses one of another version.
///
/// `data_path` is stored as given, with a trailing slash. It is absolute, since DuckDB takes a
/// relative one from its own working folder, and follows a project that was moved or copied.
pub async fn create(conn: &mut SqliteConnection, data_path: &str, now: &str) -> Result<()> {
    let exists: Option<(String,)> =
        sqlx::query_as("select name from sqlite_master where name = 'ducklake_metadata'")
            .fetch_optional(&mut *conn)
            .await
            .map_err(db_error)?;
    if exists.is_some() {
        check_version(conn).await?;
        sqlx::query(UNBLANKED).execute(&mut *conn).await.map_err(db_error)?;
        sqlx::query(super::external::CREATE).execute(&mut *conn).await.map_err(db_error)?;
        return follow_data(conn, data_path).await;
    }
    let mut transaction = records::begin(conn).await?;
    fill(&mut transaction, data_path, now).await?;
    transaction.commit().await.map_err(db_error)
}

async fn fill(conn: &mut SqliteConnection, data_path: &str, now: &str) -> Result<()> {
    let tables = sqlx::AssertSqlSafe(TABLES.join(";"));
    sqlx::raw_sql(tables).execute(&mut *conn).await.map_err(db_error)?;
    // Another process may have made the catalog between the look and the lock.
    let (rows,): (i64,) = sqlx::query_as("select count(*) from ducklake_metadata")
        .fetch_one(&mut *conn)
        .await
        .map_err(db_error)?;
    if rows > 0 {
        return Ok(());
    }
    let created_by = concat!("Landfall ", env!("CARGO_PKG_VERSION"));
    for (key, value) in [
        ("version", VERSION),
        ("created_by", created_by),
        ("data_path", data_path),
        ("encrypted", "false"),
        // DuckDB keeps small changes inside the catalog by default; Landfall reads files only.
        ("data_inlining_row_limit", "0"),
    ] {
        sqlx::query("insert into ducklake_metadata(key, value) values (?, ?)")
            .bind(key)
            .bind(value)
            .execute(&mut *conn)
            .await
            .map_err(db_error)?;
    }
    sqlx::query("insert into ducklake_snapshot values (0, ?, 0, 1, 0)")
        .bind(now)
        .execute(&mut *conn)
        .await
        .map_err(db_error)?;
    sqlx::query(
        "insert into ducklake_snapshot_changes(snapshot_id, changes_made) values (0, 'created_schema:\"main\"')",
    )
    .execute(&mut *conn)
    .await
    .map_err(db_error)?;
    sqlx::query("insert into ducklake_schema values (0, ?, 0, NULL, 'main', 'main/', 1)")
        .bind(uuid::Uuid::new_v4().to_string())
        .execute(&mut *conn)
        .await
        .map_err(db_error)?;
    Ok(())
}

/// Landfall finds the data beside the catalog; other readers go where the catalog says.
async fn follow_data(conn: &mut SqliteConnection, data_path: &str) -> Result<()> {
    let known: Option<(String,)> = sqlx::query_as(
        "select value from ducklake_metadata where key = 'data_path' and scope is null",
    )
    .fetch_optional(&mut *conn)
    .await
    .map_err(db_error)?;
    if known.is_some_and(|(known,)| known == data_path) {
        return Ok(());
    }
    sqlx::query("update ducklake_metadata set value = ? where key = 'data_path' and scope is null")
        .bind(data_path)
        .execute(&mut *conn)
        .await
        .map_err(db_error)?;
    Ok(())
}

async fn check_version(conn: &mut SqliteConnection) -> Result<()> {
    let version: Option<(String,)> = sqlx::query_as(
        "select value from ducklake_metadata where key = 'version' and scope is null",
    )
    .fetch_optional(&mut *conn)
    .await
    .map_err(db_error)?;
    match version {
        Some((version,)) if version == VERSION => Ok(()),
        other => Err(Error::config(
            "catalog/version",
            format!(
                "the catalog has DuckLake version {}, this build reads {VERSION}",
                other.map_or("none".to_string(), |(v,)| v)
            ),
        )
        .hint("a newer DuckDB may have upgraded it; use the Landfall release that knows it")),
    }
}
