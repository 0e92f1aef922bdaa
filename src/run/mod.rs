//! Run: one sequence from lock to end: windows, graph, executor, journal.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::config::Project;
use crate::error::Result;
use crate::events::{Counts, Observer};
use crate::sequence::{RunId, Sequence};
use crate::task::{Layer, TaskName};
use crate::window::Window;

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

/// Runs the unfinished sequence, or opens the next one, to its end or as far as it goes.
///
/// Errors before the first task (configuration, connection, lock) return `Err`; a failing task
/// does not: it is told to the observer and counted in the summary.
pub async fn run(
    _project: &Project,
    _options: &Options,
    _observer: Arc<dyn Observer>,
    _stop: CancellationToken,
) -> Result<Summary> {
    todo!()
}

/// What [`run`] would do. Writes nothing; asks the sources for counts unless `offline`.
pub async fn plan(_project: &Project, _options: &Options, _offline: bool) -> Result<Plan> {
    todo!()
}

/// The tasks a rerun of `tasks` would invalidate in the last (or the given) sequence:
/// themselves and everything downstream, in the order of the data.
pub async fn rerun_preview(
    _project: &Project,
    _tasks: &[String],
    _sequence: Option<Sequence>,
) -> Result<Vec<TaskName>> {
    todo!()
}

/// Takes the markers of these tasks away, so that the next [`run`] does them again.
pub async fn invalidate(
    _project: &Project,
    _tasks: &[TaskName],
    _sequence: Option<Sequence>,
) -> Result<()> {
    todo!()
}
