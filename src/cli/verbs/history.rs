//! `history`: the runs, the newest first.

use std::time::Duration;

use chrono::Utc;
use serde_json::json;

use crate::cli::Exit;
use crate::cli::args::History;
use crate::cli::clean::clean_line;
use crate::cli::human;
use crate::cli::session::{NO_RUN, Session};
use crate::cli::table::{Align, Table};
use crate::error::Result;
use crate::records::read::{self, RunRow};
use crate::task::Status;

/// Lists the runs.
pub(in crate::cli) fn history(session: &Session, words: &History) -> Result<Exit> {
    let project = session.project_offline()?;
    let runs = session.stop.until_signal(&session.printer, async {
        match session.records(&project).await? {
            Some(state) => read::runs(state.readers(), None, words.number).await.map(Some),
            None => Ok(None),
        }
    })?;
    let Some(runs) = runs.filter(|runs| !runs.is_empty()) else {
        session.printer.say(NO_RUN);
        return Ok(Exit::Done);
    };
    if session.printer.is_json() {
        for run in &runs {
            session.printer.json_line(&to_json(run))?;
        }
        return Ok(Exit::Done);
    }
    let mut table = Table::new(
        [
            ("run", Align::Left),
            ("status", Align::Left),
            ("began", Align::Left),
            ("took", Align::Right),
            ("tasks", Align::Left),
            ("landed", Align::Right),
            ("new", Align::Right),
            ("changed", Align::Right),
            ("target", Align::Left),
        ]
        .map(|(name, align)| (name.to_string(), align)),
        session.printer.width(),
        session.printer.signs().utf8,
    );
    for run in &runs {
        table.row([
            run.run.to_string(),
            run.status.word().to_string(),
            human::local_time(run.started_at),
            took(run).map_or_else(String::new, human::took),
            counts_text(run, session.printer.signs().dot),
            human::thousands(run.rows.landed),
            human::thousands(run.rows.inserted),
            human::thousands(run.rows.updated),
            clean_line(&run.target).into_owned(),
        ]);
    }
    session.printer.line(table)?;
    Ok(Exit::Done)
}

/// How long a run took; so far, while it runs.
pub(super) fn took(run: &RunRow) -> Option<Duration> {
    let end = match (run.finished_at, run.status) {
        (Some(end), _) => end,
        (None, Status::Running) => Utc::now(),
        (None, _) => return None,
    };
    (end - run.started_at).to_std().ok()
}

/// `16 ok · 1 failed · 2 blocked`; what is 0 is left out, except that something is said.
pub(super) fn counts_text(run: &RunRow, dot: &str) -> String {
    let counts = run.counts;
    let parts: Vec<String> = [
        (counts.ok, "ok"),
        (counts.skipped, "skipped"),
        (counts.failed, "failed"),
        (counts.blocked, "blocked"),
        (counts.cancelled, "cancelled"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, word)| format!("{count} {word}"))
    .collect();
    if parts.is_empty() { "none done".to_string() } else { parts.join(&format!(" {dot} ")) }
}

/// A run for machines.
pub(super) fn to_json(run: &RunRow) -> serde_json::Value {
    json!({
        "v": 1,
        "seq": run.run.sequence,
        "attempt": run.run.attempt,
        "status": run.status,
        "target": run.target,
        "started_at": human::utc_time(run.started_at),
        "finished_at": run.finished_at.map(human::utc_time),
        "ms": took(run).map(|d| d.as_millis() as u64),
        "counts": run.counts,
        "rows": run.rows,
        "pid": run.pid,
        "host": run.host,
        "version": run.version,
    })
}
