//! Run records: runs, tasks, statements, windows, partitions, quarantine, in the catalog database.
//!
//! They are tables of Landfall's own beside DuckLake's, so that a task's marker is written in the
//! transaction that commits its data. Nothing here starts or decides a run.
//!
//! ```text
//! landfall_sequences   open, complete or abandoned; the last snapshot of a complete one
//! landfall_runs        attempts, with the process that ran them
//! landfall_markers     what is done: the only truth a resume asks
//! landfall_tasks       what each attempt told of each task, for people
//! landfall_statements  what each task ran
//! landfall_windows     what a sequence reads of each source, fixed before the first row
//! landfall_partitions  the files of landing; a file no done task names is not there
//! landfall_quarantine  the files of rejects, with reasons
//! landfall_addresses   countries of addresses, as a provider answered
//! ```

pub mod addresses;
pub mod landing;
pub mod read;
pub mod runs;
mod schema;
pub mod tasks;
pub mod windows;

use chrono::{DateTime, SecondsFormat, Utc};

use crate::error::{Error, Result};
use crate::sequence::{RunId, Sequence};
use crate::state::Readers;
use crate::task::{Rows, TaskName};

pub use landing::{LandingFile, LandingPartition, landing_files};
pub use runs::snapshot_of;
pub use schema::{create_tables, exist};
pub use tasks::mark_done;

/// What makes a task done, written in the transaction that commits its data.
#[derive(Debug, Clone)]
pub struct Marker {
    pub run: RunId,
    pub task: TaskName,
    /// Hash of everything the task's result depends on: spec, SQL text, upstream hashes.
    pub input_hash: String,
    pub rows: Rows,
    pub started_at: DateTime<Utc>,
}

/// A moment as the records keep it: RFC 3339, UTC, milliseconds.
fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn moment(text: &str) -> Result<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text)
        .map(|at| at.with_timezone(&Utc))
        .map_err(|e| damaged(format!("`{text}` is no time")).because(e))
}

/// SQLite counts in i64; what does not fit is far beyond what it could hold.
fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn unsigned(n: i64) -> Result<u64> {
    u64::try_from(n).map_err(|_| damaged(format!("`{n}` is no count")))
}

fn sequence(n: i64) -> Result<Sequence> {
    unsigned(n).map(Sequence)
}

fn run_id(sequence: i64, attempt: i64) -> Result<RunId> {
    let attempt =
        u32::try_from(attempt).map_err(|_| damaged(format!("`{attempt}` is no attempt")))?;
    Ok(RunId { sequence: self::sequence(sequence)?, attempt })
}

fn task_name(text: &str) -> Result<TaskName> {
    TaskName::parse(text).ok_or_else(|| damaged(format!("`{text}` is no task")))
}

fn rows_of(json: &str) -> Result<Rows> {
    serde_json::from_str(json).map_err(|e| damaged(format!("`{json}` are no rows")).because(e))
}

/// Serializes a value of ours; it cannot fail for the types kept here, and says so if it does.
fn json<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|e| Error::failed("state/json", "a record cannot be written as JSON").because(e))
}

fn damaged(what: String) -> Error {
    Error::failed("state/record", format!("the run records are damaged: {what}"))
        .hint("restore .landfall/catalog.sqlite from a copy")
}

/// The last sequence, whatever its state.
pub async fn last_sequence(pool: &Readers) -> Result<Option<read::SequenceRow>> {
    Ok(read::sequences(pool, 1).await?.into_iter().next())
}

#[cfg(test)]
mod tests;
