//! A catalog in PostgreSQL: connections, its errors, and the lock that several machines share.
//!
//! The lock of a run belongs to the session that writes. PostgreSQL frees it when that session
//! ends, however it ends; and who has lost the session has lost the way to write as well, so that
//! two runs that both believe to hold the lock cannot both commit.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions, PgSslMode};
use sqlx::{ConnectOptions, PgPool};

use super::{Connection, Driver, Readers, State, query};
use crate::config::{CatalogServer, is_local};
use crate::error::{Error, Result};

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(20);

/// The first keys of the advisory locks; the second is the schema's, so that projects in one
/// database do not meet. One is held while a transaction writes, the other while a run goes on.
const WRITING: i32 = 0x1a4d_fa11;
const RUNNING: i32 = 0x1a4d_fa12;

const IS_RUNNING: &str = "select exists (select 1 from pg_locks where locktype = 'advisory'
     and database = (select oid from pg_database where datname = current_database())
     and classid::bigint = $1 and objid = hashtext(current_schema())::oid and granted)";

/// Begins a transaction behind every other that writes to this schema. Read committed, whatever
/// the role prefers: what is read after the lock is what the one before has committed.
pub(super) fn begin() -> String {
    format!(
        "begin isolation level read committed read write; \
         select pg_advisory_xact_lock({WRITING}, hashtext(current_schema()))"
    )
}

/// Connects, making the schema where `make` says so.
pub(super) async fn connect(server: &CatalogServer, fsync: bool, make: bool) -> Result<State> {
    let address = address(server);
    let options = options(server, fsync).map_err(|e| unreachable(&address, e))?;
    let connecting = tokio::time::timeout(CONNECT, options.connect());
    let mut writer: PgConnection = match connecting.await {
        Ok(connected) => connected.map_err(|e| unreachable(&address, e))?,
        Err(_) => {
            let late = std::io::Error::from(std::io::ErrorKind::TimedOut);
            return Err(unreachable(&address, sqlx::Error::Io(late)));
        }
    };
    if make {
        make_schema(&mut writer, &server.schema).await.map_err(db_error)?;
    }
    let readers: PgPool =
        PgPoolOptions::new().max_connections(4).acquire_timeout(CONNECT).connect_lazy_with(options);
    Ok(State::of_parts(Readers::Postgres(readers), Connection::new(Driver::Postgres(writer))))
}

fn options(server: &CatalogServer, fsync: bool) -> Result<PgConnectOptions, sqlx::Error> {
    let safe = match (server.tls_off, is_local(&server.url)) {
        (true, _) => PgSslMode::Disable,
        (false, true) => PgSslMode::Prefer,
        (false, false) => PgSslMode::VerifyFull,
    };
    let options = PgConnectOptions::from_url(&server.url)?
        .ssl_mode(safe)
        .application_name("landfall")
        .options([
            ("search_path", server.schema.as_str()),
            ("timezone", "UTC"),
            ("lock_timeout", "30s"),
            ("synchronous_commit", if fsync { "on" } else { "off" }),
            ("idle_in_transaction_session_timeout", "0"),
            // A machine that is gone without a word must not hold its locks for hours.
            ("tcp_keepalives_idle", "30"),
            ("tcp_keepalives_interval", "10"),
            ("tcp_keepalives_count", "3"),
        ])
        .disable_statement_logging();
    Ok(match &server.password {
        Some(password) => options.password(password.reveal()),
        None => options,
    })
}

/// `create schema if not exists` asks for the right to create one even where it is there.
async fn make_schema(connection: &mut PgConnection, schema: &str) -> Result<(), sqlx::Error> {
    let found: Option<(i32,)> = sqlx::query_as("select 1 from pg_namespace where nspname = $1")
        .bind(schema)
        .fetch_optional(&mut *connection)
        .await?;
    if found.is_none() {
        // Lower snake case: the settings see to it.
        let make = format!("create schema if not exists \"{schema}\"");
        sqlx::raw_sql(sqlx::AssertSqlSafe(make)).execute(connection).await?;
    }
    Ok(())
}

/// Where it is, without user data.
pub(super) fn address(server: &CatalogServer) -> String {
    let mut url = server.url.clone();
    url.set_query(None);
    match url.set_password(None) {
        Ok(()) => format!("{url}, schema {}", server.schema),
        Err(()) => format!("schema {}", server.schema),
    }
}

impl Connection {
    /// Takes the lock of a run for as long as this connection lives; false while another has it.
    /// In a file there is nothing to take: the lock file is all.
    pub async fn lock(&mut self) -> Result<bool> {
        if !self.is_server() {
            return Ok(true);
        }
        let text = "select pg_try_advisory_lock($1::int, hashtext(current_schema()))";
        let (taken,): (bool,) = query(text).bind(i64::from(RUNNING)).fetch_one(&mut *self).await?;
        Ok(taken)
    }

    /// Tells the others who holds the lock: a text for people.
    pub async fn tell_holder(&mut self, holder: &str) -> Result<()> {
        if !self.is_server() {
            return Ok(());
        }
        let make = "create table if not exists landfall_holder (holder text not null)";
        self.script(format!("{make}; delete from landfall_holder")).await?;
        query("insert into landfall_holder values ($1)").bind(holder).execute(self).await
    }

    /// What the holder of the lock tells; `None` while nobody has it.
    pub async fn holder(&mut self) -> Result<Option<String>> {
        if !self.is_server() || !self.has_table("landfall_holder").await? {
            return Ok(None);
        }
        let (held,): (bool,) =
            query(IS_RUNNING).bind(i64::from(RUNNING)).fetch_one(&mut *self).await?;
        if !held {
            return Ok(None);
        }
        let told: Option<(String,)> =
            query("select holder from landfall_holder limit 1").fetch_optional(self).await?;
        Ok(Some(told.map_or_else(String::new, |(holder,)| holder)))
    }
}

fn unreachable(address: &str, cause: sqlx::Error) -> Error {
    let state = sqlstate(&cause).unwrap_or_default();
    let (code, what, hint) = match state.as_str() {
        s if s.starts_with("28") => (
            "catalog/login",
            "refuses the login",
            "check the user in `catalog`, and LANDFALL_CATALOG_PASSWORD",
        ),
        "3D000" => ("catalog/database", "has no such database", "create it, or name another"),
        "53300" => ("catalog/busy", "takes no more connections", "run again later"),
        _ if matches!(cause, sqlx::Error::Tls(_)) => (
            "catalog/tls",
            "gives no safe connection",
            "the certificate must name the host; `sslrootcert` in `catalog` names your own \
             authority, `catalog_tls = \"off\"` does without",
        ),
        _ => (
            "catalog/unreachable",
            "cannot be reached",
            "is the server up, and are host and port of `catalog` right?",
        ),
    };
    Error::connect(code, format!("the catalog at {address} {what}")).hint(hint).because(cause)
}

fn sqlstate(cause: &sqlx::Error) -> Option<String> {
    Some(cause.as_database_error()?.code()?.into_owned())
}

/// Turns an error of a query into ours.
pub(super) fn db_error(cause: sqlx::Error) -> Error {
    use sqlx::Error as E;
    let state = sqlstate(&cause).unwrap_or_default();
    let lost = state.starts_with("08")
        || state.starts_with("57P")
        || matches!(cause, E::Io(_) | E::Tls(_) | E::Protocol(_) | E::PoolTimedOut | E::PoolClosed);
    if lost {
        return Error::connect(
            "catalog/lost",
            "the server of the catalog cannot be reached any more",
        )
        .because(cause)
        .hint("see that it is up, then run again: what is done stays done");
    }
    if matches!(state.as_str(), "23505" | "40001" | "40P01") {
        return Error::failed("catalog/conflict", "someone else committed at the same time")
            .because(cause)
            .hint("run again: nothing of this task was kept");
    }
    let message = "the catalog database refused a statement";
    let (why, hint) = match state.as_str() {
        "42501" => (
            "the user lacks a right",
            "grant CREATE on the schema to the user of `catalog`, or let `catalog` name a schema of \
             its own: ?schema=NAME",
        ),
        "55P03" => ("another process writes to it", "wait until that process ends, then try again"),
        "53100" => ("its disk is full", "make room on the server, then run again"),
        "53300" => ("it takes no more connections", "run again later"),
        "25006" => ("it is read-only", "let `catalog` name the primary server"),
        _ => return Error::failed("state/database", message).because(cause),
    };
    Error::failed("state/database", format!("{message}: {why}")).because(cause).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_gone_is_told_from_one_that_refuses() {
        let broken = || sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into());
        assert_eq!(
            (db_error(broken()).code(), db_error(broken()).kind().exit_code()),
            ("catalog/lost", 4)
        );
        let refused = unreachable("postgres://h/db", broken());
        assert_eq!((refused.code(), refused.kind().exit_code()), ("catalog/unreachable", 4));
        assert_eq!(db_error(sqlx::Error::RowNotFound).code(), "state/database");
    }
}
