//! The stream of an extract: rows from a driver to batches, through a bounded channel.
//!
//! It holds a batch or two and no more, whatever the size of the table. It ends cleanly only when
//! every row that was counted has come; a broken connection, a panic of a driver and a missing row
//! are errors. Nothing here knows a database.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures::FutureExt;
use futures::stream::{self, Stream, StreamExt};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::decode::batch::Batches;
use super::failure::Named;
use crate::error::{Error, Result};
use crate::rows::{ExtractStream, Extracted};

/// Batches that may wait for the reader.
const WAITING: usize = 2;
/// How long a source may be silent while rows are due; as long as MySQL is told to wait for us.
const SILENCE: Duration = Duration::from_secs(600);

/// Where a driver puts what it reads.
pub type Sender = mpsc::Sender<Extracted>;

/// Runs `work` beside the reader; what it sends, and its error, come out of the stream.
///
/// Dropping the stream stops the work.
pub fn spawn<F, W>(work: W) -> ExtractStream
where
    W: FnOnce(Sender) -> F,
    F: Future<Output = Result<()>> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(WAITING);
    let state = State { receiver, work: Some(tokio::spawn(work(sender))) };
    Box::pin(stream::unfold(state, |mut state| async move {
        if let Some(item) = state.receiver.recv().await {
            return Some((Ok(item), state));
        }
        // The work has dropped its sender: its result says whether that was the end.
        let result = match state.work.as_mut() {
            Some(work) => work.await,
            None => return None,
        };
        state.work = None;
        match result {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some((Err(error), state)),
            Err(join) => {
                let error = Error::failed("extract/panic", "reading the source broke off")
                    .hint(
                        "this is a defect of Landfall or of its database driver: please report it",
                    )
                    .because(join);
                Some((Err(error), state))
            }
        }
    }))
}

struct State {
    receiver: mpsc::Receiver<Extracted>,
    work: Option<JoinHandle<Result<()>>>,
}

impl Drop for State {
    fn drop(&mut self) {
        if let Some(work) = &self.work {
            work.abort();
        }
    }
}

/// Sends all rows of a result as batches, and fails unless `expected` rows came.
///
/// `push` puts one row into the batches and answers whether they are full.
pub async fn pump<R>(
    rows: impl Stream<Item = Result<R, sqlx::Error>> + Send,
    mut push: impl FnMut(&mut Batches, &R) -> bool,
    mut batches: Batches,
    expected: u64,
    named: &Named,
    sender: &Sender,
) -> Result<()> {
    let mut rows = pin!(rows);
    loop {
        // A row that is there already needs no timer.
        let next = match rows.next().now_or_never() {
            Some(next) => next,
            None => tokio::time::timeout(SILENCE, rows.next()).await.map_err(|_| silent())?,
        };
        let Some(row) = next else { break };
        let row = row.map_err(|e| named.query("reading the rows", e))?;
        if push(&mut batches, &row) {
            send(&mut batches, sender).await?;
        }
    }
    send(&mut batches, sender).await?;
    let read = batches.total();
    if read != expected {
        return Err(Error::failed(
            "extract/count",
            format!("{read} rows came, but count(*) in the same snapshot says {expected}"),
        )
        .hint("run again; if it stays, report it with the table's definition"));
    }
    for warning in batches.warnings() {
        put(sender, Extracted::Warning(warning)).await?;
    }
    Ok(())
}

async fn send(batches: &mut Batches, sender: &Sender) -> Result<()> {
    for item in batches.take()? {
        put(sender, item).await?;
    }
    Ok(())
}

async fn put(sender: &Sender, item: Extracted) -> Result<()> {
    // The reader is gone, so nobody will see this error; it only ends the work.
    sender
        .send(item)
        .await
        .map_err(|_| Error::new(crate::error::Kind::Interrupted, "extract/reader", "nobody reads"))
}

fn silent() -> Error {
    Error::failed(
        "extract/silent",
        format!("the source sent nothing for {} seconds", SILENCE.as_secs()),
    )
    .hint("the connection may be dead: run again")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batches() -> Batches {
        use crate::error::Place;
        use crate::tables::{ColumnSpec, Extract, TableName, TableSpec};
        let id = ColumnSpec {
            name: "id".into(),
            source_name: None,
            ty: crate::types::SqlType::BigInt,
            not_null: true,
        };
        let spec = TableSpec {
            source: "s".into(),
            name: "t".into(),
            from: "t".into(),
            columns: vec![id],
            filter: None,
            extract: Extract::Full,
            landing: TableName::new("landing_s", "t"),
            store: TableName::new("store_s", "t"),
            key: vec!["id".into()],
            version: None,
            place: Place::new("landfall.toml", 1, 1),
        };
        Batches::new(&spec, chrono_tz::Tz::UTC)
    }

    #[tokio::test]
    async fn a_result_with_another_count_of_rows_is_an_error() {
        use crate::extract::database::decode::Value;
        let source = crate::config::DatabaseSource {
            name: "s".into(),
            url: "mysql://me@localhost/x".parse().expect("a URL"),
            password: None,
            timezone: chrono_tz::Tz::UTC,
            lag_seconds: 0,
            tls_off: false,
            tables: vec![],
        };
        let named = Named::new(&source);
        for (expected, code) in [(2, None), (3, Some("extract/count")), (1, Some("extract/count"))]
        {
            let (sender, _receiver) = mpsc::channel(9);
            let rows = stream::iter([Ok(7), Ok(8)]);
            let push = |b: &mut Batches, id: &i64| b.push(|_| Value::Integer(*id));
            let result = pump(rows, push, batches(), expected, &named, &sender).await;
            assert_eq!(result.err().map(|e| e.code()), code, "{expected}");
        }
    }

    #[tokio::test]
    async fn an_error_of_the_work_ends_the_stream_once() {
        let mut stream = spawn(|sender| async move {
            put(&sender, Extracted::Warning("first".into())).await?;
            Err(Error::failed("x", "broken"))
        });
        assert!(matches!(stream.next().await, Some(Ok(Extracted::Warning(_)))));
        assert!(stream.next().await.is_some_and(|item| item.is_err()));
        assert!(stream.next().await.is_none());
    }

    #[tokio::test]
    async fn a_panic_of_the_work_is_an_error() {
        let mut stream = spawn(|_sender| async move { panic!("driver") });
        let error = stream.next().await.expect("an item").expect_err("an error");
        assert_eq!(error.code(), "extract/panic");
    }

    #[tokio::test]
    async fn a_reader_that_leaves_stops_the_work() {
        let (told, mut hears) = mpsc::channel::<()>(1);
        let mut stream = spawn(|sender| async move {
            let _held = told;
            loop {
                put(&sender, Extracted::Warning("more".into())).await?;
            }
        });
        assert!(stream.next().await.is_some());
        drop(stream);
        assert!(hears.recv().await.is_none(), "the work still runs");
    }
}
