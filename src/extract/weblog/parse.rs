//! A chunk of text to a row group and a list of rejected lines. It reads no file.

use std::sync::Arc;

use arrow::datatypes::Schema;

use super::agent::Agents;
use super::columns::Columns;
use super::country::Resolver;
use super::counts::Counts;
use super::format::Formats;
use super::line::{Line, LineError, limit};
use super::scan::{self, Found, Lines, Marks};
use crate::error::Result;
use crate::pages::{self, Encoder, RowGroup};

/// Bytes of lines read at a time: looked at twice, so they should still be in the second-level
/// cache when the scan comes.
const BLOCK: usize = 128 << 10;

/// What a chunk held.
#[derive(Debug)]
pub struct Parsed {
    /// The rows; `None` when there are none, or when they were not asked for.
    pub group: Option<RowGroup>,
    pub rejected: Vec<Rejected>,
    pub counts: Counts,
    /// Newlines passed, those of empty lines too: for the numbers of the lines that follow.
    pub newlines: u64,
}

/// A line that cannot be landed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Line within the chunk, from 0.
    pub line: u64,
    /// Byte offset in the file.
    pub offset: u64,
    pub error: LineError,
    /// The line without its newline; of a line over the limit its beginning.
    pub raw: Vec<u8>,
}

/// A worker's parser; it keeps its memory and what it learned from chunk to chunk.
pub struct Parser {
    formats: Arc<Formats>,
    marks: Marks,
    columns: Columns,
    encoder: Encoder,
}

impl Parser {
    /// `landing` is the landing schema of the log's table.
    pub fn new(formats: Arc<Formats>, landing: &Schema, resolver: Arc<Resolver>) -> Result<Parser> {
        let encoder = Encoder::new(pages::columns(landing)?)?;
        let columns = Columns::new(resolver, Agents::default());
        Ok(Parser { formats, marks: Marks::default(), columns, encoder })
    }

    /// The parser with other kinds of devices, or more columns: those `landing` had at its end.
    pub fn telling(mut self, agents: Agents) -> Parser {
        self.columns.tell(agents);
        self
    }

    /// Parses whole lines of the log `file_id` that start at byte `offset`. May block, since it
    /// asks for countries.
    ///
    /// Errors only if the columns do not fit together, which no text can bring about.
    pub fn parse(&mut self, file_id: &str, offset: u64, text: &[u8]) -> Result<Parsed> {
        self.start();
        let mut parsed = self.read(file_id, offset, text);
        parsed.group = self.group()?;
        Ok(parsed)
    }

    /// Begins a row group.
    pub fn start(&mut self) {
        self.columns.start();
    }

    /// Reads whole lines of the log `file_id` that start at byte `offset`; their rows are kept for
    /// [`Parser::group`].
    pub fn read(&mut self, file_id: &str, offset: u64, text: &[u8]) -> Parsed {
        let mut parsed = Parsed {
            group: None,
            rejected: Vec::new(),
            counts: Counts { bytes: text.len() as u64, ..Counts::default() },
            newlines: 0,
        };
        self.columns.file(file_id);
        let mut start = 0;
        while let Some(rest) = text.get(start..).filter(|rest| !rest.is_empty()) {
            // whole lines, except where one does not fit
            let block = rest.get(..BLOCK).unwrap_or(rest);
            let newline = memchr::memrchr(b'\n', block).or_else(|| memchr::memchr(b'\n', rest));
            let lines = newline.and_then(|newline| rest.get(..=newline)).unwrap_or(rest);
            self.lines(offset + start as u64, lines, &mut parsed);
            start += lines.len();
        }
        parsed.counts.lines += parsed.counts.rows;
        parsed
    }

    fn lines(&mut self, offset: u64, text: &[u8], parsed: &mut Parsed) {
        // One pass over the block; only if it fails are lines looked at one by one.
        let utf8 = text.is_ascii() || std::str::from_utf8(text).is_ok();
        for found in Lines::new(text, &mut self.marks) {
            let line = parsed.newlines;
            parsed.newlines += 1;
            let start = offset + found.start as u64;
            match read(&self.formats, text, &found, utf8) {
                Ok(Some(fields)) => {
                    self.columns.push(start, &fields);
                    parsed.counts.rows += 1;
                }
                Ok(None) => parsed.counts.empty += 1,
                Err(error) => {
                    let raw = text.get(found.start..found.end).unwrap_or_default();
                    let kept = match error {
                        LineError::TooLong { .. } => raw.get(..limit::KEPT).unwrap_or(raw),
                        _ => raw,
                    };
                    parsed.counts.reject(error.reason());
                    parsed.rejected.push(Rejected {
                        line,
                        offset: start,
                        error,
                        raw: kept.to_vec(),
                    });
                }
            }
        }
    }

    /// The rows read since [`Parser::start`]; `None` without rows.
    pub fn group(&mut self) -> Result<Option<RowGroup>> {
        self.columns.encode(&mut self.encoder)
    }

    /// A line too long to be held: `beginning` are its first bytes, `bytes` its length.
    pub fn too_long(offset: u64, beginning: &[u8], bytes: u64) -> Parsed {
        let error = LineError::TooLong { bytes };
        let mut counts = Counts { bytes: bytes + 1, ..Counts::default() };
        counts.reject(error.reason());
        let rejected = Rejected { line: 0, offset, error, raw: beginning.to_vec() };
        Parsed { group: None, rejected: vec![rejected], counts, newlines: 1 }
    }
}

/// The fields of a line, `None` if it is empty.
#[inline]
fn read<'t>(
    formats: &Formats,
    text: &'t [u8],
    found: &Found,
    utf8: bool,
) -> Result<Option<Line<'t>>, LineError> {
    if utf8
        && formats.combined_first
        && let Some(line) = scan::combined(text, found)
    {
        return Ok(Some(line));
    }
    strict(formats, text.get(found.start..found.end).unwrap_or_default(), utf8)
}

#[cold]
fn strict<'t>(
    formats: &Formats,
    line: &'t [u8],
    utf8: bool,
) -> Result<Option<Line<'t>>, LineError> {
    if line.is_empty() || line == b"\r" {
        return Ok(None);
    }
    if line.len() > limit::LINE {
        return Err(LineError::TooLong { bytes: line.len() as u64 });
    }
    if !utf8 && let Err(error) = std::str::from_utf8(line) {
        return Err(LineError::NotUtf8 { at: error.valid_up_to() });
    }
    formats.read(line).map(Some)
}
