//! Task names, states and counts: the words in which a run is told. Pure.
//!
//! A task is one table in one layer, one pres file, or one report:
//! `land.mysql.order_lines`, `store.mysql.order_lines`, `pres.report_order_lines`,
//! `report.monthly_sales`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The stage a task belongs to, in the order of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    Land,
    Store,
    Pres,
    Report,
}

impl Layer {
    pub fn word(self) -> &'static str {
        match self {
            Layer::Land => "land",
            Layer::Store => "store",
            Layer::Pres => "pres",
            Layer::Report => "report",
        }
    }
}

/// The full name of a task; its first part is the layer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskName(String);

impl TaskName {
    pub fn land(source: &str, table: &str) -> TaskName {
        TaskName(format!("land.{source}.{table}"))
    }

    pub fn store(source: &str, table: &str) -> TaskName {
        TaskName(format!("store.{source}.{table}"))
    }

    pub fn pres(file_stem: &str) -> TaskName {
        TaskName(format!("pres.{file_stem}"))
    }

    pub fn report(name: &str) -> TaskName {
        TaskName(format!("report.{name}"))
    }

    /// The name as stored in the records; `None` if its first part is not a layer.
    pub fn parse(text: &str) -> Option<TaskName> {
        let layer = text.split_once('.')?.0;
        matches!(layer, "land" | "store" | "pres" | "report").then(|| TaskName(text.to_string()))
    }

    pub fn layer(&self) -> Layer {
        match self.0.split('.').next() {
            Some("land") => Layer::Land,
            Some("store") => Layer::Store,
            Some("pres") => Layer::Pres,
            _ => Layer::Report,
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TaskName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Pending,
    Running,
    Ok,
    Failed,
    /// Something it depends on failed or is blocked.
    Blocked,
    /// Done in an earlier attempt with the same input.
    Skipped,
    /// Left out by `--select`, or not begun when the run stopped.
    Cancelled,
    /// The process died while it ran.
    Interrupted,
}

impl Status {
    pub fn word(self) -> &'static str {
        match self {
            Status::Pending => "pending",
            Status::Running => "running",
            Status::Ok => "ok",
            Status::Failed => "failed",
            Status::Blocked => "blocked",
            Status::Skipped => "skipped",
            Status::Cancelled => "cancelled",
            Status::Interrupted => "interrupted",
        }
    }

    pub fn parse(word: &str) -> Option<Status> {
        use Status::*;
        [Pending, Running, Ok, Failed, Blocked, Skipped, Cancelled, Interrupted]
            .into_iter()
            .find(|s| s.word() == word)
    }
}

/// The row balance of a task. Every row that entered is in exactly one place.
///
/// Land: `read = landed + quarantined`.
/// Store: `landed = inserted + updated + unchanged + superseded`.
/// Pres and report: `written` rows, no balance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rows {
    /// Rows or lines that came from the source.
    pub read: u64,
    /// Rows in the landing partition.
    pub landed: u64,
    /// Rows or lines put aside with a reason.
    pub quarantined: u64,
    /// Rows new to the store.
    pub inserted: u64,
    /// Rows of the store that changed.
    pub updated: u64,
    /// Landed rows equal to or older than the store's.
    pub unchanged: u64,
    /// Landed rows beaten by a newer version of the same key in the same partition.
    pub superseded: u64,
    /// Rows a pres file or a report produced.
    pub written: u64,
}

impl Rows {
    /// The first broken balance for a task of `layer`, in words; `None` when all holds.
    pub fn imbalance(&self, layer: Layer) -> Option<String> {
        match layer {
            Layer::Land if self.read != self.landed + self.quarantined => Some(format!(
                "read {} rows but landed {} and quarantined {}",
                self.read, self.landed, self.quarantined
            )),
            Layer::Store
                if self.landed
                    != self.inserted + self.updated + self.unchanged + self.superseded =>
            {
                Some(format!(
                    "{} landed rows but {} inserted, {} updated, {} unchanged, {} superseded",
                    self.landed, self.inserted, self.updated, self.unchanged, self.superseded
                ))
            }
            _ => None,
        }
    }
}
