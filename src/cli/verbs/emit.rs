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
use crate::warehouse::Batch;

/// Writes the statements.
pub(in crate::cli) fn emit(session: &Session, words: &Words) -> Result<Exit> {
    let project = session.project_offline()?;
    let options = Options { select: words.selection.all(), ..Options::default() };
    let batches = session.stop.until_signal(&session.printer, run::emit(&project, &options))?;
    match &words.out_dir {
        Some(folder) => write_files(session, &project, folder, &batches)?,
        None if session.printer.is_json() => {
            for batch in &batches {
                session.printer.json_line(&object(batch))?;
            }
        }
        None => session.printer.data(script(&project, &batches))?,
    }
    Ok(Exit::Done)
}

/// All batches as one script.
pub(super) fn script(project: &Project, batches: &[Batch]) -> String {
    batches.iter().map(|batch| text(project, batch)).collect::<Vec<_>>().join("\n")
}

/// One task as a script: a head, then each statement with the place it comes from.
///
/// The statements are byte for byte what an engine is given.
fn text(project: &Project, batch: &Batch) -> String {
    let mut text =
        format!("-- {}\n-- target {}\n", clean_line(batch.task.as_str()), project.target.word());
    for statement in &batch.statements {
        let file =
            statement.place.file.strip_prefix(&project.root).unwrap_or(&statement.place.file);
        text.push_str(&format!(
            "\n-- {}:{}\n{};\n",
            clean_line(&file.display().to_string()),
            statement.place.line,
            statement.text.trim_end().trim_end_matches(';')
        ));
    }
    text
}

fn object(batch: &Batch) -> serde_json::Value {
    let statements: Vec<_> = batch
        .statements
        .iter()
        .map(|s| json!({"text": s.text, "place": s.place.to_string()}))
        .collect();
    json!({"v": 1, "task": batch.task, "statements": statements})
}

/// One file for each task, numbered in the order they run.
fn write_files(
    session: &Session,
    project: &Project,
    folder: &Path,
    batches: &[Batch],
) -> Result<()> {
    let failed = |path: &Path, cause: std::io::Error| {
        Error::failed("emit/write", format!("cannot write `{}`", path.display())).because(cause)
    };
    std::fs::create_dir_all(folder).map_err(|e| failed(folder, e))?;
    let digits = batches.len().to_string().len().max(2);
    for (index, batch) in batches.iter().enumerate() {
        let path = folder.join(format!("{:0digits$}_{}.sql", index + 1, batch.task));
        std::fs::write(&path, text(project, batch)).map_err(|e| failed(&path, e))?;
        session.printer.line(clean_line(&path.display().to_string()))?;
    }
    session.printer.flush()?;
    session.printer.say(human::count(batches.len() as u64, "file", "files"));
    Ok(())
}
