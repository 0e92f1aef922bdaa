//! The program of a project: its tasks, what each does, and the hash of what each depends on.
//!
//! It reads the SQL files and nothing else; it asks no source and no catalog.

use std::sync::Arc;

use crate::config::{Project, Source};
use crate::error::{Error, Result};
use crate::merge;
use crate::present;
use crate::report;
use crate::sequence::Sequence;
use crate::tables::TableSpec;
use crate::task::TaskName;
use crate::warehouse::Statement;
use crate::warehouse::files::SqlFile;

use super::graph::Graph;
use super::hash;

/// What a task does.
#[derive(Debug, Clone)]
pub enum Job {
    Land { source: Arc<Source>, spec: Arc<TableSpec> },
    Store { spec: Arc<TableSpec> },
    Pres { file: SqlFile },
    Report { file: SqlFile },
}

/// The tasks of a project, by their position in the graph.
#[derive(Debug, Clone)]
pub struct Program {
    pub graph: Graph,
    pub jobs: Vec<Job>,
    /// The input hash of each task.
    pub hashes: Vec<String>,
}

impl Program {
    /// Reads the pres files and reports of a project and works out what waits for what.
    ///
    /// Errors: everything wrong with a file, two writers of one table, circles, specs that cannot
    /// be merged, and a project without a single task (`run/no_tasks`).
    pub fn read(project: &Project) -> Result<Program> {
        let pres = present::load(&project.pres_dir)?;
        let reports = report::load(&project.reports_dir)?;
        Program::new(&project.sources, pres, reports)
    }

    pub(super) fn new(
        sources: &[Source],
        pres: Vec<SqlFile>,
        reports: Vec<SqlFile>,
    ) -> Result<Program> {
        let specs: Vec<&TableSpec> = sources.iter().flat_map(Source::tables).collect();
        let graph = Graph::new(&specs, &pres, &reports)?;
        if graph.is_empty() {
            return Err(Error::config(
                "run/no_tasks",
                "the project has no tables and no SQL files",
            )
            .hint("declare a source in landfall.toml: `landfall discover URL` proposes one"));
        }
        // The order of the graph: land, store, pres, report.
        let mut jobs = Vec::with_capacity(graph.len());
        let mut stores = Vec::new();
        for source in sources {
            let source = Arc::new(source.clone());
            for spec in source.tables() {
                let spec = Arc::new(spec.clone());
                stores.push(Job::Store { spec: Arc::clone(&spec) });
                jobs.push(Job::Land { source: Arc::clone(&source), spec });
            }
        }
        jobs.extend(stores);
        jobs.extend(pres.into_iter().map(|file| Job::Pres { file }));
        jobs.extend(reports.into_iter().map(|file| Job::Report { file }));
        let hashes = hashes(&graph, &jobs)?;
        Ok(Program { graph, jobs, hashes })
    }

    /// What a task does and the hash of its input.
    pub fn job(&self, task: &TaskName) -> Option<(&Job, &str)> {
        let position = self.graph.position(task)?;
        Some((self.jobs.get(position)?, self.hashes.get(position)?))
    }

    /// The positions of the land tasks.
    pub fn lands(&self) -> impl Iterator<Item = (usize, &Source, &TableSpec)> {
        self.jobs.iter().enumerate().filter_map(|(position, job)| match job {
            Job::Land { source, spec } => Some((position, source.as_ref(), spec.as_ref())),
            _ => None,
        })
    }
}

impl Job {
    /// The statements of a store, pres or report task: the same for every engine. A land task has
    /// none of its own.
    pub fn statements(&self, sequence: Sequence) -> Result<Vec<Statement>> {
        match self {
            Job::Land { .. } => Ok(Vec::new()),
            Job::Store { spec } => merge::statements(spec, sequence),
            Job::Pres { file } | Job::Report { file } => Ok(file.statements.clone()),
        }
    }
}

fn hashes(graph: &Graph, jobs: &[Job]) -> Result<Vec<String>> {
    let mut hashes: Vec<String> = Vec::with_capacity(jobs.len());
    for (position, job) in jobs.iter().enumerate() {
        let kind = match job {
            Job::Land { source, spec } => {
                hashes.push(hash::land(source, spec));
                continue;
            }
            Job::Store { .. } => "store",
            Job::Pres { .. } => "pres",
            Job::Report { .. } => "report",
        };
        // The sequence stands in the text of a merge, but does not change what it means.
        let statements = job.statements(Sequence::FIRST)?;
        let upstream = graph.needs(position).iter().filter_map(|need| hashes.get(*need));
        let word = hash::sql(
            kind,
            statements.iter().map(|s| s.text.as_str()),
            upstream.map(String::as_str),
        );
        hashes.push(word);
    }
    Ok(hashes)
}
