//! The one write to the catalog: a set of changes becomes one snapshot, with the marker in the
//! same transaction. All of it or nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, Result};
use crate::records::{self, Marker};
use crate::state::{Connection, State, Value, query};
use crate::tables::TableName;

use super::{ColumnDef, ColumnStats, SnapshotId, ViewDef};

/// What a transaction does, in terms of the catalog.
#[derive(Debug)]
pub enum Change {
    CreateSchema {
        name: String,
    },
    DropSchema {
        id: i64,
    },
    CreateTable {
        name: TableName,
        /// Where its files are, below the schema's folder: a table renamed since has an older name's.
        folder: String,
        columns: Vec<ColumnDef>,
        attributes: Option<String>,
    },
    DropTable {
        id: i64,
    },
    RenameTable {
        id: i64,
        name: TableName,
    },
    AddColumn {
        table: i64,
        column: ColumnDef,
    },
    DropColumn {
        table: i64,
        column: i64,
    },
    RenameColumn {
        table: i64,
        column: i64,
        name: String,
    },
    /// What DDL says of a table beyond its columns.
    Attributes {
        table: i64,
        attributes: Option<String>,
    },
    /// Another size of a VARCHAR or another encoding: DuckLake's type stays.
    Retype {
        table: i64,
        column: ColumnDef,
    },
    /// What there is under a name of an external schema; `None` takes it away.
    External {
        name: TableName,
        definition: Option<String>,
    },
    /// The next value of an identity column.
    Identity {
        table: i64,
        column: ColumnDef,
    },
    CreateView(ViewDef),
    DropView {
        id: i64,
    },
    /// New rows, removed files and new delete files of an existing or just created table.
    Files {
        table: TableName,
        /// `None` for a table this transaction creates.
        id: Option<i64>,
        added: Vec<NewDataFile>,
        /// Data files of which no row is left.
        removed: Vec<i64>,
        deletes: Vec<NewDeleteFile>,
    },
}

/// A written data file.
#[derive(Debug, Clone)]
pub struct NewDataFile {
    /// Relative to the table's folder.
    pub path: String,
    pub rows: u64,
    pub bytes: u64,
    /// Length of the Parquet footer without its 8 closing bytes.
    pub footer_bytes: u64,
    pub stats: BTreeMap<i64, ColumnStats>,
    /// A delete file for rows this same transaction took away again.
    pub delete: Option<NewDeleteFile>,
}

/// A written delete file: every position deleted from its data file so far.
#[derive(Debug, Clone)]
pub struct NewDeleteFile {
    /// The committed data file; ignored inside a [`NewDataFile`].
    pub data_file: i64,
    /// The live delete file it replaces.
    pub replaces: Option<i64>,
    pub path: String,
    pub rows: u64,
    pub bytes: u64,
    pub footer_bytes: u64,
}

/// A transaction to commit.
pub struct Commit<'a> {
    /// The snapshot its statements read.
    pub base: SnapshotId,
    pub changes: &'a [Change],
    /// Tables it read or wrote and that must not have changed since `base`.
    pub touched: &'a [i64],
    pub marker: Option<&'a Marker>,
    /// UTC, as DuckLake writes it: `2026-11-22 12:08:13.634414+00`.
    pub now: &'a str,
}

/// Commits; returns the snapshot in which the changes are visible.
///
/// Without changes only the marker is written. A conflict, someone else having changed a touched
/// table since the base snapshot, is `catalog/conflict`: run the batch again.
pub async fn commit(state: &State, commit: &Commit<'_>) -> Result<SnapshotId> {
    let mut conn = state.writer().await;
    // Rolled back when it is dropped, also by a COMMIT that fails or a task that is given up: the
    // one connection that writes is never left inside a transaction.
    let mut transaction = conn.begin().await?;
    let snapshot = apply(&mut transaction, commit).await?;
    transaction.commit().await?;
    Ok(snapshot)
}

async fn apply(conn: &mut Connection, commit: &Commit<'_>) -> Result<SnapshotId> {
    let (last, schema_version, next_catalog_id, next_file_id): (i64, i64, i64, i64) = query(
        "select snapshot_id, schema_version, next_catalog_id, next_file_id
             from ducklake_snapshot order by snapshot_id desc limit 1",
    )
    .fetch_one(&mut *conn)
    .await?;
    if last != commit.base {
        for table in commit.touched {
            refuse_conflict(conn, *table, commit.base).await?;
        }
    }
    let mut snapshot = last;
    if !commit.changes.is_empty() {
        snapshot = last + 1;
        let mut writer = Writer {
            conn,
            snapshot,
            catalog_id: next_catalog_id,
            file_id: next_file_id,
            made: Vec::new(),
            reshaped: BTreeSet::new(),
            shape_changed: false,
            tables: BTreeMap::new(),
            now: commit.now,
        };
        for change in commit.changes {
            writer.change(change).await?;
        }
        writer.finish(schema_version, commit).await?;
    }
    if let Some(marker) = commit.marker {
        records::mark_done(conn, marker, Some(snapshot)).await?;
    }
    Ok(snapshot)
}

async fn refuse_conflict(conn: &mut Connection, table: i64, base: i64) -> Result<()> {
    let (changes,): (i64,) = query(
        "select (select count(*) from ducklake_data_file where table_id = $1
                   and (begin_snapshot > $2 or end_snapshot > $2))
              + (select count(*) from ducklake_delete_file where table_id = $1
                   and (begin_snapshot > $2 or end_snapshot > $2 or partial_max > $2))
              + (select count(*) from ducklake_column where table_id = $1
                   and (begin_snapshot > $2 or end_snapshot > $2))
              + (select count(*) from ducklake_table where table_id = $1 and end_snapshot > $2)",
    )
    .bind(table)
    .bind(base)
    .fetch_one(&mut *conn)
    .await?;
    if changes == 0 {
        return Ok(());
    }
    Err(Error::failed("catalog/conflict", "someone else changed the table while the task ran")
        .hint("run again: nothing of this task was kept"))
}

/// Writes changes under one new snapshot; `commit_shape` and `commit_files` hold its verbs.
pub(super) struct Writer<'a> {
    pub(super) conn: &'a mut Connection,
    pub(super) snapshot: SnapshotId,
    pub(super) catalog_id: i64,
    pub(super) file_id: i64,
    /// Entries of `changes_made`, in order, without repeats.
    pub(super) made: Vec<String>,
    /// Tables whose columns or name changed.
    pub(super) reshaped: BTreeSet<i64>,
    pub(super) shape_changed: bool,
    /// Ids of tables created here.
    pub(super) tables: BTreeMap<TableName, i64>,
    pub(super) now: &'a str,
}

impl Writer<'_> {
    async fn change(&mut self, change: &Change) -> Result<()> {
        match change {
            Change::CreateSchema { name } => self.create_schema(name).await,
            Change::DropSchema { id } => {
                self.end("update ducklake_schema set end_snapshot = $1 where schema_id = $2 and end_snapshot is null", *id).await?;
                self.note(format!("dropped_schema:{id}"), true);
                Ok(())
            }
            Change::CreateTable { name, folder, columns, attributes } => {
                self.create_table(name, folder, columns, attributes.as_deref()).await
            }
            Change::DropTable { id } => self.drop_table(*id).await,
            Change::RenameTable { id, name } => self.rename_table(*id, name).await,
            Change::AddColumn { table, column } => self.add_column(*table, column).await,
            Change::DropColumn { table, column } => {
                self.end_column(*table, *column).await?;
                self.altered(*table);
                Ok(())
            }
            Change::RenameColumn { table, column, name } => {
                self.rename_column(*table, *column, name).await
            }
            Change::Attributes { table, attributes } => {
                self.retag(*table, attributes.as_deref()).await
            }
            Change::Retype { table, column } => self.retype(*table, column).await,
            Change::External { name, definition } => {
                self.external(name, definition.as_deref()).await
            }
            Change::Identity { table, column } => self.identity(*table, column).await,
            Change::CreateView(view) => self.create_view(view).await,
            Change::DropView { id } => {
                self.end("update ducklake_view set end_snapshot = $1 where view_id = $2 and end_snapshot is null", *id).await?;
                self.end("update ducklake_tag set end_snapshot = $1 where object_id = $2 and end_snapshot is null", *id).await?;
                self.note(format!("dropped_view:{id}"), true);
                Ok(())
            }
            Change::Files { table, id, added, removed, deletes } => {
                self.files(table, *id, added, removed, deletes).await
            }
        }
    }

    pub(super) fn note(&mut self, entry: String, reshapes: bool) {
        self.shape_changed |= reshapes;
        if !self.made.contains(&entry) {
            self.made.push(entry);
        }
    }

    pub(super) fn altered(&mut self, table: i64) {
        self.reshaped.insert(table);
        self.note(format!("altered_table:{table}"), true);
    }

    /// Runs an UPDATE of two parameters: the new snapshot and an id.
    pub(super) async fn end(&mut self, sql: &'static str, id: i64) -> Result<()> {
        query(sql).bind(self.snapshot).bind(id).execute(&mut *self.conn).await?;
        Ok(())
    }

    async fn finish(&mut self, schema_version: i64, commit: &Commit<'_>) -> Result<()> {
        let schema_version = schema_version + i64::from(self.shape_changed);
        query("insert into ducklake_snapshot values ($1, $2, $3, $4, $5)")
            .bind(self.snapshot)
            .bind(Value::Moment(self.now.to_string()))
            .bind(schema_version)
            .bind(self.catalog_id)
            .bind(self.file_id)
            .execute(&mut *self.conn)
            .await?;
        for table in std::mem::take(&mut self.reshaped) {
            query("insert into ducklake_schema_versions values ($1, $2, $3)")
                .bind(self.snapshot)
                .bind(schema_version)
                .bind(table)
                .execute(&mut *self.conn)
                .await?;
        }
        let message = commit.marker.map(|m| format!("{} {}", m.run, m.task));
        let extra = commit.marker.map(|m| {
            serde_json::json!({
                "sequence": m.run.sequence.0, "attempt": m.run.attempt, "task": m.task.as_str(),
                "input_hash": m.input_hash, "rows": m.rows,
            })
            .to_string()
        });
        query("insert into ducklake_snapshot_changes values ($1, $2, 'landfall', $3, $4)")
            .bind(self.snapshot)
            .bind(self.made.join(","))
            .bind(message)
            .bind(extra)
            .execute(&mut *self.conn)
            .await?;
        Ok(())
    }
}
