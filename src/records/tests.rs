//! Round trips on a real database: what is written comes back, and only what is done is read.

use std::collections::BTreeMap;

use chrono::TimeZone;

use super::landing::Receipt;
use super::runs::{Process, SequenceState};
use super::tasks::{Failure, Told};
use super::*;
use crate::error::Place;
use crate::state::{State, query};
use crate::tables::TableName;
use crate::task::Status;
use crate::warehouse::{Outcome, Statement};
use crate::window::{FileRange, ReadUpTo, Window};

struct Fixture {
    _folder: tempfile::TempDir,
    state: State,
}

async fn fixture() -> Fixture {
    let folder = tempfile::tempdir().expect("a folder");
    let state = State::open(&folder.path().join("catalog.sqlite"), false).await.expect("opens");
    create_tables(&mut *state.writer().await).await.expect("creates");
    Fixture { _folder: folder, state }
}

fn at(second: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 22, 10, 0, second).single().expect("a time")
}

fn process() -> Process {
    Process { pid: 42, host: "build-3".into(), target: "local" }
}

fn marker(run: RunId, task: TaskName) -> Marker {
    let rows = Rows { read: 5, landed: 5, ..Rows::default() };
    Marker { run, task, input_hash: "abc".into(), rows, started_at: at(1) }
}

fn file(path: &str, rows: u64) -> LandingFile {
    LandingFile { path: path.into(), bytes: 100, rows }
}

impl Fixture {
    async fn begin(&self, sequence: u64) -> RunId {
        let mut writer = self.state.writer().await;
        runs::begin_run(&mut writer, Sequence(sequence), &process(), at(0)).await.expect("begins")
    }

    async fn land(&self, run: RunId, files: &[LandingFile]) {
        let receipt = Receipt { files: files.to_vec(), ..Receipt::default() };
        let marker = marker(run, TaskName::land("m", "t"));
        let mut writer = self.state.writer().await;
        let table = TableName::new("landing_m", "t");
        landing::commit(&mut writer, &marker, &table, &receipt).await.expect("commits");
    }

    async fn mark(&self, run: RunId, task: TaskName, snapshot: Option<i64>) {
        let mut writer = self.state.writer().await;
        let mut transaction = writer.begin().await.expect("begins");
        mark_done(&mut transaction, &marker(run, task), snapshot).await.expect("marks");
        transaction.commit().await.expect("commits");
    }

    async fn unmark(&self, sequence: u64, task: TaskName) {
        let mut writer = self.state.writer().await;
        tasks::unmark(&mut writer, Sequence(sequence), &[task]).await.expect("unmarks");
    }

    async fn landed(&self) -> Vec<LandingPartition> {
        landing_files(self.state.readers(), &TableName::new("landing_m", "t")).await.expect("reads")
    }
}

#[tokio::test]
async fn tables_are_made_once_and_newer_ones_are_refused() {
    let f = fixture().await;
    create_tables(&mut *f.state.writer().await).await.expect("again");
    assert!(exist(f.state.readers()).await.expect("asks"));
    query("update landfall_meta set records_version = 99, written_by = '7.0.0'")
        .execute(&mut *f.state.writer().await)
        .await
        .expect("updates");
    let error = create_tables(&mut *f.state.writer().await).await.expect_err("newer");
    assert_eq!(error.code(), "state/newer");
    assert!(error.advice().is_some_and(|hint| hint.contains("7.0.0")));
}

#[tokio::test]
async fn a_partition_is_read_only_while_its_task_is_done() {
    let f = fixture().await;
    let run = f.begin(1).await;
    f.land(run, &[file("b", 2), file("a", 3)]).await;
    let first = LandingPartition { sequence: Sequence(1), files: vec![file("b", 2), file("a", 3)] };
    assert_eq!(f.landed().await, [first]);

    f.unmark(1, TaskName::land("m", "t")).await;
    assert_eq!(f.landed().await, []);

    let again = f.begin(1).await;
    assert_eq!(again.attempt, 2);
    f.land(again, &[file("c", 5)]).await;
    let second = LandingPartition { sequence: Sequence(1), files: vec![file("c", 5)] };
    assert_eq!(f.landed().await, [second]);
}

#[tokio::test]
async fn a_rolled_back_commit_leaves_no_marker() {
    let f = fixture().await;
    let run = f.begin(1).await;
    {
        let mut writer = f.state.writer().await;
        let mut transaction = writer.begin().await.expect("begins");
        let marker = marker(run, TaskName::pres("p"));
        mark_done(&mut transaction, &marker, Some(3)).await.expect("marks");
    }
    assert!(tasks::markers(f.state.readers(), Sequence(1)).await.expect("reads").is_empty());
}

#[tokio::test]
async fn markers_count_up_and_are_replaced() {
    let f = fixture().await;
    let run = f.begin(1).await;
    let (up, down) = (TaskName::land("m", "t"), TaskName::store("m", "t"));
    f.mark(run, up.clone(), None).await;
    f.mark(run, down.clone(), Some(4)).await;
    f.mark(run, up.clone(), None).await;
    let markers = tasks::markers(f.state.readers(), Sequence(1)).await.expect("reads");
    assert_eq!(markers.len(), 2);
    assert!(markers[&up].id > markers[&down].id);
    assert_eq!(markers[&down].snapshot, Some(4));
    assert_eq!(markers[&down].rows.landed, 5);
}

#[tokio::test]
async fn only_a_complete_sequence_has_a_snapshot() {
    let f = fixture().await;
    for (sequence, snapshot, complete, expected) in
        [(1, Some(7), true, Some(7)), (2, None, true, Some(7)), (3, Some(9), false, None)]
    {
        let run = f.begin(sequence).await;
        f.mark(run, TaskName::store("m", "t"), snapshot).await;
        let mut writer = f.state.writer().await;
        runs::finish_run(&mut writer, run, Status::Ok, complete, at(9)).await.expect("ends");
        drop(writer);
        let found = snapshot_of(f.state.readers(), Sequence(sequence)).await.expect("reads");
        assert_eq!(found, expected, "sequence {sequence}");
    }
    assert_eq!(snapshot_of(f.state.readers(), Sequence(8)).await.expect("reads"), None);
}

#[tokio::test]
async fn only_merged_windows_count_for_the_next_start() {
    let f = fixture().await;
    let (land, store) = (TaskName::land("m", "t"), TaskName::store("m", "t"));
    let window =
        |end: u32| Window::Range { start: None, end: at(end).naive_utc(), server: "s".into() };
    for (sequence, merged) in [(1, true), (2, true), (3, false)] {
        let run = f.begin(sequence).await;
        let mut writer = f.state.writer().await;
        let fixed = BTreeMap::from([(land.clone(), window(sequence as u32))]);
        windows::fix(&mut writer, run.sequence, &fixed).await.expect("fixes");
        drop(writer);
        f.mark(run, land.clone(), None).await;
        if merged {
            f.mark(run, store.clone(), None).await;
        }
    }
    let pool = f.state.readers();
    let of = windows::of(pool, Sequence(3)).await.expect("reads");
    assert_eq!(of, BTreeMap::from([(land.clone(), window(3))]));
    let before = windows::merged_before(pool, Sequence(4)).await.expect("reads");
    assert_eq!(before, BTreeMap::from([(land.clone(), window(2))]));
    assert!(windows::merged_before(pool, Sequence(1)).await.expect("reads").is_empty());
}

#[tokio::test]
async fn file_ends_are_the_furthest_of_every_merged_sequence() {
    let f = fixture().await;
    let land = TaskName::land("weblog", "access");
    let range = |id: &str, start, end| FileRange {
        path: "access.log".into(),
        file_id: id.into(),
        start,
        end: Some(end),
        packed: (id == "b").then_some(end / 5),
    };
    let fixed = [
        (1, vec![range("a", 0, 10)], true),
        (2, vec![range("a", 10, 30), range("b", 0, 5)], true),
        (3, vec![range("b", 5, 500)], false),
    ];
    for (sequence, ranges, merged) in fixed {
        let run = f.begin(sequence).await;
        let windows = BTreeMap::from([(land.clone(), Window::Files { ranges })]);
        windows::fix(&mut *f.state.writer().await, run.sequence, &windows).await.expect("fixes");
        if merged {
            f.mark(run, TaskName::store("weblog", "access"), None).await;
        }
    }
    let ends = windows::file_ends(f.state.readers(), &land, Sequence(4)).await.expect("reads");
    let a = ReadUpTo { end: 30, packed: None };
    let b = ReadUpTo { end: 5, packed: Some(1) };
    assert_eq!(ends, BTreeMap::from([("a".to_string(), a), ("b".to_string(), b)]));
}

#[tokio::test]
async fn a_dead_run_is_buried_by_the_next() {
    let f = fixture().await;
    let dead = f.begin(1).await;
    let running = Told {
        task: TaskName::land("m", "t"),
        status: Status::Running,
        rows: Rows::default(),
        started_at: Some(at(1)),
        finished_at: None,
        failure: None,
        reason: None,
    };
    tasks::tell(&mut *f.state.writer().await, dead, &running).await.expect("tells");
    let next = f.begin(1).await;
    let pool = f.state.readers();
    let runs = read::runs(pool, Some(Sequence(1)), 10).await.expect("reads");
    assert_eq!(runs.iter().map(|r| r.run).collect::<Vec<_>>(), [next, dead]);
    assert_eq!(runs[0].status, Status::Running);
    assert_eq!(runs[1].status, Status::Interrupted);
    assert_eq!((runs[1].pid, runs[1].host.as_str()), (42, "build-3"));
    let tasks = read::tasks(pool, dead).await.expect("reads");
    assert_eq!(tasks[0].told.status, Status::Interrupted);
}

#[tokio::test]
async fn what_is_told_comes_back_and_a_late_beginning_changes_nothing() {
    let f = fixture().await;
    let run = f.begin(1).await;
    let error = Error::failed("sql/unknown-column", "no field named quantiy")
        .at(Place::new("pres/x.sql", 17, 5))
        .hint("did you mean `quantity`?");
    let mut told = Told {
        task: TaskName::pres("x"),
        status: Status::Failed,
        rows: Rows::default(),
        started_at: Some(at(1)),
        finished_at: Some(at(2)),
        failure: Some(Failure::from(&error)),
        reason: None,
    };
    let mut writer = f.state.writer().await;
    tasks::tell(&mut writer, run, &told).await.expect("tells");
    told.status = Status::Running;
    told.failure = None;
    tasks::tell(&mut writer, run, &told).await.expect("tells late");
    let statement = Statement { text: "select 1".into(), place: Place::new("pres/x.sql", 1, 1) };
    let outcome =
        Outcome { inserted: 3, took: std::time::Duration::from_micros(9), ..Outcome::default() };
    tasks::tell_statements(&mut writer, run, &told.task, &[(statement, outcome)])
        .await
        .expect("ok");
    drop(writer);
    let pool = f.state.readers();
    let row = read::tasks(pool, run).await.expect("reads").remove(0).told;
    assert_eq!((row.status, row.finished_at), (Status::Failed, Some(at(2))));
    let failure = row.failure.expect("a failure");
    assert_eq!(failure.place.as_deref(), Some("pres/x.sql:17:5"));
    assert_eq!(failure.hint.as_deref(), Some("did you mean `quantity`?"));
    let statements = read::statements(pool, run, Some(&told.task)).await.expect("reads");
    assert_eq!((statements[0].ordinal, statements[0].inserted), (1, 3));
    let runs = read::runs(pool, None, 10).await.expect("reads");
    assert_eq!(runs[0].counts.failed, 1);
}

#[tokio::test]
async fn sequences_open_complete_reopen_and_are_abandoned() {
    let f = fixture().await;
    let state = async |n: u64| {
        let last = last_sequence(f.state.readers()).await.expect("reads").expect("one");
        assert_eq!(last.sequence, Sequence(n));
        last.state
    };
    assert_eq!(last_sequence(f.state.readers()).await.expect("reads"), None);
    let run = f.begin(1).await;
    assert_eq!(state(1).await, SequenceState::Open);
    runs::finish_run(&mut *f.state.writer().await, run, Status::Ok, true, at(5))
        .await
        .expect("ends");
    assert_eq!(state(1).await, SequenceState::Complete);
    f.unmark(1, TaskName::pres("p")).await;
    assert_eq!(state(1).await, SequenceState::Open);
    runs::abandon(&mut *f.state.writer().await, Sequence(1), at(6)).await.expect("abandons");
    assert_eq!(state(1).await, SequenceState::Abandoned);
}

#[tokio::test]
async fn addresses_are_kept_by_provider() {
    let f = fixture().await;
    let answers = [("10.0.0.1".to_string(), None), ("8.8.8.8".to_string(), Some("US".to_string()))];
    let mut writer = f.state.writer().await;
    addresses::remember(&mut writer, "ipinfo", Sequence(1), &answers).await.expect("keeps");
    drop(writer);
    let asked = ["8.8.8.8".to_string(), "10.0.0.1".to_string(), "1.1.1.1".to_string()];
    let pool = f.state.readers();
    let known = addresses::known(pool, "ipinfo", &asked).await.expect("reads");
    assert_eq!(known, answers.into_iter().collect());
    assert!(addresses::known(pool, "mmdb", &asked).await.expect("reads").is_empty());
}
