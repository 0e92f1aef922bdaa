//! `emit`: every statement of a run as SQL files, ready to read, for the target named.

use std::path::Path;

use serde_json::json;

use crate::cli::Exit;
use crate::cli::args::Emit as Words;
use crate::cli::clean::clean_line;
use crate::cli::human;
use crate::cli::session::Session;
use crate::config::Project;
use crate::error::{Error, Result};
use crate::run::{self, Options};
use crate::task::TaskName;
use crate::warehouse::Statement;

/// The statements of one task.
pub(super) type Emitted = (TaskName, Vec<Statement>);

/// Writes the statements.
pub(in crate::cli) fn emit(session: &Session, words: &Words) -> Result<Exit> {
    let project = session.project_offline()?;
    let options = Options { select: words.selection.all(), ..Options::default() };
    let tasks = collect(session, &project, &options)?;
    match &words.out_dir {
        Some(folder) => write_files(session, &project, folder, &tasks)?,
        None if session.printer.is_json() => {
            for task in &tasks {
                session.printer.json_line(&object(task))?;
            }
        }
        None => session.printer.data(script(&project, &tasks))?,
    }
    Ok(Exit::Done)
}

/// The statements of the tasks that `options` select, for the project's target.
pub(super) fn collect(
    session: &Session,
    project: &Project,
    options: &Options,
) -> Result<Vec<Emitted>> {
    session.stop.until_signal(&session.printer, run::emit(project, options, project.target))
}

/// All tasks as one script.
pub(super) fn script(project: &Project, tasks: &[Emitted]) -> String {
    tasks.iter().map(|task| text(project, task)).collect::<Vec<_>>().join("\n")
}

/// One task as a script: a head, then each statement with the place it comes from.
///
/// The statements are byte for byte what an engine is given.
fn text(project: &Project, (task, statements): &Emitted) -> String {
    let mut text =
        format!("-- {}\n-- target {}\n", clean_line(task.as_str()), project.target.word());
    for statement in statements {
        let file = &statement.place.file;
        let file = file.strip_prefix(&project.root).unwrap_or(file);
        text.push_str(&format!(
            "\n-- {}:{}\n{};\n",
            clean_line(&file.display().to_string()),
            statement.place.line,
            statement.text.trim_end()
        ));
    }
    text
}

fn object((task, statements): &Emitted) -> serde_json::Value {
    let statements: Vec<_> =
        statements.iter().map(|s| json!({"text": s.text, "place": s.place.to_string()})).collect();
    json!({"v": 1, "task": task, "statements": statements})
}

/// One file for each task, numbered in the order they run.
fn write_files(
    session: &Session,
    project: &Project,
    folder: &Path,
    tasks: &[Emitted],
) -> Result<()> {
    let failed = |path: &Path, cause: std::io::Error| {
        Error::failed("emit/write", format!("cannot write `{}`", path.display())).because(cause)
    };
    std::fs::create_dir_all(folder).map_err(|e| failed(folder, e))?;
    let digits = tasks.len().to_string().len().max(2);
    for (index, task) in tasks.iter().enumerate() {
        let path = folder.join(format!("{:0digits$}_{}.sql", index + 1, task.0));
        std::fs::write(&path, text(project, task)).map_err(|e| failed(&path, e))?;
        session.printer.line(clean_line(&path.display().to_string()))?;
    }
    session.printer.flush()?;
    session.printer.say(human::count(tasks.len() as u64, "file", "files"));
    Ok(())
}
