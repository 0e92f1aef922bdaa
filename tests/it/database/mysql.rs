//! MariaDB: the type matrix and the bad-input cases 19 to 49 of the reliability notes.

use landfall::extract::database::Database;
use sqlx::{AssertSqlSafe, Connection, MySqlConnection};
use url::Url;

use super::{codes, connect, incremental, read, read_all, source, spec};
use crate::support::servers;

/// A new database with these statements run in it.
async fn made(statements: &str) -> (Url, MySqlConnection) {
    let url = servers::mysql().await;
    let mut connection = MySqlConnection::connect(url.as_str()).await.expect("MariaDB");
    sqlx::raw_sql("SET SESSION sql_mode = ''").execute(&mut connection).await.expect("a mode");
    run(&mut connection, statements).await;
    (url, connection)
}

async fn run(connection: &mut MySqlConnection, statements: &str) {
    let done = sqlx::raw_sql(AssertSqlSafe(statements.to_string())).execute(connection).await;
    done.expect(statements);
}

/// One row of one column, declared as `ty`: what is landed, or the reason it is not.
async fn one(definition: &str, value: &str, ty: &str) -> Result<String, &'static str> {
    let statements = format!(
        "CREATE TABLE t (id INT NOT NULL PRIMARY KEY, v {definition}) CHARACTER SET utf8mb4; \
         INSERT INTO t (id, v) VALUES (1, {value})"
    );
    let (url, _) = made(&statements).await;
    let all = read_all(&connect(&url).await, &spec("t", &[("id", "integer"), ("v", ty)])).await;
    match (all.rows.first(), all.rejects.first()) {
        (Some(row), None) => Ok(row[1].clone()),
        (None, Some(reject)) => Err(reject.reason),
        _ => panic!("{all:?}"),
    }
}

#[tokio::test]
async fn every_type_lands_exactly_or_with_a_reason() {
    for (definition, value, ty, want) in [
        // 19, 20: dates that are no dates
        ("DATE", "'0000-00-00'", "date", Ok("NULL")),
        ("DATETIME", "'0000-00-00 00:00:00'", "timestamp", Ok("NULL")),
        ("DATE", "'2025-00-15'", "date", Err("row/bad_date")),
        ("DATE", "NULL", "date", Ok("NULL")),
        // 21: tinyint(1) is a number; a boolean only where it is one
        ("TINYINT(1)", "2", "smallint", Ok("2")),
        ("TINYINT(1)", "-1", "smallint", Ok("-1")),
        ("TINYINT(1) UNSIGNED", "255", "smallint", Ok("255")),
        ("TINYINT(1)", "1", "boolean", Ok("true")),
        ("TINYINT(1)", "2", "boolean", Err("row/bad_boolean")),
        // 22, 23: numbers past 64 bits and past 38 digits
        ("BIGINT UNSIGNED", "18446744073709551615", "decimal(20,0)", Ok("18446744073709551615")),
        ("BIGINT UNSIGNED", "18446744073709551615", "bigint", Err("row/out_of_range")),
        ("MEDIUMINT", "-8388608", "integer", Ok("-8388608")),
        ("INT UNSIGNED", "4294967295", "integer", Err("row/out_of_range")),
        (
            "DECIMAL(65,30)",
            "'12345678901234567890123456789012345.5'",
            "varchar(70)",
            Ok("12345678901234567890123456789012345.500000000000000000000000000000"),
        ),
        ("DECIMAL(10,2)", "-0.05", "decimal(10,2)", Ok("-0.05")),
        ("DECIMAL(10,4)", "1.2500", "decimal(10,2)", Ok("1.25")),
        ("DECIMAL(10,4)", "1.2501", "decimal(10,2)", Err("row/decimal_scale")),
        ("FLOAT", "0.1", "real", Ok("0.1")),
        ("DOUBLE", "0.1", "double precision", Ok("0.1")),
        // 24, 25, 26
        ("TIME", "'-838:59:59'", "bigint", Ok("-3020399000000")),
        ("TIME(6)", "'10:11:12.345678'", "time", Ok("10:11:12.345678")),
        ("TIME", "'24:00:00'", "time", Err("row/out_of_range")),
        ("YEAR", "0", "smallint", Ok("0")),
        ("BIT(12)", "b'100000000001'", "varbyte(2)", Ok("0801")),
        ("BIT(12)", "b'100000000001'", "integer", Ok("2049")),
        ("BIT(1)", "b'1'", "boolean", Ok("true")),
        // 27, 28, 29
        ("ENUM('a','b')", "'no such'", "varchar(4)", Ok("")),
        ("SET('a','b')", "'a,b'", "varchar(4)", Ok("a,b")),
        ("JSON", "'{\"a\": 1}'", "varchar(40)", Ok("{\"a\": 1}")),
        ("VARCHAR(9) CHARACTER SET latin1", "'naïve'", "varchar(9)", Ok("naïve")),
        ("VARCHAR(9)", "'😀'", "varchar(4)", Ok("😀")),
        ("VARCHAR(9)", "'😀'", "varchar(3)", Err("row/varchar_too_long")),
        // 30, 31
        ("VARBINARY(9)", "x'61ff'", "varchar(9)", Err("row/not_utf8")),
        ("VARBINARY(9)", "x'61ff'", "varbyte(9)", Ok("61ff")),
        ("VARCHAR(9)", "'a\\0b'", "varchar(9)", Ok("a\0b")),
        // 39
        (
            "DATETIME(6)",
            "'9999-12-31 23:59:59.999999'",
            "timestamp",
            Ok("9999-12-31T23:59:59.999999"),
        ),
        ("DATETIME", "'0001-01-01 00:00:00'", "timestamp", Ok("0001-01-01T00:00:00")),
        // 49, and a date that is asked for as text
        ("DATETIME(3)", "'2021-07-03 01:02:03.5'", "varchar(30)", Ok("2021-07-03 01:02:03.500")),
        ("INT", "NULL", "integer!", Err("row/null")),
    ] {
        let got = one(definition, value, ty).await;
        let got = got.as_deref().map_err(|reason| *reason);
        assert_eq!(got, want, "{definition} {value} as {ty}");
    }
}

#[tokio::test]
async fn zero_dates_are_counted_and_broken_rows_do_not_stop_the_rest() {
    let (url, _) = made(
        "CREATE TABLE t (id INT PRIMARY KEY, d DATE, n VARCHAR(5)); \
         INSERT INTO t VALUES (1, '0000-00-00', 'a'), (2, '2025-00-15', 'b'), \
         (3, '2025-01-15', 'toolo'), (4, '0000-00-00', 'c')",
    )
    .await;
    let spec = spec("t", &[("id", "integer"), ("d", "date"), ("n", "varchar(4)")]);
    let all = read_all(&connect(&url).await, &spec).await;
    assert_eq!(all.column(0), ["1", "4"]);
    assert_eq!(
        all.reasons(),
        [("row/bad_date", "d".to_string()), ("row/varchar_too_long", "n".to_string())]
    );
    let raw: serde_json::Value = serde_json::from_slice(&all.rejects[1].raw).expect("JSON");
    assert_eq!(raw, serde_json::json!({"id": 3, "d": "2025-01-15", "n": "toolo"}));
    let [warning] = all.warnings.as_slice() else { panic!("{:?}", all.warnings) };
    assert!(warning.contains("`d`") && warning.contains('2'), "{warning}");
}

#[tokio::test]
async fn a_value_of_seventeen_megabytes_does_not_end_the_table() {
    let (url, _) = made(
        "CREATE TABLE t (big LONGTEXT, id INT PRIMARY KEY); \
         INSERT INTO t VALUES ('a', 1), (REPEAT('x', 17 * 1024 * 1024), 2), ('c', 3), ('d', 4)",
    )
    .await;
    let mut spec = spec("t", &[("big", "varchar(65535)"), ("id", "integer")]);
    spec.key = vec!["id".into()];
    let all = read_all(&connect(&url).await, &spec).await;
    assert_eq!(all.column(1), ["1", "3", "4"]);
    assert_eq!(all.reasons(), [("row/varchar_too_long", "big".to_string())]);
}

#[tokio::test]
async fn odd_names_are_only_names() {
    let odd = ["space in it", "quo\"te", "back`tick", "do.t", "✓", "select", "x'; DROP TABLE t"];
    let columns: Vec<String> =
        odd.iter().map(|n| format!("`{}` INT NOT NULL", n.replace('`', "``"))).collect();
    let (url, _) = made(&format!(
        "CREATE TABLE `a/b.. %c` (id INT PRIMARY KEY, {}); \
         INSERT INTO `a/b.. %c` VALUES (1, 2, 3, 4, 5, 6, 7, 8)",
        columns.join(", ")
    ))
    .await;
    let mut declared = vec![("id", "integer")];
    declared.extend(odd.iter().map(|name| (*name, "integer")));
    let database = connect(&url).await;
    let spec = spec("a/b.. %c", &declared);
    assert_eq!(database.check(&[&spec]).await.expect("fits"), []);
    let all = read_all(&database, &spec).await;
    assert_eq!(all.rows, [["1", "2", "3", "4", "5", "6", "7", "8"]]);
}

#[tokio::test]
async fn empty_tables_views_generated_and_invisible_columns_are_read() {
    let (url, _) = made(
        "CREATE TABLE e (id INT PRIMARY KEY); \
         CREATE TABLE t (id INT PRIMARY KEY, twice INT AS (id * 2), hidden INT INVISIBLE DEFAULT 7); \
         INSERT INTO t (id) VALUES (1); CREATE VIEW v AS SELECT id, twice FROM t",
    )
    .await;
    let database = connect(&url).await;
    let empty = read_all(&database, &spec("e", &[("id", "integer")])).await;
    assert!(empty.rows.is_empty() && empty.rejects.is_empty());
    let whole = spec("t", &[("id", "integer"), ("twice", "integer"), ("hidden", "integer")]);
    assert_eq!(read_all(&database, &whole).await.rows, [["1", "2", "7"]]);
    let view = spec("v", &[("id", "integer"), ("twice", "integer")]);
    assert_eq!(read_all(&database, &view).await.rows, [["1", "2"]]);
    let found = database.discover().await.expect("tables");
    let names: Vec<_> = found.iter().map(|t| (t.name.as_str(), t.view)).collect();
    assert_eq!(names, [("e", false), ("t", false), ("v", true)]);
    assert_eq!(found[1].primary_key, ["id"]);
    assert_eq!(found[1].columns.len(), 3);
}

#[tokio::test]
async fn what_is_wrong_with_specs_is_told_at_once() {
    let (url, _) = made(
        "CREATE TABLE orders (id INT PRIMARY KEY, code VARCHAR(9), updated DATE); \
         CREATE TABLE order_lines (id INT NULL, name VARCHAR(9), updated DATETIME NOT NULL, more INT)",
    )
    .await;
    let database = connect(&url).await;
    let gone = spec("order", &[("id", "integer")]);
    let orders = incremental(
        "orders",
        &[("id", "integer"), ("cod", "varchar(9)"), ("updated", "timestamp")],
        "updated",
    );
    let lines = incremental(
        "order_lines",
        &[("id", "integer"), ("name", "integer"), ("updated", "timestamp")],
        "updated",
    );
    let error = database.check(&[&gone, &orders, &lines]).await.expect_err("wrong");
    assert_eq!(
        codes(&error),
        [
            "source/no_table",
            "source/no_column",
            "source/watermark_type",
            "source/type",
            "source/nullable_key"
        ]
    );
    assert_eq!(error.advice(), Some("did you mean `orders`?"));
    assert_eq!(error.kind().exit_code(), 2);
}

#[tokio::test]
async fn refusals_name_what_is_missing_and_never_the_password() {
    let (url, mut root) = made("CREATE TABLE t (id INT PRIMARY KEY)").await;
    let database = url.path().trim_start_matches('/').to_string();
    run(
        &mut root,
        &format!(
            "CREATE USER '{database}'@'%' IDENTIFIED BY 'CANARY7f3a'; \
         CREATE TABLE s (id INT PRIMARY KEY); GRANT SELECT ON {database}.s TO '{database}'@'%'"
        ),
    )
    .await;
    let mut theirs = url.clone();
    theirs.set_username(&database).expect("a user");
    theirs.set_password(Some("CANARY7f3a")).expect("a password");
    let limited = connect(&theirs).await;
    assert!(!format!("{limited:?}").contains("CANARY"));
    let error = limited.check(&[&spec("t", &[("id", "integer")])]).await.expect_err("no grant");
    assert_eq!(codes(&error), ["source/no_table"]);

    theirs.set_password(Some("wrong CANARY7f3a")).expect("a password");
    let error = Database::connect(&source(&theirs)).await.expect_err("a wrong password");
    assert_eq!((error.code(), error.kind().exit_code()), ("connect/login", 4));
    assert!(!format!("{error:?} {error}").contains("CANARY"), "{error:?}");

    let mut nowhere = url.clone();
    nowhere.set_path("/no_such_database");
    let error = Database::connect(&source(&nowhere)).await.expect_err("no database");
    assert_eq!(error.code(), "connect/database");
    nowhere.set_port(Some(1)).expect("a port");
    let error = Database::connect(&source(&nowhere)).await.expect_err("no server");
    assert_eq!(error.code(), "connect/unreachable");
    // Far servers must prove who they are; this one cannot be asked under its own name.
    nowhere.set_host(Some("host.invalid")).expect("a host");
    let error = Database::connect(&source(&nowhere)).await.expect_err("no such host");
    assert_eq!(error.kind().exit_code(), 4);
}

#[tokio::test]
async fn a_null_in_the_key_is_put_aside() {
    let (url, _) =
        made("CREATE TABLE t (id INT, v INT); INSERT INTO t VALUES (1, 1), (NULL, 2)").await;
    let all =
        read_all(&connect(&url).await, &spec("t", &[("id", "integer"), ("v", "integer")])).await;
    assert_eq!(all.rows, [["1", "1"]]);
    assert_eq!(all.reasons(), [("row/null_key", "id".to_string())]);
}

#[tokio::test]
async fn a_killed_connection_is_an_error_and_never_a_short_table() {
    use futures::StreamExt;
    let (url, mut root) = made(
        "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(2000)); \
         INSERT INTO t SELECT seq, REPEAT('x', 2000) FROM seq_1_to_60000",
    )
    .await;
    let database = connect(&url).await;
    let spec = spec("t", &[("id", "integer"), ("v", "varchar(2000)")]);
    let mut stream =
        database.extract(&spec, &landfall::window::Window::Full).await.expect("a stream");
    assert!(stream.next().await.is_some_and(|item| item.is_ok()));
    let name = url.path().trim_start_matches('/').to_string();
    let ids: Vec<i64> = sqlx::query_scalar(
        "SELECT CAST(id AS SIGNED) FROM information_schema.processlist \
         WHERE db = ? AND id <> CONNECTION_ID()",
    )
    .bind(name)
    .fetch_all(&mut root)
    .await
    .expect("the connections");
    assert_eq!(ids.len(), 1);
    run(&mut root, &format!("KILL CONNECTION {}", ids[0])).await;
    let mut last = None;
    while let Some(item) = stream.next().await {
        last = Some(item);
    }
    let error = last.expect("an end").expect_err("an error at the end");
    assert!(["extract/connection_lost", "extract/stopped"].contains(&error.code()), "{error:?}");
    // And a fresh stream reads all of it, in more than one batch.
    let all = read(&database, &spec, &landfall::window::Window::Full).await.expect("the rows");
    assert_eq!(all.rows.len(), 60_000);
}
