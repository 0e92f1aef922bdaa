//! PostgreSQL: the type matrix and the bad-input cases 50 to 52 of the reliability notes.

use landfall::extract::database::Database;
use landfall::window::Window;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use url::Url;

use super::{codes, connect, incremental, read_all, source, spec};
use crate::support::servers;

async fn made(statements: &str) -> (Url, PgConnection) {
    let url = servers::postgres().await;
    let mut connection = PgConnection::connect(url.as_str()).await.expect("PostgreSQL");
    run(&mut connection, statements).await;
    (url, connection)
}

async fn run(connection: &mut PgConnection, statements: &str) {
    let done = sqlx::raw_sql(AssertSqlSafe(statements.to_string())).execute(connection).await;
    done.expect(statements);
}

#[tokio::test]
async fn every_type_lands_exactly_or_with_a_reason() {
    let cases = [
        ("boolean", "true", "boolean", Ok("true")),
        ("smallint", "-32768", "smallint", Ok("-32768")),
        ("bigint", "9223372036854775807", "bigint", Ok("9223372036854775807")),
        ("bigint", "9223372036854775807", "integer", Err("row/out_of_range")),
        ("real", "0.1", "real", Ok("0.1")),
        ("double precision", "0.1", "double precision", Ok("0.1")),
        ("numeric(10,2)", "-1234.50", "decimal(10,2)", Ok("-1234.50")),
        ("numeric", "0.0001", "decimal(10,4)", Ok("0.0001")),
        ("numeric", "120000000000", "decimal(12,0)", Ok("120000000000")),
        ("numeric", "1.005", "decimal(10,2)", Err("row/decimal_scale")),
        ("numeric", "1e40", "decimal(38,0)", Err("row/out_of_range")),
        // 51: a number that is none, and one without precision
        ("numeric", "'NaN'", "decimal(10,2)", Err("row/out_of_range")),
        ("numeric", "'NaN'", "varchar(9)", Ok("NaN")),
        ("numeric", "1e40", "varchar(50)", Ok("10000000000000000000000000000000000000000")),
        ("text", "'naïve'", "varchar(6)", Ok("naïve")),
        ("text", "'naïve'", "varchar(5)", Err("row/varchar_too_long")),
        ("character(3)", "'a'", "char(3)", Ok("a  ")),
        ("bytea", "'\\x61ff'", "varbyte(2)", Ok("61ff")),
        // 50: moments that are none
        ("timestamp", "'infinity'", "timestamp", Ok("NULL")),
        ("timestamptz", "'-infinity'", "timestamptz", Ok("NULL")),
        ("date", "'infinity'", "date", Ok("NULL")),
        ("date", "'2021-02-28'", "date", Ok("2021-02-28")),
        (
            "timestamp",
            "'2021-02-28 10:11:12.123456'",
            "timestamp",
            Ok("2021-02-28T10:11:12.123456"),
        ),
        ("timestamptz", "'2021-02-28 10:11:12+05'", "timestamptz", Ok("2021-02-28T05:11:12Z")),
        ("timestamptz", "'2021-02-28 10:11:12+05'", "timestamp", Ok("2021-02-28T05:11:12")),
        ("time", "'10:11:12.5'", "time", Ok("10:11:12.500")),
        // 52: everything else by its text
        ("integer[]", "'{1,2}'", "varchar(9)", Ok("{1,2}")),
        ("int4range", "'[1,5)'", "varchar(9)", Ok("[1,5)")),
        ("interval", "'1 day 02:00'", "varchar(20)", Ok("1 day 02:00:00")),
        (
            "uuid",
            "'00000000-0000-0000-0000-000000000001'",
            "varchar(36)",
            Ok("00000000-0000-0000-0000-000000000001"),
        ),
        ("jsonb", "'{\"a\": 1}'", "varchar(20)", Ok("{\"a\": 1}")),
        ("mood", "'fine'", "varchar(9)", Ok("fine")),
        ("cents", "125", "integer", Ok("125")),
        ("inet", "'::1'", "varchar(9)", Ok("::1/128")),
    ];
    let (url, mut connection) =
        made("CREATE TYPE mood AS ENUM ('fine'); CREATE DOMAIN cents AS integer").await;
    let database = connect(&url).await;
    for (number, (definition, value, ty, want)) in cases.into_iter().enumerate() {
        let table = format!("t{number}");
        run(
            &mut connection,
            &format!(
                "CREATE TABLE {table} (id integer PRIMARY KEY, v {definition}); \
             INSERT INTO {table} VALUES (1, {value})"
            ),
        )
        .await;
        let spec = spec(&table, &[("id", "integer"), ("v", ty)]);
        assert_eq!(database.check(&[&spec]).await.expect(definition), [], "{definition} as {ty}");
        let all = read_all(&database, &spec).await;
        let got = match (all.rows.first(), all.rejects.first()) {
            (Some(row), None) => Ok(row[1].as_str()),
            (None, Some(reject)) => Err(reject.reason),
            _ => panic!("{all:?}"),
        };
        assert_eq!(got, want, "{definition} {value} as {ty}");
    }
}

#[tokio::test]
async fn infinity_is_counted() {
    let (url, _) = made(
        "CREATE TABLE t (id integer PRIMARY KEY, at timestamptz); \
         INSERT INTO t VALUES (1, 'infinity'), (2, '-infinity'), (3, NULL)",
    )
    .await;
    let all =
        read_all(&connect(&url).await, &spec("t", &[("id", "integer"), ("at", "timestamptz")]))
            .await;
    assert_eq!(all.column(1), ["NULL"; 3]);
    let [warning] = all.warnings.as_slice() else { panic!("{:?}", all.warnings) };
    assert!(warning.contains("`at`: 2 values") && warning.contains("infinity"), "{warning}");
}

#[tokio::test]
async fn odd_names_and_schemas_are_only_names() {
    let (url, _) = made(
        "CREATE SCHEMA \"Odd\"; CREATE TABLE \"Odd\".\"t; \"\"x\" (\"Id\" integer PRIMARY KEY, \
         \"se lect\" integer NOT NULL); INSERT INTO \"Odd\".\"t; \"\"x\" VALUES (1, 2)",
    )
    .await;
    let database = connect(&url).await;
    let mut spec = spec("Odd.t; \"x", &[("id", "integer"), ("se lect", "integer")]);
    spec.columns[0].source_name = Some("Id".into());
    assert_eq!(database.check(&[&spec]).await.expect("fits"), []);
    assert_eq!(read_all(&database, &spec).await.rows, [["1", "2"]]);
    let found = database.discover().await.expect("tables");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].name, "Odd.t; \"x");
    assert_eq!(found[0].primary_key, ["Id"]);
}

#[tokio::test]
async fn a_user_who_cannot_see_transactions_stays_behind_and_is_told() {
    let (url, mut root) = made(
        "CREATE TABLE t (id integer PRIMARY KEY, at timestamptz NOT NULL); \
         CREATE TABLE secret (id integer PRIMARY KEY)",
    )
    .await;
    let user = url.path().trim_start_matches('/').to_string();
    run(&mut root, &format!("CREATE USER {user}; GRANT SELECT ON t TO {user}")).await;
    let mut theirs = url.clone();
    theirs.set_username(&user).expect("a user");
    let database = connect(&theirs).await;
    let spec_t = incremental("t", &[("id", "integer"), ("at", "timestamptz")], "at");
    let (windows, warnings) =
        database.windows(&[&spec_t], &Default::default()).await.expect("windows");
    assert!(warnings.iter().any(|w| w.message.contains("pg_read_all_stats")), "{warnings:?}");
    let now: i64 = sqlx::query_scalar("SELECT extract(epoch FROM clock_timestamp())::bigint")
        .fetch_one(&mut root)
        .await
        .expect("the clock");
    let Some(Window::Range { end, .. }) = windows.get("t") else { panic!("{windows:?}") };
    let behind = now - end.and_utc().timestamp();
    assert!((119..180).contains(&behind), "{behind}");

    let error = super::read(&database, &spec("secret", &[("id", "integer")]), &Window::Full)
        .await
        .expect_err("no grant");
    assert_eq!(codes(&error), ["extract/denied"]);
    let mut nobody = url.clone();
    nobody.set_username("nobody_at_all").expect("a user");
    let error = Database::connect(&source(&nobody)).await.expect_err("no such user");
    assert_eq!((error.code(), error.kind().exit_code()), ("connect/login", 4));
}

#[tokio::test]
async fn a_killed_connection_is_an_error_and_never_a_short_table() {
    use futures::StreamExt;
    let (url, mut root) = made(
        "CREATE TABLE t (id integer PRIMARY KEY, v text); \
         INSERT INTO t SELECT n, repeat('x', 2000) FROM generate_series(1, 60000) n",
    )
    .await;
    let database = connect(&url).await;
    let spec = spec("t", &[("id", "integer"), ("v", "varchar(2000)")]);
    let mut stream = database.extract(&spec, &Window::Full).await.expect("a stream");
    assert!(stream.next().await.is_some_and(|item| item.is_ok()));
    let killed: Vec<bool> = sqlx::query_scalar(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND application_name = 'landfall'",
    )
    .fetch_all(&mut root)
    .await
    .expect("the connections");
    assert_eq!(killed, [true]);
    let mut last = None;
    while let Some(item) = stream.next().await {
        last = Some(item);
    }
    let error = last.expect("an end").expect_err("an error at the end");
    assert!(["extract/connection_lost", "extract/stopped"].contains(&error.code()), "{error:?}");
}
