//! Whole runs: a SQLite source, real landing and records, and an engine that only counts.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Mutex;

use async_trait::async_trait;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};

use super::super::graph::tests::file;
use super::super::program::Program;
use super::*;
use crate::config::{Catalog, DatabaseSource, Source};
use crate::error::{Kind, Place};
use crate::events::Silent;
use crate::records::runs::SequenceState;
use crate::tables::{ColumnSpec, Extract, TableName, TableSpec};
use crate::types::SqlType;
use crate::warehouse::{Answer, Batch, ColumnInfo, Finish, Outcome, Statement, TableInfo};
use crate::window::Window;

/// Commits markers as the local engine does and counts a merge as all new rows.
struct Counting {
    state: State,
    /// How often a task still fails.
    fails: Mutex<HashMap<String, u32>>,
    ran: Mutex<Vec<String>>,
}

impl Counting {
    fn fail(&self, task: &str) -> Result<()> {
        self.ran.lock().expect("unpoisoned").push(task.to_string());
        match self.fails.lock().expect("unpoisoned").get_mut(task) {
            Some(left) if *left > 0 => {
                *left -= 1;
                Err(Error::failed("test/fails", "as told"))
            }
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Warehouse for Counting {
    async fn run(&self, batch: &Batch, finish: Finish<'_>) -> Result<Vec<Outcome>> {
        self.fail(batch.task.as_str())?;
        let mut outcomes = vec![Outcome::default(); batch.statements.len()];
        if batch.task.layer() == crate::task::Layer::Store && outcomes.len() > 2 {
            let table = TableName::new("landing_shop", "orders");
            let landed = records::landing_files(self.state.readers(), &table).await?;
            let last = landed.last().expect("landed before it is merged");
            let rows: u64 = last.files.iter().map(|file| file.rows).sum();
            outcomes[2].inserted = rows;
            outcomes[4].inserted = rows;
        }
        let marker = finish(&outcomes)?;
        let mut writer = self.state.writer().await;
        let mut transaction = writer.begin().await?;
        let snapshot = i64::try_from(marker.run.sequence.0).ok();
        records::mark_done(&mut transaction, &marker, snapshot).await?;
        transaction.commit().await?;
        Ok(outcomes)
    }

    async fn query(&self, sql: &str, _: Option<Sequence>) -> Result<Answer> {
        self.fail(sql)?;
        Ok(Answer { schema: arrow::datatypes::Schema::empty().into(), batches: Vec::new() })
    }

    async fn columns(&self, _: &TableName) -> Result<Option<Vec<ColumnInfo>>> {
        Ok(None)
    }

    async fn describe(&self) -> Result<Vec<TableInfo>> {
        Ok(Vec::new())
    }
}

/// One table, one pres file and one report over a SQLite database.
pub(crate) struct Town {
    _folder: tempfile::TempDir,
    pub project: Project,
    pub source: PathBuf,
    engine: Arc<Counting>,
    pub state: State,
    /// Take pres and reports from the project's folders instead of the one of each made here.
    pub from_files: bool,
}

fn orders(extract: Extract) -> TableSpec {
    let column =
        |name: &str, ty| ColumnSpec { name: name.into(), source_name: None, ty, not_null: true };
    TableSpec {
        source: "shop".into(),
        name: "orders".into(),
        from: "orders".into(),
        columns: vec![column("id", SqlType::BigInt), column("changed_at", SqlType::Timestamp)],
        filter: None,
        extract,
        landing: TableName::new("landing_shop", "orders"),
        store: TableName::new("store_shop", "orders"),
        key: vec!["id".into()],
        version: Some("changed_at".into()),
        place: Place::new("landfall.toml", 1, 1),
    }
}

pub(crate) async fn town(extract: Extract) -> Town {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().canonicalize().expect("a path");
    let source = root.join("shop.sqlite");
    let url = format!("sqlite:{}", source.display());
    let project = Project {
        root: root.clone(),
        name: "shop".into(),
        target: Target::Local,
        sources: vec![Source::Database(DatabaseSource {
            name: "shop".into(),
            url: url::Url::parse(&url).expect("a URL"),
            password: None,
            timezone: chrono_tz::UTC,
            lag_seconds: 0,
            tls_off: false,
            tables: vec![orders(extract)],
        })],
        landing: url::Url::from_directory_path(root.join("landing")).expect("a URL"),
        state_dir: root.join(".landfall"),
        pres_dir: root.join("sql/pres"),
        reports_dir: root.join("sql/reports"),
        sample: None,
        jobs: 2,
        memory_limit: 64 << 20,
        catalog: Catalog::File,
        fsync: false,
    };
    sql(&source, "create table orders (id integer primary key, changed_at text not null)").await;
    for id in 1..=4 {
        insert(&source, id).await;
    }
    drop(Lock::take(&project.state_dir).expect("makes the state folder"));
    let state = open_state(&project).await.expect("opens");
    let engine =
        Arc::new(Counting { state: state.clone(), fails: Mutex::default(), ran: Mutex::default() });
    Town { _folder: folder, project, source, engine, state, from_files: false }
}

async fn insert(source: &PathBuf, id: u32) {
    let text = format!("insert into orders values ({id}, '2022-01-01 10:00:0{}')", id % 10);
    sql(source, &text).await;
}

async fn sql(file: &PathBuf, text: &str) {
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await.expect("opens");
    sqlx::raw_sql(sqlx::AssertSqlSafe(text)).execute(&mut connection).await.expect("runs");
    connection.close().await.expect("closes");
}

fn program(project: &Project, pres: &str) -> Program {
    let statement = |text: &str| Statement { text: text.into(), place: Place::new("x.sql", 1, 1) };
    let mut flat = file("flat", &["store_shop.orders"], &["pres.flat"]);
    flat.statements.push(statement(pres));
    let mut sales = file("sales", &["pres.flat"], &[]);
    sales.statements.push(statement("select sales"));
    Program::new(&project.sources, vec![flat], vec![sales]).expect("a program")
}

impl Town {
    async fn run_with(&self, options: Options, stop: CancellationToken) -> Result<Summary> {
        let house = House {
            state: self.state.clone(),
            landing: storage::open(&self.project.landing, false).expect("opens"),
            engine: self.engine.clone(),
        };
        self.engine.ran.lock().expect("unpoisoned").clear();
        let program = match self.from_files {
            true => Program::read(&self.project)?,
            false => program(&self.project, "create table pres.flat"),
        };
        let lock = Lock::take(&self.project.state_dir)?;
        drive(&self.project, &options, house, program, lock, Arc::new(Silent), stop).await
    }

    pub async fn run(&self, options: Options) -> Summary {
        self.run_with(options, CancellationToken::new()).await.expect("runs")
    }

    fn fail(&self, task: &str, times: u32) {
        self.engine.fails.lock().expect("unpoisoned").insert(task.into(), times);
    }

    fn ran(&self) -> Vec<String> {
        self.engine.ran.lock().expect("unpoisoned").clone()
    }

    pub async fn landed(&self) -> Vec<(u64, u64)> {
        let table = TableName::new("landing_shop", "orders");
        let partitions = records::landing_files(self.state.readers(), &table).await.expect("reads");
        let rows = |p: &records::LandingPartition| p.files.iter().map(|f| f.rows).sum();
        partitions.iter().map(|p| (p.sequence.0, rows(p))).collect()
    }

    pub async fn state_of_last(&self) -> (u64, SequenceState) {
        let last = records::last_sequence(self.state.readers()).await.expect("reads");
        last.map(|row| (row.sequence.0, row.state)).expect("a sequence")
    }
}

fn selecting(selectors: &[&str]) -> Options {
    Options { select: selectors.iter().map(ToString::to_string).collect(), ..Options::default() }
}

const ALL: [&str; 3] = ["store.shop.orders", "pres.flat", "select sales"];

#[tokio::test]
async fn a_run_completes_its_sequence_and_the_next_opens_another() {
    let town = town(Extract::Full).await;
    for sequence in 1..=2 {
        let summary = town.run(Options::default()).await;
        assert_eq!(summary.run, RunId { sequence: Sequence(sequence), attempt: 1 });
        assert!(summary.sequence_complete && !summary.interrupted);
        assert_eq!(summary.counts.ok, 4);
        assert_eq!(town.ran(), ALL);
    }
    assert_eq!(town.landed().await, [(1, 4), (2, 4)]);
    let snapshot = records::snapshot_of(town.state.readers(), Sequence(1)).await.expect("reads");
    assert_eq!(snapshot, Some(1));
    let statements =
        read::statements(town.state.readers(), RunId { sequence: Sequence(2), attempt: 1 }, None);
    let texts: Vec<String> = statements.await.expect("reads").into_iter().map(|s| s.text).collect();
    assert!(texts.iter().any(|text| text.starts_with("merge into store_shop.orders")));
    assert!(texts.iter().any(|text| text == "select sales"));
}

#[tokio::test]
async fn a_failed_run_keeps_its_number_and_goes_on_where_it_stopped() {
    let town = town(Extract::Full).await;
    town.fail("pres.flat", 1);
    let summary = town.run(Options::default()).await;
    assert_eq!((summary.counts.ok, summary.counts.failed, summary.counts.blocked), (2, 1, 1));
    assert!(!summary.sequence_complete);
    assert_eq!(town.state_of_last().await, (1, SequenceState::Open));

    let summary = town.run(selecting(&["state:failed+"])).await;
    assert_eq!(summary.run, RunId { sequence: Sequence(1), attempt: 2 });
    assert_eq!((summary.counts.ok, summary.counts.skipped), (2, 2));
    assert!(summary.sequence_complete);
    assert_eq!(town.ran(), ["pres.flat", "select sales"]);

    let runs = read::runs(town.state.readers(), None, 10).await.expect("reads");
    let told: Vec<_> = runs.iter().map(|run| (run.run.attempt, run.status)).collect();
    assert_eq!(told, [(2, Status::Ok), (1, Status::Failed)]);
    let tasks = read::tasks(town.state.readers(), runs[1].run).await.expect("reads");
    let failed = tasks.iter().find(|row| row.told.status == Status::Failed).expect("one");
    assert_eq!(failed.told.failure.as_ref().map(|f| f.code.as_str()), Some("test/fails"));
}

#[tokio::test]
async fn a_selection_leaves_the_sequence_open_until_all_is_done() {
    let town = town(Extract::Full).await;
    let summary = town.run(selecting(&["land.*", "store.*"])).await;
    assert_eq!((summary.counts.ok, summary.counts.cancelled), (2, 2));
    assert_eq!((summary.counts.failed, summary.counts.blocked), (0, 0));
    assert_eq!(town.state_of_last().await, (1, SequenceState::Open));

    let summary = town.run(selecting(&["report.sales"])).await;
    assert_eq!((summary.counts.blocked, summary.counts.skipped), (1, 2));

    let until = Options { until: Some(crate::task::Layer::Pres), ..Options::default() };
    assert!(!town.run(until).await.sequence_complete);
    assert_eq!(town.ran(), ["pres.flat"]);
    assert!(town.run(Options::default()).await.sequence_complete);
    assert_eq!(town.ran(), ["select sales"]);
}

#[tokio::test]
async fn new_gives_up_the_unfinished_sequence() {
    let town = town(Extract::Full).await;
    town.fail("store.shop.orders", 1);
    town.run(Options::default()).await;
    let summary = town.run(Options { new: true, ..Options::default() }).await;
    assert_eq!(summary.run, RunId { sequence: Sequence(2), attempt: 1 });
    let rows = read::sequences(town.state.readers(), 9).await.expect("reads");
    let states: Vec<_> = rows.iter().map(|row| row.state).collect();
    assert_eq!(states, [SequenceState::Complete, SequenceState::Abandoned]);
    let resume = Options { resume_only: true, ..Options::default() };
    let error = town.run_with(resume, CancellationToken::new()).await.expect_err("complete");
    assert_eq!((error.kind(), error.code()), (Kind::Config, "run/nothing_to_resume"));
}

#[tokio::test]
async fn a_lost_landing_file_is_landed_again_before_the_run_goes_on() {
    let town = town(Extract::Full).await;
    town.fail("pres.flat", 1);
    town.run(Options::default()).await;
    let table = TableName::new("landing_shop", "orders");
    let partitions = records::landing_files(town.state.readers(), &table).await.expect("reads");
    let path = town.project.root.join("landing").join(&partitions[0].files[0].path);
    std::fs::write(&path, "cut").expect("breaks the file");

    let summary = town.run(Options::default()).await;
    assert_eq!((summary.counts.ok, summary.counts.skipped), (4, 0));
    assert_eq!(town.ran(), ALL);
    assert_eq!(town.landed().await, [(1, 4)]);
}

#[tokio::test]
async fn a_full_extract_that_shrank_is_refused_until_it_is_allowed() {
    let town = town(Extract::Full).await;
    town.run(Options::default()).await;
    sql(&town.source, "delete from orders where id > 1").await;
    let summary = town.run(Options::default()).await;
    assert_eq!((summary.counts.failed, summary.counts.blocked), (1, 3));
    assert_eq!(town.landed().await, [(1, 4)]);
    let allowed = Options { allow_shrink: true, ..Options::default() };
    let summary = town.run(allowed).await;
    assert_eq!(summary.run, RunId { sequence: Sequence(2), attempt: 2 });
    assert!(summary.sequence_complete);
    assert_eq!(town.landed().await, [(1, 4), (2, 1)]);
}

#[tokio::test]
async fn a_window_is_fixed_once_and_starts_where_the_last_merged_one_ended() {
    let extract = Extract::Incremental { watermark: "changed_at".into(), lookback_seconds: 0 };
    let town = town(extract).await;
    let task = TaskName::land("shop", "orders");
    let window = async |sequence: u64| {
        let pool = town.state.readers();
        let mut of = records::windows::of(pool, Sequence(sequence)).await.expect("reads");
        of.remove(&task).expect("a window")
    };
    town.fail("store.shop.orders", 1);
    town.run(Options::default()).await;
    let first = window(1).await;
    let Window::Range { start: None, end, .. } = &first else { panic!("{first:?}") };
    assert!(town.run(Options::default()).await.sequence_complete);
    assert_eq!(window(1).await, first, "the resumed run reads the same window");

    // Landed but never merged: the next sequence begins where the merged rows end.
    town.fail("store.shop.orders", 1);
    town.run(Options::default()).await;
    town.run(Options { new: true, ..Options::default() }).await;
    let Window::Range { start, .. } = window(3).await else { panic!("a range") };
    assert_eq!(start.as_ref(), Some(end));
    assert_eq!(town.landed().await[0], (1, 4));
}

#[tokio::test]
async fn a_stopped_run_is_interrupted_and_goes_on_later() {
    let town = town(Extract::Full).await;
    let stop = CancellationToken::new();
    stop.cancel();
    let summary = town.run_with(Options::default(), stop).await.expect("runs");
    assert!(summary.interrupted && !summary.sequence_complete);
    assert_eq!(summary.counts.cancelled, 4);
    assert!(town.ran().is_empty());
    let runs = read::runs(town.state.readers(), None, 1).await.expect("reads");
    assert_eq!(runs[0].status, Status::Interrupted);
    assert!(town.run(Options::default()).await.sequence_complete);
}

#[tokio::test]
async fn a_source_out_of_reach_is_an_error_before_the_first_task() {
    let town = town(Extract::Full).await;
    std::fs::remove_file(&town.source).expect("removes");
    let error =
        town.run_with(Options::default(), CancellationToken::new()).await.expect_err("no source");
    assert!(matches!(error.kind(), Kind::Connect | Kind::Config), "{error:?}");
    let runs = read::runs(town.state.readers(), None, 1).await.expect("reads");
    assert_eq!(runs[0].status, Status::Failed);
    assert!(town.ran().is_empty());
}

#[tokio::test]
async fn what_is_wrong_with_one_table_fails_its_own_tasks() {
    let mut town = town(Extract::Full).await;
    if let Source::Database(source) = &mut town.project.sources[0] {
        let mut other = orders(Extract::Full);
        other.name = "refunds".into();
        other.from = "refunds".into();
        other.landing = TableName::new("landing_shop", "refunds");
        other.store = TableName::new("store_shop", "refunds");
        source.tables.push(other);
    }
    let summary = town.run(Options::default()).await;
    // land.shop.refunds fails, store.shop.refunds is blocked, the rest is done.
    assert_eq!((summary.counts.ok, summary.counts.failed, summary.counts.blocked), (4, 1, 1));
}

#[test]
fn the_scratch_of_dead_processes_is_swept_and_of_living_ones_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    // The process that started this test lives; no process has a number this high.
    let parent = std::os::unix::process::parent_id();
    let (living, dead) = (format!("{parent}-a"), "4294967294-b".to_string());
    for name in [&living, &dead] {
        std::fs::create_dir(folder.path().join(name)).expect("makes");
        std::fs::write(folder.path().join(name).join("spill"), "x").expect("writes");
    }
    std::fs::write(folder.path().join("leftover"), "x").expect("writes");
    sweep(folder.path());
    let left = std::fs::read_dir(folder.path()).expect("reads");
    let left: Vec<_> = left.flatten().map(|e| e.file_name().into_string()).collect();
    assert_eq!(left, [Ok(living)]);
}
