//! External schemas and tables as the catalog keeps them: a text of ours beside DuckLake's tables,
//! which other readers do not see. It opens no file of theirs.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::state::{Readers, query};
use crate::tables::TableName;

use super::{Shape, SnapshotId};

pub const CREATE: &str = "create table if not exists landfall_external(schema_name VARCHAR, table_name VARCHAR, begin_snapshot BIGINT, end_snapshot BIGINT, definition VARCHAR)";

/// An external table as its DDL has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct External {
    /// Name and type, as written in the types' own words.
    pub columns: Vec<(String, String)>,
    pub partitioned_by: Vec<(String, String)>,
    /// `parquet`, `text`, `csv` or `json`.
    pub format: String,
    pub location: String,
    pub properties: Vec<(String, String)>,
    pub partitions: Vec<ExternalPartition>,
}

/// A partition that was added: the text of its values, in the order of the partition columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalPartition {
    pub values: Vec<String>,
    pub location: String,
}

impl External {
    pub fn property(&self, key: &str) -> Option<&str> {
        let found = self.properties.iter().rev().find(|(k, _)| k.eq_ignore_ascii_case(key));
        found.map(|(_, value)| value.as_str())
    }
}

/// Reads them into a shape. A schema has no table name, and the name of its database as text.
pub async fn read(pool: &Readers, at: SnapshotId, shape: &mut Shape) -> Result<()> {
    let rows: Vec<(String, String, String)> = query(
        "select schema_name, table_name, definition from landfall_external
         where begin_snapshot <= $1 and (end_snapshot is null or $1 < end_snapshot)",
    )
    .bind(at)
    .fetch_all(pool)
    .await?;
    for (schema, table, definition) in rows {
        if table.is_empty() {
            shape.external_schemas.insert(schema, definition);
            continue;
        }
        let name = TableName { schema, table };
        match serde_json::from_str(&definition) {
            Ok(external) => {
                shape.externals.insert(name, std::sync::Arc::new(external));
            }
            Err(reason) => {
                shape.unreadable.insert(name, reason.to_string());
            }
        }
    }
    Ok(())
}
