//! Run records: runs, tasks, statements, windows, partitions, quarantine, in the catalog database.
//!
//! They are tables of Landfall's own beside DuckLake's, so that a task's marker is written in the
//! transaction that commits its data. Nothing here starts or decides a run.

use chrono::{DateTime, Utc};

use crate::sequence::RunId;
use crate::task::{Rows, TaskName};

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
