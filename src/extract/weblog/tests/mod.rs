//! Tests of the access log as a whole: the catalogue of bad input, a reference reader, properties.

mod cases;
mod counting;
mod enrichment;
mod odd_lines;
mod previews;
mod properties;
mod reference;
mod rotation;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::StreamExt;

use super::country::{Resolver, Table};
use super::format::Formats;
use super::stream::Work;
use super::*;
use crate::config::{CountrySource, WeblogSource, access_spec};
use crate::error::{Place, Result};
use crate::rows::{Extracted, Reject};
use crate::window::{FileEnd, ReadUpTo, Window};

/// A usual line of user agent `agent`.
fn with_agent(agent: &str) -> String {
    format!(
        r#"8.8.8.8 - frank [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.0" 200 2326 "http://x/" "{agent}""#
    )
}

/// A source of the files matched by `patterns`.
fn source(patterns: &[&str]) -> WeblogSource {
    WeblogSource {
        name: "weblog".to_string(),
        files: patterns.iter().map(|p| p.to_string()).collect(),
        country: CountrySource::Table(PathBuf::from(country::DEFAULT_TABLE)),
        formats: Vec::new(),
        format_places: Vec::new(),
        devices: crate::config::DEVICES.map(str::to_string).to_vec(),
        extra: Vec::new(),
        require_files: false,
        table: access_spec("weblog", Place::new("landfall.toml", 1, 1)),
    }
}

/// What an extract gave.
#[derive(Debug, Default, PartialEq)]
struct Landed {
    /// One map of column to text for each row; NULL columns are left out.
    rows: Vec<BTreeMap<String, String>>,
    rejects: Vec<Reject>,
    warnings: Vec<String>,
    /// Row groups.
    groups: usize,
    /// Bytes of text, or of compressed files.
    passed: u64,
    ends: Vec<FileEnd>,
}

impl Landed {
    /// The values of one column, NULL as `NULL`.
    fn column(&self, name: &str) -> Vec<&str> {
        self.rows.iter().map(|row| row.get(name).map_or("NULL", String::as_str)).collect()
    }

    fn reasons(&self) -> Vec<&str> {
        self.rejects.iter().map(|r| r.reason).collect()
    }

    fn add_batch(&mut self, batch: &RecordBatch) {
        let schema = batch.schema();
        let text = |column: &ArrayRef, row: usize| {
            let options = FormatOptions::default();
            ArrayFormatter::try_new(column, &options).expect("a formatter").value(row).to_string()
        };
        for row in 0..batch.num_rows() {
            let values = schema.fields().iter().zip(batch.columns());
            let values = values.filter(|(_, column)| !column.is_null(row));
            self.rows.push(values.map(|(f, c)| (f.name().clone(), text(c, row))).collect());
        }
    }
}

/// Extracts a window with `jobs` workers and chunks of `chunk` bytes, as far as those are allowed.
async fn land_window(
    source: &WeblogSource,
    root: &Path,
    window: &Window,
    jobs: usize,
    chunk: usize,
) -> Result<Landed> {
    let countries = Arc::new(Table::embedded()?);
    land_window_asking(countries, source, root, window, jobs, chunk).await
}

/// As [`land_window`], with countries from `countries`.
async fn land_window_asking(
    countries: Arc<dyn Countries>,
    source: &WeblogSource,
    root: &Path,
    window: &Window,
    jobs: usize,
    chunk: usize,
) -> Result<Landed> {
    let Window::Files { ranges } = window else { panic!("a window of files") };
    let work = Work {
        source: Arc::new(source.clone()),
        root: root.to_path_buf(),
        ranges: ranges.clone().into(),
        formats: Arc::new(Formats::compile(&source.formats)?),
        schema: source.table.landing_schema(),
        resolver: Arc::new(Resolver::new(countries)),
        jobs,
        chunk,
    };
    let mut landed = Landed::default();
    let mut stream = work.stream();
    while let Some(item) = stream.next().await {
        match item? {
            Extracted::Group(group) => {
                let rows = group.rows() as usize;
                landed.groups += 1;
                landed.add_batch(&group.read(&source.table.landing_schema(), rows)?);
            }
            Extracted::Rows(_) => panic!("a log is landed as row groups"),
            Extracted::Rejects(rejects) => landed.rejects.extend(rejects),
            Extracted::Passed(bytes) => landed.passed += bytes,
            Extracted::Ended(end) => landed.ends.push(end),
            Extracted::Warning(warning) => landed.warnings.push(warning),
        }
    }
    assert_eq!(Some(landed.passed), window.bytes(), "every byte of the window is passed");
    Ok(landed)
}

/// A folder with logs, and what was read of them so far, as a run keeps it.
struct Logs {
    folder: tempfile::TempDir,
    source: WeblogSource,
    read: BTreeMap<String, ReadUpTo>,
}

impl Logs {
    fn new(patterns: &[&str]) -> Logs {
        let folder = tempfile::tempdir().expect("a folder");
        Logs { folder, source: source(patterns), read: BTreeMap::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), bytes).expect("written");
    }

    fn append(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let mut all = std::fs::read(self.path(name)).unwrap_or_default();
        let mut file = std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(self.path(name))
            .expect("opened");
        std::io::Write::write_all(&mut file, bytes.as_ref()).expect("appended");
        all.extend(bytes.as_ref());
        assert_eq!(std::fs::read(self.path(name)).expect("read"), all);
    }

    fn rename(&self, from: &str, to: &str) {
        std::fs::rename(self.path(from), self.path(to)).expect("renamed");
    }

    fn plan(&self) -> Result<(Window, Vec<String>)> {
        plan(&self.source, self.folder.path(), &self.read)
    }

    /// Plans and extracts what is new, and remembers it as landed.
    async fn run(&mut self) -> Landed {
        self.try_run().await.expect("a run")
    }

    async fn try_run(&mut self) -> Result<Landed> {
        let (window, warnings) = self.plan()?;
        let mut landed = land_window(&self.source, self.folder.path(), &window, 2, 0).await?;
        landed.warnings.splice(0..0, warnings);
        self.remember(window.ended(&landed.ends).unwrap_or(window));
        Ok(landed)
    }

    fn remember(&mut self, window: Window) {
        let Window::Files { ranges } = window else { panic!("a window of files") };
        for range in ranges {
            let read = ReadUpTo { end: range.end.expect("an end"), packed: range.packed };
            self.read.insert(range.file_id, read);
        }
    }
}

/// Lands lines written to one log, each ended by a newline.
async fn land(lines: &[impl AsRef<[u8]>]) -> Landed {
    let mut logs = Logs::new(&["access.log"]);
    let mut bytes = Vec::new();
    for line in lines {
        bytes.extend_from_slice(line.as_ref());
        bytes.push(b'\n');
    }
    logs.write("access.log", bytes);
    logs.run().await
}

fn gzip(text: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, text.as_ref()).expect("compressed");
    encoder.finish().expect("compressed")
}
