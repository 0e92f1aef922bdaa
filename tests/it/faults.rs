//! Every storage operation of a run fails once, in every way: the next run makes it good.

use std::collections::BTreeMap;
use std::sync::Arc;

use landfall::events::Silent;
use landfall::run::{self, Options, Summary};
use landfall::storage;
use tokio_util::sync::CancellationToken;

use crate::support::chance::number;
use crate::support::fault_store::{Fault, FaultStore, Mode};
use crate::support::project::{Project, Rows, difference};

/// One table, a web log, one pres file and one report: every kind of task once.
const SETTINGS: &str = r#"
[project]
name = "tiny"
landing = "."
state = ".landfall"
fsync = false
jobs = 1

[source.mysql]
url = "sqlite:data/orders.sqlite"
timezone = "UTC"
lag = "0s"

[[source.mysql.table]]
name = "order_headers"
key = ["order_no"]
extract = "incremental"
watermark = "updated_datetime"
columns = [
  "order_no varchar(16) not null",
  "order_date date",
  "total decimal(20,4)",
  "updated_datetime timestamp not null",
]

[source.weblog]
files = ["data/access.log"]
country = "table"
"#;

const PRES: &str = "create schema if not exists pres;
create table if not exists pres.days (order_date date, orders bigint, total decimal(38,4));
delete from pres.days;
insert into pres.days select order_date, count(*), cast(sum(total) as decimal(38,4))
from store_mysql.order_headers group by order_date;
";

fn project() -> Project {
    let project = Project::sample(12, 30);
    project.ok(&["seed"]);
    let write = |path: &str, text: &str| {
        std::fs::write(project.path().join(path), text).expect("writes");
    };
    write("landfall.toml", SETTINGS);
    for folder in ["sql/pres", "sql/reports"] {
        std::fs::remove_dir_all(project.path().join(folder)).expect("removes");
        std::fs::create_dir_all(project.path().join(folder)).expect("a folder");
    }
    write("sql/pres/days.sql", PRES);
    write("sql/reports/days.sql", "select * from pres.days order by order_date");
    project
}

/// Runs with a fault in front of the stores of this project and of no other.
async fn run_with(project: &Project, fault: &Arc<Fault>) -> landfall::error::Result<Summary> {
    let root = project.path().display().to_string();
    let fault = Arc::clone(fault);
    storage::set_front(Some(Arc::new(move |place, inner| {
        if place.contains(&root) {
            Arc::new(FaultStore { inner, fault: Arc::clone(&fault) })
        } else {
            inner
        }
    })));
    let settings = project.load();
    let options = Options::default();
    let ended = run::run(&settings, &options, Arc::new(Silent), CancellationToken::new()).await;
    storage::set_front(None);
    ended
}

/// A run without faults, which must complete its sequence.
async fn run_well(project: &Project) -> u64 {
    let none = Fault::new(u64::MAX, Mode::Before);
    let summary = run_with(project, &none).await.unwrap_or_else(|e| panic!("{e}"));
    assert!(summary.sequence_complete, "{summary:?}");
    none.seen()
}

/// Fails each operation of the next run from a saved state, and makes it good again.
async fn every_fault(project: &Project, from: &str, want: &BTreeMap<String, Rows>, modes: &[Mode]) {
    let step = number("LANDFALL_TEST_FAULT_STEP").unwrap_or(1);
    for mode in modes {
        let (mut failed, mut unharmed) = (0, 0);
        for at in (0..).step_by(step as usize) {
            project.restore(from);
            let fault = Fault::new(at, *mode);
            let ended = run_with(project, &fault).await;
            if !fault.happened() {
                println!("faults: {from}, {mode:?}: {failed} runs failed, {unharmed} did not");
                assert!(ended.is_ok_and(|s| s.sequence_complete), "{from} {mode:?} {at}");
                break;
            }
            match ended {
                Ok(summary) if summary.counts.failed == 0 => unharmed += 1,
                _ => failed += 1,
            }
            run_well(project).await;
            if let Some(difference) = difference(want, &project.tables().await) {
                panic!("{from}, operation {at} failing {mode:?}: {difference}");
            }
        }
        assert!(failed > 0, "no fault was ever noticed: nothing was tested");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_storage_operation_may_fail_and_the_next_run_makes_it_good() {
    let project = project();
    project.save("nothing");
    let first = run_well(&project).await;
    project.save("one sequence");
    let fresh = project.tables().await;
    every_fault(&project, "nothing", &fresh, &[Mode::Before, Mode::After, Mode::Sticky]).await;

    // A second sequence has old files to read and rows to delete.
    let settings = project.load();
    let source = settings.sources.iter().find_map(|source| match source {
        landfall::config::Source::Database(database) => Some(database.clone()),
        _ => None,
    });
    let source = source.expect("a database");
    landfall::seed::mutate(&source, 30.0, 5).await.expect("changes");
    project.restore("one sequence");
    let second = run_well(&project).await;
    println!("faults: {first} operations in the first run, {second} in the second");
    let changed = project.tables().await;
    assert!(difference(&fresh, &changed).is_some(), "the second day changed nothing");
    every_fault(&project, "one sequence", &changed, &[Mode::Before, Mode::After, Mode::Sticky])
        .await;
}
