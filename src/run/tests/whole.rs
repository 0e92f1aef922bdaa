//! Whole runs on the local engine: what the merge does to the store, and that a run which breaks
//! off anywhere and goes on later leaves what an undisturbed one leaves.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Mutex;
use std::task::Poll;

use arrow::util::display::{ArrayFormatter, FormatOptions};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};

use super::*;
use crate::config::{Catalog, DatabaseSource, Source};
use crate::error::Place;
use crate::events::{Event, Observer};
use crate::state::State;
use crate::storage;
use crate::tables::{ColumnSpec, TableName, TableSpec};
use crate::task::{Rows, Status};
use crate::types::SqlType;
use crate::warehouse::Warehouse;
use crate::warehouse::local::Local;

struct House {
    _folder: tempfile::TempDir,
    project: Project,
    source: PathBuf,
}

fn column(name: &str, ty: SqlType, not_null: bool) -> ColumnSpec {
    ColumnSpec { name: name.into(), source_name: None, ty, not_null }
}

/// `goods` has a version and may be older than the store; `notes` has none.
fn specs() -> Vec<TableSpec> {
    let spec = |name: &str, columns: Vec<ColumnSpec>, version: Option<&str>| TableSpec {
        source: "shop".into(),
        name: name.into(),
        from: name.into(),
        columns,
        filter: None,
        extract: Extract::Full,
        landing: TableName::new("landing_shop", name),
        store: TableName::new("store_shop", name),
        key: vec!["id".into()],
        version: version.map(Into::into),
        place: Place::new("landfall.toml", 1, 1),
    };
    vec![
        spec(
            "goods",
            vec![
                column("id", SqlType::BigInt, true),
                column("name", SqlType::Varchar(20), false),
                column("price", SqlType::Decimal { precision: 18, scale: 2 }, false),
                column("changed_at", SqlType::Timestamp, true),
            ],
            Some("changed_at"),
        ),
        spec(
            "notes",
            vec![
                column("id", SqlType::BigInt, true),
                column("order", SqlType::Varchar(20), false),
                column("weight", SqlType::Double, false),
            ],
            None,
        ),
    ]
}

async fn house() -> House {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().canonicalize().expect("a path");
    let source = root.join("shop.sqlite");
    let project = Project {
        root: root.clone(),
        name: "shop".into(),
        target: Target::Local,
        sources: vec![Source::Database(DatabaseSource {
            name: "shop".into(),
            url: url::Url::parse(&format!("sqlite:{}", source.display())).expect("a URL"),
            password: None,
            timezone: chrono_tz::UTC,
            lag_seconds: 0,
            tls_off: false,
            tables: specs(),
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
    let house = House { _folder: folder, project, source };
    house
        .source(
            "create table goods (id integer not null, name text, price text, changed_at text);
             create table notes (id integer primary key, \"order\" text, weight real);
             insert into goods values
                 (1, 'tea', '1.50', '2022-01-01 10:00:00'),
                 (2, null, '2.00', '2022-01-01 10:00:00'),
                 (3, 'salt', null, '2022-01-01 10:00:00');
             insert into notes values (1, 'first', 0.5), (2, null, null), (3, 'third', 3)",
        )
        .await;
    let write = |folder: &Path, name: &str, text: &str| {
        std::fs::create_dir_all(folder).expect("makes a folder");
        std::fs::write(folder.join(name), text).expect("writes");
    };
    write(
        &house.project.pres_dir,
        "flat.sql",
        "create schema if not exists pres;\ndrop table if exists pres.flat;\n\
         create table pres.flat as select g.id, g.name, n.\"order\" as note\n\
         from store_shop.goods g left join store_shop.notes n on n.id = g.id;",
    );
    write(
        &house.project.reports_dir,
        "all.sql",
        "select id, name, note from pres.flat order by id",
    );
    house
}

/// Keeps the rows of every task that was done.
#[derive(Default)]
struct Books(Mutex<Vec<(TaskName, Rows)>>);

impl Observer for Books {
    fn on(&self, event: &Event<'_>) {
        match event {
            Event::TaskFinished { task, status: Status::Ok, rows, .. } => {
                self.0.lock().expect("unpoisoned").push(((*task).clone(), *rows));
            }
            Event::Failure { task, error } => panic!("{task}: {error:?}"),
            _ => {}
        }
    }
}

impl House {
    async fn source(&self, text: &str) {
        let options = SqliteConnectOptions::new().filename(&self.source).create_if_missing(true);
        let mut connection = SqliteConnection::connect_with(&options).await.expect("opens");
        sqlx::raw_sql(sqlx::AssertSqlSafe(text)).execute(&mut connection).await.expect("runs");
        connection.close().await.expect("closes");
    }

    /// Runs and returns the rows of each store task: inserted, updated, unchanged, superseded.
    async fn run(&self) -> Vec<(u64, u64, u64, u64)> {
        let books = Arc::new(Books::default());
        let stop = CancellationToken::new();
        let summary =
            run(&self.project, &Options::default(), books.clone(), stop).await.expect("runs");
        assert!(summary.sequence_complete, "{summary:?}");
        let books = books.0.lock().expect("unpoisoned");
        let of = |table: &str| {
            let task = TaskName::store("shop", table);
            let found = books.iter().find(|(name, _)| *name == task);
            let rows = found.map(|(_, rows)| *rows).unwrap_or_default();
            (rows.inserted, rows.updated, rows.unchanged, rows.superseded)
        };
        vec![of("goods"), of("notes")]
    }

    async fn ask(&self, sql: &str, as_of: Option<Sequence>) -> Vec<String> {
        let path = self.project.state_dir.join(crate::layout::CATALOG_FILE);
        let state = State::open(&path, false).await.expect("opens");
        let landing = storage::open(&self.project.landing, false).expect("opens");
        let local = Local::open(&self.project, state, landing).await.expect("opens");
        let answer = local.query(sql, as_of).await.expect("answers");
        let options = FormatOptions::default().with_null("NULL");
        let mut rows = Vec::new();
        for batch in &answer.batches {
            let columns: Vec<ArrayFormatter<'_>> = batch
                .columns()
                .iter()
                .map(|c| ArrayFormatter::try_new(c, &options).expect("shows"))
                .collect();
            for row in 0..batch.num_rows() {
                let words: Vec<String> = columns.iter().map(|c| c.value(row).to_string()).collect();
                rows.push(words.join("|"));
            }
        }
        rows
    }

    /// Every table without the moments of loading.
    async fn tables(&self) -> Vec<String> {
        let mut all = Vec::new();
        for sql in [
            "select id, name, price, changed_at from store_shop.goods order by id",
            "select id, \"order\", weight from store_shop.notes order by id",
            "select id, name, note from pres.flat order by id",
        ] {
            all.extend(self.ask(sql, None).await);
        }
        all
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_changed_reaches_the_store() {
    let house = house().await;
    assert_eq!(house.run().await, [(3, 0, 0, 0), (3, 0, 0, 0)]);
    let first = house.tables().await;
    assert_eq!(
        first[..3],
        [
            "1|tea|1.50|2022-01-01T10:00:00",
            "2|NULL|2.00|2022-01-01T10:00:00",
            "3|salt|NULL|2022-01-01T10:00:00",
        ]
    );
    assert_eq!(first[6..], ["1|tea|first", "2|NULL|NULL", "3|salt|third"]);

    // Nothing changed: nothing is written.
    assert_eq!(house.run().await, [(0, 0, 3, 0), (0, 0, 3, 0)]);
    assert_eq!(house.tables().await, first);
    let moments = "select count(distinct etl_updated_datetime) from store_shop.goods \
                   where etl_updated_datetime = etl_created_datetime";
    assert_eq!(house.ask(moments, None).await, ["1"]);

    // NULL to a value, a value to NULL, a newer version of equal content, and new rows.
    house
        .source(
            "update goods set name = 'milk', changed_at = '2022-01-02 00:00:00' where id = 2;
             update goods set changed_at = '2022-01-02 00:00:00' where id = 3;
             insert into goods values (4, 'new', '9', '2022-01-02 00:00:00');
             update notes set \"order\" = 'now' where id = 2;
             update notes set weight = null where id = 3",
        )
        .await;
    assert_eq!(house.run().await, [(1, 2, 1, 0), (0, 2, 1, 0)]);
    let goods = "select id, name, price from store_shop.goods order by id";
    assert_eq!(
        house.ask(goods, None).await,
        ["1|tea|1.50", "2|milk|2.00", "3|salt|NULL", "4|new|9.00"]
    );
    assert_eq!(
        house.ask("select id, \"order\", weight from store_shop.notes order by id", None).await,
        ["1|first|0.5", "2|now|NULL", "3|third|NULL"]
    );
    assert_eq!(
        house.ask(goods, Some(Sequence(2))).await,
        ["1|tea|1.50", "2|NULL|2.00", "3|salt|NULL"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newest_version_wins_and_an_older_one_changes_nothing() {
    let house = house().await;
    house
        .source(
            "insert into goods values (1, 'coffee', '1.60', '2022-01-03 00:00:00');
             insert into goods values (1, 'cocoa', '1.40', '2021-12-01 00:00:00')",
        )
        .await;
    assert_eq!(house.run().await[0], (3, 0, 0, 2));
    let one = "select name, price from store_shop.goods where id = 1";
    assert_eq!(house.ask(one, None).await, ["coffee|1.60"]);

    // The source went back to an older state of the row.
    house.source("delete from goods where name = 'coffee'").await;
    assert_eq!(house.run().await[0], (0, 0, 3, 1));
    assert_eq!(house.ask(one, None).await, ["coffee|1.60"]);

    // The same version with other content is a correction.
    house.source("insert into goods values (1, 'mocha', '1.60', '2022-01-03 00:00:00')").await;
    assert_eq!(house.run().await[0], (0, 1, 2, 2));
    assert_eq!(house.ask(one, None).await, ["mocha|1.60"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_column_of_a_spec_is_added_to_the_store() {
    let mut house = house().await;
    house.run().await;
    house
        .source(
            "alter table goods add column weight real;
             update goods set weight = 2.5 where id = 3;
             alter table notes add column \"when\" text",
        )
        .await;
    let grown = |tables: &mut Vec<TableSpec>| {
        // in the middle and at the end
        tables[0].columns.insert(1, column("weight", SqlType::Double, false));
        tables[1].columns.push(column("when", SqlType::Varchar(9), false));
    };
    let Source::Database(shop) = &mut house.project.sources[0] else { panic!("a database") };
    grown(&mut shop.tables);
    // The version of row 3 is the same: other content is a correction.
    assert_eq!(house.run().await, [(0, 1, 2, 0), (0, 0, 3, 0)]);
    let rows = ["1|tea|1.50|NULL", "2|NULL|2.00|NULL", "3|salt|NULL|2.5"];
    let goods = "select id, name, price, weight from store_shop.goods order by id";
    assert_eq!(house.ask(goods, None).await, rows);
    assert_eq!(house.ask("select count(*) from store_shop.notes", None).await, ["3"]);
    let before = "select id, name, price, NULL from store_shop.goods where id = 3";
    assert_eq!(house.ask(before, Some(Sequence(1))).await, ["3|salt|NULL|NULL"]);

    house.source("insert into notes values (4, 'new', 1, 'today')").await;
    assert_eq!(house.run().await, [(0, 0, 3, 0), (1, 0, 3, 0)]);
    let notes = "select id, \"when\" from store_shop.notes where \"when\" is not null";
    assert_eq!(house.ask(notes, None).await, ["4|today"]);
}

/// Drops a future at the given turn of the scheduler; `None` when it did not come to its end.
async fn break_off<F: Future>(future: F, turns: u32) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = turns;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        // Asked again at every turn, whichever task of the run it was that got on.
        context.waker().wake_by_ref();
        future.as_mut().poll(context).map(Some)
    })
    .await
}

/// What is spawned dies with its runtime, wherever it stands.
fn alone<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let output = runtime.block_on(future);
    runtime.shutdown_background();
    output
}

#[test]
fn a_run_that_breaks_off_anywhere_goes_on_to_the_same_tables() {
    let begin = |house: &House| {
        let (project, stop) = (house.project.clone(), CancellationToken::new());
        async move { run(&project, &Options::default(), Arc::new(Books::default()), stop).await }
    };
    let clean = alone(house());
    alone(clean.run());
    let expected = alone(clean.tables());

    let (mut turns, mut broken) = (1_u32, 0);
    loop {
        let house = alone(house());
        let ended = alone(break_off(begin(&house), turns)).is_some();
        let summary = alone(begin(&house)).expect("goes on");
        assert!(summary.sequence_complete, "broken off after {turns} turns");
        assert_eq!(alone(house.tables()), expected, "broken off after {turns} turns");
        if ended {
            break;
        }
        broken += 1;
        turns += turns / 2 + 1;
    }
    assert!(broken > 5, "only {broken} runs were broken off");
}
