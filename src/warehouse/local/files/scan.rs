//! A table as a scan: its live Parquet files, minus deleted positions.
//!
//! DataFusion's Parquet source does the reading and the pruning. Three kinds of columns follow the
//! ones in the files: partition values (landing), and, when asked for, the row identity of a change
//! set: which file, and the row's position in it.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, SchemaRef};
use async_trait::async_trait;
use chrono::DateTime;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, ScalarValue, Statistics};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::{
    CachedParquetFileReaderFactory, ParquetRowSelection,
};
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;

use object_store::ObjectMeta;
use object_store::path::Path;
use parquet::arrow::RowNumber;
use parquet::arrow::arrow_reader::{RowSelection, RowSelector};
use roaring::RoaringBitmap;

use crate::dialect::{ROW_FILE, ROW_POSITION};
use crate::warehouse::local::catalog::stats::scalar;
use crate::warehouse::local::catalog::{ColumnDef, ColumnStats};

use super::{ById, Place};

/// One file of a scan.
#[derive(Debug, Clone)]
pub struct ScanFile {
    /// Key in the store.
    pub path: String,
    pub bytes: u64,
    /// Rows in the file, deleted ones included.
    pub rows: u64,
    pub deleted: Option<Arc<RoaringBitmap>>,
    /// By position of the column in the file schema.
    pub stats: Vec<Option<ColumnStats>>,
    /// One value for each partition column.
    pub partition: Vec<ScalarValue>,
}

impl ScanFile {
    fn live_rows(&self) -> u64 {
        self.rows - self.deleted.as_ref().map_or(0, |d| d.len())
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

    /// Takes the values of columns that are younger than a file.
    pub fn with_columns(mut self, columns: &[ColumnDef]) -> FileTable {
        self.columns = Arc::new(ById::new(columns));
        self
    }

    fn partitioned_file(&self, file: &ScanFile) -> PartitionedFile {
        let meta = ObjectMeta {
            location: Path::from(file.path.as_str()),
            // Files never change, so a constant keeps the footer cache valid.
            last_modified: DateTime::UNIX_EPOCH,
            size: file.bytes,
            e_tag: None,
            version: None,
        };
        let mut partitioned = PartitionedFile::new_from_meta(meta)
            .with_partition_values(file.partition.clone())
            .with_statistics(Arc::new(self.file_statistics(file)));
        if let Some(deleted) = &file.deleted {
            partitioned =
                partitioned.with_extension(ParquetRowSelection::new(live_rows(deleted, file.rows)));
        }
        partitioned
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
            total_byte_size: Precision::Inexact(file.bytes as usize),
            column_statistics: columns,
        }
    }

    fn table_statistics(&self) -> Statistics {
        let width = self.schema.table_schema().fields().len();
        let rows: u64 = self.files.iter().map(ScanFile::live_rows).sum();
        let bytes: u64 = self.files.iter().map(|f| f.bytes).sum();
        Statistics {
            num_rows: Precision::Exact(rows as usize),
            total_byte_size: Precision::Inexact(bytes as usize),
            column_statistics: vec![ColumnStatistics::new_unknown(); width],
        }
    }
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
        Some(self.table_statistics())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let files: Vec<PartitionedFile> = self
            .files
            .iter()
            .filter(|f| f.live_rows() > 0)
            .map(|f| self.partitioned_file(f))
            .collect();
        if files.is_empty() {
            let schema = match projection {
                Some(indices) => Arc::new(self.schema().project(indices)?),
                None => self.schema(),
            };
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let cache = state.runtime_env().cache_manager.get_file_metadata_cache();
        let readers = CachedParquetFileReaderFactory::new(Arc::clone(&self.place.store), cache);
        let source = ParquetSource::new(self.schema.clone())
            .with_parquet_file_reader_factory(Arc::new(readers));
        let groups = FileGroup::new(files).split_files(state.config().target_partitions());
        let config = FileScanConfigBuilder::new(self.place.url.clone(), Arc::new(source))
            .with_file_groups(groups)
            .with_statistics(self.table_statistics())
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .with_expr_adapter(Some(Arc::clone(&self.columns) as _))
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
