//! Real servers for the tests: those of `tests/run.sh`, or own ones for this process.
//!
//! Every test gets a database of its own, so tests do not meet.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, Connection, MySqlConnection, PgConnection};
use url::Url;

struct Servers {
    mysql: Url,
    postgres: Url,
    /// Servers of our own stop when the input of this closes, which it does however we end.
    _own: Option<Child>,
}

fn servers() -> &'static Servers {
    static SERVERS: OnceLock<Servers> = OnceLock::new();
    SERVERS.get_or_init(|| {
        let given = |name: &str| std::env::var(name).ok().and_then(|url| url.parse().ok());
        match (given("LANDFALL_TEST_MYSQL"), given("LANDFALL_TEST_POSTGRES")) {
            (Some(mysql), Some(postgres)) => Servers { mysql, postgres, _own: None },
            _ => start(),
        }
    })
}

fn start() -> Servers {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers.sh");
    let mut child = Command::new("bash")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("bash runs tests/servers.sh");
    let mut said = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut line = || said.next().and_then(Result::ok).expect("servers; see `bash tests/run.sh`");
    let (mysql, postgres) = (line(), line());
    assert_eq!(line(), "ready");
    Servers {
        mysql: mysql.parse().expect("a URL"),
        postgres: postgres.parse().expect("a URL"),
        _own: Some(child),
    }
}

/// A name no other test of this or another process has taken.
fn fresh() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("t{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A new MariaDB database; its URL holds user and password.
pub async fn mysql() -> Url {
    let mut url = servers().mysql.clone();
    let name = fresh();
    let mut connection = MySqlConnection::connect(url.as_str()).await.expect("MariaDB");
    let create = format!("CREATE DATABASE {name} CHARACTER SET utf8mb4");
    sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut connection).await.expect("a database");
    url.set_path(&name);
    url
}

/// A new PostgreSQL database; its URL holds the user.
pub async fn postgres() -> Url {
    let mut url = servers().postgres.clone();
    url.set_path("postgres");
    let name = fresh();
    let mut connection = PgConnection::connect(url.as_str()).await.expect("PostgreSQL");
    let create = format!("CREATE DATABASE {name}");
    sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut connection).await.expect("a database");
    url.set_path(&name);
    url
}
