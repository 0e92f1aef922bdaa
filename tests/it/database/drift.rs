//! A source that changes between check and read, and connections cut at any byte.

use landfall::extract::database::Database;
use landfall::window::Window;
use sqlx::{AssertSqlSafe, Connection, MySqlConnection, PgConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use super::{codes, connect, read, read_all, source, spec};
use crate::support::servers;

async fn mysql(statements: &str) -> (Url, MySqlConnection) {
    let url = servers::mysql().await;
    let mut connection = MySqlConnection::connect(url.as_str()).await.expect("MariaDB");
    run(&mut connection, statements).await;
    (url, connection)
}

async fn run(connection: &mut MySqlConnection, statements: &str) {
    let done = sqlx::raw_sql(AssertSqlSafe(statements.to_string())).execute(connection).await;
    done.expect(statements);
}

#[tokio::test]
async fn columns_that_come_are_told_and_columns_that_go_fail_with_the_fix() {
    let (url, mut root) =
        mysql("CREATE TABLE t (id INT PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 2)").await;
    let database = connect(&url).await;
    let spec = spec("t", &[("id", "integer"), ("v", "integer")]);
    assert_eq!(database.check(&[&spec]).await.expect("fits"), []);
    run(&mut root, "ALTER TABLE t ADD COLUMN colour VARCHAR(9) FIRST").await;
    let warnings = database.check(&[&spec]).await.expect("still fits");
    assert!(warnings.iter().any(|w| w.table == "t" && w.message.contains("`colour` (varchar(9))")));
    assert_eq!(read_all(&database, &spec).await.rows, [["1", "2"]]);
    // Widened: what still fits is landed, what does not is put aside.
    run(&mut root, "ALTER TABLE t MODIFY v BIGINT; INSERT INTO t (id, v) VALUES (2, 1 << 40)")
        .await;
    let all = read_all(&database, &spec).await;
    assert_eq!(all.rows, [["1", "2"]]);
    assert_eq!(all.reasons(), [("row/out_of_range", "v".to_string())]);
    run(&mut root, "ALTER TABLE t DROP COLUMN v").await;
    let error = read(&database, &spec, &Window::Full).await.expect_err("no column");
    assert_eq!(codes(&error), ["extract/no_column"]);
    assert!(error.advice().is_some(), "{error:?}");
    run(&mut root, "DROP TABLE t").await;
    let error = read(&database, &spec, &Window::Full).await.expect_err("no table");
    assert_eq!(codes(&error), ["extract/no_table"]);
}

#[tokio::test]
async fn an_alter_in_the_middle_waits_and_the_rows_are_of_one_shape() {
    use futures::StreamExt;
    let (url, _) = mysql(
        "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(2000)); \
         INSERT INTO t SELECT seq, REPEAT('x', 2000) FROM seq_1_to_30000",
    )
    .await;
    let database = connect(&url).await;
    let spec = spec("t", &[("id", "integer"), ("v", "varchar(2000)")]);
    let mut stream = database.extract(&spec, &Window::Full).await.expect("a stream");
    let mut rows = 0;
    let mut count = |item| match item {
        landfall::rows::Extracted::Rows(batch) => rows += batch.num_rows(),
        other => panic!("{other:?}"),
    };
    count(stream.next().await.expect("a batch").expect("rows"));
    let altered = tokio::spawn(async move {
        let mut root = MySqlConnection::connect(url.as_str()).await.expect("MariaDB");
        run(&mut root, "ALTER TABLE t DROP COLUMN v").await;
    });
    while let Some(item) = stream.next().await {
        count(item.expect("rows"));
    }
    assert_eq!(rows, 30_000);
    altered.await.expect("the change");
}

/// Passes bytes to `target` both ways and hangs up after `limit` bytes have come back.
async fn cutter(target: String, limit: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(&target).await.expect("the server");
            tokio::spawn(pass(client, server, limit));
        }
    });
    port
}

async fn pass(mut client: TcpStream, mut server: TcpStream, mut limit: usize) {
    let (mut up, mut down) = (vec![0; 4096], vec![0; 4096]);
    while limit > 0 {
        tokio::select! {
            read = client.read(&mut up) => match read {
                Ok(n) if n > 0 => server.write_all(&up[..n]).await.expect("the server"),
                _ => return,
            },
            read = server.read(&mut down) => match read {
                Ok(n) if n > 0 => {
                    let n = n.min(limit);
                    limit -= n;
                    if client.write_all(&down[..n]).await.is_err() {
                        return;
                    }
                }
                _ => return,
            },
        }
    }
}

/// Reads the table through connections that break after ever more bytes, up to all of them.
async fn cut_everywhere(url: &Url, table: &str, rows: usize) {
    let target = format!("127.0.0.1:{}", url.port().expect("a port"));
    let spec = spec(table, &[("id", "integer"), ("v", "varchar(100)")]);
    let (mut failed, mut whole) = (0, 0);
    for limit in (1..60).map(|n| n * n * 40) {
        let mut through = url.clone();
        through.set_port(Some(cutter(target.clone(), limit).await)).expect("a port");
        // In the open, so that every byte is one of the protocol.
        let mut source = source(&through);
        source.tls_off = true;
        let Ok(database) = Database::connect(&source).await else {
            failed += 1;
            continue;
        };
        match read(&database, &spec, &Window::Full).await {
            Ok(all) => {
                assert_eq!(all.rows.len(), rows, "a short table after {limit} bytes");
                whole += 1;
            }
            Err(_) => failed += 1,
        }
    }
    assert!(failed > 10 && whole > 3, "{failed} failed, {whole} whole");
}

#[tokio::test]
async fn mariadb_cut_anywhere_is_an_error_or_the_whole_table() {
    let (url, _) = mysql(
        "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(100)); \
         INSERT INTO t SELECT seq, REPEAT('x', 80) FROM seq_1_to_1000",
    )
    .await;
    cut_everywhere(&url, "t", 1_000).await;
}

#[tokio::test]
async fn postgres_cut_anywhere_is_an_error_or_the_whole_table() {
    let url = servers::postgres().await;
    let mut connection = PgConnection::connect(url.as_str()).await.expect("PostgreSQL");
    sqlx::raw_sql(
        "CREATE TABLE t (id integer PRIMARY KEY, v text); \
         INSERT INTO t SELECT n, repeat('x', 80) FROM generate_series(1, 1000) n",
    )
    .execute(&mut connection)
    .await
    .expect("a table");
    cut_everywhere(&url, "t", 1_000).await;
}
