//! Finds the rows of a data file whose keys are in a set, reading no column but the keys.
//!
//! Row groups whose bounds exclude every key are not read. Text that the file keeps as a
//! dictionary is hashed once for each entry, not for each row.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::ScalarValue;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::{
    CachedParquetFileReaderFactory, ParquetFileReaderFactory,
};
use datafusion::error::Result;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::TryStreamExt;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::arrow::{PARQUET_FIELD_ID_META_KEY, ParquetRecordBatchStreamBuilder, ProjectionMask};
use parquet::basic::Encoding;
use parquet::file::metadata::RowGroupMetaData;
use roaring::RoaringBitmap;

use super::keys::{Hashes, hash_rows};
use super::{Bound, Key};
use crate::dialect::is_text;

/// As many rows as a row group has: a dictionary is then hashed once.
const BATCH_ROWS: usize = 131_072;

/// What is looked for in every file of a table.
pub struct Wanted {
    pub keys: Vec<Key>,
    pub hashes: Hashes,
    pub bounds: Vec<Bound>,
}

/// A row group to read and the position of its first row.
struct Group {
    index: usize,
    first: u64,
    rows: u64,
}

/// The positions of the rows that may be wanted; `None` when the file does not tell.
///
/// The reading is shared among `jobs` tasks.
pub async fn positions(
    readers: &CachedParquetFileReaderFactory,
    file: &PartitionedFile,
    wanted: &Arc<Wanted>,
    jobs: usize,
) -> Result<Option<RoaringBitmap>> {
    let metrics = ExecutionPlanMetricsSet::new();
    let mut reader: Box<dyn AsyncFileReader> =
        readers.create_reader(0, file.clone(), None, &metrics)?;
    let metadata = ArrowReaderMetadata::load_async(&mut reader, ArrowReaderOptions::new()).await?;
    let Some(columns) = columns(&metadata, wanted) else { return Ok(None) };
    let groups = groups(&metadata, wanted)?;
    let metadata = ArrowReaderMetadata::try_new(
        Arc::clone(metadata.metadata()),
        ArrowReaderOptions::new().with_schema(schema(&metadata, &columns, &groups)),
    )?;
    let share = groups.len().div_ceil(jobs.max(1)).max(1);
    let mut tasks = tokio::task::JoinSet::new();
    let mut groups = groups.into_iter().peekable();
    while groups.peek().is_some() {
        let part: Vec<Group> = groups.by_ref().take(share).collect();
        let reader: Box<dyn AsyncFileReader> =
            readers.create_reader(0, file.clone(), None, &metrics)?;
        let mask = ProjectionMask::roots(metadata.parquet_schema(), columns.iter().copied());
        let stream = ParquetRecordBatchStreamBuilder::new_with_metadata(reader, metadata.clone())
            .with_row_groups(part.iter().map(|g| g.index).collect())
            .with_projection(mask)
            .with_batch_size(BATCH_ROWS)
            .build()?;
        tasks.spawn(probe(stream.map_err(Into::into), part, columns.clone(), Arc::clone(wanted)));
    }
    let mut found = RoaringBitmap::new();
    while let Some(part) = tasks.join_next().await {
        let part = part.map_err(|e| datafusion::error::DataFusionError::External(Box::new(e)))?;
        found |= part?;
    }
    Ok(Some(found))
}

async fn probe(
    batches: impl futures::TryStream<
        Ok = arrow::array::RecordBatch,
        Error = datafusion::error::DataFusionError,
    > + Send,
    groups: Vec<Group>,
    columns: Vec<usize>,
    wanted: Arc<Wanted>,
) -> Result<RoaringBitmap> {
    let mut batches = std::pin::pin!(batches.into_stream());
    let mut positions = groups.iter().flat_map(|g| g.first..g.first + g.rows);
    // The reader gives columns in the order of the file, the hashes are made in that of the keys.
    let mut sorted = columns.clone();
    sorted.sort_unstable();
    let order: Vec<usize> =
        columns.iter().filter_map(|c| sorted.iter().position(|s| s == c)).collect();
    let mut found = RoaringBitmap::new();
    let mut hashes = Vec::new();
    while let Some(batch) = batches.try_next().await? {
        let keys: Vec<ArrayRef> =
            order.iter().filter_map(|i| batch.columns().get(*i).cloned()).collect();
        let known = hash_rows(&keys, &mut hashes)?;
        for ((hash, known), position) in hashes.iter().zip(known).zip(&mut positions) {
            if known
                && wanted.hashes.contains(*hash)
                && let Ok(position) = u32::try_from(position)
            {
                found.insert(position);
            }
        }
    }
    Ok(found)
}

/// Where the keys are in the file; `None` when one of them is not there, or is of another type.
fn columns(metadata: &ArrowReaderMetadata, wanted: &Wanted) -> Option<Vec<usize>> {
    let schema = metadata.schema();
    // Nested columns would make a column's place in the file another than in the schema.
    if schema.fields().len() != metadata.parquet_schema().num_columns() {
        return None;
    }
    wanted
        .keys
        .iter()
        .map(|key| {
            let index = position(schema, key.id)?;
            let ty = schema.field(index).data_type();
            let same = *ty == key.ty || (is_text(ty) && is_text(&key.ty));
            same.then_some(index)
        })
        .collect()
}

fn position(schema: &Schema, id: i64) -> Option<usize> {
    let id = id.to_string();
    schema.fields().iter().position(|f| f.metadata().get(PARQUET_FIELD_ID_META_KEY) == Some(&id))
}

/// The row groups that may hold a wanted row.
fn groups(metadata: &ArrowReaderMetadata, wanted: &Wanted) -> Result<Vec<Group>> {
    let all = metadata.metadata().row_groups();
    let mut kept = vec![true; all.len()];
    for bound in &wanted.bounds {
        let Some(index) = position(metadata.schema(), bound.id) else { continue };
        let field = metadata.schema().field(index);
        if *field.data_type() != bound.ty && !is_text(field.data_type()) {
            continue;
        }
        let converter = StatisticsConverter::try_new(
            field.name(),
            metadata.schema(),
            metadata.parquet_schema(),
        )?;
        let mins = converter.row_group_mins(all.iter())?;
        let maxes = converter.row_group_maxes(all.iter())?;
        for (group, kept) in kept.iter_mut().enumerate() {
            let min = ScalarValue::try_from_array(&mins, group)?;
            let max = ScalarValue::try_from_array(&maxes, group)?;
            *kept &= !bound.excludes(&min, &max);
        }
    }
    let mut first = 0;
    let mut groups = Vec::new();
    for (index, (group, kept)) in all.iter().zip(kept).enumerate() {
        let rows = u64::try_from(group.num_rows()).unwrap_or_default();
        if kept {
            groups.push(Group { index, first, rows });
        }
        first += rows;
    }
    Ok(groups)
}

/// The file's schema, its keys of text as dictionaries where every page of them is one.
fn schema(metadata: &ArrowReaderMetadata, keys: &[usize], groups: &[Group]) -> Arc<Schema> {
    let all = metadata.metadata().row_groups();
    let coded = |column: usize| {
        groups.iter().filter_map(|g| all.get(g.index)).all(|group| is_dictionary(group, column))
    };
    let fields: Vec<Field> = metadata
        .schema()
        .fields()
        .iter()
        .enumerate()
        .map(|(index, field)| {
            let field = Field::clone(field);
            if !keys.contains(&index) || !is_text(field.data_type()) {
                return field;
            }
            if coded(index) {
                let value = Box::new(DataType::Utf8);
                return field
                    .with_data_type(DataType::Dictionary(Box::new(DataType::Int32), value));
            }
            field.with_data_type(DataType::Utf8View)
        })
        .collect();
    Arc::new(Schema::new_with_metadata(fields, metadata.schema().metadata().clone()))
}

fn is_dictionary(group: &RowGroupMetaData, column: usize) -> bool {
    group.columns().get(column).is_some_and(|chunk| {
        chunk.dictionary_page_offset().is_some()
            && chunk.page_encoding_stats_mask().is_some_and(|mask| {
                mask.is_only(Encoding::PLAIN_DICTIONARY) || mask.is_only(Encoding::RLE_DICTIONARY)
            })
    })
}
