//! Rows on their way from a source to landing: Arrow batches or row groups, and rejects beside
//! them. Pure.

use std::pin::Pin;

use arrow::array::RecordBatch;
use futures::Stream;

use crate::error::Result;
use crate::pages::RowGroup;
use crate::window::FileEnd;

/// What an extract yields, in source order.
#[derive(Debug)]
pub enum Extracted {
    /// Good rows, in the landing schema of the table spec ([`crate::tables::TableSpec::landing_schema`]).
    ///
    /// Text columns may come as dictionaries of the declared type.
    Rows(RecordBatch),
    /// Good rows as [`Extracted::Rows`], encoded: their columns are those of the landing schema.
    Group(RowGroup),
    /// Rows or lines that cannot be landed.
    Rejects(Vec<Reject>),
    /// So many bytes of the source were passed since the last item of this kind: of logs, as
    /// [`crate::window::Window::bytes`] counts them, where rows tell nothing of how much is left.
    Passed(u64),
    /// A range of the window ends where nobody knew before.
    Ended(FileEnd),
    /// Something the run should tell, once a table: a coerced value, an added column.
    Warning(String),
}

/// A stream of what an extract yields. An error ends it and fails the task; nothing is landed.
pub type ExtractStream = Pin<Box<dyn Stream<Item = Result<Extracted>> + Send>>;

/// A row or line put aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// Where it stands in its source: `row 17`, or `access.log:4711` with the byte offset.
    pub position: String,
    /// Byte offset in the file, or row number; for sorting.
    pub offset: u64,
    /// Why, as a code: `line/no_quotes`, `row/null_key`, `row/varchar_too_long`.
    pub reason: &'static str,
    /// The reason in words, with column and limit.
    pub detail: String,
    /// The bytes as they came; for a database row, its columns as a JSON object.
    pub raw: Vec<u8>,
}
