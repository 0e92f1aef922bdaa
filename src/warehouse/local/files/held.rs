//! Rows of temporary tables, in memory while they are few. Past the limit they go to files of the
//! scratch place; rows of permanent tables are never held.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayData, ArrayRef, BooleanArray, Int32Array, Int64Array, RecordBatch, new_null_array,
};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use parquet::arrow::PARQUET_FIELD_ID_META_KEY;
use roaring::RoaringBitmap;

use crate::dialect::{ROW_FILE, ROW_POSITION, any_trailing_blank};
use crate::error::Result;

use super::{ById, FileWriter, NewRows};

/// Most bytes one statement leaves in memory.
const HELD_BYTES: usize = 64 << 20;

/// Rows in memory, in the order they came. They never change.
#[derive(Debug, Clone)]
pub struct HeldRows {
    pub batches: Arc<Vec<RecordBatch>>,
    pub rows: u64,
    /// Ids of the text columns in which nothing ends with a blank.
    pub unblanked: BTreeSet<i64>,
    /// Given back to the engine's pool with the last copy.
    reservation: Arc<MemoryReservation>,
}

impl HeldRows {
    /// What they take of the engine's memory.
    pub fn bytes(&self) -> u64 {
        self.reservation.size() as u64
    }
}

/// Takes the rows of a statement: into memory first where they may be held, else into files.
pub struct RowWriter {
    held: Option<Holder>,
    files: FileWriter,
}

struct Holder {
    batches: Vec<RecordBatch>,
    reservation: MemoryReservation,
    /// Buffers counted so far: batches share those they were cut from.
    counted: HashSet<usize>,
}

impl RowWriter {
    /// `pool` is given for rows that may be held.
    pub fn new(files: FileWriter, pool: Option<&Arc<dyn MemoryPool>>) -> RowWriter {
        let held = pool.map(|pool| Holder {
            batches: Vec::new(),
            reservation: MemoryConsumer::new("temporary table").register(pool),
            counted: HashSet::new(),
        });
        RowWriter { held, files }
    }

    /// The schema batches must have.
    pub fn schema(&self) -> &SchemaRef {
        self.files.schema()
    }

    pub async fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        if let Some(held) = &mut self.held {
            if held.take(batch) {
                return Ok(());
            }
            for earlier in self.held.take().into_iter().flat_map(|h| h.batches) {
                self.files.write(&earlier).await?;
            }
        }
        self.files.write(batch).await
    }

    pub async fn finish(self) -> Result<Vec<NewRows>> {
        match self.held {
            Some(held) if held.batches.is_empty() => Ok(Vec::new()),
            Some(held) => Ok(vec![NewRows::Held(held.finish())]),
            None => Ok(self.files.finish().await?.into_iter().map(NewRows::File).collect()),
        }
    }
}

impl Holder {
    /// False when the batch has no room any more.
    fn take(&mut self, batch: &RecordBatch) -> bool {
        let mut bytes = 0;
        for column in batch.columns() {
            self.count(&column.to_data(), &mut bytes);
        }
        let fits = self.reservation.size() + bytes <= HELD_BYTES
            && self.reservation.try_grow(bytes).is_ok();
        if fits {
            self.batches.push(batch.clone());
        }
        fits
    }

    fn count(&mut self, data: &ArrayData, bytes: &mut usize) {
        let nulls = data.nulls().map(|n| n.buffer());
        for buffer in data.buffers().iter().chain(nulls) {
            if self.counted.insert(buffer.data_ptr().as_ptr() as usize) {
                *bytes += buffer.capacity();
            }
        }
        for child in data.child_data() {
            self.count(child, bytes);
        }
    }

    fn finish(self) -> HeldRows {
        HeldRows {
            unblanked: unblanked(&self.batches),
            rows: self.batches.iter().map(|b| b.num_rows() as u64).sum(),
            batches: Arc::new(self.batches),
            reservation: Arc::new(self.reservation),
        }
    }
}

fn unblanked(batches: &[RecordBatch]) -> BTreeSet<i64> {
    let Some(first) = batches.first() else { return BTreeSet::new() };
    let free = |column: usize| batches.iter().all(|b| !any_trailing_blank(b.column(column)));
    let schema = first.schema();
    let texts =
        schema.fields().iter().enumerate().filter(|(_, f)| *f.data_type() == DataType::Utf8View);
    texts
        .filter(|(column, _)| free(*column))
        .filter_map(|(_, f)| f.metadata().get(PARQUET_FIELD_ID_META_KEY)?.parse().ok())
        .collect()
}

/// The live rows of `held` as a scan gives them: the columns of `schema`, among them, where it
/// names them, the identity of each row.
pub fn live_batches(
    held: &HeldRows,
    deleted: Option<&RoaringBitmap>,
    file: i32,
    schema: &SchemaRef,
    columns: &ById,
) -> datafusion::error::Result<Vec<RecordBatch>> {
    let mut first: u64 = 0;
    let mut live = Vec::with_capacity(held.batches.len());
    for batch in held.batches.iter() {
        let rows = batch.num_rows();
        let shown = schema
            .fields()
            .iter()
            .map(|field| match field.name().as_str() {
                ROW_FILE => Ok(Arc::new(Int32Array::from(vec![file; rows])) as ArrayRef),
                ROW_POSITION => {
                    let positions = (first..first + rows as u64).map(|p| p as i64);
                    Ok(Arc::new(Int64Array::from_iter_values(positions)) as ArrayRef)
                }
                name => match column(batch, field.metadata().get(PARQUET_FIELD_ID_META_KEY)) {
                    Some(values) => Ok(values),
                    None => match columns.first_value(name) {
                        Some(value) => ScalarValue::to_array_of_size(value, rows),
                        None => Ok(new_null_array(field.data_type(), rows)),
                    },
                },
            })
            .collect::<datafusion::error::Result<Vec<_>>>()?;
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows));
        let shown = RecordBatch::try_new_with_options(Arc::clone(schema), shown, &options)?;
        live.push(match deleted {
            None => shown,
            Some(deleted) => {
                let mask: BooleanArray = (first..first + rows as u64)
                    .map(|p| Some(!u32::try_from(p).is_ok_and(|p| deleted.contains(p))))
                    .collect();
                filter_record_batch(&shown, &mask)?
            }
        });
        first += rows as u64;
    }
    live.retain(|batch| batch.num_rows() > 0);
    Ok(live)
}

/// The column with this id, whatever it was called when the rows were held.
fn column(batch: &RecordBatch, id: Option<&String>) -> Option<ArrayRef> {
    let schema = batch.schema();
    let index = schema
        .fields()
        .iter()
        .position(|f| id.is_some() && f.metadata().get(PARQUET_FIELD_ID_META_KEY) == id)?;
    batch.columns().get(index).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::{DataType, Field, Schema};
    use datafusion::execution::memory_pool::GreedyMemoryPool;

    fn held(values: &[i32]) -> (HeldRows, SchemaRef) {
        let id = [(PARQUET_FIELD_ID_META_KEY.to_string(), "1".to_string())].into();
        let file = Field::new("a", DataType::Int32, true).with_metadata(id);
        let schema = Arc::new(Schema::new(vec![file]));
        let batch = |part: &[i32]| {
            let column = Arc::new(Int32Array::from(part.to_vec()));
            RecordBatch::try_new(Arc::clone(&schema), vec![column]).expect("a batch")
        };
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(1 << 20));
        let mut holder = Holder {
            batches: Vec::new(),
            reservation: MemoryConsumer::new("test").register(&pool),
            counted: HashSet::new(),
        };
        for part in values.chunks(2) {
            assert!(holder.take(&batch(part)));
        }
        (holder.finish(), schema)
    }

    #[test]
    fn deleted_rows_are_gone_and_the_others_keep_their_positions() {
        let (held, schema) = held(&[10, 11, 12, 13, 14]);
        let mut fields: Vec<Field> = schema.fields().iter().map(|f| Field::clone(f)).collect();
        fields.push(Field::new(ROW_FILE, DataType::Int32, false));
        fields.push(Field::new(ROW_POSITION, DataType::Int64, false));
        let deleted: RoaringBitmap = [0u32, 2, 3].into_iter().collect();
        let shown = Arc::new(Schema::new(fields));
        let batches = live_batches(&held, Some(&deleted), 7, &shown, &ById::default());
        let batches = batches.expect("rows");
        let all = arrow::compute::concat_batches(&shown, &batches).expect("one batch");
        let ints = all.column(0).as_any().downcast_ref::<Int32Array>().expect("ints");
        let files = all.column(1).as_any().downcast_ref::<Int32Array>().expect("files");
        let positions = all.column(2).as_any().downcast_ref::<Int64Array>().expect("positions");
        assert_eq!(ints.values(), &[11, 14]);
        assert_eq!(files.values(), &[7, 7]);
        assert_eq!(positions.values(), &[1, 4]);
    }

    #[test]
    fn memory_is_counted_once_for_each_buffer_and_refused_beyond_the_pool() {
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(10_000));
        let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..1_000));
        let batch = RecordBatch::try_from_iter([("a", Arc::clone(&column)), ("b", column)]);
        let batch = batch.expect("a batch");
        let mut holder = Holder {
            batches: Vec::new(),
            reservation: MemoryConsumer::new("test").register(&pool),
            counted: HashSet::new(),
        };
        assert!(holder.take(&batch) && holder.take(&batch.slice(10, 20)));
        assert!((8_000..9_000).contains(&pool.reserved()), "{}", pool.reserved());
        let other: ArrayRef = Arc::new(Int64Array::from_iter_values(0..1_000));
        assert!(!holder.take(&RecordBatch::try_from_iter([("a", other)]).expect("a batch")));
    }
}
