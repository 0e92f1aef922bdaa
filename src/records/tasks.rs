//! Tasks in the records: markers, which are the truth, and what attempts told, which is for people.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{Marker, json, rows_of, run_id, signed, stamp, task_name};
use crate::error::Error;
use crate::error::Result;
use crate::sequence::{RunId, Sequence};
use crate::state::{Connection, Readers, query};
use crate::task::{Rows, Status, TaskName};
use crate::warehouse::{Outcome, Statement};

/// Writes a task's marker and its end, INSIDE the transaction that commits its data.
///
/// A marker of an earlier attempt of the sequence is replaced. `snapshot` is what the data commit
/// made, where it made one.
pub async fn mark_done(
    conn: &mut Connection,
    marker: &Marker,
    snapshot: Option<i64>,
) -> Result<()> {
    let finished_at = stamp(Utc::now());
    let rows = json(&marker.rows)?;
    query("delete from landfall_markers where sequence = $1 and task = $2")
        .bind(signed(marker.run.sequence.0))
        .bind(marker.task.as_str())
        .execute(&mut *conn)
        .await?;
    query(
        "insert into landfall_markers
             (sequence, task, attempt, input_hash, row_counts, snapshot, started_at, finished_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(signed(marker.run.sequence.0))
    .bind(marker.task.as_str())
    .bind(i64::from(marker.run.attempt))
    .bind(&marker.input_hash)
    .bind(&rows)
    .bind(snapshot)
    .bind(stamp(marker.started_at))
    .bind(&finished_at)
    .execute(&mut *conn)
    .await?;
    query(
        "insert into landfall_tasks
             (sequence, attempt, task, status, row_counts, started_at, finished_at)
         values ($1, $2, $3, 'ok', $4, $5, $6)
         on conflict (sequence, attempt, task) do update set
             status = 'ok', row_counts = excluded.row_counts, started_at = excluded.started_at,
             finished_at = excluded.finished_at, code = null, message = null, hint = null,
             place = null, reason = null",
    )
    .bind(signed(marker.run.sequence.0))
    .bind(i64::from(marker.run.attempt))
    .bind(marker.task.as_str())
    .bind(&rows)
    .bind(stamp(marker.started_at))
    .bind(&finished_at)
    .execute(&mut *conn)
    .await?;
    Ok(())
}

/// A marker as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// Markers count up in the order they were written, over all sequences that still have theirs.
    pub id: i64,
    pub run: RunId,
    pub input_hash: String,
    pub rows: Rows,
    pub snapshot: Option<i64>,
}

/// The markers of a sequence, by task.
pub async fn markers(pool: &Readers, sequence: Sequence) -> Result<BTreeMap<TaskName, Done>> {
    type Found = (String, i64, i64, String, String, Option<i64>);
    let found: Vec<Found> = query(
        "select task, id, attempt, input_hash, row_counts, snapshot
         from landfall_markers where sequence = $1",
    )
    .bind(signed(sequence.0))
    .fetch_all(pool)
    .await?;
    found
        .into_iter()
        .map(|(task, id, attempt, input_hash, rows, snapshot)| {
            let run = run_id(signed(sequence.0), attempt)?;
            let rows = rows_of(&rows)?;
            Ok((task_name(&task)?, Done { id, run, input_hash, rows, snapshot }))
        })
        .collect()
}

/// The rows of a task the last time it was done before `sequence`.
pub async fn rows_before(
    pool: &Readers,
    task: &TaskName,
    sequence: Sequence,
) -> Result<Option<Rows>> {
    let found: Option<(String,)> = query(
        "select row_counts from landfall_markers where task = $1 and sequence < $2
         order by sequence desc limit 1",
    )
    .bind(task.as_str())
    .bind(signed(sequence.0))
    .fetch_optional(pool)
    .await?;
    found.map(|(rows,)| rows_of(&rows)).transpose()
}

/// Takes the markers of tasks away, so that they are done again, and opens their sequence again.
///
/// Call it in a transaction.
pub async fn unmark(conn: &mut Connection, sequence: Sequence, tasks: &[TaskName]) -> Result<()> {
    for task in tasks {
        query("delete from landfall_markers where sequence = $1 and task = $2")
            .bind(signed(sequence.0))
            .bind(task.as_str())
            .execute(&mut *conn)
            .await?;
    }
    query(
        "update landfall_sequences set state = 'open', closed_at = null, snapshot = null
         where sequence = $1",
    )
    .bind(signed(sequence.0))
    .execute(conn)
    .await?;
    Ok(())
}

/// What an attempt tells of a task.
#[derive(Debug, Clone)]
pub struct Told {
    pub task: TaskName,
    pub status: Status,
    pub rows: Rows,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    pub failure: Option<Failure>,
    /// Why it was skipped, or what blocks it.
    pub reason: Option<String>,
}

/// An error as the records keep it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub code: String,
    pub message: String,
    pub hint: Option<String>,
    /// `file:line:column`.
    pub place: Option<String>,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Failure {
        let mut message = error.to_string();
        for cause in error.causes() {
            message.push_str(": ");
            message.push_str(&cause);
        }
        Failure {
            code: error.code().to_string(),
            message,
            hint: error.advice().map(str::to_string),
            place: error.place().map(ToString::to_string),
        }
    }
}

/// Notes what an attempt tells of a task. A beginning never overwrites an end.
pub async fn tell(conn: &mut Connection, run: RunId, told: &Told) -> Result<()> {
    let failure = told.failure.as_ref();
    query(
        "insert into landfall_tasks
             (sequence, attempt, task, status, row_counts, started_at, finished_at,
              code, message, hint, place, reason)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         on conflict (sequence, attempt, task) do update set
             status = excluded.status, row_counts = excluded.row_counts,
             started_at = coalesce(excluded.started_at, landfall_tasks.started_at),
             finished_at = excluded.finished_at, code = excluded.code,
             message = excluded.message, hint = excluded.hint, place = excluded.place,
             reason = excluded.reason
         where excluded.status <> 'running'",
    )
    .bind(signed(run.sequence.0))
    .bind(i64::from(run.attempt))
    .bind(told.task.as_str())
    .bind(told.status.word())
    .bind(json(&told.rows)?)
    .bind(told.started_at.map(stamp))
    .bind(told.finished_at.map(stamp))
    .bind(failure.map(|f| f.code.as_str()))
    .bind(failure.map(|f| f.message.as_str()))
    .bind(failure.and_then(|f| f.hint.as_deref()))
    .bind(failure.and_then(|f| f.place.as_deref()))
    .bind(told.reason.as_deref())
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes the statements a task ran and what each did.
pub async fn tell_statements(
    conn: &mut Connection,
    run: RunId,
    task: &TaskName,
    statements: &[(Statement, Outcome)],
) -> Result<()> {
    for (ordinal, (statement, outcome)) in statements.iter().enumerate() {
        let micros = u64::try_from(outcome.took.as_micros()).unwrap_or(u64::MAX);
        query(
            "insert into landfall_statements
                 (sequence, attempt, task, ordinal, text, place, inserted, updated, deleted, micros)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             on conflict (sequence, attempt, task, ordinal) do update set
                 text = excluded.text, place = excluded.place, inserted = excluded.inserted,
                 updated = excluded.updated, deleted = excluded.deleted, micros = excluded.micros",
        )
        .bind(signed(run.sequence.0))
        .bind(i64::from(run.attempt))
        .bind(task.as_str())
        .bind(signed(ordinal as u64 + 1))
        .bind(crate::dialect::without_secrets(&statement.text).into_owned())
        .bind(statement.place.to_string())
        .bind(signed(outcome.inserted))
        .bind(signed(outcome.updated))
        .bind(signed(outcome.deleted))
        .bind(signed(micros))
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}
