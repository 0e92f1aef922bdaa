//! One connection to the order database, whatever its kind. It knows statements, not the sample.

use std::path::PathBuf;
use std::sync::Arc;

use sqlx::mysql::{MySqlArguments, MySqlConnectOptions, MySqlRow, MySqlSslMode};
use sqlx::postgres::{PgArguments, PgConnectOptions, PgRow, PgSslMode};
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteRow};
use sqlx::{
    Arguments, AssertSqlSafe, ConnectOptions, Connection as _, Executor, FromRow, MySqlConnection,
    PgConnection, SqliteConnection,
};

use super::tables::Dialect;
use super::values::Value;
use crate::config::DatabaseSource;
use crate::error::{Error, Result};

/// A connection to a database of one of the three kinds.
#[derive(Debug)]
pub enum Connection {
    Sqlite(SqliteConnection),
    Mysql(MySqlConnection),
    Postgres(PgConnection),
}

/// Statements here are made of constants and of names from the sample's own table list; every
/// value goes through a parameter.
pub fn trusted(sql: impl Into<Arc<str>>) -> AssertSqlSafe<Arc<str>> {
    AssertSqlSafe(sql.into())
}

/// The kind of database a source names.
pub fn dialect_of(source: &DatabaseSource) -> Result<Dialect> {
    match source.url.scheme() {
        "sqlite" => Ok(Dialect::Sqlite),
        "mysql" | "mariadb" => Ok(Dialect::Mysql),
        "postgres" | "postgresql" => Ok(Dialect::Postgres),
        other => {
            Err(Error::config("seed/scheme", format!("no database with the scheme `{other}`"))
                .about(source.name.clone())
                .hint("use a sqlite:, mysql: or postgres: URL"))
        }
    }
}

/// The file of a SQLite source.
pub fn sqlite_path(source: &DatabaseSource) -> Result<PathBuf> {
    source.url.to_file_path().map_err(|()| {
        Error::config("seed/url", format!("`{}` is not a path on this machine", source.url))
            .about(source.name.clone())
            .hint("write sqlite:/absolute/path")
    })
}

impl Connection {
    /// Connects. A SQLite file must exist.
    ///
    /// Errors: `seed/connect`.
    pub async fn open(source: &DatabaseSource) -> Result<Connection> {
        let failed = |cause: sqlx::Error| {
            Error::connect("seed/connect", "cannot connect to the database")
                .about(source.name.clone())
                .because(cause)
                .hint("check that it is up, and its URL, user and password")
        };
        match dialect_of(source)? {
            Dialect::Sqlite => {
                let options = SqliteConnectOptions::new()
                    .filename(sqlite_path(source)?)
                    .foreign_keys(false)
                    .disable_statement_logging();
                options.connect().await.map(Connection::Sqlite).map_err(failed)
            }
            Dialect::Mysql => {
                let mut options = MySqlConnectOptions::from_url(&source.url)
                    .map_err(failed)?
                    .ssl_mode(match tls(source) {
                        Tls::Off => MySqlSslMode::Disabled,
                        Tls::Optional => MySqlSslMode::Preferred,
                        Tls::Verified => MySqlSslMode::VerifyIdentity,
                    });
                if let Some(password) = &source.password {
                    options = options.password(password.reveal());
                }
                let options = options.disable_statement_logging();
                options.connect().await.map(Connection::Mysql).map_err(failed)
            }
            Dialect::Postgres => {
                let mut options = PgConnectOptions::from_url(&source.url)
                    .map_err(failed)?
                    .ssl_mode(match tls(source) {
                        Tls::Off => PgSslMode::Disable,
                        Tls::Optional => PgSslMode::Prefer,
                        Tls::Verified => PgSslMode::VerifyFull,
                    });
                if let Some(password) = &source.password {
                    options = options.password(password.reveal());
                }
                let options = options.disable_statement_logging();
                options.connect().await.map(Connection::Postgres).map_err(failed)
            }
        }
    }

    pub fn dialect(&self) -> Dialect {
        match self {
            Connection::Sqlite(_) => Dialect::Sqlite,
            Connection::Mysql(_) => Dialect::Mysql,
            Connection::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Runs a statement without values, also those MySQL cannot prepare.
    pub async fn command(&mut self, sql: &str) -> Result<()> {
        let text = sqlx::raw_sql(trusted(sql));
        let done = match self {
            Connection::Sqlite(c) => c.execute(text).await.map(|_| ()),
            Connection::Mysql(c) => c.execute(text).await.map(|_| ()),
            Connection::Postgres(c) => c.execute(text).await.map(|_| ()),
        };
        done.map_err(|cause| failed(sql, cause))
    }

    /// Runs a prepared statement with `?` for each value; answers the rows it touched.
    pub async fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64> {
        let done = match self {
            Connection::Sqlite(c) => {
                let arguments = sqlite_arguments(values);
                sqlx::query_with(trusted(sql), arguments)
                    .execute(c)
                    .await
                    .map(|r| r.rows_affected())
            }
            Connection::Mysql(c) => {
                let arguments = mysql_arguments(values);
                sqlx::query_with(trusted(sql), arguments)
                    .execute(c)
                    .await
                    .map(|r| r.rows_affected())
            }
            Connection::Postgres(c) => {
                let arguments = postgres_arguments(values);
                sqlx::query_with(trusted(numbered(sql, values)), arguments)
                    .execute(c)
                    .await
                    .map(|r| r.rows_affected())
            }
        };
        done.map_err(|cause| failed(sql, cause))
    }

    /// Runs a prepared query with `?` for each value; answers its rows as tuples.
    pub async fn fetch<T>(&mut self, sql: &str, values: &[Value]) -> Result<Vec<T>>
    where
        T: for<'r> FromRow<'r, SqliteRow>
            + for<'r> FromRow<'r, MySqlRow>
            + for<'r> FromRow<'r, PgRow>
            + Send
            + Unpin,
    {
        let rows = match self {
            Connection::Sqlite(c) => {
                let arguments = sqlite_arguments(values);
                sqlx::query_as_with(trusted(sql), arguments).fetch_all(c).await
            }
            Connection::Mysql(c) => {
                let arguments = mysql_arguments(values);
                sqlx::query_as_with(trusted(sql), arguments).fetch_all(c).await
            }
            Connection::Postgres(c) => {
                let arguments = postgres_arguments(values);
                sqlx::query_as_with(trusted(numbered(sql, values)), arguments).fetch_all(c).await
            }
        };
        rows.map_err(|cause| failed(sql, cause))
    }

    /// The one number a query answers; 0 when it answers none or NULL.
    pub async fn number(&mut self, sql: &str) -> Result<i64> {
        let rows: Vec<(Option<i64>,)> = self.fetch(sql, &[]).await?;
        Ok(rows.first().and_then(|row| row.0).unwrap_or(0))
    }

    /// The one text a query answers.
    pub async fn text(&mut self, sql: &str) -> Result<Option<String>> {
        let rows: Vec<(Option<String>,)> = self.fetch(sql, &[]).await?;
        Ok(rows.into_iter().next().and_then(|row| row.0))
    }

    pub async fn close(self) -> Result<()> {
        let closed = match self {
            Connection::Sqlite(c) => c.close().await,
            Connection::Mysql(c) => c.close().await,
            Connection::Postgres(c) => c.close().await,
        };
        closed.map_err(|cause| failed("close", cause))
    }
}

/// An error of a statement; it names the first words, never the values.
pub fn failed(sql: &str, cause: sqlx::Error) -> Error {
    let start: Vec<&str> = sql.split_whitespace().take(4).collect();
    Error::failed("seed/write", format!("the database refused `{} ...`", start.join(" ")))
        .because(cause)
}

enum Tls {
    Off,
    /// Where there is no network in between.
    Optional,
    Verified,
}

fn tls(source: &DatabaseSource) -> Tls {
    let loopback =
        matches!(source.url.host_str(), None | Some("" | "localhost" | "127.0.0.1" | "[::1]"));
    match (source.tls_off, loopback) {
        (true, _) => Tls::Off,
        (false, true) => Tls::Optional,
        (false, false) => Tls::Verified,
    }
}

/// Values as SQLite keeps them: decimals as numbers, which is what its `decimal` columns hold.
pub fn sqlite_arguments(values: &[Value]) -> SqliteArguments {
    let mut arguments = SqliteArguments::default();
    arguments.reserve(values.len(), 0);
    for value in values {
        // Encoding these types into SQLite's list cannot fail.
        let _ = match value {
            Value::Null => arguments.add(None::<String>),
            Value::Integer(number) => arguments.add(*number),
            Value::Flag(flag) => arguments.add(i64::from(*flag)),
            Value::Decimal { units, scale } => {
                let one = 10_i64.saturating_pow(u32::from(*scale));
                if units % one == 0 {
                    arguments.add(units / one)
                } else {
                    arguments.add(*units as f64 / one as f64)
                }
            }
            other => arguments.add(text_of(other)),
        };
    }
    arguments
}

/// Values as text, which MySQL converts to the columns' types.
pub fn mysql_arguments(values: &[Value]) -> MySqlArguments {
    let mut arguments = MySqlArguments::default();
    arguments.reserve(values.len(), 0);
    for value in values {
        // Encoding these types into a buffer cannot fail.
        let _ = match value {
            Value::Null => arguments.add(None::<String>),
            Value::Integer(number) => arguments.add(*number),
            other => arguments.add(text_of(other)),
        };
    }
    arguments
}

fn postgres_arguments(values: &[Value]) -> PgArguments {
    let mut arguments = PgArguments::default();
    arguments.reserve(values.len(), 0);
    for value in values {
        // Encoding these types into a buffer cannot fail.
        let _ = match value {
            Value::Null => arguments.add(None::<String>),
            Value::Integer(number) => arguments.add(*number),
            other => arguments.add(text_of(other)),
        };
    }
    arguments
}

fn text_of(value: &Value) -> String {
    let mut text = Vec::with_capacity(24);
    value.write(&mut text);
    String::from_utf8(text).unwrap_or_default()
}

/// The statement with PostgreSQL's numbered parameters, each cast from text to its type.
fn numbered(sql: &str, values: &[Value]) -> String {
    let mut out = String::with_capacity(sql.len() + values.len() * 16);
    let mut parts = sql.split('?');
    out.push_str(parts.next().unwrap_or_default());
    for (index, part) in parts.enumerate() {
        let number = index + 1;
        let parameter = match values.get(index) {
            Some(Value::Decimal { .. }) => format!("cast(${number} as numeric)"),
            Some(Value::Date(_)) => format!("cast(${number} as date)"),
            Some(Value::DateTime(_)) => format!("cast(${number} as timestamp)"),
            Some(Value::Flag(_)) => format!("cast(${number} as boolean)"),
            _ => format!("${number}"),
        };
        out.push_str(&parameter);
        out.push_str(part);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(url: &str, tls_off: bool) -> DatabaseSource {
        DatabaseSource {
            name: "shop".into(),
            url: url::Url::parse(url).expect("url"),
            password: None,
            timezone: chrono_tz::UTC,
            lag_seconds: 0,
            tls_off,
            tables: Vec::new(),
        }
    }

    #[test]
    fn urls_name_their_database() {
        for (url, expected) in [
            ("sqlite:/a/b.sqlite", Dialect::Sqlite),
            ("mysql://u@h/d", Dialect::Mysql),
            ("postgres://u@h/d", Dialect::Postgres),
            ("postgresql://u@h/d", Dialect::Postgres),
        ] {
            assert_eq!(dialect_of(&source(url, false)).expect(url), expected);
        }
        let error = dialect_of(&source("oracle://u@h/d", false)).expect_err("oracle");
        assert_eq!(error.code(), "seed/scheme");
        let path = sqlite_path(&source("sqlite:/a%20b/c.sqlite", false)).expect("path");
        assert_eq!(path, PathBuf::from("/a b/c.sqlite"));
    }

    #[test]
    fn only_loopback_goes_without_verified_tls() {
        assert!(matches!(tls(&source("mysql://u@127.0.0.1/d", false)), Tls::Optional));
        assert!(matches!(tls(&source("mysql://u@db.example.com/d", false)), Tls::Verified));
        assert!(matches!(tls(&source("mysql://u@db.example.com/d", true)), Tls::Off));
    }

    #[test]
    fn parameters_are_numbered_and_cast() {
        let values = [Value::price(5), Value::text("a"), Value::DateTime(0), Value::Flag(true)];
        assert_eq!(
            numbered("set a = ?, b = ? where c = ? and d = ?", &values),
            "set a = cast($1 as numeric), b = $2 where c = cast($3 as timestamp) \
             and d = cast($4 as boolean)"
        );
    }
}
