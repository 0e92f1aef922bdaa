//! The catalog in PostgreSQL, on a throwaway server: the same tables as in a file, one run at a
//! time over machines, and a server that goes away.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use landfall::sequence::Sequence;
use sqlx::{Connection, PgConnection};
use url::Url;

use crate::support::chance::Chance;
use crate::support::duckdb::duckdb;
use crate::support::project::{Project, Rows, difference, select, text};
use crate::support::servers;

/// Sets where the catalog is, in a project that has said nothing of it yet.
fn set_catalog(project: &Project, catalog: &str) {
    let key = format!("fsync = false\ncatalog = \"{catalog}\"\n");
    project.edit(&[("fsync = false", &key)]);
}

/// The sample with its catalog in a database of its own.
async fn project(orders: u32, log_lines: u32) -> (Project, Url) {
    let project = Project::sample(orders, log_lines);
    let url = servers::postgres().await;
    set_catalog(&project, url.as_str());
    project.ok(&["seed"]);
    (project, url)
}

async fn connect(url: &Url) -> PgConnection {
    PgConnection::connect(url.as_str()).await.expect("PostgreSQL")
}

fn start(project: &Project) -> Child {
    project.command(&["run"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts")
}

fn end(child: Child) -> Output {
    child.wait_with_output().expect("ends")
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status();
    assert!(sent.expect("kill").success(), "kill {name}");
}

/// Starts a run and stops it, without ending it, once the catalog says who holds the lock.
async fn stopped_run(project: &Project, url: &Url) -> Child {
    let child = start(project);
    let mut connection = connect(url).await;
    let began = Instant::now();
    loop {
        let held: Result<Option<(String,)>, _> =
            sqlx::query_as("select holder from landfall_holder")
                .fetch_optional(&mut connection)
                .await;
        if held.is_ok_and(|held| held.is_some_and(|(text,)| text.contains("\"run\":\""))) {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "the run never took the lock");
    }
    signal(&child, "-STOP");
    child
}

/// The tables of store and pres: landing also keeps what was landed again.
fn stored(mut tables: BTreeMap<String, Rows>) -> BTreeMap<String, Rows> {
    tables.retain(|name, _| !name.starts_with("landing"));
    tables
}

fn reports(project: &Project) -> Vec<String> {
    ["monthly_sales", "top_devices", "top_products"]
        .map(|report| project.ok(&["report", report, "--format", "csv"]))
        .to_vec()
}

#[tokio::test]
async fn a_catalog_in_postgresql_gives_the_tables_of_one_in_a_file() {
    let project = Project::sample(60, 300);
    project.ok(&["run"]);
    let (want, want_reports) = (project.tables().await, reports(&project));
    project.forget();
    let url = servers::postgres().await;
    set_catalog(&project, url.as_str());

    project.ok(&["plan"]);
    project.ok(&["run"]);
    assert!(!project.catalog().exists(), "no file was made beside the server");
    assert_eq!(difference(&want, &project.tables().await), None);
    assert_eq!(reports(&project), want_reports);

    project.ok(&["run"]);
    let done = project.done(2).await;
    assert!(done.len() > 5, "{done:?}");
    for (task, rows) in done.iter().filter(|(task, _)| task.starts_with("store.")) {
        assert_eq!((rows.inserted, rows.updated), (0, 0), "{task}: {rows:?}");
    }
    let want = stored(want);
    assert_eq!(difference(&want, &stored(project.tables().await)), None);

    project.ok(&["seed", "--mutate", "30%"]);
    project.ok(&["run"]);
    let next = stored(project.tables().await);
    assert!(difference(&want, &next).is_some(), "a next day changes something");
    let warehouse = project.warehouse().await;
    let lines =
        select(&warehouse, "store_mysql.order_lines", &["order_line_no", "quantity"], None).await;
    let before = Some(Sequence(2));
    let old =
        select(&warehouse, "store_mysql.order_lines", &["order_line_no", "quantity"], before).await;
    assert_ne!(lines, old);
    drop(warehouse);

    for words in [
        &["status"][..],
        &["history"],
        &["logs"],
        &["tables"],
        &["check"],
        &["config", "show", "--origin"],
        &["compact", "--expire-before-sequence", "3"],
        &["rerun", "pres.report_order_lines", "--yes"],
        &["query", "select count(*) from pres.report_order_lines"],
    ] {
        project.ok(words);
    }
    let doctor = project.ok(&["doctor"]);
    let named = doctor.lines().any(|l| l.contains("catalog") && l.contains("postgres://"));
    assert!(named, "{doctor}");
}

#[tokio::test]
async fn duckdb_reads_a_catalog_in_postgresql_and_writes_to_it() {
    let project = Project::sample(20, 60);
    let url = servers::postgres().await;
    set_catalog(&project, &format!("{url}?schema=lake"));
    project.ok(&["run"]);
    let catalog = format!(
        "host={} port={} user={} dbname={}",
        url.host_str().expect("a host"),
        url.port().expect("a port"),
        url.username(),
        url.path().trim_start_matches('/'),
    );
    let columns = ["order_line_no", "product_code", "quantity"];
    let read = format!("select {} from store_mysql.order_lines", columns.join(", "));
    let warehouse = project.warehouse().await;
    let mut theirs = duckdb(
        Path::new(&catalog),
        "(read_only, metadata_schema 'lake')",
        std::slice::from_ref(&read),
    )
    .remove(0);
    theirs.sort();
    assert_eq!(select(&warehouse, "store_mysql.order_lines", &columns, None).await, theirs);

    let write = "create table pres.theirs as select 1 as n union all select 2";
    duckdb(Path::new(&catalog), "(metadata_schema 'lake')", &[write.to_string()]);
    let ours = select(&warehouse, "pres.theirs", &["n"], None).await;
    assert_eq!(ours, [[Some("1".to_string())], [Some("2".to_string())]]);
    drop(warehouse);
    project.ok(&["run"]);
}

#[tokio::test]
async fn the_second_machine_is_told_of_the_first_and_a_killed_run_leaves_no_lock() {
    let (project, url) = project(30, 120).await;
    let mut first = stopped_run(&project, &url).await;
    // Another machine does not see the lock of this one's file.
    std::fs::remove_file(project.path().join(".landfall/lock")).expect("the lock file");
    for words in [&["run"][..], &["compact"]] {
        let second = project.run(words);
        let said = text(&second.stderr);
        assert_eq!(second.status.code(), Some(5), "{said}");
        assert!(said.contains(&format!("pid {} on", first.id())), "{said}");
    }
    let doctor = text(&project.run(&["doctor"]).stdout);
    assert!(doctor.contains(&format!("held by process {}", first.id())), "{doctor}");
    project.ok(&["status"]);

    first.kill().expect("kills");
    first.wait().expect("ends");
    project.ok(&["run"]);
    let doctor = project.ok(&["doctor"]);
    assert!(doctor.lines().any(|l| l.contains("lock") && l.contains("free")), "{doctor}");
}

#[tokio::test]
async fn killed_runs_go_on_to_the_tables_of_one_clean_run() {
    let (project, url) = project(30, 120).await;
    let began = Instant::now();
    project.ok(&["run"]);
    let takes = began.elapsed().as_micros() as u64;
    let want = stored(project.tables().await);
    let mut chance = Chance::of_environment("killed_runs_go_on_to_the_tables_of_one_clean_run");
    let mut met = 0;
    for _ in 0..3 {
        project.forget();
        let clear = "drop schema public cascade; create schema public";
        sqlx::raw_sql(clear).execute(&mut connect(&url).await).await.expect("clears");
        for _ in 0..3 {
            let mut child = start(&project);
            std::thread::sleep(Duration::from_micros(takes / 10 + chance.below(takes)));
            met += usize::from(child.try_wait().expect("a child").is_none());
            child.kill().expect("kills");
            child.wait().expect("ends");
        }
        project.ok(&["run"]);
        assert_eq!(difference(&want, &stored(project.tables().await)), None);
    }
    assert!(met > 0, "no run was killed: nothing was tested");
}

#[tokio::test]
async fn a_server_that_is_gone_is_an_error_of_its_own_and_the_run_goes_on_later() {
    let (project, url) = project(20, 60).await;
    let first = stopped_run(&project, &url).await;
    sqlx::query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'landfall' and datname = current_database()")
        .execute(&mut connect(&url).await)
        .await
        .expect("ends the sessions");
    signal(&first, "-CONT");
    let ended = end(first);
    let said = text(&ended.stderr);
    assert_eq!(ended.status.code(), Some(4), "{said}");
    assert!(said.contains("catalog/lost"), "{said}");
    project.ok(&["run"]);

    let (mut gone, mut stranger, mut missing) = (url.clone(), url.clone(), url.clone());
    gone.set_port(Some(1)).expect("a port");
    stranger.set_username("nobody_of_this_name").expect("a user");
    missing.set_path("no_database_of_this_name");
    for (catalog, code) in
        [(gone, "catalog/unreachable"), (stranger, "catalog/login"), (missing, "catalog/database")]
    {
        for words in [&["run"][..], &["status"], &["query", "select 1"]] {
            let mut command = project.command(words);
            let output = command.env("LANDFALL_CATALOG", catalog.as_str()).output();
            let output = output.expect("the program starts");
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(4), "{words:?} {said}");
            assert!(said.contains(code), "{words:?} {said}");
        }
    }
}

#[tokio::test]
async fn a_role_that_may_only_read_can_query_and_is_told_why_it_cannot_run() {
    let (project, url) = project(20, 60).await;
    project.ok(&["run"]);
    let role = format!("reader_{}", url.path().trim_start_matches('/'));
    let grant =
        format!("create role {role} login; grant select on all tables in schema public to {role}");
    let mut connection = connect(&url).await;
    sqlx::raw_sql(sqlx::AssertSqlSafe(grant)).execute(&mut connection).await.expect("grants");
    let mut reading = url.clone();
    reading.set_username(&role).expect("a user");
    let as_reader = |words: &[&str]| {
        let mut command = project.command(words);
        command.env("LANDFALL_CATALOG", reading.as_str()).output().expect("the program starts")
    };
    let count = "select count(*) from store_mysql.order_headers";
    for words in [&["query", count][..], &["status"], &["report", "top_products"]] {
        let output = as_reader(words);
        assert_eq!(output.status.code(), Some(0), "{words:?} {}", text(&output.stderr));
    }
    let refused = as_reader(&["run"]);
    assert_ne!(refused.status.code(), Some(0));
    assert!(text(&refused.stderr).contains("the user lacks a right"), "{}", text(&refused.stderr));
}

#[tokio::test]
async fn two_projects_share_a_database_by_schemas_and_never_a_catalog() {
    let (first, url) = project(20, 60).await;
    first.ok(&["run"]);
    let second = Project::sample(10, 30);
    let run = |catalog: String| {
        let mut command = second.command(&["run"]);
        command.env("LANDFALL_CATALOG", catalog).output().expect("the program starts")
    };
    let refused = run(url.to_string());
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused.stderr));
    assert!(text(&refused.stderr).contains("catalog/other-data"), "{}", text(&refused.stderr));
    let other = run(format!("{url}?schema=second"));
    assert_eq!(other.status.code(), Some(0), "{}", text(&other.stderr));
    first.ok(&["run"]);
    let (schemas,): (i64,) = sqlx::query_as(
        "select count(*) from information_schema.tables where table_name = 'ducklake_snapshot'",
    )
    .fetch_one(&mut connect(&url).await)
    .await
    .expect("counts");
    assert_eq!(schemas, 2);

    // As where the shared folder is not mounted.
    std::fs::rename(first.path().join(".landfall/data"), first.path().join("away")).expect("moves");
    let lost = first.run(&["run"]);
    assert_eq!(lost.status.code(), Some(2), "{}", text(&lost.stderr));
    assert!(text(&lost.stderr).contains("catalog/other-data"), "{}", text(&lost.stderr));
}
