//! MySQL and MariaDB.
//!
//! The session is read-only, in UTC, and waits long for a slow reader. It needs SELECT on the
//! tables; with PROCESS it also sees open transactions, and without it windows stay `lag_seconds`
//! behind. It never writes.

use chrono::{Duration as Span, NaiveDateTime};
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlRow, MySqlSslMode};
use sqlx::{ConnectOptions, Row};

use super::decode::batch::Batches;
use super::decode::mysql as decode;
use super::described::{Driver, SourceColumn, SourceTable, readings};
use super::failure::{self, Named};
use super::query::Statement;
use super::source::{Job, Source, parse_moment, with_time_limit};
use super::stream::{Sender, pump};
use super::window::{Open, Reading};
use crate::config::{DatabaseSource, is_local};
use crate::error::{Error, Result};

#[derive(Clone)]
pub struct MySql {
    options: MySqlConnectOptions,
    lag_seconds: u32,
    named: Named,
}

/// What every connection is told first. `net_write_timeout`: the server waits ten minutes for a
/// slow reader instead of one. Statements cannot run away with a lock: nothing here takes one.
const SESSION: &str = "SET SESSION net_write_timeout = 600, SESSION wait_timeout = 28800";
const READ_ONLY: &str = "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY";

impl Source for MySql {
    const DRIVER: Driver = Driver::MySql;
    type Connection = MySqlConnection;

    async fn connect(config: &DatabaseSource) -> Result<MySql> {
        let named = Named::new(config);
        let options = MySqlConnectOptions::from_url(&config.url).map_err(|e| named.connect(e))?;
        let safe = match (config.tls_off, is_local(&config.url)) {
            (true, _) => MySqlSslMode::Disabled,
            // Encrypted where the server can, since some logins need it; nobody listens in between.
            (false, true) => MySqlSslMode::Preferred,
            (false, false) => MySqlSslMode::VerifyIdentity,
        };
        let mut options = options
            .ssl_mode(safe)
            .charset("utf8mb4")
            .timezone(Some("+00:00".to_string()))
            .disable_statement_logging();
        if let Some(password) = &config.password {
            options = options.password(password.reveal());
        }
        let source = MySql { options, lag_seconds: config.lag_seconds, named };
        let mut connection = source.open().await?;
        let database = sqlx::query_scalar::<_, Option<String>>("SELECT DATABASE()")
            .fetch_one(&mut connection)
            .await
            .map_err(|e| source.named.connect(e))?;
        if database.is_none() {
            return Err(Error::config("source/url", "source.url names no database")
                .hint("add it as the path: mysql://user@host/database")
                .about(&config.name));
        }
        Ok(source)
    }

    async fn open(&self) -> Result<MySqlConnection> {
        let connected = with_time_limit(self.options.connect()).await;
        let mut connection = connected.map_err(|e| self.named.connect(e))?;
        for statement in [SESSION, READ_ONLY] {
            sqlx::raw_sql(statement)
                .execute(&mut connection)
                .await
                .map_err(|e| self.named.connect(e))?;
        }
        Ok(connection)
    }

    async fn names(&self, connection: &mut MySqlConnection) -> Result<Vec<String>> {
        let rows = sqlx::query(
            "SELECT CAST(table_name AS CHAR) FROM information_schema.tables \
             WHERE table_schema = DATABASE() AND table_type IN ('BASE TABLE', 'VIEW') ORDER BY 1",
        )
        .fetch_all(connection)
        .await
        .map_err(|e| self.named.query("listing the tables", e))?;
        Ok(rows.iter().filter_map(|r| r.try_get(0).ok()).collect())
    }

    async fn describe(
        &self,
        connection: &mut MySqlConnection,
        from: &str,
    ) -> Result<Option<SourceTable>> {
        for (schema, name) in readings(from) {
            if let Some(table) = self.describe_one(connection, schema, name).await? {
                return Ok(Some(table));
            }
        }
        Ok(None)
    }

    async fn clock(&self) -> Result<Reading> {
        let mut connection = self.open().await?;
        let failed = |e| self.named.query("reading the clock", e);
        let row = sqlx::query("SELECT CAST(NOW(6) AS CHAR), CAST(VERSION() AS CHAR)")
            .fetch_one(&mut connection)
            .await
            .map_err(failed)?;
        let now = parse_moment(&row.try_get::<String, _>(0).map_err(failed)?)?;
        let maria = row.try_get::<String, _>(1).map_err(failed)?.contains("MariaDB");
        let server = self.server(&mut connection).await.map_err(failed)?;
        let open = match self.replica_lag(&mut connection).await? {
            Some(seconds) => Open::Unseen {
                lag_seconds: seconds.saturating_add(self.lag_seconds),
                why: format!("it is a replica, {seconds} seconds behind"),
            },
            None => match self.oldest_open(&mut connection, now, maria).await {
                Ok(oldest) => Open::Seen(oldest),
                Err(e) if failure::is_denied(&e) => Open::Unseen {
                    lag_seconds: self.lag_seconds,
                    why: "the user lacks the PROCESS privilege".to_string(),
                },
                Err(e) => return Err(failed(e)),
            },
        };
        Ok(Reading { now, open, server })
    }

    async fn text(
        &self,
        connection: &mut MySqlConnection,
        statement: &Statement,
    ) -> Result<Option<String>> {
        let mut query = sqlx::query_scalar::<_, Option<String>>(statement.text());
        for bind in &statement.binds {
            query = query.bind(bind);
        }
        query.fetch_one(connection).await.map_err(|e| self.named.query("reading one value", e))
    }

    async fn count(&self, connection: &mut MySqlConnection, statement: &Statement) -> Result<u64> {
        let mut query = sqlx::query_scalar::<_, i64>(statement.text());
        for bind in &statement.binds {
            query = query.bind(bind);
        }
        let count =
            query.fetch_one(connection).await.map_err(|e| self.named.query("counting rows", e))?;
        Ok(count.max(0).unsigned_abs())
    }

    async fn begin(&self, connection: &mut MySqlConnection) -> Result<()> {
        sqlx::raw_sql("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
            .execute(connection)
            .await
            .map(|_| ())
            .map_err(|e| self.named.query("beginning the snapshot", e))
    }

    async fn stream(
        &self,
        connection: &mut MySqlConnection,
        job: Job,
        sender: &Sender,
    ) -> Result<()> {
        let mut query = sqlx::query(job.select.text());
        for bind in job.select.binds {
            query = query.bind(bind);
        }
        let rows = query.fetch(connection);
        // The columns of a result are those of its first row.
        let mut wires = Vec::new();
        let push = |batches: &mut Batches, row: &MySqlRow| {
            if wires.is_empty() {
                wires = decode::wires(row);
            }
            batches.push(|index| decode::value(row, index, &wires))
        };
        pump(rows, push, job.batches, job.expected, &self.named, sender).await
    }
}

impl MySql {
    async fn describe_one(
        &self,
        connection: &mut MySqlConnection,
        schema: Option<&str>,
        name: &str,
    ) -> Result<Option<SourceTable>> {
        let failed = |e| self.named.query("describing the table", e);
        let found = sqlx::query(
            "SELECT CAST(table_name AS CHAR), table_type = 'VIEW', CAST(table_rows AS SIGNED) \
             FROM information_schema.tables \
             WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ?",
        )
        .bind(schema)
        .bind(name)
        .fetch_optional(&mut *connection)
        .await
        .map_err(failed)?;
        let Some(found) = found else { return Ok(None) };
        let name: String = found.try_get(0).map_err(failed)?;
        let view = found.try_get::<i64, _>(1).map_err(failed)? != 0;
        let rows: Option<i64> = found.try_get(2).map_err(failed)?;
        let found = sqlx::query(
            "SELECT CAST(column_name AS CHAR), CAST(column_type AS CHAR), is_nullable = 'YES', \
             COALESCE(CAST(collation_name AS CHAR), ''), column_key = 'PRI' \
             FROM information_schema.columns \
             WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ? \
             ORDER BY ordinal_position",
        )
        .bind(schema)
        .bind(&name)
        .fetch_all(&mut *connection)
        .await
        .map_err(failed)?;
        let mut columns = Vec::with_capacity(found.len());
        let mut primary_key = Vec::new();
        for row in &found {
            let column: String = row.try_get(0).map_err(failed)?;
            let collation: String = row.try_get(3).map_err(failed)?;
            if row.try_get::<i64, _>(4).map_err(failed)? != 0 {
                primary_key.push(column.clone());
            }
            columns.push(SourceColumn {
                name: column,
                type_text: row.try_get(1).map_err(failed)?,
                nullable: row.try_get::<i64, _>(2).map_err(failed)? != 0,
                folds_case: !collation.is_empty() && !collation.ends_with("_bin"),
            });
        }
        Ok(Some(SourceTable {
            schema: schema.map(str::to_string),
            name,
            view,
            columns,
            primary_key,
            rows: rows.and_then(|n| u64::try_from(n).ok()),
        }))
    }

    /// What tells this server from another: `server_uuid` where there is one, and where it runs.
    async fn server(&self, connection: &mut MySqlConnection) -> Result<String, sqlx::Error> {
        let rows = sqlx::query(
            "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('hostname', 'port', 'server_uuid')",
        )
        .fetch_all(connection)
        .await?;
        let mut parts = Vec::new();
        for row in &rows {
            parts.push(row.try_get::<String, _>(1)?);
        }
        Ok(parts.join("/"))
    }

    /// The start of the oldest transaction or statement of anyone else, in UTC (rule W3).
    ///
    /// Running statements count too: one that waits for a table's definition has its time already
    /// and is in no list of transactions yet.
    async fn oldest_open(
        &self,
        connection: &mut MySqlConnection,
        now: NaiveDateTime,
        maria: bool,
    ) -> Result<Option<NaiveDateTime>, sqlx::Error> {
        // `trx_started` is in the zone of the server's process (`field_store_time_t` of InnoDB),
        // whatever the session's zone. Of the offsets of today and yesterday the one further east
        // is taken: in an hour that clocks repeat it gives the earlier, safe start.
        let row = sqlx::query(
            "SELECT CAST(min(trx_started) AS CHAR), \
             TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), \
             CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', 'SYSTEM')), \
             TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP() - INTERVAL 1 DAY, \
             CONVERT_TZ(UTC_TIMESTAMP() - INTERVAL 1 DAY, '+00:00', 'SYSTEM')) \
             FROM information_schema.innodb_trx WHERE trx_mysql_thread_id <> CONNECTION_ID()",
        )
        .fetch_one(&mut *connection)
        .await?;
        let began = row.try_get::<Option<String>, _>(0)?.and_then(|t| parse_moment(&t).ok());
        let today = row.try_get::<Option<i64>, _>(1)?.unwrap_or(0);
        let yesterday = row.try_get::<Option<i64>, _>(2)?.unwrap_or(0);
        let transaction = began.map(|began| began - Span::seconds(today.max(yesterday)));
        let age = if maria {
            "CAST(max(time_ms) AS DOUBLE)"
        } else {
            "CAST(max(time) AS DOUBLE) * 1000 + 1000"
        };
        let sql = format!(
            "SELECT {age} FROM information_schema.processlist WHERE id <> CONNECTION_ID() \
             AND command IN ('Query', 'Execute', 'Prepare', 'Long Data', 'Fetch', 'Bulk_execute')"
        );
        let statement = Statement { sql, binds: Vec::new() };
        let age: Option<f64> =
            sqlx::query_scalar(statement.text()).fetch_one(&mut *connection).await?;
        let statement = age.map(|age| now - Span::milliseconds(age.max(0.0) as i64));
        Ok([transaction, statement].into_iter().flatten().min())
    }

    /// Seconds behind its primary; `None` when the server is no replica or does not tell.
    async fn replica_lag(&self, connection: &mut MySqlConnection) -> Result<Option<u32>> {
        let mut rows = sqlx::query("SHOW REPLICA STATUS").fetch_all(&mut *connection).await;
        if matches!(&rows, Err(e) if !failure::is_denied(e)) {
            rows = sqlx::query("SHOW SLAVE STATUS").fetch_all(&mut *connection).await;
        }
        let rows = match rows {
            Ok(rows) => rows,
            // Without the privilege it is taken for a primary, as the documentation says.
            Err(e) if failure::is_denied(&e) => return Ok(None),
            Err(e) => return Err(self.named.query("asking for replication", e)),
        };
        let Some(row) = rows.first() else { return Ok(None) };
        for name in ["Seconds_Behind_Master", "Seconds_Behind_Source"] {
            if let Ok(seconds) = row.try_get_unchecked::<Option<i64>, _>(name) {
                let seconds = seconds.ok_or_else(|| {
                    Error::failed("extract/replica_stopped", "the replica does not replicate")
                        .hint("start its replication, or extract from the primary")
                })?;
                return Ok(Some(u32::try_from(seconds).unwrap_or(u32::MAX)));
            }
        }
        Ok(None)
    }
}
