//! What each kind of task does, to its committed end. It decides nothing about other tasks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::StreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use tokio_util::sync::CancellationToken;

use super::execute::Work;
use super::journal::Journal;
use super::program::{Job, Program};
use super::sources::{Asked, Sources};
use crate::config::Source;
use crate::error::{Error, Kind, Result};
use crate::events::{Event, Observer, Unit};
use crate::land::{self, Landed, LandedFile, Progress};
use crate::merge;
use crate::records::landing::{LandingFile, Receipt};
use crate::records::{self, Marker};
use crate::rows::ExtractStream;
use crate::sequence::RunId;
use crate::state::State;
use crate::tables::{Extract, TableSpec};
use crate::task::{Layer, Rows, TaskName};
use crate::warehouse::{Batch, Outcome, Statement, Warehouse};
use crate::window::Window;

/// Progress is told at most this often for each task.
const TELL_EVERY: Duration = Duration::from_millis(250);

/// The tasks of one run and everything they work with.
pub struct Tasks {
    pub run: RunId,
    pub program: Program,
    pub state: State,
    pub engine: Arc<dyn Warehouse>,
    pub landing: Arc<dyn ObjectStore>,
    pub sources: Sources,
    pub windows: BTreeMap<TaskName, Window>,
    pub journal: Arc<Journal>,
    pub jobs: usize,
    /// Let a full extract shrink by more than half.
    pub allow_shrink: bool,
    pub stop: CancellationToken,
}

#[async_trait]
impl Work for Tasks {
    async fn perform(&self, task: &TaskName) -> Result<Rows> {
        let Some((job, input_hash)) = self.program.job(task) else {
            return Err(
                Error::failed("run/task", "the graph has no such task").about(task.as_str())
            );
        };
        let ticket = Ticket { task, input_hash, started_at: Utc::now() };
        match job {
            Job::Land { source, spec } => self.land(&ticket, source, spec).await,
            Job::Store { spec } => self.store(&ticket, spec).await,
            Job::Pres { file } => self.batch(&ticket, file.statements.clone(), &written).await,
            Job::Report { file } => self.report(&ticket, &file.statements).await,
        }
    }
}

/// One task on its way.
struct Ticket<'a> {
    task: &'a TaskName,
    input_hash: &'a str,
    started_at: DateTime<Utc>,
}

impl Ticket<'_> {
    fn marker(&self, run: RunId, rows: Rows) -> Marker {
        Marker {
            run,
            task: self.task.clone(),
            input_hash: self.input_hash.to_string(),
            rows,
            started_at: self.started_at,
        }
    }
}

impl Tasks {
    async fn land(&self, ticket: &Ticket<'_>, source: &Source, spec: &TableSpec) -> Result<Rows> {
        let Some(window) = self.windows.get(ticket.task) else {
            return Err(Error::failed("run/window", "no window was fixed").about(&spec.name));
        };
        let asked = Asked { state: &self.state, sequence: self.run.sequence, jobs: self.jobs };
        let stream = self.sources.extract(source, spec, window, asked).await?;
        let stream = until_stopped(stream, self.stop.clone());
        let last_told = AtomicU64::new(0);
        let began = Instant::now();
        let bytes = window.bytes();
        let progress = |so_far: Progress| {
            let now = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            let last = last_told.load(Ordering::Relaxed);
            if now >= last.saturating_add(TELL_EVERY.as_millis() as u64) {
                last_told.store(now, Ordering::Relaxed);
                let (done, unit) = match bytes {
                    Some(_) => (so_far.bytes, Unit::Bytes),
                    None => (so_far.rows, Unit::Rows),
                };
                let task = ticket.task;
                self.journal.on(&Event::TaskProgress { task, done, total: bytes, unit });
            }
        };
        let store = Arc::clone(&self.landing);
        let landed = land::land(store, spec, self.run.sequence, stream, &progress).await?;
        for warning in &landed.warnings {
            self.journal.on(&Event::Warning { task: Some(ticket.task), message: warning });
        }
        let committed = self.commit_landing(ticket, spec, &landed).await;
        if committed.is_err() {
            self.discard(&landed).await;
        }
        committed
    }

    async fn commit_landing(
        &self,
        ticket: &Ticket<'_>,
        spec: &TableSpec,
        landed: &Landed,
    ) -> Result<Rows> {
        let sum = |files: &[LandedFile]| files.iter().map(|file| file.rows).sum();
        let rows = Rows {
            read: landed.read,
            landed: sum(&landed.files),
            quarantined: sum(&landed.quarantine),
            ..Rows::default()
        };
        if let Some(words) = rows.imbalance(Layer::Land) {
            return Err(Error::failed("land/imbalance", format!("rows do not add up: {words}"))
                .hint("nothing was committed; run it again"));
        }
        if spec.extract == Extract::Full && !self.allow_shrink {
            let before =
                records::tasks::rows_before(self.state.readers(), ticket.task, self.run.sequence);
            let full = matches!(self.windows.get(ticket.task), Some(Window::Full));
            if let (true, Some(before)) = (full, before.await?) {
                refuse_shrink(before.landed, rows.landed)?;
            }
        }
        let kept = |files: &[LandedFile]| -> Vec<LandingFile> {
            files
                .iter()
                .map(|f| LandingFile { path: f.path.clone(), bytes: f.bytes, rows: f.rows })
                .collect()
        };
        let receipt = Receipt {
            files: kept(&landed.files),
            quarantine: kept(&landed.quarantine),
            reasons: landed.reasons.iter().map(|(why, n)| ((*why).to_string(), *n)).collect(),
            window: self.windows.get(ticket.task).and_then(|window| window.ended(&landed.ends)),
        };
        let marker = ticket.marker(self.run, rows);
        let mut writer = self.state.writer().await;
        records::landing::commit(&mut writer, &marker, &spec.landing, &receipt).await?;
        Ok(rows)
    }

    /// Takes away files that no record will ever name. What stays is garbage that nobody reads.
    async fn discard(&self, landed: &Landed) {
        for file in landed.files.iter().chain(&landed.quarantine) {
            let _ = self.landing.delete(&Path::from(file.path.as_str())).await;
        }
    }

    async fn store(&self, ticket: &Ticket<'_>, spec: &TableSpec) -> Result<Rows> {
        let markers = records::tasks::markers(self.state.readers(), self.run.sequence).await?;
        let landed =
            markers.get(&spec.land_task()).map(|done| done.rows.landed).ok_or_else(|| {
                Error::failed("run/not_landed", "its landing partition is not done")
                    .about(&spec.name)
            })?;
        // Nothing landed, nothing to compare with the store: only see that the table is there.
        let statements = match landed {
            0 => merge::store_ddl(spec)?,
            _ => merge::statements(spec, self.run.sequence)?,
        };
        let mut all = match self.engine.columns(&spec.store).await? {
            Some(known) => merge::added(spec, &known)?,
            None => Vec::new(),
        };
        let added = all.len();
        all.extend(statements);
        let balance = |outcomes: &[Outcome]| {
            merge::balance(landed, outcomes.get(added..).unwrap_or_default())
        };
        let rows = self.batch(ticket, all, &balance).await?;
        if added > 0 {
            let message = format!(
                "`{}` has {added} more column{}, NULL in its rows until they are merged again",
                spec.store,
                if added == 1 { "" } else { "s" },
            );
            self.journal.on(&Event::Warning { task: Some(ticket.task), message: &message });
        }
        Ok(rows)
    }

    /// Runs statements as one transaction that commits the marker with its rows.
    async fn batch(
        &self,
        ticket: &Ticket<'_>,
        statements: Vec<Statement>,
        rows: &(dyn Fn(&[Outcome]) -> Result<Rows> + Send + Sync),
    ) -> Result<Rows> {
        let batch = Batch { task: ticket.task.clone(), statements };
        let finish = |outcomes: &[Outcome]| Ok(ticket.marker(self.run, rows(outcomes)?));
        let result = self.engine.run(&batch, &finish).await;
        // What a failed batch wanted to run helps to see why it failed.
        let mut done = result.as_ref().map(Vec::as_slice).unwrap_or_default().iter().cloned();
        let told = batch.statements.iter().map(|statement| {
            let mut outcome = done.next().unwrap_or_default();
            outcome.answer = None;
            (statement.clone(), outcome)
        });
        self.journal.statements(ticket.task, told.collect());
        let outcomes = result?;
        for warning in outcomes.iter().flat_map(|outcome| &outcome.warnings) {
            self.journal.on(&Event::Warning { task: Some(ticket.task), message: warning });
        }
        rows(&outcomes)
    }

    /// Asks the report's query; that it answers, and with how many rows, is what a run has to know.
    async fn report(&self, ticket: &Ticket<'_>, statements: &[Statement]) -> Result<Rows> {
        let mut told = Vec::new();
        let mut written = 0;
        for statement in statements {
            let began = Instant::now();
            let answer = self.engine.query(&statement.text, None).await;
            let outcome = Outcome { took: began.elapsed(), ..Outcome::default() };
            told.push((statement.clone(), outcome));
            match answer {
                Ok(answer) => {
                    written += answer.batches.iter().map(|b| b.num_rows() as u64).sum::<u64>();
                }
                Err(error) => {
                    self.journal.statements(ticket.task, told);
                    return Err(match error.place() {
                        Some(_) => error,
                        None => error.at(statement.place.clone()),
                    });
                }
            }
        }
        self.journal.statements(ticket.task, told);
        let rows = Rows { written, ..Rows::default() };
        let marker = ticket.marker(self.run, rows);
        let mut writer = self.state.writer().await;
        let mut transaction = writer.begin().await?;
        records::mark_done(&mut transaction, &marker, None).await?;
        transaction.commit().await?;
        Ok(rows)
    }
}

/// The rows of a pres task: all that its statements wrote into tables that stay.
fn written(outcomes: &[Outcome]) -> Result<Rows> {
    let kept = outcomes.iter().filter(|outcome| !outcome.temporary);
    let written = kept.map(|outcome| outcome.inserted + outcome.updated).sum();
    Ok(Rows { written, ..Rows::default() })
}

/// Refuses a full extract that is less than half of the one before: a wrong database or a
/// half-restored copy looks like that (reference: "Deletes, full versus incremental").
///
/// A full extract never deletes from the store, so a table that has truly shrunk keeps its rows
/// there until it is made anew.
fn refuse_shrink(before: u64, now: u64) -> Result<()> {
    if now.saturating_mul(2) >= before {
        return Ok(());
    }
    Err(Error::failed(
        "land/shrunk",
        format!("a full extract gave {now} rows where the last one gave {before}"),
    )
    .hint("if that is right, run it with --allow-shrink; else check that the source is whole"))
}

/// The same stream, which fails as soon as the run stops: what was landed of it is never named.
fn until_stopped(stream: ExtractStream, stop: CancellationToken) -> ExtractStream {
    Box::pin(futures::stream::try_unfold((stream, stop), |(mut stream, stop)| async move {
        let next = tokio::select! {
            biased;
            () = stop.cancelled() => {
                return Err(Error::new(Kind::Interrupted, "run/stopped", "the run was stopped"));
            }
            next = stream.next() => next,
        };
        Ok(next.transpose()?.map(|item| (item, (stream, stop))))
    }))
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;

    use super::*;
    use crate::rows::Extracted;

    #[test]
    fn a_full_extract_may_not_shrink_by_more_than_half() {
        for (before, now, allowed) in [
            (0, 0, true),
            (0, 5, true),
            (10, 5, true),
            (10, 4, false),
            (1, 0, false),
            (10, 1_000, true),
            (u64::MAX, u64::MAX, true),
        ] {
            assert_eq!(refuse_shrink(before, now).is_ok(), allowed, "{before} to {now}");
        }
    }

    #[tokio::test]
    async fn a_stopped_stream_fails_instead_of_ending() {
        let stop = CancellationToken::new();
        let items = || -> ExtractStream {
            let items = (0..3).map(|n| Ok(Extracted::Warning(n.to_string())));
            Box::pin(futures::stream::iter(items))
        };
        let whole: Vec<_> =
            until_stopped(items(), stop.clone()).try_collect().await.expect("to its end");
        assert_eq!(whole.len(), 3);

        let mut cut = until_stopped(items(), stop.clone());
        assert!(matches!(cut.next().await, Some(Ok(_))));
        stop.cancel();
        let error = cut.next().await.expect("an end").expect_err("stopped");
        assert_eq!(error.kind(), Kind::Interrupted);
    }

    #[tokio::test]
    async fn a_stop_ends_a_stream_that_waits() {
        let stop = CancellationToken::new();
        let mut waiting = until_stopped(Box::pin(futures::stream::pending()), stop.clone());
        let (item, ()) = tokio::join!(waiting.next(), async { stop.cancel() });
        assert_eq!(item.expect("an end").expect_err("stopped").kind(), Kind::Interrupted);
    }
}
