//! Emit: every statement of a run, in order, without running one. It asks no source.

use std::collections::BTreeMap;

use super::plan::existing_state;
use super::program::{Job, Program};
use super::select::select;
use super::{Options, resume};
use crate::config::{Project, Target};
use crate::error::Result;
use crate::merge;
use crate::records::{self, Marker};
use crate::sequence::{RunId, Sequence};
use crate::task::{Rows, TaskName};
use crate::warehouse::record::Record;
use crate::warehouse::{Batch, Outcome, Statement, Warehouse};

/// The statements of the run that would come next, task by task in the order of the data.
///
/// Texts are without their semicolons. Store, pres and report texts are the same for every
/// target; a land task has statements on Redshift only, which reads landing as external tables.
pub async fn emit(
    project: &Project,
    options: &Options,
    target: Target,
) -> Result<Vec<(TaskName, Vec<Statement>)>> {
    let program = Program::read(project)?;
    let sequence = next_sequence(project, options).await?;
    let record = Record::new();
    let mut picked = select(&program.graph, &BTreeMap::new(), &options.select)?;
    if let Some(until) = options.until {
        picked.retain(|position| program.graph.layer(*position).is_some_and(|l| l <= until));
    }
    for (position, node) in program.graph.nodes().iter().enumerate() {
        let Some(job) = program.jobs.get(position).filter(|_| picked.contains(&position)) else {
            continue;
        };
        let statements = statements(project, job, sequence, target)?;
        if statements.is_empty() {
            continue;
        }
        let batch = Batch { task: node.task.clone(), statements };
        let finish = |_: &[Outcome]| {
            Ok(Marker {
                run: RunId { sequence, attempt: 1 },
                task: node.task.clone(),
                input_hash: String::new(),
                rows: Rows::default(),
                started_at: chrono::Utc::now(),
            })
        };
        record.run(&batch, &finish).await?;
    }
    Ok(record.batches().into_iter().map(|batch| (batch.task, batch.statements)).collect())
}

fn statements(
    project: &Project,
    job: &Job,
    sequence: Sequence,
    target: Target,
) -> Result<Vec<Statement>> {
    match (job, target) {
        (Job::Land { spec, .. }, Target::Redshift) => {
            merge::landing_ddl(spec, &project.landing, sequence)
        }
        _ => job.statements(sequence),
    }
}

/// The sequence the next run would work on.
async fn next_sequence(project: &Project, options: &Options) -> Result<Sequence> {
    let last = match existing_state(project).await? {
        Some(state) => records::last_sequence(state.readers()).await?,
        None => None,
    };
    Ok(resume::open(last.as_ref(), options)?.sequence)
}
