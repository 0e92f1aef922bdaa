//! `report`: one report with its title, its rows, and how old its data is; or the list of them.

use chrono::Utc;
use serde_json::json;

use super::warehouse;
use crate::cli::Exit;
use crate::cli::args::Report as Words;
use crate::cli::clean::clean_line;
use crate::cli::formats::{Format, write_rows};
use crate::cli::human;
use crate::cli::session::Session;
use crate::config::Project;
use crate::error::{Error, Result, nearest};
use crate::records::read::{self, SequenceRow};
use crate::records::runs::SequenceState;
use crate::report::{self, SqlFile};
use crate::sequence::Sequence;

/// Sequences looked through for the last complete one.
const SEQUENCES: u32 = 10_000;

/// The names of the reports; none where their folder cannot be read.
pub(super) fn names(project: &Project) -> Vec<String> {
    let files = report::load(&project.reports_dir).unwrap_or_default();
    files.into_iter().map(|file| file.name).collect()
}

/// Shows a report, or lists them.
pub(in crate::cli) fn report(session: &Session, words: &Words) -> Result<Exit> {
    let project = session.project_offline()?;
    let files = report::load(&project.reports_dir)?;
    match &words.name {
        None => list(session, &files)?,
        Some(name) => show(session, &project, words, find(&files, name)?)?,
    }
    Ok(Exit::Done)
}

fn list(session: &Session, files: &[SqlFile]) -> Result<()> {
    let width = files.iter().map(|f| f.name.len()).max().unwrap_or(0);
    for file in files {
        if session.printer.is_json() {
            session.printer.json_line(&json!({"v": 1, "name": file.name, "title": file.title}))?;
            continue;
        }
        let name = format!("{:<width$}", clean_line(&file.name));
        let line = format!("{}  {}", session.printer.ink().accent(name), clean_line(&file.title));
        session.printer.line(line.trim_end())?;
    }
    if files.is_empty() {
        session.printer.say("no reports yet: put one query in a file of the reports folder");
    }
    Ok(())
}

fn find<'a>(files: &'a [SqlFile], name: &str) -> Result<&'a SqlFile> {
    // The task's name is taken as well.
    let wanted = name.strip_prefix("report.").unwrap_or(name);
    files.iter().find(|file| file.name == wanted).ok_or_else(|| {
        let error = Error::config("report/unknown", format!("there is no report `{name}`"));
        match nearest(wanted, files.iter().map(|f| f.name.as_str())) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint("landfall report lists them"),
        }
    })
}

fn show(session: &Session, project: &Project, words: &Words, file: &SqlFile) -> Result<()> {
    let Some(statement) = file.statements.first() else {
        return Err(Error::config("report/one_query", format!("`{}` holds no query", file.name)));
    };
    let (answer, complete) = session.stop.until_signal(&session.printer, async {
        let warehouse = warehouse::open(session, project).await?;
        let complete = complete(session, project, words.as_of_sequence).await?;
        // All reports show one state: the last one in which everything agreed.
        let as_of = complete.as_ref().map(|row| row.sequence).or(words.as_of_sequence);
        let answer = warehouse.query(&statement.text, as_of).await;
        Ok((answer.map_err(|e| e.about(format!("report.{}", file.name)))?, complete))
    })?;
    let printer = &session.printer;
    let format = session.format(words.format);
    if format == Format::Table && !file.title.is_empty() {
        printer.line(printer.ink().strong(clean_line(&file.title)))?;
        printer.line("")?;
    }
    let look = session.look(true);
    printer.with_data(|out| write_rows(out, &answer.schema, &answer.batches, format, look))?;
    printer.flush()?;
    let age = match complete {
        Some(row) => format!(
            "sequence {}, {}",
            row.sequence,
            row.closed_at.map_or("unfinished".to_string(), |at| human::ago(at, Utc::now()))
        ),
        None => "no sequence is complete yet: the tables as they are now".to_string(),
    };
    printer.say(printer.talk().faint(age));
    Ok(())
}

/// The sequence that is shown: the one asked for, else the last complete one.
async fn complete(
    session: &Session,
    project: &Project,
    wanted: Option<Sequence>,
) -> Result<Option<SequenceRow>> {
    let Some(state) = session.records(project).await? else {
        return Ok(None);
    };
    let sequences = read::sequences(state.readers(), SEQUENCES).await?;
    Ok(sequences.into_iter().find(|row| match wanted {
        Some(wanted) => row.sequence == wanted,
        None => row.state == SequenceState::Complete,
    }))
}
