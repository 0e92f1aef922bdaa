//! Windows in the records: fixed once a sequence, read back by every attempt (rule W6).

use std::collections::BTreeMap;

use super::{damaged, json, signed, task_name};
use crate::error::Result;
use crate::sequence::Sequence;
use crate::state::{Connection, Readers, query};
use crate::task::TaskName;
use crate::window::{ReadUpTo, Window};

/// Fixes the windows of land tasks, all in one transaction. A window that is there is replaced.
pub async fn fix(
    conn: &mut Connection,
    sequence: Sequence,
    windows: &BTreeMap<TaskName, Window>,
) -> Result<()> {
    let mut transaction = conn.begin().await?;
    for (task, window) in windows {
        query(
            "insert into landfall_windows (sequence, task, bounds) values ($1, $2, $3)
             on conflict (sequence, task) do update set bounds = excluded.bounds",
        )
        .bind(signed(sequence.0))
        .bind(task.as_str())
        .bind(json(window)?)
        .execute(&mut *transaction)
        .await?;
    }
    transaction.commit().await
}

/// Writes what was learned of a window while it was read, in the transaction that lands its rows.
pub(super) async fn learn(
    conn: &mut Connection,
    sequence: Sequence,
    task: &TaskName,
    window: &Window,
) -> Result<()> {
    query("update landfall_windows set bounds = $1 where sequence = $2 and task = $3")
        .bind(json(window)?)
        .bind(signed(sequence.0))
        .bind(task.as_str())
        .execute(conn)
        .await?;
    Ok(())
}

/// The fixed windows of a sequence, by land task.
pub async fn of(pool: &Readers, sequence: Sequence) -> Result<BTreeMap<TaskName, Window>> {
    let found: Vec<(String, String)> =
        query("select task, bounds from landfall_windows where sequence = $1")
            .bind(signed(sequence.0))
            .fetch_all(pool)
            .await?;
    found.iter().map(|(task, bounds)| Ok((task_name(task)?, window(bounds)?))).collect()
}

/// The last window of each land task before `sequence` whose rows reached the store.
///
/// A window that was landed but never merged does not count: its rows are read again.
pub async fn merged_before(
    pool: &Readers,
    sequence: Sequence,
) -> Result<BTreeMap<TaskName, Window>> {
    // `land.a.b` becomes `store.a.b`.
    let found: Vec<(String, String)> = query(
        "select w.task, w.bounds
         from landfall_windows w
         join (select w.task, max(w.sequence) as sequence
               from landfall_windows w
               join landfall_markers m
                 on m.sequence = w.sequence and m.task = 'store' || substr(w.task, 5)
               where w.sequence < $1
               group by w.task) last
           on last.task = w.task and last.sequence = w.sequence",
    )
    .bind(signed(sequence.0))
    .fetch_all(pool)
    .await?;
    found.iter().map(|(task, bounds)| Ok((task_name(task)?, window(bounds)?))).collect()
}

/// How far each log file of a land task was read before `sequence`, by file id.
pub async fn file_ends(
    pool: &Readers,
    task: &TaskName,
    sequence: Sequence,
) -> Result<BTreeMap<String, ReadUpTo>> {
    let found: Vec<(String,)> = query(
        "select w.bounds
         from landfall_windows w
         join landfall_markers m
           on m.sequence = w.sequence and m.task = 'store' || substr(w.task, 5)
         where w.task = $1 and w.sequence < $2
         order by w.sequence",
    )
    .bind(task.as_str())
    .bind(signed(sequence.0))
    .fetch_all(pool)
    .await?;
    let mut ends: BTreeMap<String, ReadUpTo> = BTreeMap::new();
    for (bounds,) in found {
        let Window::Files { ranges } = window(&bounds)? else { continue };
        for range in ranges {
            let read = ends.entry(range.file_id).or_default();
            // a window whose lines are merged has its end from the commit that landed them
            read.end = range.end.unwrap_or_default().max(read.end);
            read.packed = range.packed.or(read.packed);
        }
    }
    Ok(ends)
}

fn window(bounds: &str) -> Result<Window> {
    serde_json::from_str(bounds).map_err(|e| damaged(format!("`{bounds}` is no window")).because(e))
}
