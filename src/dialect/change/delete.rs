//! DELETE as a query of the identity of the rows that go away. It removes nothing.

use datafusion::sql::sqlparser::ast::{Query, SelectItem};

use super::{ROW_FILE, ROW_POSITION, TableShape, target};
use crate::dialect::build;
use crate::dialect::command::Delete;
use crate::error::Result;

pub fn query(delete: &Delete, shape: &TableShape) -> Result<Query> {
    let with = delete.with.clone();
    let mut placed = target::place(
        &delete.target,
        delete.alias.as_deref(),
        with.as_ref(),
        delete.using.clone(),
        shape,
    )?;
    let mut filter = delete.filter.clone();
    // under an alias at the head the target has no other name
    if delete.alias.is_none() {
        let free = !target::is_called(&placed.from, &delete.target.table);
        target::requalify(&mut filter, &delete.target, shape, &placed.alias, free);
        target::requalify(&mut placed.from, &delete.target, shape, &placed.alias, free);
    }
    let projection = identity(&placed.alias);
    Ok(build::select_query(with, build::select(projection, placed.from, filter)))
}

/// The two identity columns of the target under `alias`.
pub fn identity(alias: &str) -> Vec<SelectItem> {
    [ROW_FILE, ROW_POSITION]
        .into_iter()
        .map(|name| build::item(build::qualified(alias, name), name))
        .collect()
}
