//! Progress: one of three renderers, chosen once, fed with the events of a run.
//!
//! ```text
//! fancy   a terminal: running tasks in a live block, finished ones scroll up
//! plain   anything else: one line per event, to grep
//! json    NDJSON on standard output
//! ```
//! indicatif drops what is printed while it is hidden, so it is used on a terminal and nowhere
//! else. No renderer decides anything about the run.

mod fancy;
mod json;
mod line;
mod plain;
mod totals;

use std::sync::{Arc, Mutex, PoisonError};

use super::failure::{self, Style};
use super::printer::{Environment, Printer, Volume};
use crate::error::Error;
use crate::events::{Event, Observer};

pub(super) use line::{rows_text, status_word};
pub(super) use totals::Totals;

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum ProgressWhen {
    /// A live block on a terminal, lines elsewhere
    #[default]
    Auto,
    /// One line per event
    Plain,
    /// Only warnings and failures
    None,
}

/// Which renderer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Fancy,
    Plain,
    Json,
    /// Warnings and failures only.
    Troubles,
}

impl Mode {
    /// Decides from the flags, the environment and whether standard error is a terminal.
    pub(super) fn decide(
        json: bool,
        when: ProgressWhen,
        volume: Volume,
        env: Environment<'_>,
        terminal: bool,
    ) -> Mode {
        match when {
            _ if json => Mode::Json,
            _ if volume == Volume::Quiet => Mode::Troubles,
            ProgressWhen::None => Mode::Troubles,
            ProgressWhen::Plain => Mode::Plain,
            ProgressWhen::Auto
                if !terminal
                    || env("CI").is_some()
                    || env("TERM").is_none_or(|term| term == "dumb") =>
            {
                Mode::Plain
            }
            ProgressWhen::Auto => Mode::Fancy,
        }
    }
}

/// A renderer: hears events, and says other things without breaking its own drawing.
pub(super) trait Live: Observer {
    /// Says a line or several in the right place.
    fn say(&self, text: &str);

    /// Takes the live block away; nothing is drawn after it.
    fn close(&self) {}
}

/// The renderer for a mode.
pub(super) fn renderer(mode: Mode, printer: &Printer) -> Arc<dyn Live> {
    match mode {
        Mode::Fancy => Arc::new(fancy::Fancy::new(printer.clone())),
        Mode::Plain => Arc::new(plain::Plain::new(printer.clone())),
        Mode::Json => Arc::new(json::Json::new(printer.clone())),
        Mode::Troubles => Arc::new(Troubles(printer.clone())),
    }
}

/// Passes events on and adds them up for the summary.
pub(super) struct Watch {
    live: Arc<dyn Live>,
    totals: Mutex<Totals>,
}

impl Watch {
    pub(super) fn new(live: Arc<dyn Live>) -> Watch {
        Watch { live, totals: Mutex::default() }
    }

    /// What was added up so far.
    pub(super) fn totals(&self) -> Totals {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Observer for Watch {
    fn on(&self, event: &Event<'_>) {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner).add(event);
        self.live.on(event);
    }
}

/// Says only what went wrong.
struct Troubles(Printer);

impl Observer for Troubles {
    fn on(&self, event: &Event<'_>) {
        match event {
            Event::Failure { task, error } => {
                self.0.always(failure_text(&self.0, task.as_str(), error))
            }
            Event::Warning { task, message } => {
                self.0.warn(&about(task.map(|t| t.as_str()), message));
            }
            _ => {}
        }
    }
}

impl Live for Troubles {
    fn say(&self, text: &str) {
        self.0.say(text);
    }
}

/// The report of a failed task.
fn failure_text(printer: &Printer, task: &str, error: &Error) -> String {
    let palette = printer.talk();
    let style = Style { palette, frame: printer.err_terminal() && palette.on };
    let report = failure::report(error, style, &failure::read_file);
    match error.subject() {
        Some(subject) if subject.contains(task) => report,
        _ => format!("{}\n{report}", palette.strong(format!("{task} failed"))),
    }
}

/// `task: message`.
fn about(task: Option<&str>, message: &str) -> String {
    match task {
        Some(task) => format!("{task}: {message}"),
        None => message.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_renderer_is_chosen_once_from_flags_then_surroundings() {
        use Mode::*;
        let xterm = [("TERM", "xterm")];
        for (json, when, volume, variables, terminal, want) in [
            (false, ProgressWhen::Auto, Volume::Normal, &xterm[..], true, Fancy),
            (false, ProgressWhen::Auto, Volume::Normal, &xterm[..], false, Plain),
            (false, ProgressWhen::Auto, Volume::Normal, &[("TERM", "dumb")], true, Plain),
            (false, ProgressWhen::Auto, Volume::Normal, &[], true, Plain),
            (
                false,
                ProgressWhen::Auto,
                Volume::Normal,
                &[("TERM", "xterm"), ("CI", "1")],
                true,
                Plain,
            ),
            (false, ProgressWhen::Plain, Volume::Normal, &xterm, true, Plain),
            (false, ProgressWhen::None, Volume::Normal, &xterm, true, Troubles),
            (false, ProgressWhen::Auto, Volume::Quiet, &xterm, true, Troubles),
            (true, ProgressWhen::None, Volume::Quiet, &xterm, true, Json),
        ] {
            let env =
                |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| v.to_string());
            assert_eq!(Mode::decide(json, when, volume, &env, terminal), want, "{variables:?}");
        }
    }
}
