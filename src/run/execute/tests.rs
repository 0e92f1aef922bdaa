//! The executor with scripted work: failures, panics, stops, and how many run at a time.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::graph::tests::sample;
use super::*;

/// What a task of the script does; without an entry it succeeds.
#[derive(Clone)]
enum Act {
    Fail,
    Panic,
    /// Asks the run to stop, then succeeds.
    Stop(CancellationToken),
    GiveUp,
}

#[derive(Default)]
struct Script {
    acts: BTreeMap<&'static str, Act>,
    begun: Mutex<Vec<String>>,
    now: AtomicUsize,
    most: AtomicUsize,
}

#[async_trait]
impl Work for Script {
    async fn perform(&self, task: &TaskName) -> Result<Rows> {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        self.begun.lock().expect("unpoisoned").push(task.to_string());
        // Lets every task that may run beside this one begin.
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        self.now.fetch_sub(1, Ordering::SeqCst);
        match self.acts.get(task.as_str()) {
            Some(Act::Fail) => Err(Error::failed("test/fails", "as told")),
            Some(Act::Panic) => panic!("out of {}", "cheese"),
            Some(Act::GiveUp) => Err(Error::new(Kind::Interrupted, "test/stop", "gave up")),
            Some(Act::Stop(token)) => {
                token.cancel();
                Ok(Rows::default())
            }
            None => Ok(Rows { written: 1, ..Rows::default() }),
        }
    }
}

/// Keeps every end and failure as one line.
#[derive(Default)]
struct Ears(Mutex<Vec<String>>);

impl Observer for Ears {
    fn on(&self, event: &Event<'_>) {
        let line = match event {
            Event::TaskFinished { task, status, reason, .. } => {
                format!("{task} {} {}", status.word(), reason.as_deref().unwrap_or("-"))
            }
            Event::Failure { task, error } => format!("{task}! {}: {error}", error.code()),
            _ => return,
        };
        self.0.lock().expect("unpoisoned").push(line);
    }
}

struct Played {
    statuses: BTreeMap<String, Status>,
    begun: Vec<String>,
    most: usize,
    heard: Vec<String>,
}

async fn play(acts: &[(&'static str, Act)], rules: Rules) -> Played {
    let starts = (0..sample().len()).map(|_| Start::Run).collect();
    play_from(starts, acts, rules).await
}

async fn play_from(starts: Vec<Start>, acts: &[(&'static str, Act)], rules: Rules) -> Played {
    let graph = sample();
    let script = Arc::new(Script { acts: acts.iter().cloned().collect(), ..Script::default() });
    let ears = Ears::default();
    let statuses = execute(&graph, starts, script.clone(), &rules, &ears).await;
    let heard = ears.0.into_inner().expect("unpoisoned");
    let ends = heard.iter().filter(|line| !line.contains("! ")).count();
    assert_eq!(ends, graph.len(), "every task ends exactly once: {heard:?}");
    Played {
        statuses: graph.tasks().iter().map(ToString::to_string).zip(statuses).collect(),
        begun: script.begun.lock().expect("unpoisoned").clone(),
        most: script.most.load(Ordering::SeqCst),
        heard,
    }
}

fn rules(jobs: usize) -> Rules {
    Rules { jobs, fail_fast: false, stop: CancellationToken::new() }
}

fn with(played: &Played, status: Status) -> Vec<&str> {
    let picked = played.statuses.iter().filter(|(_, s)| **s == status);
    picked.map(|(task, _)| task.as_str()).collect()
}

#[tokio::test]
async fn everything_runs_after_what_it_needs() {
    let graph = sample();
    for jobs in [1, 2, 64] {
        let played = play(&[], rules(jobs)).await;
        assert_eq!(with(&played, Status::Ok).len(), graph.len());
        assert!(played.most <= jobs, "{} at once", played.most);
        let when = |name: &str| played.begun.iter().position(|b| b == name).expect("ran");
        for (position, node) in graph.nodes().iter().enumerate() {
            for need in graph.needs(position) {
                let need = graph.task(*need).expect("known");
                assert!(when(need.as_str()) < when(node.task.as_str()), "{need} first");
            }
        }
    }
    assert_eq!(play(&[], rules(2)).await.most, 2);
    // A wrong setting must not wait for ever.
    assert_eq!(with(&play(&[], rules(0)).await, Status::Ok).len(), graph.len());
}

#[tokio::test]
async fn a_failure_blocks_only_what_depends_on_it() {
    let played = play(&[("store.m.a", Act::Fail)], rules(4)).await;
    assert_eq!(with(&played, Status::Failed), ["store.m.a"]);
    assert_eq!(with(&played, Status::Blocked), ["pres.flat", "report.sales"]);
    assert_eq!(with(&played, Status::Ok), ["land.m.a", "land.m.b", "pres.log", "store.m.b"]);
    assert!(played.heard.contains(&"store.m.a! test/fails: as told".to_string()));
    // The root of the trouble is named all the way down.
    assert!(played.heard.contains(&"report.sales blocked by store.m.a".to_string()));
}

#[tokio::test]
async fn a_panic_is_a_failed_task_with_its_text() {
    let played = play(&[("land.m.b", Act::Panic)], rules(2)).await;
    assert_eq!(with(&played, Status::Failed), ["land.m.b"]);
    assert_eq!(with(&played, Status::Ok), ["land.m.a", "store.m.a"]);
    let line = "land.m.b! task/panic: the task panicked: out of cheese".to_string();
    assert!(played.heard.contains(&line), "{:?}", played.heard);
}

#[tokio::test]
async fn a_stop_lets_the_running_end_and_begins_nothing_new() {
    let stop = CancellationToken::new();
    let rules = Rules { jobs: 1, fail_fast: false, stop: stop.clone() };
    let played = play(&[("land.m.b", Act::Stop(stop))], rules).await;
    assert_eq!(with(&played, Status::Ok), ["land.m.a", "land.m.b"]);
    assert_eq!(with(&played, Status::Cancelled).len(), 5);
    assert_eq!(played.begun, ["land.m.a", "land.m.b"]);
}

#[tokio::test]
async fn a_task_that_gives_up_for_the_stop_has_not_failed() {
    let played = play(&[("land.m.a", Act::GiveUp)], rules(1)).await;
    assert_eq!(with(&played, Status::Interrupted), ["land.m.a"]);
    assert!(with(&played, Status::Failed).is_empty());
    assert_eq!(with(&played, Status::Cancelled), ["pres.flat", "report.sales", "store.m.a"]);
}

#[tokio::test]
async fn fail_fast_begins_nothing_after_the_first_failure() {
    let rules = Rules { jobs: 1, fail_fast: true, stop: CancellationToken::new() };
    let played = play(&[("land.m.a", Act::Fail)], rules).await;
    assert_eq!(played.begun, ["land.m.a"]);
    assert_eq!(with(&played, Status::Blocked), ["pres.flat", "report.sales", "store.m.a"]);
    assert_eq!(with(&played, Status::Cancelled), ["land.m.b", "pres.log", "store.m.b"]);
}

#[tokio::test]
async fn the_done_are_skipped_and_the_left_out_block_what_needs_them() {
    let graph = sample();
    let starts = graph.tasks().into_iter().map(|task| match task.as_str() {
        "land.m.a" => Start::Skip { reason: "done in 1.1".into(), rows: Rows::default() },
        "land.m.b" => Start::Leave { reason: "not selected".into() },
        "pres.log" => Start::Fail(Error::failed("test/never", "cannot begin")),
        _ => Start::Run,
    });
    let played = play_from(starts.collect(), &[], rules(4)).await;
    assert_eq!(played.begun, ["store.m.a"]);
    assert_eq!(with(&played, Status::Skipped), ["land.m.a"]);
    assert_eq!(with(&played, Status::Failed), ["pres.log"]);
    assert_eq!(with(&played, Status::Blocked), ["pres.flat", "report.sales", "store.m.b"]);
    assert!(played.heard.contains(&"store.m.b blocked by land.m.b: not selected".to_string()));
    let counts = counts(&played.statuses.values().copied().collect::<Vec<_>>());
    assert_eq!((counts.ok, counts.skipped, counts.failed), (1, 1, 1));
    assert_eq!((counts.blocked, counts.cancelled), (3, 1));
}
