//! INSERT, UPDATE, DELETE and MERGE as a query that yields what changes. It plans and applies nothing.
//!
//! The query names the target with row identity as `<schema>.<table>$rows`: a relation with the
//! table's columns followed by [`ROW_FILE`] (Int32) and [`ROW_POSITION`] (Int64), neither null.

mod delete;
mod insert;
mod merge;
mod target;
mod update;

use datafusion::sql::sqlparser::ast;

use crate::dialect::command::{Command, ObjectRef};
use crate::dialect::session::TEMPORARY;
use crate::error::{Error, Result};
use crate::types::SqlType;

pub use insert::has_open_width;
pub(crate) use merge::{is_equality, is_qualified};
pub(crate) use target::outer_joins_target;

/// The column that says which file a row stands in (Int32).
pub const ROW_FILE: &str = "__landfall_file";
/// The column that says where in its file a row stands (Int64).
pub const ROW_POSITION: &str = "__landfall_position";
/// The column that says a matched row goes away, in a MERGE that deletes (Boolean).
pub const ROW_DELETE: &str = "__landfall_delete";
/// What is put after a table's name to name its rows with identity.
pub const ROWS_SUFFIX: &str = "$rows";

/// The name under which a table's rows with identity are registered.
pub fn rows_name(table: &ObjectRef) -> ObjectRef {
    ObjectRef { schema: table.schema.clone(), table: format!("{}{ROWS_SUFFIX}", table.table) }
}

/// The table whose rows with identity have this name, or the name itself.
pub fn without_identity(name: &ObjectRef) -> ObjectRef {
    let table = name.table.strip_suffix(ROWS_SUFFIX).unwrap_or(&name.table);
    ObjectRef { schema: name.schema.clone(), table: table.to_owned() }
}

/// What the dialect needs to know of a target.
#[derive(Debug, Clone)]
pub struct TableShape {
    /// The name as the statement has it.
    pub name: ObjectRef,
    /// The schema it is in; `None` for a temporary table.
    pub schema: Option<String>,
    /// True if its name without a schema means it.
    pub by_table: bool,
    /// In table order.
    pub columns: Vec<ShapeColumn>,
}

#[derive(Debug, Clone)]
pub struct ShapeColumn {
    pub name: String,
    pub ty: SqlType,
    pub not_null: bool,
    pub default: Option<ast::Expr>,
    /// Filled by the engine where the query yields NULL.
    pub identity: bool,
}

impl TableShape {
    /// Columns of no table that a statement can name.
    pub fn of_columns(name: ObjectRef, columns: Vec<ShapeColumn>) -> TableShape {
        TableShape { schema: name.schema.clone(), by_table: false, name, columns }
    }

    /// True if a name that is no CTE means this table.
    pub(crate) fn is_named(&self, name: &ObjectRef) -> bool {
        name.table == self.name.table
            && match &name.schema {
                Some(schema) => self.schema.as_ref() == Some(schema),
                None => self.by_table,
            }
    }

    /// The name with its schema.
    pub(crate) fn full_name(&self) -> ObjectRef {
        let schema = self.schema.as_deref().unwrap_or(TEMPORARY);
        ObjectRef::new(Some(schema), &self.name.table)
    }

    /// Position of a column, or an error with the nearest name.
    pub(crate) fn position(&self, column: &str) -> Result<usize> {
        self.columns.iter().position(|c| c.name == column).ok_or_else(|| {
            let error = Error::failed(
                "sql/unknown-column",
                format!("table {} has no column `{column}`", self.name),
            );
            let names = self.columns.iter().map(|c| c.name.as_str());
            match crate::error::nearest(column, names) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error,
            }
        })
    }
}

/// What kind of change the rows of the query are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeSetKind {
    /// Every column of the target, in table order.
    Insert,
    /// `ROW_FILE, ROW_POSITION`. A row may come more than once; it goes away once.
    Delete,
    /// `ROW_FILE, ROW_POSITION`, then every column of the target with its new value.
    ///
    /// A row may come more than once: Redshift then takes any of them, the engine the first.
    Update,
    /// `ROW_FILE, ROW_POSITION` (NULL where nothing matched), then, if `delete_matched`,
    /// [`ROW_DELETE`], then every column of the target.
    ///
    /// With `delete_matched` a row with identity goes away and one without is inserted; else a row
    /// with identity is replaced. A row that comes twice is an error: `Found multiple matches to
    /// update the same tuple`, unless `remove_duplicates`: then it goes away once, and only rows
    /// without identity are written.
    Merge { delete_matched: bool, remove_duplicates: bool },
}

/// A change to one table, as a query.
#[derive(Debug, Clone)]
pub struct ChangeSet {
    pub kind: ChangeSetKind,
    /// The name of the table as the statement has it.
    pub target: ObjectRef,
    pub query: ast::Query,
}

/// A query of one row: the default of every column that has one, NULL for the rest.
pub fn defaults_query(shape: &TableShape) -> ast::Query {
    insert::defaults(shape)
}

/// The change set of an INSERT, UPDATE, DELETE or MERGE.
///
/// `width` is how many values the query of an INSERT gives, if [`has_open_width`] says that its
/// text does not tell. Values are not cast to the columns' types here; [`crate::dialect::assignment_casts`] does that.
/// Errors: `sql/unknown-column`, and what Redshift refuses in each statement.
pub fn change_set(
    command: &Command,
    shape: &TableShape,
    width: Option<usize>,
) -> Result<ChangeSet> {
    let (kind, query) = match command {
        Command::Insert(c) => (ChangeSetKind::Insert, insert::query(c, shape, width)?),
        Command::Update(c) => (ChangeSetKind::Update, update::query(c, shape)?),
        Command::Delete(c) => (ChangeSetKind::Delete, delete::query(c, shape)?),
        Command::Merge(c) => merge::query(c, shape)?,
        other => {
            return Err(Error::failed(
                "sql/unsupported",
                format!("{} changes no rows of a table", other.verb()),
            ));
        }
    };
    Ok(ChangeSet { kind, target: shape.name.clone(), query })
}

#[cfg(test)]
mod tests;
