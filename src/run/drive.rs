//! One run from lock to end. Each step is another file's; this is their order.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path as OsPath;
use std::sync::Arc;
use std::time::Instant;

use chrono::Utc;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use tokio_util::sync::CancellationToken;

use super::execute::{self, Rules, Start};
use super::journal::Journal;
use super::lock::{self, Lock};
use super::program::Program;
use super::resume::{self, Decision};
use super::select::select;
use super::sources::{Known, Survey, Wanted, survey};
use super::tasks::Tasks;
use super::{Options, Summary};
use crate::config::{Project, Target};
use crate::error::{Error, Result};
use crate::events::{Counts, Event, Observer};
use crate::records::runs::Process;
use crate::records::{self, read};
use crate::sequence::{RunId, Sequence};
use crate::state::State;
use crate::storage;
use crate::task::{Status, TaskName};
use crate::warehouse::Warehouse;
use crate::warehouse::local::Local;

/// Landing files asked for at a time, when a resumed run checks that they are whole.
const HEADS_AT_A_TIME: usize = 16;

/// Runs the unfinished sequence, or opens the next one, to its end or as far as it goes.
///
/// Errors before the first task (configuration, connection, lock) return `Err`; a failing task
/// does not: it is told to the observer and counted in the summary.
///
/// Tasks left out by a selection count as cancelled, and the sequence stays open: a run has gone
/// well when no task failed or is blocked and it was not interrupted.
pub async fn run(
    project: &Project,
    options: &Options,
    observer: Arc<dyn Observer>,
    stop: CancellationToken,
) -> Result<Summary> {
    if project.target == Target::Redshift {
        return Err(Error::config("target/redshift", "this build does not push to Redshift")
            .hint("`landfall emit --target redshift` writes the SQL of a run"));
    }
    let lock = Lock::take(&project.state_dir)?;
    let program = Program::read(project)?;
    storage::reach(&project.landing).await?;
    let state = open_state(project).await?;
    lock.share(&state).await?;
    sweep(&project.scratch_dir());
    let landing = storage::open(&project.landing, project.fsync)?;
    let local = Local::open(project, state.clone(), Arc::clone(&landing)).await?;
    claim_landing(project, &landing, &local).await?;
    let house = House { state, landing, engine: Arc::new(local) };
    drive(project, options, house, program, lock, observer, stop).await
}

/// Makes sure that nobody else lands where this warehouse does.
pub(super) async fn claim_landing(
    project: &Project,
    landing: &Arc<dyn ObjectStore>,
    local: &Local,
) -> Result<()> {
    let owner = storage::Owner {
        warehouse: local.identity().await?,
        project: project.name.clone(),
        host: lock::host(),
        since: Utc::now().format("%Y-%m-%d %H:%M:%SZ").to_string(),
    };
    storage::claim(&project.landing, landing.as_ref(), &owner).await
}

/// Where a run keeps everything.
pub(super) struct House {
    pub state: State,
    pub landing: Arc<dyn ObjectStore>,
    pub engine: Arc<dyn Warehouse>,
}

/// Opens the catalog and makes the run records in it.
pub(super) async fn open_state(project: &Project) -> Result<State> {
    let state = State::make(project).await?;
    records::create_tables(&mut *state.writer().await).await?;
    Ok(state)
}

/// Takes away the scratch of processes that died: folders named `<pid>-...`. A query that goes on
/// beside this run keeps its own. What cannot be removed is in nobody's way.
pub(super) fn sweep(folder: &OsPath) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.split('-').next()?.parse().ok());
        if pid.is_some_and(lives) {
            continue;
        }
        let path = entry.path();
        let _ = if path.is_dir() && !path.is_symlink() {
            std::fs::remove_dir_all(&path)
        } else {
            std::fs::remove_file(&path)
        };
    }
}

/// Whether a process of this number may still be there; true where the system does not tell.
fn lives(pid: u32) -> bool {
    let processes = OsPath::new("/proc");
    pid != std::process::id()
        && (!processes.join("self").exists() || processes.join(pid.to_string()).exists())
}

/// Where a sequence stands before a run: which one it is, what of it is done, what was selected.
pub(super) struct Standing {
    pub opening: resume::Opening,
    pub decisions: Vec<Decision>,
    pub picked: BTreeSet<usize>,
}

impl Standing {
    /// The positions that will run.
    pub fn to_run(&self) -> BTreeSet<usize> {
        self.picked
            .iter()
            .copied()
            .filter(|position| {
                self.decisions.get(*position).is_some_and(|decision| decision.done().is_none())
            })
            .collect()
    }
}

/// Reads where the sequence stands, from the records and the landing store where there are any.
/// Changes nothing.
pub(super) async fn standing(
    house: Option<(&State, &Arc<dyn ObjectStore>)>,
    program: &Program,
    options: &Options,
) -> Result<Standing> {
    let last = match house {
        Some((state, _)) => records::last_sequence(state.readers()).await?,
        None => None,
    };
    let opening = resume::open(last.as_ref(), options)?;
    let states = match (house, &last) {
        (Some((state, _)), Some(last)) => last_statuses(state, last.sequence).await?,
        _ => BTreeMap::new(),
    };
    let mut picked = select(&program.graph, &states, &options.select)?;
    if let Some(until) = options.until {
        picked.retain(|position| program.graph.layer(*position).is_some_and(|l| l <= until));
    }
    let (markers, broken) = match house {
        Some((state, landing)) => {
            let markers = records::tasks::markers(state.readers(), opening.sequence).await?;
            let broken = match markers.is_empty() {
                true => BTreeSet::new(),
                false => broken_files(state, landing, opening.sequence).await?,
            };
            (markers, broken)
        }
        None => (BTreeMap::new(), BTreeSet::new()),
    };
    let decisions = resume::decide(&program.graph, &program.hashes, &markers, &broken);
    Ok(Standing { opening, decisions, picked })
}

/// How each task ended in the last attempt of a sequence.
async fn last_statuses(state: &State, sequence: Sequence) -> Result<BTreeMap<TaskName, Status>> {
    let pool = state.readers();
    let Some(last) = read::runs(pool, Some(sequence), 1).await?.into_iter().next() else {
        return Ok(BTreeMap::new());
    };
    let tasks = read::tasks(pool, last.run).await?;
    Ok(tasks.into_iter().map(|row| (row.told.task, row.told.status)).collect())
}

/// The land tasks of which a file is gone or has another size.
async fn broken_files(
    state: &State,
    landing: &Arc<dyn ObjectStore>,
    sequence: Sequence,
) -> Result<BTreeSet<TaskName>> {
    let files = records::landing::files_of(state.readers(), sequence).await?;
    let heads = files
        .into_iter()
        .flat_map(|(task, files)| files.into_iter().map(move |file| (task.clone(), file)));
    let found: Vec<Option<TaskName>> = futures::stream::iter(heads)
        .map(|(task, file)| async move {
            match landing.head(&Path::from(file.path.as_str())).await {
                Ok(meta) if meta.size == file.bytes => Ok(None),
                Ok(_) | Err(object_store::Error::NotFound { .. }) => Ok(Some(task)),
                Err(e) => {
                    let hint = "landfall doctor checks the landing store";
                    let message = "cannot look at the landing files";
                    Err(storage::explain("landing/head", message, e, hint).about(file.path))
                }
            }
        })
        .buffer_unordered(HEADS_AT_A_TIME)
        .try_collect()
        .await?;
    Ok(found.into_iter().flatten().collect())
}

async fn drive(
    project: &Project,
    options: &Options,
    house: House,
    program: Program,
    mut lock: Lock,
    observer: Arc<dyn Observer>,
    stop: CancellationToken,
) -> Result<Summary> {
    let began = Instant::now();
    let standing = standing(Some((&house.state, &house.landing)), &program, options).await?;
    let run = begin(project, &house.state, &standing).await?;
    lock.tell(&house.state, run).await?;
    let tasks = program.graph.tasks();
    observer.on(&Event::RunStarted {
        run,
        target: project.target.word(),
        resumed: standing.opening.resumed,
        tasks: &tasks,
    });
    for message in &program.graph.warnings {
        observer.on(&Event::Warning { task: None, message });
    }
    let (journal, writer) = Journal::open(run, house.state.clone(), Arc::clone(&observer));
    let state = house.state.clone();
    let crew = Crew { project, options, house, program, journal, stop: stop.clone() };
    let outcome = crew.work(run, &standing).await;
    let written = writer.done().await;
    let statuses = match outcome.and_then(|statuses| written.map(|()| statuses)) {
        Ok(statuses) => statuses,
        Err(error) => {
            let mut writer = state.writer().await;
            // The first error is the one to tell.
            let _ = records::runs::finish_run(&mut writer, run, Status::Failed, false, Utc::now())
                .await;
            return Err(error);
        }
    };
    let summary = summary(run, &statuses, stop.is_cancelled());
    records::runs::finish_run(
        &mut *state.writer().await,
        run,
        status_of(&summary),
        summary.sequence_complete,
        Utc::now(),
    )
    .await?;
    let counts = summary.counts;
    observer.on(&Event::RunFinished { run, counts, took: began.elapsed() });
    Ok(summary)
}

/// Gives up what is to be given up and begins the attempt.
async fn begin(project: &Project, state: &State, standing: &Standing) -> Result<RunId> {
    let mut writer = state.writer().await;
    if let Some(abandoned) = standing.opening.abandons {
        records::runs::abandon(&mut writer, abandoned, Utc::now()).await?;
    }
    let process =
        Process { pid: std::process::id(), host: lock::host(), target: project.target.word() };
    records::runs::begin_run(&mut writer, standing.opening.sequence, &process, Utc::now()).await
}

/// What the tasks of a run are done with.
struct Crew<'a> {
    project: &'a Project,
    options: &'a Options,
    house: House,
    program: Program,
    journal: Arc<Journal>,
    stop: CancellationToken,
}

impl Crew<'_> {
    /// Asks the sources, then runs the graph. The journal is gone when this returns, so that its
    /// writer comes to an end.
    async fn work(self, run: RunId, standing: &Standing) -> Result<Vec<Status>> {
        let to_run = standing.to_run();
        let wanted: Vec<Wanted<'_>> = self
            .program
            .lands()
            .filter(|(position, ..)| to_run.contains(position))
            .map(|(_, source, spec)| Wanted { source, spec })
            .collect();
        let known = Known::read(&self.house.state, run.sequence, &wanted).await?;
        let Survey { windows, new, mut failures, warnings, sources } =
            survey(&self.project.root, &wanted, &known).await?;
        if !new.is_empty() {
            let mut writer = self.house.state.writer().await;
            records::windows::fix(&mut writer, run.sequence, &new).await?;
        }
        for (task, message) in &warnings {
            self.journal.on(&Event::Warning { task: task.as_ref(), message });
        }
        let starts = starts(&self.program, standing, &mut failures);
        let graph = self.program.graph.clone();
        let rules = Rules {
            jobs: self.project.jobs,
            fail_fast: self.options.fail_fast,
            stop: self.stop.clone(),
        };
        let journal = Arc::clone(&self.journal);
        let tasks = Arc::new(Tasks {
            run,
            program: self.program,
            state: self.house.state,
            engine: self.house.engine,
            landing: self.house.landing,
            sources,
            windows,
            journal: self.journal,
            jobs: self.project.jobs,
            allow_shrink: self.options.allow_shrink,
            stop: self.stop,
        });
        Ok(execute::execute(&graph, starts, tasks, &rules, journal.as_ref()).await)
    }
}

/// What is to happen to each task.
fn starts(
    program: &Program,
    standing: &Standing,
    failures: &mut BTreeMap<TaskName, Error>,
) -> Vec<Start> {
    let one = |(position, task): (usize, TaskName)| match standing.decisions.get(position) {
        Some(Decision::Done(done)) => {
            Start::Skip { reason: format!("done in {}", done.run), rows: done.rows }
        }
        _ if !standing.picked.contains(&position) => {
            Start::Leave { reason: "not selected and not done".to_string() }
        }
        _ => match failures.remove(&task) {
            Some(error) => Start::Fail(error),
            None => Start::Run,
        },
    };
    program.graph.tasks().into_iter().enumerate().map(one).collect()
}

fn summary(run: RunId, statuses: &[Status], stopped: bool) -> Summary {
    let counts: Counts = execute::counts(statuses);
    // A stop that came when everything was done has stopped nothing.
    let interrupted = stopped && !counts.complete();
    Summary { run, counts, interrupted, sequence_complete: counts.complete() }
}

fn status_of(summary: &Summary) -> Status {
    if summary.interrupted {
        Status::Interrupted
    } else if summary.counts.failed > 0 || summary.counts.blocked > 0 {
        Status::Failed
    } else {
        Status::Ok
    }
}

#[cfg(test)]
pub(super) mod tests;
