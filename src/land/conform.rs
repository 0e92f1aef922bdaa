//! Batches as the spec declares them, or an error that names the column. It changes no value.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::error::{Error, Result};

/// Checks a batch against the landing schema: the same columns in the same order, the declared
/// types, no NULL where none is allowed. Dictionaries of a declared text type pass as they are;
/// the other Arrow spellings of text and bytes are turned into the plain one.
pub(super) fn conform(schema: &SchemaRef, batch: RecordBatch) -> Result<RecordBatch> {
    if batch.num_columns() != schema.fields().len() {
        return Err(bad(format!(
            "a batch has {} columns, expected {}",
            batch.num_columns(),
            schema.fields().len()
        )));
    }
    let mut fields = Vec::with_capacity(batch.num_columns());
    let mut columns = Vec::with_capacity(batch.num_columns());
    for (index, want) in schema.fields().iter().enumerate() {
        let have = batch.schema_ref().field(index).name();
        if have != want.name() {
            return Err(bad(format!(
                "column {} is `{have}`, expected `{}`",
                index + 1,
                want.name()
            )));
        }
        let column = conform_column(want, batch.column(index))?;
        fields.push(Field::new(want.name(), column.data_type().clone(), want.is_nullable()));
        columns.push(column);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
        .map_err(|e| bad("a batch does not fit the spec").because(e))
}

fn conform_column(want: &Field, column: &ArrayRef) -> Result<ArrayRef> {
    let column = match (want.data_type(), column.data_type()) {
        (want, have) if want == have => Arc::clone(column),
        (DataType::Utf8, DataType::Dictionary(_, value)) if **value == DataType::Utf8 => {
            Arc::clone(column)
        }
        (want, have) if same_values(want, have) => cast(column, want)
            .map_err(|e| bad(format!("cannot read a column of type {have}")).because(e))?,
        (expected, have) => {
            return Err(bad(format!(
                "column `{}` came as {have}, expected {expected}",
                want.name()
            )));
        }
    };
    // `logical`: a dictionary's key can be set and the value it points to be NULL.
    let nulls = column.logical_null_count();
    if nulls > 0 && !want.is_nullable() {
        return Err(bad(format!(
            "column `{}` is declared not null but has {nulls} NULLs in one batch",
            want.name()
        )));
    }
    Ok(column)
}

/// True for two Arrow types that hold the same values, so that a cast cannot change one.
fn same_values(want: &DataType, have: &DataType) -> bool {
    match (want, have) {
        (want, DataType::Dictionary(_, value)) => {
            want == value.as_ref() || same_values(want, value)
        }
        (DataType::Utf8, DataType::LargeUtf8 | DataType::Utf8View) => true,
        (DataType::Binary, DataType::LargeBinary | DataType::BinaryView) => true,
        _ => false,
    }
}

fn bad(message: impl Into<String>) -> Error {
    Error::failed("land/schema", message)
}
