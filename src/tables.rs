//! Table specs: the metadata of each extract, written once in `landfall.toml`. Pure.
//!
//! From a spec come the extract query, the landing partition, the DDL of landing and store,
//! and the merge. Nothing about a table is written twice.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};

use crate::error::Place;
use crate::sql::quote_identifier;
use crate::task::TaskName;
use crate::types::SqlType;

/// The partition column of every landing table; it is in the path, never inside the files.
pub const SEQUENCE_COLUMN: &str = "execution_sequence";
/// Columns Landfall adds to every store table.
pub const ETL_CREATED: &str = "etl_created_datetime";
pub const ETL_UPDATED: &str = "etl_updated_datetime";

/// `schema.table`, both lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName {
    pub schema: String,
    pub table: String,
}

impl TableName {
    /// Folds both parts to lower case, as Redshift does even with quoted names.
    pub fn new(schema: &str, table: &str) -> TableName {
        TableName { schema: schema.to_ascii_lowercase(), table: table.to_ascii_lowercase() }
    }

    /// Reads `schema.table`.
    pub fn parse(text: &str) -> Option<TableName> {
        let (schema, table) = text.split_once('.')?;
        (!schema.is_empty() && !table.is_empty() && !table.contains('.'))
            .then(|| TableName::new(schema, table))
    }

    /// The name as a text that is parsed again has it.
    pub fn quoted(&self) -> String {
        format!("{}.{}", quote_identifier(&self.schema), quote_identifier(&self.table))
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.table)
    }
}

/// One column of an extract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnSpec {
    /// The name in landing and store: lower snake case.
    pub name: String,
    /// The name in the source, when it differs.
    pub source_name: Option<String>,
    pub ty: SqlType,
    pub not_null: bool,
}

impl ColumnSpec {
    /// The column's name in the source.
    pub fn in_source(&self) -> &str {
        self.source_name.as_deref().unwrap_or(&self.name)
    }
}

/// How much of a table each sequence reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extract {
    /// Every row, every time.
    Full,
    /// The rows whose watermark lies in the window.
    Incremental {
        watermark: String,
        /// Seconds re-read before the window's start, for clocks that lie (rule W7).
        lookback_seconds: u32,
    },
}

/// The metadata of one extract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSpec {
    /// Name of the source, `mysql` or `weblog`: the second part of the task names.
    pub source: String,
    /// Name of the table in task names and paths.
    pub name: String,
    /// The table or view in the source, perhaps `schema.table`; unused by logs.
    pub from: String,
    pub columns: Vec<ColumnSpec>,
    /// A condition in the source's own SQL.
    pub filter: Option<String>,
    pub extract: Extract,
    pub landing: TableName,
    pub store: TableName,
    /// Columns that name one row; never empty for a store table.
    pub key: Vec<String>,
    /// The column whose newer value wins among versions of one key.
    pub version: Option<String>,
    /// Where `landfall.toml` declares it.
    pub place: Place,
}

impl TableSpec {
    pub fn land_task(&self) -> TaskName {
        TaskName::land(&self.source, &self.name)
    }

    pub fn store_task(&self) -> TaskName {
        TaskName::store(&self.source, &self.name)
    }

    pub fn column(&self, name: &str) -> Option<&ColumnSpec> {
        self.columns.iter().find(|c| c.name == name)
    }

    pub fn watermark(&self) -> Option<&str> {
        match &self.extract {
            Extract::Full => None,
            Extract::Incremental { watermark, .. } => Some(watermark),
        }
    }

    /// The schema of extracted batches and landing files: the declared columns, in order.
    pub fn landing_schema(&self) -> SchemaRef {
        let fields: Vec<Field> = self
            .columns
            .iter()
            .map(|c| Field::new(&c.name, c.ty.arrow(), !c.not_null && !self.key.contains(&c.name)))
            .collect();
        Arc::new(Schema::new(fields))
    }
}
