//! Run: one sequence from lock to end: windows, graph, executor, journal.
//!
//! ```text
//! lock ─▶ program ─▶ resume ─▶ sources ─▶ execute ─▶ tasks
//!         graph      what is   windows    what may   what each does
//!         hash       done                 run now         │
//!                                            └─── journal ┘──▶ records, observer
//! ```
//!
//! It knows no SQL and no source: it asks the stages and the engine.

mod compact;
mod drive;
mod emit;
mod execute;
mod graph;
mod hash;
mod journal;
mod lock;
mod plan;
mod program;
mod rerun;
mod resume;
mod select;
mod sources;
mod tasks;
mod unfinished;

use crate::events::Counts;
use crate::sequence::{RunId, Sequence};
use crate::task::{Layer, TaskName};
use crate::window::Window;

pub use compact::{Kept, Upkeep, compact};
pub use drive::run;
pub use emit::emit;
pub use lock::{Holder, holder, shared_holder};
pub use plan::plan;
pub use rerun::{invalidate, rerun_preview};

/// What the user asked of a run.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Selectors: task names, globs, `+x` with everything upstream, `x+` with everything
    /// downstream, `state:failed`. Empty means all.
    pub select: Vec<String>,
    /// Give up an unfinished sequence and open the next.
    pub new: bool,
    /// Refuse to open a new sequence.
    pub resume_only: bool,
    /// Stop after this layer.
    pub until: Option<Layer>,
    /// Start nothing new after the first failure.
    pub fail_fast: bool,
    /// Let a full extract shrink by more than half.
    pub allow_shrink: bool,
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct Summary {
    pub run: RunId,
    pub counts: Counts,
    /// True when the user stopped it.
    pub interrupted: bool,
    /// True when the whole sequence is done, so that the next run opens the next one.
    pub sequence_complete: bool,
}

/// What a run would do.
#[derive(Debug, Clone)]
pub struct Plan {
    pub sequence: Sequence,
    pub resumed: bool,
    pub tasks: Vec<PlannedTask>,
    pub warnings: Vec<String>,
}

#[derive(Debug, Clone)]
pub struct PlannedTask {
    pub task: TaskName,
    /// Tasks it waits for.
    pub needs: Vec<TaskName>,
    /// `None` when it will run; otherwise why not.
    pub skip: Option<String>,
    pub window: Option<Window>,
    /// Rows or lines expected from the source.
    pub estimate: Option<u64>,
}

#[cfg(test)]
mod tests;
