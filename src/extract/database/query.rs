//! Query text: the statements an extract sends, per driver. Pure.
//!
//! Names are quoted by doubling and come from the catalogs of the source; values are always bound.
//! The one text taken over as it is, is the filter of a table spec, which is the user's own SQL.
//! This is the only place that vouches for dynamic SQL.

use chrono::{Duration, NaiveDateTime};
use chrono_tz::Tz;
use sqlx::AssertSqlSafe;

use super::described::{Driver, SourceTable};
use super::kind::{self, Kind};
use super::zone;
use crate::error::{Error, Result};
use crate::tables::{Extract, TableSpec};
use crate::window::Window;

/// A statement and the texts bound to it, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub sql: String,
    pub binds: Vec<String>,
}

impl Statement {
    /// The text, vouched for: made here from quoted names and placeholders.
    pub fn text(&self) -> AssertSqlSafe<String> {
        AssertSqlSafe(self.sql.clone())
    }
}

/// A name as the driver quotes it.
pub fn quote(driver: Driver, name: &str) -> String {
    match driver {
        Driver::MySql => format!("`{}`", name.replace('`', "``")),
        Driver::Sqlite | Driver::Postgres => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

/// The quoted name of a table.
pub fn quote_table(driver: Driver, table: &SourceTable) -> String {
    match &table.schema {
        Some(schema) => format!("{}.{}", quote(driver, schema), quote(driver, &table.name)),
        None => quote(driver, &table.name),
    }
}

/// What is asked of one table: the spec beside the table as it stands in the source.
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    pub driver: Driver,
    pub table: &'a SourceTable,
    pub spec: &'a TableSpec,
    /// Zone of naive timestamps in the source.
    pub zone: Tz,
}

impl Ask<'_> {
    /// `SELECT` of the declared columns, in order, for the rows of a window.
    pub fn select(&self, window: &Window) -> Result<Statement> {
        let mut columns = Vec::with_capacity(self.spec.columns.len());
        for column in &self.spec.columns {
            let (quoted, kind) = self.column(column.in_source())?;
            columns.push(kind::expression(self.driver, kind, column.ty, &quoted));
        }
        self.over(&columns.join(", "), window)
    }

    /// `SELECT count(*)` of the rows of a window.
    pub fn count(&self, window: &Window) -> Result<Statement> {
        self.over("count(*)", window)
    }

    /// The largest watermark, as text; `None` for a table that is read whole.
    pub fn newest(&self) -> Result<Option<Statement>> {
        let Some(watermark) = self.watermark() else { return Ok(None) };
        let (column, _) = self.column(watermark)?;
        let table = quote_table(self.driver, self.table);
        let sql = match self.driver {
            Driver::MySql => format!("SELECT CAST(max({column}) AS CHAR) FROM {table}"),
            Driver::Postgres => {
                format!("SELECT max({column})::text FROM {table} WHERE {column} < 'infinity'")
            }
            // Texts that can be moments; numbers sort before them and blobs after.
            Driver::Sqlite => format!(
                "SELECT max({column}) FROM {table} WHERE {column} >= '0000-' AND {column} < ':'"
            ),
        };
        Ok(Some(Statement { sql, binds: Vec::new() }))
    }

    /// What the watermark's values are, by the type of its column in the source.
    pub fn watermark_kind(&self) -> Result<Option<Kind>> {
        self.watermark().map(|w| Ok(self.column(w)?.1)).transpose()
    }

    fn watermark(&self) -> Option<&str> {
        let name = self.spec.watermark()?;
        Some(self.spec.column(name).map_or(name, |c| c.in_source()))
    }

    /// The quoted name of a column and what its values are.
    fn column(&self, name: &str) -> Result<(String, Kind)> {
        match self.table.column(self.driver, name) {
            Some(column) => {
                let understood = kind::understand(self.driver, &column.type_text);
                Ok((quote(self.driver, &column.name), understood.kind))
            }
            None => Err(Error::failed(
                "extract/no_column",
                format!("`{}` has no column `{name}` any more", self.table.full_name()),
            )
            .about(self.spec.land_task().to_string())
            .hint("take the column out of the table spec, or bring it back in the source")),
        }
    }

    fn over(&self, what: &str, window: &Window) -> Result<Statement> {
        let mut sql = format!("SELECT {what} FROM {}", quote_table(self.driver, self.table));
        let mut binds = Vec::new();
        let mut conditions = Vec::new();
        if let Some(filter) = &self.spec.filter {
            // On lines of its own, so that a trailing `--` comment ends before the bracket.
            conditions.push(format!("(\n{filter}\n)"));
        }
        if let Some(condition) = self.bounds(window, &mut binds)? {
            conditions.push(condition);
        }
        if !conditions.is_empty() {
            sql.push_str(" WHERE ");
            sql.push_str(&conditions.join(" AND "));
        }
        Ok(Statement { sql, binds })
    }

    /// The condition of a window (rules W1, W7 and W10), `None` where every row is meant.
    fn bounds(&self, window: &Window, binds: &mut Vec<String>) -> Result<Option<String>> {
        let (Extract::Incremental { lookback_seconds, .. }, Window::Range { start, end, .. }) =
            (&self.spec.extract, window)
        else {
            return Ok(None);
        };
        let Some(watermark) = self.watermark() else { return Ok(None) };
        let (column, kind) = self.column(watermark)?;
        let local = kind != Kind::Instant;
        let start = start.map(|start| {
            let back = Duration::seconds(i64::from(*lookback_seconds));
            let start = start.checked_sub_signed(back).unwrap_or(start);
            if local { zone::least_local_from(start, self.zone) } else { start }
        });
        let end = if local { zone::to_local(*end, self.zone) } else { *end };
        Ok(Some(match self.driver {
            Driver::Sqlite => sqlite_bounds(&column, start, end, binds),
            Driver::MySql => {
                let mut bound = |at: NaiveDateTime| {
                    binds.push(written(at, ' '));
                    "CAST(? AS DATETIME(6))".to_string()
                };
                let range = range(&column, start.map(&mut bound), bound(end));
                // Zero dates lie before every window, and NULL in none: read each time.
                format!(
                    "({range} OR {column} < CAST('1000-01-01' AS DATETIME) OR {column} IS NULL)"
                )
            }
            Driver::Postgres => {
                let cast = if local { "timestamp" } else { "timestamptz" };
                let mut bound = |at: NaiveDateTime| {
                    let zone = if local { "" } else { "+00" };
                    binds.push(format!("{}{zone}", written(at, ' ')));
                    format!("${}::{cast}", binds.len())
                };
                let range = range(&column, start.map(&mut bound), bound(end));
                format!("({range} OR {column} IN ('infinity', '-infinity') OR {column} IS NULL)")
            }
        }))
    }
}

fn range(column: &str, start: Option<String>, end: String) -> String {
    match start {
        Some(start) => format!("({column} >= {start} AND {column} < {end})"),
        None => format!("({column} < {end})"),
    }
}

/// SQLite compares moments as texts, written with a blank or a `T` between day and time.
///
/// The plain comparisons are wide enough for both spellings and can use an index; the ones over
/// `replace` are exact. Values that are no such text (numbers sort before them, blobs and words
/// after, NULL nowhere) are read each time: they end in quarantine instead of being overlooked.
fn sqlite_bounds(
    column: &str,
    start: Option<NaiveDateTime>,
    end: NaiveDateTime,
    binds: &mut Vec<String>,
) -> String {
    let exact = format!("replace({column}, 'T', ' ')");
    let mut parts = Vec::new();
    if let Some(start) = start {
        binds.push(written(start, ' '));
        binds.push(written(start, ' '));
        parts.push(format!("{column} >= ? AND {exact} >= ?"));
    }
    binds.push(written(end, 'T'));
    binds.push(written(end, ' '));
    parts.push(format!("{column} < ? AND {exact} < ?"));
    format!(
        "(({}) OR {column} < '0000-' OR {column} >= ':' OR {column} IS NULL)",
        parts.join(" AND ")
    )
}

fn written(at: NaiveDateTime, between: char) -> String {
    at.format(&format!("%Y-%m-%d{between}%H:%M:%S")).to_string()
}

#[cfg(test)]
#[path = "query/tests.rs"]
mod tests;
