//! Writes rows as Parquet data files, with the bounds of every column.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::functions_aggregate::min_max::{MaxAccumulator, MinAccumulator};
use datafusion::logical_expr::Accumulator;
use object_store::ObjectStoreExt;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::arrow::async_writer::AsyncArrowWriter;
use parquet::basic::Compression;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::properties::{WriterProperties, WriterVersion};

use crate::dialect::any_trailing_blank;
use crate::error::{Error, Result};
use crate::layout;
use crate::storage;
use crate::warehouse::local::catalog::stats::bound;
use crate::warehouse::local::catalog::{ColumnDef, ColumnStats};

use super::{Place, file_schema};

/// Rows of a row group: the unit that bounds prune by, and of which one is held in memory.
const ROW_GROUP_ROWS: usize = 122_880;
/// A file is closed when it is longer; a new one begins. Large enough that a table of tens of
/// millions of rows is a handful of files, small enough to be rewritten.
const FILE_BYTES: usize = 512 << 20;
/// Dictionaries longer than this are given up; keys of orders repeat a handful of times each.
const DICTIONARY_BYTES: usize = 1 << 20;

/// A complete data file.
#[derive(Debug, Clone)]
pub struct WrittenFile {
    /// Relative to the table's folder.
    pub name: String,
    /// Key in the store.
    pub path: String,
    pub rows: u64,
    pub bytes: u64,
    pub footer_bytes: u64,
    pub stats: BTreeMap<i64, ColumnStats>,
}

/// Takes batches and leaves files. Dropped before `finish`, it leaves objects no catalog names.
pub struct FileWriter {
    place: Place,
    /// The table's folder, with a trailing slash.
    folder: String,
    schema: SchemaRef,
    open: Option<OpenFile>,
    done: Vec<WrittenFile>,
}

struct OpenFile {
    name: String,
    path: String,
    rows: u64,
    writer: AsyncArrowWriter<BufWriter>,
    /// By column: true for text of which nothing ends with a blank so far.
    unblanked: Vec<bool>,
}

impl FileWriter {
    pub fn new(place: Place, folder: &str, columns: &[ColumnDef]) -> FileWriter {
        FileWriter {
            place,
            folder: folder.to_string(),
            schema: file_schema(columns),
            open: None,
            done: Vec::new(),
        }
    }

    /// The schema batches must have.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Appends rows; empty batches make no file.
    pub async fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        if self.open.is_none() {
            self.open = Some(self.start()?);
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        open.writer.write(batch).await.map_err(|e| cannot_write(&open.path, e))?;
        for (unblanked, values) in open.unblanked.iter_mut().zip(batch.columns()) {
            *unblanked = *unblanked && !any_trailing_blank(values);
        }
        open.rows += batch.num_rows() as u64;
        if open.writer.bytes_written() + open.writer.in_progress_size() > FILE_BYTES {
            self.close().await?;
        }
        Ok(())
    }

    /// Closes the last file and gives all of them, in the order of the rows.
    pub async fn finish(mut self) -> Result<Vec<WrittenFile>> {
        self.close().await?;
        Ok(self.done)
    }

    fn start(&self) -> Result<OpenFile> {
        let name = layout::data_file();
        let path = format!("{}{name}", self.folder);
        let sink = BufWriter::new(Arc::clone(&self.place.store), Path::from(path.as_str()));
        let options =
            ArrowWriterOptions::new().with_properties(properties()).with_skip_arrow_metadata(true);
        let writer =
            AsyncArrowWriter::try_new_with_options(sink, Arc::clone(&self.schema), options)
                .map_err(|e| cannot_write(&path, e))?;
        let fields = self.schema.fields().iter();
        let unblanked = fields.map(|f| *f.data_type() == DataType::Utf8View).collect();
        Ok(OpenFile { name, path, rows: 0, writer, unblanked })
    }

    async fn close(&mut self) -> Result<()> {
        let Some(mut open) = self.open.take() else { return Ok(()) };
        let metadata = open.writer.finish().await.map_err(|e| cannot_write(&open.path, e))?;
        let bytes = open.writer.bytes_written() as u64;
        let footer_bytes = footer_bytes(&self.place, &open.path, bytes).await?;
        let stats = column_stats(&metadata, &self.schema, &open.unblanked)
            .map_err(|e| cannot_write(&open.path, e))?;
        self.done.push(WrittenFile {
            name: open.name,
            path: open.path,
            rows: open.rows,
            bytes,
            footer_bytes,
            stats,
        });
        Ok(())
    }
}

/// How data files are written. Snappy: the store is read far more often than written, and its
/// readers spend less on it than on any denser codec.
pub(super) fn properties() -> WriterProperties {
    WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_dictionary_page_size_limit(DICTIONARY_BYTES)
        .set_created_by(concat!("landfall ", env!("CARGO_PKG_VERSION")).to_string())
        .build()
}

/// Reads back the length of the footer; proves at the same time that the object is there, whole.
pub(super) async fn footer_bytes(place: &Place, path: &str, bytes: u64) -> Result<u64> {
    let key = Path::from(path);
    let tail = place
        .store
        .get_range(&key, bytes.saturating_sub(8)..bytes)
        .await
        .map_err(|e| cannot_write(path, e))?;
    match tail.as_ref() {
        [a, b, c, d, b'P', b'A', b'R', b'1'] => Ok(u64::from(u32::from_le_bytes([*a, *b, *c, *d]))),
        _ => Err(Error::failed(
            "storage/torn",
            format!("`{path}` does not end as a Parquet file right after it was written"),
        )),
    }
}

fn column_stats(
    metadata: &ParquetMetaData,
    schema: &SchemaRef,
    unblanked: &[bool],
) -> datafusion::error::Result<BTreeMap<i64, ColumnStats>> {
    let parquet_schema = metadata.file_metadata().schema_descr();
    let mut all = BTreeMap::new();
    for (position, field) in schema.fields().iter().enumerate() {
        let Some(id) = field
            .metadata()
            .get(parquet::arrow::PARQUET_FIELD_ID_META_KEY)
            .and_then(|id| id.parse::<i64>().ok())
        else {
            continue;
        };
        let converter = StatisticsConverter::try_new(field.name(), schema, parquet_schema)?;
        let groups = metadata.row_groups();
        let nulls: u64 = converter.row_group_null_counts(groups.iter())?.iter().flatten().sum();
        let rows: i64 = groups.iter().map(|g| g.num_rows()).sum();
        let bytes: i64 = groups.iter().map(|g| g.column(position).compressed_size()).sum();
        let min = extreme(&converter.row_group_mins(groups.iter())?, true)?;
        let max = extreme(&converter.row_group_maxes(groups.iter())?, false)?;
        let values = rows - nulls as i64;
        let unblanked = unblanked.get(position).copied().unwrap_or(false);
        all.insert(id, ColumnStats { bytes, values, nulls: nulls as i64, min, max, unblanked });
    }
    Ok(all)
}

/// The least or greatest of the row groups' bounds as text; `None` when one of them has none.
fn extreme(bounds: &ArrayRef, least: bool) -> datafusion::error::Result<Option<String>> {
    // A NaN is in no bound, so a float column has none that can be trusted.
    let float = matches!(bounds.data_type(), DataType::Float32 | DataType::Float64);
    if float || bounds.is_empty() || bounds.null_count() > 0 {
        return Ok(None);
    }
    let value: ScalarValue = if least {
        let mut min = MinAccumulator::try_new(bounds.data_type())?;
        min.update_batch(std::slice::from_ref(bounds))?;
        min.evaluate()?
    } else {
        let mut max = MaxAccumulator::try_new(bounds.data_type())?;
        max.update_batch(std::slice::from_ref(bounds))?;
        max.evaluate()?
    };
    Ok(bound(&value))
}

pub(super) fn cannot_write(
    path: &str,
    cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> Error {
    let hint = "check the free space and the permissions of the folder or bucket, then run again";
    storage::explain("storage/write", format!("cannot write `{path}`"), cause, hint)
}
