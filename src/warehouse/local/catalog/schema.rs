//! The tables of a DuckLake 1.0 catalog, and the rows of an empty one.
//!
//! Source: the DuckLake specification, "Tables"; names, order and types as DuckDB makes them in
//! SQLite and in PostgreSQL. In a catalog that exists it changes nothing but where the data lies,
//! and not even that in one that is shared.

use crate::error::{Error, Result};
use crate::state::{Connection, Value, query};

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
pub async fn create(conn: &mut Connection, data_path: &str, now: &str) -> Result<()> {
    if conn.has_table("ducklake_metadata").await? {
        check_version(conn).await?;
        // Files of older releases lack these. In PostgreSQL all are there from the beginning, and
        // whoever only reads has no right to create.
        if !conn.is_server() {
            query(UNBLANKED).execute(&mut *conn).await?;
            query(super::external::CREATE).execute(&mut *conn).await?;
        }
    } else {
        let mut transaction = conn.begin().await?;
        fill(&mut transaction, data_path, now).await?;
        transaction.commit().await?;
    }
    follow_data(conn, data_path).await
}

async fn fill(conn: &mut Connection, data_path: &str, now: &str) -> Result<()> {
    let tables = TABLES.join(";");
    let tables = if conn.is_server() { in_postgres(tables) } else { tables };
    conn.script(tables).await?;
    // Another process may have made the catalog between the look and the lock.
    let (rows,): (i64,) =
        query("select count(*) from ducklake_metadata").fetch_one(&mut *conn).await?;
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
        query("insert into ducklake_metadata(key, value) values ($1, $2)")
            .bind(key)
            .bind(value)
            .execute(&mut *conn)
            .await?;
    }
    query("insert into ducklake_snapshot values (0, $1, 0, 1, 0)")
        .bind(Value::Moment(now.to_string()))
        .execute(&mut *conn)
        .await?;
    query(
        "insert into ducklake_snapshot_changes(snapshot_id, changes_made) values (0, 'created_schema:\"main\"')",
    )
    .execute(&mut *conn)
    .await?;
    query("insert into ducklake_schema values (0, $1, 0, NULL, 'main', 'main/', true)")
        .bind(uuid::Uuid::new_v4())
        .execute(&mut *conn)
        .await?;
    Ok(())
}

/// The types that PostgreSQL has and SQLite writes as numbers and texts.
fn in_postgres(mut tables: String) -> String {
    for (names, sqlite, postgres) in [
        (&["schema_uuid", "table_uuid", "view_uuid"][..], "VARCHAR", "UUID"),
        (&["snapshot_time", "schedule_start"], "VARCHAR", "TIMESTAMPTZ"),
        (
            &["path_is_relative", "nulls_allowed", "contains_nan", "contains_null", "is_partition"],
            "BIGINT",
            "BOOLEAN",
        ),
    ] {
        for name in names {
            tables = tables.replace(&format!("{name} {sqlite}"), &format!("{name} {postgres}"));
        }
    }
    tables
}

/// Landfall finds the data beside the catalog; other readers go where the catalog says. A shared
/// catalog has its data in one place for all, and another place is another project's.
async fn follow_data(conn: &mut Connection, data_path: &str) -> Result<()> {
    let known: Option<(String,)> =
        query("select value from ducklake_metadata where key = 'data_path' and scope is null")
            .fetch_optional(&mut *conn)
            .await?;
    match known {
        Some((known,)) if known == data_path => return Ok(()),
        Some((known,)) if conn.is_server() => {
            return Err(Error::config(
                "catalog/other-data",
                format!(
                    "this catalog's data lies in `{known}`, and this project's in `{data_path}`"
                ),
            )
            .hint(
                "give each project a schema of its own, `?schema=NAME` behind `catalog`; machines \
                 that share one need its `state` folder under the same path",
            ));
        }
        _ => {}
    }
    query("update ducklake_metadata set value = $1 where key = 'data_path' and scope is null")
        .bind(data_path)
        .execute(&mut *conn)
        .await?;
    Ok(())
}

async fn check_version(conn: &mut Connection) -> Result<()> {
    let version: Option<(String,)> =
        query("select value from ducklake_metadata where key = 'version' and scope is null")
            .fetch_optional(&mut *conn)
            .await?;
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
