//! The order database as a SQLite file: written beside the old file and renamed over it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteLockingMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection as _, Executor, SqliteConnection};

use super::{foreign, insert_statement, pieces, refuse_foreign};
use crate::config::DatabaseSource;
use crate::error::{Error, Result};
use crate::seed::database::{Connection, failed, sqlite_arguments, sqlite_path, trusted};
use crate::seed::partial::Partial;
use crate::seed::tables::{self, Batch, Dialect};

/// Rows a statement: more saves nothing, and 14 columns stay far under SQLite's 32,766 values.
const ROWS_A_STATEMENT: usize = 200;

/// A database file being filled.
pub struct Place {
    // Before the file, so that it is closed before the file goes.
    connection: SqliteConnection,
    target: PathBuf,
    partial: Partial,
}

impl Place {
    pub async fn begin(source: &DatabaseSource) -> Result<Place> {
        let target = sqlite_path(source)?;
        if std::fs::metadata(&target).is_ok_and(|file| file.len() > 0) {
            settle_old(source, &target).await?;
        }
        let partial = Partial::begin(&target)?;
        // The file is thrown away if anything goes wrong, so it needs no journal, and one sync
        // at its end is enough. Rows come in the order of their keys, so 16 MB of pages do.
        let options = SqliteConnectOptions::new()
            .filename(partial.path())
            .journal_mode(SqliteJournalMode::Off)
            .synchronous(SqliteSynchronous::Off)
            .locking_mode(SqliteLockingMode::Exclusive)
            .pragma("cache_size", "-16384")
            .disable_statement_logging();
        let mut connection = options.connect().await.map_err(|e| failed("open", e))?;
        run(&mut connection, "begin").await?;
        for table in tables::ALL {
            run(&mut connection, &table.create(Dialect::Sqlite, table.name)).await?;
        }
        Ok(Place { connection, target, partial })
    }

    pub async fn write(&mut self, batch: &Batch) -> Result<()> {
        insert(&mut self.connection, batch.table.name, batch).await
    }

    pub async fn publish(mut self) -> Result<()> {
        for table in tables::ALL {
            run(&mut self.connection, &table.index(table.name)).await?;
        }
        run(&mut self.connection, "commit").await?;
        self.connection.close().await.map_err(|e| failed("close", e))?;
        // A log of the old file must not be replayed into the new one.
        for suffix in ["-wal", "-shm", "-journal"] {
            let beside = beside(&self.target, suffix);
            match std::fs::remove_file(&beside) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(crate::seed::partial::failed(&beside, e));
                }
                _ => {}
            }
        }
        self.partial.publish()
    }
}

/// Adds rows by statements of many rows each.
pub async fn insert(connection: &mut SqliteConnection, name: &str, batch: &Batch) -> Result<()> {
    let many: Arc<str> = insert_statement(batch.table, name, ROWS_A_STATEMENT).into();
    for piece in pieces(batch, ROWS_A_STATEMENT) {
        let rows = piece.len() / batch.table.columns.len();
        let sql = match rows {
            ROWS_A_STATEMENT => Arc::clone(&many),
            fewer => insert_statement(batch.table, name, fewer).into(),
        };
        let query = sqlx::query_with(trusted(sql), sqlite_arguments(piece))
            .persistent(rows == ROWS_A_STATEMENT);
        query.execute(&mut *connection).await.map_err(|e| failed("insert into", e))?;
    }
    Ok(())
}

/// Looks whether the old file is the sample's to replace, and folds its write-ahead log or
/// journal into it, so that until the last step it stays a whole database.
async fn settle_old(source: &DatabaseSource, target: &Path) -> Result<()> {
    let mut old = Connection::open(source).await?;
    let names: Vec<(String,)> = old
        .fetch(
            "select name from sqlite_master where type in ('table', 'view') \
             and name not like 'sqlite\\_%' escape '\\' order by name",
            &[],
        )
        .await
        .map_err(|e| foreign(format!("`{}` is no SQLite database", target.display())).because(e))?;
    let others: Vec<String> = names
        .into_iter()
        .map(|row| row.0)
        .filter(|name| tables::ALL.iter().all(|table| table.name != name))
        .collect();
    if !others.is_empty() {
        return Err(foreign(format!(
            "`{}` holds tables that are not the sample's: {}",
            target.display(),
            others.join(", ")
        )));
    }
    refuse_foreign(&mut old).await?;
    if beside(target, "-wal").exists() {
        old.command("pragma journal_mode = delete").await.map_err(|e| {
            Error::failed("seed/in_use", format!("`{}` is in use", target.display()))
                .because(e)
                .hint("close what has it open")
        })?;
    }
    old.close().await
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

async fn run(connection: &mut SqliteConnection, sql: &str) -> Result<()> {
    connection.execute(sqlx::raw_sql(trusted(sql))).await.map_err(|e| failed(sql, e))?;
    Ok(())
}
