//! Extraction: workers that read and parse chunks, and their results in the order of the log.
//!
//! A worker takes the next chunk under a lock and parses it outside; at most a few chunks are
//! under way, so memory is bounded whatever the size of the log. Dropping the stream stops the
//! workers at their next chunk.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::SchemaRef;
use tokio::sync::mpsc;

use super::agent::Agents;
use super::chunks::{CHUNK, Chunk, Chunks, Ended, Piece};
use super::country::{Countries, Resolver};
use super::format::Formats;
use super::parse::{Parsed, Parser};
use super::plan::{self, Files, open_range};
use crate::config::WeblogSource;
use crate::error::{Error, Result};
use crate::pages::RowGroup;
use crate::rows::{ExtractStream, Extracted, Reject};
use crate::window::{FileRange, Window};

/// Workers at most.
const JOBS: usize = 64;

/// Streams the lines of a window of log files: row groups in the landing schema, rejects beside
/// them, in the order of files and lines, with the bytes passed after each chunk, then warnings.
///
/// `jobs` workers, 1 to 64, run on threads that may block. Must be polled on a tokio runtime.
/// Errors at once: `weblog/format`, `weblog/window`; later in the stream: `weblog/gone`,
/// `weblog/cut`, `weblog/compressed`, `weblog/unreadable`.
pub fn extract(
    source: &WeblogSource,
    root: &Path,
    window: &Window,
    countries: Arc<dyn Countries>,
    jobs: usize,
) -> Result<ExtractStream> {
    let Window::Files { ranges } = window else {
        let what = "the window of an access log is a list of files".to_string();
        return Err(Error::failed("weblog/window", what).about(source.name.clone()));
    };
    let work = Work {
        source: Arc::new(source.clone()),
        root: root.to_path_buf(),
        ranges: ranges.clone().into(),
        formats: Arc::new(plan::formats(source)?),
        schema: source.table.landing_schema(),
        resolver: Arc::new(Resolver::new(countries)),
        jobs: jobs.clamp(1, JOBS),
        chunk: CHUNK,
    };
    Ok(work.stream())
}

/// All that the workers share.
pub(super) struct Work {
    pub source: Arc<WeblogSource>,
    pub root: PathBuf,
    pub ranges: Arc<[FileRange]>,
    pub formats: Arc<Formats>,
    pub schema: SchemaRef,
    pub resolver: Arc<Resolver>,
    pub jobs: usize,
    pub chunk: usize,
}

/// A chunk's place in the log, and what it held.
type Outcome = (u64, Result<Held>);

/// What a chunk held: rows, and of each piece, by range, what else there was.
struct Held {
    group: Option<RowGroup>,
    pieces: Vec<(usize, Parsed)>,
    ends: Vec<Ended>,
    passed: u64,
}

/// The source of chunks, taken in turns.
struct Turns {
    chunks: Chunks<Files>,
    /// One for each chunk that may be under way; given back when the chunk was passed on.
    permits: mpsc::Receiver<()>,
    next: u64,
    /// No more chunks: the window is read, or reading failed.
    done: bool,
}

impl Work {
    pub(super) fn stream(self) -> ExtractStream {
        let state = State::Idle(Box::new(self));
        Box::pin(futures::stream::unfold(state, |state| async {
            let mut flow = match state {
                State::Idle(work) => match Flow::start(*work) {
                    Ok(flow) => flow,
                    Err(error) => return Some((Err(error), State::Ended)),
                },
                State::Flowing(flow) => *flow,
                State::Ended => return None,
            };
            match flow.next().await {
                None => None,
                Some(Ok(item)) => Some((Ok(item), State::Flowing(Box::new(flow)))),
                Some(Err(error)) => Some((Err(error), State::Ended)),
            }
        }))
    }
}

enum State {
    Idle(Box<Work>),
    Flowing(Box<Flow>),
    Ended,
}

/// The consumer's side.
struct Flow {
    source: Arc<WeblogSource>,
    root: PathBuf,
    ranges: Arc<[FileRange]>,
    resolver: Arc<Resolver>,
    outcomes: mpsc::Receiver<Outcome>,
    permits: mpsc::Sender<()>,
    workers: Vec<tokio::task::JoinHandle<()>>,
    early: BTreeMap<u64, Result<Held>>,
    next: u64,
    ready: VecDeque<Extracted>,
    /// Lines before the next chunk of a range, counted from the range's start.
    lines: Lines,
    warned: bool,
}

#[derive(Default)]
struct Lines {
    range: usize,
    passed: u64,
    /// Lines before the range's start; counted when the first reject asks for it.
    before: Option<Option<u64>>,
}

impl Flow {
    fn start(work: Work) -> Result<Flow> {
        let under_way = work.jobs * 2;
        let (permit, permits) = mpsc::channel(under_way);
        for _ in 0..under_way {
            // the channel has room for exactly these
            permit.try_send(()).ok();
        }
        let (outcome, outcomes) = mpsc::channel(under_way);
        let files = Files { source: Arc::clone(&work.source), root: work.root.clone() };
        let chunks = Chunks::new(&work.ranges, files, work.chunk);
        let turns = Arc::new(Mutex::new(Turns { chunks, permits, next: 0, done: false }));
        let workers = (0..work.jobs)
            .map(|_| {
                let (formats, resolver) = (Arc::clone(&work.formats), Arc::clone(&work.resolver));
                let agents = Agents::new(&work.source.devices, &work.source.extra);
                let parser = Parser::new(formats, &work.schema, resolver)?.telling(agents);
                let (turns, ranges, outcome) =
                    (Arc::clone(&turns), Arc::clone(&work.ranges), outcome.clone());
                Ok(tokio::task::spawn_blocking(move || run(parser, &turns, &ranges, &outcome)))
            })
            .collect::<Result<_>>()?;
        Ok(Flow {
            source: work.source,
            root: work.root,
            ranges: work.ranges,
            resolver: work.resolver,
            outcomes,
            permits: permit,
            workers,
            early: BTreeMap::new(),
            next: 0,
            ready: VecDeque::new(),
            lines: Lines::default(),
            warned: false,
        })
    }

    async fn next(&mut self) -> Option<Result<Extracted>> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Some(Ok(item));
            }
            if let Some(outcome) = self.early.remove(&self.next) {
                self.next += 1;
                match outcome {
                    Ok(held) => {
                        self.ready.extend(held.group.map(Extracted::Group));
                        for (range, parsed) in held.pieces {
                            self.pass_on(range, parsed).await;
                        }
                        for ended in held.ends {
                            self.end_range(&ended);
                        }
                        self.ready.push_back(Extracted::Passed(held.passed));
                    }
                    Err(error) => return Some(Err(error.about(self.source.name.clone()))),
                }
                self.permits.try_send(()).ok();
                continue;
            }
            match self.outcomes.recv().await {
                Some((number, outcome)) => {
                    self.early.insert(number, outcome);
                }
                None => match self.end().await {
                    Ok(true) => {}
                    Ok(false) => return None,
                    Err(error) => return Some(Err(error)),
                },
            }
        }
    }

    /// Checks that every worker ended well and gathers the warnings; false when all is told.
    async fn end(&mut self) -> Result<bool> {
        for worker in self.workers.drain(..) {
            worker.await.map_err(|e| {
                Error::failed("weblog/worker", "a reader of the access log stopped").because(e)
            })?;
        }
        if self.warned {
            return Ok(false);
        }
        self.warned = true;
        self.ready.extend(self.resolver.warnings().into_iter().map(Extracted::Warning));
        Ok(true)
    }

    async fn pass_on(&mut self, range: usize, parsed: Parsed) {
        if self.lines.range != range {
            self.lines = Lines { range, ..Lines::default() };
        }
        if !parsed.rejected.is_empty() {
            let before = match self.lines.before {
                Some(before) => before,
                None => *self.lines.before.insert(self.lines_before(range).await),
            };
            let passed = self.lines.passed;
            let path = self.ranges.get(range).map_or("", |r| r.path.as_str());
            let rejects = parsed.rejected.into_iter().map(|rejected| Reject {
                position: match before {
                    Some(before) => format!("{path}:{}", before + passed + rejected.line + 1),
                    None => format!("{path} byte {}", rejected.offset),
                },
                offset: rejected.offset,
                reason: rejected.error.reason(),
                detail: rejected.error.to_string(),
                raw: rejected.raw,
            });
            self.ready.push_back(Extracted::Rejects(rejects.collect()));
        }
        self.lines.passed += parsed.newlines;
    }

    fn end_range(&mut self, ended: &Ended) {
        let range = self.ranges.get(ended.end.range);
        if let (Some(met), Some(range)) = (ended.before_start, range) {
            let told = plan::shorter(&range.path, met, range.start);
            self.ready.push_back(Extracted::Warning(told));
        }
        self.ready.push_back(Extracted::Ended(ended.end));
    }

    /// Lines of the file before the range; `None` if it cannot be read for that.
    async fn lines_before(&self, range: usize) -> Option<u64> {
        let range = self.ranges.get(range)?.clone();
        if range.start == 0 {
            return Some(0);
        }
        let (source, root) = (Arc::clone(&self.source), self.root.clone());
        let counted = tokio::task::spawn_blocking(move || {
            let mut file = open_range(&source, &root, &range)?;
            let mut buffer = vec![0; 256 * 1024];
            let (mut at, mut lines) = (0, 0);
            while at < range.start {
                let wanted = usize::try_from(range.start - at).unwrap_or(usize::MAX);
                let wanted = wanted.min(buffer.len());
                let read = file.read(buffer.get_mut(..wanted).unwrap_or_default())?;
                if read == 0 {
                    break;
                }
                let text = buffer.get(..read).unwrap_or_default();
                lines += memchr::memchr_iter(b'\n', text).count() as u64;
                at += read as u64;
            }
            Ok::<u64, Error>(lines)
        });
        counted.await.ok()?.ok()
    }
}

/// A worker: chunks until there are none, or nobody waits for them.
fn run(
    mut parser: Parser,
    turns: &Mutex<Turns>,
    ranges: &[FileRange],
    outcomes: &mpsc::Sender<Outcome>,
) {
    let mut chunk = Chunk::default();
    loop {
        let (number, read) = {
            let mut turns = turns.lock().unwrap_or_else(PoisonError::into_inner);
            if turns.done || turns.permits.blocking_recv().is_none() {
                return;
            }
            let read = turns.chunks.next(&mut chunk);
            turns.done = !matches!(read, Ok(true));
            let number = turns.next;
            turns.next += 1;
            (number, read)
        };
        let parsed = match read {
            Ok(false) => return,
            Ok(true) => parse(&mut parser, ranges, &chunk),
            Err(error) => Err(error),
        };
        if outcomes.blocking_send((number, parsed)).is_err() {
            return;
        }
    }
}

fn parse(parser: &mut Parser, ranges: &[FileRange], chunk: &Chunk) -> Result<Held> {
    parser.start();
    let read = |(piece, text): (&Piece, &[u8])| {
        let parsed = match piece.cut_from {
            Some(bytes) => Parser::too_long(piece.offset, text, bytes),
            None => {
                let file_id = ranges.get(piece.range).map_or("", |range| range.file_id.as_str());
                parser.read(file_id, piece.offset, text)
            }
        };
        (piece.range, parsed)
    };
    let pieces = chunk.pieces().map(read).collect();
    Ok(Held { group: parser.group()?, pieces, ends: chunk.ends.clone(), passed: chunk.passed })
}
