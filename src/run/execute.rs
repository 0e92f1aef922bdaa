//! The executor: runs the tasks of a graph side by side. It does not know what a task does.
//!
//! A failed task blocks only what depends on it. A panic is a failed task with the panic's text.
//! When the run is stopped, nothing new begins and what runs comes to its own safe end.

use std::any::Any;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::graph::Graph;
use crate::error::{Error, Kind, Result};
use crate::events::{Counts, Event, Observer};
use crate::task::{Rows, Status, TaskName};

/// What tasks do. An error of kind `Interrupted` means the task gave up because the run stops.
#[async_trait]
pub trait Work: Send + Sync {
    /// Does one task to its committed end and returns its row balance.
    async fn perform(&self, task: &TaskName) -> Result<Rows>;
}

/// What is to happen to a task of the graph.
#[derive(Debug)]
pub enum Start {
    Run,
    /// It is done already.
    Skip {
        reason: String,
        rows: Rows,
    },
    /// It is not selected.
    Leave {
        reason: String,
    },
    /// It cannot even begin.
    Fail(Error),
}

/// How tasks are run.
pub struct Rules {
    /// Tasks at a time, at least 1.
    pub jobs: usize,
    /// Begin nothing new after the first failure.
    pub fail_fast: bool,
    pub stop: CancellationToken,
}

/// Runs a graph, one [`Start`] for each position, and returns how its tasks ended, by position.
pub async fn execute(
    graph: &Graph,
    starts: Vec<Start>,
    work: Arc<dyn Work>,
    rules: &Rules,
    observer: &dyn Observer,
) -> Vec<Status> {
    let mut board = Board {
        graph,
        observer,
        statuses: vec![Status::Pending; graph.len()],
        reasons: vec![None; graph.len()],
        left_out: BTreeSet::new(),
    };
    board.begin(starts);
    let mut running = Running { set: JoinSet::new(), tasks: HashMap::new() };
    let mut halted = false;
    loop {
        board.block();
        halted |= rules.stop.is_cancelled() || (rules.fail_fast && board.any_failed());
        while !halted && running.set.len() < rules.jobs.max(1) {
            let Some(position) = board.ready() else { break };
            running.begin(position, &mut board, &work);
        }
        // Stopping needs no wake of its own: it is seen when the next task ends.
        match running.next().await {
            Some((position, began, result)) => board.finish(position, began, result),
            None => break,
        }
    }
    board.leave_the_rest(if rules.stop.is_cancelled() {
        "the run was stopped"
    } else {
        "the run stops at its first failure"
    });
    board.statuses
}

/// Adds up how tasks ended.
pub fn counts(statuses: &[Status]) -> Counts {
    let mut counts = Counts::default();
    statuses.iter().for_each(|status| counts.add(*status));
    counts
}

struct Running {
    set: JoinSet<Result<Rows>>,
    tasks: HashMap<Id, (usize, Instant)>,
}

impl Running {
    fn begin(&mut self, position: usize, board: &mut Board<'_>, work: &Arc<dyn Work>) {
        let Some(task) = board.graph.task(position).cloned() else { return };
        board.set(position, Status::Running);
        board.observer.on(&Event::TaskStarted { task: &task });
        let work = Arc::clone(work);
        let handle = self.set.spawn(async move { work.perform(&task).await });
        self.tasks.insert(handle.id(), (position, Instant::now()));
    }

    /// Waits for the next task to end; `None` when none runs.
    async fn next(&mut self) -> Option<(usize, Instant, Result<Rows>)> {
        let (id, result) = match self.set.join_next_with_id().await? {
            Ok((id, result)) => (id, result),
            Err(error) => (error.id(), Err(of_join(error))),
        };
        let (position, began) = self.tasks.remove(&id)?;
        Some((position, began, result))
    }
}

/// A task that ended without an answer: it panicked.
fn of_join(error: JoinError) -> Error {
    match error.try_into_panic() {
        Ok(panic) => {
            Error::failed("task/panic", format!("the task panicked: {}", text_of(&*panic)))
                .hint("this is a bug in Landfall; nothing of the task was committed")
        }
        Err(_) => Error::new(Kind::Interrupted, "task/aborted", "the task was aborted"),
    }
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}

/// Where every task stands, and what follows from it for the others.
struct Board<'a> {
    graph: &'a Graph,
    observer: &'a dyn Observer,
    statuses: Vec<Status>,
    /// Why tasks that did not end well stand where they stand, as others repeat it.
    reasons: Vec<Option<String>>,
    /// Tasks that were not selected: unlike a stopped run, the next one would leave them too.
    left_out: BTreeSet<usize>,
}

impl Board<'_> {
    fn begin(&mut self, starts: Vec<Start>) {
        for (position, start) in starts.into_iter().enumerate() {
            match start {
                Start::Run => {}
                Start::Skip { reason, rows } => {
                    self.end(position, Status::Skipped, rows, None, Some(reason));
                }
                Start::Leave { reason } => {
                    self.left_out.insert(position);
                    self.end(position, Status::Cancelled, Rows::default(), None, Some(reason));
                }
                Start::Fail(error) => self.finish(position, Instant::now(), Err(error)),
            }
        }
    }

    fn status(&self, position: usize) -> Status {
        self.statuses.get(position).copied().unwrap_or(Status::Pending)
    }

    fn set(&mut self, position: usize, status: Status) {
        if let Some(slot) = self.statuses.get_mut(position) {
            *slot = status;
        }
    }

    fn any_failed(&self) -> bool {
        self.statuses.contains(&Status::Failed)
    }

    /// The first task that waits for nothing more.
    fn ready(&self) -> Option<usize> {
        (0..self.graph.len()).find(|position| {
            self.status(*position) == Status::Pending
                && self
                    .graph
                    .needs(*position)
                    .iter()
                    .all(|need| matches!(self.status(*need), Status::Ok | Status::Skipped))
        })
    }

    /// Ends what can never begin: something it needs has ended otherwise than well.
    fn block(&mut self) {
        // Needs stand before what needs them, so one pass reaches everything.
        for position in 0..self.graph.len() {
            if self.status(position) != Status::Pending {
                continue;
            }
            let by = self.graph.needs(position).iter().copied().find(|need| {
                !matches!(
                    self.status(*need),
                    Status::Pending | Status::Running | Status::Ok | Status::Skipped
                )
            });
            let Some(by) = by else { continue };
            let (status, reason) = self.consequence(by);
            self.end(position, status, Rows::default(), None, Some(reason));
        }
    }

    /// What the end of `need` means for a task that waits for it.
    fn consequence(&self, need: usize) -> (Status, String) {
        let name = self.graph.task(need).map(ToString::to_string).unwrap_or_default();
        let known = self.reasons.get(need).cloned().flatten().unwrap_or_default();
        match self.status(need) {
            // The root of it is what there is to repair.
            Status::Blocked => (Status::Blocked, known),
            Status::Failed => (Status::Blocked, format!("by {name}")),
            Status::Cancelled if self.left_out.contains(&need) => {
                (Status::Blocked, format!("by {name}: {known}"))
            }
            _ => (Status::Cancelled, "the run was stopped".to_string()),
        }
    }

    fn finish(&mut self, position: usize, began: Instant, result: Result<Rows>) {
        match result {
            Ok(rows) => self.end(position, Status::Ok, rows, Some(began), None),
            Err(error) if error.kind() == Kind::Interrupted => {
                let reason = Some(error.message().to_string());
                self.end(position, Status::Interrupted, Rows::default(), Some(began), reason);
            }
            Err(error) => {
                if let Some(task) = self.graph.task(position) {
                    self.observer.on(&Event::Failure { task, error: &error });
                }
                self.end(position, Status::Failed, Rows::default(), Some(began), None);
            }
        }
    }

    fn end(
        &mut self,
        position: usize,
        status: Status,
        rows: Rows,
        began: Option<Instant>,
        reason: Option<String>,
    ) {
        self.set(position, status);
        if let Some(slot) = self.reasons.get_mut(position) {
            slot.clone_from(&reason);
        }
        let Some(task) = self.graph.task(position) else { return };
        let took = began.map(|began| began.elapsed()).unwrap_or_default();
        self.observer.on(&Event::TaskFinished { task, status, rows, took, reason });
    }

    fn leave_the_rest(&mut self, reason: &str) {
        for position in 0..self.graph.len() {
            if self.status(position) == Status::Pending {
                let reason = Some(reason.to_string());
                self.end(position, Status::Cancelled, Rows::default(), None, reason);
            }
        }
    }
}

#[cfg(test)]
mod tests;
