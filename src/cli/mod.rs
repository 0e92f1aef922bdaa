//! The command line: words in, words out. The only place with clap, colours and exit codes.
//!
//! ```text
//! args       what was typed            session    what every verb has: settings, words, questions
//! printer    stdout and stderr         stop       the runtime, Ctrl-C and SIGTERM
//! progress   how a run is shown        failure    how an error is shown
//! formats    rows as text              verbs      one file each
//! ```
//! Data goes to standard output, everything else to standard error.

mod args;
mod clean;
mod failure;
mod formats;
mod heap;
mod human;
mod overview;
mod panics;
mod printer;
mod progress;
mod session;
mod stop;
mod table;
mod verbs;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use crate::error::{Error, Kind, Result};
use args::{Verb, Words};
use failure::Style;
pub use heap::keep_heap;
use printer::{ColorWhen, Printer, Volume};
use session::Session;

/// The exit code of a finished verb; failures have those of [`crate::error::Kind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    /// Done, or nothing to do.
    Done,
    /// It ran, and something in it failed.
    Failed,
    /// `plan --detailed-exitcode`: something would run.
    Changes,
    /// Stopped by a signal, safely: 128 and the signal's number.
    Stopped(u8),
}

impl Exit {
    fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Changes => 3,
            Exit::Stopped(signal) => 128 + signal,
        }
    }
}

/// Parses, dispatches, prints; returns the exit code.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    keep_heap();
    panics::apologize();
    let args: Vec<OsString> = args.into_iter().collect();
    let code = match Words::try_parse_from(&args) {
        Ok(words) => {
            let global = words.global;
            let volume = match (global.quiet, global.verbose) {
                (true, _) => Volume::Quiet,
                (_, true) => Volume::Verbose,
                _ => Volume::Normal,
            };
            let printer = Printer::new(global.color, volume, global.json);
            let session = Session::new(printer, global);
            let outcome = match dispatch(&session, words.verb) {
                // Which signal it was, the error does not know.
                Err(error) if error.kind() == Kind::Interrupted => {
                    session.printer.always(format!("{error}"));
                    Ok(Exit::Stopped(session.stop.signal()))
                }
                outcome => outcome,
            };
            finish(&session.printer, outcome)
        }
        Err(usage) => usage_code(&usage, &args),
    };
    ExitCode::from(if panics::happened() { panics::EXIT_CODE } else { code })
}

fn dispatch(session: &Session, verb: Option<Verb>) -> Result<Exit> {
    let Some(verb) = verb else {
        return overview::show(&session.printer);
    };
    match verb {
        Verb::Init(words) => verbs::init::init(session, &words),
        Verb::Seed(words) => verbs::seed::seed(session, &words),
        Verb::Discover(words) => verbs::discover::discover(session, &words),
        Verb::Plan(words) => verbs::plan::plan(session, &words),
        Verb::Run(words) => verbs::run::run(session, &words),
        Verb::Rerun(words) => verbs::rerun::rerun(session, &words),
        Verb::Emit(words) => verbs::emit::emit(session, &words),
        Verb::Status(words) => verbs::status::status(session, &words),
        Verb::History(words) => verbs::history::history(session, &words),
        Verb::Logs(words) => verbs::logs::logs(session, &words),
        Verb::Tables(words) => verbs::tables::tables(session, &words),
        Verb::Query(words) => verbs::query::query(session, &words),
        Verb::Report(words) => verbs::report::report(session, &words),
        Verb::Weblog(words) => verbs::weblog::weblog(session, &words),
        Verb::Compact(words) => verbs::compact::compact(session, &words),
        Verb::Doctor => verbs::doctor::doctor(session),
        Verb::Config(words) => verbs::config::config(session, &words),
        Verb::Check(words) => verbs::check::check(session, &words),
        Verb::Explain(words) => verbs::explain::explain(session, &words),
        Verb::Completions(words) => verbs::completions::completions(session, &words),
    }
}

/// Sends what is buffered, reports a failure, and says the exit code.
fn finish(printer: &Printer, outcome: Result<Exit>) -> u8 {
    let outcome = outcome.and_then(|exit| printer.flush().map(|()| exit));
    match outcome {
        Ok(exit) => exit.code(),
        Err(error) if error.code() == printer::CLOSED => 0,
        Err(error) => {
            // What was written before the failure still belongs to the reader.
            let _ = printer.flush();
            complain(printer, &error);
            error.kind().exit_code()
        }
    }
}

/// Reports a failure on standard error, in the form this session asked for.
fn complain(printer: &Printer, error: &Error) {
    if printer.is_json() {
        let mut object = failure::to_json(error);
        if let Some(fields) = object.as_object_mut() {
            fields.insert("v".into(), 1.into());
            fields.insert("event".into(), "error".into());
            fields.insert("exit_code".into(), error.kind().exit_code().into());
        }
        printer.always(object);
        return;
    }
    let palette = printer.talk();
    // The frame is for terminals; colours forced into a pipe do not make it one.
    let style = Style { palette, frame: printer.err_terminal() && palette.on };
    printer.always(failure::report(error, style, &failure::read_file));
}

/// Prints what clap has to say: help and version are data and exit with 0, a mistake exits with 2.
fn usage_code(usage: &clap::Error, args: &[OsString]) -> u8 {
    let printer = Printer::new(color_of(args), Volume::Normal, false);
    let text = |ansi: bool| match ansi {
        true => usage.render().ansi().to_string(),
        false => usage.render().to_string(),
    };
    if usage.use_stderr() {
        printer.prompt(text(printer.talk().on));
        return u8::try_from(usage.exit_code()).unwrap_or(2);
    }
    finish(&printer, printer.data(text(printer.ink().on)).map(|()| Exit::Done))
}

/// `--color` of words that did not parse.
fn color_of(args: &[OsString]) -> ColorWhen {
    let words: Vec<&str> = args.iter().filter_map(|a| a.to_str()).collect();
    let typed =
        words.iter().enumerate().find_map(|(index, word)| match word.strip_prefix("--color") {
            Some("") => words.get(index + 1).copied(),
            Some(rest) => rest.strip_prefix('='),
            None => None,
        });
    match typed {
        Some("always") => ColorWhen::Always,
        Some("never") => ColorWhen::Never,
        _ => ColorWhen::Auto,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn color_is_read_from_words_that_do_not_parse() {
        for (words, want) in [
            (&["landfall", "--nonsense"][..], ColorWhen::Auto),
            (&["landfall", "--color=never", "x"], ColorWhen::Never),
            (&["landfall", "--color", "always"], ColorWhen::Always),
            (&["landfall", "--color"], ColorWhen::Auto),
        ] {
            let args: Vec<OsString> = words.iter().map(OsString::from).collect();
            assert_eq!(color_of(&args), want, "{words:?}");
        }
    }

    #[test]
    fn exit_codes_are_the_contract() {
        let codes = [Exit::Done, Exit::Failed, Exit::Changes, Exit::Stopped(2), Exit::Stopped(15)];
        assert_eq!(codes.map(Exit::code), [0, 1, 3, 130, 143]);
        assert_eq!(Exit::Failed.code(), Kind::Failed.exit_code());
        assert_eq!(Exit::Stopped(2).code(), Kind::Interrupted.exit_code());
    }
}
