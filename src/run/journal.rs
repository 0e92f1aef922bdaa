//! The journal: what a run tells, to whoever listens and into the run records.
//!
//! The records are written by one background task, many events in a transaction, so that telling
//! never holds up the work. Nothing rests on it: what is done stands in the markers.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use crate::error::{Error, Result};
use crate::events::{Event, Observer};
use crate::records::tasks::{self, Failure, Told};
use crate::sequence::RunId;
use crate::state::State;
use crate::task::{Rows, Status, TaskName};
use crate::warehouse::{Outcome, Statement};

/// How long events gather before they are written.
const GATHER: Duration = Duration::from_millis(150);

enum Note {
    Task(Told),
    Statements(TaskName, Vec<(Statement, Outcome)>),
}

/// Passes events on and notes those that tell of a task's beginning or end.
pub struct Journal {
    listener: Arc<dyn Observer>,
    notes: UnboundedSender<Note>,
    open: Mutex<Open>,
}

/// Tasks that have begun or failed and not ended yet.
#[derive(Default)]
struct Open {
    began: BTreeMap<TaskName, DateTime<Utc>>,
    failures: HashMap<TaskName, Failure>,
}

/// Writes the notes; ends when the journal is gone and everything is written.
pub struct Writer(JoinHandle<Result<()>>);

impl Writer {
    /// Waits for the last note. Errors: what kept the records from being written.
    pub async fn done(self) -> Result<()> {
        self.0.await.map_err(|e| {
            Error::failed("state/journal", "the journal of the run broke off").because(e)
        })?
    }
}

impl Journal {
    /// Opens the journal of `run`.
    pub fn open(run: RunId, state: State, listener: Arc<dyn Observer>) -> (Arc<Journal>, Writer) {
        let (notes, inbox) = unbounded_channel();
        let writer = Writer(tokio::spawn(write(run, state, inbox)));
        (Arc::new(Journal { listener, notes, open: Mutex::default() }), writer)
    }

    /// Notes what a task's statements did, or would have done.
    pub fn statements(&self, task: &TaskName, statements: Vec<(Statement, Outcome)>) {
        // The writer is gone only when it failed, which `Writer::done` reports.
        let _ = self.notes.send(Note::Statements(task.clone(), statements));
    }

    fn note(&self, told: Told) {
        let _ = self.notes.send(Note::Task(told));
    }

    fn began(&self, task: &TaskName) {
        let now = Utc::now();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.began.insert(task.clone(), now);
        self.note(Told {
            task: task.clone(),
            status: Status::Running,
            rows: Rows::default(),
            started_at: Some(now),
            finished_at: None,
            failure: None,
            reason: None,
        });
    }

    fn ended(&self, task: &TaskName, status: Status, rows: Rows, reason: Option<&String>) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let started_at = open.began.remove(task);
        let failure = open.failures.remove(task);
        drop(open);
        // A task that is ok has told so itself, in the transaction of its data.
        if status == Status::Ok {
            return;
        }
        self.note(Told {
            task: task.clone(),
            status,
            rows,
            started_at,
            finished_at: started_at.is_some().then(Utc::now),
            failure,
            reason: reason.cloned(),
        });
    }
}

impl Observer for Journal {
    fn on(&self, event: &Event<'_>) {
        match event {
            Event::TaskStarted { task } => self.began(task),
            Event::Failure { task, error } => {
                let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
                open.failures.insert((*task).clone(), Failure::from(*error));
            }
            Event::TaskFinished { task, status, rows, reason, .. } => {
                self.ended(task, *status, *rows, reason.as_ref());
            }
            _ => {}
        }
        self.listener.on(event);
    }
}

async fn write(run: RunId, state: State, mut inbox: UnboundedReceiver<Note>) -> Result<()> {
    let mut notes = Vec::new();
    loop {
        let received = inbox.recv_many(&mut notes, 1_000).await;
        if received == 0 {
            return Ok(());
        }
        // More often comes at once; a closed inbox has no more to wait for.
        if !inbox.is_closed() {
            let _ = tokio::time::timeout(GATHER, gather(&mut inbox, &mut notes)).await;
        }
        let mut writer = state.writer().await;
        let mut transaction = writer.begin().await?;
        for note in notes.drain(..) {
            match note {
                Note::Task(told) => tasks::tell(&mut transaction, run, &told).await?,
                Note::Statements(task, statements) => {
                    tasks::tell_statements(&mut transaction, run, &task, &statements).await?;
                }
            }
        }
        transaction.commit().await?;
    }
}

/// Receives until nobody is left to send.
async fn gather(inbox: &mut UnboundedReceiver<Note>, notes: &mut Vec<Note>) {
    while let Some(note) = inbox.recv().await {
        notes.push(note);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Place;
    use crate::events::Silent;
    use crate::records;
    use crate::records::{read, runs};
    use crate::sequence::Sequence;

    #[tokio::test]
    async fn what_is_told_stands_in_the_records_at_the_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = State::open(&folder.path().join("catalog.sqlite"), false).await.expect("opens");
        let process = runs::Process { pid: 1, host: "h".into(), target: "local" };
        let run = {
            let mut writer = state.writer().await;
            records::create_tables(&mut writer).await.expect("creates");
            runs::begin_run(&mut writer, Sequence(1), &process, Utc::now()).await.expect("begins")
        };
        let (journal, writer) = Journal::open(run, state.clone(), Arc::new(Silent));
        let (fails, waits) = (TaskName::pres("a"), TaskName::report("b"));
        let error = Error::failed("sql/what", "no such thing").at(Place::new("a.sql", 3, 4));
        journal.on(&Event::TaskStarted { task: &fails });
        let statement = Statement { text: "select 1".into(), place: Place::new("a.sql", 1, 1) };
        journal.statements(&fails, vec![(statement, Outcome::default())]);
        journal.on(&Event::Failure { task: &fails, error: &error });
        for (task, status, reason) in [
            (&fails, Status::Failed, None),
            (&waits, Status::Blocked, Some("by pres.a".to_string())),
        ] {
            let rows = Rows::default();
            journal.on(&Event::TaskFinished { task, status, rows, took: Duration::ZERO, reason });
        }
        drop(journal);
        writer.done().await.expect("writes");

        let rows = read::tasks(state.readers(), run).await.expect("reads");
        let told: Vec<_> = rows.iter().map(|r| (&r.told.task, r.told.status)).collect();
        assert_eq!(told, [(&fails, Status::Failed), (&waits, Status::Blocked)]);
        assert!(rows[0].told.started_at.is_some() && rows[0].told.finished_at.is_some());
        let failure = rows[0].told.failure.as_ref().expect("a failure");
        assert_eq!(
            (failure.code.as_str(), failure.place.as_deref()),
            ("sql/what", Some("a.sql:3:4"))
        );
        assert_eq!(rows[1].told.reason.as_deref(), Some("by pres.a"));
        assert!(rows[1].told.started_at.is_none());
        let statements = read::statements(state.readers(), run, None).await.expect("reads");
        assert_eq!(statements.len(), 1);
    }
}
