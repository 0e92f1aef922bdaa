//! The catalog database: it holds the DuckLake catalog and the run records.
//!
//! One connection writes, so that commits never meet; readers have their own. It knows no table:
//! `warehouse::local` and `records` create and use theirs, by texts that SQLite and PostgreSQL
//! both know (`query`).

mod query;
mod server;

use std::path::Path;
use std::sync::Arc;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection as _, PgConnection, PgPool, SqliteConnection, SqlitePool};
use tokio::sync::{Mutex, MutexGuard};

use crate::config::{Catalog, Project};
use crate::error::{Error, Result};
use crate::layout::CATALOG_FILE;

pub use query::{Found, On, Query, Value, insert, query};

/// An open catalog database. Cheap to clone.
#[derive(Clone)]
pub struct State {
    readers: Readers,
    writer: Arc<Mutex<Connection>>,
}

/// Connections that write nothing.
#[derive(Clone)]
pub enum Readers {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Readers {
    /// Whether there is a table of this name.
    pub async fn has_table(&self, name: &str) -> Result<bool> {
        let names_it = table_named(matches!(self, Readers::Postgres(_)), name);
        Ok(names_it.fetch_optional::<(String,)>(self).await?.is_some())
    }
}

/// Asks for the table of a name.
fn table_named(in_server: bool, name: &str) -> Query {
    query(match in_server {
        true => {
            "select cast(table_name as varchar) from information_schema.tables
             where table_schema = current_schema() and table_name = $1"
        }
        false => "select name from sqlite_master where type = 'table' and name = $1",
    })
    .bind(name)
}

/// The one connection that writes.
pub struct Connection {
    driver: Driver,
    /// Set from before BEGIN until after COMMIT: what was given up in between is rolled back.
    open: bool,
}

enum Driver {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Connection {
    fn new(driver: Driver) -> Connection {
        Connection { driver, open: false }
    }

    /// Begins a transaction that may write, at once: a later upgrade of a reading one could fail.
    ///
    /// Where it is dropped and not committed, its rollback comes before the next use of the
    /// connection.
    pub async fn begin(&mut self) -> Result<Transaction<'_>> {
        self.settle().await;
        self.open = true;
        match self.is_server() {
            true => self.script(server::begin()).await?,
            false => query("BEGIN IMMEDIATE").execute(&mut *self).await?,
        }
        Ok(Transaction(self))
    }

    /// True in PostgreSQL: for the types of new tables, and for what only a shared catalog needs.
    pub fn is_server(&self) -> bool {
        matches!(self.driver, Driver::Postgres(_))
    }

    /// Ends what a dropped transaction left. That there is none left, as after a full disk, when
    /// SQLite itself has ended it ("Response To Errors Within A Transaction" of its
    /// documentation), is as good.
    async fn settle(&mut self) {
        if std::mem::take(&mut self.open) {
            let _ = query("ROLLBACK").execute(self).await;
        }
    }

    /// Runs several statements without parameters.
    pub async fn script(&mut self, text: String) -> Result<()> {
        let script = sqlx::raw_sql(sqlx::AssertSqlSafe(text));
        match &mut self.driver {
            Driver::Sqlite(on) => script.execute(on).await.map(|_| ()).map_err(db_error),
            Driver::Postgres(on) => script.execute(on).await.map(|_| ()).map_err(server::db_error),
        }
    }

    /// Whether there is a table of this name.
    pub async fn has_table(&mut self, name: &str) -> Result<bool> {
        let names_it = table_named(self.is_server(), name);
        Ok(names_it.fetch_optional::<(String,)>(self).await?.is_some())
    }
}

/// A transaction: all of it once it is committed, nothing where it is dropped before.
pub struct Transaction<'a>(&'a mut Connection);

impl Transaction<'_> {
    pub async fn commit(self) -> Result<()> {
        match self.0.is_server() {
            // PostgreSQL answers the COMMIT of a transaction in which something failed with a
            // rollback, and no error; any other statement is refused there.
            true => self.0.script("select 1; commit".into()).await?,
            false => query("COMMIT").execute(&mut *self.0).await?,
        }
        self.0.open = false;
        Ok(())
    }
}

impl std::ops::Deref for Transaction<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.0
    }
}

impl std::ops::DerefMut for Transaction<'_> {
    fn deref_mut(&mut self) -> &mut Connection {
        self.0
    }
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
        Ok(State::of_parts(Readers::Sqlite(readers), Connection::new(Driver::Sqlite(writer))))
    }

    fn of_parts(readers: Readers, writer: Connection) -> State {
        State { readers, writer: Arc::new(Mutex::new(writer)) }
    }

    /// Opens the catalog database of a project, creating it when it is missing.
    ///
    /// Errors: kind `Connect` when its server cannot be reached.
    pub async fn make(project: &Project) -> Result<State> {
        match &project.catalog {
            Catalog::File => {
                State::open(&project.state_dir.join(CATALOG_FILE), project.fsync).await
            }
            Catalog::Server(server) => server::connect(server, project.fsync, true).await,
        }
    }

    /// Opens the catalog database of a project; `None` where no run has made one. Creates nothing.
    pub async fn existing(project: &Project) -> Result<Option<State>> {
        match &project.catalog {
            Catalog::File => {
                let path = project.state_dir.join(CATALOG_FILE);
                if !path.is_file() {
                    return Ok(None);
                }
                State::open(&path, project.fsync).await.map(Some)
            }
            Catalog::Server(server) => {
                let state = server::connect(server, project.fsync, false).await?;
                let made = state.writer().await.has_table("ducklake_metadata").await?;
                Ok(made.then_some(state))
            }
        }
    }

    /// Where the catalog database of a project is, for people.
    pub fn place(project: &Project) -> String {
        match &project.catalog {
            Catalog::File => project.state_dir.join(CATALOG_FILE).display().to_string(),
            Catalog::Server(server) => server::address(server),
        }
    }

    /// The pool for queries that write nothing.
    pub fn readers(&self) -> &Readers {
        &self.readers
    }

    /// The one connection that writes. Hold it for one transaction, and never across I/O other
    /// than its own.
    pub async fn writer(&self) -> MutexGuard<'_, Connection> {
        let mut writer = self.writer.lock().await;
        writer.settle().await;
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

/// Turns an error of a query into ours.
fn db_error(cause: sqlx::Error) -> Error {
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
                query(sql).execute(&mut *writer).await.expect(sql);
            }
            let mut transaction = writer.begin().await.expect("begins");
            let fill = query("insert into t values (zeroblob(200000))");
            // SQLite has rolled back with this error already.
            fill.execute(&mut *transaction).await.expect_err("20 pages are too few")
        };
        assert!(full.message().ends_with("its disk is full"), "{full:?}");
        assert!(full.advice().is_some_and(|hint| hint.starts_with("make room")));
        let mut writer = state.writer().await;
        let mut transaction = writer.begin().await.expect("begins again");
        query("insert into t values (1)").execute(&mut *transaction).await.expect("inserts");
        transaction.commit().await.expect("commits");
        let (rows,): (i64,) =
            query("select count(*) from t").fetch_one(state.readers()).await.expect("counts");
        assert_eq!(rows, 1);
    }

    #[tokio::test]
    async fn a_dropped_transaction_leaves_nothing_and_the_connection_in_use() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = state(&folder).await;
        {
            let mut writer = state.writer().await;
            // Of this connection alone, so that a new one would show.
            query("create temp table mark (x)").execute(&mut *writer).await.expect("marks");
            let mut transaction = writer.begin().await.expect("begins");
            query("insert into mark values (1)").execute(&mut *transaction).await.expect("inserts");
        }
        let mut writer = state.writer().await;
        let rows: Vec<(i64,)> =
            query("select x from mark").fetch_all(&mut *writer).await.expect("the same one");
        assert_eq!(rows, [], "the transaction was rolled back");
        writer.begin().await.expect("begins again");
    }

    #[tokio::test]
    async fn rows_of_one_insert_keep_their_values() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = state(&folder).await;
        let mut writer = state.writer().await;
        query("create table t (n, s, b)").execute(&mut *writer).await.expect("creates");
        let row = |n: i64, s: Option<&str>| [n.into(), s.into(), (n == 1).into()];
        let rows = [row(1, Some("a ? $1")), row(2, None)];
        insert("insert into t", rows).execute(&mut *writer).await.expect("inserts");
        let found: Vec<(i64, Option<String>, bool)> = query("select * from t where n <> $1")
            .bind(3)
            .fetch_all(&mut *writer)
            .await
            .expect("reads");
        assert_eq!(found, [(1, Some("a ? $1".into()), true), (2, None, false)]);
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
