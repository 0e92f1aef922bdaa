//! What a run would do. It changes nothing, here or there.

use std::collections::BTreeMap;

use super::drive::{Standing, standing};
use super::program::Program;
use super::resume::Decision;
use super::sources::{Known, Survey, Wanted, survey};
use super::{Options, Plan, PlannedTask};
use crate::config::Project;
use crate::error::Result;
use crate::records;
use crate::state::State;
use crate::storage;
use crate::task::TaskName;
use crate::window::Window;

/// What [`super::run`] would do. Writes nothing; asks the sources for counts unless `offline`.
///
/// Errors: those of a run before its first task, but for the lock, which it does not take.
pub async fn plan(project: &Project, options: &Options, offline: bool) -> Result<Plan> {
    let program = Program::read(project)?;
    let state = existing_state(project).await?;
    // Opening a local store makes its folder, which is there once a run has been.
    let landing = match state {
        Some(_) => Some(storage::open(&project.landing, project.fsync)?),
        None => None,
    };
    let records = state.as_ref().zip(landing.as_ref());
    let standing = standing(records, &program, options).await?;
    let mut warnings = program.graph.warnings.clone();
    let (windows, estimates) = match offline {
        true => (fixed(state.as_ref(), &standing).await?, BTreeMap::new()),
        false => ask(project, state.as_ref(), &program, &standing, &mut warnings).await?,
    };
    let tasks = program.graph.nodes().iter().enumerate().map(|(position, node)| {
        let needs = node.needs.iter().filter_map(|need| program.graph.task(*need)).cloned();
        PlannedTask {
            task: node.task.clone(),
            needs: needs.collect(),
            skip: skip(&standing, position),
            window: windows.get(&node.task).cloned(),
            estimate: estimates.get(&node.task).copied(),
        }
    });
    Ok(Plan {
        sequence: standing.opening.sequence,
        resumed: standing.opening.resumed,
        tasks: tasks.collect(),
        warnings,
    })
}

/// The catalog, if a run has made one.
pub(super) async fn existing_state(project: &Project) -> Result<Option<State>> {
    let Some(state) = State::existing(project).await? else { return Ok(None) };
    Ok(records::exist(state.readers()).await?.then_some(state))
}

fn skip(standing: &Standing, position: usize) -> Option<String> {
    match standing.decisions.get(position) {
        Some(Decision::Done(done)) => Some(format!("done in {}", done.run)),
        _ if !standing.picked.contains(&position) => Some("not selected".to_string()),
        _ => None,
    }
}

/// The windows that are fixed already.
async fn fixed(state: Option<&State>, standing: &Standing) -> Result<BTreeMap<TaskName, Window>> {
    match state {
        Some(state) => records::windows::of(state.readers(), standing.opening.sequence).await,
        None => Ok(BTreeMap::new()),
    }
}

/// Windows and row counts of the land tasks that will run, as the sources answer now.
async fn ask(
    project: &Project,
    state: Option<&State>,
    program: &Program,
    standing: &Standing,
    warnings: &mut Vec<String>,
) -> Result<(BTreeMap<TaskName, Window>, BTreeMap<TaskName, u64>)> {
    let to_run = standing.to_run();
    let wanted: Vec<Wanted<'_>> = program
        .lands()
        .filter(|(position, ..)| to_run.contains(position))
        .map(|(_, source, spec)| Wanted { source, spec })
        .collect();
    let known = match state {
        Some(state) => Known::read(state, standing.opening.sequence, &wanted).await?,
        None => Known::default(),
    };
    let Survey { mut windows, failures, warnings: told, sources, .. } =
        survey(&project.root, &wanted, &known).await?;
    let with_task = |task: &TaskName, message: &str| format!("{task}: {message}");
    warnings.extend(told.iter().map(|(task, message)| match task {
        Some(task) => with_task(task, message),
        None => message.clone(),
    }));
    warnings.extend(
        failures.iter().map(|(task, error)| with_task(task, &format!("will fail: {error}"))),
    );
    let mut estimates = BTreeMap::new();
    for want in &wanted {
        let task = want.spec.land_task();
        let Some(window) = windows.get(&task) else { continue };
        if let Some(rows) = sources.count(want.source, want.spec, window).await? {
            estimates.insert(task, rows);
        }
    }
    // What is done keeps its window, for whoever reads the plan.
    for (task, window) in fixed(state, standing).await? {
        windows.entry(task).or_insert(window);
    }
    Ok((windows, estimates))
}
