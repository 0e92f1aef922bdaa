//! Landing in a bucket: whole runs, a server that goes away, and what is said of each refusal.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::process::Output;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{RecordBatch, StringArray};
use futures::{StreamExt, TryStreamExt};
use landfall::error::Place;
use landfall::land;
use landfall::rows::{ExtractStream, Extracted};
use landfall::sequence::Sequence;
use landfall::tables::{ColumnSpec, Extract, TableName, TableSpec};
use landfall::types::SqlType;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectMeta, ObjectStore};

use crate::support::chance::Chance;
use crate::support::project::{Project, text};
use crate::support::s3::{BUCKET, Server, server};
use crate::support::wire::Wire;

/// A line of no log format, which goes to quarantine.
const BROKEN: &str = "this is no request\n";

/// A sample whose landing is a folder of the bucket, or the project's own folder.
fn project(prefix: Option<&str>) -> Project {
    let project = Project::sample(30, 200);
    if let Some(prefix) = prefix {
        let landing = format!("\nlanding = \"s3://{BUCKET}/{prefix}\"\n");
        project.edit(&[("\nlanding = \".\"", &landing)]);
    }
    project.ok(&["seed"]);
    let log = project.path().join("data/access.log");
    let mut lines = std::fs::read_to_string(&log).expect("the log");
    lines.push_str(BROKEN);
    std::fs::write(&log, lines).expect("the log");
    project
}

/// The program with the environment of a bucket, some of it changed or taken away.
fn run_as(
    project: &Project,
    via: SocketAddr,
    changes: &[(&'static str, &str)],
    words: &[&str],
) -> Output {
    let mut environment: BTreeMap<_, _> = server().environment(via).into_iter().collect();
    for (name, value) in changes {
        match value.is_empty() {
            true => environment.remove(name),
            false => environment.insert(*name, (*value).to_string()),
        };
    }
    project.command(words).envs(environment).output().expect("the program starts")
}

fn ok(project: &Project, via: SocketAddr, words: &[&str]) -> String {
    let output = run_as(project, via, &[], words);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "landfall {words:?}\n{out}{err}");
    out
}

/// The rows of landing, store and a table for readers as lines of CSV, sorted, by table; of all
/// tables that are extracted, or of the large two.
fn tables(project: &Project, via: SocketAddr, all: bool) -> BTreeMap<String, Vec<String>> {
    let sources = project.load().sources;
    let specs = sources.iter().flat_map(|source| source.tables());
    let specs = specs.filter(|spec| all || ["order_lines", "access"].contains(&&*spec.name));
    let mut queries: Vec<_> = specs
        .flat_map(|spec| {
            // The identity of a log file is its place on this machine's disk.
            let names = spec.columns.iter().map(|c| c.name.as_str());
            let names = names.filter(|name| !name.contains("file"));
            // Some are reserved words.
            let columns: Vec<_> = names.map(|name| format!("\"{name}\"")).collect();
            [&spec.landing, &spec.store].map(|table| (table.to_string(), columns.join(", ")))
        })
        .collect();
    queries.push((
        "pres.report_order_lines".into(),
        "order_no, order_line_no, product_name, line_total".into(),
    ));
    let read = |(table, columns): (String, String)| {
        let sql = format!("select {columns} from {table}");
        let csv = ok(project, via, &["query", "--format", "csv", &sql]);
        let mut lines: Vec<_> = csv.lines().map(str::to_string).collect();
        lines.sort();
        (table, lines)
    };
    queries.into_iter().map(read).collect()
}

fn equal(have: &BTreeMap<String, Vec<String>>, want: &BTreeMap<String, Vec<String>>) {
    assert!(have.keys().eq(want.keys()));
    for (table, rows) in have {
        assert_eq!(rows, &want[table], "{table}");
    }
}

async fn objects(server: &Server, prefix: &str) -> BTreeMap<String, ObjectMeta> {
    let bucket = server.bucket(server.address);
    let listed: Vec<_> =
        bucket.list(Some(&Path::from(prefix))).try_collect().await.expect("the bucket");
    listed.into_iter().map(|object| (object.location.to_string(), object)).collect()
}

#[tokio::test]
async fn runs_land_in_a_bucket_and_queries_read_it_there() {
    let server = server();
    let wire = Wire::to(server.address);
    let (there, here) = (project(Some("lake/whole")), project(None));
    ok(&there, wire.address, &["run"]);
    ok(&here, wire.address, &["run"]);
    equal(&tables(&there, wire.address, true), &tables(&here, wire.address, true));
    let first = objects(server, "lake/whole").await;
    let partition = |layer: &str| format!("lake/whole/{layer}/execution_sequence=1/part-");
    for layer in ["landing/mysql/order_lines", "landing/weblog/access", "quarantine/weblog/access"]
    {
        let of_layer = first.keys().filter(|key| key.starts_with(&partition(layer)));
        assert_eq!(of_layer.count(), 1, "{layer}: {:?}", first.keys());
    }
    for folder in ["landing", "quarantine"] {
        assert!(!there.path().join(folder).exists(), "{folder} is on this machine too");
    }

    there.ok(&["seed", "--mutate", "30%"]);
    // A day changed twice has two times of change.
    for source in ["orders.sqlite", "access.log"] {
        let [from, to] = [&there, &here].map(|p| p.path().join("data").join(source));
        std::fs::copy(from, to).expect("the same next day");
    }
    let before = wire.asked().len();
    ok(&there, wire.address, &["run"]);
    let again: Vec<_> = wire.asked().split_off(before);
    let again: Vec<_> = again.iter().filter(|line| line.contains("sequence%3D1/")).collect();
    assert!(again.is_empty(), "a run has no use for older partitions: {again:?}");
    ok(&here, wire.address, &["run"]);
    equal(&tables(&there, wire.address, true), &tables(&here, wire.address, true));
    let second = objects(server, "lake/whole").await;
    assert!(second.len() > first.len());
    for (key, object) in &first {
        assert_eq!(second.get(key), Some(object), "an old object has changed");
    }
    let asked = wire.asked();
    let written: Vec<_> = asked.iter().filter(|line| line.starts_with("PUT ")).collect();
    let keys: BTreeSet<_> = written.iter().collect();
    assert_eq!((written.len(), keys.len()), (second.len(), second.len()), "{written:?}");

    ok(&there, wire.address, &["doctor"]);
    ok(&there, wire.address, &["compact", "--keep-minutes", "0"]);
    assert_eq!(objects(server, "lake/whole").await, second, "a file that is named was removed");
    let emitted = ok(&there, wire.address, &["emit", "--target", "redshift"]);
    let location = format!("'s3://{BUCKET}/lake/whole/landing/mysql/order_lines/");
    assert!(emitted.contains(&location), "no {location} in the SQL for Redshift");
}

#[test]
fn a_server_that_goes_away_fails_what_lands_and_the_next_run_completes_it() {
    let address = server().address;
    let here = project(None);
    ok(&here, address, &["run"]);
    let want = tables(&here, address, false);
    for writes in [1, 5] {
        let there = project(Some(&format!("lake/gone-{writes}")));
        let wire = Wire::to(address);
        wire.cut_after(writes);
        let cut = run_as(&there, wire.address, &[], &["run"]);
        let said = text(&cut.stderr);
        assert_eq!(cut.status.code(), Some(1), "{said}");
        assert!(said.contains("error[land/write]: land."), "{said}");
        assert!(
            said.contains("the store cannot be reached")
                || said.contains("the connection to the store broke"),
            "{said}"
        );
        assert!(said.contains("help: check the network and AWS_ENDPOINT_URL"), "{said}");

        // Nobody listens there any more: now a run does not even begin.
        let gone = run_as(&there, wire.address, &[], &["run"]);
        let said = text(&gone.stderr);
        assert_eq!(gone.status.code(), Some(4), "{said}");
        assert!(said.contains("error[storage/s3]: cannot use `s3://warehouse/lake/gone"), "{said}");

        ok(&there, address, &["run"]);
        equal(&tables(&there, address, false), &want);
    }
}

#[test]
fn what_is_wrong_is_said_before_anything_is_written() {
    let address = server().address;
    // Port 9 of this machine discards what it gets, where anybody listens at all.
    let nobody = "http://127.0.0.1:9";
    let metadata = ("AWS_METADATA_ENDPOINT", nobody);
    let gone = [("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", ""), metadata];
    type Case<'a> = (&'a str, &'a [(&'static str, &'a str)], i32, &'a str, &'a str);
    let cases: [Case<'_>; 8] = [
        (
            "key",
            &[("AWS_ACCESS_KEY_ID", "AKIANOBODY")],
            4,
            "refused (S3 answered InvalidAccessKeyId",
            "check AWS_ACCESS_KEY_ID",
        ),
        (
            "secret",
            &[("AWS_SECRET_ACCESS_KEY", "wrong")],
            4,
            "refused (S3 answered SignatureDoesNotMatch",
            "AWS_SECRET_ACCESS_KEY",
        ),
        (
            "region",
            &[("AWS_REGION", "us-east-2")],
            4,
            "the bucket is in another region",
            "set AWS_REGION=eu-west-1",
        ),
        (
            "no region",
            &[("AWS_REGION", "")],
            4,
            "the bucket is in another region",
            "set AWS_REGION=eu-west-1",
        ),
        ("no key", &gone, 4, "there are no AWS credentials", "set AWS_ACCESS_KEY_ID"),
        (
            "nobody",
            &[("AWS_ENDPOINT_URL", nobody)],
            4,
            "the store cannot be reached",
            "check the network",
        ),
        (
            "plain",
            &[("AWS_ENDPOINT_URL", "http://s3.example.com")],
            2,
            "not encrypted",
            "AWS_ALLOW_HTTP",
        ),
        (
            "no URL",
            &[("AWS_ENDPOINT_URL", "s3.example.com")],
            2,
            "AWS_ENDPOINT_URL is not a URL",
            "https://",
        ),
    ];
    let project = project(Some("lake/refused"));
    let refused = |name: &str, output: &Output, code: i32, words: &str, hint: &str| {
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{name}: {said}");
        assert!(said.contains(words), "{name}: {said}");
        assert!(said.contains("help: ") && said.contains(hint), "{name}: {said}");
        assert!(!said.contains(&server().secret), "{name}: {said}");
        assert!(!project.catalog().exists(), "{name}: a catalog was made");
    };
    for (name, changes, code, words, hint) in cases {
        let output = run_as(&project, address, changes, &["run"]);
        refused(name, &output, code, words, hint);
    }
    project.edit(&[("s3://warehouse/", "s3://warehouse-that-is-not/")]);
    let output = run_as(&project, address, &[], &["run"]);
    refused("bucket", &output, 4, "there is no such bucket", "create the bucket");
    let doctor = run_as(&project, address, &[], &["doctor"]);
    let found = text(&doctor.stdout);
    assert_eq!(doctor.status.code(), Some(1), "{found}");
    assert!(found.contains("there is no such bucket"), "{found}");
}

#[test]
fn two_projects_do_not_land_in_one_place() {
    let address = server().address;
    let (first, second) = (project(Some("lake/shared")), project(Some("lake/shared")));
    ok(&first, address, &["run"]);
    let output = run_as(&second, address, &[], &["run"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("error[landing/owned]: `s3://warehouse/lake/shared`"), "{said}");
    assert!(said.contains("help: give each project its own `landing`"), "{said}");
    ok(&first, address, &["run"]);
}

#[test]
fn a_query_of_landing_that_finds_no_server_says_so() {
    let address = server().address;
    let project = project(Some("lake/queried"));
    ok(&project, address, &["run"]);
    let nobody = [("AWS_ENDPOINT_URL", "http://127.0.0.1:9")];
    let sql = "select count(*) from landing_mysql.order_lines where quantity > 0";
    let output = run_as(&project, address, &nobody, &["query", sql]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("error[engine/storage]"), "{said}");
    assert!(said.contains("the store cannot be reached"), "{said}");
    // The store is on this machine.
    let sql = "select count(*) from store_mysql.order_lines";
    let output = run_as(&project, address, &nobody, &["query", sql]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

fn wide_spec() -> TableSpec {
    let ty = SqlType::parse("varchar(65535)").expect("a type");
    let column = ColumnSpec { name: "note".into(), source_name: None, ty, not_null: true };
    TableSpec {
        source: "mysql".into(),
        name: "notes".into(),
        from: "notes".into(),
        columns: vec![column],
        filter: None,
        extract: Extract::Full,
        landing: TableName::new("landing_mysql", "notes"),
        store: TableName::new("store_mysql", "notes"),
        key: vec!["note".into()],
        version: None,
        place: Place::new("landfall.toml", 1, 1),
    }
}

/// Text that hardly compresses, 1,000 characters a row, so that files have several parts.
fn notes(chance: &mut Chance, rows: usize) -> RecordBatch {
    // Ten characters of six bits each.
    let ten = |n: u64| (0..10).map(move |k| char::from(b'0' + (n >> (6 * k) & 63) as u8));
    let note = |_| (0..100).flat_map(|_| ten(chance.next())).collect::<String>();
    let values: StringArray = (0..rows).map(note).map(Some).collect();
    RecordBatch::try_new(wide_spec().landing_schema(), vec![Arc::new(values)]).expect("a batch")
}

/// Requests of the upload that is given up, by their method.
fn given_up(wire: &Wire, method: &str) -> usize {
    let begin = format!("{method} /{BUCKET}/lake/given-up/");
    let of_it = |line: &&String| line.starts_with(&begin) && line.contains("uploadId=");
    wire.asked().iter().filter(of_it).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_file_is_uploaded_in_parts_and_given_up_whole() {
    let server = server();
    let wire = Arc::new(Wire::to(server.address));
    let spec = wide_spec();
    let land_in = |prefix: &str, stream: ExtractStream| {
        let store = PrefixStore::new(server.bucket(wire.address), prefix);
        let spec = &spec;
        async move { land::land(Arc::new(store), spec, Sequence(1), stream, &|_| ()).await }
    };
    let batches = |count: usize| {
        let mut chance = Chance::new(7);
        futures::stream::iter(0..count).map(move |_| Ok(Extracted::Rows(notes(&mut chance, 1000))))
    };
    let landed = land_in("lake/parts", Box::pin(batches(40))).await.expect("lands");
    let found = objects(server, "lake/parts").await;
    assert_eq!(landed.landed(), 40_000);
    let sizes: Vec<_> = found.values().map(|object| object.size).collect();
    assert_eq!(sizes, [landed.files[0].bytes]);
    let parts = wire.asked().iter().filter(|line| line.contains("partNumber=")).count();
    assert!(parts >= 2, "{parts} parts for {sizes:?} bytes");

    // The source fails once the upload of its first row group is under way.
    let seen = Arc::clone(&wire);
    let failure = async move {
        for _ in 0..3_000 {
            if given_up(&seen, "PUT") > 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Err(landfall::error::Error::failed("source/lost", "the source went away"))
    };
    let items = batches(130).chain(futures::stream::once(failure));
    let error = land_in("lake/given-up", Box::pin(items)).await.expect_err("the source is gone");
    assert_eq!(error.code(), "source/lost");
    assert!(objects(server, "lake/given-up").await.is_empty());
    assert!(given_up(&wire, "PUT") > 0, "no part was ever sent");
    assert!(given_up(&wire, "DELETE") > 0, "the upload was left open");
}

/// COPY, UNLOAD and external tables name the bucket as they would on Redshift.
#[tokio::test]
async fn copy_unload_and_external_tables_meet_in_the_bucket() {
    let server = server();
    let wire = Wire::to(server.address);
    let project = project(None);
    let at = format!("s3://{BUCKET}/exchange");
    let sql = format!(
        "-- Lines that leave to the bucket and come back\n\
         unload ('select order_no, order_line_no, quantity, line_total, order_date \
                  from pres.report_order_lines') \
           to '{at}/parquet/lines_' iam_role default format as parquet;\n\
         unload ('select order_no, order_line_no, product_name from pres.report_order_lines') \
           to '{at}/csv/lines_' iam_role default csv header gzip manifest;\n\
         create table pres.back (order_no varchar(20), line varchar(20), quantity int, \
           total decimal(20, 4), day date);\n\
         copy pres.back from '{at}/parquet/' iam_role default format as parquet;\n\
         create table pres.names (order_no varchar(20), line varchar(20), product varchar(100));\n\
         copy pres.names from '{at}/csv/lines_manifest' iam_role default manifest csv gzip \
           ignoreheader 1;\n\
         create external schema lake from data catalog database 'lake' iam_role default;\n\
         create external table lake.lines (order_no varchar(20), order_line_no varchar(20), \
           quantity int, line_total decimal(20, 4), order_date date) stored as parquet location '{at}/parquet/';\n\
         create table pres.through as select order_no, order_line_no as line, quantity, \
           line_total as total, order_date as day from lake.lines;\n"
    );
    std::fs::write(project.path().join("sql/pres/exchange.sql"), sql).expect("the file");
    ok(&project, wire.address, &["run"]);
    let rows = |columns: &str, table: &str| {
        let sql = format!("select {columns} from {table} order by 1, 2");
        ok(&project, wire.address, &["query", "--format", "csv", &sql])
            .lines()
            .skip(1)
            .map(str::to_string)
            .collect::<Vec<_>>()
    };
    let report = "pres.report_order_lines";
    let lines = rows("order_no, order_line_no, quantity, line_total, order_date", report);
    assert!(lines.len() > 30, "{} lines", lines.len());
    for table in ["pres.back", "pres.through"] {
        assert_eq!(rows("order_no, line, quantity, total, day", table), lines, "{table}");
    }
    let names = rows("order_no, order_line_no, product_name", report);
    assert_eq!(rows("order_no, line, product", "pres.names"), names);
    let made = objects(server, "exchange").await;
    assert!(made.contains_key("exchange/csv/lines_manifest"), "{:?}", made.keys());
    assert!(made.keys().any(|key| key.ends_with(".gz")), "{:?}", made.keys());
    assert!(!project.path().join("exchange").exists());
}
