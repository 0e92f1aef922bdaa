//! The local engine over a throwaway project: batches, visibility, snapshots, restarts.

mod hooks;

use std::path::Path;
use std::sync::Arc;

use arrow::util::display::array_value_to_string;
use chrono::Utc;
use tempfile::TempDir;

use super::Local;
use crate::config::{Catalog, Project, Target};
use crate::dialect;
use crate::error::Result;
use crate::records::Marker;
use crate::sequence::{RunId, Sequence};
use crate::state::State;
use crate::storage;
use crate::task::{Rows, TaskName};
use crate::warehouse::{Answer, Batch, Outcome, Statement, Warehouse};

fn project(root: &Path) -> Project {
    Project {
        root: root.to_path_buf(),
        name: "test".into(),
        target: Target::Local,
        sources: Vec::new(),
        landing: url::Url::from_directory_path(root).expect("absolute"),
        state_dir: root.join(".landfall"),
        pres_dir: root.join("pres"),
        reports_dir: root.join("reports"),
        sample: None,
        jobs: 2,
        memory_limit: 256 << 20,
        catalog: Catalog::File,
        fsync: false,
    }
}

async fn open(root: &Path) -> Local {
    let project = project(root);
    std::fs::create_dir_all(&project.state_dir).expect("state folder");
    let state =
        State::open(&project.state_dir.join("catalog.sqlite"), false).await.expect("catalog");
    let landing = storage::open(&project.landing, false).expect("landing");
    Local::open(&project, state, landing).await.expect("warehouse")
}

pub(super) async fn warehouse() -> (TempDir, Local) {
    let dir = TempDir::new().expect("a folder");
    let local = open(dir.path()).await;
    (dir, local)
}

fn batch(sql: &str) -> Batch {
    let statements = dialect::parse_script(sql, Path::new("test.sql"))
        .expect("parses")
        .into_iter()
        .map(|p| Statement { text: p.text, place: p.place })
        .collect();
    Batch { task: TaskName::pres("test"), statements }
}

fn marker() -> Marker {
    Marker {
        run: RunId { sequence: Sequence::FIRST, attempt: 1 },
        task: TaskName::pres("test"),
        input_hash: "h".into(),
        rows: Rows::default(),
        started_at: Utc::now(),
    }
}

pub(super) async fn run(local: &Local, sql: &str) -> Result<Vec<Outcome>> {
    local.run(&batch(sql), &|_| Ok(marker())).await
}

fn cells(answer: &Answer) -> Vec<String> {
    let mut rows = Vec::new();
    for batch in &answer.batches {
        for row in 0..batch.num_rows() {
            let cells: Vec<String> = batch
                .columns()
                .iter()
                .map(|c| match c.is_null(row) {
                    true => "NULL".to_string(),
                    false => array_value_to_string(c, row).expect("a value"),
                })
                .collect();
            rows.push(cells.join("|"));
        }
    }
    rows
}

pub(super) async fn query(local: &Local, sql: &str) -> Vec<String> {
    cells(&local.query(sql, None).await.expect("answers"))
}

const TABLE: &str = "create schema s;
    create table s.t (id integer not null, name varchar(5), price decimal(10,2));
    insert into s.t values (1, 'a', 1.5), (2, 'b', 2), (3, null, 3.25);";

#[tokio::test]
async fn what_a_batch_wrote_is_read_back() {
    let (_dir, local) = warehouse().await;
    let outcomes = run(&local, TABLE).await.expect("runs");
    assert_eq!(outcomes[2].inserted, 3);
    assert_eq!(
        query(&local, "select id, name, price from s.t order by id").await,
        ["1|a|1.50", "2|b|2.00", "3|NULL|3.25"]
    );
}

#[tokio::test]
async fn update_delete_and_count_agree() {
    let (_dir, local) = warehouse().await;
    run(&local, TABLE).await.expect("runs");
    let done = run(&local, "update s.t set name = 'x' where id > 1; delete from s.t where id = 3;")
        .await
        .expect("runs");
    assert_eq!((done[0].updated, done[1].deleted), (2, 1));
    assert_eq!(query(&local, "select count(*) from s.t").await, ["2"]);
    assert_eq!(query(&local, "select id, name from s.t order by 1").await, ["1|a", "2|x"]);
}

#[tokio::test]
async fn delete_by_subquery_and_by_false_take_only_what_they_say() {
    let (_dir, local) = warehouse().await;
    run(&local, TABLE).await.expect("runs");
    let done = run(
        &local,
        "delete from s.t where false;
         delete from s.t where id in (select id from s.t where price > 3);",
    )
    .await
    .expect("runs");
    assert_eq!((done[0].deleted, done[1].deleted), (0, 1));
    assert_eq!(query(&local, "select count(*) from s.t").await, ["2"]);
}

#[tokio::test]
async fn upsert_with_cte_and_alias_changes_exactly_the_matching_rows() {
    let (_dir, local) = warehouse().await;
    run(&local, TABLE).await.expect("runs");
    let done = run(
        &local,
        "with c as (select 2 as id, 'new' as name)
         update s.t set name = c.name from c join s.t target on target.id = c.id;",
    )
    .await
    .expect("runs");
    assert_eq!(done[0].updated, 1);
    assert_eq!(
        query(&local, "select id, name from s.t order by id").await,
        ["1|a", "2|new", "3|NULL"]
    );
}

#[tokio::test]
async fn merge_updates_matches_and_inserts_the_rest() {
    let (_dir, local) = warehouse().await;
    run(&local, TABLE).await.expect("runs");
    let done = run(
        &local,
        "create temp table stage as select 2 as id, 'bb' as name union all select 9, 'z';
         merge into s.t using stage on s.t.id = stage.id
         when matched then update set name = stage.name
         when not matched then insert (id, name) values (stage.id, stage.name);
         drop table stage;",
    )
    .await
    .expect("runs");
    assert_eq!((done[0].inserted, done[1].updated, done[1].inserted), (2, 1, 1));
    assert_eq!((done[0].temporary, done[1].temporary), (true, false));
    assert_eq!(
        query(&local, "select id, name, price from s.t order by id").await,
        ["1|a|1.50", "2|bb|2.00", "3|NULL|3.25", "9|z|NULL"]
    );
    let error = run(
        &local,
        "create temp table stage as select 2 as id, 'p' as name union all select 2, 'q';
         merge into s.t using stage on s.t.id = stage.id
         when matched then update set name = stage.name
         when not matched then insert (id, name) values (stage.id, stage.name);",
    )
    .await
    .expect_err("two matches");
    assert_eq!(error.code(), "sql/merge-duplicates");
    assert_eq!(query(&local, "select name from s.t where id = 2").await, ["bb"]);
}

#[tokio::test]
async fn a_failed_batch_leaves_nothing_and_an_error_knows_its_place() {
    let (_dir, local) = warehouse().await;
    run(&local, TABLE).await.expect("runs");
    let error = run(&local, "delete from s.t;\ninsert into s.t (id, name) values (7, 'toolong');")
        .await
        .expect_err("seven bytes in varchar(5)");
    assert_eq!(error.code(), "sql/too-long");
    assert_eq!(error.place().map(|p| p.line), Some(2));
    assert_eq!(query(&local, "select count(*) from s.t").await, ["3"]);
    let error = run(&local, "insert into s.t (name) values ('x');").await.expect_err("no id");
    assert_eq!(error.code(), "sql/not-null");
    let clear = batch("delete from s.t;");
    let refused =
        local.run(&clear, &|_| Err(crate::error::Error::failed("run/imbalance", "no"))).await;
    assert_eq!(refused.expect_err("refused").code(), "run/imbalance");
    assert_eq!(query(&local, "select count(*) from s.t").await, ["3"]);
}

#[tokio::test]
async fn truncate_commits_and_warns() {
    let (_dir, local) = warehouse().await;
    run(&local, TABLE).await.expect("runs");
    let error = run(&local, "truncate s.t; insert into s.t (id) values (null);").await;
    assert_eq!(error.expect_err("null").code(), "sql/not-null");
    assert_eq!(query(&local, "select count(*) from s.t").await, ["0"], "the truncate stays");
    let done = run(&local, "truncate table s.t;").await.expect("runs");
    assert!(done[0].warnings[0].starts_with("RS001"), "{:?}", done[0].warnings);
}

#[tokio::test]
async fn a_warehouse_opened_again_has_the_same_rows() {
    let (dir, local) = warehouse().await;
    run(&local, TABLE).await.expect("runs");
    run(&local, "update s.t set price = price + 1 where id = 2;").await.expect("runs");
    drop(local);
    let again = open(dir.path()).await;
    assert_eq!(
        query(&again, "select id, price from s.t order by id").await,
        ["1|1.50", "2|3.00", "3|3.25"]
    );
    run(&again, "delete from s.t where id = 1;").await.expect("runs");
    assert_eq!(query(&again, "select sum(price) from s.t").await, ["6.25"]);
}

#[tokio::test]
async fn identity_and_defaults_fill_what_an_insert_leaves_out() {
    let (_dir, local) = warehouse().await;
    run(
        &local,
        "create schema s;
         create table s.d (k bigint identity(1,1), name varchar(10) default 'none', n integer);
         insert into s.d (n) values (10), (20);",
    )
    .await
    .expect("runs");
    run(&local, "insert into s.d (name, n) values ('c', 30);").await.expect("runs");
    assert_eq!(
        query(&local, "select k, name, n from s.d order by n").await,
        ["1|none|10", "2|none|20", "3|c|30"]
    );
}

#[tokio::test]
async fn views_are_planned_with_their_own_names() {
    let (_dir, local) = warehouse().await;
    run(&local, TABLE).await.expect("runs");
    run(&local, "create view s.v as select id, price * 2 as double_price from s.t where id < 3;")
        .await
        .expect("runs");
    assert_eq!(query(&local, "select max(double_price) from s.v").await, ["4.00"]);
    let tables = local.describe().await.expect("described");
    let names: Vec<String> = tables.iter().map(|t| t.name.to_string()).collect();
    assert_eq!(names, ["s.t", "s.v"]);
    assert_eq!(tables[0].rows, Some(3));
}

#[tokio::test]
async fn a_view_replaced_by_itself_is_no_new_shape() {
    let (_dir, local) = warehouse().await;
    run(&local, TABLE).await.expect("runs");
    let shape = async || super::catalog::latest(local.state.readers()).await.expect("a snapshot").1;
    let view = "create or replace view s.v as select id from s.t;";
    run(&local, view).await.expect("runs");
    let first = shape().await;
    run(&local, view).await.expect("runs");
    assert_eq!(shape().await, first, "the same text");
    run(&local, "create or replace view s.v as select id from s.t where id > 1;")
        .await
        .expect("runs");
    assert!(shape().await > first, "another text");
    assert_eq!(query(&local, "select * from s.v order by id").await, ["2", "3"]);
}

#[tokio::test]
async fn query_refuses_to_write() {
    let (_dir, local) = warehouse().await;
    let error = local.query("delete from s.t", None).await.expect_err("writes");
    assert_eq!(error.code(), "query/read-only");
}

#[tokio::test]
async fn unknown_tables_are_named_with_the_nearest() {
    let (_dir, local) = warehouse().await;
    run(&local, TABLE).await.expect("runs");
    let error = local.query("select * from s.tt", None).await.expect_err("unknown");
    assert_eq!(error.code(), "sql/unknown-table");
    assert_eq!(error.advice(), Some("did you mean s.t?"));
}

#[tokio::test]
async fn batches_that_run_together_all_commit() {
    let (_dir, local) = warehouse().await;
    let local = Arc::new(local);
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..8 {
        let local = Arc::clone(&local);
        tasks.spawn(async move {
            let sql = format!(
                "create schema if not exists s; create table if not exists s.t{n} (a integer);
                 insert into s.t{n} values ({n});"
            );
            run(&local, &sql).await.map(|_| ())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no panic").expect("commits");
    }
    for n in 0..8 {
        assert_eq!(query(&local, &format!("select a from s.t{n}")).await, [n.to_string()]);
    }
}

#[tokio::test]
async fn columns_are_known_by_id_not_by_name() {
    let (_dir, local) = warehouse().await;
    run(&local, TABLE).await.expect("runs");
    run(&local, "alter table s.t rename column name to label;").await.expect("renames");
    run(&local, "alter table s.t drop column price;").await.expect("drops");
    run(&local, "alter table s.t add column price decimal(10,2);").await.expect("adds");
    run(&local, "insert into s.t (id, label, price) values (4, 'd', 9);").await.expect("inserts");
    assert_eq!(
        query(&local, "select id, label, price from s.t order by id").await,
        ["1|a|NULL", "2|b|NULL", "3|NULL|NULL", "4|d|9.00"]
    );
    assert_eq!(query(&local, "select id from s.t where label = 'b'").await, ["2"]);
}
