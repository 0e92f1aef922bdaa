//! Applies a change set: the rows of its query become new files and deleted positions.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, BooleanArray, Int32Array, Int64Array, RecordBatch};
use arrow::compute::{filter_record_batch, not};
use datafusion::execution::SendableRecordBatchStream;
use futures::TryStreamExt;
use roaring::RoaringBitmap;

use crate::dialect::{ChangeSetKind, ObjectRef};
use crate::error::{Error, Result};
use crate::warehouse::Outcome;

use super::catalog::{ColumnDef, Identity};
use super::check;
use super::engine::engine_error;
use super::files::{FileWriter, NewRows, RowWriter};
use super::transaction::Transaction;

/// Rows written and identity counters moved on, for [`Transaction::append`].
struct Appended {
    files: Vec<NewRows>,
    identities: Vec<Option<Identity>>,
    rows: u64,
}

/// Takes the batches of a statement into new files of a table.
struct Appender {
    columns: Vec<ColumnDef>,
    identities: Vec<Option<Identity>>,
    writer: RowWriter,
    rows: u64,
}

impl Appender {
    async fn new(txn: &mut Transaction, target: &ObjectRef) -> Result<Appender> {
        let pool = txn.memory();
        let table = txn.table(target).await?;
        let files = FileWriter::new(table.place.clone(), &table.def.path, &table.def.columns);
        Ok(Appender {
            columns: table.def.columns.clone(),
            identities: table.def.columns.iter().map(|c| c.identity).collect(),
            writer: RowWriter::new(files, table.temporary.then_some(&pool)),
            rows: 0,
        })
    }

    /// `identify` says whether NULLs of identity columns are to be filled: true for new rows.
    async fn write(&mut self, batch: &RecordBatch, first: usize, new_rows: bool) -> Result<()> {
        let values = batch.columns().get(first..).unwrap_or_default();
        let schema = Arc::clone(self.writer.schema());
        let mut kept = vec![None; self.identities.len()];
        let identities = if new_rows { &mut self.identities } else { &mut kept };
        let rows = check::rows(&self.columns, &schema, values, identities)?;
        self.writer.write(&rows).await?;
        self.rows += rows.num_rows() as u64;
        Ok(())
    }

    async fn finish(self) -> Result<Appended> {
        Ok(Appended {
            files: self.writer.finish().await?,
            identities: self.identities,
            rows: self.rows,
        })
    }
}

/// Rows of one target by identity: index of the file in the scan, positions in it.
#[derive(Default)]
struct Rows(BTreeMap<usize, RoaringBitmap>);

impl Rows {
    /// Adds a row; false when it was there before.
    fn add(&mut self, file: i32, position: i64) -> Result<bool> {
        match (usize::try_from(file), u32::try_from(position)) {
            (Ok(file), Ok(position)) => Ok(self.0.entry(file).or_default().insert(position)),
            _ => Err(Error::failed(
                "sql/row-identity",
                format!("row {position} of file {file} cannot be addressed"),
            )),
        }
    }
}

/// Inserts what a query gives: all columns of the table, in order.
pub async fn insert(
    txn: &mut Transaction,
    target: &ObjectRef,
    mut stream: SendableRecordBatchStream,
) -> Result<Outcome> {
    let mut appender = Appender::new(txn, target).await?;
    while let Some(batch) = stream.try_next().await.map_err(engine_error)? {
        appender.write(&batch, 0, true).await?;
    }
    let appended = appender.finish().await?;
    txn.append(target, appended.files, &appended.identities).await?;
    Ok(Outcome { inserted: appended.rows, ..Outcome::default() })
}

/// Applies the change set of a DELETE, UPDATE or MERGE.
pub async fn change(
    txn: &mut Transaction,
    target: &ObjectRef,
    kind: ChangeSetKind,
    stream: SendableRecordBatchStream,
) -> Result<Outcome> {
    match kind {
        ChangeSetKind::Insert => insert(txn, target, stream).await,
        ChangeSetKind::Delete => delete(txn, target, stream).await,
        ChangeSetKind::Update => update(txn, target, stream).await,
        ChangeSetKind::Merge { .. } => merge(txn, target, kind, stream).await,
    }
}

async fn delete(
    txn: &mut Transaction,
    target: &ObjectRef,
    mut stream: SendableRecordBatchStream,
) -> Result<Outcome> {
    let mut rows = Rows::default();
    while let Some(batch) = stream.try_next().await.map_err(engine_error)? {
        let (files, positions) = identity(&batch)?;
        for row in 0..batch.num_rows() {
            rows.add(files.value(row), positions.value(row))?;
        }
    }
    let deleted = txn.table(target).await?.delete(&rows.0);
    Ok(Outcome { deleted, ..Outcome::default() })
}

/// A row matched by several rows of FROM takes one of them, as Redshift does by default
/// (r_error_on_nondeterministic_update).
async fn update(
    txn: &mut Transaction,
    target: &ObjectRef,
    mut stream: SendableRecordBatchStream,
) -> Result<Outcome> {
    let mut rows = Rows::default();
    let mut appender = Appender::new(txn, target).await?;
    while let Some(batch) = stream.try_next().await.map_err(engine_error)? {
        let (files, positions) = identity(&batch)?;
        let first: BooleanArray = (0..batch.num_rows())
            .map(|row| rows.add(files.value(row), positions.value(row)).map(Some))
            .collect::<Result<_>>()?;
        let batch = if first.true_count() == batch.num_rows() {
            batch
        } else {
            filter_record_batch(&batch, &first).map_err(|e| engine_error(e.into()))?
        };
        appender.write(&batch, 2, false).await?;
    }
    let appended = appender.finish().await?;
    let table = txn.table(target).await?;
    table.delete(&rows.0);
    txn.append(target, appended.files, &appended.identities).await?;
    Ok(Outcome { updated: appended.rows, ..Outcome::default() })
}

/// Columns before the values of the target in a change set.
pub fn first_value(kind: ChangeSetKind) -> usize {
    match kind {
        ChangeSetKind::Insert => 0,
        ChangeSetKind::Merge { delete_matched: true, .. } => 3,
        ChangeSetKind::Delete | ChangeSetKind::Update | ChangeSetKind::Merge { .. } => 2,
    }
}

/// Two source rows for one target row are an error, as on Redshift (r_MERGE), but for REMOVE
/// DUPLICATES.
async fn merge(
    txn: &mut Transaction,
    target: &ObjectRef,
    kind: ChangeSetKind,
    mut stream: SendableRecordBatchStream,
) -> Result<Outcome> {
    let (delete_matched, remove_duplicates) = match kind {
        ChangeSetKind::Merge { delete_matched, remove_duplicates } => {
            (delete_matched, remove_duplicates)
        }
        _ => (false, false),
    };
    let mut rows = Rows::default();
    let mut outcome = Outcome::default();
    let mut appender = Appender::new(txn, target).await?;
    while let Some(batch) = stream.try_next().await.map_err(engine_error)? {
        let (files, positions) = identity(&batch)?;
        let mut matched = 0;
        for row in 0..batch.num_rows() {
            if positions.is_null(row) {
                continue;
            }
            matched += 1;
            if !rows.add(files.value(row), positions.value(row))? && !remove_duplicates {
                return Err(Error::failed(
                    "sql/merge-duplicates",
                    "found multiple matches to update the same tuple",
                )
                .hint("make the source one row per key before the MERGE"));
            }
        }
        outcome.inserted += batch.num_rows() as u64 - matched;
        if !delete_matched && !remove_duplicates {
            outcome.updated += matched;
        }
        write_merged(&mut appender, &batch, positions, kind).await?;
    }
    let appended = appender.finish().await?;
    let gone = txn.table(target).await?.delete(&rows.0);
    if delete_matched || remove_duplicates {
        outcome.deleted = gone;
    }
    txn.append(target, appended.files, &appended.identities).await?;
    Ok(outcome)
}

/// Inserted rows get identity values and updated ones keep theirs, so a table with an identity
/// column takes them apart; any other takes the batch as it is. Of rows that go away only the new
/// ones are written.
async fn write_merged(
    appender: &mut Appender,
    batch: &RecordBatch,
    positions: &Int64Array,
    kind: ChangeSetKind,
) -> Result<()> {
    let first = first_value(kind);
    let only_new =
        !matches!(kind, ChangeSetKind::Merge { delete_matched: false, remove_duplicates: false });
    let has_identity = appender.identities.iter().any(Option::is_some);
    if !only_new && !has_identity {
        return appender.write(batch, first, false).await;
    }
    let is_new: BooleanArray =
        (0..positions.len()).map(|row| Some(positions.is_null(row))).collect();
    let part =
        |mask: &BooleanArray| filter_record_batch(batch, mask).map_err(|e| engine_error(e.into()));
    appender.write(&part(&is_new)?, first, true).await?;
    if only_new {
        return Ok(());
    }
    let old = not(&is_new).map_err(|e| engine_error(e.into()))?;
    appender.write(&part(&old)?, first, false).await
}

/// The first two columns of a change set: file and position of the row it changes.
fn identity(batch: &RecordBatch) -> Result<(&Int32Array, &Int64Array)> {
    let files = batch.columns().first().and_then(|c| c.as_any().downcast_ref::<Int32Array>());
    let positions = batch.columns().get(1).and_then(|c| c.as_any().downcast_ref::<Int64Array>());
    files.zip(positions).ok_or_else(|| {
        Error::failed("sql/row-identity", "a change set came without the identity of its rows")
    })
}
