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
            .connect_lazy_with(options.create_if_missing(false).read_only(true));
        Ok(State {
            path: Arc::new(path.to_path_buf()),
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
    pub async fn writer(&self) -> MutexGuard<'_, SqliteConnection> {
        self.writer.lock().await
    }
}

fn cannot_open(path: &Path, cause: sqlx::Error) -> Error {
    Error::config("state/open", format!("cannot open the catalog `{}`", path.display()))
        .because(cause)
        .hint("check that the folder exists and that you may write to it")
}

/// Turns an error of a catalog query into ours.
pub fn db_error(cause: sqlx::Error) -> Error {
    Error::failed("state/database", "the catalog database refused a statement").because(cause)
}
