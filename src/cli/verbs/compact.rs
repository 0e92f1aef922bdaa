//! `compact`: fewer and fuller files, and the disk space of what nothing names.

use std::time::Duration;

use serde_json::json;

use crate::cli::Exit;
use crate::cli::args::Compact;
use crate::cli::clean::clean_line;
use crate::cli::human;
use crate::cli::session::Session;
use crate::error::Result;
use crate::run::{self, Kept, Upkeep};

/// Compacts the warehouse, or shows what that would do.
pub(in crate::cli) fn compact(session: &Session, words: &Compact) -> Result<Exit> {
    let project = session.project()?;
    let upkeep = Upkeep {
        dry_run: words.dry_run,
        expire_before: words.expire_before_sequence,
        age: Duration::from_secs(60 * words.keep_minutes),
    };
    let kept = session.stop.until_signal(&session.printer, run::compact(&project, upkeep))?;
    match session.printer.is_json() {
        true => as_json(session, words, &kept)?,
        false => as_lines(session, words, &kept)?,
    }
    Ok(Exit::Done)
}

fn as_json(session: &Session, words: &Compact, kept: &Kept) -> Result<()> {
    for done in &kept.compactions {
        session.printer.json_line(&json!({
            "v": 1, "did": "compact", "dry_run": words.dry_run, "table": done.table.to_string(),
            "files": done.files, "bytes": done.bytes, "rows": done.rows, "deleted": done.deleted,
            "files_written": done.written.map(|w| w.0), "bytes_written": done.written.map(|w| w.1),
        }))?;
    }
    let bytes: u64 = kept.garbage.iter().map(|g| g.bytes).sum();
    session.printer.json_line(&json!({
        "v": 1, "did": "collect", "dry_run": words.dry_run, "snapshots": kept.snapshots,
        "files": kept.garbage.len(), "bytes": bytes,
    }))
}

fn as_lines(session: &Session, words: &Compact, kept: &Kept) -> Result<()> {
    let printer = &session.printer;
    let (compacted, forgot, removed) = match words.dry_run {
        true => ("would compact", "would forget", "would remove"),
        false => ("compacted", "forgot", "removed"),
    };
    for done in &kept.compactions {
        let into = done.written.map_or_else(String::new, |(files, bytes)| {
            format!(" into {}, {}", human::count(files, "file", "files"), human::size(bytes))
        });
        printer.line(format!(
            "{compacted} {}: {}, {}, with {} and {}{into}",
            clean_line(&done.table.to_string()),
            human::count(done.files, "file", "files"),
            human::size(done.bytes),
            human::count(done.rows, "row", "rows"),
            human::count(done.deleted, "deleted row", "deleted rows"),
        ))?;
    }
    if words.expire_before_sequence.is_some() {
        let snapshots = human::count(kept.snapshots, "old snapshot", "old snapshots");
        printer.line(format!("{forgot} {snapshots}"))?;
    }
    let bytes: u64 = kept.garbage.iter().map(|g| g.bytes).sum();
    let files = human::count(kept.garbage.len() as u64, "file", "files");
    printer.line(format!("{removed} {files} that nothing names, {}", human::size(bytes)))
}
