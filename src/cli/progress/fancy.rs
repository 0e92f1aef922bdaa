//! Progress on a terminal: running tasks in a live block, a summary line below, finished tasks
//! scrolling up as one line each.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::super::clean::{clean, clean_line, scrub};
use super::super::human;
use super::super::printer::Printer;
use super::{Live, about, failure_text, line};
use crate::events::{Event, Observer, Unit};
use crate::task::{Status, TaskName};

/// Draws a second: enough to look alive, cheap enough not to matter.
const DRAWS_A_SECOND: u8 = 8;
/// How often the clocks move.
const TICK: Duration = Duration::from_millis(250);

/// The renderer.
pub(super) struct Fancy {
    printer: Printer,
    block: MultiProgress,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: BTreeMap<TaskName, ProgressBar>,
    summary: Option<ProgressBar>,
    name_width: usize,
    tasks: usize,
    done: usize,
    failed: usize,
    started: Option<Instant>,
}

impl Fancy {
    pub(super) fn new(printer: Printer) -> Fancy {
        let target = ProgressDrawTarget::stderr_with_hz(DRAWS_A_SECOND);
        Fancy {
            printer,
            block: MultiProgress::with_draw_target(target),
            state: Mutex::new(State::default()),
        }
    }

    /// Prints above the block.
    fn above(&self, text: &str) {
        for line in text.lines() {
            let _ = self.block.println(line);
        }
    }

    fn start_task(&self, state: &mut State, task: &TaskName) {
        let bar = ProgressBar::no_length();
        // The summary stays last.
        let bar = match &state.summary {
            Some(summary) => self.block.insert_before(summary, bar),
            None => self.block.add(bar),
        };
        bar.set_style(running_style(&self.printer, false));
        let (name, width) = (clean_line(task.as_str()), state.name_width);
        bar.set_prefix(format!("  {:<12}{name:<width$}", "running"));
        bar.enable_steady_tick(TICK);
        state.running.insert(task.clone(), bar);
    }

    fn advance(
        &self,
        state: &State,
        task: &TaskName,
        (done, total): (u64, Option<u64>),
        unit: Unit,
    ) {
        let Some(bar) = state.running.get(task) else {
            return;
        };
        match total.filter(|total| *total > 0) {
            Some(total) => {
                if bar.length().is_none() {
                    bar.set_style(running_style(&self.printer, true));
                }
                bar.set_length(total.max(done));
                bar.set_message(so_far(done, Some(total), unit));
            }
            None => bar.set_message(so_far(done, None, unit)),
        }
        bar.set_position(done);
    }

    fn summarize(&self, state: &State) {
        if let Some(bar) = &state.summary {
            let dot = self.printer.signs().dot;
            bar.set_message(format!(
                "{} of {} done {dot} {} running {dot} {} failed {dot} Ctrl-C stops safely",
                state.done,
                state.tasks,
                state.running.len(),
                state.failed,
            ));
        }
    }
}

/// How far a task is, in words. Bytes to read are known; rows to read are an estimate.
fn so_far(done: u64, total: Option<u64>, unit: Unit) -> String {
    match (unit, total) {
        (Unit::Rows, None) => human::thousands(done),
        (Unit::Rows, Some(total)) => {
            format!("{} / ~{}", human::thousands(done), human::thousands(total))
        }
        (Unit::Bytes, None) => human::size(done),
        (Unit::Bytes, Some(total)) => format!("{} / {}", human::size(done), human::size(total)),
    }
}

/// The look of a running task, with a bar when the end is known.
fn running_style(printer: &Printer, with_bar: bool) -> ProgressStyle {
    let template = match with_bar {
        true => "{prefix}  {msg:<24} {bar:20} {elapsed:>4}",
        false => "{prefix}  {msg:<24} {elapsed:>4}",
    };
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars(printer.signs().bar)
}

fn summary_style() -> ProgressStyle {
    ProgressStyle::with_template("  {msg}  {elapsed:>4}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
}

impl Observer for Fancy {
    fn on(&self, event: &Event<'_>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::RunStarted { run, target, resumed, tasks } => {
                state.name_width = tasks.iter().map(|t| t.as_str().len()).max().unwrap_or(0);
                state.tasks = tasks.len();
                state.started = Some(Instant::now());
                let how = if *resumed { "resumed" } else { "new" };
                self.above(&format!(
                    "sequence {run} ({how}), target {target}, {}",
                    human::count(tasks.len() as u64, "task", "tasks")
                ));
                let summary = self.block.add(ProgressBar::no_length());
                summary.set_style(summary_style());
                summary.enable_steady_tick(TICK);
                state.summary = Some(summary);
            }
            Event::TaskStarted { task } => self.start_task(&mut state, task),
            Event::TaskProgress { task, done, total, unit } => {
                self.advance(&state, task, (*done, *total), *unit);
            }
            Event::TaskFinished { task, status, rows, took, reason } => {
                if let Some(bar) = state.running.remove(*task) {
                    bar.finish_and_clear();
                    self.block.remove(&bar);
                }
                state.done += usize::from(*status != Status::Cancelled);
                state.failed += usize::from(*status == Status::Failed);
                if *status == Status::Cancelled {
                    // Left out or not begun: the summary counts them.
                    self.summarize(&state);
                    return;
                }
                let reason = reason.as_deref();
                let palette = self.printer.talk();
                let (width, task, took) = (state.name_width, *task, *took);
                self.above(&line::finished(task, width, *status, rows, took, reason, palette));
            }
            Event::Failure { task, error } => {
                self.above(&failure_text(&self.printer, task.as_str(), error));
            }
            Event::Warning { task, message } => {
                let text = about(task.map(TaskName::as_str), message);
                let word = self.printer.talk().warn("warning:");
                self.above(&format!("{word} {}", clean(&scrub(&text))));
            }
            Event::RunFinished { .. } => {
                drop(state);
                self.close();
                return;
            }
        }
        self.summarize(&state);
    }
}

impl Live for Fancy {
    fn say(&self, text: &str) {
        if self.block.is_hidden() { self.printer.say(text) } else { self.above(text) }
    }

    fn close(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, bar) in std::mem::take(&mut state.running) {
            bar.finish_and_clear();
        }
        if let Some(bar) = state.summary.take() {
            bar.finish_and_clear();
        }
        let _ = self.block.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_told_in_its_unit() {
        for (done, total, unit, want) in [
            (1234, None, Unit::Rows, "1,234"),
            (1234, Some(5000), Unit::Rows, "1,234 / ~5,000"),
            (16 << 20, Some(1 << 30), Unit::Bytes, "16.0 MB / 1.0 GB"),
            (512, None, Unit::Bytes, "512 B"),
        ] {
            assert_eq!(so_far(done, total, unit), want);
        }
    }
}
