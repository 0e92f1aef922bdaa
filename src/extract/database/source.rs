//! What every driver can do, and what is the same for all of them.
//!
//! The order of the steps of an extract is decided here once; a driver only carries them out.

use std::future::Future;
use std::time::Duration;

use chrono::NaiveDateTime;
use chrono_tz::Tz;

use super::decode::batch::Batches;
use super::decode::calendar::{self, Written};
use super::described::{Driver, SourceTable};
use super::query::{Ask, Statement};
use super::stream::Sender;
use super::window::Reading;
use crate::config::DatabaseSource;
use crate::error::{Error, Result};
use crate::tables::TableSpec;
use crate::window::Window;

/// A database that can be extracted from.
pub trait Source: Clone + Send + Sync + Sized + 'static {
    const DRIVER: Driver;
    type Connection: Send;

    /// Proves that the source can be reached and logged in to.
    fn connect(config: &DatabaseSource) -> impl Future<Output = Result<Self>> + Send;

    /// A new read-only connection.
    fn open(&self) -> impl Future<Output = Result<Self::Connection>> + Send;

    /// The tables and views one may mean by `from`.
    fn names(
        &self,
        connection: &mut Self::Connection,
    ) -> impl Future<Output = Result<Vec<String>>> + Send;

    /// The table `from` as it stands now; `None` when there is none.
    fn describe(
        &self,
        connection: &mut Self::Connection,
        from: &str,
    ) -> impl Future<Output = Result<Option<SourceTable>>> + Send;

    /// The clock, then the open transactions, in that order (rules W2 and W3).
    fn clock(&self) -> impl Future<Output = Result<Reading>> + Send;

    /// The one text a statement answers.
    fn text(
        &self,
        connection: &mut Self::Connection,
        statement: &Statement,
    ) -> impl Future<Output = Result<Option<String>>> + Send;

    /// The one count a statement answers.
    fn count(
        &self,
        connection: &mut Self::Connection,
        statement: &Statement,
    ) -> impl Future<Output = Result<u64>> + Send;

    /// Opens the one consistent, read-only snapshot of the connection (rule W9).
    fn begin(&self, connection: &mut Self::Connection) -> impl Future<Output = Result<()>> + Send;

    /// Sends the rows of a job.
    fn stream(
        &self,
        connection: &mut Self::Connection,
        job: Job,
        sender: &Sender,
    ) -> impl Future<Output = Result<()>> + Send;
}

/// The rows to read, and how many there are in the snapshot.
pub struct Job {
    pub select: Statement,
    pub expected: u64,
    pub batches: Batches,
}

/// Reads the rows of a window in one snapshot: describe, count, describe again, read.
///
/// Counting takes the lock that keeps the table's shape, so the second look is the one that holds.
pub async fn extract<S: Source>(
    source: &S,
    spec: &TableSpec,
    window: &Window,
    zone: Tz,
    sender: &Sender,
) -> Result<()> {
    let task = spec.land_task().to_string();
    let about = |error: Error| error.about(task.clone());
    let mut connection = source.open().await.map_err(about)?;
    source.begin(&mut connection).await.map_err(about)?;
    let table = described(source, &mut connection, spec).await?;
    let ask = Ask { driver: S::DRIVER, table: &table, spec, zone };
    let count = ask.count(window).map_err(about)?;
    let expected = source.count(&mut connection, &count).await.map_err(about)?;
    let now = described(source, &mut connection, spec).await?;
    if now.columns != table.columns {
        return Err(about(
            Error::failed("extract/changed", "the table changed while it was read")
                .hint("run again, it will be read whole from the start"),
        ));
    }
    let select = ask.select(window).map_err(about)?;
    let job = Job { select, expected, batches: Batches::new(spec, zone) };
    source.stream(&mut connection, job, sender).await.map_err(about)
}

/// The table of a spec, or an error that it is gone.
pub async fn described<S: Source>(
    source: &S,
    connection: &mut S::Connection,
    spec: &TableSpec,
) -> Result<SourceTable> {
    match source.describe(connection, &spec.from).await {
        Ok(Some(table)) => Ok(table),
        Ok(None) => Err(Error::failed(
            "extract/no_table",
            format!("the source has no table `{}` any more", spec.from),
        )
        .hint("correct `from` of the table spec, or bring the table back")
        .about(spec.land_task().to_string())),
        Err(error) => Err(error.about(spec.land_task().to_string())),
    }
}

/// How long a server may take to answer a connection.
const CONNECT: Duration = Duration::from_secs(30);

/// A connection, or an error when the server does not answer.
pub async fn with_time_limit<C>(
    connecting: impl Future<Output = Result<C, sqlx::Error>> + Send,
) -> Result<C, sqlx::Error> {
    match tokio::time::timeout(CONNECT, connecting).await {
        Ok(connected) => connected,
        Err(elapsed) => {
            Err(sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, elapsed)))
        }
    }
}

/// A moment as a source writes it, without zone; micros are kept.
pub fn parse_moment(text: &str) -> Result<NaiveDateTime> {
    let micros = match calendar::read(text.as_bytes()) {
        Some(Written::Local(micros) | Written::Instant(micros)) => Some(micros),
        Some(Written::Date(days)) => i64::from(days).checked_mul(calendar::DAY),
        _ => None,
    };
    micros.and_then(moment_of_micros).ok_or_else(|| {
        Error::failed(
            "extract/clock",
            format!("the source's clock says `{text}`, which is no time"),
        )
    })
}

/// Microseconds since 1970 as a moment.
pub fn moment_of_micros(micros: i64) -> Option<NaiveDateTime> {
    chrono::DateTime::from_timestamp_micros(micros).map(|m| m.naive_utc())
}
