//! `seed`: the sample sources, made, changed as a day would change them, or loaded from CSV files.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde_json::json;

use super::source_url;
use crate::cli::Exit;
use crate::cli::args::Seed as Words;
use crate::cli::clean::clean_line;
use crate::cli::human;
use crate::cli::session::Session;
use crate::config::{DatabaseSource, Project, Sample, Source};
use crate::error::{Error, Result};
use crate::seed::{self, Made, MadeLog, Mutation, NewLog, Plan};

/// What the generator makes when neither words nor settings say otherwise.
const DEFAULT: Sample = Sample { seed: 42, orders: 3_800, log_lines: 100_000 };

/// Rows between two words about progress on a long seed.
const TELL_EVERY: u64 = 1_000_000;

/// Makes, changes or loads the sources.
pub(in crate::cli) fn seed(session: &Session, words: &Words) -> Result<Exit> {
    let project = session.project()?;
    let sample = project.sample.unwrap_or(DEFAULT);
    let plan = Plan {
        seed: words.seed.unwrap_or(sample.seed),
        orders: words.orders.unwrap_or(sample.orders),
        log_lines: words.log_lines.unwrap_or(sample.log_lines),
    };
    let database = match &words.to {
        Some(url) => source_url::source(url, "seed")?,
        None => sample_database(&project)?.clone(),
    };
    let log = sample_log(&project);
    match (words.mutate, &words.from_csv) {
        (Some(percent), _) => change(session, &database, log.as_deref(), percent, &plan)?,
        (None, Some(dir)) => {
            // The files hold no log. Without one the run after this would fail, so it is made where
            // it is missing, and replaced only when lines were asked for.
            let missing = |path: &PathBuf| words.to.is_none() && !path.exists();
            let log = log.filter(|path| words.log_lines.is_some() || missing(path));
            load(session, &database, dir, log.as_deref(), &plan)?;
        }
        (None, None) => {
            // Another database is filled for its own sake; the project's log stays as it is,
            // unless it was asked for.
            let log = log.filter(|_| words.to.is_none() || words.log_lines.is_some());
            make(session, &database, log.as_deref(), &plan)?;
        }
    }
    Ok(Exit::Done)
}

/// Makes the sample sources where the settings ask for them and the database file is missing.
pub(super) fn make_missing_sample(session: &Session, project: &Project) -> Result<()> {
    let Some(sample) = project.sample else {
        return Ok(());
    };
    let database = sample_database(project)?;
    if database.sqlite_path().is_none_or(|path| path.exists()) {
        return Ok(());
    }
    session
        .printer
        .say(format!("the sample sources are missing; making them (seed {})", sample.seed));
    let plan = Plan::from(sample);
    // A log that is there has perhaps been read already: it is never replaced unasked.
    let log = sample_log(project).filter(|path| !path.exists());
    make(session, database, log.as_deref(), &plan)
}

fn make(
    session: &Session,
    database: &DatabaseSource,
    log: Option<&Path>,
    plan: &Plan,
) -> Result<()> {
    let began = Instant::now();
    for file in [database.sqlite_path().as_deref(), log] {
        make_folder(file)?;
    }
    let (tell, stop) = (teller(session), session.stop.token());
    let work = seed::make_sample(database, log, plan, &tell, &stop);
    let (made, made_log) = session.stop.until_signal(&session.printer, work)?;
    tell_tables(session, database, &made)?;
    if let (Some(path), Some(made)) = (log, made_log) {
        tell_log(session, path, &made)?;
    }
    session.printer.detail(format!("made in {}", human::took(began.elapsed())));
    Ok(())
}

fn load(
    session: &Session,
    database: &DatabaseSource,
    dir: &Path,
    log: Option<&Path>,
    plan: &Plan,
) -> Result<()> {
    for file in [database.sqlite_path().as_deref(), log] {
        make_folder(file)?;
    }
    let (tell, stop) = (teller(session), session.stop.token());
    // The log waits out of sight until the tables are there.
    let work = async {
        let new = log.map(|path| NewLog::write(path, plan, &tell, &stop)).transpose()?;
        let made = seed::load_csv(database, dir, &tell).await?;
        Ok((made, new.map(NewLog::publish).transpose()?))
    };
    let (made, made_log) = session.stop.until_signal(&session.printer, work)?;
    tell_tables(session, database, &made)?;
    if let (Some(path), Some(made)) = (log, made_log) {
        tell_log(session, path, &made)?;
    }
    Ok(())
}

fn change(
    session: &Session,
    database: &DatabaseSource,
    log: Option<&Path>,
    percent: f64,
    plan: &Plan,
) -> Result<()> {
    let changed: Mutation =
        session.stop.until_signal(&session.printer, seed::mutate(database, percent, plan.seed))?;
    tell_changes(session, database, &changed)?;
    if let Some(path) = log.filter(|path| path.exists()) {
        // The log grows by the share that the orders change by.
        let lines = (plan.log_lines as f64 * percent / 100.0).round() as u64;
        let stop = session.stop.token();
        let work = async { seed::append_log(path, plan, lines, &stop) };
        let made = session.stop.until_signal(&session.printer, work)?;
        tell_log(session, path, &made)?;
    }
    Ok(())
}

/// The database that holds the sample: the first one of the settings.
fn sample_database(project: &Project) -> Result<&DatabaseSource> {
    project
        .sources
        .iter()
        .find_map(|source| match source {
            Source::Database(database) => Some(database),
            Source::Weblog(_) => None,
        })
        .ok_or_else(|| {
            Error::config("seed/no_database", "the settings name no database to fill")
                .hint("name one with --to URL, or add a [source.NAME] with a url")
        })
}

/// The log file of the sample: the first pattern that is a path, but for a `*` at its end that
/// stands for the rotated ones.
fn sample_log(project: &Project) -> Option<PathBuf> {
    project.sources.iter().find_map(|source| match source {
        Source::Database(_) => None,
        Source::Weblog(log) => log
            .files
            .iter()
            .map(|pattern| pattern.strip_suffix('*').unwrap_or(pattern))
            .find(|path| !path.contains(['*', '?', '[']) && !path.ends_with('/'))
            .map(|path| project.root.join(path)),
    })
}

fn make_folder(file: Option<&Path>) -> Result<()> {
    let Some(folder) = file.and_then(Path::parent) else {
        return Ok(());
    };
    std::fs::create_dir_all(folder).map_err(|e| {
        Error::failed("seed/write", format!("cannot make the folder `{}`", folder.display()))
            .because(e)
    })
}

/// Says how far a long seed is, now and then.
fn teller(session: &Session) -> impl Fn(u64) + Send + Sync {
    let printer = session.printer.clone();
    let next = AtomicU64::new(TELL_EVERY);
    move |rows| {
        if rows >= next.load(Ordering::Relaxed) {
            next.store((rows / TELL_EVERY + 1) * TELL_EVERY, Ordering::Relaxed);
            printer.say(format!("  {} rows so far", human::thousands(rows)));
        }
    }
}

/// Says a line to people, or the object to machines.
fn tell(session: &Session, line: String, object: serde_json::Value) -> Result<()> {
    match session.printer.is_json() {
        true => session.printer.json_line(&object),
        false => {
            session.printer.say(line);
            Ok(())
        }
    }
}

fn tell_tables(session: &Session, database: &DatabaseSource, made: &Made) -> Result<()> {
    let place = source_url::shown(database);
    for (table, rows) in &made.tables {
        let line = format!("  {:<16} {:>12} rows", clean_line(table), human::thousands(*rows));
        tell(session, line, json!({"v": 1, "event": "made", "table": table, "rows": rows}))?;
    }
    session.printer.say(format!("made {} rows in {place}", human::thousands(made.rows())));
    Ok(())
}

fn tell_changes(session: &Session, database: &DatabaseSource, changed: &Mutation) -> Result<()> {
    for change in &changed.tables {
        let line = format!(
            "  {:<16} {:>8} new {:>8} changed {:>8} deleted",
            clean_line(&change.table),
            human::thousands(change.inserted),
            human::thousands(change.updated),
            human::thousands(change.soft_deleted),
        );
        tell(
            session,
            line,
            json!({
                "v": 1, "event": "changed", "table": change.table, "inserted": change.inserted,
                "updated": change.updated, "soft_deleted": change.soft_deleted,
            }),
        )?;
    }
    session.printer.say(format!("changed {}", source_url::shown(database)));
    Ok(())
}

fn tell_log(session: &Session, path: &Path, made: &MadeLog) -> Result<()> {
    let shown = path.display().to_string();
    let line = format!(
        "wrote {} ({}, {}) to {}",
        human::count(made.lines, "line", "lines"),
        human::size(made.bytes),
        human::count(made.broken, "broken one", "broken ones"),
        clean_line(&shown),
    );
    tell(
        session,
        line,
        json!({
            "v": 1, "event": "wrote", "file": shown, "lines": made.lines, "bytes": made.bytes,
            "broken": made.broken,
        }),
    )
}
