//! A realistic next day in an order database that exists: changes, new rows, soft deletes.
//! It never removes a row.

mod orders;
mod stock;

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, TimeZone};

use super::database::Connection;
use super::tables::{self, Dialect, Table};
use super::values::Value;
use crate::config::DatabaseSource;
use crate::error::{Error, Result};

/// What a next day changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutation {
    /// Each of the six tables, those without a change included.
    pub tables: Vec<TableChange>,
    /// The `updated_datetime` of every row that was changed or added, in the source's zone.
    pub stamp: NaiveDateTime,
}

/// What a next day changed in one table; every row counts once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableChange {
    pub table: String,
    /// New rows. None of them is also counted as updated.
    pub inserted: u64,
    /// Changed rows, the soft-deleted among them.
    pub updated: u64,
    pub soft_deleted: u64,
}

impl TableChange {
    /// The rows an extract of the next window reads.
    pub fn rows(&self) -> u64 {
        self.inserted + self.updated
    }
}

impl Mutation {
    pub fn table(&self, name: &str) -> Option<&TableChange> {
        self.tables.iter().find(|t| t.table == name)
    }
}

/// Makes a next day of about `percent` of the rows of each table, in one transaction: of the
/// orders three quarters are revised, a fifth is new and the rest soft-deleted.
///
/// Every touched row gets the source database's present second as `updated_datetime`. A window
/// ends a second before the database's clock (rule W1), so the call returns only when that clock
/// is two seconds past the stamp: the very next run reads all of it.
///
/// `percent` lies over 0 and up to 100; the same seed on the same rows makes the same changes.
///
/// Errors: `seed/percent`, `seed/connect`, `seed/clock` when rows lie ahead of the database's
/// clock, `seed/write`; then nothing is changed.
pub async fn mutate(source: &DatabaseSource, percent: f64, seed: u64) -> Result<Mutation> {
    if !(percent > 0.0 && percent <= 100.0) {
        return Err(Error::config("seed/percent", format!("{percent} is no share of the rows"))
            .hint("use a percentage over 0 and up to 100, as in 5%"));
    }
    let mut connection = Connection::open(source).await?;
    let (mutation, second) = change(&mut connection, source, percent, seed)
        .await
        .map_err(|e| e.about(source.name.clone()))?;
    while clock(&mut connection).await? < second + 2 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    connection.close().await?;
    Ok(mutation)
}

/// The rows touched so far, and what every change needs.
struct Day<'a> {
    connection: &'a mut Connection,
    percent: f64,
    seed: u64,
    stamp: Value,
    changes: Vec<TableChange>,
}

async fn change(
    connection: &mut Connection,
    source: &DatabaseSource,
    percent: f64,
    seed: u64,
) -> Result<(Mutation, i64)> {
    connection
        .command(match connection.dialect() {
            Dialect::Sqlite => "begin immediate",
            Dialect::Mysql => "start transaction",
            Dialect::Postgres => "begin",
        })
        .await?;
    if connection.dialect() == Dialect::Postgres {
        // Shows the transaction to those who look for open ones, before the clock is read (W3).
        connection.number("select cast(txid_current() as bigint)").await?;
    }
    let (second, stamp) = stamp(connection, source).await?;
    let changes = tables::ALL.map(|table| TableChange {
        table: table.name.to_owned(),
        inserted: 0,
        updated: 0,
        soft_deleted: 0,
    });
    let moment = Value::DateTime(stamp.and_utc().timestamp());
    let mut day = Day { connection, percent, seed, stamp: moment, changes: changes.into() };
    let stock = stock::change(&mut day).await?;
    orders::change(&mut day, &stock).await?;
    let tables = day.changes;
    connection.command("commit").await?;
    Ok((Mutation { tables, stamp }, second))
}

/// The database's present second, since 1970 and as a moment of the source's zone; later than
/// every row's `updated_datetime`.
async fn stamp(
    connection: &mut Connection,
    source: &DatabaseSource,
) -> Result<(i64, NaiveDateTime)> {
    let mut latest = String::new();
    for table in tables::ALL {
        let sql = format!("select cast(max(updated_datetime) as char(19)) from {}", table.name);
        let text = connection.text(&sql).await?.unwrap_or_default();
        latest = latest.max(text);
    }
    // A few tries, for a call in the second of the last change.
    for _ in 0..30 {
        let second = clock(connection).await?;
        let moment = DateTime::from_timestamp(second, 0).unwrap_or_default().naive_utc();
        let stamp = source.timezone.from_utc_datetime(&moment).naive_local();
        if stamp.format("%Y-%m-%d %H:%M:%S").to_string() > latest {
            return Ok((second, stamp));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(Error::failed(
        "seed/clock",
        format!("rows up to {latest} lie ahead of the database's clock"),
    )
    .hint("check the clock of the database and the source's timezone"))
}

/// The database's clock, in whole seconds since 1970.
async fn clock(connection: &mut Connection) -> Result<i64> {
    let sql = match connection.dialect() {
        Dialect::Sqlite => "select cast(strftime('%s', 'now') as integer)",
        Dialect::Mysql => "select cast(floor(unix_timestamp()) as signed)",
        Dialect::Postgres => "select cast(floor(extract(epoch from clock_timestamp())) as bigint)",
    };
    connection.number(sql).await
}

impl Day<'_> {
    /// Runs an update of exactly one row.
    async fn update(&mut self, table: &Table, sql: &str, values: &[Value]) -> Result<()> {
        let touched = self.connection.execute(sql, values).await?;
        if touched != 1 {
            return Err(Error::failed(
                "seed/write",
                format!("an update of one row touched {touched}"),
            )
            .about(table.name));
        }
        self.count(table, |change| change.updated += 1);
        Ok(())
    }

    fn count(&mut self, table: &Table, add: impl FnOnce(&mut TableChange)) {
        if let Some(change) = self.changes.iter_mut().find(|c| c.table == table.name) {
            add(change);
        }
    }

    /// An amount's cents, in the database's words.
    fn cents(&self, column: &str) -> String {
        self.whole(&format!("round({column} * 100)"))
    }

    /// A number as one of 64 bits, in the database's words.
    fn whole(&self, number: &str) -> String {
        match self.connection.dialect() {
            Dialect::Mysql => format!("cast({number} as signed)"),
            _ => format!("cast({number} as bigint)"),
        }
    }
}
