//! Tests of the sample as a whole, on SQLite files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use chrono::NaiveDate;
use tempfile::TempDir;

use super::database::Connection;
use super::*;
use crate::error::Kind;

const PLAN: Plan = Plan { seed: 7, orders: 3_800, log_lines: 100_000 };

fn source(path: &Path) -> DatabaseSource {
    let mut url = url::Url::from_file_path(path).expect("absolute path");
    // A file URL and a sqlite URL differ in nothing but the scheme.
    url = url::Url::parse(&url.as_str().replacen("file:", "sqlite:", 1)).expect("url");
    DatabaseSource {
        name: "shop".into(),
        url,
        password: None,
        timezone: chrono_tz::UTC,
        lag_seconds: 0,
        tls_off: false,
        tables: Vec::new(),
    }
}

fn place() -> (TempDir, PathBuf, DatabaseSource) {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("orders.sqlite");
    let source = source(&path);
    (folder, path, source)
}

async fn numbers(source: &DatabaseSource, sql: &str) -> Vec<i64> {
    let mut connection = Connection::open(source).await.expect("open");
    let rows: Vec<(i64,)> = connection.fetch(sql, &[]).await.expect(sql);
    connection.close().await.expect("close");
    rows.into_iter().map(|row| row.0).collect()
}

async fn number(source: &DatabaseSource, sql: &str) -> i64 {
    numbers(source, sql).await[0]
}

async fn texts(source: &DatabaseSource, sql: &str) -> Vec<String> {
    let mut connection = Connection::open(source).await.expect("open");
    let rows: Vec<(String,)> = connection.fetch(sql, &[]).await.expect(sql);
    connection.close().await.expect("close");
    rows.into_iter().map(|row| row.0).collect()
}

/// Every row of a table as one text, by its key.
async fn rows(source: &DatabaseSource, table: &tables::Table) -> BTreeMap<String, String> {
    let joined = |names: &[&str]| {
        let quoted: Vec<String> = names.iter().map(|name| format!("quote({name})")).collect();
        quoted.join(" || '|' || ")
    };
    let names: Vec<&str> = table.columns.iter().map(|c| c.name).collect();
    let key = joined(table.key);
    let mut connection = Connection::open(source).await.expect("open");
    let sql = format!("select {key}, {} from {}", joined(&names), table.name);
    let rows: Vec<(String, String)> = connection.fetch(&sql, &[]).await.expect("rows");
    connection.close().await.expect("close");
    rows.into_iter().collect()
}

async fn every_row(source: &DatabaseSource) -> Vec<BTreeMap<String, String>> {
    let mut all = Vec::new();
    for table in tables::ALL {
        all.push(rows(source, table).await);
    }
    all
}

/// What must hold in the database, as queries that count the rows where it does not.
async fn assert_consistent(source: &DatabaseSource) {
    for sql in [
        "select count(*) from order_lines where line_total <> unit_price * quantity \
         and abs(line_total - unit_price * quantity) > 0.000001",
        "select count(*) from order_headers h where not is_deleted and abs(total - \
         (select coalesce(sum(line_total), 0) from order_lines l \
          where l.order_no = h.order_no and not l.is_deleted)) > 0.00001",
        "select count(*) from order_lines l join order_headers h using (order_no) \
         where h.is_deleted and not l.is_deleted",
        "select count(*) from order_lines l left join order_headers h using (order_no, order_date) \
         where h.order_no is null",
        "select count(*) from order_lines l left join products p \
         on p.product_code = l.product_code and p.supplier_id = l.supplier_id \
         where p.product_code is null",
        "select count(*) from order_headers h left join companies c using (company_id) \
         left join customers u using (customer_document_no) \
         where c.country is null or u.country is null or c.country <> u.country or c.is_supplier",
        "select count(*) from product_prices p left join companies c \
         on c.company_id = p.selling_company_id left join products q using (product_code) \
         where c.company_id is null or c.is_supplier or q.product_code is null",
        "select count(*) from products p left join companies c on c.company_id = p.supplier_id \
         where not coalesce(c.is_supplier, 0)",
        "select count(*) from order_lines where length(order_no) <> 16 \
         or length(order_line_no) <> 4 or quantity not between 1 and 20",
        "select count(*) from order_headers where updated_datetime < created_datetime \
         or length(created_datetime) <> 19",
    ] {
        assert_eq!(number(source, sql).await, 0, "{sql}");
    }
}

#[tokio::test]
async fn the_sample_has_its_sizes_and_holds_together() {
    let (_folder, _, source) = place();
    let seen = Mutex::new(Vec::new());
    let made = make_orders(&source, &PLAN, &|rows| seen.lock().expect("lock").push(rows))
        .await
        .expect("make");
    let lines = made.tables[5].1;
    assert!((18_200..19_400).contains(&lines), "{lines}");
    let expected = [
        ("companies", 12),
        ("customers", 14),
        ("products", 16),
        ("product_prices", 160),
        ("order_headers", 3_800),
        ("order_lines", lines),
    ];
    assert_eq!(made.tables, expected.map(|(name, rows)| (name.to_owned(), rows)));
    for (table, rows) in expected {
        let found = number(&source, &format!("select count(*) from {table}")).await;
        assert_eq!(found.unsigned_abs(), rows, "{table}");
    }
    let seen = seen.into_inner().expect("lock");
    assert!(seen.is_sorted() && seen.last() == Some(&made.rows()), "{seen:?}");
    assert_consistent(&source).await;
    let range = texts(
        &source,
        "select min(order_date) from order_headers union all \
         select max(order_date) from order_headers union all \
         select max(substr(created_datetime, 1, 10)) from order_lines",
    )
    .await;
    assert_eq!(range, ["2021-01-01", "2022-01-13", "2022-01-13"]);
    let counts = numbers(
        &source,
        "select count(*) from order_lines where not is_deleted \
         group by order_no order by count(*) limit 1",
    );
    assert_eq!(counts.await, [1]);
    let deleted = number(&source, "select count(*) from order_headers where is_deleted").await;
    assert!((5..60).contains(&deleted), "{deleted}");
}

#[tokio::test]
async fn a_seed_decides_every_row() {
    let (_folder, path, source_one) = place();
    let plan = Plan { orders: 1_500, ..PLAN };
    make_orders(&source_one, &plan, &|_| {}).await.expect("make");
    let first = every_row(&source_one).await;
    let bytes = std::fs::read(&path).expect("read");
    make_orders(&source_one, &plan, &|_| {}).await.expect("make again");
    assert_eq!(every_row(&source_one).await, first);
    assert_eq!(std::fs::read(&path).expect("read"), bytes);
    make_orders(&source_one, &Plan { seed: 8, ..plan }, &|_| {}).await.expect("make other");
    let other = every_row(&source_one).await;
    assert_ne!(other[4], first[4]);
    assert_ne!(other[5], first[5]);
}

#[tokio::test]
async fn tables_have_keys_and_the_index_extracts_read_by() {
    let (_folder, _, source) = place();
    make_orders(&source, &Plan { orders: 1, ..PLAN }, &|_| {}).await.expect("make");
    for table in tables::ALL {
        let key = texts(
            &source,
            &format!(
                "select name from pragma_table_info('{}') where pk > 0 order by pk",
                table.name
            ),
        )
        .await;
        assert_eq!(key, table.key);
        let sql = format!("select name from pragma_index_info('{}_updated')", table.name);
        assert_eq!(texts(&source, &sql).await, ["updated_datetime"]);
    }
}

#[tokio::test]
async fn a_making_that_stops_leaves_the_old_database() {
    let (folder, _, source) = place();
    make_orders(&source, &Plan { orders: 50, ..PLAN }, &|_| {}).await.expect("make");
    let before = every_row(&source).await;
    // Dropped in the middle, as when the user stops it.
    let mut filling = load::Filling::begin(&source, &|_| {}).await.expect("begin");
    let mut orders = orders::Orders::new(&PLAN);
    let (headers, _) = orders.next_batch(1_000).expect("batch");
    filling.write(&headers).await.expect("write");
    drop(filling);
    assert_eq!(every_row(&source).await, before);
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("list").collect();
    assert_eq!(left.len(), 1, "{left:?}");
    make_orders(&source, &Plan { orders: 60, ..PLAN }, &|_| {}).await.expect("make");
    assert_eq!(number(&source, "select count(*) from order_headers").await, 60);
}

#[tokio::test]
async fn an_old_database_with_a_write_ahead_log_is_replaced_whole() {
    let (_folder, path, source) = place();
    make_orders(&source, &Plan { orders: 5, ..PLAN }, &|_| {}).await.expect("make");
    // A copy taken while the log holds rows: what a killed writer leaves.
    let mut connection = Connection::open(&source).await.expect("open");
    connection.command("pragma journal_mode = wal").await.expect("wal");
    connection.command("update companies set company_name = 'in the log'").await.expect("update");
    let wal = path.with_file_name("orders.sqlite-wal");
    let (database, log) = (std::fs::read(&path).expect("db"), std::fs::read(&wal).expect("wal"));
    connection.close().await.expect("close");
    std::fs::write(&path, database).expect("db");
    std::fs::write(&wal, log).expect("wal");
    make_orders(&source, &Plan { orders: 6, ..PLAN }, &|_| {}).await.expect("make");
    assert!(!wal.exists());
    let sql = "select count(*) from companies where company_name = 'in the log'";
    assert_eq!(number(&source, sql).await, 0);
    assert_eq!(number(&source, "select count(*) from order_headers").await, 6);
}

#[tokio::test]
async fn what_is_not_the_samples_is_refused() {
    let (_folder, path, source) = place();
    std::fs::write(&path, "this is a letter, not a database".repeat(100)).expect("write");
    let error = make_orders(&source, &PLAN, &|_| {}).await.expect_err("a letter");
    assert_eq!((error.kind(), error.code()), (Kind::Config, "seed/foreign"));
    assert!(path.metadata().expect("file").len() > 3_000);

    for (sql, word) in [
        ("create table diary (day date)", "diary"),
        ("create table customers (id integer, name text)", "id, name"),
    ] {
        std::fs::write(&path, b"").expect("empty");
        let mut connection = Connection::open(&source).await.expect("open");
        connection.command(sql).await.expect(sql);
        connection.close().await.expect("close");
        let error = make_orders(&source, &PLAN, &|_| {}).await.expect_err(sql);
        assert_eq!(error.code(), "seed/foreign");
        assert!(error.message().contains(word), "{error}");
    }
}

/// Before and after a next day, counted row by row from the tables themselves.
fn compare(
    table: &tables::Table,
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
) -> TableChange {
    let deleted = |row: &str| row.ends_with("|1");
    let mut change =
        TableChange { table: table.name.to_owned(), inserted: 0, updated: 0, soft_deleted: 0 };
    for (key, row) in after {
        match before.get(key) {
            None => change.inserted += 1,
            Some(old) if old != row => {
                change.updated += 1;
                change.soft_deleted += u64::from(deleted(row) && !deleted(old));
            }
            Some(_) => {}
        }
    }
    assert!(before.keys().all(|key| after.contains_key(key)), "{} lost a row", table.name);
    change
}

#[tokio::test]
async fn a_next_day_counts_what_it_changes() {
    let (_folder, _, source) = place();
    make_orders(&source, &PLAN, &|_| {}).await.expect("make");
    for turn in 0..2 {
        let before = every_row(&source).await;
        let mutation = mutate(&source, 5.0, turn).await.expect("mutate");
        let after = every_row(&source).await;
        for (index, table) in tables::ALL.into_iter().enumerate() {
            let expected = compare(table, &before[index], &after[index]);
            assert_eq!(mutation.tables[index], expected);
            assert!(expected.updated > 0, "{}", table.name);
            // About 5 % of the rows; tables of a few rows change by at least one or two.
            let share = expected.rows() as f64 / before[index].len() as f64;
            assert!((0.03..0.20).contains(&share), "{}: {share}", table.name);
            let stamp = mutation.stamp.format("%Y-%m-%d %H:%M:%S");
            let sql =
                format!("select count(*) from {} where updated_datetime = '{stamp}'", table.name);
            assert_eq!(number(&source, &sql).await.unsigned_abs(), expected.rows());
        }
        let orders = mutation.table("order_headers").expect("orders");
        assert!((170..210).contains(&orders.rows()), "{orders:?}");
        assert!(orders.inserted > 20 && orders.soft_deleted > 0 && orders.updated > 100);
        assert!(
            mutation.table("order_lines").is_some_and(|t| t.inserted > 0 && t.soft_deleted > 0)
        );
        assert!(mutation.table("customers").is_some_and(|t| t.inserted == 1));
        assert_consistent(&source).await;
        let last = NaiveDate::from_ymd_opt(2022, 1, 14 + turn as u32).expect("date");
        let newest = texts(&source, "select max(order_date) from order_lines").await;
        assert_eq!(newest, [last.to_string()]);
    }
}

#[tokio::test]
async fn a_next_day_ends_when_the_next_window_would_hold_it() {
    let (_folder, _, source) = place();
    make_orders(&source, &Plan { orders: 20, ..PLAN }, &|_| {}).await.expect("make");
    let earlier = number(&source, "select cast(strftime('%s', 'now') as integer)").await;
    let mutation = mutate(&source, 5.0, 1).await.expect("mutate");
    let stamp = mutation.stamp.and_utc().timestamp();
    // Rule W1: the end of a window is the database's clock less one second, floored.
    let end = number(&source, "select cast(strftime('%s', 'now') as integer) - 1").await;
    assert!(earlier <= stamp && stamp < end, "{earlier} {stamp} {end}");
}

#[tokio::test]
async fn stamps_are_in_the_zone_of_the_source() {
    let (_folder, _, mut source) = place();
    make_orders(&source, &Plan { orders: 20, ..PLAN }, &|_| {}).await.expect("make");
    source.timezone = chrono_tz::Asia::Tokyo;
    let mutation = mutate(&source, 1.0, 1).await.expect("mutate");
    let now = number(&source, "select cast(strftime('%s', 'now') as integer)").await;
    let ahead = mutation.stamp.and_utc().timestamp() - now;
    assert!((9 * 3_600 - 30..=9 * 3_600).contains(&ahead), "{ahead}");
}

#[tokio::test]
async fn a_next_day_that_cannot_be_changes_nothing() {
    let (_folder, _, source) = place();
    let error = mutate(&source, 5.0, 1).await.expect_err("no database");
    assert_eq!(error.kind(), Kind::Connect);
    make_orders(&source, &Plan { orders: 20, ..PLAN }, &|_| {}).await.expect("make");
    for percent in [0.0, -1.0, 100.1, f64::NAN, f64::INFINITY] {
        let error = mutate(&source, percent, 1).await.expect_err("percent");
        assert_eq!(error.code(), "seed/percent");
    }
    let mut connection = Connection::open(&source).await.expect("open");
    connection
        .command("update companies set updated_datetime = '2999-01-01 00:00:00'")
        .await
        .expect("update");
    connection.close().await.expect("close");
    let before = every_row(&source).await;
    let error = mutate(&source, 5.0, 1).await.expect_err("clock");
    assert_eq!(error.code(), "seed/clock");
    assert_eq!(every_row(&source).await, before);
}

#[tokio::test]
async fn a_database_without_orders_gets_its_first() {
    let (_folder, _, source) = place();
    make_orders(&source, &Plan { orders: 0, ..PLAN }, &|_| {}).await.expect("make");
    let mutation = mutate(&source, 5.0, 1).await.expect("mutate");
    assert_eq!(mutation.table("order_headers").map(|t| (t.inserted, t.updated)), Some((1, 0)));
    assert_consistent(&source).await;
}

/// Writes the six files: one row each, as an extract quotes them.
fn write_extracts(folder: &Path) {
    for (name, text) in [
        ("companies", "\"c-1\",\"Says \"\"Hi\"\", Ltd\",\"US\",\"0\",\"T\",\"T\",\"0\"\n"),
        (
            "customers",
            "\"00000001\",\"Ann\",\"user_1\",\"\",\"\",\"\",\"\",\"\",\"\",\"US\",\"1\",\"T\",\"T\",\"0\"\n",
        ),
        ("products", "\"P1\",\"Two\nlines\",\"c-1\",\"12.50\",\"T\",\"T\",\"1\"\n"),
        ("product_prices", "\"P1\",\"c-1\",\"15.00\",\"T\",\"T\",\"0\"\n"),
        (
            "order_headers",
            "\"0000000000000001\",\"2021-01-01\",\"c-1\",\"00000001\",\"30.0000\",\"T\",\"T\",\"0\"\n",
        ),
        (
            "order_lines",
            "\"0000000000000001\",\"0001\",\"2021-01-01\",\"P1\",\"c-1\",\"15.00\",\"2\",\"30.0000\",\"T\",\"T\",\"0\"\n",
        ),
    ] {
        let text = text.replace("\"T\"", "\"2022-01-16 12:17:24\"");
        std::fs::write(folder.join(format!("{name}.csv")), text).expect("write");
    }
}

#[tokio::test]
async fn extracts_load_as_they_are() {
    let (folder, _, source) = place();
    write_extracts(folder.path());
    let made = load_csv(&source, folder.path(), &|_| {}).await.expect("load");
    assert_eq!(made.tables.iter().map(|t| t.1).collect::<Vec<_>>(), [1; 6]);
    let found = texts(
        &source,
        "select company_name from companies union all select product_name from products \
         union all select quote(date_of_birth) || quote(city) from customers \
         union all select typeof(total) || total from order_headers \
         union all select quote(is_deleted) || quote(default_price) from products",
    );
    assert_eq!(found.await, ["Says \"Hi\", Ltd", "Two\nlines", "NULL''", "integer30", "112.5"]);
}

#[tokio::test]
async fn bad_extracts_are_named_by_file_and_line_and_load_nothing() {
    let (folder, path, source) = place();
    write_extracts(folder.path());
    let lines = folder.path().join("order_lines.csv");
    let good = std::fs::read_to_string(&lines).expect("read");
    let bad = format!("{good}{}\"x\",\"y\"\n", good.replace("\"2\"", "\"two\""));
    std::fs::write(&lines, bad).expect("write");
    std::fs::write(folder.path().join("product_prices.csv"), "\"P1\",\"c\"\n").expect("write");
    let error = load_csv(&source, folder.path(), &|_| {}).await.expect_err("bad");
    let all: Vec<String> = std::iter::once(&error)
        .chain(error.others())
        .map(|e| {
            let place = e.place().expect("place");
            let file = place.file.file_name().expect("name").to_string_lossy();
            format!("{file}:{} {}", place.line, e.message())
        })
        .collect();
    assert_eq!(
        all,
        [
            "product_prices.csv:1 expected 6 fields for product_prices, found 2",
            "order_lines.csv:2 quantity: expected a whole number of 32 bits, found `two`",
            "order_lines.csv:3 expected 11 fields for order_lines, found 2",
        ]
    );
    assert!(!path.exists());

    std::fs::remove_file(&lines).expect("remove");
    std::fs::remove_file(folder.path().join("companies.csv")).expect("remove");
    let error = load_csv(&source, folder.path(), &|_| {}).await.expect_err("missing");
    assert!(error.message().contains("companies.csv, order_lines.csv"), "{error}");
}
