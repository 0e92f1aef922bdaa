//! What the command line asks of a run besides running: plan, rerun, emit.

mod whole;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::drive::tests::{Town, town};
use super::*;
use crate::config::{Project, Target};
use crate::error::Kind;
use crate::events::Silent;
use crate::records;
use crate::records::runs::SequenceState;
use crate::tables::Extract;
use crate::warehouse::Statement;
use crate::warehouse::local::Local;

async fn bare_town() -> Town {
    let mut town = town(Extract::Full).await;
    town.from_files = true;
    town
}

fn words(tasks: &[TaskName]) -> Vec<&str> {
    tasks.iter().map(TaskName::as_str).collect()
}

#[tokio::test]
async fn a_plan_tells_what_would_run_and_writes_nothing() {
    let town = bare_town().await;
    let plan = plan(&town.project, &Options::default(), false).await.expect("plans");
    assert_eq!((plan.sequence, plan.resumed), (Sequence(1), false));
    let [land, store] = plan.tasks.as_slice() else { panic!("{plan:?}") };
    assert_eq!((land.task.as_str(), land.estimate), ("land.shop.orders", Some(4)));
    assert_eq!((&land.window, &land.skip), (&Some(Window::Full), &None));
    assert_eq!(words(&store.needs), ["land.shop.orders"]);
    assert_eq!(records::last_sequence(town.state.readers()).await.expect("reads"), None);

    let offline = super::plan(&town.project, &Options::default(), true).await.expect("plans");
    assert_eq!((&offline.tasks[0].window, offline.tasks[0].estimate), (&None, None));
}

#[tokio::test]
async fn a_plan_of_an_unfinished_sequence_shows_what_is_done() {
    let town = bare_town().await;
    town.run(Options { until: Some(Layer::Land), ..Options::default() }).await;
    let plan = plan(&town.project, &Options::default(), false).await.expect("plans");
    assert_eq!((plan.sequence, plan.resumed), (Sequence(1), true));
    assert_eq!(plan.tasks[0].skip.as_deref(), Some("done in 1.1"));
    assert_eq!(plan.tasks[0].window, Some(Window::Full));
    assert_eq!(plan.tasks[1].skip, None);
    town.run(Options::default()).await;
    let next = super::plan(&town.project, &Options::default(), true).await.expect("plans");
    assert_eq!((next.sequence, next.resumed), (Sequence(2), false));
}

#[tokio::test]
async fn a_rerun_does_the_task_and_all_below_again_in_its_sequence() {
    let town = bare_town().await;
    town.run(Options::default()).await;
    let named = ["land.shop.orders".to_string()];
    let below = rerun_preview(&town.project, &named, None).await.expect("previews");
    assert_eq!(words(&below), ["land.shop.orders", "store.shop.orders"]);
    assert_eq!(town.state_of_last().await, (1, SequenceState::Complete));

    invalidate(&town.project, &below, Some(Sequence(1))).await.expect("invalidates");
    assert_eq!(town.state_of_last().await, (1, SequenceState::Open));
    assert!(town.landed().await.is_empty(), "an undone partition is not read");
    let summary = town.run(Options::default()).await;
    assert_eq!(summary.run, RunId { sequence: Sequence(1), attempt: 2 });
    assert_eq!((summary.counts.ok, summary.sequence_complete), (2, true));
    assert_eq!(town.landed().await, [(1, 4)]);
}

#[tokio::test]
async fn only_the_last_sequence_can_be_run_again() {
    let town = bare_town().await;
    let named = ["store.*".to_string()];
    let error = rerun_preview(&town.project, &named, None).await.expect_err("nothing ran");
    assert_eq!(error.code(), "rerun/no_sequence");
    town.run(Options::default()).await;
    town.run(Options::default()).await;
    let error =
        rerun_preview(&town.project, &named, Some(Sequence(1))).await.expect_err("an old one");
    assert_eq!((error.kind(), error.code()), (Kind::Config, "rerun/sequence"));
    let error = rerun_preview(&town.project, &["stor.shop".to_string()], None).await;
    assert_eq!(error.expect_err("unknown").code(), "usage/selector");
    assert!(rerun_preview(&town.project, &[], None).await.is_err());
}

fn add_files(project: &Project) {
    let write = |folder: &std::path::Path, name: &str, text: &str| {
        std::fs::create_dir_all(folder).expect("makes a folder");
        std::fs::write(folder.join(name), text).expect("writes");
    };
    let flat = "-- Flat\ncreate schema if not exists pres;\n\ndrop table if exists pres.flat;\n\
                create table pres.flat as\nselect id from store_shop.orders;\n";
    write(&project.pres_dir, "flat.sql", flat);
    write(&project.reports_dir, "sales.sql", "-- Sales\nselect count(*) as n from pres.flat\n");
}

async fn emitted(project: &Project, target: Target) -> Vec<(TaskName, Vec<Statement>)> {
    emit(project, &Options::default(), target).await.expect("emits")
}

#[tokio::test]
async fn emitted_texts_are_the_same_for_both_targets_but_for_landing() {
    let mut town = bare_town().await;
    town.project.landing = url::Url::parse("s3://bucket/dw/").expect("a URL");
    add_files(&town.project);
    let local = emitted(&town.project, Target::Local).await;
    let redshift = emitted(&town.project, Target::Redshift).await;

    let tasks: Vec<&str> = redshift.iter().map(|(task, _)| task.as_str()).collect();
    let all = ["land.shop.orders", "store.shop.orders", "pres.flat", "report.sales"];
    assert_eq!(tasks, all);
    assert_eq!(local, redshift[1..]);
    let texts: Vec<&str> = redshift[2].1.iter().map(|s| s.text.as_str()).collect();
    assert_eq!(texts[2], "create table pres.flat as\nselect id from store_shop.orders");
    let partition = &redshift[0].1.last().expect("a partition").text;
    let location = "'s3://bucket/dw/landing/shop/orders/execution_sequence=1/'";
    assert!(partition.contains(location), "{partition}");
}

/// What makes a landing partition readable on Redshift runs here too, and changes nothing: the
/// landing tables are those of the project.
#[tokio::test]
async fn the_external_ddl_of_landing_runs_locally() {
    let town = bare_town().await;
    town.run(Options::default()).await;
    let landing = crate::storage::open(&town.project.landing, false).expect("landing");
    let local = Local::open(&town.project, town.state.clone(), landing).await.expect("opens");
    let mut session = Arc::new(local).connect();
    let count = "select count(*) from landing_shop.orders";
    let before = session.run(count).await.expect("counts").answer.expect("rows").batches;
    let redshift = emitted(&town.project, Target::Redshift).await;
    for statement in &redshift[0].1 {
        session.run(&statement.text).await.expect(&statement.text);
    }
    let after = session.run(count).await.expect("counts").answer.expect("rows").batches;
    assert_eq!(before, after);
}

#[tokio::test]
async fn emit_writes_the_sequence_that_comes_next_and_only_what_is_selected() {
    let town = bare_town().await;
    town.run(Options::default()).await;
    let select = vec!["store.*".to_string()];
    let options = Options { select, ..Options::default() };
    let emitted = emit(&town.project, &options, Target::Redshift).await.expect("emits");
    assert_eq!(emitted.len(), 1);
    assert!(emitted[0].1.iter().any(|s| s.text.contains("where execution_sequence = 2")));
}

#[tokio::test]
async fn redshift_is_refused_before_anything_is_touched() {
    let mut town = bare_town().await;
    town.project.target = Target::Redshift;
    town.project.state_dir = town.project.root.join("elsewhere");
    let stop = CancellationToken::new();
    let error =
        run(&town.project, &Options::default(), Arc::new(Silent), stop).await.expect_err("not yet");
    assert_eq!((error.kind(), error.code()), (Kind::Config, "target/redshift"));
    assert!(!town.project.state_dir.exists());
}
