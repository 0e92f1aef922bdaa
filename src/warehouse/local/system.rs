//! The system views that pipelines read: what schemas, tables and columns there are. Every other
//! name of the system is unknown here.
//!
//! Source: r_PG_TABLE_DEF, r_SVV_TABLES, r_SVV_COLUMNS, r_SVV_ALL_TABLES, r_SVV_ALL_COLUMNS,
//! r_SVV_ALL_SCHEMAS; those of external tables and materialized views are `system_objects`'.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, new_empty_array};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::TableProvider;
use datafusion::common::ScalarValue;
use datafusion::datasource::MemTable;

use crate::dialect::{CATALOG, ObjectRef, TEMPORARY};
use crate::error::Result;
use crate::tables::TableName;
use crate::types::SqlType;

use super::catalog::{ColumnDef, TableDef};
use super::engine::{Local, engine_error};
use super::show::text;
use super::transaction::{PUBLIC, Transaction};
use super::words::Words;
use super::{materialized, statement, system_objects};

/// Rows of a system view.
pub struct Relation {
    pub columns: &'static [(&'static str, DataType)],
    pub rows: Vec<Vec<ScalarValue>>,
}

impl Relation {
    /// Keeps the rows whose text in a column passes.
    pub fn keep(&mut self, column: usize, passes: impl Fn(&str) -> bool) {
        self.rows.retain(|row| match row.get(column) {
            Some(ScalarValue::Utf8View(Some(value))) => passes(value),
            _ => false,
        });
    }

    pub fn batch(&self) -> Result<RecordBatch> {
        let fields: Vec<Field> =
            self.columns.iter().map(|(name, ty)| Field::new(*name, ty.clone(), true)).collect();
        let arrays = self
            .columns
            .iter()
            .enumerate()
            .map(|(index, (_, ty))| {
                if self.rows.is_empty() {
                    return Ok(new_empty_array(ty));
                }
                let null = ScalarValue::try_from(ty)?;
                let values =
                    self.rows.iter().map(|row| row.get(index).cloned().unwrap_or(null.clone()));
                ScalarValue::iter_to_array(values)
            })
            .collect::<datafusion::error::Result<Vec<ArrayRef>>>()
            .map_err(engine_error)?;
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
            .map_err(|e| engine_error(e.into()))
    }
}

pub const TEXT: DataType = DataType::Utf8View;
pub const INT: DataType = DataType::Int32;

/// The views there are in `pg_catalog`, which is searched without being named.
const VIEWS: &[&str] = &[
    "pg_table_def",
    "pg_tables",
    "pg_views",
    "stv_mv_info",
    "svv_all_columns",
    "svv_all_schemas",
    "svv_all_tables",
    "svv_columns",
    "svv_external_partitions",
    "svv_external_schemas",
    "svv_external_tables",
    "svv_redshift_columns",
    "svv_redshift_schemas",
    "svv_redshift_tables",
    "svv_tables",
];

/// True for a system view that has rows here.
pub fn has(name: &ObjectRef) -> bool {
    match name.schema.as_deref() {
        None | Some("pg_catalog") => VIEWS.contains(&name.table.as_str()),
        Some("information_schema") => ["tables", "columns"].contains(&name.table.as_str()),
        _ => false,
    }
}

/// The system view of a name, if it is one.
pub async fn provider(
    local: &Local,
    txn: &mut Transaction,
    name: &ObjectRef,
) -> Result<Option<Arc<dyn TableProvider>>> {
    if !has(name) {
        return Ok(None);
    }
    let schema = name.schema.as_deref();
    let relation = match (schema, name.table.as_str()) {
        (None | Some("pg_catalog"), "pg_table_def") => table_def(txn),
        (None | Some("pg_catalog"), "svv_tables") => tables(txn, true),
        (Some("information_schema"), "tables") => tables(txn, false),
        (None | Some("pg_catalog"), "svv_columns") => columns(local, txn, true).await?,
        (Some("information_schema"), "columns") => columns(local, txn, false).await?,
        (None | Some("pg_catalog"), "svv_all_tables" | "svv_redshift_tables") => all_tables(txn),
        (None | Some("pg_catalog"), "svv_all_columns" | "svv_redshift_columns") => {
            all_columns(local, txn).await?
        }
        (None | Some("pg_catalog"), "svv_all_schemas" | "svv_redshift_schemas") => schemas(txn),
        (None | Some("pg_catalog"), "pg_views") => views(txn),
        (None | Some("pg_catalog"), "pg_tables") => pg_tables(txn),
        (None | Some("pg_catalog"), "svv_external_schemas") => {
            system_objects::external_schemas(txn)
        }
        (None | Some("pg_catalog"), "svv_external_tables") => system_objects::external_tables(txn),
        (None | Some("pg_catalog"), "svv_external_partitions") => {
            system_objects::external_partitions(txn)
        }
        (None | Some("pg_catalog"), "stv_mv_info") => system_objects::materialized_views(txn),
        _ => return Ok(None),
    };
    let batch = relation.batch()?;
    let table = MemTable::try_new(batch.schema(), vec![vec![batch]]).map_err(engine_error)?;
    Ok(Some(Arc::new(table)))
}

/// A type in the words of the catalog.
pub fn spelled(ty: SqlType) -> String {
    match ty {
        SqlType::Varchar(n) => format!("character varying({n})"),
        SqlType::Char(n) => format!("character({n})"),
        SqlType::Decimal { precision, scale } => format!("numeric({precision},{scale})"),
        SqlType::Varbyte(n) => format!("binary varying({n})"),
        other => bare(other).to_owned(),
    }
}

/// The same without lengths.
pub fn bare(ty: SqlType) -> &'static str {
    match ty {
        SqlType::Boolean => "boolean",
        SqlType::SmallInt => "smallint",
        SqlType::Integer => "integer",
        SqlType::BigInt => "bigint",
        SqlType::Real => "real",
        SqlType::Double => "double precision",
        SqlType::Decimal { .. } => "numeric",
        SqlType::Char(_) => "character",
        SqlType::Varchar(_) => "character varying",
        SqlType::Date => "date",
        SqlType::Timestamp => "timestamp without time zone",
        SqlType::TimestampTz => "timestamp with time zone",
        SqlType::Time => "time without time zone",
        SqlType::Varbyte(_) => "binary varying",
    }
}

pub fn number(value: Option<u32>) -> ScalarValue {
    ScalarValue::Int32(value.and_then(|v| i32::try_from(v).ok()))
}

fn boolean(value: bool) -> ScalarValue {
    ScalarValue::Boolean(Some(value))
}

/// Only tables of the search path are shown (r_PG_TABLE_DEF).
fn table_def(txn: &Transaction) -> Relation {
    let path = txn.settings.path().unwrap_or_else(|| vec![PUBLIC.to_owned()]);
    let mut rows = Vec::new();
    for (name, table) in &txn.temporary() {
        rows.extend(definition_rows(TEMPORARY, name, &table.def));
    }
    for (name, def) in &txn.shape().tables {
        if path.contains(&name.schema) {
            rows.extend(definition_rows(&name.schema, &name.table, def));
        }
    }
    const COLUMNS: &[(&str, DataType)] = &[
        ("schemaname", TEXT),
        ("tablename", TEXT),
        ("column", TEXT),
        ("type", TEXT),
        ("encoding", TEXT),
        ("distkey", DataType::Boolean),
        ("sortkey", INT),
        ("notnull", DataType::Boolean),
    ];
    Relation { columns: COLUMNS, rows }
}

fn definition_rows(schema: &str, name: &str, def: &TableDef) -> Vec<Vec<ScalarValue>> {
    let words = Words::of(def);
    let (dist, sort) = (words.distkey(), words.sortkey());
    let row = |column: &ColumnDef| {
        let place = sort.iter().position(|c| *c == column.name);
        vec![
            text(schema),
            text(name),
            text(&*column.name),
            text(spelled(column.ty)),
            text(column.encode.clone().unwrap_or_else(|| "none".into())),
            boolean(dist == Some(column.name.as_str())),
            number(Some(place.map_or(0, |p| p as u32 + 1))),
            boolean(column.not_null),
        ]
    };
    def.columns.iter().map(row).collect()
}

/// Every table and view with its kind.
fn relations(txn: &Transaction) -> Vec<(TableName, &'static str)> {
    let shape = txn.shape();
    // a materialized view is told as a view, whatever keeps its rows
    let tables = shape.tables.iter().map(|(name, def)| match def.materialized() {
        Some(_) => (name.clone(), "VIEW"),
        None => (name.clone(), "BASE TABLE"),
    });
    let views = shape.views.keys().map(|name| (name.clone(), "VIEW"));
    let mut all: Vec<_> = tables.chain(views).collect();
    all.sort();
    all
}

/// External tables are not in the information schema (r_CREATE_EXTERNAL_TABLE_usage).
fn tables(txn: &Transaction, with_external: bool) -> Relation {
    let external = txn.shape().externals.keys().filter(|_| with_external);
    let external = external.map(|name| (name.clone(), "EXTERNAL TABLE"));
    let rows = relations(txn)
        .into_iter()
        .chain(external)
        .map(|(name, kind)| {
            vec![
                text(CATALOG),
                text(name.schema),
                text(name.table),
                text(kind),
                ScalarValue::Utf8View(None),
            ]
        })
        .collect();
    const COLUMNS: &[(&str, DataType)] = &[
        ("table_catalog", TEXT),
        ("table_schema", TEXT),
        ("table_name", TEXT),
        ("table_type", TEXT),
        ("remarks", TEXT),
    ];
    Relation { columns: COLUMNS, rows }
}

/// One column of a table or view.
struct Known {
    name: TableName,
    column: String,
    place: u32,
    default: Option<String>,
    nullable: bool,
    ty: SqlType,
}

async fn known_columns(local: &Local, txn: &mut Transaction) -> Result<Vec<Known>> {
    let mut all = Vec::new();
    for (name, def) in &txn.shape().tables {
        for (place, column) in (1..).zip(&def.columns) {
            all.push(Known {
                name: name.clone(),
                column: column.name.clone(),
                place,
                default: column.default.clone(),
                nullable: !column.not_null,
                ty: column.ty,
            });
        }
    }
    for (name, external) in &txn.shape().externals {
        let columns = external.columns.iter().chain(&external.partitioned_by);
        for (place, (column, ty)) in (1..).zip(columns) {
            let (name, column) = (name.clone(), column.clone());
            let ty = SqlType::parse(ty)?;
            all.push(Known { name, column, place, default: None, nullable: true, ty });
        }
    }
    let views: Vec<TableName> = txn.shape().views.keys().cloned().collect();
    for name in views {
        // A view that cannot be planned has no columns to tell of.
        let columns = Box::pin(statement::view_schema(local, txn, &name)).await;
        for (place, column) in (1..).zip(columns.unwrap_or_default()) {
            all.push(Known {
                name: name.clone(),
                column: column.name,
                place,
                default: None,
                nullable: true,
                ty: column.ty,
            });
        }
    }
    all.sort_by(|a, b| (&a.name, a.place).cmp(&(&b.name, b.place)));
    Ok(all)
}

impl Known {
    /// Length of a text, precision and scale of a number.
    fn measures(&self) -> [ScalarValue; 3] {
        let (length, precision, scale) = match self.ty {
            SqlType::Varchar(n) | SqlType::Char(n) | SqlType::Varbyte(n) => (Some(n), None, None),
            SqlType::Decimal { precision, scale } => {
                (None, Some(u32::from(precision)), u32::try_from(scale).ok())
            }
            SqlType::SmallInt => (None, Some(16), Some(0)),
            SqlType::Integer => (None, Some(32), Some(0)),
            SqlType::BigInt => (None, Some(64), Some(0)),
            SqlType::Real => (None, Some(24), None),
            SqlType::Double => (None, Some(53), None),
            _ => (None, None, None),
        };
        [number(length), number(precision), number(scale)]
    }

    fn row(&self) -> Vec<ScalarValue> {
        let mut row = vec![
            text(CATALOG),
            text(&*self.name.schema),
            text(&*self.name.table),
            text(&*self.column),
            number(Some(self.place)),
            ScalarValue::Utf8View(self.default.clone()),
            text(if self.nullable { "YES" } else { "NO" }),
            text(bare(self.ty)),
        ];
        row.extend(self.measures());
        row
    }
}

/// The columns of a relation that describes columns, which name the database and the schema in
/// their own ways.
const fn of_columns(
    database: &'static str,
    schema: &'static str,
) -> [(&'static str, DataType); 12] {
    [
        (database, TEXT),
        (schema, TEXT),
        ("table_name", TEXT),
        ("column_name", TEXT),
        ("ordinal_position", INT),
        ("column_default", TEXT),
        ("is_nullable", TEXT),
        ("data_type", TEXT),
        ("character_maximum_length", INT),
        ("numeric_precision", INT),
        ("numeric_scale", INT),
        ("remarks", TEXT),
    ]
}

async fn columns(local: &Local, txn: &mut Transaction, with_external: bool) -> Result<Relation> {
    let mut known = known_columns(local, txn).await?;
    known.retain(|column| with_external || !txn.shape().externals.contains_key(&column.name));
    let rows = known.iter().map(Known::row).collect();
    Ok(Relation { columns: const { &of_columns("table_catalog", "table_schema") }, rows })
}

/// SVV_ALL_COLUMNS, and what SHOW COLUMNS lists.
pub async fn all_columns(local: &Local, txn: &mut Transaction) -> Result<Relation> {
    let rows = known_columns(local, txn).await?.iter().map(Known::row).collect();
    Ok(Relation { columns: const { &of_columns("database_name", "schema_name") }, rows })
}

/// SVV_ALL_TABLES, and what SHOW TABLES lists.
pub fn all_tables(txn: &Transaction) -> Relation {
    let external = txn.shape().externals.keys().map(|name| (name.clone(), "EXTERNAL TABLE"));
    let rows = relations(txn)
        .into_iter()
        .chain(external)
        .map(|(name, kind)| {
            let kind = if kind == "BASE TABLE" { "TABLE" } else { kind };
            vec![text(CATALOG), text(name.schema), text(name.table), text(kind)]
        })
        .collect();
    const COLUMNS: &[(&str, DataType)] = &[
        ("database_name", TEXT),
        ("schema_name", TEXT),
        ("table_name", TEXT),
        ("table_type", TEXT),
        ("table_acl", TEXT),
        ("remarks", TEXT),
    ];
    Relation { columns: COLUMNS, rows }
}

/// SVV_ALL_SCHEMAS, and what SHOW SCHEMAS lists.
pub fn schemas(txn: &Transaction) -> Relation {
    let shape = txn.shape();
    let mut names: Vec<&str> = shape.schemas.keys().map(String::as_str).collect();
    if !names.contains(&PUBLIC) {
        names.push(PUBLIC);
    }
    // DuckLake's own first schema is none of Redshift's
    names.retain(|name| *name != "main" || shape.tables.keys().any(|t| t.schema == "main"));
    names.sort_unstable();
    let rows = names
        .into_iter()
        .map(|name| {
            let external = shape.external_schemas.contains_key(name);
            vec![
                text(CATALOG),
                text(name),
                number(Some(100)),
                text(if external { "external" } else { "local" }),
            ]
        })
        .collect();
    const COLUMNS: &[(&str, DataType)] = &[
        ("database_name", TEXT),
        ("schema_name", TEXT),
        ("schema_owner", INT),
        ("schema_type", TEXT),
        ("schema_acl", TEXT),
        ("source_database", TEXT),
        ("schema_option", TEXT),
    ];
    Relation { columns: COLUMNS, rows }
}

fn views(txn: &Transaction) -> Relation {
    let one = |(name, view): (&TableName, &Arc<super::catalog::ViewDef>)| {
        vec![text(&*name.schema), text(&*name.table), text("landfall"), text(&*view.sql)]
    };
    const COLUMNS: &[(&str, DataType)] =
        &[("schemaname", TEXT), ("viewname", TEXT), ("viewowner", TEXT), ("definition", TEXT)];
    let mut rows: Vec<_> = txn.shape().views.iter().map(one).collect();
    for def in txn.shape().tables.values() {
        if let Some(query) = def.materialized() {
            let definition = materialized::made_by(def, query);
            let (schema, name) = (text(&*def.name.schema), text(&*def.name.table));
            rows.push(vec![schema, name, text("landfall"), text(definition)]);
        }
    }
    Relation { columns: COLUMNS, rows }
}

fn pg_tables(txn: &Transaction) -> Relation {
    let one = |name: &TableName| vec![text(&*name.schema), text(&*name.table), text("landfall")];
    const COLUMNS: &[(&str, DataType)] =
        &[("schemaname", TEXT), ("tablename", TEXT), ("tableowner", TEXT)];
    let tables = txn.shape().tables.values().filter(|def| def.materialized().is_none());
    Relation { columns: COLUMNS, rows: tables.map(|def| one(&def.name)).collect() }
}
