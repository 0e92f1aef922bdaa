//! Merge: the statements that bring one landing partition into its store table. Pure.
//!
//! There is one template, `sql/store/merge.sql`, for every table; what it does and why stands in
//! it. Nothing here runs a statement.

mod template;

use crate::error::{Error, Result};
use crate::sequence::Sequence;
use crate::tables::TableSpec;
use crate::task::{Layer, Rows};
use crate::warehouse::{ColumnInfo, Outcome, Statement};

/// How many of the [`statements`] make the store table, before any row moves.
const DDL: usize = 2;
/// Where in [`statements`] the stage is filled, cleared of the unchanged, and merged.
const STAGE: usize = 2;
const UNCHANGED: usize = 3;
const MERGE: usize = 4;

/// The statements of the store task of `spec`: make schema and table, fill the stage with this
/// sequence's rows, drop the unchanged from it, merge it, drop it.
///
/// Each text is without its semicolon and the same for every engine. Errors: a column whose name
/// Landfall keeps for itself, a table without key (`table/...`, kind `Config`).
pub fn statements(spec: &TableSpec, sequence: Sequence) -> Result<Vec<Statement>> {
    template::merge(spec, sequence)
}

/// The first of the [`statements`]: `create schema` and `create table` of the store table.
pub fn store_ddl(spec: &TableSpec) -> Result<Vec<Statement>> {
    // The sequence stands in later statements only.
    let mut all = template::merge(spec, Sequence::FIRST)?;
    all.truncate(DDL);
    Ok(all)
}

/// What brings a store table that has the columns `known` to those of `spec`: an `alter table` for
/// each column it lacks, to run in the batch of the [`statements`], before them.
///
/// Rows that are in the store have NULL there until they are merged again. Columns that the spec
/// has no more stay. Errors: `store/new_column` for one that may not be NULL.
pub fn added(spec: &TableSpec, known: &[ColumnInfo]) -> Result<Vec<Statement>> {
    template::added(spec, known)
}

/// What makes a landing partition readable on Redshift: external schema, external table, partition.
///
/// `root` is the URL of the landing store. None of it may run in a transaction. Errors: a column
/// of a type Spectrum cannot read (`redshift/type`), and those of [`statements`].
pub fn landing_ddl(
    spec: &TableSpec,
    root: &url::Url,
    sequence: Sequence,
) -> Result<Vec<Statement>> {
    template::landing(spec, root, sequence)
}

/// The row balance of a store task, from the rows of its partition and the outcomes of its
/// [`statements`], or of [`store_ddl`] alone where the partition is empty.
///
/// Errors: `merge/imbalance` when a landed row is not in exactly one place.
pub fn balance(landed: u64, outcomes: &[Outcome]) -> Result<Rows> {
    let at = |position: usize| outcomes.get(position).cloned().unwrap_or_default();
    let staged = at(STAGE).inserted;
    // Of every key one row wins, so rows that landed cannot all be superseded.
    if landed > 0 && staged == 0 {
        return Err(imbalance(format!("{landed} landed rows but none of them staged")));
    }
    let rows = Rows {
        landed,
        inserted: at(MERGE).inserted,
        updated: at(MERGE).updated,
        unchanged: at(UNCHANGED).deleted,
        superseded: landed.checked_sub(staged).ok_or_else(|| {
            imbalance(format!("{landed} landed rows but {staged} of them staged"))
        })?,
        ..Rows::default()
    };
    match rows.imbalance(Layer::Store) {
        None => Ok(rows),
        Some(words) => Err(imbalance(words)),
    }
}

fn imbalance(words: String) -> Error {
    Error::failed("merge/imbalance", format!("rows do not add up: {words}"))
        .hint("nothing was committed; check that the key is unique in the store table")
}

#[cfg(test)]
mod tests;
