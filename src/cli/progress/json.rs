//! Progress as NDJSON on standard output, version 1.
//!
//! Every object has `v`, `ts`, `event`, and once the run has begun `seq` and `attempt`. Within
//! version 1 fields are only added. Values are raw: JSON escapes controls itself.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use super::super::failure;
use super::super::printer::Printer;
use super::Live;
use crate::events::{Event, Observer};
use crate::sequence::RunId;

/// The version of the objects.
pub(in crate::cli) const VERSION: u32 = 1;

/// A task's progress is told at most once in this time.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// The renderer.
pub(super) struct Json {
    printer: Printer,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    run: Option<RunId>,
    told: HashMap<String, Instant>,
}

impl Json {
    pub(super) fn new(printer: Printer) -> Json {
        Json { printer, state: Mutex::default() }
    }
}

impl Observer for Json {
    fn on(&self, event: &Event<'_>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::RunStarted { run, .. } => state.run = Some(*run),
            Event::TaskProgress { task, .. } => {
                let now = Instant::now();
                let due = state
                    .told
                    .get(task.as_str())
                    .is_none_or(|last| now.duration_since(*last) >= PROGRESS_EVERY);
                if !due {
                    return;
                }
                state.told.insert(task.to_string(), now);
            }
            _ => {}
        }
        let ts = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
        // A reader that has gone must not stop the run.
        let _ = self.printer.json_line(&object(&ts, state.run, event));
    }
}

impl Live for Json {
    fn say(&self, text: &str) {
        self.printer.say(text);
    }
}

/// The object of an event.
fn object(ts: &str, run: Option<RunId>, event: &Event<'_>) -> Value {
    let (name, fields) = match event {
        Event::RunStarted { target, resumed, tasks, .. } => (
            "run_started",
            json!({"target": target, "resumed": resumed, "tasks": tasks.len(), "names": tasks}),
        ),
        Event::TaskStarted { task } => ("task_started", json!({"task": task})),
        Event::TaskProgress { task, done, total, unit } => {
            ("task_progress", json!({"task": task, "done": done, "total": total, "unit": unit}))
        }
        Event::TaskFinished { task, status, rows, took, reason } => (
            "task_finished",
            json!({
                "task": task, "status": status, "ms": millis(*took), "rows": rows,
                "reason": reason,
            }),
        ),
        Event::Failure { task, error } => {
            let mut fields = failure::to_json(error);
            if let Some(fields) = fields.as_object_mut() {
                fields.insert("task".into(), json!(task));
            }
            ("diagnostic", fields)
        }
        Event::Warning { task, message } => {
            ("diagnostic", json!({"task": task, "severity": "warning", "message": message}))
        }
        Event::RunFinished { counts, took, .. } => {
            let status = if counts.failed + counts.blocked > 0 { "failed" } else { "ok" };
            ("run_finished", json!({"status": status, "counts": counts, "ms": millis(*took)}))
        }
    };
    let mut all = head(ts, name, run);
    if let Value::Object(fields) = fields {
        all.extend(fields.into_iter().filter(|(_, value)| !value.is_null()));
    }
    Value::Object(all)
}

/// The fields that every object has.
fn head(ts: &str, event: &str, run: Option<RunId>) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("v".into(), json!(VERSION));
    fields.insert("ts".into(), json!(ts));
    fields.insert("event".into(), json!(event));
    if let Some(run) = run {
        fields.insert("seq".into(), json!(run.sequence));
        fields.insert("attempt".into(), json!(run.attempt));
    }
    fields
}

fn millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, Place};
    use crate::events::Unit;
    use crate::sequence::Sequence;
    use crate::task::{Rows, Status, TaskName};

    #[test]
    fn objects_carry_version_time_run_and_the_facts() {
        let run = Some(RunId { sequence: Sequence(11), attempt: 2 });
        let task = TaskName::store("mysql", "order_lines");
        let rows = Rows { landed: 5, inserted: 5, ..Rows::default() };
        let event = Event::TaskFinished {
            task: &task,
            status: Status::Ok,
            rows,
            took: Duration::from_millis(381),
            reason: None,
        };
        let value = object("T", run, &event);
        assert_eq!(
            value,
            json!({
                "v": 1, "ts": "T", "event": "task_finished", "seq": 11, "attempt": 2,
                "task": "store.mysql.order_lines", "status": "ok", "ms": 381,
                "rows": {
                    "read": 0, "landed": 5, "quarantined": 0, "inserted": 5, "updated": 0,
                    "unchanged": 0, "superseded": 0, "written": 0
                },
            })
        );
        let (done, total) = (5, Some(9));
        let event = Event::TaskProgress { task: &task, done, total, unit: Unit::Bytes };
        let value = object("T", run, &event);
        assert_eq!((&value["done"], &value["total"]), (&json!(5), &json!(9)));
        assert_eq!(value["unit"], json!("bytes"));
        let error = Error::failed("sql/x", "no \u{1b}").at(Place::new("a.sql", 3, 4)).hint("y");
        let value = object("T", run, &Event::Failure { task: &task, error: &error });
        assert_eq!(
            (&value["event"], &value["code"], &value["file"], &value["line"], &value["help"]),
            (&json!("diagnostic"), &json!("sql/x"), &json!("a.sql"), &json!(3), &json!("y"))
        );
        assert!(!value.to_string().contains('\u{1b}'));
    }
}
