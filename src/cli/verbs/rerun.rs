//! `rerun`: shows what doing tasks again invalidates, asks, and does it.

use serde_json::json;

use super::run::run_with;
use crate::cli::Exit;
use crate::cli::args::Rerun;
use crate::cli::clean::clean_line;
use crate::cli::human;
use crate::cli::session::Session;
use crate::error::Result;
use crate::run::{self, Options};
use crate::task::TaskName;

/// Does tasks again, with everything downstream of them.
pub(in crate::cli) fn rerun(session: &Session, words: &Rerun) -> Result<Exit> {
    let project = session.project()?;
    let printer = &session.printer;
    let tasks = session
        .stop
        .until_signal(printer, run::rerun_preview(&project, &words.tasks, words.seq))?;
    preview(session, words, &tasks)?;
    if words.dry_run || tasks.is_empty() {
        return Ok(Exit::Done);
    }
    let question = format!("do {} again?", human::count(tasks.len() as u64, "task", "tasks"));
    if !session.confirm(&question)? {
        printer.say("nothing was changed");
        return Ok(Exit::Done);
    }
    session.stop.until_signal(printer, run::invalidate(&project, &tasks, words.seq))?;
    run_with(session, &Options { resume_only: true, ..Options::default() })
}

/// The tasks, on standard output where they are the answer, else on standard error.
fn preview(session: &Session, words: &Rerun, tasks: &[TaskName]) -> Result<()> {
    let printer = &session.printer;
    if printer.is_json() && words.dry_run {
        return printer.json_line(&json!({"v": 1, "seq": words.seq, "tasks": tasks}));
    }
    for task in tasks {
        let downstream = match words.tasks.iter().any(|word| word == task.as_str()) {
            true => "",
            false => "  downstream",
        };
        let line = format!("  again  {}{downstream}", clean_line(task.as_str()));
        match words.dry_run {
            true => printer.line(line)?,
            false => printer.say(line),
        }
    }
    if tasks.is_empty() {
        printer.say("no such task is done; nothing to do again");
    }
    Ok(())
}
