//! Landing in the records: which files a partition and its quarantine are made of.
//!
//! A file is readable only through a done land task that names it; nobody lists folders for data.

use std::collections::BTreeMap;

use super::{Marker, json, signed, tasks, unsigned, windows};
use crate::error::Result;
use crate::sequence::Sequence;
use crate::state::{Connection, Readers, query};
use crate::tables::TableName;
use crate::task::TaskName;
use crate::window::Window;

/// One file of a landing partition or of a quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LandingFile {
    /// Key in the landing store.
    pub path: String,
    pub bytes: u64,
    pub rows: u64,
}

/// The files of one sequence's partition, in the order of their rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LandingPartition {
    pub sequence: Sequence,
    pub files: Vec<LandingFile>,
}

/// What a land task leaves behind.
#[derive(Debug, Clone, Default)]
pub struct Receipt {
    pub files: Vec<LandingFile>,
    pub quarantine: Vec<LandingFile>,
    /// Rejects by reason.
    pub reasons: BTreeMap<String, u64>,
    /// The window with what was learned while it was read.
    pub window: Option<Window>,
}

/// Commits a land task: its files, its quarantine and its marker in one transaction, in place of
/// what an earlier attempt of the sequence had named.
pub async fn commit(
    conn: &mut Connection,
    marker: &Marker,
    landing: &TableName,
    receipt: &Receipt,
) -> Result<()> {
    let mut transaction = conn.begin().await?;
    for forget in [
        "delete from landfall_partitions where sequence = $1 and task = $2",
        "delete from landfall_quarantine where sequence = $1 and task = $2",
    ] {
        query(forget)
            .bind(signed(marker.run.sequence.0))
            .bind(marker.task.as_str())
            .execute(&mut *transaction)
            .await?;
    }
    for file in &receipt.files {
        query(
            "insert into landfall_partitions (sequence, task, landing, path, bytes, row_count)
             values ($1, $2, $3, $4, $5, $6)",
        )
        .bind(signed(marker.run.sequence.0))
        .bind(marker.task.as_str())
        .bind(landing.to_string())
        .bind(&file.path)
        .bind(signed(file.bytes))
        .bind(signed(file.rows))
        .execute(&mut *transaction)
        .await?;
    }
    let reasons = json(&receipt.reasons)?;
    for file in &receipt.quarantine {
        query(
            "insert into landfall_quarantine (sequence, task, path, bytes, row_count, reasons)
             values ($1, $2, $3, $4, $5, $6)",
        )
        .bind(signed(marker.run.sequence.0))
        .bind(marker.task.as_str())
        .bind(&file.path)
        .bind(signed(file.bytes))
        .bind(signed(file.rows))
        .bind(&reasons)
        .execute(&mut *transaction)
        .await?;
    }
    if let Some(window) = &receipt.window {
        windows::learn(&mut transaction, marker.run.sequence, &marker.task, window).await?;
    }
    tasks::mark_done(&mut transaction, marker, None).await?;
    transaction.commit().await
}

/// The partitions of a landing table, oldest first: those whose land task is done.
pub async fn landing_files(pool: &Readers, landing: &TableName) -> Result<Vec<LandingPartition>> {
    let found: Vec<(i64, String, i64, i64)> = query(
        "select p.sequence, p.path, p.bytes, p.row_count
         from landfall_partitions p
         join landfall_markers m on m.sequence = p.sequence and m.task = p.task
         where p.landing = $1
         order by p.sequence, p.id",
    )
    .bind(landing.to_string())
    .fetch_all(pool)
    .await?;
    let mut partitions: Vec<LandingPartition> = Vec::new();
    for (sequence, path, bytes, rows) in found {
        let sequence = super::sequence(sequence)?;
        let file = LandingFile { path, bytes: unsigned(bytes)?, rows: unsigned(rows)? };
        match partitions.last_mut() {
            Some(last) if last.sequence == sequence => last.files.push(file),
            _ => partitions.push(LandingPartition { sequence, files: vec![file] }),
        }
    }
    Ok(partitions)
}

/// Every file that a land task names, landing and quarantine, done or not.
pub async fn all_files(pool: &Readers) -> Result<Vec<String>> {
    let found: Vec<(String,)> = query(
        "select path from landfall_partitions union all select path from landfall_quarantine",
    )
    .fetch_all(pool)
    .await?;
    Ok(found.into_iter().map(|(path,)| path).collect())
}

/// The files that the land tasks of a sequence name, landing and quarantine, done or not.
pub async fn files_of(
    pool: &Readers,
    sequence: Sequence,
) -> Result<BTreeMap<TaskName, Vec<LandingFile>>> {
    let found: Vec<(String, String, i64, i64)> = query(
        "select task, path, bytes, row_count from landfall_partitions where sequence = $1
         union all
         select task, path, bytes, row_count from landfall_quarantine where sequence = $2",
    )
    .bind(signed(sequence.0))
    .bind(signed(sequence.0))
    .fetch_all(pool)
    .await?;
    let mut files: BTreeMap<TaskName, Vec<LandingFile>> = BTreeMap::new();
    for (task, path, bytes, rows) in found {
        let file = LandingFile { path, bytes: unsigned(bytes)?, rows: unsigned(rows)? };
        files.entry(super::task_name(&task)?).or_default().push(file);
    }
    Ok(files)
}
