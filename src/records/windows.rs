//! Windows in the records: fixed once a sequence, read back by every attempt (rule W6).

use std::collections::BTreeMap;

use sqlx::{SqliteConnection, SqlitePool};

use super::{begin, damaged, json, signed, task_name};
use crate::error::Result;
use crate::sequence::Sequence;
use crate::state::db_error;
use crate::task::TaskName;
use crate::window::Window;

/// Fixes the windows of land tasks, all in one transaction. A window that is there is replaced.
pub async fn fix(
    conn: &mut SqliteConnection,
    sequence: Sequence,
    windows: &BTreeMap<TaskName, Window>,
) -> Result<()> {
    let mut transaction = begin(conn).await?;
    for (task, window) in windows {
        sqlx::query(
            "insert into landfall_windows (sequence, task, bounds) values (?, ?, ?)
             on conflict (sequence, task) do update set bounds = excluded.bounds",
        )
        .bind(signed(sequence.0))
        .bind(task.as_str())
        .bind(json(window)?)
        .execute(&mut *transaction)
        .await
        .map_err(db_error)?;
    }
    transaction.commit().await.map_err(db_error)
}

/// The fixed windows of a sequence, by land task.
pub async fn of(pool: &SqlitePool, sequence: Sequence) -> Result<BTreeMap<TaskName, Window>> {
    let found: Vec<(String, String)> =
        sqlx::query_as("select task, bounds from landfall_windows where sequence = ?")
            .bind(signed(sequence.0))
            .fetch_all(pool)
            .await
            .map_err(db_error)?;
    found.iter().map(|(task, bounds)| Ok((task_name(task)?, window(bounds)?))).collect()
}

/// The last window of each land task before `sequence` whose rows reached the store.
///
/// A window that was landed but never merged does not count: its rows are read again.
pub async fn merged_before(
    pool: &SqlitePool,
    sequence: Sequence,
) -> Result<BTreeMap<TaskName, Window>> {
    // `land.a.b` becomes `store.a.b`.
    let found: Vec<(String, String)> = sqlx::query_as(
        "select w.task, w.bounds
         from landfall_windows w
         join (select w.task, max(w.sequence) as sequence
               from landfall_windows w
               join landfall_markers m
                 on m.sequence = w.sequence and m.task = 'store' || substr(w.task, 5)
               where w.sequence < ?
               group by w.task) last
           on last.task = w.task and last.sequence = w.sequence",
    )
    .bind(signed(sequence.0))
    .fetch_all(pool)
    .await
    .map_err(db_error)?;
    found.iter().map(|(task, bounds)| Ok((task_name(task)?, window(bounds)?))).collect()
}

/// How far each log file of a land task was read before `sequence`, by file id, in bytes.
pub async fn file_ends(
    pool: &SqlitePool,
    task: &TaskName,
    sequence: Sequence,
) -> Result<BTreeMap<String, u64>> {
    let found: Vec<(String, i64)> = sqlx::query_as(
        "select json_extract(r.value, '$.file_id'), max(json_extract(r.value, '$.end'))
         from landfall_windows w
         join landfall_markers m
           on m.sequence = w.sequence and m.task = 'store' || substr(w.task, 5),
              json_each(w.bounds, '$.ranges') r
         where w.task = ? and w.sequence < ?
         group by 1",
    )
    .bind(task.as_str())
    .bind(signed(sequence.0))
    .fetch_all(pool)
    .await
    .map_err(db_error)?;
    found.into_iter().map(|(id, end)| Ok((id, super::unsigned(end)?))).collect()
}

fn window(bounds: &str) -> Result<Window> {
    serde_json::from_str(bounds).map_err(|e| damaged(format!("`{bounds}` is no window")).because(e))
}
