//! What `status`, `history` and `logs` read. It writes nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::runs::SequenceState;
use super::tasks::{Failure, Told};
use super::{damaged, moment, rows_of, run_id, signed, task_name, unsigned};
use crate::error::Result;
use crate::events::Counts;
use crate::sequence::{RunId, Sequence};
use crate::state::{Readers, query};
use crate::task::{Rows, Status, TaskName};

/// One sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SequenceRow {
    pub sequence: Sequence,
    pub state: SequenceState,
    pub opened_at: DateTime<Utc>,
    pub closed_at: Option<DateTime<Utc>>,
    /// The last snapshot, once it is complete.
    pub snapshot: Option<i64>,
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRow {
    pub run: RunId,
    /// `Running`, `Ok`, `Failed` or `Interrupted`.
    pub status: Status,
    pub target: String,
    pub started_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
    pub pid: u32,
    pub host: String,
    /// The Landfall that ran it.
    pub version: String,
    /// Its tasks by how they ended; those that run still are in none.
    pub counts: Counts,
    /// Rows of all its tasks, added up.
    pub rows: Rows,
}

/// One task of one attempt.
#[derive(Debug, Clone)]
pub struct TaskRow {
    pub run: RunId,
    pub told: Told,
}

/// One statement a task ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementRow {
    pub task: TaskName,
    /// From 1.
    pub ordinal: u32,
    pub text: String,
    /// `file:line:column`.
    pub place: String,
    pub inserted: u64,
    pub updated: u64,
    pub deleted: u64,
    pub took: Duration,
}

/// One file of rejects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantineRow {
    pub task: TaskName,
    /// Key in the landing store.
    pub path: String,
    pub rows: u64,
    /// Rejects of the whole task by reason.
    pub reasons: BTreeMap<String, u64>,
}

/// The last `limit` sequences, newest first.
pub async fn sequences(pool: &Readers, limit: u32) -> Result<Vec<SequenceRow>> {
    let found = query(
        "select sequence, state, opened_at, closed_at, snapshot
         from landfall_sequences order by sequence desc limit $1",
    )
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await?;
    found.into_iter().map(sequence_row).collect()
}

/// The columns of a sequence, in the order they are selected.
type SequenceColumns = (i64, String, String, Option<String>, Option<i64>);

fn sequence_row(row: SequenceColumns) -> Result<SequenceRow> {
    let (sequence, state, opened_at, closed_at, snapshot) = row;
    Ok(SequenceRow {
        sequence: super::sequence(sequence)?,
        state: SequenceState::parse(&state)
            .ok_or_else(|| damaged(format!("`{state}` is no state of a sequence")))?,
        opened_at: moment(&opened_at)?,
        closed_at: time(closed_at)?,
        snapshot,
    })
}

/// The last `limit` attempts, newest first; of one sequence, or of all.
pub async fn runs(pool: &Readers, sequence: Option<Sequence>, limit: u32) -> Result<Vec<RunRow>> {
    let found = query(
        "select sequence, attempt, status, target, started_at, finished_at, pid, host, version
         from landfall_runs where $1 is null or sequence = $1
         order by sequence desc, attempt desc limit $2",
    )
    .bind(sequence.map(|s| signed(s.0)))
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await?;
    let mut runs: Vec<RunRow> = found.into_iter().map(run_row).collect::<Result<_>>()?;
    let Some(oldest) = runs.iter().map(|r| r.run.sequence).min() else { return Ok(runs) };
    let told: Vec<(i64, i64, String, String)> = query(
        "select sequence, attempt, status, row_counts from landfall_tasks where sequence >= $1",
    )
    .bind(signed(oldest.0))
    .fetch_all(pool)
    .await?;
    for (sequence, attempt, word, rows) in told {
        let id = run_id(sequence, attempt)?;
        let Some(run) = runs.iter_mut().find(|r| r.run == id) else { continue };
        let status = status(&word)?;
        if !matches!(status, Status::Running | Status::Pending) {
            run.counts.add(status);
        }
        if status == Status::Ok {
            add(&mut run.rows, &rows_of(&rows)?);
        }
    }
    Ok(runs)
}

/// The columns of an attempt, in the order they are selected.
type RunColumns = (i64, i64, String, String, String, Option<String>, i64, String, String);

fn run_row(row: RunColumns) -> Result<RunRow> {
    let (sequence, attempt, word, target, started_at, finished_at, pid, host, version) = row;
    Ok(RunRow {
        run: run_id(sequence, attempt)?,
        status: status(&word)?,
        target,
        started_at: moment(&started_at)?,
        finished_at: time(finished_at)?,
        pid: u32::try_from(pid).map_err(|_| damaged(format!("`{pid}` is no process")))?,
        host,
        version,
        counts: Counts::default(),
        rows: Rows::default(),
    })
}

/// The tasks of one attempt, in the order they began.
pub async fn tasks(pool: &Readers, run: RunId) -> Result<Vec<TaskRow>> {
    let found = query(format!(
        "select {TASK_COLUMNS} from landfall_tasks where sequence = $1 and attempt = $2
         order by started_at is null, started_at, rowid",
    ))
    .bind(signed(run.sequence.0))
    .bind(i64::from(run.attempt))
    .fetch_all(pool)
    .await?;
    found.into_iter().map(task_row).collect()
}

/// The last `limit` attempts of one task, newest first.
pub async fn task_history(pool: &Readers, task: &TaskName, limit: u32) -> Result<Vec<TaskRow>> {
    let found = query(format!(
        "select {TASK_COLUMNS} from landfall_tasks where task = $1
         order by sequence desc, attempt desc limit $2",
    ))
    .bind(task.as_str())
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await?;
    found.into_iter().map(task_row).collect()
}

const TASK_COLUMNS: &str = "sequence, attempt, task, status, row_counts, started_at, finished_at, \
                            code, message, hint, place, reason";

/// The columns of a task, in the order of [`TASK_COLUMNS`].
type TaskColumns = (
    i64,
    i64,
    String,
    String,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
);

fn task_row(row: TaskColumns) -> Result<TaskRow> {
    let (sequence, attempt, task, word, rows, started_at, finished_at, ..) = row;
    let (.., code, message, hint, place, reason) = row;
    let failure =
        code.map(|code| Failure { code, message: message.unwrap_or_default(), hint, place });
    Ok(TaskRow {
        run: run_id(sequence, attempt)?,
        told: Told {
            task: task_name(&task)?,
            status: status(&word)?,
            rows: rows_of(&rows)?,
            started_at: time(started_at)?,
            finished_at: time(finished_at)?,
            failure,
            reason,
        },
    })
}

/// The statements of one attempt, of one task or of all, in the order they ran.
pub async fn statements(
    pool: &Readers,
    run: RunId,
    task: Option<&TaskName>,
) -> Result<Vec<StatementRow>> {
    type Columns = (String, i64, String, String, i64, i64, i64, i64);
    let found: Vec<Columns> = query(
        "select task, ordinal, text, place, inserted, updated, deleted, micros
         from landfall_statements
         where sequence = $1 and attempt = $2 and ($3 is null or task = $3)
         order by task, ordinal",
    )
    .bind(signed(run.sequence.0))
    .bind(i64::from(run.attempt))
    .bind(task.map(TaskName::as_str))
    .fetch_all(pool)
    .await?;
    found
        .into_iter()
        .map(|(task, ordinal, text, place, inserted, updated, deleted, micros)| {
            Ok(StatementRow {
                task: task_name(&task)?,
                ordinal: u32::try_from(ordinal)
                    .map_err(|_| damaged(format!("`{ordinal}` is no place of a statement")))?,
                text,
                place,
                inserted: unsigned(inserted)?,
                updated: unsigned(updated)?,
                deleted: unsigned(deleted)?,
                took: Duration::from_micros(unsigned(micros)?),
            })
        })
        .collect()
}

/// The quarantine files of a sequence, by task.
pub async fn quarantine(pool: &Readers, sequence: Sequence) -> Result<Vec<QuarantineRow>> {
    let found: Vec<(String, String, i64, String)> = query(
        "select q.task, q.path, q.row_count, q.reasons
         from landfall_quarantine q
         join landfall_markers m on m.sequence = q.sequence and m.task = q.task
         where q.sequence = $1 order by q.task, q.id",
    )
    .bind(signed(sequence.0))
    .fetch_all(pool)
    .await?;
    found
        .into_iter()
        .map(|(task, path, rows, reasons)| {
            Ok(QuarantineRow {
                task: task_name(&task)?,
                path,
                rows: unsigned(rows)?,
                reasons: serde_json::from_str(&reasons)
                    .map_err(|e| damaged(format!("`{reasons}` are no reasons")).because(e))?,
            })
        })
        .collect()
}

fn time(text: Option<String>) -> Result<Option<DateTime<Utc>>> {
    text.as_deref().map(moment).transpose()
}

fn status(word: &str) -> Result<Status> {
    Status::parse(word).ok_or_else(|| damaged(format!("`{word}` is no status")))
}

fn add(sum: &mut Rows, rows: &Rows) {
    sum.read += rows.read;
    // A store task counts its landed rows too; they landed once.
    if rows.read > 0 || rows.quarantined > 0 {
        sum.landed += rows.landed;
    }
    sum.quarantined += rows.quarantined;
    sum.inserted += rows.inserted;
    sum.updated += rows.updated;
    sum.unchanged += rows.unchanged;
    sum.superseded += rows.superseded;
    sum.written += rows.written;
}
