//! Reads the catalog: the newest snapshot, the shape at a snapshot, the live files of a table.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::state::{Readers, query};
use crate::tables::TableName;
use crate::types::SqlType;

use super::{
    ColumnDef, ColumnStats, DataFile, DeleteFile, SchemaDef, Shape, SnapshotId, TableDef, ViewDef,
    tag, text,
};

/// The newest snapshot, and its schema version: shapes of one schema version are equal.
pub async fn latest(pool: &Readers) -> Result<(SnapshotId, i64)> {
    query(
        "select snapshot_id, schema_version from ducklake_snapshot order by snapshot_id desc limit 1",
    )
    .fetch_one(pool)
    .await
}

/// The UUID of the schema that every catalog begins with.
pub async fn identity(pool: &Readers) -> Result<String> {
    let (identity,): (String,) =
        query("select cast(schema_uuid as varchar) from ducklake_schema where schema_id = 0")
            .fetch_one(pool)
            .await?;
    Ok(identity)
}

/// Everything but the files, as of a snapshot.
pub async fn shape(pool: &Readers, at: SnapshotId) -> Result<Shape> {
    let mut shape = Shape::default();
    let mut schema_names: HashMap<i64, String> = HashMap::new();
    let rows: Vec<(i64, String, String)> = query(
        "select schema_id, schema_name, path from ducklake_schema
         where begin_snapshot <= $1 and (end_snapshot is null or $1 < end_snapshot)",
    )
    .bind(at)
    .fetch_all(pool)
    .await?;
    for (id, name, path) in rows {
        schema_names.insert(id, name.clone());
        shape.schemas.insert(name, SchemaDef { id, path });
    }
    let mut columns = columns(pool, at).await?;
    let attributes = attributes(pool, at).await?;
    let last_columns: Vec<(i64, i64)> =
        query("select table_id, max(column_id) from ducklake_column group by table_id")
            .fetch_all(pool)
            .await?;
    let last_columns: HashMap<i64, i64> = last_columns.into_iter().collect();
    let rows: Vec<(i64, i64, String, String)> = query(
        "select table_id, schema_id, table_name, path from ducklake_table
         where begin_snapshot <= $1 and (end_snapshot is null or $1 < end_snapshot)",
    )
    .bind(at)
    .fetch_all(pool)
    .await?;
    for (id, schema_id, table, path) in rows {
        let Some(schema) = schema_names.get(&schema_id) else { continue };
        let folder = shape.schemas.get(schema).map_or("", |s| s.path.as_str());
        let name = TableName { schema: schema.clone(), table };
        let columns = match columns.remove(&id) {
            Some(Ok(columns)) => columns,
            Some(Err(reason)) => {
                shape.unreadable.insert(name, reason);
                continue;
            }
            None => Vec::new(),
        };
        let def = TableDef {
            id,
            name: name.clone(),
            path: format!("{folder}{path}"),
            columns,
            last_column: last_columns.get(&id).copied().unwrap_or(0),
            attributes: attributes.get(&id).cloned(),
        };
        shape.tables.insert(name, Arc::new(def));
    }
    views(pool, at, (&schema_names, &attributes), &mut shape).await?;
    super::external::read(pool, at, &mut shape).await?;
    Ok(shape)
}

async fn views(
    pool: &Readers,
    at: SnapshotId,
    (schema_names, attributes): (&HashMap<i64, String>, &HashMap<i64, String>),
    shape: &mut Shape,
) -> Result<()> {
    let rows: Vec<(i64, i64, String, String, Option<String>)> = query(
        "select view_id, schema_id, view_name, sql, column_aliases from ducklake_view
         where begin_snapshot <= $1 and (end_snapshot is null or $1 < end_snapshot)",
    )
    .bind(at)
    .fetch_all(pool)
    .await?;
    for (id, schema_id, view, sql, aliases) in rows {
        let Some(schema) = schema_names.get(&schema_id) else { continue };
        let name = TableName { schema: schema.clone(), table: view };
        let columns = text::parse_aliases(aliases.as_deref().unwrap_or_default());
        let words = attributes.get(&id).map_or("", String::as_str);
        let view = ViewDef { id, name: name.clone(), sql, columns, bound: None, late: false };
        shape.views.insert(name, Arc::new(view.with_attributes(words)));
    }
    Ok(())
}

/// The raw columns of `ducklake_column` that describe a column.
type ColumnRow = (i64, i64, String, String, Option<String>, Option<String>, Option<String>, bool);

/// The columns of every table, or why they cannot be read.
type Columns = HashMap<i64, Result<Vec<ColumnDef>, String>>;

async fn columns(pool: &Readers, at: SnapshotId) -> Result<Columns> {
    let tags: Vec<(i64, i64, String, String)> = query(
        "select table_id, column_id, key, value from landfall_column_tag
         where begin_snapshot <= $1 and (end_snapshot is null or $1 < end_snapshot)",
    )
    .bind(at)
    .fetch_all(pool)
    .await?;
    let tags: HashMap<(i64, i64, String), String> =
        tags.into_iter().map(|(t, c, key, value)| ((t, c, key), value)).collect();
    let rows: Vec<ColumnRow> = query(
        "select table_id, column_id, column_name, column_type, initial_default, default_value,
                default_value_type, nulls_allowed
         from ducklake_column
         where begin_snapshot <= $1 and (end_snapshot is null or $1 < end_snapshot)
           and parent_column is null
         order by table_id, column_order",
    )
    .bind(at)
    .fetch_all(pool)
    .await?;
    let mut columns = Columns::new();
    for (table, id, name, ty, initial_default, default, default_kind, nullable) in rows {
        let tagged = |key: &str| tags.get(&(table, id, key.to_string()));
        let identity = tagged(tag::IDENTITY).map(|t| text::parse_identity(t)).transpose()?;
        // Another program may have changed the type, and knows nothing of the tag.
        let redshift = tagged(tag::TYPE).and_then(|text| SqlType::parse(text).ok());
        let known = match redshift.filter(|redshift| redshift.ducklake() == ty) {
            Some(redshift) => Ok(redshift),
            None => SqlType::of_ducklake(&ty),
        };
        let (ty, columns) = match (known, columns.entry(table).or_insert_with(|| Ok(Vec::new()))) {
            (_, Err(_)) => continue,
            (Ok(ty), Ok(columns)) => (ty, columns),
            (Err(_), unreadable) => {
                *unreadable = Err(format!("column {name} is of type {ty}"));
                continue;
            }
        };
        let default = default_text(default, default_kind, tagged(tag::DEFAULT), ty);
        columns.push(ColumnDef {
            id,
            name,
            ty,
            not_null: !nullable,
            default,
            initial_default,
            identity,
            encode: tagged(tag::ENCODE).cloned(),
        });
    }
    Ok(columns)
}

/// A literal is kept bare, as every reader takes it; Redshift's other defaults are tags of ours.
fn default_text(
    value: Option<String>,
    kind: Option<String>,
    tagged: Option<&String>,
    ty: SqlType,
) -> Option<String> {
    let value = value.filter(|v| v != "NULL");
    match (value, kind.as_deref()) {
        (None, _) => tagged.cloned(),
        (value, Some("expression")) => value,
        (Some(value), _) => text::parse_literal(&value, ty),
    }
}

async fn attributes(pool: &Readers, at: SnapshotId) -> Result<HashMap<i64, String>> {
    let rows: Vec<(i64, String)> = query(
        "select object_id, value from ducklake_tag
         where begin_snapshot <= $1 and (end_snapshot is null or $1 < end_snapshot) and key = $2",
    )
    .bind(at)
    .bind(tag::ATTRIBUTES)
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().collect())
}

/// The raw columns of a live data file with its live delete file.
type FileRow = (i64, String, i64, i64, Option<i64>, Option<i64>, Option<String>, Option<i64>);

/// The live data files of a table at a snapshot, in the order they were added.
pub async fn files(pool: &Readers, table: &TableDef, at: SnapshotId) -> Result<Vec<DataFile>> {
    refuse_inlined(pool, table, at).await?;
    refuse_foreign(pool, table, at).await?;
    let rows: Vec<FileRow> = query(
        "select f.data_file_id, f.path, f.record_count, f.file_size_bytes,
                f.partial_max,
                d.delete_file_id, d.path, d.delete_count
         from ducklake_data_file f
         left join ducklake_delete_file d on d.data_file_id = f.data_file_id
          and d.table_id = f.table_id and d.begin_snapshot <= $2
          and (d.end_snapshot is null or $2 < d.end_snapshot)
         where f.table_id = $1 and f.begin_snapshot <= $2
           and (f.end_snapshot is null or $2 < f.end_snapshot)
         order by f.data_file_id",
    )
    .bind(table.id)
    .bind(at)
    .fetch_all(pool)
    .await?;
    let mut stats = file_stats(pool, table, at).await?;
    let key = |path: String| format!("{}{path}", table.path);
    Ok(rows
        .into_iter()
        .map(|(id, path, rows, bytes, partial_max, delete_id, d_path, d_rows)| {
            let delete = delete_id.zip(d_path).map(|(id, path)| DeleteFile {
                id,
                path: key(path),
                rows: d_rows.unwrap_or(0).max(0) as u64,
            });
            DataFile {
                id,
                path: key(path),
                rows: rows.max(0) as u64,
                bytes: bytes.max(0) as u64,
                partial_max,
                delete,
                stats: stats.remove(&id).unwrap_or_default(),
            }
        })
        .collect())
}

type StatsRow = (i64, i64, Option<i64>, Option<i64>, Option<i64>, Option<String>, Option<String>);

async fn file_stats(
    pool: &Readers,
    table: &TableDef,
    at: SnapshotId,
) -> Result<HashMap<i64, BTreeMap<i64, ColumnStats>>> {
    let rows: Vec<StatsRow> = query(
        "select s.data_file_id, s.column_id, s.column_size_bytes, s.value_count, s.null_count,
                s.min_value, s.max_value
         from ducklake_file_column_stats s join ducklake_data_file f using (data_file_id)
         where s.table_id = $1 and f.begin_snapshot <= $2
           and (f.end_snapshot is null or $2 < f.end_snapshot)",
    )
    .bind(table.id)
    .bind(at)
    .fetch_all(pool)
    .await?;
    let mut stats: HashMap<i64, BTreeMap<i64, ColumnStats>> = HashMap::new();
    for (file, column, bytes, values, nulls, min, max) in rows {
        stats.entry(file).or_default().insert(
            column,
            ColumnStats {
                bytes: bytes.unwrap_or(0),
                values: values.unwrap_or(0),
                nulls: nulls.unwrap_or(0),
                min,
                max,
                unblanked: false,
            },
        );
    }
    let unblanked: Vec<(i64, String)> =
        query("select data_file_id, columns from landfall_unblanked where table_id = $1")
            .bind(table.id)
            .fetch_all(pool)
            .await?;
    for (file, columns) in unblanked {
        let Some(stats) = stats.get_mut(&file) else { continue };
        for column in columns.split(',').filter_map(|c| c.parse().ok()) {
            if let Some(stats) = stats.get_mut(&column) {
                stats.unblanked = true;
            }
        }
    }
    Ok(stats)
}

/// Rows and deletes that DuckDB keeps inside the catalog instead of in files would be silently
/// missed. Landfall's catalogs tell DuckDB to write files; one that says otherwise is refused.
async fn refuse_inlined(pool: &Readers, table: &TableDef, at: SnapshotId) -> Result<()> {
    let rows: Vec<(String,)> =
        query("select table_name from ducklake_inlined_data_tables where table_id = $1")
            .bind(table.id)
            .fetch_all(pool)
            .await?;
    let deletes = format!("ducklake_inlined_delete_{}", table.id);
    let inlined = rows
        .into_iter()
        .map(|(name,)| (name, "(end_snapshot is null or $1 < end_snapshot)"))
        .chain(std::iter::once((deletes, "true")));
    for (name, live) in inlined {
        if !pool.has_table(&name).await? {
            continue;
        }
        // The name comes from the catalog and is quoted; nothing else of the text varies.
        let sql = format!(
            "select count(*) from {} where begin_snapshot <= $1 and {live}",
            text::quoted(&name)
        );
        let (count,): (i64,) = query(sql).bind(at).fetch_one(pool).await?;
        if count > 0 {
            return Err(Error::failed(
                "catalog/inlined",
                format!("{count} changes of {} lie in the catalog, in `{name}`", table.name),
            )
            .hint("in DuckDB: CALL ducklake_flush_inlined_data('NAME'), then attach with DATA_INLINING_ROW_LIMIT 0"));
        }
    }
    Ok(())
}

/// A file that lies elsewhere, or whose columns have no ids, is not Landfall's to read.
async fn refuse_foreign(pool: &Readers, table: &TableDef, at: SnapshotId) -> Result<()> {
    let foreign: Option<(String,)> = query(
        "select path from ducklake_data_file
         where table_id = $1 and begin_snapshot <= $2 and (end_snapshot is null or $2 < end_snapshot)
           and (not path_is_relative or mapping_id is not null or encryption_key is not null)
         limit 1",
    )
    .bind(table.id)
    .bind(at)
    .fetch_optional(pool)
    .await?;
    match foreign {
        None => Ok(()),
        Some((path,)) => Err(Error::failed(
            "catalog/foreign-file",
            format!("{} holds `{path}`, which was added from elsewhere", table.name),
        )
        .hint("in DuckDB, write its rows into the table instead of adding the file")),
    }
}
