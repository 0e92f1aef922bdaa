//! Parquet files of others: which of their types Redshift reads into which of its own, and their
//! rows by the position of the columns. It reads no text.
//!
//! Source: copy-usage_notes-copy-from-columnar: as many columns in the file as are named, in their
//! order; c-spectrum-troubleshooting: the types must match, or the scan fails.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::{
    DefaultParquetFileReaderFactory, ParquetFileReaderFactory,
};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectMeta;
use parquet::arrow::ParquetRecordBatchStreamBuilder;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::basic::Type as Physical;

use crate::dialect::type_name;
use crate::error::{Error, Result};
use crate::types::SqlType;

use super::schema_of;
use super::text::{Target, outer};
use crate::warehouse::local::engine::engine_error;
use crate::warehouse::local::outside::Location;

/// A file that has been opened: its footer is read.
pub type Opened = ParquetRecordBatchStreamBuilder<Box<dyn AsyncFileReader>>;

pub async fn open(location: &Location, meta: &ObjectMeta) -> Result<Opened> {
    let file = PartitionedFile::new_from_meta(meta.clone());
    let reader: Box<dyn AsyncFileReader> =
        DefaultParquetFileReaderFactory::new(Arc::clone(&location.place.store))
            .create_reader(0, file, None, &ExecutionPlanMetricsSet::new())
            .map_err(engine_error)?;
    ParquetRecordBatchStreamBuilder::new(reader).await.map_err(|cause| {
        Error::failed(
            "sql/parquet-type",
            format!("`{}` is not a Parquet file", location.shown(meta.location.as_ref())),
        )
        .because(cause)
    })
}

/// Refuses a column of a file that Redshift could not read as a column of this type.
pub fn check(opened: &Opened, index: usize, target: &Target, shown: &str) -> Result<()> {
    let Some(field) = opened.schema().fields().get(index) else { return Ok(()) };
    let physical = opened
        .parquet_schema()
        .columns()
        .iter()
        .find(|c| c.path().parts().first() == Some(field.name()))
        .map(|c| c.physical_type());
    if fits(target.ty, field.data_type(), physical) {
        return Ok(());
    }
    Err(Error::failed(
        "sql/parquet-type",
        format!(
            "file '{shown}' has an incompatible Parquet schema for column '{}': column type {}, \
             in the file {}",
            target.name,
            target.ty,
            type_name(field.data_type())
        ),
    )
    .hint("declare the column as the file has it (c-spectrum-troubleshooting)"))
}

fn fits(ty: SqlType, file: &DataType, physical: Option<Physical>) -> bool {
    use DataType as D;
    match (ty, file) {
        (_, D::Dictionary(_, value)) => fits(ty, value, physical),
        (SqlType::Boolean, D::Boolean)
        | (SqlType::SmallInt, D::Int8 | D::Int16 | D::UInt8)
        | (SqlType::Integer, D::Int8 | D::Int16 | D::Int32 | D::UInt8 | D::UInt16)
        | (SqlType::BigInt, D::Int64)
        | (SqlType::Real, D::Float32)
        | (SqlType::Double, D::Float64)
        | (SqlType::Char(_) | SqlType::Varchar(_), D::Utf8 | D::LargeUtf8 | D::Utf8View)
        | (
            SqlType::Char(_) | SqlType::Varchar(_) | SqlType::Varbyte(_),
            D::Binary | D::LargeBinary | D::BinaryView,
        )
        | (SqlType::Date, D::Date32)
        | (SqlType::Time, D::Time64(_)) => true,
        (SqlType::Decimal { precision, scale }, D::Decimal128(p, s) | D::Decimal32(p, s)) => {
            (precision, scale) == (*p, *s)
        }
        (SqlType::Decimal { precision, scale }, D::Decimal64(p, s)) => {
            (precision, scale) == (*p, *s)
        }
        // Nanoseconds are read as microseconds there, and give years far off, but for INT96.
        (SqlType::Timestamp | SqlType::TimestampTz, D::Timestamp(TimeUnit::Nanosecond, _)) => {
            physical == Some(Physical::INT96)
        }
        (SqlType::Timestamp | SqlType::TimestampTz, D::Timestamp(..)) => true,
        _ => false,
    }
}

/// The rows of files, their columns by position under the names of the targets.
pub fn by_position(
    files: Vec<(Location, ObjectMeta)>,
    targets: Vec<Target>,
) -> SendableRecordBatchStream {
    let schema = schema_of(&targets);
    let targets = Arc::new(targets);
    let inner = Arc::clone(&schema);
    let rows = stream::iter(files)
        .then(move |(location, meta)| {
            let (targets, schema) = (Arc::clone(&targets), Arc::clone(&inner));
            async move { rows_of(&location, &meta, &targets, schema).await.map_err(outer) }
        })
        .try_flatten();
    Box::pin(RecordBatchStreamAdapter::new(schema, rows))
}

async fn rows_of(
    location: &Location,
    meta: &ObjectMeta,
    targets: &[Target],
    schema: SchemaRef,
) -> Result<SendableRecordBatchStream> {
    let opened = open(location, meta).await?;
    let shown = location.shown(meta.location.as_ref());
    let columns = opened.schema().fields().len();
    if columns != targets.len() {
        return Err(Error::failed(
            "sql/columns",
            format!(
                "unmatched number of columns between table and file '{shown}': {} in the table, \
                 {columns} in the file",
                targets.len()
            ),
        )
        .hint("name the columns of the file in its order: COPY t (a, b) FROM ..."));
    }
    for (index, target) in targets.iter().enumerate() {
        check(&opened, index, target, &shown)?;
    }
    let batches = opened.build().map_err(|cause| cannot_read(&shown, cause))?;
    let out = Arc::clone(&schema);
    let rows = batches.map(move |batch| {
        let batch = batch.map_err(|cause| outer(cannot_read(&shown, cause)))?;
        let columns = batch
            .columns()
            .iter()
            .zip(out.fields())
            .map(|(column, field)| cast(column, field.data_type()))
            .collect::<arrow::error::Result<_>>()
            .map_err(|cause| outer(cannot_read(&shown, cause)))?;
        Ok(RecordBatch::try_new(Arc::clone(&out), columns)?)
    });
    Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
}

fn cannot_read(shown: &str, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::failed("storage/read", format!("cannot read `{shown}`")).because(cause)
}
