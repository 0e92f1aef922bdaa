//! The catalog database: one SQLite file that holds the DuckLake catalog and the run records.
//!
//! One connection writes, so that commits never meet; readers have their own. It knows no table:
//! `warehouse::local` and `records` create and use theirs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, SqliteConnection, SqlitePool};
use tokio::sync::{Mutex, MutexGuard};

use crate::error::{Error, Result};

/// An open catalog database. Cheap to clone.
#[derive(Clone)]
pub struct State {
    path: Arc<PathBuf>,
    options: Arc<SqliteConnectOptions>,
    readers: SqlitePool,
    writer: Arc<Mutex<SqliteConnection>>,
}

impl State {
    /// Opens the database at `path`, creating it when it is missing.
    ///
    /// `fsync` decides whether a commit waits for the disk; off, a crash of the machine (never of
    /// the process) can lose the last commits.
    pub async fn open(path: &Path, fsync: bool) -> Result<State> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(if fsync { SqliteSynchronous::Full } else { SqliteSynchronous::Off })
            .busy_timeout(std::time::Duration::from_secs(30));
        let writer =
            SqliteConnection::connect_with(&options).await.map_err(|e| cannot_open(path, e))?;
        // Readers come after the writer: it is the one that creates the file and its journal.
        let readers = SqlitePoolOptions::new()
            .max_connections(4)
            .connect_lazy_with(options.clone().create_if_missing(false).read_only(true));
        Ok(State {
            path: Arc::new(path.to_path_buf()),
            options: Arc::new(options),
            readers,
            writer: Arc::new(Mutex::new(writer)),
        })
    }

    /// Where the database lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The pool for queries that write nothing.
    pub fn readers(&self) -> &SqlitePool {
        &self.readers
    }

    /// The one connection that writes. Hold it for one transaction, begun with
    /// `BEGIN IMMEDIATE`, and never across I/O other than its own.
    ///
    /// SQLite itself ends a transaction that meets a full disk ("Response To Errors Within A
    /// Transaction" of its documentation), and the driver goes on believing that it is in one: such
    /// a connection is given up for a new one.
    pub async fn writer(&self) -> MutexGuard<'_, SqliteConnection> {
        let mut writer = self.writer.lock().await;
        if writer.is_in_transaction() {
            // The rollback of a transaction that was dropped may be under way; this waits for it.
            let _ = writer.ping().await;
        }
        if writer.is_in_transaction()
            && let Ok(fresh) = SqliteConnection::connect_with(&self.options).await
        {
            *writer = fresh;
        }
        writer
    }
}

/// Why SQLite refused, by the number of its result code, and what helps.
fn reason(cause: &sqlx::Error) -> Option<(&'static str, &'static str)> {
    let code: u32 = cause.as_database_error()?.code()?.parse().ok()?;
    // The low byte is the primary result code (sqlite.org/rescode.html).
    Some(match code & 0xff {
        5 | 6 => ("another process writes to it", "wait until that process ends, then try again"),
        8 => ("it cannot be written to", "check the permissions of the state folder"),
        10 => ("its disk fails", "check the disk and the system's log"),
        11 | 26 => (
            "it is damaged",
            "restore the state folder from a copy; or move it, landing/ and quarantine/ away and run: \
             everything is read anew",
        ),
        13 => ("its disk is full", "make room on it, then run again: it goes on where it stopped"),
        14 => (
            "its file cannot be opened",
            "check that the folder exists and that you may write to it",
        ),
        _ => return None,
    })
}

fn cannot_open(path: &Path, cause: sqlx::Error) -> Error {
    let message = format!("cannot open the catalog `{}`", path.display());
    match reason(&cause) {
        Some((why, hint)) => {
            Error::config("state/open", format!("{message}: {why}")).because(cause).hint(hint)
        }
        None => Error::config("state/open", message)
            .because(cause)
            .hint("check that the folder exists and that you may write to it"),
    }
}

/// Turns an error of a catalog query into ours.
pub fn db_error(cause: sqlx::Error) -> Error {
    let message = "the catalog database refused a statement";
    match reason(&cause) {
        Some((why, hint)) => {
            Error::failed("state/database", format!("{message}: {why}")).because(cause).hint(hint)
        }
        None => Error::failed("state/database", message).because(cause),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn state(folder: &tempfile::TempDir) -> State {
        State::open(&folder.path().join("c.sqlite"), false).await.expect("opens")
    }

    #[tokio::test]
    async fn a_full_disk_stops_one_transaction_and_not_the_next() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = state(&folder).await;
        let full = {
            let mut writer = state.writer().await;
            for sql in ["create table t (x)", "pragma max_page_count = 20"] {
                sqlx::query(sql).execute(&mut *writer).await.expect(sql);
            }
            let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.expect("begins");
            let fill = sqlx::query("insert into t values (zeroblob(200000))");
            let full = fill.execute(&mut *transaction).await.expect_err("20 pages are too few");
            assert!(transaction.rollback().await.is_err(), "SQLite has rolled back already");
            db_error(full)
        };
        assert!(full.message().ends_with("its disk is full"), "{full:?}");
        assert!(full.advice().is_some_and(|hint| hint.starts_with("make room")));
        let mut writer = state.writer().await;
        let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.expect("begins again");
        sqlx::query("insert into t values (1)").execute(&mut *transaction).await.expect("inserts");
        transaction.commit().await.expect("commits");
        let (rows,): (i64,) =
            sqlx::query_as("select count(*) from t").fetch_one(&mut *writer).await.expect("counts");
        assert_eq!(rows, 1);
    }

    #[tokio::test]
    async fn a_dropped_transaction_leaves_the_connection_in_use() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = state(&folder).await;
        {
            let mut writer = state.writer().await;
            // Of this connection alone, so that a new one would show.
            sqlx::query("create temp table mark (x)").execute(&mut *writer).await.expect("marks");
            drop(writer.begin_with("BEGIN IMMEDIATE").await.expect("begins"));
        }
        let mut writer = state.writer().await;
        sqlx::query("select * from mark").fetch_all(&mut *writer).await.expect("the same one");
        writer.begin_with("BEGIN IMMEDIATE").await.expect("begins again");
    }

    #[tokio::test]
    async fn a_file_that_is_no_database_is_said_to_be_damaged() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("c.sqlite");
        std::fs::write(&path, "no database, but longer than a header ".repeat(40)).expect("writes");
        let error = State::open(&path, false).await.err().expect("refused");
        assert!(error.message().ends_with("c.sqlite`: it is damaged"), "{error:?}");
        assert!(error.advice().is_some_and(|hint| hint.contains("from a copy")));
    }
}
