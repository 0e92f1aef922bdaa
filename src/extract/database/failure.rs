//! Failures of a source, in Landfall's words: what happened, with the server's own text behind it.
//! Pure.
//!
//! No password ever gets into a message: driver options are never printed, and the text of a
//! server is searched for the password before it is passed on.

use std::fmt::Write;

use crate::config::{DatabaseSource, Secret};
use crate::error::Error;

/// What is known of a source for its error messages.
#[derive(Debug, Clone)]
pub struct Named {
    source: String,
    /// Where it is, without user data.
    address: String,
    secret: Option<Secret>,
}

/// The number a database gives an error; SQLSTATE for PostgreSQL, primary code for SQLite.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Number {
    MySql(u16),
    Postgres(String),
    Sqlite(u32),
    None,
}

impl Named {
    pub fn new(source: &DatabaseSource) -> Named {
        let mut url = source.url.clone();
        // Neither fails for the URLs of databases; if one did, nothing would be shown.
        let bare = url.set_password(None).is_ok() || url.password().is_none();
        url.set_query(None);
        Named {
            source: source.name.clone(),
            address: if bare { url.to_string() } else { source.name.clone() },
            secret: source.password.clone(),
        }
    }

    /// The connection could not be made: exit 4.
    pub fn connect(&self, error: sqlx::Error) -> Error {
        let at = &self.address;
        let (code, message, hint) = match number(&error) {
            Number::MySql(1044 | 1045) => (
                "connect/login",
                format!("{at} refuses the login"),
                "check the user in source.url and the password",
            ),
            Number::Postgres(s) if s.starts_with("28") => (
                "connect/login",
                format!("{at} refuses the login"),
                "check the user in source.url and the password",
            ),
            Number::MySql(1049) => (
                "connect/database",
                format!("{at} has no such database"),
                "check the path of source.url",
            ),
            Number::Postgres(s) if s == "3D000" => (
                "connect/database",
                format!("{at} has no such database"),
                "check the path of source.url",
            ),
            Number::MySql(1040) => (
                "connect/busy",
                format!("{at} takes no more connections"),
                "run again later, or with fewer --jobs",
            ),
            Number::Postgres(s) if s == "53300" => (
                "connect/busy",
                format!("{at} takes no more connections"),
                "run again later, or with fewer --jobs",
            ),
            Number::Sqlite(26) => (
                "connect/not_a_database",
                format!("{at} is not an SQLite database"),
                "check the path of source.url",
            ),
            _ if matches!(error, sqlx::Error::Tls(_)) => (
                "connect/tls",
                format!("no safe connection to {at}"),
                "the certificate must name the host; `ssl-ca` in source.url names your own authority, `tls = \"off\"` does without",
            ),
            _ => (
                "connect/unreachable",
                format!("{at} cannot be reached"),
                "is the server up, and are host and port of source.url right?",
            ),
        };
        Error::connect(code, message).hint(hint).about(&self.source).because(self.text(&error))
    }

    /// A statement failed after the connection was made: exit 1.
    pub fn query(&self, doing: &str, error: sqlx::Error) -> Error {
        let (code, hint) = match (&error, number(&error)) {
            (_, Number::MySql(1142 | 1143 | 1227 | 1370)) => {
                ("extract/denied", "grant SELECT on the table to the user of source.url")
            }
            (_, Number::Postgres(s)) if s == "42501" => {
                ("extract/denied", "grant SELECT on the table to the user of source.url")
            }
            (_, Number::MySql(1412)) => {
                ("extract/changed", "the table was altered meanwhile: run again")
            }
            (_, Number::Postgres(s)) if s == "0A000" || s == "40001" => {
                ("extract/changed", "the table was altered meanwhile: run again")
            }
            (_, Number::MySql(1205 | 1213 | 1317 | 1927 | 1969 | 3024)) => {
                ("extract/stopped", "the server stopped the query: run again")
            }
            (_, Number::Postgres(s)) if s.starts_with("57") => {
                ("extract/stopped", "the server stopped the query: run again")
            }
            (_, Number::Sqlite(5 | 6)) => (
                "extract/busy",
                "another program is writing to the database: run again when it is done",
            ),
            (_, Number::Sqlite(11 | 26)) => (
                "extract/corrupt",
                "the file is damaged: see `PRAGMA integrity_check`, restore a backup",
            ),
            (sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed, _) => (
                "extract/connection_lost",
                "the connection broke: run again, what is done stays done",
            ),
            _ => (
                "extract/query",
                "see the server's own words; a `where` of the table spec is the source's own SQL",
            ),
        };
        Error::failed(code, format!("{doing} failed")).hint(hint).because(self.text(&error))
    }

    /// The words of the server with its number, without the password.
    fn text(&self, error: &sqlx::Error) -> String {
        let mut text = match error {
            sqlx::Error::Database(e) => e.message().to_string(),
            other => other.to_string(),
        };
        // Writing to a string cannot fail.
        let _ = match number(error) {
            Number::MySql(number) => write!(text, " (error {number})"),
            Number::Postgres(state) => write!(text, " (SQLSTATE {state})"),
            Number::Sqlite(code) => write!(text, " (SQLite code {code})"),
            Number::None => Ok(()),
        };
        self.scrub(text)
    }

    fn scrub(&self, text: String) -> String {
        match &self.secret {
            Some(secret) if !secret.reveal().is_empty() => text.replace(secret.reveal(), "••••"),
            _ => text,
        }
    }
}

/// True when the source says it is not allowed to look.
pub fn is_denied(error: &sqlx::Error) -> bool {
    match number(error) {
        Number::MySql(number) => matches!(number, 1044 | 1142 | 1143 | 1227 | 1370),
        Number::Postgres(state) => state == "42501",
        _ => false,
    }
}

/// SQLite's primary result code of an error, if it has one.
pub fn sqlite_code(error: &sqlx::Error) -> Option<u32> {
    match number(error) {
        Number::Sqlite(code) => Some(code),
        _ => None,
    }
}

fn number(error: &sqlx::Error) -> Number {
    let sqlx::Error::Database(error) = error else { return Number::None };
    if let Some(error) = error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        return Number::MySql(error.number());
    }
    if let Some(error) = error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
        return Number::Postgres(error.code().to_string());
    }
    match error.code().and_then(|c| c.parse::<u32>().ok()) {
        Some(code) => Number::Sqlite(code & 0xff),
        None => Number::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(url: &str) -> Named {
        Named::new(&DatabaseSource {
            name: "shop".into(),
            url: url.parse().expect(url),
            password: Some(Secret::new("CANARY7f3a")),
            timezone: chrono_tz::Tz::UTC,
            lag_seconds: 120,
            tls_off: false,
            tables: vec![],
        })
    }

    #[test]
    fn no_password_gets_into_an_error() {
        let named = named("mysql://me:CANARY7f3a@db.example/shop?x=CANARY7f3a");
        let broken = || sqlx::Error::Protocol("unexpected CANARY7f3a in packet".into());
        for error in [named.connect(broken()), named.query("reading `t`", broken())] {
            let all = format!("{error} {error:?} {:?} {:?}", error.causes(), error.advice());
            assert!(!all.contains("CANARY7f3a"), "{all}");
            assert!(all.contains("••••"), "{all}");
        }
        assert!(!format!("{named:?}").contains("CANARY7f3a"));
    }

    #[test]
    fn a_failure_has_its_exit_code() {
        let named = named("mysql://me@db.example/shop");
        let io = || sqlx::Error::Io(std::io::ErrorKind::ConnectionRefused.into());
        assert_eq!(named.connect(io()).kind().exit_code(), 4);
        assert_eq!(named.query("reading", io()).code(), "extract/connection_lost");
    }
}
