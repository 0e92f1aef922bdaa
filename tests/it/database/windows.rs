//! Windows against writers: with transactions open across every reading, no committed row is lost.

use std::collections::BTreeMap;
use std::time::Duration;

use landfall::error::Result;
use landfall::extract::database::Database;
use landfall::tables::TableSpec;
use landfall::window::Window;
use sqlx::{AssertSqlSafe, Connection, MySqlConnection, PgConnection};
use url::Url;

use super::{connect, incremental, read, source};
use crate::support::servers;

const COLUMNS: [(&str, &str); 3] = [("id", "bigint"), ("v", "bigint"), ("at", "timestamp")];

/// A reader that keeps what Landfall would keep: its last window, and the newest of each key.
struct Reader {
    database: Database,
    spec: TableSpec,
    last: BTreeMap<String, Window>,
    /// Version by key.
    store: BTreeMap<i64, i64>,
    /// Stamp by key, to let the newest win.
    stamps: BTreeMap<i64, String>,
}

impl Reader {
    async fn new(url: &Url) -> Reader {
        Reader {
            database: connect(url).await,
            spec: incremental("t", &COLUMNS, "at"),
            last: BTreeMap::new(),
            store: BTreeMap::new(),
            stamps: BTreeMap::new(),
        }
    }

    /// One sequence: windows, then the rows in them. Answers the window's end.
    async fn step(&mut self) -> Result<chrono::NaiveDateTime> {
        let (windows, warnings) = self.database.windows(&[&self.spec], &self.last).await?;
        assert_eq!(warnings, [], "all transactions can be seen here");
        for row in read(&self.database, &self.spec, &windows["t"]).await?.rows {
            let id: i64 = row[0].parse().expect("a number");
            if self.stamps.get(&id).is_none_or(|seen| *seen <= row[2]) {
                self.store.insert(id, row[1].parse().expect("a number"));
                self.stamps.insert(id, row[2].clone());
            }
        }
        let Window::Range { end, .. } = windows["t"].clone() else { panic!("a range") };
        self.last = windows;
        Ok(end)
    }

    /// Steps until the window ends behind `moment`, which the source's clock brings about.
    async fn step_past(&mut self, moment: chrono::NaiveDateTime) {
        while self.step().await.expect("a step") <= moment {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

fn now() -> chrono::NaiveDateTime {
    chrono::Utc::now().naive_utc()
}

async fn mysql(url: &Url, statements: &str) -> MySqlConnection {
    let mut connection = MySqlConnection::connect(url.as_str()).await.expect("MariaDB");
    run_mysql(&mut connection, statements).await;
    connection
}

async fn run_mysql(connection: &mut MySqlConnection, statements: &str) {
    let done = sqlx::raw_sql(AssertSqlSafe(statements.to_string())).execute(connection).await;
    done.expect(statements);
}

async fn postgres(url: &Url, statements: &str) -> PgConnection {
    let mut connection = PgConnection::connect(url.as_str()).await.expect("PostgreSQL");
    run_postgres(&mut connection, statements).await;
    connection
}

async fn run_postgres(connection: &mut PgConnection, statements: &str) {
    let done = sqlx::raw_sql(AssertSqlSafe(statements.to_string())).execute(connection).await;
    done.expect(statements);
}

#[tokio::test]
async fn mariadb_a_late_commit_is_read_where_the_usual_rule_misses_it() {
    let url = servers::mysql().await;
    let mut other = mysql(
        &url,
        "CREATE TABLE t (id BIGINT PRIMARY KEY, v BIGINT NOT NULL, at DATETIME(6) NOT NULL)",
    )
    .await;
    let mut late = mysql(&url, "START TRANSACTION; INSERT INTO t VALUES (1, 1, NOW(6))").await;
    run_mysql(&mut other, "DO SLEEP(0.01); INSERT INTO t VALUES (2, 1, NOW(6))").await;

    let usual = "SELECT id FROM t WHERE at > ? ORDER BY id";
    let seen: Vec<i64> =
        sqlx::query_scalar(usual).bind("1970-01-01").fetch_all(&mut other).await.expect("rows");
    let mark: String = sqlx::query_scalar("SELECT CAST(max(at) AS CHAR) FROM t")
        .fetch_one(&mut other)
        .await
        .expect("the largest");
    let stamp: String = sqlx::query_scalar("SELECT CAST(at AS CHAR) FROM t WHERE id = 1")
        .fetch_one(&mut late)
        .await
        .expect("its own row");
    let mut reader = Reader::new(&url).await;
    // However long it stays open, the window does not pass it.
    let after = now() + chrono::Duration::seconds(3);
    while now() < after {
        let end = reader.step().await.expect("a step").to_string();
        assert!(end <= stamp, "{end} {stamp}");
        assert!(!reader.store.contains_key(&1));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    run_mysql(&mut late, "COMMIT").await;

    let then: Vec<i64> =
        sqlx::query_scalar(usual).bind(mark).fetch_all(&mut other).await.expect("rows");
    assert_eq!((seen, then), (vec![2], vec![]), "the usual rule has lost row 1");
    reader.step_past(now()).await;
    assert_eq!(reader.store.keys().copied().collect::<Vec<_>>(), [1, 2]);
}

#[tokio::test]
async fn postgres_a_transaction_that_has_not_written_yet_holds_the_window_too() {
    let url = servers::postgres().await;
    let mut other = postgres(
        &url,
        "CREATE TABLE t (id bigint PRIMARY KEY, v bigint NOT NULL, at timestamptz NOT NULL)",
    )
    .await;
    // `now()` of a transaction is its beginning, whenever it writes.
    let mut late = postgres(&url, "BEGIN; SELECT 1").await;
    let began: String = sqlx::query_scalar("SELECT (now() AT TIME ZONE 'UTC')::text")
        .fetch_one(&mut late)
        .await
        .expect("a time");
    run_postgres(&mut other, "INSERT INTO t VALUES (2, 1, now())").await;
    let mut reader = Reader::new(&url).await;
    let after = now() + chrono::Duration::seconds(3);
    while now() < after {
        let end = reader.step().await.expect("a step").to_string();
        assert!(end <= began, "{end} {began}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    run_postgres(&mut late, "INSERT INTO t VALUES (1, 1, now()); COMMIT").await;
    reader.step_past(now()).await;
    assert_eq!(reader.store.keys().copied().collect::<Vec<_>>(), [1, 2]);
}

/// Numbers that look random, from a seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % sides
    }
}

/// The work of one writer: transactions that insert or update, wait, then commit or roll back.
fn script(seed: u64, sleep: impl Fn(u64) -> String, stamp: &str) -> Vec<String> {
    let mut dice = Dice(seed);
    let mut all = Vec::new();
    let mut millis = 0;
    let mut key = seed * 100_000;
    while millis < 5_000 {
        let wait = if dice.roll(20) == 0 { 200 + dice.roll(1_500) } else { dice.roll(60) };
        millis += wait + 5;
        key += 1;
        let old = seed * 100_000 + 1 + dice.roll(key - seed * 100_000);
        let early = if dice.roll(2) == 0 { sleep(wait) } else { String::new() };
        let late = if early.is_empty() { sleep(wait) } else { String::new() };
        let end = if dice.roll(10) == 0 { "ROLLBACK" } else { "COMMIT" };
        all.push(format!(
            "BEGIN; {early} INSERT INTO t VALUES ({key}, 0, {stamp}); \
             UPDATE t SET v = v + 1, at = {stamp} WHERE id = {old}; {late} {end}"
        ));
    }
    all
}

#[tokio::test]
async fn mariadb_no_row_is_lost_among_twelve_writers() {
    let url = servers::mysql().await;
    let mut root = mysql(
        &url,
        "CREATE TABLE t (id BIGINT PRIMARY KEY, v BIGINT NOT NULL, at DATETIME NOT NULL, KEY (at))",
    )
    .await;
    let mut writers = Vec::new();
    for seed in 1..=12 {
        let mut connection = mysql(&url, "SELECT 1").await;
        let sleep = |ms: u64| format!("DO SLEEP({});", ms as f64 / 1e3);
        let script = script(seed, sleep, "NOW()");
        writers.push(tokio::spawn(async move {
            for transaction in script {
                run_mysql(&mut connection, &transaction).await;
            }
        }));
    }
    let mut reader = Reader::new(&url).await;
    while !writers.iter().all(|w| w.is_finished()) {
        reader.step().await.expect("a step");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for writer in writers {
        writer.await.expect("a writer");
    }
    reader.step_past(now()).await;
    let rows: Vec<(i64, i64)> =
        sqlx::query_as("SELECT id, v FROM t ORDER BY id").fetch_all(&mut root).await.expect("rows");
    let lost: Vec<_> = rows.iter().filter(|(id, v)| reader.store.get(id) != Some(v)).collect();
    assert!(rows.len() > 500, "{}", rows.len());
    assert!(lost.is_empty() && rows.len() == reader.store.len(), "lost or stale: {lost:?}");
}

#[tokio::test]
async fn postgres_no_row_is_lost_among_twelve_writers() {
    let url = servers::postgres().await;
    let mut root = postgres(
        &url,
        "CREATE TABLE t (id bigint PRIMARY KEY, v bigint NOT NULL, at timestamptz NOT NULL)",
    )
    .await;
    let mut writers = Vec::new();
    for seed in 1..=12 {
        let mut connection = postgres(&url, "SELECT 1").await;
        let sleep = |ms: u64| format!("SELECT pg_sleep({});", ms as f64 / 1e3);
        let script = script(seed, sleep, "now()");
        writers.push(tokio::spawn(async move {
            for transaction in script {
                run_postgres(&mut connection, &transaction).await;
            }
        }));
    }
    let mut reader = Reader::new(&url).await;
    while !writers.iter().all(|w| w.is_finished()) {
        reader.step().await.expect("a step");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for writer in writers {
        writer.await.expect("a writer");
    }
    reader.step_past(now()).await;
    let rows: Vec<(i64, i64)> =
        sqlx::query_as("SELECT id, v FROM t ORDER BY id").fetch_all(&mut root).await.expect("rows");
    let lost: Vec<_> = rows.iter().filter(|(id, v)| reader.store.get(id) != Some(v)).collect();
    assert!(rows.len() > 500, "{}", rows.len());
    assert!(lost.is_empty() && rows.len() == reader.store.len(), "lost or stale: {lost:?}");
}

#[tokio::test]
async fn a_wrong_zone_and_a_clock_that_went_back_are_errors() {
    let url = servers::mysql().await;
    let mut connection = mysql(
        &url,
        "CREATE TABLE t (id BIGINT PRIMARY KEY, v BIGINT NOT NULL, at DATETIME NOT NULL); \
         INSERT INTO t VALUES (1, 1, NOW() + INTERVAL 330 MINUTE)",
    )
    .await;
    let spec = incremental("t", &COLUMNS, "at");
    let error = connect(&url).await.windows(&[&spec], &BTreeMap::new()).await.expect_err("ahead");
    assert_eq!(error.code(), "extract/future_watermark");
    assert!(error.advice().is_some_and(|h| h.contains("UTC+05:30")), "{:?}", error.advice());
    // In its own zone the same table is in order, and the row is read with its moment in UTC.
    let mut kolkata = source(&url);
    kolkata.timezone = chrono_tz::Tz::Asia__Kolkata;
    let database = Database::connect(&kolkata).await.expect("the source");
    run_mysql(&mut connection, "UPDATE t SET at = at - INTERVAL 1 HOUR").await;
    let (windows, _) = database.windows(&[&spec], &BTreeMap::new()).await.expect("windows");
    // Transactions of other tests hold the end back by seconds; hours would be a zone misread.
    let Window::Range { end, .. } = &windows["t"] else { panic!("{windows:?}") };
    assert!((now() - *end).num_minutes() < 10, "{end}");
    let all = read(&database, &spec, &windows["t"]).await.expect("the rows");
    let stamp = chrono::NaiveDateTime::parse_from_str(&all.rows[0][2], "%Y-%m-%dT%H:%M:%S")
        .expect("a time");
    let age = (now() - stamp).num_minutes();
    assert!((59..=61).contains(&age), "{age}");

    let later = now() + chrono::Duration::hours(1);
    let last = Window::Range { start: None, end: later, server: "x".into() };
    let last = BTreeMap::from([("t".to_string(), last)]);
    let error = database.windows(&[&spec], &last).await.expect_err("went back");
    assert_eq!(error.code(), "extract/clock_back");
}

#[tokio::test]
async fn an_unchanged_source_gives_windows_that_join_and_hold_nothing_new() {
    let url = servers::mysql().await;
    mysql(
        &url,
        "CREATE TABLE t (id BIGINT PRIMARY KEY, v BIGINT NOT NULL, at TIMESTAMP NOT NULL); \
         INSERT INTO t VALUES (1, 1, '2021-07-01 12:00:00')",
    )
    .await;
    let database = connect(&url).await;
    let spec = incremental("t", &COLUMNS, "at");
    let (first, _) = database.windows(&[&spec], &BTreeMap::new()).await.expect("windows");
    let all = read(&database, &spec, &first["t"]).await.expect("the rows");
    assert_eq!(all.rows, [["1", "1", "2021-07-01T12:00:00"]]);
    let (second, _) = database.windows(&[&spec], &first).await.expect("windows");
    let (Window::Range { end, .. }, Window::Range { start, .. }) = (&first["t"], &second["t"])
    else {
        panic!("{first:?} {second:?}");
    };
    assert_eq!(Some(*end), *start);
    assert!(read(&database, &spec, &second["t"]).await.expect("no rows").rows.is_empty());
}
