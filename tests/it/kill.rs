//! SIGKILL at any instant, then `run` until it exits with 0: the tables of one clean run.
//!
//! `LANDFALL_TEST_KILLS` says how many processes die (100 by default), `LANDFALL_TEST_SEED` repeats
//! a series.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use landfall::state::{State, query};

use crate::support::chance::{Chance, number};
use crate::support::project::{Project, Rows, difference, text};

/// What a series begins with.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum From {
    Nothing,
    /// One sequence is complete and the sources have changed since.
    OneSequence,
}

/// What a worker compares with.
struct Worker {
    project: Project,
    want: [BTreeMap<String, Rows>; 2],
    /// How long a run takes from each beginning, start of the process included.
    takes: [Duration; 2],
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().expect("a runtime")
}

impl Worker {
    fn new() -> Worker {
        let project = Project::sample(30, 120);
        project.ok(&["seed"]);
        project.ok(&["run"]);
        project.save("one sequence");
        project.ok(&["seed", "--mutate", "30%"]);
        let mut worker = Worker { project, want: Default::default(), takes: [Duration::ZERO; 2] };
        for from in [From::Nothing, From::OneSequence] {
            worker.begin(from);
            let began = Instant::now();
            worker.project.ok(&["run"]);
            worker.takes[from as usize] = began.elapsed();
            worker.want[from as usize] = worker.store_and_pres();
        }
        // Only dimensions remember how it was before.
        let [mut fresh, mut second] = worker.want.clone();
        for tables in [&mut fresh, &mut second] {
            tables.retain(|name, _| name.starts_with("store") || name.starts_with("pres.report"));
        }
        assert_eq!(difference(&fresh, &second), None, "one sequence and two");
        worker
    }

    fn begin(&self, from: From) {
        match from {
            From::Nothing => self.project.forget(),
            From::OneSequence => self.project.restore("one sequence"),
        }
    }

    /// Landing is left out: how many sequences it holds depends on the beginning.
    fn store_and_pres(&self) -> BTreeMap<String, Rows> {
        let mut tables = runtime().block_on(self.project.tables());
        tables.retain(|name, _| !name.starts_with("landing"));
        tables
    }

    /// Starts a run and kills it; `None` when it had ended by then, otherwise how far it was.
    fn kill(&mut self, chance: &mut Chance, from: From) -> Option<String> {
        let after = chance.below(self.takes[from as usize].as_micros() as u64);
        let mut child = self
            .project
            .command(&["run"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        std::thread::sleep(Duration::from_micros(after));
        let ended = child.try_wait().expect("a child").is_some();
        child.kill().expect("kills");
        child.wait().expect("ends");
        // Other work on the machine comes and goes: the span follows, so that few runs end unharmed
        // and none of their last steps is out of reach.
        let takes = &mut self.takes[from as usize];
        *takes = if ended { Duration::from_micros(after) } else { *takes * 51 / 50 };
        (!ended).then(|| runtime().block_on(self.phase()))
    }

    /// How far the last attempt had come, by what it left done.
    async fn phase(&self) -> String {
        if !self.project.catalog().exists() {
            return "0 before the catalog".into();
        }
        let state = State::open(&self.project.catalog(), false).await.expect("the catalog");
        let attempt: landfall::error::Result<Option<(i64, i64)>> = query(
            "select sequence, attempt from landfall_runs where status = 'running'
             order by sequence desc, attempt desc limit 1",
        )
        .fetch_optional(state.readers())
        .await;
        let Ok(Some((sequence, _))) = attempt else { return "1 before its record".into() };
        let (done,): (Option<String>,) =
            query("select task from landfall_markers where sequence = $1 order by id desc limit 1")
                .bind(sequence)
                .fetch_optional(state.readers())
                .await
                .expect("markers")
                .map_or((None,), |(task,): (String,)| (Some(task),));
        match done.as_deref().and_then(|task| task.split('.').next()) {
            None => "2 before the first marker".into(),
            Some(layer) => {
                match ["land", "store", "pres", "report"].iter().position(|l| *l == layer) {
                    Some(at) => format!("{} after a {layer} marker", at + 3),
                    None => format!("7 after a {layer} marker"),
                }
            }
        }
    }

    /// One beginning, some deaths, one good end.
    fn series(&mut self, chance: &mut Chance, phases: &mut BTreeMap<String, u64>) -> u64 {
        let from = if chance.below(2) == 0 { From::Nothing } else { From::OneSequence };
        let deaths = if chance.below(5) == 0 { 2 + chance.below(3) } else { 1 };
        self.begin(from);
        let mut killed = 0;
        for _ in 0..deaths {
            if let Some(phase) = self.kill(chance, from) {
                *phases.entry(phase).or_default() += 1;
                killed += 1;
            }
        }
        let ended = self.project.run(&["run"]);
        assert_eq!(ended.status.code(), Some(0), "from {from:?}: {}", text(&ended.stderr));
        if let Some(difference) = difference(&self.want[from as usize], &self.store_and_pres()) {
            panic!("from {from:?} after {killed} deaths: {difference}");
        }
        let scratch = self.project.path().join(".landfall/tmp");
        let left: Vec<_> =
            std::fs::read_dir(&scratch).map_or(Vec::new(), |d| d.flatten().collect());
        assert!(left.is_empty(), "scratch of the dead was left: {left:?}");
        killed
    }
}

#[test]
fn a_run_killed_at_any_instant_is_made_good_by_the_next() {
    let wanted = number("LANDFALL_TEST_KILLS").unwrap_or(100);
    let mut chance = Chance::of_environment("kill");
    let seeds = [chance.next(), chance.next()];
    let total = Mutex::new((0, 0, BTreeMap::new()));
    std::thread::scope(|scope| {
        for seed in seeds {
            let total = &total;
            scope.spawn(move || {
                let mut worker = Worker::new();
                let mut chance = Chance::new(seed);
                let (mut killed, mut series, mut phases) = (0, 0, BTreeMap::new());
                while killed < wanted.div_ceil(2) {
                    killed += worker.series(&mut chance, &mut phases);
                    series += 1;
                }
                let mut total = total.lock().expect("no worker failed");
                total.0 += killed;
                total.1 += series;
                for (phase, count) in phases {
                    *total.2.entry(phase).or_insert(0) += count;
                }
            });
        }
    });
    let (killed, series, phases) = total.into_inner().expect("no worker failed");
    println!("kill: {killed} processes died in {series} series; all tables equal to a clean run");
    for (phase, count) in &phases {
        println!("kill: {count:5} {}", &phase[2..]);
    }
    assert!(
        wanted < 100 || phases.len() >= 4,
        "the kills all fell into the same phase: {phases:?}"
    );
}

/// The very first run makes the sample's sources before anything else.
#[test]
fn a_first_run_killed_while_it_makes_its_sample_is_made_good() {
    let mut chance = Chance::of_environment("kill first");
    let project = Project::sample(30, 120);
    let began = Instant::now();
    project.ok(&["run"]);
    let takes = began.elapsed();
    for _ in 0..12 {
        project.forget();
        project.forget_sample();
        let mut child = project
            .command(&["run"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        // The sample is made in the first part of the run.
        std::thread::sleep(Duration::from_micros(chance.below(takes.as_micros() as u64 / 3)));
        child.kill().expect("kills");
        child.wait().expect("ends");
        project.ok(&["run"]);
        let tables = runtime().block_on(project.tables());
        assert_eq!(tables["store_mysql.order_headers"].len(), 30);
        assert_eq!(tables["store_weblog.access"].len(), 120);
    }
}
