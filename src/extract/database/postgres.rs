//! PostgreSQL.
//!
//! The session is read-only, in UTC and repeatable read. It needs SELECT on the tables; with the
//! role `pg_read_all_stats` it also sees open transactions, and without it windows stay
//! `lag_seconds` behind. It never writes.

use chrono::{Duration as Span, NaiveDateTime};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgRow, PgSslMode};
use sqlx::{ConnectOptions, Row};

use super::decode::batch::Batches;
use super::decode::postgres as decode;
use super::described::{Driver, SourceColumn, SourceTable, readings};
use super::failure::Named;
use super::query::Statement;
use super::source::{Job, Source, moment_of_micros, with_time_limit};
use super::stream::{Sender, pump};
use super::window::{Open, Reading};
use crate::config::{DatabaseSource, is_local};
use crate::error::{Error, Result};

#[derive(Clone)]
pub struct Postgres {
    options: PgConnectOptions,
    lag_seconds: u32,
    named: Named,
}

impl Source for Postgres {
    const DRIVER: Driver = Driver::Postgres;
    type Connection = PgConnection;

    async fn connect(config: &DatabaseSource) -> Result<Postgres> {
        let named = Named::new(config);
        let options = PgConnectOptions::from_url(&config.url).map_err(|e| named.connect(e))?;
        let safe = match (config.tls_off, is_local(&config.url)) {
            (true, _) => PgSslMode::Disable,
            (false, true) => PgSslMode::Prefer,
            (false, false) => PgSslMode::VerifyFull,
        };
        let mut options = options
            .ssl_mode(safe)
            .application_name("landfall")
            .options([
                ("default_transaction_read_only", "on"),
                ("timezone", "UTC"),
                ("idle_in_transaction_session_timeout", "0"),
            ])
            .disable_statement_logging();
        if let Some(password) = &config.password {
            options = options.password(password.reveal());
        }
        let source = Postgres { options, lag_seconds: config.lag_seconds, named };
        source.open().await?;
        Ok(source)
    }

    async fn open(&self) -> Result<PgConnection> {
        let connected = with_time_limit(self.options.connect()).await;
        connected.map_err(|e| self.named.connect(e))
    }

    async fn names(&self, connection: &mut PgConnection) -> Result<Vec<String>> {
        let rows = sqlx::query(
            "SELECT CASE WHEN n.nspname = current_schema() THEN c.relname::text \
             ELSE n.nspname || '.' || c.relname END \
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition \
             AND n.nspname NOT IN ('pg_catalog', 'information_schema') \
             AND n.nspname NOT LIKE 'pg\\_t%' ORDER BY 1",
        )
        .fetch_all(connection)
        .await
        .map_err(|e| self.named.query("listing the tables", e))?;
        Ok(rows.iter().filter_map(|r| r.try_get(0).ok()).collect())
    }

    async fn describe(
        &self,
        connection: &mut PgConnection,
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
        // A statement of its own: the time is read before anything else is looked at.
        let micros: i64 =
            sqlx::query_scalar("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")
                .fetch_one(&mut connection)
                .await
                .map_err(failed)?;
        let now = moment(micros)?;
        let server = self.server(&mut connection).await;
        let row = sqlx::query(
            "SELECT pg_is_in_recovery(), pg_has_role('pg_read_all_stats', 'USAGE'), \
             current_setting('track_activities') = 'on'",
        )
        .fetch_one(&mut connection)
        .await
        .map_err(failed)?;
        let replica: bool = row.try_get(0).map_err(failed)?;
        let allowed: bool = row.try_get(1).map_err(failed)?;
        let tracked: bool = row.try_get(2).map_err(failed)?;
        let unseen = |why: &str| Open::Unseen { lag_seconds: self.lag_seconds, why: why.into() };
        let open = if replica {
            self.replica(&mut connection, now).await?
        } else if !allowed {
            unseen("the user lacks the role pg_read_all_stats")
        } else if !tracked {
            unseen("track_activities is off")
        } else {
            Open::Seen(self.oldest_open(&mut connection).await?)
        };
        Ok(Reading { now, open, server })
    }

    async fn text(
        &self,
        connection: &mut PgConnection,
        statement: &Statement,
    ) -> Result<Option<String>> {
        let mut query = sqlx::query_scalar::<_, Option<String>>(statement.text());
        for bind in &statement.binds {
            query = query.bind(bind);
        }
        query.fetch_one(connection).await.map_err(|e| self.named.query("reading one value", e))
    }

    async fn count(&self, connection: &mut PgConnection, statement: &Statement) -> Result<u64> {
        let mut query = sqlx::query_scalar::<_, i64>(statement.text());
        for bind in &statement.binds {
            query = query.bind(bind);
        }
        let count =
            query.fetch_one(connection).await.map_err(|e| self.named.query("counting rows", e))?;
        Ok(count.max(0).unsigned_abs())
    }

    async fn begin(&self, connection: &mut PgConnection) -> Result<()> {
        sqlx::raw_sql("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            .execute(connection)
            .await
            .map(|_| ())
            .map_err(|e| self.named.query("beginning the snapshot", e))
    }

    async fn stream(&self, connection: &mut PgConnection, job: Job, sender: &Sender) -> Result<()> {
        let mut query = sqlx::query(job.select.text());
        for bind in job.select.binds {
            query = query.bind(bind);
        }
        let rows = query.fetch(connection);
        // The columns of a result are those of its first row.
        let mut wires = Vec::new();
        let push = |batches: &mut Batches, row: &PgRow| {
            if wires.is_empty() {
                wires = decode::wires(row);
            }
            batches.push(|index| decode::value(row, index, &wires))
        };
        pump(rows, push, job.batches, job.expected, &self.named, sender).await
    }
}

impl Postgres {
    async fn describe_one(
        &self,
        connection: &mut PgConnection,
        schema: Option<&str>,
        name: &str,
    ) -> Result<Option<SourceTable>> {
        let failed = |e| self.named.query("describing the table", e);
        let found = sqlx::query(
            "SELECT c.oid::bigint, c.relkind IN ('v', 'm'), c.reltuples::bigint \
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relname = $2 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') \
             AND CASE WHEN $1::text IS NULL THEN pg_table_is_visible(c.oid) \
             ELSE n.nspname = $1 END",
        )
        .bind(schema)
        .bind(name)
        .fetch_optional(&mut *connection)
        .await
        .map_err(failed)?;
        let Some(found) = found else { return Ok(None) };
        let oid: i64 = found.try_get(0).map_err(failed)?;
        let view: bool = found.try_get(1).map_err(failed)?;
        let rows: i64 = found.try_get(2).map_err(failed)?;
        // A domain is the type it is made of; its own limits are the source's affair.
        let found = sqlx::query(
            "SELECT a.attname::text, CASE WHEN t.typtype = 'd' \
             THEN format_type(t.typbasetype, t.typtypmod) \
             ELSE format_type(a.atttypid, a.atttypmod) END, \
             NOT (a.attnotnull OR t.typnotnull), \
             COALESCE(array_position(i.indkey::int2[], a.attnum), -1)::int \
             FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid \
             LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary \
             WHERE a.attrelid = $1::bigint::oid AND a.attnum > 0 AND NOT a.attisdropped \
             ORDER BY a.attnum",
        )
        .bind(oid)
        .fetch_all(&mut *connection)
        .await
        .map_err(failed)?;
        let mut columns = Vec::with_capacity(found.len());
        let mut key: Vec<(i32, String)> = Vec::new();
        for row in &found {
            let column: String = row.try_get(0).map_err(failed)?;
            let place: i32 = row.try_get(3).map_err(failed)?;
            if place >= 0 {
                key.push((place, column.clone()));
            }
            columns.push(SourceColumn {
                name: column,
                type_text: row.try_get(1).map_err(failed)?,
                nullable: row.try_get(2).map_err(failed)?,
                folds_case: false,
            });
        }
        key.sort();
        Ok(Some(SourceTable {
            schema: schema.map(str::to_string),
            name: name.to_string(),
            view,
            columns,
            primary_key: key.into_iter().map(|(_, name)| name).collect(),
            // -1 means never analyzed.
            rows: u64::try_from(rows).ok(),
        }))
    }

    /// The cluster's own identifier, where it may be asked; else where it runs.
    async fn server(&self, connection: &mut PgConnection) -> String {
        let identifier = sqlx::query_scalar::<_, String>(
            "SELECT system_identifier::text FROM pg_control_system()",
        )
        .fetch_one(&mut *connection)
        .await;
        match identifier {
            Ok(identifier) => identifier,
            Err(_) => format!("{}:{}", self.options.get_host(), self.options.get_port()),
        }
    }

    /// The start of the oldest transaction of anyone else (rule W3).
    ///
    /// Transactions count that have written nothing yet: `now()` in them stays at their start, so
    /// a row they write later is stamped with it. One that waits for its second phase began before
    /// it was prepared, nobody knows how long: `lag_seconds` are allowed for it.
    async fn oldest_open(&self, connection: &mut PgConnection) -> Result<Option<NaiveDateTime>> {
        let micros: Option<i64> = sqlx::query_scalar(
            "SELECT (extract(epoch FROM min(began)) * 1000000)::bigint FROM ( \
             SELECT xact_start AS began FROM pg_stat_activity WHERE pid <> pg_backend_pid() \
             AND (backend_type = 'client backend' OR backend_xid IS NOT NULL) \
             UNION ALL \
             SELECT prepared - make_interval(secs => $1) FROM pg_prepared_xacts) open",
        )
        .bind(f64::from(self.lag_seconds))
        .fetch_one(connection)
        .await
        .map_err(|e| self.named.query("reading the open transactions", e))?;
        micros.map(moment).transpose()
    }

    /// A replica does not see the transactions of its primary: it stays `lag_seconds` behind what
    /// it has replayed last.
    async fn replica(&self, connection: &mut PgConnection, now: NaiveDateTime) -> Result<Open> {
        let failed = |e| self.named.query("reading the state of the replica", e);
        let row = sqlx::query(
            "SELECT pg_is_wal_replay_paused(), \
             (extract(epoch FROM pg_last_xact_replay_timestamp()) * 1000000)::bigint",
        )
        .fetch_one(connection)
        .await
        .map_err(failed)?;
        let micros: Option<i64> = row.try_get(1).map_err(failed)?;
        match micros {
            Some(micros) if !row.try_get::<bool, _>(0).map_err(failed)? => {
                let behind = (now - moment(micros)?).max(Span::zero()).num_seconds();
                let behind = u32::try_from(behind).unwrap_or(u32::MAX);
                Ok(Open::Unseen {
                    lag_seconds: behind.saturating_add(self.lag_seconds),
                    why: format!("it is a replica, {behind} seconds behind"),
                })
            }
            _ => Err(Error::failed("extract/replica_stopped", "the replica does not replicate")
                .hint("resume its replication, or extract from the primary")),
        }
    }
}

fn moment(micros: i64) -> Result<NaiveDateTime> {
    moment_of_micros(micros).ok_or_else(|| {
        Error::failed(
            "extract/clock",
            format!("the source's clock says {micros}, which is no time"),
        )
    })
}
