//! Databases: rows of SQLite, MySQL, MariaDB and PostgreSQL tables as Arrow batches.
//!
//! A source is only ever read, by prepared statements, each table in one consistent snapshot.
//! Every row that is counted there comes out, as a landed row or as a reject with its reason.
//!
//! ```text
//! check ─▶ windows ─▶ extract        plan asks count, `landfall discover` asks discover
//!   │         │          │
//! check.rs window.rs  source.rs ─▶ query.rs ─▶ sqlite.rs mysql.rs postgres.rs
//!                        └─▶ stream.rs ─▶ decode/ ─▶ batches
//! ```

mod check;
mod decode;
mod described;
mod discover;
mod failure;
mod kind;
mod mysql;
mod postgres;
mod query;
mod source;
mod sqlite;
mod stream;
mod window;
mod zone;

use std::collections::BTreeMap;
use std::fmt;

use chrono::NaiveDateTime;
use chrono_tz::Tz;

pub use discover::{DiscoveredColumn, DiscoveredTable};

use crate::config::DatabaseSource;
use crate::error::{Error, Result};
use crate::rows::ExtractStream;
use crate::tables::TableSpec;
use crate::window::Window;
use decode::calendar::{self, Written};
use described::SourceTable;
use kind::Kind;
use mysql::MySql;
use postgres::Postgres;
use query::Ask;
use source::{Source, described, moment_of_micros};
use sqlite::Sqlite;
use window::Open;

pub use window::MARGIN as CLOCK_MARGIN;

/// A connected source; it holds what is needed to open connections, not a connection.
#[derive(Clone)]
pub struct Database {
    name: String,
    zone: Tz,
    source: Driven,
}

/// Something a person should know about a table, or about the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The name of the table spec; the name of the source where all of it is meant.
    pub table: String,
    pub message: String,
}

#[derive(Clone)]
enum Driven {
    Sqlite(Sqlite),
    MySql(MySql),
    Postgres(Postgres),
}

/// Runs one expression with whichever driver there is.
macro_rules! driven {
    ($source:expr, $s:ident => $do:expr) => {
        match $source {
            Driven::Sqlite($s) => $do,
            Driven::MySql($s) => $do,
            Driven::Postgres($s) => $do,
        }
    };
}

impl Database {
    /// Connects, to prove that the source is there and lets us in. Nothing is changed there.
    ///
    /// Errors: `connect/...` with the server's own words and without the password; `source/url`
    /// for a URL of another kind.
    pub async fn connect(source: &DatabaseSource) -> Result<Database> {
        let driven = match source.url.scheme() {
            "sqlite" => Driven::Sqlite(Sqlite::connect(source).await?),
            "mysql" | "mariadb" => Driven::MySql(MySql::connect(source).await?),
            "postgres" | "postgresql" => Driven::Postgres(Postgres::connect(source).await?),
            other => {
                return Err(Error::config(
                    "source/url",
                    format!("`{other}:` is no source Landfall knows"),
                )
                .hint("use sqlite:, mysql: or postgres:")
                .about(&source.name));
            }
        };
        Ok(Database { name: source.name.clone(), zone: source.timezone, source: driven })
    }

    /// Compares every spec with the live schema, before anything is read.
    ///
    /// Errors: all missing tables and columns, impossible types, watermarks that are no dates with
    /// time, and keys that may be NULL, each at the spec's place and with the nearest name.
    /// Warnings: added columns, keys that are less than the primary key, and the like.
    pub async fn check(&self, specs: &[&TableSpec]) -> Result<Vec<Warning>> {
        driven!(&self.source, s => check_all(s, specs).await)
    }

    /// The windows of these tables by one reading of the source's clock (rules W1 to W5).
    ///
    /// `last` is each table's last committed window, by the name of its spec. Errors: the clock
    /// went back (`extract/clock_back`), stamps of the future (`extract/future_watermark`).
    pub async fn windows(
        &self,
        specs: &[&TableSpec],
        last: &BTreeMap<String, Window>,
    ) -> Result<(BTreeMap<String, Window>, Vec<Warning>)> {
        driven!(&self.source, s => self.windows_of(s, specs, last).await)
    }

    /// What the source's clock says now, in UTC: the clock that decides windows.
    pub async fn clock(&self) -> Result<NaiveDateTime> {
        let reading = driven!(&self.source, s => s.clock().await);
        Ok(reading.map_err(|e| e.about(&self.name))?.now)
    }

    /// How many rows a window holds now.
    pub async fn count(&self, spec: &TableSpec, window: &Window) -> Result<u64> {
        if window.is_empty() {
            return Ok(0);
        }
        driven!(&self.source, s => {
            let mut connection = s.open().await?;
            let table = described(s, &mut connection, spec).await?;
            let count = ask(s, &table, spec, self.zone).count(window)?;
            s.count(&mut connection, &count).await
                .map_err(|e| e.about(spec.land_task().to_string()))
        })
    }

    /// The rows of a window, as a stream of batches of at most 8,192 rows and about 8 MiB.
    ///
    /// Batches have the spec's landing schema; a row that does not fit it is a reject. The stream
    /// ends with an error when the connection breaks, when the table changes under it, or when
    /// fewer or more rows came than `count(*)` says in the same snapshot.
    pub async fn extract(&self, spec: &TableSpec, window: &Window) -> Result<ExtractStream> {
        if window.is_empty() {
            return Ok(Box::pin(futures::stream::empty()));
        }
        let (spec, window, zone) = (spec.clone(), window.clone(), self.zone);
        Ok(driven!(self.source.clone(), s => stream::spawn(move |sender| async move {
            source::extract(&s, &spec, &window, zone, &sender).await
        })))
    }

    /// Proposes a spec for every table and view of the source, in the order of their names.
    pub async fn discover(&self) -> Result<Vec<DiscoveredTable>> {
        driven!(&self.source, s => {
            let mut connection = s.open().await?;
            let mut found = Vec::new();
            for name in s.names(&mut connection).await? {
                if let Some(table) = s.describe(&mut connection, &name).await? {
                    found.push(discover::propose(driver_of(s), &name, &table));
                }
            }
            Ok(found)
        })
    }

    async fn windows_of<S: Source>(
        &self,
        source: &S,
        specs: &[&TableSpec],
        last: &BTreeMap<String, Window>,
    ) -> Result<(BTreeMap<String, Window>, Vec<Warning>)> {
        let mut windows = BTreeMap::new();
        let mut warnings = Vec::new();
        if specs.iter().all(|s| s.watermark().is_none()) {
            windows.extend(specs.iter().map(|s| (s.name.clone(), Window::Full)));
            return Ok((windows, warnings));
        }
        let reading = source.clock().await.map_err(|e| e.about(&self.name))?;
        if let Open::Unseen { lag_seconds, why } = &reading.open {
            let message = format!(
                "open transactions cannot be seen ({why}): windows end {lag_seconds} seconds \
                 before the source's clock"
            );
            warnings.push(Warning { table: self.name.clone(), message });
        }
        let mut connection = source.open().await?;
        let mut errors = Vec::new();
        for spec in specs {
            let decided = match newest(source, &mut connection, spec, self.zone).await {
                Ok(newest) => window::decide(spec, &reading, last.get(&spec.name), newest),
                Err(error) => Err(error),
            };
            match decided {
                Ok((window, warning)) => {
                    windows.insert(spec.name.clone(), window);
                    warnings.extend(
                        warning.map(|message| Warning { table: spec.name.clone(), message }),
                    );
                }
                Err(error) => errors.push(error),
            }
        }
        match Error::all(errors) {
            Some(error) => Err(error),
            None => Ok((windows, warnings)),
        }
    }
}

impl fmt::Debug for Database {
    /// Only the name: the options inside hold the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("name", &self.name).finish_non_exhaustive()
    }
}

fn driver_of<S: Source>(_: &S) -> described::Driver {
    S::DRIVER
}

fn ask<'a, S: Source>(_: &S, table: &'a SourceTable, spec: &'a TableSpec, zone: Tz) -> Ask<'a> {
    Ask { driver: S::DRIVER, table, spec, zone }
}

async fn check_all<S: Source>(source: &S, specs: &[&TableSpec]) -> Result<Vec<Warning>> {
    let mut connection = source.open().await?;
    let mut errors = Vec::new();
    let mut warnings = Vec::new();
    let mut names: Option<Vec<String>> = None;
    for spec in specs {
        match source.describe(&mut connection, &spec.from).await? {
            Some(table) => {
                let (wrong, odd) = check::check(S::DRIVER, spec, &table);
                errors.extend(wrong);
                warnings.extend(odd);
            }
            None => {
                let known = match names.take() {
                    Some(known) => known,
                    None => source.names(&mut connection).await?,
                };
                errors.push(check::missing(spec, &known));
                names = Some(known);
            }
        }
    }
    match Error::all(errors) {
        Some(error) => Err(error),
        None => Ok(warnings),
    }
}

/// The largest watermark in UTC, where it is written without zone and so may show a wrong one.
async fn newest<S: Source>(
    source: &S,
    connection: &mut S::Connection,
    spec: &TableSpec,
    zone: Tz,
) -> Result<Option<NaiveDateTime>> {
    if spec.watermark().is_none() {
        return Ok(None);
    }
    let table = described(source, connection, spec).await?;
    let ask = ask(source, &table, spec, zone);
    if ask.watermark_kind()? == Some(Kind::Instant) {
        return Ok(None);
    }
    let Some(statement) = ask.newest()? else { return Ok(None) };
    let text = source
        .text(connection, &statement)
        .await
        .map_err(|e| e.about(spec.land_task().to_string()))?;
    let micros = match text.and_then(|t| calendar::read(t.as_bytes())) {
        Some(Written::Local(micros)) => zone::to_utc(micros, zone).map(|m| m.micros),
        Some(Written::Instant(micros)) => Some(micros),
        // A value that is no moment is judged when its row is read.
        _ => None,
    };
    Ok(micros.and_then(moment_of_micros))
}
