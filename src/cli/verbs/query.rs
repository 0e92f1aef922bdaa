//! `query`: one question over the store and pres tables, its rows on standard output.

use std::io::Read;
use std::path::Path;
use std::time::Instant;

use super::warehouse;
use crate::cli::Exit;
use crate::cli::args::Query;
use crate::cli::formats::write_rows;
use crate::cli::human;
use crate::cli::session::Session;
use crate::error::{Error, Result};

/// Most bytes of a query: Redshift's own limit of a statement is 16 MB.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// Answers the query.
pub(in crate::cli) fn query(session: &Session, words: &Query) -> Result<Exit> {
    let sql = text(words)?;
    let project = session.project_offline()?;
    let began = Instant::now();
    let answer = session.stop.until_signal(&session.printer, async {
        warehouse::open(session, &project).await?.query(&sql, words.as_of_sequence).await
    })?;
    let format = session.format(words.format);
    let look = session.look(false);
    session
        .printer
        .with_data(|out| write_rows(out, &answer.schema, &answer.batches, format, look))?;
    session.printer.flush()?;
    let rows: usize = answer.batches.iter().map(|b| b.num_rows()).sum();
    session.printer.say(session.printer.talk().faint(format!(
        "{}, {}",
        human::count(rows as u64, "row", "rows"),
        human::took(began.elapsed())
    )));
    Ok(Exit::Done)
}

/// The query's text: typed, from a file, or from standard input.
fn text(words: &Query) -> Result<String> {
    let text = match (&words.file, words.sql.as_deref()) {
        (Some(path), _) if path == Path::new("-") => from_stdin()?,
        (Some(path), _) => from_file(path)?,
        (None, Some("-")) => from_stdin()?,
        (None, Some(sql)) => sql.to_string(),
        (None, None) => String::new(),
    };
    if text.trim().is_empty() {
        return Err(Error::config("query/empty", "the query is empty")
            .hint("landfall query \"select count(*) from store_weblog.access\""));
    }
    Ok(text)
}

fn from_stdin() -> Result<String> {
    read(std::io::stdin().lock(), "standard input")
}

fn from_file(path: &Path) -> Result<String> {
    let file = std::fs::File::open(path).map_err(|e| {
        Error::config("query/file", format!("cannot read `{}`", path.display())).because(e)
    })?;
    read(file, &path.display().to_string())
}

fn read(from: impl Read, name: &str) -> Result<String> {
    let mut text = String::new();
    let read = from.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(|e| {
        Error::config("query/file", format!("cannot read the query from {name}")).because(e)
    })?;
    if read as u64 > MAX_BYTES {
        return Err(Error::config(
            "query/long",
            format!("the query in {name} is longer than {}", human::size(MAX_BYTES)),
        ));
    }
    Ok(text)
}
