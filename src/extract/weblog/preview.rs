//! A look at logs without a project: the first rows, rejects by reason, and every line counted.
//!
//! It reads each log once, from its start to its end, in constant memory, and writes nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::country::{Countries, Resolver};
use super::counts::Counts;
use super::file::LogFile;
use super::format::{Formats, MORE_NAMED, NAMED};
use super::identity::FileId;
use super::parse::{Parsed, Parser};
use super::plan::expand;
use super::scan::{self, Lines, Marks};
use super::whole::Whole;
use crate::config::access_spec;
use crate::error::{Error, Place, Result};
use crate::rows::Reject;

/// Rejects kept for each reason.
const EXAMPLES: usize = 3;

/// Formats that are tried on rejected lines only, to name one that would read them.
const OFTEN: [&str; 4] = [
    r#"%v %h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i""#,
    r#"%v %h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i" %D"#,
    r#"%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i" %D"#,
    r#"%h %l %u %t "%r" %>s %b %D"#,
];

/// What logs hold.
#[derive(Debug)]
pub struct Preview {
    pub logs: Vec<Log>,
    /// The first rows, as they would land.
    pub rows: Vec<RecordBatch>,
    pub schema: SchemaRef,
    /// The first rejected lines of each reason.
    pub rejects: BTreeMap<&'static str, Vec<Reject>>,
    /// Of all logs, up to the last newline of each.
    pub counts: Counts,
    /// Lines read by each format that read any, in the order they were tried.
    pub formats: Vec<(String, u64)>,
    /// A format that was not tried and reads most of the rejected lines.
    pub other_format: Option<(String, u64)>,
    pub warnings: Vec<String>,
}

/// One of the logs looked at.
#[derive(Debug)]
pub struct Log {
    pub name: String,
    pub counts: Counts,
    /// Bytes after the last newline: the beginning of a line that is being written.
    pub waiting: u64,
}

/// The files that paths and globs name, in their order. Errors: `weblog/files`.
pub fn find(patterns: &[PathBuf], warnings: &mut Vec<String>) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for pattern in patterns {
        let files = match pattern.to_str() {
            Some(text) => expand(text, Path::new("."), warnings)?,
            None => vec![pattern.clone()],
        };
        if files.is_empty() {
            let what = format!("no file matches `{}`", pattern.display());
            return Err(Error::config("weblog/files", what).hint("`-` reads standard input"));
        }
        found.extend(files);
    }
    Ok(found)
}

/// Looks at logs, one after the other.
pub struct Previewer {
    formats: Tried,
    parser: Parser,
    resolver: Arc<Resolver>,
    /// Rows still to be kept.
    room: usize,
    marks: Marks,
    seen: Preview,
}

impl Previewer {
    /// Keeps the first `rows` rows. `formats` as in [`Formats::compile`].
    ///
    /// Errors: `weblog/format`.
    pub fn new(
        formats: &[String],
        countries: Arc<dyn Countries>,
        rows: usize,
    ) -> Result<Previewer> {
        let spec = access_spec("weblog", Place::new("landfall.toml", 1, 1));
        let resolver = Arc::new(Resolver::new(countries));
        let schema = spec.landing_schema();
        let compiled = Arc::new(Formats::compile(formats)?);
        Ok(Previewer {
            formats: Tried::new(formats, Arc::clone(&compiled))?,
            parser: Parser::new(compiled, &schema, Arc::clone(&resolver))?,
            resolver,
            room: rows,
            marks: Marks::default(),
            seen: Preview {
                logs: Vec::new(),
                rows: Vec::new(),
                schema,
                rejects: BTreeMap::new(),
                counts: Counts::default(),
                formats: Vec::new(),
                other_format: None,
                warnings: Vec::new(),
            },
        })
    }

    /// Reads one log to its end. Blocks.
    ///
    /// Errors: those of [`LogFile::read`]; what was seen of the log before counts no more.
    pub fn read(&mut self, file: LogFile) -> Result<()> {
        let (name, inode) = (file.name().to_string(), file.inode);
        let mut whole = Whole::new(file);
        let mut log = Log { name, counts: Counts::default(), waiting: 0 };
        let mut id = None;
        let mut line = 1;
        while let Some(piece) = whole.next()? {
            let id = id.get_or_insert_with(|| FileId::new(piece.text, inode).to_string());
            let parsed = match piece.cut_from {
                Some(bytes) => Parser::too_long(piece.offset, piece.text, bytes),
                None => {
                    self.formats.count(piece.text, &mut self.marks);
                    match self.room {
                        0 => {
                            self.parser.start();
                            self.parser.read(id, piece.offset, piece.text)
                        }
                        _ => self.parser.parse(id, piece.offset, piece.text)?,
                    }
                }
            };
            log.counts.add(&parsed.counts);
            let newlines = parsed.newlines;
            self.keep(&log.name, line, parsed)?;
            line += newlines;
        }
        log.waiting = whole.waiting();
        self.seen.counts.add(&log.counts);
        self.seen.logs.push(log);
        Ok(())
    }

    /// Keeps the first rows and rejects; `line` is the number of the first line of `parsed`.
    fn keep(&mut self, name: &str, line: u64, parsed: Parsed) -> Result<()> {
        if let Some(group) = parsed.group {
            let batch = group.read(&self.seen.schema, self.room)?;
            self.room -= batch.num_rows();
            self.seen.rows.push(batch);
        }
        for rejected in parsed.rejected {
            let examples = self.seen.rejects.entry(rejected.error.reason()).or_default();
            if examples.len() < EXAMPLES {
                examples.push(Reject {
                    position: format!("{name}:{}", line + rejected.line),
                    offset: rejected.offset,
                    reason: rejected.error.reason(),
                    detail: rejected.error.to_string(),
                    raw: rejected.raw,
                });
            }
        }
        Ok(())
    }

    /// What was seen.
    pub fn finish(mut self) -> Preview {
        self.seen.warnings = self.resolver.warnings();
        self.seen.formats = self.formats.used();
        self.seen.other_format = self.formats.other(self.seen.counts.rejected);
        self.seen
    }
}

/// Which formats read the lines.
struct Tried {
    formats: Arc<Formats>,
    names: Vec<String>,
    counts: Vec<u64>,
    /// Formats nobody declared, each with the rejected lines it reads.
    others: Vec<(String, Formats, u64)>,
}

impl Tried {
    fn new(declared: &[String], formats: Arc<Formats>) -> Result<Tried> {
        let names: Vec<String> = match declared {
            [] => NAMED.iter().map(|(name, _)| name.to_string()).collect(),
            declared => declared.to_vec(),
        };
        let known = NAMED.iter().chain(&MORE_NAMED).map(|(name, _)| *name).chain(OFTEN);
        let others = known
            .filter(|name| !names.iter().any(|n| n == name))
            .map(|name| Ok((name.to_string(), Formats::compile(&[name.to_string()])?, 0)))
            .collect::<Result<_>>()?;
        Ok(Tried { counts: vec![0; names.len()], formats, names, others })
    }

    /// Counts the lines of `text`, whole ones.
    fn count(&mut self, text: &[u8], marks: &mut Marks) {
        for found in Lines::new(text, marks) {
            let usual = self.formats.combined_first && scan::combined(text, &found).is_some();
            let line = text.get(found.start..found.end).unwrap_or_default();
            match if usual { Some(0) } else { self.formats.which(line) } {
                Some(which) => {
                    if let Some(count) = self.counts.get_mut(which) {
                        *count += 1;
                    }
                }
                None if line.is_empty() || line == b"\r" => {}
                None => {
                    for (_, format, count) in &mut self.others {
                        *count += u64::from(format.which(line).is_some());
                    }
                }
            }
        }
    }

    fn used(&mut self) -> Vec<(String, u64)> {
        let used = std::mem::take(&mut self.names).into_iter().zip(self.counts.iter().copied());
        used.filter(|(_, count)| *count > 0).collect()
    }

    /// The format that reads most of `rejected` lines, if it reads more than half of them.
    fn other(self, rejected: u64) -> Option<(String, u64)> {
        let others = self.others.into_iter().map(|(name, _, count)| (name, count));
        // of equals the first, which has the shorter name
        let best = others.rev().max_by_key(|(_, count)| *count);
        best.filter(|(_, count)| *count * 2 > rejected)
    }
}
