//! DuckDB and Landfall share one warehouse: each reads what the other writes, now and as it was.

use std::collections::BTreeMap;
use std::path::Path;

use landfall::error::Place;
use landfall::records::Marker;
use landfall::sequence::{RunId, Sequence};
use landfall::state::query;
use landfall::task::TaskName;
use landfall::warehouse::{Batch, Outcome, Statement, Warehouse};

use crate::support::duckdb::duckdb;
use crate::support::project::{Project, Rows, cells, select};

/// A pres file with every type, with defaults, an identity and a view that DuckDB cannot parse.
const TYPES: &str = "-- every type
create schema if not exists pres;
create table pres.types (
    id integer identity(1,1), small smallint, big bigint, single real, twice double precision,
    exact decimal(38,10), fixed char(3), text varchar(20) default 'x', day date,
    moment timestamp default sysdate, zoned timestamptz, yes boolean default true
);
insert into pres.types (small, big, single, twice, exact, fixed, text, day, moment, zoned, yes)
values
    (-1, 9007199254740993, 1.5, 0.25, 12345678901234567890.0123456789, 'abc', 'é ''q''',
     '2021-02-03', '2021-02-03 04:05:06.789', '2021-02-03 04:05:06', false),
    (null, null, null, null, null, null, null, null, null, null, null);
insert into pres.types (small, moment) values (3, null);
create view pres.newest as select top 3 order_no, nvl(quantity, 0) as quantity
from pres.report_order_lines order by order_no;
";

fn project() -> Project {
    let project = Project::sample(60, 300);
    std::fs::write(project.path().join("sql/pres/types.sql"), TYPES).expect("a pres file");
    project.ok(&["run"]);
    project
}

/// Ends a fraction of a second as Landfall prints it where DuckDB does: without trailing zeros.
fn alike(mut rows: Rows) -> Rows {
    for value in rows.iter_mut().flatten().flatten() {
        let is_moment = value.len() > 19 && value.as_bytes().get(10) == Some(&b' ');
        if is_moment && let Some((second, fraction)) = value.split_once('.') {
            let (fraction, zone) = match fraction.split_once('+') {
                Some((fraction, zone)) => (fraction, format!("+{zone}")),
                None => (fraction, String::new()),
            };
            let fraction = fraction.trim_end_matches('0');
            let point = if fraction.is_empty() { "" } else { "." };
            *value = format!("{second}{point}{fraction}{zone}");
        }
    }
    rows.sort();
    rows
}

/// Every table with its columns.
async fn shapes(warehouse: &dyn Warehouse) -> BTreeMap<String, Vec<String>> {
    let tables = warehouse.describe().await.expect("describes");
    tables
        .into_iter()
        .filter(|t| !t.is_view)
        .map(|t| (t.name.to_string(), t.columns.into_iter().map(|c| c.name).collect()))
        .collect()
}

/// Compares every table as of the end of a sequence, or now.
async fn compare(project: &Project, as_of: Option<(Sequence, i64)>) {
    let warehouse = project.warehouse().await;
    let mut shapes = shapes(&warehouse).await;
    if as_of.is_some() {
        // What came after that sequence is not in it.
        shapes.retain(|name, _| !name.starts_with("pres.later"));
        if as_of.is_some_and(|(sequence, _)| sequence == Sequence::FIRST) {
            let columns = shapes.get_mut("pres.types").expect("the table of all types");
            columns.iter_mut().filter(|c| *c == "words").for_each(|c| *c = "text".into());
        }
    }
    let at = as_of.map_or(String::new(), |(_, snapshot)| format!(" at (version => {snapshot})"));
    let queries: Vec<String> =
        shapes.iter().map(|(name, columns)| format!("{}{at}", as_text(name, columns))).collect();
    let theirs = duckdb(&project.catalog(), "(read_only)", &queries);
    assert!(shapes.len() >= 10, "{shapes:?}");
    for ((name, columns), theirs) in shapes.iter().zip(theirs) {
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        let ours = select(&warehouse, name, &columns, as_of.map(|(s, _)| s)).await;
        assert_eq!(alike(ours), alike(theirs), "{name}{at}");
    }
}

/// A query in DuckDB's words for all columns of a table as text.
fn as_text(table: &str, columns: &[String]) -> String {
    let texts: Vec<String> = columns.iter().map(|c| format!("cast({c} as varchar)")).collect();
    format!("select {} from {table}", texts.join(", "))
}

async fn snapshot(project: &Project, sequence: i64) -> (Sequence, i64) {
    let state = landfall::state::State::open(&project.catalog(), false).await.expect("opens");
    let (snapshot,): (i64,) = query("select snapshot from landfall_sequences where sequence = $1")
        .bind(sequence)
        .fetch_one(state.readers())
        .await
        .expect("a complete sequence");
    (Sequence(sequence as u64), snapshot)
}

#[tokio::test]
async fn duckdb_reads_what_landfall_wrote() {
    let project = project();
    compare(&project, None).await;
    // Updates and soft deletes leave positional deletes; the pres tables are written anew.
    project.ok(&["seed", "--mutate", "20%"]);
    std::fs::write(
        project.path().join("sql/pres/types.sql"),
        "-- changed\nalter table pres.types drop column small;\n\
         alter table pres.types add column small integer;\n\
         alter table pres.types rename column text to words;\n\
         update pres.types set small = 7 where id = 1;\ndelete from pres.types where id = 2;\n\
         drop view if exists pres.newest;",
    )
    .expect("a pres file");
    std::fs::write(
        project.path().join("sql/pres/later.sql"),
        "create table pres.later as select is_supplier, count(*) as n \
         from store_mysql.companies group by is_supplier;",
    )
    .expect("a pres file");
    project.ok(&["run"]);
    let deletes = "select count(*) from __ducklake_metadata_lake.ducklake_delete_file \
                   where end_snapshot is null";
    let counted = duckdb(&project.catalog(), "(read_only)", &[deletes.to_string()]);
    assert_ne!(counted[0][0][0].as_deref(), Some("0"), "the run left no deletes to read");
    compare(&project, None).await;
    // A bound of the new column must cover the rows that are older than it.
    let nulls = "select count(*) from pres.types where small is null";
    let theirs = duckdb(&project.catalog(), "(read_only)", &[nulls.to_string()]).remove(0);
    let ours = project.warehouse().await.query(nulls, None).await.expect("counts");
    assert_eq!(theirs[0][0].as_deref(), Some("1"));
    assert_eq!(cells(&ours), theirs);
    compare(&project, Some(snapshot(&project, 1).await)).await;
    compare(&project, Some(snapshot(&project, 2).await)).await;
    // The same rows in other files, now and as it was.
    let done = project.ok(&["compact", "--keep-minutes", "0"]);
    assert!(done.contains("compacted store_mysql.order_lines"), "{done}");
    compare(&project, None).await;
    compare(&project, Some(snapshot(&project, 1).await)).await;
    compare(&project, Some(snapshot(&project, 2).await)).await;
    project.ok(&["compact", "--expire-before-sequence", "2", "--keep-minutes", "0"]);
    compare(&project, None).await;
    compare(&project, Some(snapshot(&project, 2).await)).await;
}

/// Bounds must hold: a reader prunes by them, and may answer min and max from them.
#[tokio::test]
async fn duckdb_prunes_by_our_bounds() {
    let project = project();
    let warehouse = project.warehouse().await;
    let queries = [
        "select cast(count(*) as bigint), min(order_no), max(order_no), \
         cast(min(order_date) as varchar), cast(max(line_total) as varchar), \
         cast(sum(quantity) as bigint) from store_mysql.order_lines",
        "select cast(count(*) as bigint) from store_mysql.companies where is_supplier",
        "select cast(count(*) as bigint) from store_mysql.order_lines \
         where order_date > date '2021-06-30' and line_total >= 100",
        "select cast(count(*) as bigint) from store_weblog.access where country = 'US'",
        "select cast(count(*) as bigint) from pres.types where big = 9007199254740993",
        "select max(user_agent), min(request_line) from store_weblog.access",
    ];
    let texts: Vec<String> = queries.iter().map(ToString::to_string).collect();
    let theirs = duckdb(&project.catalog(), "(read_only)", &texts);
    for (sql, theirs) in queries.iter().zip(theirs) {
        let answer = warehouse.query(sql, None).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
        assert_eq!(cells(&answer), theirs, "{sql}");
    }
}

/// The changes of another program, file by file, with the rows Landfall must then have.
#[tokio::test]
async fn landfall_reads_what_duckdb_wrote() {
    let project = project();
    // The file makes its table once.
    std::fs::remove_file(project.path().join("sql/pres/types.sql")).expect("a pres file");
    project.ok(&["seed", "--mutate", "20%"]);
    project.ok(&["run"]);
    let before = snapshot(&project, 2).await;
    let lines = "store_mysql.order_lines";
    let warehouse = project.warehouse().await;
    let old = select(&warehouse, lines, &["order_no", "quantity"], None).await;
    drop(warehouse);
    let statements = [
        // On top of our deletes, twice, so that DuckDB joins the generations in one file.
        "delete from store_mysql.order_lines where order_line_no = '0001'",
        "update store_mysql.order_lines set quantity = quantity + 1 where order_line_no = '0002'",
        "insert into store_mysql.companies select * replace ('new' as company_id) \
         from store_mysql.companies limit 1",
        "merge into store_mysql.products p using (select 'new' as code) s on p.product_code = s.code \
         when not matched then insert (product_code, etl_created_datetime, etl_updated_datetime) \
         values (s.code, timestamp '2026-01-01', timestamp '2026-01-01')",
        "alter table store_mysql.companies rename column country to land",
        "alter table store_mysql.companies add column grade integer default 5",
        "update pres.types set small = 77 where id = 1",
        "insert into pres.types (id, small) values (10, 9)",
        "create table pres.theirs as select 1::utinyint as a, 'b' as b, true as c, now() as d",
        // No type of Redshift can hold it; the rest of the warehouse stays readable.
        "create table pres.huge as select 1::hugeint as a, [1, 2] as b",
    ];
    let texts: Vec<String> = statements.iter().map(ToString::to_string).collect();
    // Without a word about inlining: the catalog itself must tell DuckDB to write files.
    duckdb(&project.catalog(), "", &texts);
    compare(&project, None).await;
    let warehouse = project.warehouse().await;
    let land = select(&warehouse, "store_mysql.companies", &["land", "grade"], None).await;
    assert!(land.iter().all(|row| row[0].is_some() && row[1].as_deref() == Some("5")), "{land:?}");
    let huge = warehouse.query("select * from pres.huge", None).await.expect_err("no type");
    assert_eq!(huge.code(), "catalog/type", "{huge}");
    // The past is as it was, though DuckDB has rewritten the delete files since.
    let past = select(&warehouse, lines, &["order_no", "quantity"], Some(before.0)).await;
    assert_eq!(past, old);
    drop(warehouse);

    // Then Landfall goes on from there, and DuckDB compacts and goes on from that.
    project.ok(&["seed", "--mutate", "20%"]);
    duckdb(
        &project.catalog(),
        "",
        &["alter table store_mysql.companies drop column grade; \
        alter table store_mysql.companies rename column land to country"
            .to_string()],
    );
    project.ok(&["run"]);
    compare(&project, None).await;
    let after = snapshot(&project, 3).await;
    duckdb(&project.catalog(), "", &["call ducklake_merge_adjacent_files('lake')".to_string()]);
    compare(&project, None).await;
    let warehouse = project.warehouse().await;
    let now = select(&warehouse, lines, &["order_no", "quantity"], None).await;
    for (sequence, want) in [(before.0, &old), (after.0, &now)] {
        let past = select(&warehouse, lines, &["order_no", "quantity"], Some(sequence)).await;
        assert_eq!(&past, want, "as of {sequence}");
    }
}

/// Rows that DuckDB keeps in the catalog, because a person asked for it, are never missed silently.
#[tokio::test]
async fn inlined_changes_are_refused_until_they_are_flushed() {
    let project = project();
    let catalog: &Path = &project.catalog();
    // DuckDB's set_option crashes on any SQLite catalog; this is what it would write.
    let state = landfall::state::State::open(catalog, false).await.expect("opens");
    query("update ducklake_metadata set value = '100' where key = 'data_inlining_row_limit'")
        .execute(&mut *state.writer().await)
        .await
        .expect("an option");
    duckdb(
        catalog,
        "",
        &["delete from store_mysql.order_lines where order_line_no = '0001'".into()],
    );
    let count = "select count(*) from store_mysql.order_lines";
    let refused = project.run(&["query", count]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("catalog/inlined"), "{said}");
    project.ok(&["query", "select count(*) from store_mysql.order_headers"]);
    duckdb(catalog, "", &["call ducklake_flush_inlined_data('lake')".into()]);
    let theirs = duckdb(catalog, "(read_only)", &[count.into()]).remove(0);
    let answer = project.warehouse().await.query(count, None).await.expect("readable again");
    assert_eq!(cells(&answer), theirs);
}

/// DuckDB commits while a task of ours is between its statements and its commit.
#[tokio::test]
async fn a_table_that_duckdb_changed_meanwhile_is_a_conflict_and_another_is_none() {
    let project = project();
    let catalog = project.catalog();
    // Its delete file stands before: the next one takes its place, back to the same snapshot.
    let theirs =
        |line: &str| format!("delete from store_mysql.order_lines where order_line_no = '{line}'");
    duckdb(&catalog, "", &[theirs("0001")]);
    let warehouse = project.warehouse().await;
    let attempt = |table: &'static str| {
        let statement = Statement {
            text: format!("delete from {table} where order_no = '0000000000000001'"),
            place: Place::new("test.sql", 1, 1),
        };
        let task = TaskName::pres("test");
        let batch = Batch { task: task.clone(), statements: vec![statement] };
        let (warehouse, catalog, delete) = (&warehouse, &catalog, theirs("0002"));
        async move {
            let finish = move |_: &[Outcome]| {
                duckdb(catalog, "", std::slice::from_ref(&delete));
                Ok(Marker {
                    run: RunId { sequence: Sequence(9), attempt: 1 },
                    task: task.clone(),
                    input_hash: "h".into(),
                    rows: landfall::task::Rows::default(),
                    started_at: chrono::Utc::now(),
                })
            };
            warehouse.run(&batch, &finish).await
        }
    };
    let before = select(&warehouse, "store_mysql.order_lines", &["order_line_no"], None).await;
    let error = attempt("store_mysql.order_lines").await.expect_err("a conflict");
    assert_eq!(error.code(), "catalog/conflict", "{error}");
    let after = select(&warehouse, "store_mysql.order_lines", &["order_line_no"], None).await;
    let kept = before.into_iter().filter(|row| row[0].as_deref() != Some("0002"));
    assert_eq!(after, kept.collect::<Rows>(), "DuckDB's delete alone");
    attempt("store_mysql.order_headers").await.expect("nobody else was there");
    compare(&project, None).await;
}

/// A view in DuckDB's words is no reason to hide the rest.
#[tokio::test]
async fn a_view_of_duckdb_is_listed() {
    let project = project();
    let view = "create view pres.theirs as from store_mysql.companies select list(company_id)";
    duckdb(&project.catalog(), "", &[view.into()]);
    let tables = project.warehouse().await.describe().await.expect("describes");
    assert!(tables.iter().any(|t| t.name.table == "theirs" && t.is_view && t.columns.is_empty()));
    assert!(tables.len() > 10, "{tables:?}");
}
