//! Access logs: the scan, the typed columns, and log to Parquet, in bytes a second.
//!
//! ```text
//! cargo bench --bench weblog                  stages beside `regex` and bare newline slices
//! weblog lines few|many|escaped N FILE        writes a made log
//! weblog land FILE FOLDER JOBS                one log to Parquet, as a whole process
//! ```
//! benches/README.md has the commands for other engines and what was measured. It never runs inside
//! a test.

#[path = "weblog/lines.rs"]
mod lines;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group};
use landfall::config::{CountrySource, WeblogSource, access_spec};
use landfall::error::{Error, Place, Result};
use landfall::extract::weblog::country::{DEFAULT_TABLE, MemoryCache, Resolver, Table};
use landfall::extract::weblog::format::Formats;
use landfall::extract::weblog::scan::{Lines, Marks, combined};
use landfall::extract::weblog::{self, Parser};
use landfall::sequence::Sequence;
use landfall::{land, storage};

fn main() -> std::process::ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["lines", kind, count, file] => write_lines(kind, count, Path::new(file)),
        ["land", file, folder, jobs] => land_file(file, Path::new(folder), jobs),
        _ => {
            stages();
            Criterion::default().configure_from_args().final_summary();
            Ok(())
        }
    };
    match done {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:?}");
            std::process::ExitCode::FAILURE
        }
    }
}

criterion_group! {
    name = stages;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    targets = scan, columns, worst
}

/// Lines of a text that is measured: about 25 MB, two chunks.
const LINES: usize = 100_000;

/// Bytes of text given to the parser at a time.
const CHUNK: usize = 16 << 20;

fn kinds() -> [(&'static str, Vec<u8>); 2] {
    [("few", lines::few(LINES)), ("many", lines::many(LINES))]
}

/// The text in chunks that end at newlines.
fn chunks(text: &[u8]) -> Vec<&[u8]> {
    let (mut rest, mut chunks) = (text, Vec::new());
    while rest.len() > CHUNK {
        let newline = memchr::memrchr(b'\n', &rest[..CHUNK]);
        let (chunk, later) = rest.split_at(newline.map_or(rest.len(), |at| at + 1));
        chunks.push(chunk);
        rest = later;
    }
    chunks.push(rest);
    chunks
}

const PATTERN: &str = r#"^(\S+) (\S+) (\S+) \[([^\]]*)\] "((?:[^"\\]|\\.)*)" (\d{3}) (\d+|-) "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)"\r?$"#;

fn scan(criterion: &mut Criterion) {
    let pattern =
        regex::bytes::RegexBuilder::new(PATTERN).unicode(false).build().expect("a pattern");
    for (kind, text) in kinds() {
        let mut group = criterion.benchmark_group(format!("scan/{kind}"));
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function("newlines", |bench| {
            bench.iter(|| {
                let mut start = 0;
                memchr::memchr_iter(b'\n', &text).fold(0, |sum, end| {
                    let line = &text[start..end];
                    start = end + 1;
                    sum + usize::from(line.first().copied().unwrap_or(0)) + line.len()
                })
            });
        });
        group.bench_function("landfall", |bench| {
            let mut marks = Marks::default();
            bench.iter(|| {
                let fields = Lines::new(&text, &mut marks).filter_map(|l| combined(&text, &l));
                fields.fold(0, |sum, line| sum + black_box(line).user_agent.map_or(0, <[u8]>::len))
            });
        });
        group.bench_function("regex", |bench| {
            let mut found = pattern.capture_locations();
            bench.iter(|| {
                let lines = text.split(|byte| *byte == b'\n');
                lines.filter(|line| pattern.captures_read(&mut found, line).is_some()).count()
            });
        });
        group.finish();
    }
}

fn parser() -> Parser {
    let spec = access_spec("weblog", Place::new("landfall.toml", 1, 1));
    let formats = Arc::new(Formats::compile(&[]).expect("formats"));
    let table = Arc::new(Table::embedded().expect("a table"));
    Parser::new(formats, &spec.landing_schema(), Arc::new(Resolver::new(table))).expect("a parser")
}

/// Fills the columns with a chunk and leaves them.
fn typed(parser: &mut Parser, chunk: &[u8]) -> u64 {
    parser.start();
    parser.read("id", 0, chunk).counts.lines
}

fn columns(criterion: &mut Criterion) {
    for (kind, text) in kinds() {
        let mut group = criterion.benchmark_group(format!("columns/{kind}"));
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function("typed", |bench| {
            let mut parser = parser();
            let mut read = |chunk: &&[u8]| typed(&mut parser, chunk);
            bench.iter(|| chunks(&text).iter().map(&mut read).sum::<u64>());
        });
        group.bench_function("parquet", |bench| {
            let mut parser = parser();
            let mut parse = |chunk: &&[u8]| {
                let group = parser.parse("id", 0, chunk).expect("columns that fit").group;
                group.map_or(0, |group| group.bytes())
            };
            bench.iter(|| chunks(&text).iter().map(&mut parse).sum::<usize>());
        });
        group.finish();
    }
}

fn worst(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("worst");
    for (kind, text) in [("quotes", lines::quotes(100 << 20)), ("escaped", lines::escaped(LINES))] {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(kind, |bench| {
            let mut parser = parser();
            let mut read = |chunk: &&[u8]| typed(&mut parser, chunk);
            bench.iter(|| chunks(&text).iter().map(&mut read).sum::<u64>());
        });
    }
    group.finish();
}

fn write_lines(kind: &str, count: &str, file: &Path) -> Result<()> {
    let count = number(count)?;
    let text = match kind {
        "few" => lines::few(count),
        "many" => lines::many(count),
        "escaped" => lines::escaped(count),
        _ => return Err(Error::config("bench/kind", format!("no kind of lines is `{kind}`"))),
    };
    std::fs::write(file, text).map_err(|e| Error::failed("bench/write", "no log").because(e))
}

fn number(text: &str) -> Result<usize> {
    text.parse().map_err(|e| Error::config("bench/number", format!("`{text}`")).because(e))
}

/// Lands a log in a folder and says what came of it.
fn land_file(file: &str, folder: &Path, jobs: &str) -> Result<()> {
    let jobs = number(jobs)?;
    let source = WeblogSource {
        name: "weblog".into(),
        files: vec![file.into()],
        country: CountrySource::Table(PathBuf::from(DEFAULT_TABLE)),
        formats: Vec::new(),
        format_places: Vec::new(),
        devices: landfall::config::DEVICES.map(str::to_string).to_vec(),
        extra: Vec::new(),
        require_files: true,
        table: access_spec("weblog", Place::new("landfall.toml", 1, 1)),
    };
    let countries = weblog::countries(&source.country, Arc::new(MemoryCache::default()))?;
    let root = std::env::current_dir().unwrap_or_default();
    let (window, _) = weblog::plan(&source, &root, &BTreeMap::new())?;
    let store = storage::local(folder, false)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|e| Error::failed("bench/runtime", "no runtime").because(e))?;
    let landed = runtime.block_on(async {
        let lines = weblog::extract(&source, &root, &window, countries, jobs)?;
        land::land(store, &source.table, Sequence::FIRST, lines, &|_| {}).await
    })?;
    let bytes: u64 = landed.files.iter().map(|file| file.bytes).sum();
    println!("{} rows, {} rejected, {bytes} bytes", landed.landed(), landed.quarantined());
    for file in landed.files {
        println!("{}", file.path);
    }
    Ok(())
}
