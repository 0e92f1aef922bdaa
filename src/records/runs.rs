//! Sequences and runs: opened, begun, finished, closed. It decides none of it.

use chrono::{DateTime, Utc};

use super::{signed, stamp};
use crate::error::Result;
use crate::sequence::{RunId, Sequence};
use crate::state::{Connection, Readers, query};
use crate::task::Status;

/// What became of a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SequenceState {
    Open,
    /// Every task of its graph is done.
    Complete,
    /// Given up by `--new`; what it has committed stays.
    Abandoned,
}

impl SequenceState {
    pub fn word(self) -> &'static str {
        match self {
            SequenceState::Open => "open",
            SequenceState::Complete => "complete",
            SequenceState::Abandoned => "abandoned",
        }
    }

    pub fn parse(word: &str) -> Option<SequenceState> {
        [SequenceState::Open, SequenceState::Complete, SequenceState::Abandoned]
            .into_iter()
            .find(|state| state.word() == word)
    }
}

/// The process behind an attempt.
#[derive(Debug, Clone)]
pub struct Process {
    pub pid: u32,
    pub host: String,
    pub target: &'static str,
}

/// Begins the next attempt of `sequence`, opening the sequence (again) where it is not open.
///
/// The caller holds the lock: attempts that still read `running` died and become `interrupted`.
pub async fn begin_run(
    conn: &mut Connection,
    sequence: Sequence,
    process: &Process,
    now: DateTime<Utc>,
) -> Result<RunId> {
    let mut transaction = conn.begin().await?;
    bury(&mut transaction, now).await?;
    query(
        "insert into landfall_sequences (sequence, state, opened_at) values ($1, 'open', $2)
         on conflict (sequence) do update set state = 'open', closed_at = null, snapshot = null",
    )
    .bind(signed(sequence.0))
    .bind(stamp(now))
    .execute(&mut *transaction)
    .await?;
    let (attempt,): (i64,) =
        query("select coalesce(max(attempt), 0) + 1 from landfall_runs where sequence = $1")
            .bind(signed(sequence.0))
            .fetch_one(&mut *transaction)
            .await?;
    let run = super::run_id(signed(sequence.0), attempt)?;
    query(
        "insert into landfall_runs
             (sequence, attempt, status, target, started_at, pid, host, version)
         values ($1, $2, 'running', $3, $4, $5, $6, $7)",
    )
    .bind(signed(sequence.0))
    .bind(attempt)
    .bind(process.target)
    .bind(stamp(now))
    .bind(i64::from(process.pid))
    .bind(&process.host)
    .bind(env!("CARGO_PKG_VERSION"))
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(run)
}

/// Ends what a dead process left as running.
async fn bury(conn: &mut Connection, now: DateTime<Utc>) -> Result<()> {
    query(
        "update landfall_runs set status = 'interrupted', finished_at = $1
         where status = 'running'",
    )
    .bind(stamp(now))
    .execute(&mut *conn)
    .await?;
    query("update landfall_tasks set status = 'interrupted' where status = 'running'")
        .execute(&mut *conn)
        .await?;
    Ok(())
}

/// Ends an attempt; with `complete`, the sequence too, noting the last snapshot it can be read at.
pub async fn finish_run(
    conn: &mut Connection,
    run: RunId,
    status: Status,
    complete: bool,
    now: DateTime<Utc>,
) -> Result<()> {
    let mut transaction = conn.begin().await?;
    query(
        "update landfall_runs set status = $1, finished_at = $2 where sequence = $3 and attempt = $4",
    )
    .bind(status.word())
    .bind(stamp(now))
    .bind(signed(run.sequence.0))
    .bind(i64::from(run.attempt))
    .execute(&mut *transaction)
    .await?;
    if complete {
        // Snapshots count up over all sequences, and only the last sequence writes: the highest
        // is what this sequence left, even where it changed nothing itself.
        query(
            "update landfall_sequences set state = 'complete', closed_at = $1,
                 snapshot = (select max(snapshot) from landfall_markers where sequence <= $2)
             where sequence = $3",
        )
        .bind(stamp(now))
        .bind(signed(run.sequence.0))
        .bind(signed(run.sequence.0))
        .execute(&mut *transaction)
        .await?;
    }
    transaction.commit().await
}

/// Gives up an open sequence. What it committed stays; what it only landed is never merged.
pub async fn abandon(conn: &mut Connection, sequence: Sequence, now: DateTime<Utc>) -> Result<()> {
    query(
        "update landfall_sequences set state = 'abandoned', closed_at = $1
         where sequence = $2 and state = 'open'",
    )
    .bind(stamp(now))
    .bind(signed(sequence.0))
    .execute(conn)
    .await?;
    Ok(())
}

/// The last snapshot of a complete sequence; `None` when there is no such sequence, it is not
/// complete, or nothing was ever committed.
pub async fn snapshot_of(pool: &Readers, sequence: Sequence) -> Result<Option<i64>> {
    let snapshot: Option<(Option<i64>,)> =
        query("select snapshot from landfall_sequences where sequence = $1 and state = 'complete'")
            .bind(signed(sequence.0))
            .fetch_optional(pool)
            .await?;
    Ok(snapshot.and_then(|(snapshot,)| snapshot))
}
