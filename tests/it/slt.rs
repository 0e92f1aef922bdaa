//! Runs `tests/slt/**/*.slt` on the local engine; files named `pg_*` also unchanged on PostgreSQL.
//!
//! Each file has a warehouse of its own and talks to it through a session, so that temporary
//! tables and transaction blocks live as they do on Redshift. `connection NAME` opens another.
//! `statement error <regex>` is matched against `code: message`.
//!
//! A record under `skipif landfall` says what Redshift does where Landfall differs. It is run all
//! the same and must fail: a difference that is gone has to leave the file.

mod engines;
mod render;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqllogictest::{AsyncDB, Condition, MakeConnection, Record, Runner};

use engines::{LocalDb, PostgresDb};
use render::Cell;

/// The folder of all files.
pub const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/slt");
/// Files with this prefix hold nothing in which Redshift differs from PostgreSQL.
const PORTABLE: &str = "pg_";
const LANDFALL: &str = "landfall";

macro_rules! topics {
    ($($topic:ident),* $(,)?) => {
        $(#[test]
        fn $topic() {
            run_topic(stringify!($topic));
        })*

        const TOPICS: &[&str] = &[$(stringify!($topic)),*];
    };
}

topics!(
    copy,
    ddl,
    delete,
    functions,
    insert,
    merge,
    nulls,
    queries,
    refusals,
    tpch,
    transactions,
    types,
    update
);

#[test]
fn every_folder_of_files_is_run() {
    let folders: BTreeSet<String> = fs::read_dir(FOLDER)
        .expect("tests/slt")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_dir())
        .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
        .collect();
    let topics: BTreeSet<String> = TOPICS.iter().map(|t| (*t).to_owned()).collect();
    assert_eq!(folders, topics);
}

/// Every `.slt` file below a folder, sorted.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|e| e == "slt") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn run_topic(topic: &str) {
    let files = files(&Path::new(FOLDER).join(topic));
    assert!(!files.is_empty(), "no file in tests/slt/{topic}");
    let only = std::env::var("LANDFALL_SLT").unwrap_or_default();
    let mut failures = Vec::new();
    for file in files.iter().filter(|f| f.to_string_lossy().contains(&only)) {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        failures.extend(runtime.block_on(run_file(file)));
    }
    assert!(failures.is_empty(), "{}\n{} records failed", failures.join("\n"), failures.len());
}

/// Runs a file wherever it has to hold; returns what failed.
async fn run_file(file: &Path) -> Vec<String> {
    let records = match sqllogictest::parse_file::<Cell>(file) {
        Ok(records) => records,
        Err(error) => return vec![error.to_string()],
    };
    let (_folder, local) = engines::warehouse().await;
    let connect = || {
        let local = Arc::clone(&local);
        async move { Ok(LocalDb::new(local.connect())) }
    };
    let mut failures = run_records(connect, &records).await;
    let portable =
        file.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.starts_with(PORTABLE));
    if portable {
        let url = crate::support::servers::postgres().await;
        let connect = || PostgresDb::connect(url.clone());
        let on_postgres = run_records(connect, &records).await;
        failures.extend(on_postgres.into_iter().map(|f| format!("on PostgreSQL: {f}")));
    }
    failures
}

async fn run_records<D, M>(connect: M, records: &[Record<Cell>]) -> Vec<String>
where
    D: AsyncDB<ColumnType = Cell>,
    M: MakeConnection<Conn = D>,
{
    let mut runner = Runner::new(connect);
    runner.with_column_validator(render::columns_agree);
    // trailing blanks of a line say nothing; those inside it do
    runner.with_normalizer(|line| line.trim_end().to_owned());
    let mut failures = Vec::new();
    for record in records {
        if let Record::Halt { .. } = record {
            break;
        }
        let mut record = record.clone();
        let differs = take_difference(&mut record);
        match (runner.run_async(record.clone()).await, differs) {
            (Err(error), false) => failures.push(error.to_string()),
            (Ok(_), true) => failures.push(format!(
                "Landfall no longer differs here: take `skipif landfall` away\n{record}"
            )),
            _ => {}
        }
    }
    failures
}

/// Takes `skipif landfall` from a record; returns whether it had one.
fn take_difference(record: &mut Record<Cell>) -> bool {
    let (Record::Statement { conditions, .. } | Record::Query { conditions, .. }) = record else {
        return false;
    };
    let before = conditions.len();
    conditions.retain(|c| !matches!(c, Condition::SkipIf { label } if label == LANDFALL));
    conditions.len() < before
}
