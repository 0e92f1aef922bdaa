//! `logs`: what each task of a run did, its failure, and with `--sql` its statements.

use serde_json::{Value, json};

use crate::cli::Exit;
use crate::cli::args::Logs;
use crate::cli::clean::{clean, clean_line};
use crate::cli::human;
use crate::cli::progress::{rows_text, status_word};
use crate::cli::session::{NO_RUN, Session};
use crate::config::Project;
use crate::error::{Error, Result, nearest};
use crate::records::read::{self, StatementRow, TaskRow};
use crate::sequence::{RunId, Sequence};
use crate::task::{Status, TaskName};

/// What the words name.
#[derive(Debug, Default, PartialEq, Eq)]
struct Of {
    sequence: Option<Sequence>,
    attempt: Option<u32>,
    task: Option<String>,
}

impl Of {
    /// Reads `11`, `11.2` and a task's name, in any order.
    fn parse(words: &[String]) -> Result<Of> {
        let mut of = Of::default();
        for word in words {
            if !word.starts_with(|c: char| c.is_ascii_digit()) {
                if of.task.replace(word.clone()).is_some() {
                    return Err(Error::config("usage/logs", "two tasks are named, expected one"));
                }
                continue;
            }
            if of.sequence.is_some() {
                return Err(Error::config("usage/logs", "two runs are named, expected one"));
            }
            let (sequence, attempt) = match word.split_once('.') {
                Some((sequence, attempt)) => (sequence, Some(attempt)),
                None => (word.as_str(), None),
            };
            of.sequence = Some(sequence.parse()?);
            of.attempt = attempt
                .map(|text| {
                    text.parse().ok().filter(|n| *n > 0).ok_or_else(|| {
                        Error::config("usage/logs", format!("`{word}` is not a run"))
                            .hint("write a sequence and an attempt, as `11.2`")
                    })
                })
                .transpose()?;
        }
        Ok(of)
    }
}

/// What is shown.
struct Found {
    run: RunId,
    tasks: Vec<TaskRow>,
    statements: Vec<StatementRow>,
}

/// Shows the tasks of a run.
pub(in crate::cli) fn logs(session: &Session, words: &Logs) -> Result<Exit> {
    let of = Of::parse(&words.of)?;
    let project = session.project_offline()?;
    let found = session
        .stop
        .until_signal(&session.printer, async { look(session, &project, words, &of).await })?;
    let Some(found) = found else {
        session.printer.say(NO_RUN);
        return Ok(Exit::Done);
    };
    for task in &found.tasks {
        let statements: Vec<&StatementRow> =
            found.statements.iter().filter(|s| s.task == task.told.task).collect();
        match session.printer.is_json() {
            true => session.printer.json_line(&object(task, &statements))?,
            false => session.printer.data(text(session, task, &statements))?,
        }
    }
    if found.tasks.is_empty() {
        session.printer.say(format!("no task of run {} to show", found.run));
    }
    Ok(Exit::Done)
}

async fn look(
    session: &Session,
    project: &Project,
    words: &Logs,
    of: &Of,
) -> Result<Option<Found>> {
    let Some(state) = session.records(project).await? else {
        return Ok(None);
    };
    let pool = state.readers();
    let runs = read::runs(pool, of.sequence, u32::MAX).await?;
    let run = runs
        .iter()
        .map(|row| row.run)
        .find(|run| of.attempt.is_none_or(|attempt| attempt == run.attempt));
    let run = match (run, of.sequence) {
        (Some(run), _) => run,
        (None, None) => return Ok(None),
        (None, Some(sequence)) => {
            let attempt = of.attempt.map(|a| format!(".{a}")).unwrap_or_default();
            return Err(Error::config("logs/run", format!("there is no run {sequence}{attempt}"))
                .hint("landfall history lists the runs"));
        }
    };
    let mut tasks = read::tasks(pool, run).await?;
    if let Some(name) = &of.task {
        if !tasks.iter().any(|t| t.told.task.as_str() == name) {
            let names = tasks.iter().map(|t| t.told.task.as_str());
            let error = Error::config("logs/task", format!("run {run} has no task `{name}`"));
            return Err(match nearest(name, names) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint(format!("landfall logs {run} shows its tasks")),
            });
        }
        tasks.retain(|t| t.told.task.as_str() == name);
    }
    if words.failed {
        tasks.retain(|t| t.told.status == Status::Failed);
    }
    // A failure is told with the statement that failed, and `--sql` shows all.
    let statements = match words.sql || words.failed {
        true => {
            let task = of.task.as_deref().and_then(TaskName::parse);
            read::statements(pool, run, task.as_ref()).await?
        }
        false => Vec::new(),
    };
    Ok(Some(Found { run, tasks, statements }))
}

fn text(session: &Session, task: &TaskRow, statements: &[&StatementRow]) -> String {
    let paint = session.printer.ink();
    let told = &task.told;
    let took = match (told.started_at, told.finished_at) {
        (Some(start), Some(end)) => (end - start).to_std().map(human::took).unwrap_or_default(),
        _ => String::new(),
    };
    let rows = match told.status {
        Status::Ok | Status::Skipped => rows_text(told.task.layer(), &told.rows),
        _ => String::new(),
    };
    let mut lines = vec![
        format!(
            "{}{:<34} {rows:<34}{took:>8}",
            status_word(told.status, paint),
            paint.strong(clean_line(told.task.as_str())),
        )
        .trim_end()
        .to_string(),
    ];
    if let Some(started) = told.started_at {
        lines.push(paint.faint(format!("    began {}", human::local_time(started))));
    }
    if let Some(reason) = &told.reason {
        lines.push(format!("    {}", clean_line(reason)));
    }
    if let Some(failure) = &told.failure {
        lines.push(format!(
            "    {} {}",
            paint.bad(format!("error[{}]:", clean_line(&failure.code))),
            clean_line(&failure.message)
        ));
        if let Some(place) = &failure.place {
            lines.push(format!("    at {}", clean_line(place)));
        }
        if let Some(hint) = &failure.hint {
            lines.push(format!("    {} {}", paint.accent("help:"), clean_line(hint)));
        }
    }
    for statement in statements {
        lines.push(paint.faint(format!(
            "    -- {} {}: {} inserted, {} updated, {} deleted, {}",
            statement.ordinal,
            clean_line(&statement.place),
            statement.inserted,
            statement.updated,
            statement.deleted,
            human::took(statement.took)
        )));
        lines.push(clean(statement.text.trim()).into_owned());
    }
    lines.join("\n") + "\n"
}

fn object(task: &TaskRow, statements: &[&StatementRow]) -> Value {
    let told = &task.told;
    let statements: Vec<Value> = statements
        .iter()
        .map(|s| {
            json!({
                "ordinal": s.ordinal, "place": s.place, "text": s.text, "inserted": s.inserted,
                "updated": s.updated, "deleted": s.deleted, "ms": s.took.as_millis() as u64,
            })
        })
        .collect();
    json!({
        "v": 1,
        "seq": task.run.sequence,
        "attempt": task.run.attempt,
        "task": told.task,
        "status": told.status,
        "rows": told.rows,
        "started_at": told.started_at.map(human::utc_time),
        "finished_at": told.finished_at.map(human::utc_time),
        "reason": told.reason,
        "code": told.failure.as_ref().map(|f| &f.code),
        "message": told.failure.as_ref().map(|f| &f.message),
        "place": told.failure.as_ref().and_then(|f| f.place.as_ref()),
        "help": told.failure.as_ref().and_then(|f| f.hint.as_ref()),
        "statements": statements,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_and_a_task_are_told_apart() {
        let parse =
            |words: &[&str]| Of::parse(&words.iter().map(ToString::to_string).collect::<Vec<_>>());
        let of = parse(&["store.mysql.orders", "11.2"]).expect("words");
        assert_eq!((of.sequence, of.attempt), (Some(Sequence(11)), Some(2)));
        assert_eq!(of.task.as_deref(), Some("store.mysql.orders"));
        assert_eq!(parse(&["7"]).expect("words").attempt, None);
        assert_eq!(parse(&[]).expect("words"), Of::default());
        for words in [&["1", "2"][..], &["a", "b"], &["0"], &["1.x"], &["1.0"], &["1.2.3"], &["9x"]]
        {
            assert!(parse(words).is_err(), "{words:?}");
        }
    }
}
