//! What `status`, `history` and `logs` read. It writes nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqlitePool};

use super::runs::SequenceState;
use super::tasks::{Failure, Told};
use super::{damaged, moment, rows_of, run_id, signed, task_name, unsigned};
use crate::error::Result;
use crate::events::Counts;
use crate::sequence::{RunId, Sequence};
use crate::state::db_error;
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
pub async fn sequences(pool: &SqlitePool, limit: u32) -> Result<Vec<SequenceRow>> {
    let found = sqlx::query(
        "select sequence, state, opened_at, closed_at, snapshot
         from landfall_sequences order by sequence desc limit ?",
    )
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await
    .map_err(db_error)?;
    found.iter().map(sequence_row).collect()
}

fn sequence_row(row: &SqliteRow) -> Result<SequenceRow> {
    let state: String = get(row, "state")?;
    Ok(SequenceRow {
        sequence: super::sequence(get(row, "sequence")?)?,
        state: SequenceState::parse(&state)
            .ok_or_else(|| damaged(format!("`{state}` is no state of a sequence")))?,
        opened_at: moment(&get::<String>(row, "opened_at")?)?,
        closed_at: time(row, "closed_at")?,
        snapshot: get(row, "snapshot")?,
    })
}

/// The last `limit` attempts, newest first; of one sequence, or of all.
pub async fn runs(
    pool: &SqlitePool,
    sequence: Option<Sequence>,
    limit: u32,
) -> Result<Vec<RunRow>> {
    let found = sqlx::query(
        "select sequence, attempt, status, target, started_at, finished_at, pid, host, version
         from landfall_runs where ?1 is null or sequence = ?1
         order by sequence desc, attempt desc limit ?2",
    )
    .bind(sequence.map(|s| signed(s.0)))
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await
    .map_err(db_error)?;
    let mut runs: Vec<RunRow> = found.iter().map(run_row).collect::<Result<_>>()?;
    let Some(oldest) = runs.iter().map(|r| r.run.sequence).min() else { return Ok(runs) };
    let told: Vec<(i64, i64, String, String)> = sqlx::query_as(
        "select sequence, attempt, status, row_counts from landfall_tasks where sequence >= ?",
    )
    .bind(signed(oldest.0))
    .fetch_all(pool)
    .await
    .map_err(db_error)?;
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

fn run_row(row: &SqliteRow) -> Result<RunRow> {
    let pid: i64 = get(row, "pid")?;
    Ok(RunRow {
        run: run_id(get(row, "sequence")?, get(row, "attempt")?)?,
        status: status(&get::<String>(row, "status")?)?,
        target: get(row, "target")?,
        started_at: moment(&get::<String>(row, "started_at")?)?,
        finished_at: time(row, "finished_at")?,
        pid: u32::try_from(pid).map_err(|_| damaged(format!("`{pid}` is no process")))?,
        host: get(row, "host")?,
        version: get(row, "version")?,
        counts: Counts::default(),
        rows: Rows::default(),
    })
}

/// The tasks of one attempt, in the order they began.
pub async fn tasks(pool: &SqlitePool, run: RunId) -> Result<Vec<TaskRow>> {
    let found = sqlx::query(
        "select * from landfall_tasks where sequence = ? and attempt = ?
         order by started_at is null, started_at, rowid",
    )
    .bind(signed(run.sequence.0))
    .bind(i64::from(run.attempt))
    .fetch_all(pool)
    .await
    .map_err(db_error)?;
    found.iter().map(task_row).collect()
}

/// The last `limit` attempts of one task, newest first.
pub async fn task_history(pool: &SqlitePool, task: &TaskName, limit: u32) -> Result<Vec<TaskRow>> {
    let found = sqlx::query(
        "select * from landfall_tasks where task = ?
         order by sequence desc, attempt desc limit ?",
    )
    .bind(task.as_str())
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await
    .map_err(db_error)?;
    found.iter().map(task_row).collect()
}

fn task_row(row: &SqliteRow) -> Result<TaskRow> {
    let code: Option<String> = get(row, "code")?;
    let failure = match code {
        None => None,
        Some(code) => Some(Failure {
            code,
            message: get::<Option<String>>(row, "message")?.unwrap_or_default(),
            hint: get(row, "hint")?,
            place: get(row, "place")?,
        }),
    };
    Ok(TaskRow {
        run: run_id(get(row, "sequence")?, get(row, "attempt")?)?,
        told: Told {
            task: task_name(&get::<String>(row, "task")?)?,
            status: status(&get::<String>(row, "status")?)?,
            rows: rows_of(&get::<String>(row, "row_counts")?)?,
            started_at: time(row, "started_at")?,
            finished_at: time(row, "finished_at")?,
            failure,
            reason: get(row, "reason")?,
        },
    })
}

/// The statements of one attempt, of one task or of all, in the order they ran.
pub async fn statements(
    pool: &SqlitePool,
    run: RunId,
    task: Option<&TaskName>,
) -> Result<Vec<StatementRow>> {
    let found = sqlx::query(
        "select task, ordinal, text, place, inserted, updated, deleted, micros
         from landfall_statements
         where sequence = ?1 and attempt = ?2 and (?3 is null or task = ?3)
         order by task, ordinal",
    )
    .bind(signed(run.sequence.0))
    .bind(i64::from(run.attempt))
    .bind(task.map(TaskName::as_str))
    .fetch_all(pool)
    .await
    .map_err(db_error)?;
    found
        .iter()
        .map(|row| {
            Ok(StatementRow {
                task: task_name(&get::<String>(row, "task")?)?,
                ordinal: get(row, "ordinal")?,
                text: get(row, "text")?,
                place: get(row, "place")?,
                inserted: unsigned(get(row, "inserted")?)?,
                updated: unsigned(get(row, "updated")?)?,
                deleted: unsigned(get(row, "deleted")?)?,
                took: Duration::from_micros(unsigned(get(row, "micros")?)?),
            })
        })
        .collect()
}

/// The quarantine files of a sequence, by task.
pub async fn quarantine(pool: &SqlitePool, sequence: Sequence) -> Result<Vec<QuarantineRow>> {
    let found = sqlx::query(
        "select q.task, q.path, q.row_count, q.reasons
         from landfall_quarantine q
         join landfall_markers m on m.sequence = q.sequence and m.task = q.task
         where q.sequence = ? order by q.task, q.id",
    )
    .bind(signed(sequence.0))
    .fetch_all(pool)
    .await
    .map_err(db_error)?;
    found
        .iter()
        .map(|row| {
            let reasons: String = get(row, "reasons")?;
            Ok(QuarantineRow {
                task: task_name(&get::<String>(row, "task")?)?,
                path: get(row, "path")?,
                rows: unsigned(get(row, "row_count")?)?,
                reasons: serde_json::from_str(&reasons)
                    .map_err(|e| damaged(format!("`{reasons}` are no reasons")).because(e))?,
            })
        })
        .collect()
}

fn get<'r, T>(row: &'r SqliteRow, column: &'static str) -> Result<T>
where
    T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    row.try_get(column).map_err(db_error)
}

fn time(row: &SqliteRow, column: &'static str) -> Result<Option<DateTime<Utc>>> {
    get::<Option<String>>(row, column)?.as_deref().map(moment).transpose()
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
