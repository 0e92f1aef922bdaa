//! Events: what a run tells while it goes, to the terminal, the log file and `--json`. Pure.

use std::time::Duration;

use serde::Serialize;

use crate::error::Error;
use crate::sequence::RunId;
use crate::task::{Rows, Status, TaskName};

/// One thing that happened.
#[derive(Debug)]
pub enum Event<'a> {
    RunStarted {
        run: RunId,
        target: &'static str,
        /// True when an unfinished sequence goes on.
        resumed: bool,
        /// All tasks of the sequence, in the order of the data.
        tasks: &'a [TaskName],
    },
    TaskStarted {
        task: &'a TaskName,
    },
    /// At most a few a second for each task.
    TaskProgress {
        task: &'a TaskName,
        done: u64,
        /// The expected total, when it is known.
        total: Option<u64>,
        /// What is counted.
        unit: Unit,
    },
    TaskFinished {
        task: &'a TaskName,
        status: Status,
        rows: Rows,
        took: Duration,
        /// Why it was skipped, or what blocks it.
        reason: Option<String>,
    },
    /// A task failed; its end follows as `TaskFinished`.
    Failure {
        task: &'a TaskName,
        error: &'a Error,
    },
    Warning {
        task: Option<&'a TaskName>,
        message: &'a str,
    },
    RunFinished {
        run: RunId,
        counts: Counts,
        took: Duration,
    },
}

/// What progress counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    Rows,
    /// Of a log's text, unpacked.
    Bytes,
}

/// Tasks by how they ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub ok: usize,
    pub skipped: usize,
    pub failed: usize,
    pub blocked: usize,
    pub cancelled: usize,
}

impl Counts {
    pub fn add(&mut self, status: Status) {
        match status {
            Status::Ok => self.ok += 1,
            Status::Skipped => self.skipped += 1,
            Status::Failed => self.failed += 1,
            Status::Blocked => self.blocked += 1,
            _ => self.cancelled += 1,
        }
    }

    /// True when every task is done, now or before.
    pub fn complete(&self) -> bool {
        self.failed == 0 && self.blocked == 0 && self.cancelled == 0
    }
}

/// Receives events, in order; must not block for long.
pub trait Observer: Send + Sync {
    fn on(&self, event: &Event<'_>);
}

/// Hears everything and says nothing.
pub struct Silent;

impl Observer for Silent {
    fn on(&self, _: &Event<'_>) {}
}
