//! One Parquet file on its way to the object store. It knows neither tables nor runs.
//!
//! What Redshift Spectrum needs of a file (its guide, c-spectrum-data-files and the type rules of
//! CREATE EXTERNAL TABLE) is decided here and nowhere else:
//! - data pages of format 1.0, PLAIN and dictionary encodings; nothing documents the newer ones;
//! - the schema without Arrow's own metadata, which other readers would have to ignore;
//! - timestamps in microseconds (nanoseconds are read as wrong years, without an error);
//! - decimals in the smallest physical type, as [`DECIMALS`] says.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use object_store::ObjectStore;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::arrow::async_writer::AsyncArrowWriter;
use parquet::basic::{LogicalType, Type as PhysicalType};
use parquet::errors::ParquetError;
use parquet::schema::types::{SchemaDescriptor, Type as ParquetType};

use super::LandedFile;
use crate::error::{Error, Result};
use crate::pages;
use crate::storage;

/// Most rows of a row group. It is DuckDB's own, and small enough that one group of a narrow
/// table is a few megabytes, the unit in which engines split and skip.
pub const ROW_GROUP_ROWS: usize = 122_880;

/// Most encoded bytes of a row group, for wide rows. Spectrum asks for at most 128 MB; half of it
/// keeps several tables landing at once within the memory of a laptop.
pub const ROW_GROUP_BYTES: usize = 64 * 1024 * 1024;

/// Encoded bytes after which the next batch opens a new file. Spectrum asks for files of 64 MB to
/// 1 GB of like size.
pub const LANDING_FILE_BYTES: u64 = 256 * 1024 * 1024;

/// Bytes of one part of a multipart upload: S3 takes no part under 5 MiB, and 10,000 parts of
/// this size hold any file that [`LANDING_FILE_BYTES`] allows. A smaller file is one put.
const UPLOAD_PART_BYTES: usize = 8 * 1024 * 1024;

/// Parts under way at once: one is written while the next fills.
const UPLOADS_AT_ONCE: usize = 2;

/// How decimals are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decimals {
    /// INT32 up to 9 digits, INT64 up to 18, then fixed-length bytes: the Parquet specification's
    /// first choice, and what the Iceberg and Delta files have that Redshift reads.
    Integers,
    /// Fixed-length bytes of the smallest length that holds the precision, at any precision: what
    /// Spectrum's own error texts speak of.
    FixedBytes,
}

/// The switch: Redshift documents neither form for plain Parquet. Should a cluster refuse the
/// integers, this is the one word to change.
pub const DECIMALS: Decimals = Decimals::Integers;

/// The properties every landing and quarantine file is written with.
fn options(schema: &Schema, decimals: Decimals) -> Result<ArrowWriterOptions, ParquetError> {
    let properties = pages::properties()?
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
        .build();
    let options =
        ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    Ok(match decimals {
        Decimals::Integers => options,
        Decimals::FixedBytes => options.with_parquet_schema(with_fixed_decimals(schema)?),
    })
}

/// The Parquet schema the writer would choose, with every decimal as fixed-length bytes.
fn with_fixed_decimals(schema: &Schema) -> Result<SchemaDescriptor, ParquetError> {
    let chosen = ArrowSchemaConverter::new().convert(schema)?;
    let mut fields = Vec::with_capacity(schema.fields().len());
    for (field, leaf) in schema.fields().iter().zip(chosen.columns()) {
        let DataType::Decimal128(precision, scale) = field.data_type() else {
            fields.push(leaf.self_type_ptr());
            continue;
        };
        let fixed =
            ParquetType::primitive_type_builder(field.name(), PhysicalType::FIXED_LEN_BYTE_ARRAY)
                .with_length(decimal_bytes(*precision))
                .with_repetition(leaf.self_type().get_basic_info().repetition())
                .with_logical_type(Some(LogicalType::decimal(
                    i32::from(*scale),
                    i32::from(*precision),
                )))
                .with_precision(i32::from(*precision))
                .with_scale(i32::from(*scale))
                .build()?;
        fields.push(Arc::new(fixed));
    }
    let root = ParquetType::group_type_builder("arrow_schema").with_fields(fields).build()?;
    Ok(SchemaDescriptor::new(Arc::new(root)))
}

/// The fewest bytes that hold every signed number of `precision` digits.
fn decimal_bytes(precision: u8) -> i32 {
    let most = 10_u128.saturating_pow(u32::from(precision)).saturating_sub(1);
    let bits = u128::BITS - most.leading_zeros() + 1;
    bits.div_ceil(8) as i32
}

/// A file being written.
pub(super) struct Part {
    path: Path,
    writer: AsyncArrowWriter<BufWriter>,
}

impl Part {
    /// Opens a new file. Nothing reaches the store before the first row group is full.
    pub(super) fn begin(
        store: Arc<dyn ObjectStore>,
        path: Path,
        schema: SchemaRef,
    ) -> Result<Part> {
        let upload = upload(store, &path);
        let options = options(&schema, DECIMALS).map_err(|e| cannot_write(&path, e))?;
        let writer = AsyncArrowWriter::try_new_with_options(upload, schema, options)
            .map_err(|e| cannot_write(&path, e))?;
        Ok(Part { path, writer })
    }

    /// Appends a batch. Columns may be dictionaries of the schema's type: the file is the same.
    pub(super) async fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer.write(batch).await.map_err(|e| cannot_write(&self.path, e))
    }

    /// Whether the next batch goes to a new file: by the bytes written and, encoded, those of the
    /// open row group.
    pub(super) fn is_full(&self) -> bool {
        (self.writer.bytes_written() + self.writer.in_progress_size()) as u64 >= LANDING_FILE_BYTES
    }

    /// Writes the footer and waits until the store has everything. The row count is the footer's,
    /// not the caller's, so that the balance has two sides.
    pub(super) async fn finish(mut self) -> Result<LandedFile> {
        let metadata = self.writer.finish().await.map_err(|e| cannot_write(&self.path, e))?;
        Ok(LandedFile {
            path: self.path.to_string(),
            bytes: self.writer.bytes_written() as u64,
            rows: u64::try_from(metadata.file_metadata().num_rows()).unwrap_or_default(),
        })
    }

    /// Gives up a file that was never finished.
    pub(super) async fn abort(self) {
        // A failure leaves parts that S3's lifecycle rule for aborted uploads removes.
        let _ = self.writer.into_inner().abort().await;
    }
}

/// The way of a file's bytes to the store.
pub(super) fn upload(store: Arc<dyn ObjectStore>, path: &Path) -> BufWriter {
    BufWriter::with_capacity(store, path.clone(), UPLOAD_PART_BYTES)
        .with_max_concurrency(UPLOADS_AT_ONCE)
}

pub(super) fn cannot_write(
    path: &Path,
    cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> Error {
    let hint = "check that the landing store has room and that you may write to it";
    storage::explain("land/write", format!("cannot write `{path}`"), cause, hint)
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Decimal128Array};
    use arrow::datatypes::Field;
    use parquet::arrow::ArrowWriter;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
    use parquet::file::reader::{FileReader, SerializedFileReader};

    use super::*;

    #[test]
    fn decimal_bytes_are_the_fewest_that_hold_the_precision() {
        // the table of the Parquet format specification, "DECIMAL"
        for (precision, bytes) in [(2, 1), (4, 2), (9, 4), (11, 5), (18, 8), (19, 9), (38, 16)] {
            assert_eq!(decimal_bytes(precision), bytes, "{precision} digits");
        }
    }

    #[test]
    fn both_forms_of_decimals_read_back_the_same() {
        let schema: SchemaRef = Arc::new(Schema::new(vec![
            Field::new("small", DataType::Decimal128(9, 2), false),
            Field::new("large", DataType::Decimal128(20, 4), true),
        ]));
        let column = |values: Vec<Option<i128>>, p, s| -> ArrayRef {
            let array = Decimal128Array::from(values).with_precision_and_scale(p, s);
            Arc::new(array.expect("in range"))
        };
        let batch = RecordBatch::try_new(
            Arc::clone(&schema),
            vec![
                column(vec![Some(-999_999_999), Some(0), Some(1)], 9, 2),
                column(vec![Some(10_i128.pow(20) - 1), None, Some(-1)], 20, 4),
            ],
        )
        .expect("batch");
        for (decimals, small) in [
            (Decimals::Integers, PhysicalType::INT32),
            (Decimals::FixedBytes, PhysicalType::FIXED_LEN_BYTE_ARRAY),
        ] {
            let options = options(&schema, decimals).expect("options");
            let mut writer =
                ArrowWriter::try_new_with_options(Vec::new(), Arc::clone(&schema), options)
                    .expect("writer");
            writer.write(&batch).expect("write");
            let bytes = bytes::Bytes::from(writer.into_inner().expect("file"));
            let file = SerializedFileReader::new(bytes.clone()).expect("parquet");
            let columns = file.metadata().file_metadata().schema_descr().columns().to_vec();
            assert_eq!(columns[0].physical_type(), small);
            assert_eq!(columns[1].physical_type(), PhysicalType::FIXED_LEN_BYTE_ARRAY);
            let mut reader = ParquetRecordBatchReader::try_new(bytes, 10).expect("reader");
            assert_eq!(reader.next().expect("a batch").expect("rows").columns(), batch.columns());
        }
    }
}
