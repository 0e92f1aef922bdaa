//! `discover`: the tables of a live database as specs for `landfall.toml`, on standard output.

use super::{source_url, tables};
use crate::cli::Exit;
use crate::cli::args::Discover as Words;
use crate::cli::clean::clean;
use crate::cli::human;
use crate::cli::session::Session;
use crate::config::{self, DatabaseSource, DiscoveredColumn, DiscoveredTable, Source};
use crate::error::{Error, Result};
use crate::extract::database::{self, Database};

/// Prints the proposal.
pub(in crate::cli) fn discover(session: &Session, words: &Words) -> Result<Exit> {
    let source = source(session, words)?;
    session.printer.say(format!("asking {}", source_url::shown(&source)));
    let found = session.stop.until_signal(&session.printer, async {
        Database::connect(&source).await?.discover().await
    })?;
    let wanted = words.only.as_deref().unwrap_or("*").to_lowercase();
    let found: Vec<DiscoveredTable> = found
        .into_iter()
        .filter(|table| tables::matches(&wanted, &table.name.to_lowercase()))
        .map(proposal)
        .collect();
    if found.is_empty() {
        return Err(Error::config("discover/none", "the database has no such table"));
    }
    // The proposal is a file to be: controls in names of strangers never belong in it.
    session.printer.data(clean(&config::render_tables(&source.name, &found)).as_bytes())?;
    session.printer.flush()?;
    session.printer.say(format!(
        "{}; put them below [source.{}] in landfall.toml and narrow the types",
        human::count(found.len() as u64, "table", "tables"),
        source.name
    ));
    Ok(Exit::Done)
}

/// The source named: one of the project's by its name, or a URL.
fn source(session: &Session, words: &Words) -> Result<DatabaseSource> {
    if words.url.contains(':') {
        let name = match &words.name {
            Some(name) => name.clone(),
            None => words.url.split(':').next().unwrap_or("source").to_string(),
        };
        return source_url::source(&words.url, &name);
    }
    let project = session.project()?;
    let known = project.sources.into_iter().find_map(|source| match source {
        Source::Database(database) if database.name == words.url => Some(database),
        _ => None,
    });
    let mut source = known.ok_or_else(|| {
        Error::config(
            "usage/url",
            format!("`{}` is neither a URL nor a database of this project", words.url),
        )
        .hint("write sqlite:path/to/file, mysql://user@host/database or the name of a source")
    })?;
    if let Some(name) = &words.name {
        source.name.clone_from(name);
    }
    Ok(source)
}

/// What the source told, in the words of the settings.
fn proposal(table: database::DiscoveredTable) -> DiscoveredTable {
    DiscoveredTable {
        from: table.name,
        columns: table
            .columns
            .into_iter()
            .map(|column| DiscoveredColumn {
                name: column.name,
                source_type: column.source_type,
                ty: Some(column.ty),
                not_null: column.not_null,
            })
            .collect(),
        key: table.primary_key,
        watermark: table.watermark,
        notes: table.notes,
    }
}
