//! SQLite: an existing file, opened read-only.
//!
//! SQLite has one writer at a time, so taking its write lock for an instant proves that no
//! transaction is open (rule W4); that needs a writable file, and otherwise the window stays
//! `lag_seconds` behind. It never creates a database and never writes to one.

use std::path::PathBuf;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{ConnectOptions, Connection, Row};

use super::decode::sqlite as decode;
use super::described::{Driver, SourceColumn, SourceTable, readings};
use super::failure::{self, Named};
use super::query::Statement;
use super::source::{Job, Source, parse_moment};
use super::stream::{Sender, pump};
use super::window::{Open, Reading};
use crate::config::DatabaseSource;
use crate::error::{Error, Result};

/// Rows the driver's thread may be ahead of us.
const AHEAD: usize = 512;
/// How long a reader waits for a writer.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the clock waits for a writer before it settles for the lag.
const PATIENCE_OF_THE_CLOCK: Duration = Duration::from_secs(5);

#[derive(Clone)]
pub struct Sqlite {
    path: PathBuf,
    options: SqliteConnectOptions,
    lag_seconds: u32,
    named: Named,
}

impl Source for Sqlite {
    const DRIVER: Driver = Driver::Sqlite;
    type Connection = SqliteConnection;

    async fn connect(config: &DatabaseSource) -> Result<Sqlite> {
        let path = config.url.to_file_path().map_err(|()| {
            Error::config(
                "source/url",
                format!("`{}` does not name a file: expected sqlite: and a path", config.url),
            )
            .about(&config.name)
        })?;
        let shown = path.display();
        let metadata = tokio::fs::metadata(&path).await.map_err(|e| {
            Error::connect("connect/no_file", format!("there is no database at {shown}"))
                .hint("`landfall seed` makes the sample; otherwise correct source.url")
                .about(&config.name)
                .because(e)
        })?;
        if !metadata.is_file() {
            let message = format!("{shown} is not a file");
            return Err(Error::connect("connect/not_a_file", message)
                .hint("source.url must name an SQLite database file")
                .about(&config.name));
        }
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(false)
            .row_buffer_size(AHEAD)
            .busy_timeout(PATIENCE)
            .disable_statement_logging();
        let named = Named::new(config);
        let source = Sqlite { path, options, lag_seconds: config.lag_seconds, named };
        let mut connection = source.open().await?;
        sqlx::query("SELECT count(*) FROM sqlite_schema")
            .fetch_one(&mut connection)
            .await
            .map_err(|e| source.named.connect(e))?;
        Ok(source)
    }

    async fn open(&self) -> Result<SqliteConnection> {
        let options = self.options.clone().read_only(true);
        options.connect().await.map_err(|e| self.named.connect(e))
    }

    async fn names(&self, connection: &mut SqliteConnection) -> Result<Vec<String>> {
        let rows = sqlx::query(
            "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') \
             AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
        )
        .fetch_all(connection)
        .await
        .map_err(|e| self.named.query("listing the tables", e))?;
        Ok(rows.iter().filter_map(|r| r.try_get(0).ok()).collect())
    }

    async fn describe(
        &self,
        connection: &mut SqliteConnection,
        from: &str,
    ) -> Result<Option<SourceTable>> {
        for (schema, name) in readings(from) {
            if schema.is_some_and(|s| !s.eq_ignore_ascii_case("main")) {
                continue;
            }
            if let Some(table) = self.describe_one(connection, name).await? {
                return Ok(Some(table));
            }
        }
        Ok(None)
    }

    async fn clock(&self) -> Result<Reading> {
        let server = format!("sqlite@{}", gethostname::gethostname().to_string_lossy());
        let options = self.options.clone().read_only(false).busy_timeout(PATIENCE_OF_THE_CLOCK);
        let why = match options.connect().await {
            Err(e) => self.why_unseen(e)?,
            Ok(mut connection) => match self.clock_without_writer(&mut connection).await {
                Ok(now) => {
                    let now = parse_moment(&now)?;
                    return Ok(Reading { now, open: Open::Seen(None), server });
                }
                Err(e) => self.why_unseen(e)?,
            },
        };
        let mut connection = self.open().await?;
        let now = sqlx::query_scalar::<_, String>(NOW)
            .fetch_one(&mut connection)
            .await
            .map_err(|e| self.named.query("reading the clock", e))?;
        let open = Open::Unseen { lag_seconds: self.lag_seconds, why };
        Ok(Reading { now: parse_moment(&now)?, open, server })
    }

    async fn text(
        &self,
        connection: &mut SqliteConnection,
        statement: &Statement,
    ) -> Result<Option<String>> {
        // As bytes: a text of SQLite need not be UTF-8.
        let mut query = sqlx::query_scalar::<_, Option<Vec<u8>>>(statement.text());
        for bind in &statement.binds {
            query = query.bind(bind);
        }
        let bytes = query
            .fetch_one(connection)
            .await
            .map_err(|e| self.named.query("reading one value", e))?;
        Ok(bytes.map(|b| String::from_utf8_lossy(&b).into_owned()))
    }

    async fn count(&self, connection: &mut SqliteConnection, statement: &Statement) -> Result<u64> {
        let mut query = sqlx::query_scalar::<_, i64>(statement.text());
        for bind in &statement.binds {
            query = query.bind(bind);
        }
        let count =
            query.fetch_one(connection).await.map_err(|e| self.named.query("counting rows", e))?;
        Ok(count.max(0).unsigned_abs())
    }

    async fn begin(&self, connection: &mut SqliteConnection) -> Result<()> {
        // Deferred: the first read takes the snapshot that all later reads share.
        sqlx::raw_sql("BEGIN")
            .execute(connection)
            .await
            .map(|_| ())
            .map_err(|e| self.named.query("beginning the snapshot", e))
    }

    async fn stream(
        &self,
        connection: &mut SqliteConnection,
        job: Job,
        sender: &Sender,
    ) -> Result<()> {
        let mut query = sqlx::query(job.select.text());
        for bind in job.select.binds {
            query = query.bind(bind);
        }
        let rows = query.fetch(connection);
        let push = |batches: &mut super::decode::batch::Batches, row: &SqliteRow| {
            batches.push(|index| decode::value(row, index))
        };
        pump(rows, push, job.batches, job.expected, &self.named, sender).await
    }
}

const NOW: &str = "SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')";

impl Sqlite {
    async fn describe_one(
        &self,
        connection: &mut SqliteConnection,
        name: &str,
    ) -> Result<Option<SourceTable>> {
        let failed = |e| self.named.query("describing the table", e);
        let found = sqlx::query(
            "SELECT name, type = 'view' FROM sqlite_schema \
             WHERE type IN ('table', 'view') AND name = ? COLLATE NOCASE",
        )
        .bind(name)
        .fetch_optional(&mut *connection)
        .await
        .map_err(failed)?;
        let Some(found) = found else { return Ok(None) };
        let name: String = found.try_get(0).map_err(failed)?;
        let view = found.try_get::<i64, _>(1).map_err(failed)? != 0;
        // Hidden columns (1) belong to virtual tables; generated ones (2, 3) hold data.
        let rows = sqlx::query(
            "SELECT name, type, \"notnull\", pk FROM pragma_table_xinfo(?) \
             WHERE hidden <> 1 ORDER BY cid",
        )
        .bind(&name)
        .fetch_all(&mut *connection)
        .await
        .map_err(failed)?;
        let mut columns = Vec::with_capacity(rows.len());
        let mut key: Vec<(i64, String)> = Vec::new();
        for row in &rows {
            let column: String = row.try_get(0).map_err(failed)?;
            let type_text: String = row.try_get(1).map_err(failed)?;
            let not_null = row.try_get::<i64, _>(2).map_err(failed)? != 0;
            let place: i64 = row.try_get(3).map_err(failed)?;
            if place > 0 {
                key.push((place, column.clone()));
            }
            // A primary key may hold NULL in SQLite by an old mistake of its; such rows are put
            // aside one by one, so the key itself counts as NOT NULL.
            let nullable = !not_null && place == 0;
            columns.push(SourceColumn { name: column, type_text, nullable, folds_case: false });
        }
        key.sort();
        let primary_key = key.into_iter().map(|(_, name)| name).collect();
        Ok(Some(SourceTable { schema: None, name, view, columns, primary_key, rows: None }))
    }

    /// The time while nobody can be writing.
    async fn clock_without_writer(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<String, sqlx::Error> {
        let mut lock = connection.begin_with("BEGIN IMMEDIATE").await?;
        let now = sqlx::query_scalar::<_, String>(NOW).fetch_one(&mut *lock).await?;
        lock.rollback().await?;
        Ok(now)
    }

    /// Why the write lock cannot be had; the error itself where that is no excuse.
    fn why_unseen(&self, error: sqlx::Error) -> Result<String> {
        let path = self.path.display();
        match failure::sqlite_code(&error) {
            Some(5 | 6) => Ok(format!("another program holds {path} for writing")),
            // Read-only, cannot open its journal, no permission.
            Some(8 | 14 | 3 | 23) => Ok(format!("{path} is not writable")),
            _ => Err(self.named.query("reading the clock", error)),
        }
    }
}
