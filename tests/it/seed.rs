//! The sample in MySQL and PostgreSQL: the same rows as in SQLite, replaced whole or not at all.

use std::collections::BTreeMap;
use std::path::Path;

use landfall::config::{DatabaseSource, Secret};
use landfall::seed::{Plan, TableChange, make_orders, mutate};
use sqlx::{AssertSqlSafe, Connection};
use url::Url;

use crate::support::servers;

const PLAN: Plan = Plan { seed: 11, orders: 2_500, log_lines: 0 };

/// Each table with the number of its key columns and its columns: `t`ext, `n`umber or price,
/// `d`ate, `m`oment, `f`lag.
const TABLES: [(&str, usize, &str); 6] = [
    (
        "companies",
        1,
        "t company_id,t company_name,t country,f is_supplier,m created_datetime,\
         m updated_datetime,f is_deleted",
    ),
    (
        "customers",
        1,
        "t customer_document_no,t customer_full_name,t username,d date_of_birth,t address_line_1,\
         t address_line_2,t address_line_3,t city,t state,t country,t post_code,\
         m created_datetime,m updated_datetime,f is_deleted",
    ),
    (
        "products",
        1,
        "t product_code,t product_name,t supplier_id,n default_price,m created_datetime,\
         m updated_datetime,f is_deleted",
    ),
    (
        "product_prices",
        2,
        "t product_code,t selling_company_id,n price,m created_datetime,m updated_datetime,\
         f is_deleted",
    ),
    (
        "order_headers",
        1,
        "t order_no,d order_date,t company_id,t customer_document_no,n total,m created_datetime,\
         m updated_datetime,f is_deleted",
    ),
    (
        "order_lines",
        2,
        "t order_no,t order_line_no,d order_date,t product_code,t supplier_id,n unit_price,\
         n quantity,n line_total,m created_datetime,m updated_datetime,f is_deleted",
    ),
];

/// Rows by key, each as one text.
type Rows = BTreeMap<String, String>;

fn source(url: &str) -> DatabaseSource {
    let mut url = Url::parse(url).expect("a URL");
    let password = url.password().map(Secret::new);
    if password.is_some() {
        url.set_password(None).expect("a URL with a host");
    }
    DatabaseSource {
        name: "shop".into(),
        url,
        password,
        timezone: chrono_tz::UTC,
        lag_seconds: 0,
        tls_off: false,
        tables: Vec::new(),
    }
}

fn sqlite(folder: &Path) -> DatabaseSource {
    source(&format!("sqlite:{}", folder.join("orders.sqlite").display()))
}

/// A database of this test's own on the server; the one of an earlier run is dropped.
async fn fresh(server: &str, name: &str) -> String {
    let mut url = Url::parse(server).expect("a URL");
    drop_database(server, name).await;
    execute(server, &format!("create database {name}")).await;
    url.set_path(name);
    url.to_string()
}

async fn drop_database(server: &str, name: &str) {
    // PostgreSQL may not have noticed yet that a connection of the test is closed.
    let force = if server.starts_with("postgres") { " with (force)" } else { "" };
    execute(server, &format!("drop database if exists {name}{force}")).await;
}

async fn execute(url: &str, sql: &str) {
    let statement = sqlx::raw_sql(AssertSqlSafe(sql));
    if url.starts_with("mysql") {
        let mut connection = sqlx::MySqlConnection::connect(url).await.expect("connect");
        statement.execute(&mut connection).await.expect(sql);
    } else {
        let mut connection = sqlx::PgConnection::connect(url).await.expect("connect");
        statement.execute(&mut connection).await.expect(sql);
    }
}

async fn pairs(url: &str, sql: String) -> Vec<(String, String)> {
    let sql = AssertSqlSafe(sql);
    if url.starts_with("mysql") {
        let mut connection = sqlx::MySqlConnection::connect(url).await.expect("connect");
        sqlx::query_as(sql).fetch_all(&mut connection).await.expect("rows")
    } else if url.starts_with("postgres") {
        let mut connection = sqlx::PgConnection::connect(url).await.expect("connect");
        sqlx::query_as(sql).fetch_all(&mut connection).await.expect("rows")
    } else {
        let mut connection = sqlx::SqliteConnection::connect(url).await.expect("connect");
        sqlx::query_as(sql).fetch_all(&mut connection).await.expect("rows")
    }
}

/// All rows of a table, spelled the same way from every kind of database.
async fn rows(url: &str, (table, key, columns): (&str, usize, &str)) -> Rows {
    let integer = if url.starts_with("mysql") { "signed" } else { "bigint" };
    let spelled: Vec<String> = columns
        .split(',')
        .map(|column| match column.trim().split_once(' ').expect("kind and name") {
            ("n", name) => format!("cast(cast(round({name} * 10000) as {integer}) as char(20))"),
            ("d", name) => format!("coalesce(cast({name} as char(10)), '~')"),
            ("m", name) => format!("cast({name} as char(19))"),
            ("f", name) => format!("case when {name} then '1' else '0' end"),
            (_, name) => format!("coalesce({name}, '~')"),
        })
        .collect();
    let joined = |columns: &[String]| format!("concat_ws('|', {})", columns.join(", "));
    let sql = format!("select {}, {} from {table}", joined(&spelled[..key]), joined(&spelled));
    pairs(url, sql).await.into_iter().map(|(k, row)| (k, row.replace(' ', ""))).collect()
}

/// What changed between two states of a table, counted from the rows.
fn compare(table: &str, before: &Rows, after: &Rows) -> TableChange {
    let mut change =
        TableChange { table: table.to_owned(), inserted: 0, updated: 0, soft_deleted: 0 };
    for (key, row) in after {
        match before.get(key) {
            None => change.inserted += 1,
            Some(old) if old != row => {
                change.updated += 1;
                change.soft_deleted += u64::from(row.ends_with("|1") && old.ends_with("|0"));
            }
            Some(_) => {}
        }
    }
    assert!(before.keys().all(|key| after.contains_key(key)), "{table} lost a row");
    change
}

async fn same_rows_as_sqlite(url: &str) {
    let folder = tempfile::tempdir().expect("folder");
    let local = sqlite(folder.path());
    let expected = make_orders(&local, &PLAN, &|_| {}).await.expect("make in SQLite");
    let made = make_orders(&source(url), &PLAN, &|_| {}).await.expect("make");
    assert_eq!(made, expected);
    for (index, table) in TABLES.into_iter().enumerate() {
        let found = rows(url, table).await;
        assert_eq!(found.len() as u64, made.tables[index].1, "{}", table.0);
        assert_eq!(found, rows(local.url.as_str(), table).await, "{}", table.0);
    }
}

async fn a_next_day_counts_its_changes(url: &str) {
    for seed in 1..=2 {
        let mut before = Vec::new();
        for table in TABLES {
            before.push(rows(url, table).await);
        }
        let mutation = mutate(&source(url), 5.0, seed).await.expect("mutate");
        for (index, table) in TABLES.into_iter().enumerate() {
            let expected = compare(table.0, &before[index], &rows(url, table).await);
            assert!(expected.updated > 0, "{}", table.0);
            assert_eq!(mutation.tables[index], expected);
        }
    }
}

async fn a_making_that_stops_leaves_the_old_tables(url: &str) {
    let mut before = Vec::new();
    for table in TABLES {
        before.push(rows(url, table).await);
    }
    let stopped = {
        let source = source(url);
        tokio::spawn(async move {
            let stop = |rows: u64| assert!(rows < 5_000, "stopped by the test");
            make_orders(&source, &Plan { seed: 12, ..PLAN }, &stop).await.map(|_| ())
        })
    };
    assert!(stopped.await.is_err_and(|e| e.is_panic()));
    for (index, table) in TABLES.into_iter().enumerate() {
        assert_eq!(rows(url, table).await, before[index], "{}", table.0);
    }
    make_orders(&source(url), &Plan { seed: 12, ..PLAN }, &|_| {}).await.expect("make again");
    assert_ne!(rows(url, TABLES[4]).await, before[4]);
}

async fn tables_of_others_are_left_alone(url: &str) {
    execute(url, "drop table customers").await;
    execute(url, "create table customers (id integer, name varchar(20))").await;
    let error = make_orders(&source(url), &PLAN, &|_| {}).await.expect_err("foreign");
    assert_eq!(error.code(), "seed/foreign");
    assert!(error.message().contains("id, name"), "{error}");
}

async fn check(server: &str, name: &str) {
    let url = fresh(server, name).await;
    same_rows_as_sqlite(&url).await;
    a_next_day_counts_its_changes(&url).await;
    a_making_that_stops_leaves_the_old_tables(&url).await;
    tables_of_others_are_left_alone(&url).await;
    drop_database(server, name).await;
}

#[tokio::test]
async fn the_sample_in_mysql() {
    check(servers::mysql().await.as_str(), "landfall_seed_test").await;
}

#[tokio::test]
async fn the_sample_in_postgres() {
    check(servers::postgres().await.as_str(), "landfall_seed_test").await;
}
