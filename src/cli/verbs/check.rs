//! `check`: SQL files judged by the rules and planned where their tables are known. It runs none.

mod forward;

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::cli::Exit;
use crate::cli::args::Check as Words;
use crate::cli::clean::clean_line;
use crate::cli::failure::{self, Style};
use crate::cli::human;
use crate::cli::session::Session;
use crate::config::{Catalog, Project, Target};
use crate::dialect::{self, Command, Finding, MANUAL, ObjectRef, Parsed, Rule};
use crate::error::{Error, Place, Result};
use crate::run::{self, Options};
use crate::state::State;
use crate::warehouse::Statement;
use crate::warehouse::local::{DryRun, Local};
use crate::{layout, storage};

use forward::{Forward, define, defines, is_temporary};

/// Nothing runs, so nothing needs memory but constants that are folded.
const SCRATCH_MEMORY: usize = 64 << 20;

/// A text to be checked.
struct Script {
    path: PathBuf,
    text: String,
    statements: Vec<Result<Parsed>>,
}

/// What is told of one place.
struct Told {
    place: Option<Place>,
    message: String,
    help: Option<String>,
    kind: Kind,
}

enum Kind {
    Rule(&'static Rule),
    Error(&'static str),
}

impl Told {
    fn of_finding(finding: &Finding) -> Told {
        let rule = finding.rule;
        let (message, help) = (rule.says.to_owned(), Some(rule.fix.to_owned()));
        Told { place: Some(finding.place.clone()), message, help, kind: Kind::Rule(rule) }
    }

    fn of_error(error: &Error) -> Told {
        // the parser and the engine raise errors of rules, too
        let raised = dialect::rules()
            .find(|r| r.code == error.code() && r.says == error.message() && r.severity.stops());
        let (help, kind) = match raised {
            Some(rule) => (Some(rule.fix.to_owned()), Kind::Rule(rule)),
            None => {
                let general = || dialect::explain(error.code()).ok()?.first().map(|e| e.fix);
                let help = error.advice().or_else(general).map(str::to_owned);
                (help, Kind::Error(error.code()))
            }
        };
        Told { place: error.place().cloned(), message: error.to_string(), help, kind }
    }

    fn is_error(&self) -> bool {
        match self.kind {
            Kind::Rule(rule) => rule.severity.stops(),
            Kind::Error(_) => true,
        }
    }

    /// What `landfall explain` finds it by.
    fn code(&self) -> &'static str {
        match self.kind {
            Kind::Rule(rule) if rule.severity.stops() => rule.code,
            Kind::Rule(rule) => rule.id,
            Kind::Error(code) => code,
        }
    }

    fn rule(&self) -> Option<&'static str> {
        match self.kind {
            Kind::Rule(rule) => Some(rule.id),
            Kind::Error(_) => None,
        }
    }

    fn page(&self) -> Option<String> {
        let page = match self.kind {
            Kind::Rule(rule) => rule.page,
            // a code that several rules share has no page of its own
            Kind::Error(code) => match dialect::explain(code).ok()?.as_slice() {
                [only] => only.page,
                _ => "c_SQL_commands",
            },
        };
        (!page.is_empty()).then(|| format!("{MANUAL}{page}.html"))
    }
}

/// Counted over all files.
#[derive(Default)]
struct Tally {
    statements: usize,
    errors: usize,
    warnings: usize,
    unplanned: BTreeSet<ObjectRef>,
}

/// Checks the files.
pub(in crate::cli) fn check(session: &Session, words: &Words) -> Result<Exit> {
    let project = project(session)?;
    let scripts = scripts(session, words, project.as_ref())?;
    session.stop.until_signal(&session.printer, async {
        let scratch = Scratch::new();
        let local = warehouse(project.as_ref(), &scratch).await?;
        let mut dry = local.dry_run(project.is_some()).await?;
        let around = surroundings(project.as_ref(), &scripts);
        let forward = define(&mut dry, &around, &scripts).await;
        let mut tally = Tally::default();
        for script in &scripts {
            check_script(session, &mut dry, &forward, script, &mut tally).await?;
        }
        conclude(session, words, scripts.len(), &tally)
    })
}

fn conclude(session: &Session, words: &Words, files: usize, tally: &Tally) -> Result<Exit> {
    let failed = tally.errors > 0 || (words.deny_warnings && tally.warnings > 0);
    let exit = if failed { Exit::Failed } else { Exit::Done };
    if session.printer.is_json() {
        session.printer.json_line(&json!({
            "v": 1, "event": "check_finished", "files": files, "statements": tally.statements,
            "errors": tally.errors, "warnings": tally.warnings,
            "unknown_tables": tally.unplanned.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "exit_code": exit.code(),
        }))?;
        return Ok(exit);
    }
    session.printer.flush()?;
    if !tally.unplanned.is_empty() {
        let names: Vec<String> = tally.unplanned.iter().map(ToString::to_string).collect();
        session.printer.say(format!(
            "not planned, only judged by the rules, is what reads: {}",
            clean_line(&names.join(", "))
        ));
    }
    session.printer.say(format!(
        "{}, {} in {} of {}",
        human::count(tally.errors as u64, "error", "errors"),
        human::count(tally.warnings as u64, "warning", "warnings"),
        human::count(tally.statements as u64, "statement", "statements"),
        human::count(files as u64, "file", "files"),
    ));
    Ok(exit)
}

async fn check_script(
    session: &Session,
    dry: &mut DryRun<'_>,
    forward: &Forward,
    script: &Script,
    tally: &mut Tally,
) -> Result<()> {
    dry.new_session();
    let mut made = BTreeSet::new();
    forward.unbind(dry, script).await?;
    for statement in &script.statements {
        tally.statements += 1;
        let mut told = Vec::new();
        match statement {
            Err(error) => told.push(Told::of_error(error)),
            // here is where it is made; it is there already
            Ok(Parsed { command: Command::CreateSchema { name, .. }, .. })
                if forward.schemas.contains(name) => {}
            Ok(parsed) => {
                // made in advance for other files; here is where it is made
                if let Some(name) = defines(&parsed.command)
                    && !is_temporary(&parsed.command)
                    && forward.relations.contains(name)
                    && made.insert(name.clone())
                {
                    dry.forget(name).await?;
                }
                let judged = dry.judge(parsed).await;
                told.extend(judged.findings.iter().map(Told::of_finding));
                told.extend(judged.error.as_ref().map(Told::of_error));
                tally.unplanned.extend(judged.unplanned);
            }
        }
        for told in told {
            match told.is_error() {
                true => tally.errors += 1,
                false => tally.warnings += 1,
            }
            tell(session, script, &told)?;
        }
    }
    Ok(())
}

/// One finding as data.
fn tell(session: &Session, script: &Script, told: &Told) -> Result<()> {
    if session.printer.is_json() {
        return session.printer.json_line(&object(script, told));
    }
    let style = Style {
        palette: session.printer.ink(),
        frame: session.printer.out_terminal() && session.printer.ink().on,
    };
    let place = told.place.clone().unwrap_or_else(|| Place::new(&script.path, 1, 1));
    let head = failure::Head {
        severity: if told.is_error() { "error" } else { "warning" },
        code: told.code(),
        message: &told.message,
    };
    let mut text = failure::located(&head, &place, &script.text, style);
    let mark = match (told.rule(), told.page()) {
        (Some(rule), Some(page)) => Some(format!("{rule}  {page}")),
        (None, Some(page)) => Some(page),
        (rule, None) => rule.map(str::to_owned),
    };
    for (name, value) in [("help", told.help.as_deref()), ("page", mark.as_deref())] {
        if let Some(value) = value {
            text.push_str(&format!(
                "\n  {} {}",
                style.palette.accent(format!("{name}:")),
                clean_line(value)
            ));
        }
    }
    session.printer.line(text)
}

fn object(script: &Script, told: &Told) -> Value {
    let place = told.place.clone().unwrap_or_else(|| Place::new(&script.path, 1, 1));
    json!({
        "v": 1,
        "event": "finding",
        "severity": if told.is_error() { "error" } else { "warning" },
        "code": told.code(),
        "rule": told.rule(),
        "message": told.message,
        "file": failure::near(&place.file),
        "line": place.line,
        "column": place.column,
        "help": told.help,
        "page": told.page(),
    })
}

/// The project here, if there is one; that there is none is no mistake.
fn project(session: &Session) -> Result<Option<Project>> {
    match session.project_offline() {
        Ok(project) => Ok(Some(project)),
        Err(error) if error.code() == "config/no-project" && session.global.project.is_none() => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The texts to check: those named, or those of the project.
fn scripts(session: &Session, words: &Words, project: Option<&Project>) -> Result<Vec<Script>> {
    let mut scripts = Vec::new();
    if words.paths.is_empty() {
        let Some(project) = project else {
            return Err(Error::config(
                "check/nothing",
                "there is no project here and no file is named",
            )
            .hint("landfall check FILE..., or - for standard input"));
        };
        scripts.extend(rendered(session, project)?);
        for folder in folders(project) {
            scripts.extend(of_folder(&folder)?);
        }
        return Ok(scripts);
    }
    for path in &words.paths {
        if path == Path::new("-") {
            let mut text = String::new();
            std::io::stdin().lock().read_to_string(&mut text).map_err(|e| {
                Error::config("check/read", "cannot read standard input as UTF-8").because(e)
            })?;
            scripts.push(script(PathBuf::from("standard input"), text));
        } else if path.is_dir() {
            scripts.extend(of_folder(path)?);
        } else {
            scripts.push(read(path)?);
        }
    }
    Ok(scripts)
}

/// The folders of SQL of a project, each once.
fn folders(project: &Project) -> Vec<PathBuf> {
    let mut folders = vec![project.root.join("sql"), project.root.join("redshift")];
    for own in [&project.pres_dir, &project.reports_dir] {
        if !folders.iter().any(|folder| own.starts_with(folder)) {
            folders.push(own.clone());
        }
    }
    folders.retain(|folder| folder.is_dir());
    folders
}

fn of_folder(folder: &Path) -> Result<Vec<Script>> {
    let unreadable = |e: std::io::Error| {
        Error::config("check/read", format!("cannot read the folder `{}`", folder.display()))
            .because(e)
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        paths.push(entry.map_err(unreadable)?.path());
    }
    paths.sort();
    let mut scripts = Vec::new();
    for path in paths {
        let hidden = path.file_name().is_some_and(|n| n.as_encoded_bytes().starts_with(b"."));
        if hidden {
            continue;
        } else if path.is_dir() {
            scripts.extend(of_folder(&path)?);
        } else if path.extension().is_some_and(|e| e == "sql") {
            scripts.push(read(&path)?);
        }
    }
    Ok(scripts)
}

fn read(path: &Path) -> Result<Script> {
    let text = std::fs::read_to_string(path).map_err(|e| {
        Error::config("check/read", format!("cannot read `{}` as UTF-8 text", path.display()))
            .because(e)
    })?;
    Ok(script(path.to_path_buf(), text))
}

fn script(path: PathBuf, text: String) -> Script {
    let statements = match dialect::parse_each(&text, &path) {
        Ok(statements) => statements,
        Err(error) => vec![Err(error)],
    };
    Script { path, text, statements }
}

/// The merge of every table, as a run would render it.
fn rendered(session: &Session, project: &Project) -> Result<Vec<Script>> {
    let options = Options { select: vec!["store.*".into()], ..Options::default() };
    let tasks =
        session.stop.until_signal(&session.printer, run::emit(project, &options, project.target));
    // A file that cannot be read keeps the program from being known; it is told where it is checked.
    let Ok(tasks) = tasks else { return Ok(Vec::new()) };
    let text = |statements: Vec<Statement>| {
        statements.iter().map(|s| s.text.trim_end()).collect::<Vec<_>>().join(";\n\n")
    };
    Ok(tasks
        .into_iter()
        .map(|(task, statements)| script(PathBuf::from(task.as_str()), text(statements)))
        .collect())
}

/// The project's own texts, where only some are checked: they define the tables of the others.
fn surroundings(project: Option<&Project>, checked: &[Script]) -> Vec<Script> {
    let Some(project) = project else { return Vec::new() };
    let specs = project.sources.iter().flat_map(|s| s.tables().to_vec());
    let mut around: Vec<Script> = specs
        .filter_map(|spec| crate::merge::store_ddl(&spec).ok())
        .flatten()
        .map(|s| script(s.place.file, s.text))
        .collect();
    for folder in folders(project) {
        around.extend(of_folder(&folder).unwrap_or_default());
    }
    let known: Vec<PathBuf> = checked.iter().filter_map(|s| s.path.canonicalize().ok()).collect();
    around.retain(|s| s.path.canonicalize().map_or(true, |path| !known.contains(&path)));
    around
}

/// A folder that is gone when dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Scratch {
        let name = format!("landfall-check-{}", uuid::Uuid::now_v7().simple());
        Scratch(std::env::temp_dir().join(name))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The warehouse whose tables are known: the project's, or an empty one in a scratch folder.
async fn warehouse(project: Option<&Project>, scratch: &Scratch) -> Result<Local> {
    if let Some(project) = project
        && let Some(state) = State::existing(project).await?
    {
        let landing = storage::open(&project.landing, project.fsync)?;
        return Local::open(project, state, landing).await;
    }
    let failed = |e: std::io::Error| {
        Error::failed("check/scratch", "cannot make a folder for temporary files").because(e)
    };
    let state_dir = scratch.0.join(layout::STATE_DIR);
    std::fs::create_dir_all(&state_dir).map_err(failed)?;
    let no_url =
        |()| Error::failed("check/scratch", "the folder for temporary files has no address");
    let empty = Project {
        name: "check".to_owned(),
        target: Target::Local,
        sources: project.map(|p| p.sources.clone()).unwrap_or_default(),
        landing: url::Url::from_directory_path(&scratch.0).map_err(no_url)?,
        pres_dir: scratch.0.join("pres"),
        reports_dir: scratch.0.join("reports"),
        root: scratch.0.clone(),
        state_dir,
        sample: None,
        jobs: 1,
        memory_limit: SCRATCH_MEMORY,
        catalog: Catalog::File,
        fsync: false,
    };
    let state = State::make(&empty).await?;
    let landing = storage::local(&scratch.0.join("landing"), false)?;
    Local::open(&empty, state, landing).await
}
