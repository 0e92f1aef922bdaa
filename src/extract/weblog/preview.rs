//! A look at one log without a project: the first rows, the first rejects, and the counts.

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;

use super::batch;
use super::chunks::{CHUNK, Chunk, Chunks, Open};
use super::country::{Countries, Resolver};
use super::counts::Counts;
use super::file::LogFile;
use super::format::Formats;
use super::identity::FileId;
use super::parse::Parser;
use crate::config::access_spec;
use crate::error::{Place, Result};
use crate::rows::Reject;
use crate::window::FileRange;

/// What a log holds.
#[derive(Debug)]
pub struct Preview {
    /// The first rows, as they would land; `None` when there are none.
    pub rows: Option<RecordBatch>,
    /// The first rejected lines.
    pub rejects: Vec<Reject>,
    /// Of the whole file, up to its last newline.
    pub counts: Counts,
    pub warnings: Vec<String>,
}

/// Opens the one file looked at.
struct This<'a>(&'a Path);

impl Open for This<'_> {
    fn open(&mut self, range: &FileRange) -> Result<LogFile> {
        LogFile::open(self.0, &range.path)
    }
}

/// Reads the whole file at `path` and keeps the first `rows` rows and rejects.
///
/// `formats` as in [`Formats::compile`]. Blocks. Errors: `weblog/format`, `weblog/not_a_file`,
/// `weblog/unreadable`, `weblog/compressed`.
pub fn preview(
    path: &Path,
    formats: &[String],
    countries: Arc<dyn Countries>,
    rows: usize,
) -> Result<Preview> {
    let formats = Arc::new(Formats::compile(formats)?);
    let name = path.display().to_string();
    let seen = LogFile::open(path, &name)?.survey()?;
    let id = FileId::new(&seen.head, seen.inode).to_string();
    let range = FileRange { path: name.clone(), file_id: id.clone(), start: 0, end: seen.end };
    let spec = access_spec("weblog", Place::new(path, 1, 1));
    let resolver = Arc::new(Resolver::new(countries));
    let schema = batch::schema(&spec.landing_schema());
    let mut parser = Parser::new(formats, schema, Arc::clone(&resolver));
    let mut chunks = Chunks::new(&[range], This(path), CHUNK);
    let mut preview = Preview {
        rows: None,
        rejects: Vec::new(),
        counts: Counts::default(),
        warnings: Vec::new(),
    };
    let mut chunk = Chunk::default();
    let mut line = 1;
    while chunks.next(&mut chunk)? {
        let parsed = match chunk.cut_from {
            Some(bytes) => Parser::too_long(chunk.offset, chunk.text(), bytes),
            None => parser.parse(&id, chunk.offset, chunk.text())?,
        };
        if let (None, Some(batch)) = (&preview.rows, parsed.batch) {
            preview.rows = Some(batch.slice(0, rows.min(batch.num_rows())));
        }
        let room = rows.saturating_sub(preview.rejects.len());
        preview.rejects.extend(parsed.rejected.into_iter().take(room).map(|r| Reject {
            position: format!("{name}:{}", line + r.line),
            offset: r.offset,
            reason: r.error.reason(),
            detail: r.error.to_string(),
            raw: r.raw,
        }));
        line += parsed.newlines;
        preview.counts.add(&parsed.counts);
    }
    preview.warnings = resolver.warnings();
    Ok(preview)
}
