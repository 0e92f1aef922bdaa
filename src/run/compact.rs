//! Upkeep of the warehouse: compaction, forgetting old snapshots, removing what nothing names.
//! It runs no task, and touches neither markers nor the row balance of any run.

use std::sync::Arc;
use std::time::Duration;

use super::drive::{claim_landing, open_state, sweep};
use super::lock::Lock;
use super::plan::existing_state;
use super::unfinished;
use crate::config::Project;
use crate::error::{Error, Result};
use crate::sequence::Sequence;
use crate::storage;
use crate::warehouse::local::{Compaction, Garbage, Local};

/// What the user asked for.
#[derive(Debug, Clone, Copy)]
pub struct Upkeep {
    /// Say what would be done, and do nothing.
    pub dry_run: bool,
    /// The first sequence that has to stay readable; `None` forgets nothing.
    pub expire_before: Option<Sequence>,
    /// Files younger than this are nobody's garbage yet.
    pub age: Duration,
}

/// What was, or would be, done.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    pub compactions: Vec<Compaction>,
    /// Snapshots forgotten.
    pub snapshots: u64,
    pub garbage: Vec<Garbage>,
}

/// Compacts, forgets and collects, in this order, under the project's lock.
///
/// Errors: kind `Locked` while a run goes on, `compact/nothing` before the first run,
/// `query/sequence` for a sequence that is not complete, `landing/owned` where another warehouse
/// lands too.
pub async fn compact(project: &Project, upkeep: Upkeep) -> Result<Kept> {
    let lock = Lock::take(&project.state_dir)?;
    if existing_state(project).await?.is_none() {
        return Err(Error::config("compact/nothing", "there are no tables yet")
            .about(project.name.clone())
            .hint("begin with `landfall run`"));
    }
    storage::reach(&project.landing).await?;
    let state = open_state(project).await?;
    lock.share(&state).await?;
    if !upkeep.dry_run {
        sweep(&project.scratch_dir());
    }
    let landing = storage::open(&project.landing, project.fsync)?;
    let local = Local::open(project, state, Arc::clone(&landing)).await?;
    if !upkeep.dry_run {
        claim_landing(project, &landing, &local).await?;
    }
    let mut kept = Kept { compactions: local.compact(upkeep.dry_run).await?, ..Kept::default() };
    if let Some(sequence) = upkeep.expire_before {
        kept.snapshots = local.forget_before(sequence, upkeep.dry_run).await?;
    }
    kept.garbage = local.collect_garbage(upkeep.age, upkeep.dry_run).await?;
    if let Some(before) = std::time::SystemTime::now().checked_sub(upkeep.age) {
        kept.garbage.extend(unfinished::collect(project, before, upkeep.dry_run)?);
    }
    Ok(kept)
}
