//! Prepared statements and cursors of a session. A cursor keeps its rows from DECLARE on; it ends
//! with its transaction.
//!
//! Source: r_PREPARE, r_EXECUTE, r_DEALLOCATE, declare, fetch, close.

use std::borrow::Cow;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use crate::dialect::{self, Command, Parsed, Prepare};
use crate::error::{Error, Result};
use crate::warehouse::{Answer, Outcome};

use super::engine::Local;
use super::statement;
use super::transaction::Transaction;

/// The rows of a cursor that are not fetched yet.
pub struct Cursor {
    name: String,
    schema: SchemaRef,
    rows: Vec<RecordBatch>,
    /// The row it stands on: the one fetched last, none before the first and behind the last.
    current: Option<RecordBatch>,
}

/// EXECUTE as the statement it runs; every other statement as it is.
///
/// Errors: `sql/parameters` for a name nobody prepared, or values that do not fit.
pub fn expanded<'p>(txn: &Transaction, parsed: &'p Parsed) -> Result<Cow<'p, Parsed>> {
    let Command::Execute { name, values } = &parsed.command else {
        return Ok(Cow::Borrowed(parsed));
    };
    let prepared = txn.settings.prepared.get(name).ok_or_else(|| unknown(name))?;
    let command = dialect::filled(prepared, values)?;
    Ok(Cow::Owned(Parsed { command, ..parsed.clone() }))
}

fn unknown(name: &str) -> Error {
    Error::failed("sql/parameters", format!("prepared statement \"{name}\" does not exist"))
        .hint("PREPARE it in the same session (r_PREPARE)")
}

pub async fn run(local: &Local, txn: &mut Transaction, parsed: &Parsed) -> Result<Outcome> {
    match &parsed.command {
        Command::Prepare(prepare) => self::prepare(txn, prepare)?,
        Command::Deallocate { name: None } => txn.settings.prepared.clear(),
        Command::Deallocate { name: Some(name) } => {
            txn.settings.prepared.remove(name).ok_or_else(|| unknown(name))?;
        }
        Command::Declare { cursor, query } => {
            if let Some(open) = &txn.cursor {
                return Err(wrong(format!("cursor \"{}\" is open", open.name))
                    .hint("CLOSE it first: a session has one cursor (declare)"));
            }
            let inner = Parsed { command: Command::Query(query.clone()), ..parsed.clone() };
            let outcome = Box::pin(statement::dispatch(local, txn, &inner)).await?;
            if let Some(Answer { schema, batches }) = outcome.answer {
                let name = cursor.clone();
                txn.cursor = Some(Cursor { name, schema, rows: batches, current: None });
            }
        }
        Command::Fetch { cursor, rows } => return fetch(txn, cursor, *rows),
        Command::Close { cursor } => {
            known(txn, cursor)?;
            txn.cursor = None;
        }
        _ => {}
    }
    Ok(Outcome::default())
}

fn prepare(txn: &mut Transaction, prepare: &Prepare) -> Result<()> {
    if txn.settings.prepared.contains_key(&prepare.name) {
        return Err(Error::failed(
            "sql/exists",
            format!("prepared statement \"{}\" already exists", prepare.name),
        )
        .hint("DEALLOCATE it first"));
    }
    txn.settings.prepared.insert(prepare.name.clone(), prepare.clone());
    Ok(())
}

fn wrong(what: String) -> Error {
    Error::failed("sql/cursor", what)
}

fn known<'t>(txn: &'t mut Transaction, name: &str) -> Result<&'t mut Cursor> {
    txn.cursor.as_mut().filter(|cursor| cursor.name == name).ok_or_else(|| {
        wrong(format!("cursor \"{name}\" does not exist"))
            .hint("DECLARE it in the same transaction: it ends with it (declare)")
    })
}

/// The next rows, and no more; FORWARD 0 is the row fetched last.
fn fetch(txn: &mut Transaction, name: &str, rows: Option<usize>) -> Result<Outcome> {
    let cursor = known(txn, name)?;
    if rows == Some(0) {
        let batches = cursor.current.clone().into_iter().collect();
        let answer = Answer { schema: cursor.schema.clone(), batches };
        return Ok(Outcome { answer: Some(answer), ..Outcome::default() });
    }
    let mut wanted = rows.unwrap_or(usize::MAX);
    let mut batches = Vec::new();
    let mut left = Vec::new();
    for batch in std::mem::take(&mut cursor.rows) {
        let taken = wanted.min(batch.num_rows());
        if taken > 0 {
            batches.push(batch.slice(0, taken));
        }
        if taken < batch.num_rows() {
            left.push(batch.slice(taken, batch.num_rows() - taken));
        }
        wanted -= taken;
    }
    cursor.rows = left;
    // whoever asks for more than there is stands behind the last row (fetch)
    let last = batches.last().filter(|_| wanted == 0);
    cursor.current = last.map(|batch| batch.slice(batch.num_rows() - 1, 1));
    let answer = Answer { schema: cursor.schema.clone(), batches };
    Ok(Outcome { answer: Some(answer), ..Outcome::default() })
}
