//! Rewrites small files, and files many rows of which are deleted, into fewer: the same rows at a
//! new snapshot. Earlier snapshots keep the files they had; nothing is removed from the disk here.
//!
//! The new files are in the order of the table's sort key, which is what bounds prune by.

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::logical_expr::ident;
use datafusion::prelude::SessionContext;
use futures::TryStreamExt;

use crate::dialect::ObjectRef;
use crate::error::{Error, Result};
use crate::tables::TableName;

use super::ddl;
use super::engine::{Local, engine_error};
use super::files::{FileTable, FileWriter, NewRows};
use super::work::{WorkFile, WorkTable};

/// Files below this are rewritten into one.
const SMALL_BYTES: u64 = 64 << 20;
/// A file of which at least one row in so many is deleted is rewritten.
const DELETED_SHARE: u64 = 5;

/// What was, or would be, rewritten of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compaction {
    pub table: TableName,
    /// Files rewritten, and their bytes, delete files not counted.
    pub files: u64,
    pub bytes: u64,
    /// Live rows in them.
    pub rows: u64,
    /// Deleted rows in them, which the new files do not have.
    pub deleted: u64,
    /// The new files and their bytes; `None` where nothing was written yet.
    pub written: Option<(u64, u64)>,
}

impl Local {
    /// Compacts every table that needs it, each in one transaction; with `dry_run` says which.
    ///
    /// Errors: `catalog/conflict` when another program writes to a table meanwhile. What was
    /// compacted before stays so, and the table in hand is as it was.
    pub async fn compact(&self, dry_run: bool) -> Result<Vec<Compaction>> {
        let names: Vec<TableName> =
            self.begin(None).await?.shape().tables.keys().cloned().collect();
        let mut done = Vec::new();
        for name in names {
            done.extend(self.compact_table(&name, dry_run).await?);
        }
        Ok(done)
    }

    async fn compact_table(&self, name: &TableName, dry_run: bool) -> Result<Option<Compaction>> {
        let mut txn = self.begin(None).await?;
        let reference = ObjectRef::new(Some(&name.schema), &name.table);
        let table = txn.table(&reference).await?;
        let chosen = chosen(&table.files);
        if chosen.is_empty() {
            return Ok(None);
        }
        let of = |count: fn(&WorkFile) -> u64| {
            chosen.iter().filter_map(|i| table.files.get(*i)).map(count).sum::<u64>()
        };
        let mut compaction = Compaction {
            table: name.clone(),
            files: chosen.len() as u64,
            bytes: of(WorkFile::bytes),
            rows: of(WorkFile::live_rows),
            deleted: of(|file| file.rows() - file.live_rows()),
            written: None,
        };
        if dry_run {
            return Ok(Some(compaction));
        }
        let written = self.rewrite(table, &chosen).await?;
        let rows: u64 = written.iter().map(|file| file.rows).sum();
        if rows != compaction.rows {
            return Err(Error::failed(
                "compact/rows",
                format!("{name} has {} rows in these files but {rows} were read", compaction.rows),
            )
            .hint("nothing was changed; landfall doctor checks the warehouse"));
        }
        let bytes = written.iter().map(|file| file.bytes).sum();
        compaction.written = Some((written.len() as u64, bytes));
        table.replace(&chosen, written.into_iter().map(NewRows::File).collect());
        txn.commit(None).await?;
        Ok(Some(compaction))
    }

    /// Writes the live rows of some files into new ones.
    async fn rewrite(
        &self,
        table: &WorkTable,
        chosen: &[usize],
    ) -> Result<Vec<super::files::WrittenFile>> {
        let files = table
            .scan_files()
            .into_iter()
            .enumerate()
            .filter(|(index, _)| chosen.contains(index))
            .map(|(_, file)| file)
            .collect();
        let scan = FileTable::new(table.place.clone(), table.schema(), Vec::new(), files)
            .with_columns(&table.def.columns);
        let key = ddl::sort_key(table.def.words());
        let known = |name: &String| table.def.columns.iter().any(|c| c.name == *name);
        let order: Vec<_> = key
            .iter()
            .take_while(|name| known(name))
            .map(|name| ident(name.as_str()).sort(true, false))
            .collect();
        let context = SessionContext::new_with_state(self.sessions.many().clone());
        let mut frame = context.read_table(Arc::new(scan)).map_err(engine_error)?;
        if !order.is_empty() {
            frame = frame.sort(order).map_err(engine_error)?;
        }
        let mut batches = frame.execute_stream().await.map_err(engine_error)?;
        let mut writer = FileWriter::new(table.place.clone(), &table.def.path, &table.def.columns);
        while let Some(batch) = batches.try_next().await.map_err(engine_error)? {
            let schema = Arc::clone(writer.schema());
            let batch = RecordBatch::try_new(schema, batch.columns().to_vec())
                .map_err(|e| engine_error(e.into()))?;
            writer.write(&batch).await?;
        }
        writer.finish().await
    }
}

/// The files worth rewriting: those with many deleted rows, and small ones if that makes fewer.
fn chosen(files: &[WorkFile]) -> Vec<usize> {
    let is_worn = |file: &WorkFile| {
        let deleted = file.rows() - file.live_rows();
        deleted > 0 && deleted.saturating_mul(DELETED_SHARE) >= file.rows()
    };
    let is_small = |file: &WorkFile| file.bytes() < SMALL_BYTES;
    let chosen: Vec<usize> = files
        .iter()
        .enumerate()
        .filter(|(_, file)| is_worn(file) || is_small(file))
        .map(|(index, _)| index)
        .collect();
    match chosen.as_slice() {
        [only] if !files.get(*only).is_some_and(is_worn) => Vec::new(),
        _ => chosen,
    }
}

#[cfg(test)]
mod tests {
    use crate::warehouse::local::tests::{query, run, warehouse};

    const ROWS: &str = "create schema s; create table s.t (id integer, v varchar(5)) sortkey (id);
        insert into s.t values (5, 'e'), (1, 'a'), (3, 'c');";

    #[tokio::test]
    async fn the_rows_are_the_same_in_fewer_files_and_in_the_order_of_the_sort_key() {
        let (_dir, local) = warehouse().await;
        run(&local, ROWS).await.expect("a table");
        run(&local, "insert into s.t values (2, 'b'), (4, 'd'), (6, null)").await.expect("rows");
        run(&local, "delete from s.t where id = 3; alter table s.t add column w integer")
            .await
            .expect("deletes");
        let rows = "select id, v, w from s.t order by id";
        let before = query(&local, rows).await;
        let seen = local.compact(true).await.expect("a preview");
        assert_eq!(
            (seen[0].files, seen[0].rows, seen[0].deleted, seen[0].written),
            (2, 5, 1, None)
        );
        let done = local.compact(false).await.expect("compacts");
        assert_eq!(done[0].written.map(|(files, _)| files), Some(1));
        assert_eq!(query(&local, rows).await, before);
        assert_eq!(query(&local, "select id from s.t").await, ["1", "2", "4", "5", "6"]);
        assert_eq!(local.compact(false).await.expect("nothing to do"), []);
        run(&local, "update s.t set v = 'z' where id = 6").await.expect("updates");
        assert_eq!(query(&local, "select v, w from s.t where id = 6").await, ["z|NULL"]);
    }
}
