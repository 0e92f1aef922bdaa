//! Positional delete files: which rows of one data file are gone.
//!
//! A Parquet of `file_path` and `pos`, with DuckLake's field ids. DuckDB may keep several
//! generations in one file, each row with its snapshot; they are honoured when read.

use std::sync::Arc;

use arrow::array::{Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use object_store::ObjectStoreExt;
use object_store::path::Path;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions};
use parquet::arrow::{PARQUET_FIELD_ID_META_KEY, ProjectionMask};
use parquet::basic::Encoding;
use parquet::schema::types::ColumnPath;
use roaring::RoaringBitmap;

use crate::error::{Error, Result};
use crate::layout;
use crate::warehouse::local::catalog::{DataFile, DeleteFile, SnapshotId};

use super::Place;
use super::write::{cannot_write, footer_bytes, properties};

const FILE_PATH_ID: &str = "2147483646";
const POSITION_ID: &str = "2147483645";
const SNAPSHOT_ID: &str = "2147483539";
const SNAPSHOT_COLUMN: &str = "_ducklake_internal_snapshot_id";
const BATCH_ROWS: usize = 65_536;

/// A written delete file: name relative to the table's folder, bytes, length of the footer.
pub struct WrittenDeletes {
    pub name: String,
    pub bytes: u64,
    pub footer_bytes: u64,
}

/// Writes every deleted position of `data_file` (its key as readers know it).
pub async fn write_positions(
    place: &Place,
    folder: &str,
    data_file: &str,
    positions: &RoaringBitmap,
) -> Result<WrittenDeletes> {
    let name = layout::delete_file();
    let path = format!("{folder}{name}");
    let field = |name: &str, ty: DataType, id: &str| {
        Field::new(name, ty, false)
            .with_metadata([(PARQUET_FIELD_ID_META_KEY.to_string(), id.to_string())].into())
    };
    let schema = Arc::new(Schema::new(vec![
        field("file_path", DataType::Utf8, FILE_PATH_ID),
        field("pos", DataType::Int64, POSITION_ID),
    ]));
    // Positions ascend and are all different: their differences are small, a dictionary is not.
    let properties = properties()
        .into_builder()
        .set_column_dictionary_enabled(ColumnPath::from("pos"), false)
        .set_column_encoding(ColumnPath::from("pos"), Encoding::DELTA_BINARY_PACKED)
        .build();
    let options =
        ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    let failed = |e: parquet::errors::ParquetError| cannot_write(&path, e);
    let mut writer = ArrowWriter::try_new_with_options(Vec::new(), Arc::clone(&schema), options)
        .map_err(failed)?;
    let mut all = positions.iter().map(i64::from);
    loop {
        let part: Int64Array = all.by_ref().take(BATCH_ROWS).collect::<Vec<_>>().into();
        if part.is_empty() {
            break;
        }
        let paths = StringArray::from_iter_values(std::iter::repeat_n(data_file, part.len()));
        let batch =
            RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(paths), Arc::new(part)])
                .map_err(|e| cannot_write(&path, e))?;
        writer.write(&batch).map_err(failed)?;
    }
    let body = writer.into_inner().map_err(failed)?;
    let bytes = body.len() as u64;
    place
        .store
        .put(&Path::from(path.as_str()), body.into())
        .await
        .map_err(|e| cannot_write(&path, e))?;
    let footer_bytes = footer_bytes(place, &path, bytes).await?;
    Ok(WrittenDeletes { name, bytes, footer_bytes })
}

/// The positions of a data file's rows that a snapshot does not see yet: DuckDB may join the files
/// of several snapshots, each row with its own.
pub async fn read_later_rows(
    place: &Place,
    file: &DataFile,
    at: SnapshotId,
) -> Result<RoaringBitmap> {
    let unreadable = |cause: Box<dyn std::error::Error + Send + Sync>| {
        Error::failed("storage/rows", format!("cannot read `{}` as of an old snapshot", file.path))
            .because(cause)
    };
    let key = Path::from(file.path.as_str());
    let object = place.store.get(&key).await.map_err(|e| unreadable(e.into()))?;
    let body = object.bytes().await.map_err(|e| unreadable(e.into()))?;
    let builder =
        ParquetRecordBatchReaderBuilder::try_new(body).map_err(|e| unreadable(e.into()))?;
    let column = builder
        .schema()
        .fields()
        .iter()
        .position(|f| f.name() == SNAPSHOT_COLUMN)
        .ok_or_else(|| unreadable("its rows have no snapshots".into()))?;
    let mask = ProjectionMask::roots(builder.parquet_schema(), [column]);
    let reader = builder.with_projection(mask).build().map_err(|e| unreadable(e.into()))?;
    let mut later = RoaringBitmap::new();
    let mut position: u32 = 0;
    for batch in reader {
        let batch = batch.map_err(|e| unreadable(e.into()))?;
        let born = batch
            .columns()
            .first()
            .and_then(|c| c.as_any().downcast_ref::<Int64Array>())
            .ok_or_else(|| unreadable("a snapshot is not a 64-bit integer".into()))?;
        for row in 0..born.len() {
            if born.is_valid(row) && born.value(row) > at {
                later.insert(position);
            }
            position = position.saturating_add(1);
        }
    }
    Ok(later)
}

/// Reads the deleted positions of a data file of `rows` rows, as of a snapshot.
pub async fn read_positions(
    place: &Place,
    file: &DeleteFile,
    rows: u64,
    at: SnapshotId,
) -> Result<RoaringBitmap> {
    let unreadable = |cause: Box<dyn std::error::Error + Send + Sync>| {
        Error::failed("storage/deletes", format!("cannot read the delete file `{}`", file.path))
            .because(cause)
            .hint("restore the file; without it deleted rows would come back")
    };
    let key = Path::from(file.path.as_str());
    let object = place.store.get(&key).await.map_err(|e| unreadable(e.into()))?;
    let body = object.bytes().await.map_err(|e| unreadable(e.into()))?;
    let builder =
        ParquetRecordBatchReaderBuilder::try_new(body).map_err(|e| unreadable(e.into()))?;
    let schema = Arc::clone(builder.schema());
    let column = |id: &str, name: &str| {
        schema.fields().iter().position(|f| {
            f.name() == name
                || f.metadata().get(PARQUET_FIELD_ID_META_KEY).is_some_and(|have| have == id)
        })
    };
    let position = column(POSITION_ID, "pos")
        .ok_or_else(|| unreadable("it has no column of positions".into()))?;
    let snapshot = column(SNAPSHOT_ID, SNAPSHOT_COLUMN);
    let reader = builder.build().map_err(|e| unreadable(e.into()))?;
    let mut positions = RoaringBitmap::new();
    for batch in reader {
        let batch = batch.map_err(|e| unreadable(e.into()))?;
        let integers = |index: usize| {
            batch
                .columns()
                .get(index)
                .and_then(|c| c.as_any().downcast_ref::<Int64Array>())
                .ok_or_else(|| unreadable("a column is not of 64-bit integers".into()))
        };
        let deleted = integers(position)?;
        let born = snapshot.map(integers).transpose()?;
        for row in 0..batch.num_rows() {
            if born.is_some_and(|born| born.is_valid(row) && born.value(row) > at) {
                continue;
            }
            match u32::try_from(deleted.value(row)) {
                Ok(pos) if u64::from(pos) < rows => positions.insert(pos),
                _ => return Err(unreadable("a position lies outside the data file".into())),
            };
        }
    }
    Ok(positions)
}
