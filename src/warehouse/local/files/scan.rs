//! A table as a scan: its live Parquet files, minus deleted positions.
//!
//! DataFusion's Parquet source does the reading and the pruning; rows in memory stand beside it. Three kinds of columns follow the
//! ones in the files: partition values (landing), and, when asked for, the row identity of a change
//! set: which file, and the row's position in it.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, SchemaRef};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, ScalarValue, Statistics, ToDFSchema};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::physical_plan::parquet::{
    CachedParquetFileReaderFactory, ParquetRowSelection,
};
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::union::UnionExec;

use object_store::ObjectMeta;
use object_store::path::Path;
use parquet::arrow::RowNumber;
use parquet::arrow::arrow_reader::{RowSelection, RowSelector};
use roaring::RoaringBitmap;

use crate::dialect::{ROW_FILE, ROW_POSITION};
use crate::warehouse::local::catalog::stats::scalar;
use crate::warehouse::local::catalog::{ColumnDef, ColumnStats};

use super::held::live_batches;
use super::{ById, HeldRows, Place, prune};

/// Where the rows of one part of a scan are.
#[derive(Debug, Clone)]
pub enum Rows {
    File {
        /// Key in the store.
        path: String,
        bytes: u64,
    },
    Held(HeldRows),
}

/// One file of a scan, or rows in memory that stand for one.
#[derive(Debug, Clone)]
pub struct ScanFile {
    pub source: Rows,
    /// Rows in the file, deleted ones included.
    pub rows: u64,
    /// Set for files that others may change: their footers are read anew when it moves.
    pub modified: Option<DateTime<Utc>>,
    pub deleted: Option<Arc<RoaringBitmap>>,
    /// The only rows to read, less the deleted; every row where `None`.
    pub only: Option<Arc<RoaringBitmap>>,
    /// By position of the column in the file schema.
    pub stats: Vec<Option<ColumnStats>>,
    /// One value for each partition column.
    pub partition: Vec<ScalarValue>,
}

impl ScanFile {
    fn bytes(&self) -> u64 {
        match &self.source {
            Rows::File { bytes, .. } => *bytes,
            Rows::Held(held) => held.bytes(),
        }
    }

    fn live_rows(&self) -> u64 {
        match (&self.only, &self.deleted) {
            (Some(only), Some(deleted)) => only.difference_len(deleted),
            (Some(only), None) => only.len(),
            (None, deleted) => self.rows - deleted.as_ref().map_or(0, |d| d.len()),
        }
    }

    /// The rows to read, where that is not every row.
    fn selection(&self) -> Option<RowSelection> {
        match (&self.only, &self.deleted) {
            (Some(only), Some(deleted)) => Some(rows_of(&(&**only - &**deleted), self.rows)),
            (Some(only), None) => Some(rows_of(only, self.rows)),
            (None, Some(deleted)) => Some(live_rows(deleted, self.rows)),
            (None, None) => None,
        }
    }
}

/// A set of files read as one table. Read-only: nothing is written through it.
#[derive(Debug)]
pub struct FileTable {
    place: Place,
    schema: TableSchema,
    files: Vec<ScanFile>,
    columns: Arc<ById>,
}

impl FileTable {
    /// `partitions` are columns whose values stand beside the files, not in them.
    pub fn new(
        place: Place,
        file_schema: SchemaRef,
        partitions: Vec<Field>,
        files: Vec<ScanFile>,
    ) -> FileTable {
        let schema = TableSchema::builder(file_schema)
            .with_table_partition_cols(partitions.into_iter().map(Arc::new).collect::<Vec<_>>())
            .build();
        FileTable { place, schema, files, columns: Arc::default() }
    }

    /// The same rows with their identity: [`ROW_FILE`], the file's index in the scan, and
    /// [`ROW_POSITION`], the row's position in the file, both from 0.
    pub fn with_row_identity(
        place: Place,
        file_schema: SchemaRef,
        files: Vec<ScanFile>,
    ) -> FileTable {
        let position =
            Field::new(ROW_POSITION, DataType::Int64, false).with_extension_type(RowNumber);
        let schema = TableSchema::builder(file_schema)
            .with_table_partition_cols(vec![Arc::new(Field::new(ROW_FILE, DataType::Int32, false))])
            .with_virtual_columns(vec![Arc::new(position)])
            .build();
        let files = files
            .into_iter()
            .enumerate()
            .map(|(index, mut file)| {
                file.partition = vec![ScalarValue::Int32(i32::try_from(index).ok())];
                file
            })
            .collect();
        FileTable { place, schema, files, columns: Arc::default() }
    }

    /// Leaves only these rows of each file, less the deleted; every row where `None`.
    pub fn only(mut self, rows: &[Option<Arc<RoaringBitmap>>]) -> FileTable {
        for (file, only) in self.files.iter_mut().zip(rows) {
            file.only = only.clone();
        }
        self
    }

    /// The file of this index as DataFusion's readers take it; `None` for rows in memory.
    pub fn parquet(&self, index: usize) -> Option<PartitionedFile> {
        self.partitioned_file(self.files.get(index)?)
    }

    /// What opens its files, with the footers the engine has read already.
    pub fn readers(&self, session: &dyn Session) -> CachedParquetFileReaderFactory {
        let cache = session.runtime_env().cache_manager.get_file_metadata_cache();
        CachedParquetFileReaderFactory::new(Arc::clone(&self.place.store), cache)
    }

    /// Takes the values of columns that are younger than a file.
    pub fn with_columns(mut self, columns: &[ColumnDef]) -> FileTable {
        self.columns = Arc::new(ById::new(columns));
        self
    }

    fn partitioned_file(&self, file: &ScanFile) -> Option<PartitionedFile> {
        let Rows::File { path, bytes } = &file.source else { return None };
        let meta = ObjectMeta {
            location: Path::from(path.as_str()),
            // Our own files never change, so a constant keeps the footer cache valid.
            last_modified: file.modified.unwrap_or(DateTime::UNIX_EPOCH),
            size: *bytes,
            e_tag: None,
            version: None,
        };
        let mut partitioned = PartitionedFile::new_from_meta(meta)
            .with_partition_values(file.partition.clone())
            .with_statistics(Arc::new(self.file_statistics(file)));
        if let Some(selection) = file.selection() {
            partitioned = partitioned.with_extension(ParquetRowSelection::new(selection));
        }
        Some(partitioned)
    }

    /// The rows that are in memory, as a plan; `None` where there are none.
    fn held(
        &self,
        projection: Option<&Vec<usize>>,
        partitions: usize,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let schema = match projection {
            Some(indices) => Arc::new(self.schema().project(indices)?),
            None => self.schema(),
        };
        let mut batches = Vec::new();
        for (file, index) in self.files.iter().zip(0..) {
            if let Rows::Held(held) = &file.source {
                let deleted = file.deleted.as_deref();
                batches.extend(live_batches(held, deleted, index, &schema, &self.columns)?);
            }
        }
        if batches.is_empty() {
            return Ok(None);
        }
        let share = batches.len().div_ceil(partitions.max(1));
        let parts: Vec<Vec<RecordBatch>> = batches.chunks(share).map(<[_]>::to_vec).collect();
        Ok(Some(MemorySourceConfig::try_new_exec(&parts, schema, None)?))
    }

    /// Row count exact; bounds never: deleted rows still widen them, and long text is cut.
    fn file_statistics(&self, file: &ScanFile) -> Statistics {
        let live = file.live_rows() as usize;
        let columns = self
            .schema
            .file_schema()
            .fields()
            .iter()
            .enumerate()
            .map(|(index, field)| {
                let Some(Some(stats)) = file.stats.get(index) else {
                    return ColumnStatistics::new_unknown();
                };
                let value = |text: &Option<String>| {
                    text.as_deref()
                        .and_then(|text| scalar(text, field.data_type()))
                        .map_or(Precision::Absent, Precision::Inexact)
                };
                let mut column = ColumnStatistics::new_unknown();
                column.null_count = Precision::Inexact(stats.nulls.max(0) as usize);
                column.min_value = value(&stats.min);
                column.max_value = value(&stats.max);
                column
            })
            .collect();
        Statistics {
            num_rows: Precision::Exact(live),
            total_byte_size: Precision::Inexact(file.bytes() as usize),
            column_statistics: columns,
        }
    }

    /// The files that can have rows which pass the filters.
    fn read(&self, session: &dyn Session, filters: &[Expr]) -> Vec<&ScanFile> {
        let live: Vec<&ScanFile> = self.files.iter().filter(|f| f.live_rows() > 0).collect();
        let values: Vec<&[ScalarValue]> = live.iter().map(|f| f.partition.as_slice()).collect();
        let kept = prune::keep(session, self.schema.table_partition_cols(), filters, &values);
        live.into_iter().zip(kept).filter_map(|(file, kept)| kept.then_some(file)).collect()
    }

    fn statistics_of(&self, files: &[&ScanFile]) -> Statistics {
        let width = self.schema.table_schema().fields().len();
        let rows: u64 = files.iter().map(|f| f.live_rows()).sum();
        let bytes: u64 = files.iter().map(|f| f.bytes()).sum();
        Statistics {
            num_rows: Precision::Exact(rows as usize),
            total_byte_size: Precision::Inexact(bytes as usize),
            column_statistics: vec![ColumnStatistics::new_unknown(); width],
        }
    }
}

/// These rows of a file, as runs.
fn rows_of(only: &RoaringBitmap, rows: u64) -> RowSelection {
    let mut ranges: Vec<std::ops::Range<usize>> = Vec::new();
    for position in only {
        let position = position as usize;
        match ranges.last_mut() {
            Some(last) if last.end == position => last.end += 1,
            _ => ranges.push(position..position + 1),
        }
    }
    RowSelection::from_consecutive_ranges(ranges.into_iter(), rows as usize)
}

/// The complement of the deleted positions, as runs.
fn live_rows(deleted: &RoaringBitmap, rows: u64) -> RowSelection {
    let mut runs: Vec<RowSelector> = Vec::new();
    let mut next: usize = 0;
    for position in deleted {
        let position = position as usize;
        if position > next {
            runs.push(RowSelector::select(position - next));
        }
        match runs.last_mut() {
            Some(last) if last.skip => last.row_count += 1,
            _ => runs.push(RowSelector::skip(1)),
        }
        next = position + 1;
    }
    let rows = rows as usize;
    if rows > next {
        runs.push(RowSelector::select(rows - next));
    }
    RowSelection::from(runs)
}

#[async_trait]
impl TableProvider for FileTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.schema.table_schema())
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn statistics(&self) -> Option<Statistics> {
        Some(self.statistics_of(&self.files.iter().collect::<Vec<_>>()))
    }

    /// What partition values decide needs no file to be opened; the rows are filtered all the same.
    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let decided = |filter: &&Expr| prune::decides(self.schema.table_partition_cols(), filter);
        let push = |filter| match decided(filter) {
            true => TableProviderFilterPushDown::Inexact,
            false => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(push).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let held = self.held(projection, state.config().target_partitions())?;
        let mut read = self.read(state, filters);
        read.retain(|file| matches!(file.source, Rows::File { .. }));
        let files: Vec<PartitionedFile> =
            read.iter().filter_map(|file| self.partitioned_file(file)).collect();
        if files.is_empty() {
            let schema = match projection {
                Some(indices) => Arc::new(self.schema().project(indices)?),
                None => self.schema(),
            };
            return Ok(held.unwrap_or_else(|| Arc::new(EmptyExec::new(schema))));
        }
        let readers = self.readers(state);
        let mut source = ParquetSource::new(self.schema.clone())
            .with_parquet_file_reader_factory(Arc::new(readers));
        if let Some(filter) = conjunction(filters.iter().cloned()) {
            let schema = self.schema().to_dfschema()?;
            source = source.with_predicate(state.create_physical_expr(filter, &schema)?);
        }
        let groups = FileGroup::new(files).split_files(state.config().target_partitions());
        let config = FileScanConfigBuilder::new(self.place.url.clone(), Arc::new(source))
            .with_file_groups(groups)
            .with_statistics(self.statistics_of(&read))
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .with_expr_adapter(Some(Arc::clone(&self.columns) as _))
            .build();
        let files: Arc<dyn ExecutionPlan> = DataSourceExec::from_data_source(config);
        match held {
            None => Ok(files),
            Some(held) => UnionExec::try_new(vec![files, held]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chosen_rows_are_runs_of_the_file() {
        let only: RoaringBitmap = [1u32, 2, 5].into_iter().collect();
        let runs: Vec<RowSelector> = rows_of(&only, 8).into();
        assert_eq!(
            runs,
            vec![
                RowSelector::skip(1),
                RowSelector::select(2),
                RowSelector::skip(2),
                RowSelector::select(1),
                RowSelector::skip(2),
            ]
        );
    }

    #[test]
    fn live_rows_are_the_complement_of_the_deleted() {
        let deleted: RoaringBitmap = [0u32, 1, 5, 9].into_iter().collect();
        let runs: Vec<RowSelector> = live_rows(&deleted, 10).into();
        assert_eq!(
            runs,
            vec![
                RowSelector::skip(2),
                RowSelector::select(3),
                RowSelector::skip(1),
                RowSelector::select(3),
                RowSelector::skip(1),
            ]
        );
    }
}
