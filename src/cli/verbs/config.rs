//! `config`: the settings in force, whether they are right, and where they come from.

use serde_json::json;

use crate::cli::Exit;
use crate::cli::args::{Config, ConfigVerb};
use crate::cli::clean::clean_line;
use crate::cli::human;
use crate::cli::session::Session;
use crate::config::{Loaded, Source};
use crate::error::Result;
use crate::layout;

/// Shows, checks or locates the settings.
pub(in crate::cli) fn config(session: &Session, words: &Config) -> Result<Exit> {
    match words.what {
        ConfigVerb::Show { origin } => show(session, &session.load(false)?, origin)?,
        ConfigVerb::Check => check(session, &session.load(true)?)?,
        ConfigVerb::Path => {
            let path = session.project_offline()?.root.join(layout::CONFIG_FILE);
            session.printer.line(clean_line(&path.display().to_string()))?;
        }
    }
    Ok(Exit::Done)
}

fn show(session: &Session, loaded: &Loaded, origin: bool) -> Result<()> {
    if session.printer.is_json() {
        for setting in &loaded.origins {
            session.printer.json_line(&json!({
                "key": setting.key, "value": setting.value, "origin": setting.origin,
            }))?;
        }
        return Ok(());
    }
    let paint = session.printer.ink();
    let width = loaded.origins.iter().map(|s| s.origin.chars().count()).max().unwrap_or(0);
    for setting in &loaded.origins {
        let from = match origin {
            true => paint.faint(format!("{:<width$}  ", clean_line(&setting.origin))),
            false => String::new(),
        };
        let (key, value) = (clean_line(&setting.key), clean_line(&setting.value));
        session.printer.line(format!("{from}{} = {value}", paint.accent(key)))?;
    }
    Ok(())
}

fn check(session: &Session, loaded: &Loaded) -> Result<()> {
    let project = &loaded.project;
    let tables: usize = project.sources.iter().map(|s| s.tables().len()).sum();
    let databases = project.sources.iter().filter(|s| matches!(s, Source::Database(_))).count();
    if session.printer.is_json() {
        return session.printer.json_line(&json!({
            "ok": true, "project": project.name, "target": project.target.word(),
            "databases": databases, "weblogs": project.sources.len() - databases, "tables": tables,
        }));
    }
    let count = |n: usize, one, many| human::count(n as u64, one, many);
    session.printer.line(format!(
        "ok  {}: {}, {}, {}",
        clean_line(&project.name),
        count(databases, "database", "databases"),
        count(project.sources.len() - databases, "web log", "web logs"),
        count(tables, "table", "tables"),
    ))
}
