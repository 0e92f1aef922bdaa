//! What is done already, and which sequence goes on. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::Options;
use super::graph::Graph;
use crate::error::{Error, Result};
use crate::records::read::SequenceRow;
use crate::records::runs::SequenceState;
use crate::records::tasks::Done;
use crate::sequence::Sequence;
use crate::task::TaskName;

/// Which sequence a run works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opening {
    pub sequence: Sequence,
    /// True when an unfinished sequence goes on.
    pub resumed: bool,
    /// The unfinished sequence that is given up for it.
    pub abandons: Option<Sequence>,
}

/// Resumes the unfinished sequence, or opens the next one.
///
/// Errors: `run/nothing_to_resume` with `resume_only` when no sequence is unfinished.
pub fn open(last: Option<&SequenceRow>, options: &Options) -> Result<Opening> {
    match last {
        Some(row) if row.state == SequenceState::Open && options.new => Ok(Opening {
            sequence: row.sequence.next(),
            resumed: false,
            abandons: Some(row.sequence),
        }),
        Some(row) if row.state == SequenceState::Open => {
            Ok(Opening { sequence: row.sequence, resumed: true, abandons: None })
        }
        _ if options.resume_only => {
            Err(Error::config("run/nothing_to_resume", "no sequence is unfinished")
                .hint("`landfall run` opens the next one"))
        }
        Some(row) => Ok(Opening { sequence: row.sequence.next(), resumed: false, abandons: None }),
        None => Ok(Opening { sequence: Sequence::FIRST, resumed: false, abandons: None }),
    }
}

/// Whether a task has to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Done in an earlier attempt, and nothing it depends on has changed since.
    Done(Done),
    /// To be done, and why where it had been done before.
    Run(Option<String>),
}

impl Decision {
    pub fn done(&self) -> Option<&Done> {
        match self {
            Decision::Done(done) => Some(done),
            Decision::Run(_) => None,
        }
    }
}

/// Decides for every task of the graph, by position.
///
/// A task is done when its marker is there, its input hash is the one of today, its files are
/// whole (it is not in `broken`), and everything it waits for is done and was so before it:
/// markers count up, so work that was done again upstream makes everything after it undone.
pub fn decide(
    graph: &Graph,
    hashes: &[String],
    markers: &BTreeMap<TaskName, Done>,
    broken: &BTreeSet<TaskName>,
) -> Vec<Decision> {
    let mut decisions: Vec<Decision> = Vec::with_capacity(graph.len());
    for (position, node) in graph.nodes().iter().enumerate() {
        let decision = match markers.get(&node.task) {
            None => Decision::Run(None),
            Some(done) => {
                let stale = node.needs.iter().find(|need| {
                    let upstream = decisions.get(**need).and_then(Decision::done);
                    upstream.is_none_or(|upstream| upstream.id > done.id)
                });
                if hashes.get(position) != Some(&done.input_hash) {
                    Decision::Run(Some(format!("its input changed since {}", done.run)))
                } else if broken.contains(&node.task) {
                    Decision::Run(Some(format!("files of {} are missing or changed", done.run)))
                } else if let Some(need) = stale.and_then(|need| graph.task(*need)) {
                    Decision::Run(Some(format!("{need} is newer than {}", done.run)))
                } else {
                    Decision::Done(done.clone())
                }
            }
        };
        decisions.push(decision);
    }
    decisions
}

#[cfg(test)]
mod tests {
    use super::super::graph::tests::sample;
    use super::*;
    use crate::sequence::RunId;
    use crate::task::Rows;

    fn row(sequence: u64, state: SequenceState) -> SequenceRow {
        SequenceRow {
            sequence: Sequence(sequence),
            state,
            opened_at: chrono::DateTime::UNIX_EPOCH,
            closed_at: None,
            snapshot: None,
        }
    }

    #[test]
    fn the_unfinished_sequence_goes_on_and_a_finished_one_is_followed() {
        let options = |new, resume_only| Options { new, resume_only, ..Options::default() };
        for (last, options, expected) in [
            (None, options(false, false), Some((1, false, None))),
            (Some((4, SequenceState::Open)), options(false, false), Some((4, true, None))),
            (Some((4, SequenceState::Open)), options(true, false), Some((5, false, Some(4)))),
            (Some((4, SequenceState::Open)), options(false, true), Some((4, true, None))),
            (Some((4, SequenceState::Complete)), options(false, false), Some((5, false, None))),
            (Some((4, SequenceState::Complete)), options(true, false), Some((5, false, None))),
            (Some((4, SequenceState::Abandoned)), options(false, false), Some((5, false, None))),
            (Some((4, SequenceState::Complete)), options(false, true), None),
            (None, options(false, true), None),
        ] {
            let last = last.map(|(sequence, state)| row(sequence, state));
            let got = open(last.as_ref(), &options)
                .ok()
                .map(|o| (o.sequence.0, o.resumed, o.abandons.map(|s| s.0)));
            assert_eq!(got, expected, "{last:?} {options:?}");
        }
    }

    /// Markers in the order of the graph, all with the hash of their position.
    fn all_done(graph: &Graph) -> (Vec<String>, BTreeMap<TaskName, Done>) {
        let hashes: Vec<String> = (0..graph.len()).map(|i| format!("hash {i}")).collect();
        let markers = graph.nodes().iter().enumerate().map(|(i, node)| {
            let done = Done {
                id: i as i64 + 1,
                run: RunId { sequence: Sequence(3), attempt: 1 },
                input_hash: format!("hash {i}"),
                rows: Rows::default(),
                snapshot: None,
            };
            (node.task.clone(), done)
        });
        (hashes.clone(), markers.collect())
    }

    fn to_run(graph: &Graph, decisions: &[Decision]) -> Vec<String> {
        let undone = decisions.iter().enumerate().filter(|(_, d)| d.done().is_none());
        undone.filter_map(|(i, _)| graph.task(i)).map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_done_and_unchanged_is_skipped() {
        let graph = sample();
        let (hashes, markers) = all_done(&graph);
        let decisions = decide(&graph, &hashes, &markers, &BTreeSet::new());
        assert!(to_run(&graph, &decisions).is_empty());
        let none = decide(&graph, &hashes, &BTreeMap::new(), &BTreeSet::new());
        assert_eq!(to_run(&graph, &none).len(), graph.len());
    }

    #[test]
    fn a_change_runs_itself_and_all_below() {
        let graph = sample();
        let changed = ["store.m.a", "pres.flat", "report.sales"];

        let (mut hashes, markers) = all_done(&graph);
        let position = graph.position(&TaskName::store("m", "a")).expect("known");
        hashes[position] = "other".into();
        let decisions = decide(&graph, &hashes, &markers, &BTreeSet::new());
        assert_eq!(to_run(&graph, &decisions), changed);
        assert_eq!(decisions[position], Decision::Run(Some("its input changed since 3.1".into())));

        let (hashes, mut markers) = all_done(&graph);
        markers.remove(&TaskName::store("m", "a"));
        assert_eq!(to_run(&graph, &decide(&graph, &hashes, &markers, &BTreeSet::new())), changed);
    }

    #[test]
    fn a_missing_landing_file_runs_the_land_task_and_all_below() {
        let graph = sample();
        let (hashes, markers) = all_done(&graph);
        let broken = BTreeSet::from([TaskName::land("m", "b")]);
        let decisions = decide(&graph, &hashes, &markers, &broken);
        let expected = ["land.m.b", "store.m.b", "pres.flat", "pres.log", "report.sales"];
        assert_eq!(to_run(&graph, &decisions), expected);
    }

    #[test]
    fn work_done_again_upstream_makes_what_came_after_undone() {
        let graph = sample();
        let (hashes, mut markers) = all_done(&graph);
        // Landed again with the same input, then the process died.
        markers.get_mut(&TaskName::land("m", "a")).expect("a marker").id = 100;
        let decisions = decide(&graph, &hashes, &markers, &BTreeSet::new());
        assert_eq!(to_run(&graph, &decisions), ["store.m.a", "pres.flat", "report.sales"]);
    }
}
