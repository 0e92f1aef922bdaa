//! Doing tasks again: what that invalidates, and taking their markers away. It runs nothing.

use std::collections::BTreeMap;

use super::lock::Lock;
use super::plan::existing_state;
use super::program::Program;
use super::select::select;
use crate::config::Project;
use crate::error::{Error, Result};
use crate::records::runs::SequenceState;
use crate::records::{self};
use crate::sequence::Sequence;
use crate::state::State;
use crate::task::TaskName;

/// The tasks a rerun of `tasks` would invalidate in the last sequence: themselves and everything
/// downstream, in the order of the data.
///
/// `tasks` are selectors. `sequence`, where it is given, has to be the last one: an older extract
/// must not be merged over a newer one. Errors: `rerun/sequence`, `rerun/no_sequence`, and those
/// of selectors.
pub async fn rerun_preview(
    project: &Project,
    tasks: &[String],
    sequence: Option<Sequence>,
) -> Result<Vec<TaskName>> {
    let program = Program::read(project)?;
    if tasks.is_empty() {
        return Err(Error::config("usage/task", "no task was named")
            .hint("`landfall plan` lists the tasks"));
    }
    let picked = select(&program.graph, &BTreeMap::new(), tasks)?;
    let state = existing_state(project).await?.ok_or_else(nothing_ran)?;
    last(&state, sequence).await?;
    let below = program.graph.downstream(&picked);
    Ok(below.into_iter().filter_map(|position| program.graph.task(position).cloned()).collect())
}

/// Takes the markers of these tasks away, so that the next [`super::run`] does them again, in the
/// same sequence and with the same windows.
///
/// Errors: those of [`rerun_preview`], and kind `Locked` while a run goes on.
pub async fn invalidate(
    project: &Project,
    tasks: &[TaskName],
    sequence: Option<Sequence>,
) -> Result<()> {
    let lock = Lock::take(&project.state_dir)?;
    let state = existing_state(project).await?.ok_or_else(nothing_ran)?;
    lock.share(&state).await?;
    records::create_tables(&mut *state.writer().await).await?;
    let sequence = last(&state, sequence).await?;
    let mut writer = state.writer().await;
    let mut transaction = writer.begin().await?;
    records::tasks::unmark(&mut transaction, sequence, tasks).await?;
    transaction.commit().await
}

/// The last sequence, if that is the one that was asked for.
async fn last(state: &State, asked: Option<Sequence>) -> Result<Sequence> {
    let last = records::last_sequence(state.readers()).await?.ok_or_else(nothing_ran)?;
    if asked.is_some_and(|asked| asked != last.sequence) {
        return Err(Error::config(
            "rerun/sequence",
            format!("only the last sequence, {}, can be run again", last.sequence),
        )
        .hint("an older extract must not be merged over a newer one; run the task in the last"));
    }
    if last.state == SequenceState::Abandoned {
        return Err(Error::config(
            "rerun/sequence",
            format!("sequence {} was given up", last.sequence),
        )
        .hint("`landfall run` opens the next one"));
    }
    Ok(last.sequence)
}

fn nothing_ran() -> Error {
    Error::config("rerun/no_sequence", "nothing has run here yet").hint("begin with `landfall run`")
}
