//! SQLite: storage classes, cases 53 to 56 of the reliability notes, and what is not a database.

use std::path::Path;

use landfall::extract::database::Database;
use landfall::window::Window;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, SqliteConnection};
use tempfile::TempDir;
use url::Url;

use super::{codes, connect, incremental, read_all, source, spec};

fn url_of(path: &Path) -> Url {
    format!("sqlite:{}", path.display()).parse().expect("a URL")
}

async fn open(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    options.connect().await.expect("SQLite")
}

async fn made(statements: &str) -> (TempDir, Url, SqliteConnection) {
    let dir = TempDir::new().expect("a directory");
    let path = dir.path().join("shop with space.sqlite");
    let mut connection = open(&path).await;
    run(&mut connection, statements).await;
    (dir, url_of(&path), connection)
}

async fn run(connection: &mut SqliteConnection, statements: &str) {
    let done = sqlx::raw_sql(AssertSqlSafe(statements.to_string())).execute(connection).await;
    done.expect(statements);
}

#[tokio::test]
async fn every_storage_class_lands_exactly_or_with_a_reason() {
    let (_dir, url, mut connection) = made("").await;
    let database = connect(&url).await;
    let cases = [
        ("INTEGER", "42", "integer", Ok("42")),
        // 53: text in a number
        ("INTEGER", "'abc'", "integer", Err("row/wrong_type")),
        ("TEXT", "'42'", "integer", Ok("42")),
        ("INTEGER", "9223372036854775807", "integer", Err("row/out_of_range")),
        ("DECIMAL(10,2)", "12.5", "decimal(10,2)", Ok("12.50")),
        ("DECIMAL(10,2)", "12", "decimal(10,2)", Ok("12.00")),
        ("REAL", "0.1 + 0.2", "decimal(10,2)", Ok("0.30")),
        ("REAL", "0.125", "decimal(10,2)", Err("row/decimal_scale")),
        ("REAL", "9e999", "decimal(10,2)", Err("row/out_of_range")),
        ("REAL", "2.5", "double precision", Ok("2.5")),
        ("BOOLEAN", "1", "boolean", Ok("true")),
        ("BOOLEAN", "2", "boolean", Err("row/bad_boolean")),
        ("BOOLEAN", "'false'", "boolean", Ok("false")),
        ("TEXT", "''", "varchar(3)", Ok("")),
        ("TEXT", "'naïve'", "varchar(5)", Err("row/varchar_too_long")),
        // 54: bytes that are no text
        ("TEXT", "CAST(x'61ff' AS TEXT)", "varchar(9)", Err("row/not_utf8")),
        ("BLOB", "x'61ff'", "varbyte(9)", Ok("61ff")),
        ("", "7", "varchar(9)", Ok("7")),
        // 55: moments as text, and nothing else
        ("DATETIME", "'2021-07-03 01:02:03'", "timestamp", Ok("2021-07-03T01:02:03")),
        ("DATETIME", "'2021-07-03T01:02:03.5Z'", "timestamp", Ok("2021-07-03T01:02:03.500")),
        ("DATETIME", "'2021-07-03'", "timestamp", Ok("2021-07-03T00:00:00")),
        ("DATETIME", "'0000-00-00 00:00:00'", "timestamp", Ok("NULL")),
        ("DATETIME", "'2021-07-32 00:00:00'", "timestamp", Err("row/bad_date")),
        ("DATETIME", "1625274123", "timestamp", Err("row/wrong_type")),
        ("DATETIME", "2459398.5", "timestamp", Err("row/wrong_type")),
        ("DATE", "'2021-07-03'", "date", Ok("2021-07-03")),
        ("TEXT", "NULL", "varchar(9)!", Err("row/null")),
    ];
    for (number, (definition, value, ty, want)) in cases.into_iter().enumerate() {
        let table = format!("t{number}");
        run(
            &mut connection,
            &format!(
                "CREATE TABLE {table} (id INTEGER PRIMARY KEY, v {definition}); \
             INSERT INTO {table} VALUES (1, {value})"
            ),
        )
        .await;
        let all = read_all(&database, &spec(&table, &[("id", "integer"), ("v", ty)])).await;
        let got = match (all.rows.first(), all.rejects.first()) {
            (Some(row), None) => Ok(row[1].as_str()),
            (None, Some(reject)) => Err(reject.reason),
            _ => panic!("{all:?}"),
        };
        assert_eq!(got, want, "{definition} {value} as {ty}");
    }
}

#[tokio::test]
async fn a_window_takes_both_spellings_of_a_moment_and_what_is_none() {
    let (_dir, url, _) = made(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, at DATETIME); INSERT INTO t VALUES \
         (1, '2021-01-01 09:59:59'), (2, '2021-01-01T10:00:00'), (3, '2021-01-01 10:30:00'), \
         (4, '2021-01-01T11:00:00'), (5, '2021-01-01 11:00:01'), (6, 17), (7, NULL), \
         (8, 'soon'), (9, x'00'), (10, ''), (11, '2021-01-01 10:59:59.999')",
    )
    .await;
    let database = connect(&url).await;
    let spec = incremental("t", &[("id", "integer"), ("at", "timestamp!")], "at");
    let at = |hour: u32| {
        chrono::NaiveDate::from_ymd_opt(2021, 1, 1).and_then(|d| d.and_hms_opt(hour, 0, 0))
    };
    let window = Window::Range { start: at(10), end: at(11).expect("a time"), server: "x".into() };
    let all = super::read(&database, &spec, &window).await.expect("the rows");
    assert_eq!(all.column(0), ["2", "3", "11"]);
    // What is no moment lies in no window; it is put aside each time instead of being lost.
    let put_aside: Vec<_> = all.reasons().into_iter().map(|(reason, _)| reason).collect();
    assert_eq!(
        put_aside,
        ["row/wrong_type", "row/null", "row/bad_date", "row/wrong_type", "row/bad_date"]
    );
    assert_eq!(database.count(&spec, &window).await.expect("a count"), 8);
}

#[tokio::test]
async fn what_is_no_database_is_told_and_never_made() {
    let dir = TempDir::new().expect("a directory");
    let missing = dir.path().join("mistyped.sqlite");
    let error = Database::connect(&source(&url_of(&missing))).await.expect_err("no file");
    assert_eq!((error.code(), error.kind().exit_code()), ("connect/no_file", 4));
    assert!(error.message().contains("mistyped.sqlite"), "{error}");
    assert!(error.advice().is_some_and(|h| h.contains("landfall seed")));
    assert!(!missing.exists());

    let error = Database::connect(&source(&url_of(dir.path()))).await.expect_err("a directory");
    assert_eq!(error.code(), "connect/not_a_file");
    let text = dir.path().join("text.sqlite");
    std::fs::write(&text, "no database at all, but long enough to look at".repeat(100))
        .expect("a file");
    let error = Database::connect(&source(&url_of(&text))).await.expect_err("no database");
    assert_eq!(error.code(), "connect/not_a_database");
}

#[tokio::test]
async fn a_damaged_file_is_an_error_with_advice() {
    let (dir, url, connection) = made(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); WITH RECURSIVE n(i) AS \
         (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) \
         INSERT INTO t SELECT i, hex(randomblob(200)) FROM n",
    )
    .await;
    sqlx::Connection::close(connection).await.expect("closed");
    let path = dir.path().join("shop with space.sqlite");
    let mut bytes = std::fs::read(&path).expect("the file");
    let middle = bytes.len() / 2;
    bytes[middle..middle + 40_000].fill(0xff);
    std::fs::write(&path, bytes).expect("the file");
    let database = connect(&url).await;
    let spec = spec("t", &[("id", "integer"), ("v", "varchar(400)")]);
    let error = super::read(&database, &spec, &Window::Full).await.expect_err("damaged");
    assert_eq!(codes(&error), ["extract/corrupt"]);
    assert!(error.advice().is_some_and(|h| h.contains("integrity_check")), "{error:?}");
}

#[tokio::test]
async fn a_writer_in_the_way_holds_the_window_back_by_the_lag() {
    let (_dir, url, mut writer) =
        made("CREATE TABLE t (id INTEGER PRIMARY KEY, at DATETIME NOT NULL)").await;
    let database = connect(&url).await;
    let spec = incremental("t", &[("id", "integer"), ("at", "timestamp")], "at");
    let behind = |windows: &std::collections::BTreeMap<String, Window>| {
        let Some(Window::Range { end, .. }) = windows.get("t") else { panic!("{windows:?}") };
        chrono::Utc::now().timestamp() - end.and_utc().timestamp()
    };
    let (windows, warnings) = database.windows(&[&spec], &Default::default()).await.expect("free");
    assert!(warnings.is_empty() && (1..60).contains(&behind(&windows)), "{warnings:?}");
    run(&mut writer, "BEGIN IMMEDIATE").await;
    let (windows, warnings) = database.windows(&[&spec], &Default::default()).await.expect("held");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(behind(&windows) >= 120, "{}", behind(&windows));
}

#[tokio::test]
async fn a_large_table_comes_whole_and_discovery_proposes_what_reads_it() {
    let (_dir, url, _) = made(
        "CREATE TABLE lines (id INTEGER PRIMARY KEY, price DECIMAL(10,2) NOT NULL, \
         updated_datetime TEXT NOT NULL); WITH RECURSIVE n(i) AS \
         (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) \
         INSERT INTO lines SELECT i, i / 100.0, '2021-01-01 00:00:00' FROM n",
    )
    .await;
    let database = connect(&url).await;
    let found = database.discover().await.expect("tables");
    assert_eq!(found[0].watermark.as_deref(), Some("updated_datetime"));
    let types: Vec<String> = found[0].columns.iter().map(|c| c.ty.to_string()).collect();
    assert_eq!(types, ["bigint", "decimal(10,2)", "timestamp"]);
    let columns: Vec<(&str, &str)> =
        found[0].columns.iter().zip(&types).map(|(c, ty)| (c.name.as_str(), ty.as_str())).collect();
    let spec = incremental("lines", &columns, "updated_datetime");
    assert_eq!(database.check(&[&spec]).await.expect("fits"), []);
    let (windows, _) = database.windows(&[&spec], &Default::default()).await.expect("windows");
    let all = super::read(&database, &spec, &windows["lines"]).await.expect("the rows");
    assert_eq!((all.rows.len(), all.rejects.len()), (50_000, 0));
    let cents: u64 =
        all.column(1).iter().map(|v| v.replace('.', "").parse::<u64>().expect("cents")).sum();
    assert_eq!(cents, 50_000 * 50_001 / 2);
}
