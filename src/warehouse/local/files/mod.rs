//! Data files and delete files of the local warehouse: writing, reading, scanning.
//!
//! A file is written once under a new name and never changed. Nothing here knows transactions.

mod by_id;
mod deletes;
mod held;
mod prune;
mod scan;
mod write;

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::execution::object_store::ObjectStoreUrl;
use object_store::ObjectStore;
use parquet::arrow::PARQUET_FIELD_ID_META_KEY;

pub use by_id::ById;
pub use deletes::{read_later_rows, read_positions, write_positions};
pub use held::{HeldRows, RowWriter};
pub use scan::{FileTable, Rows, ScanFile};
pub use write::{FileWriter, WrittenFile};

use super::catalog::ColumnDef;
use crate::types::SqlType;

/// An object store and the URL the engine knows it by.
#[derive(Debug, Clone)]
pub struct Place {
    pub url: ObjectStoreUrl,
    pub store: Arc<dyn ObjectStore>,
}

/// What a statement wrote.
#[derive(Debug, Clone)]
pub enum NewRows {
    File(WrittenFile),
    Held(HeldRows),
}

/// The Arrow type the engine computes a column in: text as views, the rest as stored.
pub fn engine_type(ty: SqlType) -> DataType {
    match ty.arrow() {
        DataType::Utf8 => DataType::Utf8View,
        DataType::Binary => DataType::BinaryView,
        other => other,
    }
}

/// The schema of a table's rows, with DuckLake's column ids as Parquet field ids.
pub fn file_schema(columns: &[ColumnDef]) -> SchemaRef {
    let fields: Vec<Field> = columns
        .iter()
        .map(|c| {
            Field::new(&c.name, engine_type(c.ty), !c.not_null)
                .with_metadata([(PARQUET_FIELD_ID_META_KEY.to_string(), c.id.to_string())].into())
        })
        .collect();
    Arc::new(Schema::new(fields))
}
