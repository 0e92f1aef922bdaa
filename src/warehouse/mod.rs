//! The warehouse: one interface, several engines. No engine is named outside this folder.
//!
//! ```text
//! local     dialect ─▶ DataFusion ─▶ DuckLake tables (Parquet and one SQLite catalog)
//! record    keeps the text: `emit`, `plan --sql`, tests
//! ```
//!
//! What every engine guarantees:
//! - a batch is one transaction: all its statements or none, and the marker with them;
//! - a statement sees what earlier statements of its batch did; nobody else does before the commit;
//! - the text of a statement is never changed before it is recorded or sent.

pub mod files;
pub mod local;
pub mod record;

use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;

use crate::error::{Place, Result};
use crate::records::Marker;
use crate::sequence::Sequence;
use crate::tables::TableName;
use crate::task::TaskName;
use crate::types::SqlType;

/// One SQL statement, byte for byte as its file or template has it, and where that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub text: String,
    pub place: Place,
}

/// The statements of one task, applied as one transaction.
#[derive(Debug, Clone)]
pub struct Batch {
    pub task: TaskName,
    pub statements: Vec<Statement>,
}

/// What one statement did.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Rows appended that replaced none.
    pub inserted: u64,
    /// Rows replaced.
    pub updated: u64,
    /// Rows removed.
    pub deleted: u64,
    /// True when the rows went into a temporary table, which nobody reads afterwards.
    pub temporary: bool,
    /// What a query returned; `None` for other statements.
    pub answer: Option<Answer>,
    /// Conditions worth telling that are not errors: `RS001 TRUNCATE commits ...`.
    pub warnings: Vec<String>,
    pub took: Duration,
}

/// Rows a query returned.
#[derive(Debug, Clone)]
pub struct Answer {
    pub schema: SchemaRef,
    pub batches: Vec<RecordBatch>,
}

/// A column as the catalog knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnInfo {
    pub name: String,
    pub ty: SqlType,
    pub not_null: bool,
}

/// A table or view as the catalog knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableInfo {
    pub name: TableName,
    pub columns: Vec<ColumnInfo>,
    /// Live rows, and bytes of the files that hold them; `None` for views.
    pub rows: Option<u64>,
    pub bytes: Option<u64>,
    /// Distribution style, sort key and keys as its DDL has them.
    pub attributes: Option<String>,
    pub is_view: bool,
}

/// Makes the marker from the outcomes, before the commit. Its error rolls the batch back.
pub type Finish<'a> = &'a (dyn Fn(&[Outcome]) -> Result<Marker> + Send + Sync);

/// An engine that runs Redshift SQL.
#[async_trait]
pub trait Warehouse: Send + Sync {
    /// Runs a batch as one transaction and commits it with the marker `finish` makes.
    async fn run(&self, batch: &Batch, finish: Finish<'_>) -> Result<Vec<Outcome>>;

    /// Answers one read-only query, as of the end of a sequence or of now.
    async fn query(&self, sql: &str, as_of: Option<Sequence>) -> Result<Answer>;

    /// The columns of a table; `None` when there is no such table.
    async fn columns(&self, table: &TableName) -> Result<Option<Vec<ColumnInfo>>>;

    /// The tables and views, sorted by name.
    async fn describe(&self) -> Result<Vec<TableInfo>>;
}
