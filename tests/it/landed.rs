//! A landed log read by others: DuckDB, and pyarrow where the Python has it. The expected rows are
//! those the lines were made of.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use landfall::config::{CountrySource, DEVICES, WeblogSource, access_spec};
use landfall::error::Place;
use landfall::extract::weblog;
use landfall::extract::weblog::country::{DEFAULT_TABLE, MemoryCache};
use landfall::sequence::Sequence;
use landfall::{land, storage};

use crate::support::duckdb::{parquet, pyarrow};

const COLUMNS: [&str; 11] = [
    "line_offset",
    "ip_address",
    "identity",
    "username",
    "request_timestamp",
    "request_timestamp_converted",
    "request_line",
    "status_code",
    "bytes_sent",
    "user_agent",
    "device",
];

/// Lines, and their rows: `-` is NULL.
fn lines(count: usize) -> (String, Vec<Vec<Option<String>>>) {
    let (mut text, mut rows) = (String::new(), Vec::new());
    for i in 0..count {
        let (day, hour, second) = (i % 28 + 1, i / 60 % 24, i % 60);
        let stamp = format!("{day:02}/Feb/2024:{hour:02}:59:{second:02} +0100");
        let converted = match hour {
            0 if day == 1 => format!("2024-01-31 23:59:{second:02}"),
            0 => format!("2024-02-{:02} 23:59:{second:02}", day - 1),
            _ => format!("2024-02-{day:02} {:02}:59:{second:02}", hour - 1),
        };
        let user = if i % 5 == 0 { "-".into() } else { format!("user{}", i % 11) };
        let size = if i % 7 == 0 { "-".into() } else { (i * 3).to_string() };
        // more new requests and sizes than a dictionary is kept for
        let request = match i % 2 {
            0 => format!("GET /page/{i}?q=\\\"é\\\" HTTP/1.1"),
            _ => format!("GET /page/{i}?q=1 HTTP/1.1"),
        };
        let (agent, device) = [("curl/8", "Other"), ("iPad 3", "iPad"), ("-", "Other")][i % 3];
        let (ip, status) = (format!("8.8.{}.{}", i / 200 % 9, i % 200), 200 + i % 3);
        let offset = text.len().to_string();
        text +=
            &format!("{ip} - {user} [{stamp}] \"{request}\" {status} {size} \"-\" \"{agent}\"\n");
        let row = [
            &offset,
            &ip,
            "-",
            &user,
            &stamp,
            &converted,
            &request,
            &status.to_string(),
            &size,
            agent,
            device,
        ];
        rows.push(row.into_iter().map(|v| (v != "-").then(|| v.to_string())).collect());
    }
    (text, rows)
}

/// Lands the log `access.log` of a folder there; gives the one file.
async fn land_log(folder: &Path) -> PathBuf {
    let source = WeblogSource {
        name: "weblog".into(),
        files: vec!["access.log".into()],
        country: CountrySource::Table(PathBuf::from(DEFAULT_TABLE)),
        formats: Vec::new(),
        format_places: Vec::new(),
        devices: DEVICES.map(str::to_string).to_vec(),
        extra: Vec::new(),
        require_files: true,
        table: access_spec("weblog", Place::new("landfall.toml", 1, 1)),
    };
    let cache = Arc::new(MemoryCache::default());
    let countries = weblog::countries(&source.country, cache).expect("countries");
    let (window, _) = weblog::plan(&source, folder, &BTreeMap::new()).expect("a window");
    let store = storage::local(folder, false).expect("a store");
    let lines = weblog::extract(&source, folder, &window, countries, 2).expect("an extract");
    let landed = land::land(store, &source.table, Sequence::FIRST, lines, &|_| {}).await;
    let landed = landed.expect("landed");
    assert_eq!((landed.files.len(), landed.quarantined()), (1, 0));
    folder.join(&landed.files[0].path)
}

#[tokio::test(flavor = "multi_thread")]
async fn duckdb_and_pyarrow_read_a_landed_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let (text, rows) = lines(70_000);
    std::fs::write(folder.path().join("access.log"), text).expect("written");
    let file = land_log(folder.path()).await;
    let from = format!("FROM read_parquet('{}')", file.display());
    let wanted = format!("SELECT {} {from} ORDER BY line_offset", COLUMNS.join(", "));
    // these look at the least and greatest values in the footer
    let one = format!("SELECT count(*) {from} WHERE request_line LIKE 'GET /page/69999?%'");
    let none = format!("SELECT count(*) {from} WHERE request_line > 'GET /page/a'");
    let sizes = format!("SELECT min(bytes_sent), max(bytes_sent), count(*) {from}");
    let answers = parquet(&[wanted, one, none, sizes]);
    let [read, one, none, sizes] = answers.as_slice() else { panic!("{answers:?}") };
    for (row, (read, want)) in read.iter().zip(&rows).enumerate() {
        assert_eq!(read, want, "row {row}");
    }
    assert_eq!(read.len(), rows.len());
    let cell = |rows: &[Vec<Option<String>>]| rows[0][0].clone().expect("a number");
    assert_eq!((cell(one), cell(none)), ("1".into(), "0".into()));
    assert_eq!(sizes[0].iter().flatten().collect::<Vec<_>>(), ["3", "209997", "70000"]);
    if let Some(columns) = pyarrow(&file) {
        for (at, name) in COLUMNS.iter().enumerate() {
            let want: Vec<&Option<String>> = rows.iter().map(|row| &row[at]).collect();
            let read: Vec<&Option<String>> = columns[*name].iter().collect();
            assert!(read == want, "pyarrow reads another {name}");
        }
    }
}
