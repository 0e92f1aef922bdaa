//! `plan`: what a run would do, and why. It changes nothing.

use serde_json::{Value, json};

use super::emit;
use crate::cli::Exit;
use crate::cli::args::Plan as Words;
use crate::cli::clean::{clean, clean_line};
use crate::cli::human;
use crate::cli::printer::Signs;
use crate::cli::session::Session;
use crate::config::Project;
use crate::error::Result;
use crate::run::{self, Options, Plan, PlannedTask};
use crate::window::{FileRange, Window};

/// Shows the plan.
pub(in crate::cli) fn plan(session: &Session, words: &Words) -> Result<Exit> {
    let project = match words.offline {
        true => session.project_offline()?,
        false => session.project()?,
    };
    let options = Options { select: words.selection.all(), ..Options::default() };
    let plan = session
        .stop
        .until_signal(&session.printer, run::plan(&project, &options, words.offline))?;
    for warning in &plan.warnings {
        session.printer.warn(warning);
    }
    match session.printer.is_json() {
        true => session.printer.json_line(&object(&project, &plan))?,
        false => show(session, &project, &plan)?,
    }
    if words.sql {
        let tasks = emit::collect(session, &project, &options)?;
        session.printer.data(emit::script(&project, &tasks))?;
    }
    let pending = plan.tasks.iter().any(|t| t.skip.is_none());
    Ok(if words.detailed_exitcode && pending { Exit::Changes } else { Exit::Done })
}

fn show(session: &Session, project: &Project, plan: &Plan) -> Result<()> {
    let printer = &session.printer;
    let paint = printer.ink();
    printer.line(format!(
        "{} sequence {} ({}), target {}    {}",
        paint.strong("Plan:"),
        plan.sequence,
        if plan.resumed { "resumed" } else { "new" },
        project.target.word(),
        paint.faint("nothing has been run"),
    ))?;
    let width = plan.tasks.iter().map(|t| t.task.as_str().len()).max().unwrap_or(0);
    for task in &plan.tasks {
        let name = format!("{:<width$}", clean_line(task.task.as_str()));
        let line = match &task.skip {
            Some(why) => paint.faint(format!("  skip  {name}  {}", clean_line(why))),
            None => format!("  {}   {name}  {}", paint.good("run"), what(task, printer.signs())),
        };
        printer.line(line.trim_end())?;
    }
    let (skipped, pending): (Vec<_>, Vec<_>) = plan.tasks.iter().partition(|t| t.skip.is_some());
    printer.line(format!(
        "  {} would run, {} skipped",
        human::count(pending.len() as u64, "task", "tasks"),
        skipped.len()
    ))?;
    printer.flush()?;
    printer.say("see the statements: landfall emit    do it: landfall run");
    Ok(())
}

/// `window 2022-01-22 15:51:26 → 2022-01-23 10:00:00    ~1,200 rows`.
fn what(task: &PlannedTask, signs: Signs) -> String {
    let mut parts = Vec::new();
    if let Some(window) = &task.window {
        if window.is_empty() {
            return "nothing new".to_string();
        }
        parts.push(window_text(window, signs));
        parts.push(match task.estimate {
            Some(rows) => format!("~{}", human::count(rows, "row", "rows")),
            None => "rows unknown".to_string(),
        });
    }
    if !task.needs.is_empty() {
        let needs: Vec<&str> = task.needs.iter().map(|t| t.as_str()).collect();
        parts.push(clean_line(&format!("after {}", needs.join(", "))).into_owned());
    }
    parts.join("    ")
}

fn window_text(window: &Window, signs: Signs) -> String {
    match window {
        Window::Full => "every row".to_string(),
        Window::Range { start, end, .. } => {
            let start = start.map_or("the beginning".to_string(), |s| s.to_string());
            format!("{start} {} {end}", signs.arrow)
        }
        Window::Files { ranges } => {
            let bytes = ranges.iter().map(FileRange::bytes).sum();
            let files = ranges.iter().filter(|range| !range.is_empty()).count() as u64;
            format!("{} of {}", human::size(bytes), human::count(files, "file", "files"))
        }
    }
}

fn object(project: &Project, plan: &Plan) -> Value {
    let tasks: Vec<Value> = plan
        .tasks
        .iter()
        .map(|t| {
            json!({
                "task": t.task, "needs": t.needs, "skip": t.skip, "window": t.window,
                "estimate": t.estimate,
            })
        })
        .collect();
    let warnings: Vec<String> = plan.warnings.iter().map(|w| clean(w).into_owned()).collect();
    json!({
        "v": 1, "seq": plan.sequence, "resumed": plan.resumed, "target": project.target.word(),
        "tasks": tasks, "warnings": warnings,
    })
}
