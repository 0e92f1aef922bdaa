//! Progress as lines: one fact each, `time event key=value ...`, in a stable order, to grep.
//!
//! While tasks run, a heartbeat every 30 seconds says which and how far, so that a log never
//! looks dead.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::Utc;

use super::super::clean::clean_line;
use super::super::human::utc_time;
use super::super::printer::Printer;
use super::{Live, failure_text};
use crate::events::{Event, Observer, Unit};
use crate::sequence::RunId;
use crate::task::{Layer, Rows, Status};

const HEARTBEAT: Duration = Duration::from_secs(30);

/// The renderer.
pub(super) struct Plain {
    printer: Printer,
    state: Arc<Mutex<State>>,
    /// Dropped to end the heartbeat's thread.
    _beat: Option<Sender<()>>,
}

#[derive(Default)]
struct State {
    run: Option<RunId>,
    started: Option<Instant>,
    /// Running tasks and how far each is.
    running: BTreeMap<String, Told>,
}

/// How far a task is.
#[derive(Clone, Copy)]
struct Told {
    done: u64,
    total: Option<u64>,
    unit: Unit,
}

impl Plain {
    pub(super) fn new(printer: Printer) -> Plain {
        let state = Arc::new(Mutex::new(State::default()));
        let beat = start_heartbeat(printer.clone(), Arc::clone(&state));
        Plain { printer, state, _beat: beat }
    }
}

/// Without a thread there is no heartbeat, and the run goes on all the same.
fn start_heartbeat(printer: Printer, state: Arc<Mutex<State>>) -> Option<Sender<()>> {
    let (stop, stopped) = channel::<()>();
    let beat = move || {
        while stopped.recv_timeout(HEARTBEAT) == Err(RecvTimeoutError::Timeout) {
            let state = held(&state);
            if let Some(line) = heartbeat_line(&state) {
                printer.always(format!("{} {line}", utc_time(Utc::now())));
            }
        }
    };
    std::thread::Builder::new().name("heartbeat".into()).spawn(beat).ok().map(|_| stop)
}

fn held(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn heartbeat_line(state: &State) -> Option<String> {
    if state.running.is_empty() {
        return None;
    }
    let names: Vec<&str> = state.running.keys().map(String::as_str).collect();
    let counted = |unit| state.running.values().filter(move |told| told.unit == unit);
    let mut line = Line::new("heartbeat", state.run);
    line.add("running", names.join(","));
    line.add("rows", counted(Unit::Rows).map(|told| told.done).sum::<u64>());
    if counted(Unit::Bytes).next().is_some() {
        line.add("bytes", counted(Unit::Bytes).map(|told| told.done).sum::<u64>());
        line.add("of_bytes", counted(Unit::Bytes).filter_map(|told| told.total).sum::<u64>());
    }
    line.add("elapsed_ms", state.started.map_or(0, |s| s.elapsed().as_millis()));
    Some(line.0)
}

impl Observer for Plain {
    fn on(&self, event: &Event<'_>) {
        let mut state = held(&self.state);
        match event {
            Event::RunStarted { run, .. } => {
                state.run = Some(*run);
                state.started = Some(Instant::now());
            }
            Event::TaskStarted { task } => {
                let told = Told { done: 0, total: None, unit: Unit::Rows };
                state.running.insert(task.to_string(), told);
            }
            Event::TaskProgress { task, done, total, unit } => {
                let told = Told { done: *done, total: *total, unit: *unit };
                state.running.insert(task.to_string(), told);
            }
            Event::TaskFinished { task, .. } => {
                state.running.remove(task.as_str());
            }
            _ => {}
        }
        if let Some(line) = event_line(state.run, event) {
            self.printer.always(format!("{} {line}", utc_time(Utc::now())));
        }
        if let Event::Failure { task, error } = event {
            self.printer.always(failure_text(&self.printer, task.as_str(), error));
        }
    }
}

impl Live for Plain {
    fn say(&self, text: &str) {
        self.printer.say(text);
    }
}

/// The line of an event, without its time; `None` for events that lines do not tell.
fn event_line(run: Option<RunId>, event: &Event<'_>) -> Option<String> {
    let mut line;
    match event {
        Event::RunStarted { run, target, resumed, tasks } => {
            line = Line::new("run.start", Some(*run));
            line.add("target", target);
            line.add("tasks", tasks.len());
            line.add("resume", resumed);
        }
        Event::TaskStarted { .. } | Event::TaskProgress { .. } => return None,
        Event::TaskFinished { task, status, rows, took, reason } => {
            line = Line::new(&format!("task.{}", status_key(*status)), run);
            line.add("task", task);
            if *status == Status::Ok {
                line.rows(task.layer(), rows);
                line.add("ms", took.as_millis());
            }
            if let Some(reason) = reason {
                line.add("reason", reason);
            }
        }
        Event::Failure { task, error } => {
            line = Line::new("error", run);
            line.add("task", task);
            line.add("code", error.code());
            if let Some(place) = error.place() {
                line.add("at", place);
            }
        }
        Event::Warning { task, message } => {
            line = Line::new("warning", run);
            if let Some(task) = task {
                line.add("task", task);
            }
            line.add("message", message);
        }
        Event::RunFinished { run, counts, took } => {
            line = Line::new("run.end", Some(*run));
            line.add("status", if counts.failed + counts.blocked > 0 { "failed" } else { "ok" });
            for (key, count) in [
                ("ok", counts.ok),
                ("skipped", counts.skipped),
                ("failed", counts.failed),
                ("blocked", counts.blocked),
                ("cancelled", counts.cancelled),
            ] {
                if count > 0 || key == "ok" {
                    line.add(key, count);
                }
            }
            line.add("ms", took.as_millis());
            if counts.failed > 0 {
                line.add("hint", format!("landfall logs {run} --failed"));
            }
        }
    }
    Some(line.0)
}

fn status_key(status: Status) -> &'static str {
    match status {
        Status::Failed => "fail",
        other => other.word(),
    }
}

/// A line being written.
struct Line(String);

impl Line {
    fn new(event: &str, run: Option<RunId>) -> Line {
        let mut line = Line(format!("{event:<14}"));
        if let Some(run) = run {
            line.add("seq", run);
        }
        line
    }

    /// Adds ` key=value`; a value with blanks or quotes is quoted.
    fn add(&mut self, key: &str, value: impl std::fmt::Display) {
        let value = value.to_string();
        let value = clean_line(&value);
        let plain = !value.is_empty() && !value.contains([' ', '"', '=']);
        let _ = match plain {
            true => write!(self.0, " {key}={value}"),
            false => write!(self.0, " {key}=\"{}\"", value.replace('"', "'")),
        };
    }

    fn rows(&mut self, layer: Layer, rows: &Rows) {
        let pairs: &[(&str, u64)] = match layer {
            Layer::Land => &[("rows", rows.read), ("quarantined", rows.quarantined)],
            Layer::Store => &[
                ("landed", rows.landed),
                ("inserted", rows.inserted),
                ("updated", rows.updated),
                ("unchanged", rows.unchanged),
                ("superseded", rows.superseded),
            ],
            Layer::Pres | Layer::Report => &[("rows", rows.written)],
        };
        for (key, count) in pairs {
            self.add(key, count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, Place};
    use crate::events::Counts;
    use crate::sequence::Sequence;
    use crate::task::TaskName;

    #[test]
    fn every_event_is_one_stable_line() {
        let run = RunId { sequence: Sequence(11), attempt: 1 };
        let task = TaskName::land("mysql", "order_lines");
        let error = Error::failed("sql/unknown-column", "x").at(Place::new("pres/a.sql", 17, 5));
        let rows = Rows { read: 18_448, landed: 18_448, ..Rows::default() };
        let took = Duration::from_millis(412);
        let counts = Counts { ok: 16, failed: 1, blocked: 2, ..Counts::default() };
        let ok = Status::Ok;
        for (event, want) in [
            (
                Event::RunStarted { run, target: "local", resumed: false, tasks: &[] },
                "run.start      seq=11.1 target=local tasks=0 resume=false",
            ),
            (
                Event::TaskFinished { task: &task, status: ok, rows, took, reason: None },
                "task.ok        seq=11.1 task=land.mysql.order_lines rows=18448 quarantined=0 ms=412",
            ),
            (
                Event::Failure { task: &task, error: &error },
                "error          seq=11.1 task=land.mysql.order_lines code=sql/unknown-column \
                 at=pres/a.sql:17:5",
            ),
            (
                Event::Warning { task: None, message: "say \"a\"\nb\u{7}" },
                "warning        seq=11.1 message=\"say 'a' b\u{fffd}\"",
            ),
            (
                Event::RunFinished { run, counts, took },
                "run.end        seq=11.1 status=failed ok=16 failed=1 blocked=2 ms=412 \
                 hint=\"landfall logs 11.1 --failed\"",
            ),
        ] {
            assert_eq!(event_line(Some(run), &event).as_deref(), Some(want));
        }
        assert_eq!(event_line(Some(run), &Event::TaskStarted { task: &task }), None);
    }

    #[test]
    fn the_heartbeat_speaks_only_of_running_tasks() {
        let mut state = State::default();
        assert_eq!(heartbeat_line(&state), None);
        let rows = |done| Told { done, total: None, unit: Unit::Rows };
        state.running =
            BTreeMap::from([("land.a.b".to_string(), rows(5)), ("land.a.c".to_string(), rows(7))]);
        let line = heartbeat_line(&state).expect("line");
        assert!(line.contains("running=land.a.b,land.a.c rows=12 elapsed_ms=0"), "{line}");
        let log = Told { done: 16, total: Some(99), unit: Unit::Bytes };
        state.running.insert("land.w.x".to_string(), log);
        let line = heartbeat_line(&state).expect("line");
        assert!(line.contains(",land.w.x rows=12 bytes=16 of_bytes=99 elapsed_ms=0"), "{line}");
    }
}
