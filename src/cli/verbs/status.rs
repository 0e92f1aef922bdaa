//! `status`: the verdict first, then what needs attention, then the next command.

use chrono::Utc;
use serde_json::{Value, json};

use super::history::{counts_text, to_json, took};
use crate::cli::Exit;
use crate::cli::args::Status as Words;
use crate::cli::clean::clean_line;
use crate::cli::human;
use crate::cli::progress::status_word;
use crate::cli::session::{NO_RUN, Session};
use crate::error::{Error, Result};
use crate::records::read::{self, QuarantineRow, RunRow, SequenceRow, TaskRow};
use crate::records::runs::SequenceState;
use crate::task::Status;

/// Most sequences that are looked through for the one named and for the last complete one.
const SEQUENCES: u32 = 1_000_000;

/// What is known of one sequence.
struct Standing {
    sequence: SequenceRow,
    run: RunRow,
    tasks: Vec<TaskRow>,
    quarantine: Vec<QuarantineRow>,
    /// The newest complete sequence, when this one is not.
    complete: Option<SequenceRow>,
}

/// Shows how a sequence stands.
pub(in crate::cli) fn status(session: &Session, words: &Words) -> Result<Exit> {
    let project = session.project_offline()?;
    let standing = session
        .stop
        .until_signal(&session.printer, async { look(session, &project, words).await })?;
    let Some(standing) = standing else {
        session.printer.say(NO_RUN);
        return Ok(if words.exit_status { Exit::Failed } else { Exit::Done });
    };
    if session.printer.is_json() {
        session.printer.json_line(&object(&standing))?;
    } else {
        show(session, &standing)?;
    }
    let complete = standing.sequence.state == SequenceState::Complete;
    Ok(if words.exit_status && !complete { Exit::Failed } else { Exit::Done })
}

async fn look(
    session: &Session,
    project: &crate::config::Project,
    words: &Words,
) -> Result<Option<Standing>> {
    let Some(state) = session.records(project).await? else {
        return Ok(None);
    };
    let pool = state.readers();
    let sequences = read::sequences(pool, SEQUENCES).await?;
    let sequence = match words.sequence {
        Some(wanted) => {
            Some(sequences.iter().find(|s| s.sequence == wanted).cloned().ok_or_else(|| {
                Error::config("status/sequence", format!("there is no sequence {wanted}"))
                    .hint("landfall history lists the runs")
            })?)
        }
        None => sequences.first().cloned(),
    };
    let Some(sequence) = sequence else {
        return Ok(None);
    };
    let Some(run) = read::runs(pool, Some(sequence.sequence), 1).await?.into_iter().next() else {
        return Ok(None);
    };
    let complete = sequences
        .into_iter()
        .find(|s| s.state == SequenceState::Complete)
        .filter(|s| s.sequence != sequence.sequence);
    Ok(Some(Standing {
        tasks: read::tasks(pool, run.run).await?,
        quarantine: read::quarantine(pool, sequence.sequence).await?,
        sequence,
        run,
        complete,
    }))
}

fn show(session: &Session, standing: &Standing) -> Result<()> {
    let printer = &session.printer;
    let (run, paint, dot) = (&standing.run, printer.ink(), printer.signs().dot);
    printer.line(format!("{}    {}", paint.strong(verdict(standing)), counts_text(run, dot)))?;
    let width = standing.tasks.iter().map(|t| t.told.task.as_str().len()).max().unwrap_or(0);
    for task in &standing.tasks {
        let told = &task.told;
        let what = match (&told.failure, &told.reason) {
            (Some(failure), _) => {
                let place = failure.place.as_deref().unwrap_or_default();
                format!("[{}] {}  {place}", failure.code, failure.message)
            }
            (None, Some(reason)) => reason.clone(),
            (None, None) => String::new(),
        };
        if !matches!(told.status, Status::Ok | Status::Skipped) {
            printer.line(
                format!(
                    "  {}{:<width$}  {}",
                    status_word(told.status, paint),
                    clean_line(told.task.as_str()),
                    clean_line(&what)
                )
                .trim_end(),
            )?;
        }
    }
    for (task, rows, reasons) in quarantined(&standing.quarantine) {
        printer.line(format!(
            "  {:<12}{:<width$}  {} ({reasons})",
            "quarantine",
            clean_line(&task),
            human::count(rows, "row", "rows"),
        ))?;
    }
    if let Some(complete) = &standing.complete {
        printer.line(format!("Reports still show sequence {}", complete.sequence))?;
    }
    printer.flush()?;
    printer.say(next(standing));
    Ok(())
}

/// `Sequence 11 failed 3 minutes ago (attempt 1, local, 34s)`.
fn verdict(standing: &Standing) -> String {
    let run = &standing.run;
    let word = match (standing.sequence.state, run.status) {
        (SequenceState::Complete, _) => "is complete,",
        (SequenceState::Abandoned, _) => "was given up,",
        (SequenceState::Open, Status::Running) => "is running, begun",
        (SequenceState::Open, Status::Interrupted) => "was interrupted",
        (SequenceState::Open, Status::Failed) => "failed",
        (SequenceState::Open, _) => "is unfinished,",
    };
    let at = match run.status {
        Status::Running => run.started_at,
        _ => run.finished_at.unwrap_or(run.started_at),
    };
    let took = took(run).map(|d| format!(", {}", human::took(d))).unwrap_or_default();
    format!(
        "Sequence {} {word} {} (attempt {}, {}{took})",
        run.run.sequence,
        human::ago(at, Utc::now()),
        run.run.attempt,
        clean_line(&run.target),
    )
}

/// What to do now.
fn next(standing: &Standing) -> String {
    let run = standing.run.run;
    match (standing.sequence.state, standing.run.status) {
        (SequenceState::Open, Status::Running) => format!("landfall logs {run} shows its tasks"),
        (SequenceState::Open, Status::Failed) => {
            format!("landfall logs {run} --failed says more; landfall run goes on from here")
        }
        (SequenceState::Open, _) => "landfall run goes on from here".to_string(),
        _ => "landfall run begins the next sequence".to_string(),
    }
}

/// Each task with its rejected rows and their reasons.
fn quarantined(rows: &[QuarantineRow]) -> Vec<(String, u64, String)> {
    let mut tasks: Vec<(String, u64, String)> = Vec::new();
    for row in rows {
        let reasons: Vec<String> =
            row.reasons.iter().map(|(reason, n)| format!("{} {n}", clean_line(reason))).collect();
        match tasks.iter_mut().find(|(task, ..)| task == row.task.as_str()) {
            Some((_, count, _)) => *count += row.rows,
            None => tasks.push((row.task.to_string(), row.rows, reasons.join(", "))),
        }
    }
    tasks
}

fn object(standing: &Standing) -> Value {
    let mut object = to_json(&standing.run);
    let tasks: Vec<Value> = standing
        .tasks
        .iter()
        .map(|task| {
            json!({
                "task": task.told.task,
                "status": task.told.status,
                "rows": task.told.rows,
                "reason": task.told.reason,
                "code": task.told.failure.as_ref().map(|f| &f.code),
                "message": task.told.failure.as_ref().map(|f| &f.message),
            })
        })
        .collect();
    if let Some(fields) = object.as_object_mut() {
        fields.insert("sequence_state".into(), json!(standing.sequence.state.word()));
        fields.insert("tasks".into(), json!(tasks));
    }
    object
}
