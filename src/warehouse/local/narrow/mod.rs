//! Narrows the large table of a MERGE, DELETE or UPDATE to the rows that can meet the small one.
//!
//! A join by equality reads every column it needs of every row of both its sides. Where one side
//! is much larger, the keys of the smaller are gathered first, the larger is searched for them
//! reading its keys alone, and the statement then scans the rows found and no others. That changes
//! no answer: a row left out has no partner under the conjuncts of the join condition, and only
//! a side of which rows without partner are not wanted is narrowed. It changes no row.

mod join;
mod keys;
mod probe;

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion::catalog::TableProvider;
use datafusion::common::ScalarValue;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::physical_plan::execute_stream;
use futures::TryStreamExt;
use roaring::RoaringBitmap;

use crate::dialect::{Command, ObjectRef, is_text};
use crate::error::Result;

use super::catalog::ColumnStats;
use super::catalog::stats::scalar;
use super::engine::{Local, engine_error};
use super::files::{FileTable, engine_type};
use super::transaction::Transaction;
use super::work::WorkTable;
use join::{Meeting, Order};
use keys::{Hashes, Range};
pub use keys::{hash_rows, is_hashable};
use probe::Wanted;

/// Fewer rows are read faster than narrowed; in tests few enough that every table is large.
const LARGE_ROWS: u64 = if cfg!(test) { 8 } else { 100_000 };
/// How many times larger than the other the narrowed table must be.
const LARGER: u64 = 4;

/// The rows of a table that a statement needs, by file; `None` where every row of a file may be.
pub struct Narrowed {
    pub table: ObjectRef,
    pub rows: Vec<Option<Arc<RoaringBitmap>>>,
}

/// A key column of the large table.
pub struct Key {
    id: i64,
    ty: DataType,
}

/// Where the values of a column of the large table must lie; NULL where no value will do.
pub struct Bound {
    id: i64,
    ty: DataType,
    order: Order,
    least: ScalarValue,
    greatest: ScalarValue,
}

impl Bound {
    /// True when no value between `min` and `max`, either unknown where NULL, can be wanted.
    fn excludes(&self, min: &ScalarValue, max: &ScalarValue) -> bool {
        if self.least.is_null() || self.greatest.is_null() {
            return true;
        }
        let (least, greatest) = match self.order {
            Order::Equal => (Some(&self.least), Some(&self.greatest)),
            // at most the greatest value there is, at least the least
            Order::AtMost => (None, Some(&self.greatest)),
            Order::AtLeast => (Some(&self.least), None),
        };
        least.is_some_and(|least| below(max, least))
            || greatest.is_some_and(|greatest| below(greatest, min))
    }
}

/// True when `a` is less than `b` for certain, whichever blanks follow either.
fn below(a: &ScalarValue, b: &ScalarValue) -> bool {
    match (a.try_as_str().flatten(), b.try_as_str().flatten()) {
        // A blank ends up between control characters and the others: only text without either
        // compares the same with and without the blanks a comparison ignores.
        (Some(a), Some(b)) => {
            let graphic = |text: &str| text.bytes().all(|byte| byte > b' ');
            graphic(a) && graphic(b) && a < b
        }
        (None, None) if !a.is_null() && !b.is_null() && a.data_type() == b.data_type() => a < b,
        _ => false,
    }
}

/// A column of the large table and the one of the small table it is compared with.
struct Compared {
    id: i64,
    ty: DataType,
    order: Order,
    /// Position in the small table.
    small: usize,
}

/// What a command needs of the larger of its two tables; `None` where narrowing does not pay.
pub async fn narrow(
    local: &Local,
    txn: &mut Transaction,
    command: &Command,
) -> Result<Option<Narrowed>> {
    let Some(meeting) = join::meeting(command) else { return Ok(None) };
    if !txn.has_table(&meeting.target)
        || !txn.has_table(&meeting.other)
        || is_same(txn, &meeting.target, &meeting.other)
    {
        return Ok(None);
    }
    let target = txn.table(&meeting.target).await?.live_rows();
    let other = txn.table(&meeting.other).await?.live_rows();
    let (large, small, turn) = if target >= other {
        (&meeting.target, &meeting.other, false)
    } else {
        (&meeting.other, &meeting.target, true)
    };
    let (most, least) = (target.max(other), target.min(other));
    if most < LARGE_ROWS || most < least.saturating_mul(LARGER) || (turn && meeting.keeps_other) {
        return Ok(None);
    }
    let large_table = txn.table(large).await?.clone();
    let small_table = txn.table(small).await?.clone();
    let compared = compared(&meeting, turn, &large_table, &small_table);
    if !compared.iter().any(|c| c.order == Order::Equal) {
        return Ok(None);
    }
    let Some((wanted, _memory)) = wanted(local, &small_table, compared).await? else {
        return Ok(None);
    };
    let rows = rows(local, &large_table, &Arc::new(wanted)).await?;
    Ok(Some(Narrowed { table: large.clone(), rows }))
}

fn is_same(txn: &Transaction, a: &ObjectRef, b: &ObjectRef) -> bool {
    txn.is_temporary(a) == txn.is_temporary(b) && txn.resolve(a) == txn.resolve(b)
}

/// The comparisons of columns that are of one type in both tables.
fn compared(meeting: &Meeting, turn: bool, large: &WorkTable, small: &WorkTable) -> Vec<Compared> {
    meeting
        .comparisons
        .iter()
        .filter_map(|(target, order, other)| {
            let (name, order, small_name) =
                if turn { (other, order.turned(), target) } else { (target, *order, other) };
            let column = large.def.columns.iter().find(|c| c.name == *name)?;
            let position = small.def.columns.iter().position(|c| c.name == *small_name)?;
            let ty = engine_type(column.ty);
            let same = engine_type(small.def.columns.get(position)?.ty) == ty;
            let ordered = order == Order::Equal || !is_text(&ty);
            (same && ordered && is_hashable(&ty)).then_some(Compared {
                id: column.id,
                ty,
                order,
                small: position,
            })
        })
        .collect()
}

/// Reads the compared columns of the small table; `None` where memory is short.
async fn wanted(
    local: &Local,
    small: &WorkTable,
    compared: Vec<Compared>,
) -> Result<Option<(Wanted, MemoryReservation)>> {
    let rows = small.live_rows();
    let memory = MemoryConsumer::new("keys of a join")
        .register(&local.sessions.many().runtime_env().memory_pool);
    if memory.try_grow(Hashes::bytes(rows)).is_err() {
        return Ok(None);
    }
    let scan = FileTable::new(small.place.clone(), small.schema(), Vec::new(), small.scan_files())
        .with_columns(&small.def.columns);
    let projection: Vec<usize> = compared.iter().map(|c| c.small).collect();
    let plan = scan
        .scan(local.sessions.many(), Some(&projection), &[], None)
        .await
        .map_err(engine_error)?;
    let mut batches =
        execute_stream(plan, local.sessions.many().task_ctx()).map_err(engine_error)?;
    let mut hashes = Hashes::with_capacity(usize::try_from(rows).unwrap_or_default());
    let mut ranges = compared
        .iter()
        .map(|c| Range::new(&c.ty))
        .collect::<datafusion::error::Result<Vec<_>>>()
        .map_err(engine_error)?;
    let mut of_batch = Vec::new();
    while let Some(batch) = batches.try_next().await.map_err(engine_error)? {
        let equal = compared.iter().zip(batch.columns()).filter(|(c, _)| c.order == Order::Equal);
        let keys: Vec<ArrayRef> = equal.map(|(_, values)| Arc::clone(values)).collect();
        let known = hash_rows(&keys, &mut of_batch).map_err(engine_error)?;
        for (hash, _) in of_batch.iter().zip(known).filter(|(_, known)| *known) {
            hashes.insert(*hash);
        }
        for (range, values) in ranges.iter_mut().zip(batch.columns()) {
            range.add(values).map_err(engine_error)?;
        }
    }
    let mut keys = Vec::new();
    let mut bounds = Vec::new();
    for (column, mut range) in compared.into_iter().zip(ranges) {
        let (least, greatest) = range.ends().map_err(engine_error)?;
        if column.order == Order::Equal {
            keys.push(Key { id: column.id, ty: column.ty.clone() });
        }
        bounds.push(Bound { id: column.id, ty: column.ty, order: column.order, least, greatest });
    }
    Ok(Some((Wanted { keys, hashes, bounds }, memory)))
}

/// The rows of each file of the large table that may be wanted.
async fn rows(
    local: &Local,
    large: &WorkTable,
    wanted: &Arc<Wanted>,
) -> Result<Vec<Option<Arc<RoaringBitmap>>>> {
    let scan = FileTable::new(large.place.clone(), large.schema(), Vec::new(), large.scan_files());
    let readers = scan.readers(local.sessions.many());
    let jobs = local.sessions.many().config().target_partitions();
    let mut rows = Vec::with_capacity(large.files.len());
    for (index, file) in large.files.iter().enumerate() {
        if wanted.bounds.iter().any(|bound| is_outside(bound, file.stats(bound.id))) {
            rows.push(Some(Arc::default()));
            continue;
        }
        // Rows in memory are few.
        let Some(part) = scan.parquet(index) else {
            rows.push(None);
            continue;
        };
        let found = probe::positions(&readers, &part, wanted, jobs).await.map_err(engine_error)?;
        // A file most of which is wanted is read as a whole.
        let few = found.filter(|found| found.len() < file.rows() / 2);
        rows.push(few.map(Arc::new));
    }
    Ok(rows)
}

/// True when the catalog's bounds of a column say that no row of the file is wanted.
fn is_outside(bound: &Bound, stats: Option<&ColumnStats>) -> bool {
    let Some(stats) = stats else { return bound.least.is_null() || bound.greatest.is_null() };
    let value = |text: &Option<String>| {
        text.as_deref().and_then(|text| scalar(text, &bound.ty)).unwrap_or(ScalarValue::Null)
    };
    bound.excludes(&value(&stats.min), &value(&stats.max))
}

#[cfg(test)]
mod tests;
