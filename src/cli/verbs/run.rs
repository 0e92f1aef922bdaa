//! `run`: goes on with the unfinished sequence, or opens the next, and says what came of it.

use std::sync::Arc;

use chrono::{SecondsFormat, Utc};
use serde_json::json;

use super::seed;
use crate::cli::Exit;
use crate::cli::args::{LayerWord, Run as Words};
use crate::cli::clean::clean_line;
use crate::cli::human;
use crate::cli::printer::environment;
use crate::cli::progress::{self, Mode, Totals, Watch};
use crate::cli::session::Session;
use crate::config::Project;
use crate::error::Result;
use crate::run::{self, Options, Summary};
use crate::task::{Layer, Rows};

/// Runs.
pub(in crate::cli) fn run(session: &Session, words: &Words) -> Result<Exit> {
    let options = Options {
        select: words.selection.all(),
        new: words.new,
        resume_only: words.resume,
        until: words.until.map(|layer| match layer {
            LayerWord::Land => Layer::Land,
            LayerWord::Store => Layer::Store,
            LayerWord::Pres => Layer::Pres,
        }),
        fail_fast: words.fail_fast,
        allow_shrink: words.allow_shrink,
    };
    run_with(session, &options)
}

/// Runs with these options, showing progress; shared with `rerun`.
pub(super) fn run_with(session: &Session, options: &Options) -> Result<Exit> {
    let project = session.project()?;
    let printer = &session.printer;
    if options.new && !session.global.json {
        printer.detail("an unfinished sequence is given up");
    }
    printer.say(format!(
        "{} {}  {} {} {}",
        printer.talk().strong("landfall"),
        env!("CARGO_PKG_VERSION"),
        clean_line(&project.name),
        printer.signs().arrow,
        project.target.word(),
    ));
    seed::make_missing_sample(session, &project)?;
    let mode = Mode::decide(
        printer.is_json(),
        session.global.progress,
        printer.volume(),
        &environment,
        printer.err_terminal(),
    );
    let live = progress::renderer(mode, printer);
    session.stop.through(&live);
    let watch = Arc::new(Watch::new(Arc::clone(&live)));
    let work = run::run(&project, options, watch.clone(), session.stop.token());
    let result = session.stop.to_the_end(printer, project.jobs, work);
    live.close();
    let summary = result?;
    let exit = exit_of(&summary, session.stop.signal());
    match printer.is_json() {
        true => printer.json_line(&object(&summary, exit))?,
        false => tell(session, &project, &summary, &watch.totals()),
    }
    Ok(exit)
}

/// A run that was stopped says so before what failed in it.
fn exit_of(summary: &Summary, signal: u8) -> Exit {
    match summary {
        Summary { interrupted: true, .. } => Exit::Stopped(signal),
        summary if summary.counts.failed + summary.counts.blocked > 0 => Exit::Failed,
        _ => Exit::Done,
    }
}

/// The last object of `--json`.
fn object(summary: &Summary, exit: Exit) -> serde_json::Value {
    json!({
        "v": 1,
        "ts": Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true),
        "event": "summary",
        "seq": summary.run.sequence,
        "attempt": summary.run.attempt,
        "counts": summary.counts,
        "interrupted": summary.interrupted,
        "sequence_complete": summary.sequence_complete,
        "exit_code": exit.code(),
    })
}

/// The summary for people: verdict, totals of each layer, what to do next.
fn tell(session: &Session, project: &Project, summary: &Summary, totals: &Totals) {
    let printer = &session.printer;
    let dot = printer.signs().dot;
    let mut lines = vec![format!(
        "{}{}    {}",
        printer.talk().strong(verdict(summary)),
        totals.took.map(|d| format!(" in {}", human::took(d))).unwrap_or_default(),
        counts(summary, dot),
    )];
    lines.extend(layers(totals));
    let run = summary.run;
    if summary.counts.failed > 0 {
        lines.push(format!("  Why      landfall logs {run} --failed"));
        lines.push("  Then     landfall run    goes on with what is left".to_string());
    } else if summary.interrupted {
        lines.push("  Then     landfall run    goes on from here".to_string());
    } else if summary.sequence_complete {
        for name in super::report::names(project) {
            lines.push(format!("  Report   landfall report {}", clean_line(&name)));
        }
    }
    printer.say(lines.join("\n"));
}

fn verdict(summary: &Summary) -> String {
    let sequence = summary.run.sequence;
    let exit = exit_of(summary, 2);
    match (exit, summary.sequence_complete) {
        (Exit::Stopped(_), _) => format!("Stopped sequence {sequence}"),
        (Exit::Failed, _) => format!("Sequence {sequence} failed"),
        (_, true) => format!("Finished sequence {sequence}"),
        (_, false) => format!("Did a part of sequence {sequence}"),
    }
}

fn counts(summary: &Summary, dot: &str) -> String {
    let counts = summary.counts;
    [
        (counts.ok, "ok"),
        (counts.skipped, "done before"),
        (counts.failed, "failed"),
        (counts.blocked, "blocked"),
        (counts.cancelled, "not done"),
    ]
    .into_iter()
    .filter(|(count, word)| *count > 0 || *word == "ok")
    .map(|(count, word)| format!("{count} {word}"))
    .collect::<Vec<_>>()
    .join(&format!(" {dot} "))
}

/// One line for each layer in which something was done.
fn layers(totals: &Totals) -> Vec<String> {
    let n = human::thousands;
    let Totals { land, store, pres, .. } = totals;
    let mut lines = Vec::new();
    if *land != Rows::default() {
        let rejected = match land.quarantined {
            0 => String::new(),
            rows => format!(", {} quarantined", n(rows)),
        };
        lines.push(format!("  land     {} read{rejected}", human::count(land.read, "row", "rows")));
    }
    if *land != Rows::default() || *store != Rows::default() {
        lines.push(format!(
            "  store    {} new, {} changed, {} unchanged",
            n(store.inserted),
            n(store.updated),
            n(store.unchanged + store.superseded)
        ));
    }
    if pres.written > 0 {
        lines.push(format!("  pres     {}", human::count(pres.written, "row", "rows")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::Counts;
    use crate::sequence::{RunId, Sequence};

    fn summary(failed: usize, interrupted: bool, sequence_complete: bool) -> Summary {
        let run = RunId { sequence: Sequence(7), attempt: 1 };
        let counts = Counts { ok: 3, failed, ..Counts::default() };
        Summary { run, counts, interrupted, sequence_complete }
    }

    #[test]
    fn a_failed_run_never_exits_with_zero() {
        for (failed, interrupted, complete, code, words) in [
            (0, false, true, 0, "Finished sequence 7"),
            (0, false, false, 0, "Did a part of sequence 7"),
            (1, false, false, 1, "Sequence 7 failed"),
            (0, true, false, 143, "Stopped sequence 7"),
            (1, true, false, 143, "Stopped sequence 7"),
        ] {
            let summary = summary(failed, interrupted, complete);
            assert_eq!(exit_of(&summary, 15).code(), code);
            assert_eq!(verdict(&summary), words);
        }
        assert_eq!(counts(&summary(1, false, false), "-"), "3 ok - 1 failed");
    }

    #[test]
    fn an_unchanged_run_says_so_in_numbers() {
        let land = Rows { read: 1_000, landed: 1_000, ..Rows::default() };
        let store = Rows { landed: 1_000, unchanged: 1_000, ..Rows::default() };
        let totals = Totals { land, store, ..Totals::default() };
        assert_eq!(
            layers(&totals),
            ["  land     1,000 rows read", "  store    0 new, 0 changed, 1,000 unchanged"]
        );
        assert!(layers(&Totals::default()).is_empty());
    }
}
