//! System views of external tables and of materialized views. It reads the shape of a transaction and
//! no file.
//!
//! Source: r_STV_MV_INFO, r_SVV_EXTERNAL_SCHEMAS, r_SVV_EXTERNAL_TABLES, r_SVV_EXTERNAL_PARTITIONS.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;

use crate::dialect::CATALOG;

use super::show::text;
use super::system::{INT, Relation, TEXT, number};
use super::transaction::Transaction;

/// Nothing is refreshed by itself or by increments here: the state of each is 0. Whether what it
/// stands on has changed since is not kept.
pub fn materialized_views(txn: &Transaction) -> Relation {
    let flag = |yes: bool| text(if yes { "t" } else { "f" });
    let rows = txn
        .shape()
        .tables
        .values()
        .filter(|def| def.materialized().is_some())
        .map(|def| {
            vec![
                text(CATALOG),
                text(&*def.name.schema),
                text(&*def.name.table),
                ScalarValue::Int64(None),
                ScalarValue::Utf8View(None),
                text("landfall"),
                number(Some(0)),
                flag(def.words().contains("auto refresh yes")),
                flag(false),
            ]
        })
        .collect();
    const COLUMNS: &[(&str, DataType)] = &[
        ("db_name", TEXT),
        ("schema", TEXT),
        ("name", TEXT),
        ("updated_upto_xid", DataType::Int64),
        ("is_stale", TEXT),
        ("owner_user_name", TEXT),
        ("state", INT),
        ("autorefresh", TEXT),
        ("autorewrite", TEXT),
    ];
    Relation { columns: COLUMNS, rows }
}

pub fn external_schemas(txn: &Transaction) -> Relation {
    let one = |(name, database): (&String, &String)| vec![text(&**name), text(&**database)];
    const COLUMNS: &[(&str, DataType)] = &[("schemaname", TEXT), ("databasename", TEXT)];
    Relation { columns: COLUMNS, rows: txn.shape().external_schemas.iter().map(one).collect() }
}

pub fn external_tables(txn: &Transaction) -> Relation {
    let rows = txn
        .shape()
        .externals
        .iter()
        .map(|(name, table)| vec![text(&*name.schema), text(&*name.table), text(&*table.location)])
        .collect();
    const COLUMNS: &[(&str, DataType)] =
        &[("schemaname", TEXT), ("tablename", TEXT), ("location", TEXT)];
    Relation { columns: COLUMNS, rows }
}

pub fn external_partitions(txn: &Transaction) -> Relation {
    let mut rows = Vec::new();
    for (name, table) in &txn.shape().externals {
        for partition in &table.partitions {
            let values = serde_json::to_string(&partition.values).unwrap_or_default();
            rows.push(vec![
                text(&*name.schema),
                text(&*name.table),
                text(values),
                text(&*partition.location),
            ]);
        }
    }
    const COLUMNS: &[(&str, DataType)] =
        &[("schemaname", TEXT), ("tablename", TEXT), ("values", TEXT), ("location", TEXT)];
    Relation { columns: COLUMNS, rows }
}
