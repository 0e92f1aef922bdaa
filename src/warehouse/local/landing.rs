//! Landing tables as the engine reads them: the partitions the records name, and no other file.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::ScalarValue;

use crate::error::Result;
use crate::records;
use crate::state::State;
use crate::tables::{SEQUENCE_COLUMN, TableName, TableSpec};

use super::files::{FileTable, Place, Rows, ScanFile, engine_type};

/// The scan of a landing table: its declared columns, then `execution_sequence`.
pub async fn table(state: &State, place: &Place, spec: &TableSpec) -> Result<FileTable> {
    let partitions = records::landing_files(state.readers(), &spec.landing).await?;
    let files = partitions
        .into_iter()
        .flat_map(|partition| {
            let sequence = ScalarValue::Int64(i64::try_from(partition.sequence.0).ok());
            partition.files.into_iter().map(move |file| ScanFile {
                source: Rows::File { path: file.path, bytes: file.bytes },
                rows: file.rows,
                modified: None,
                deleted: None,
                only: None,
                stats: Vec::new(),
                partition: vec![sequence.clone()],
            })
        })
        .collect();
    let fields: Vec<Field> =
        spec.columns.iter().map(|c| Field::new(&c.name, engine_type(c.ty), true)).collect();
    let sequence = Field::new(SEQUENCE_COLUMN, DataType::Int64, false);
    Ok(FileTable::new(place.clone(), Arc::new(Schema::new(fields)), vec![sequence], files))
}

/// The spec behind a landing table's name.
pub fn spec<'a>(specs: &'a [TableSpec], name: &TableName) -> Option<&'a TableSpec> {
    specs.iter().find(|spec| spec.landing == *name)
}
