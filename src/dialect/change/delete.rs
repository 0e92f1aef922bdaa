//! DELETE as a query of the identity of the rows that go away. It removes nothing.

use datafusion::sql::sqlparser::ast::{Query, SelectItem};

use super::{ROW_FILE, ROW_POSITION, TableShape, target};
use crate::dialect::build;
use crate::dialect::command::Delete;
use crate::error::Result;

pub fn query(delete: &Delete, shape: &TableShape) -> Result<Query> {
    let with = delete.with.clone();
    let Delete { target, alias, using, .. } = delete;
    let mut filter = delete.filter.clone();
    let mut placed = target::in_front(target, alias.as_deref(), using.clone(), &filter, shape);
    placed.requalify(&mut filter)?;
    placed.requalify_from()?;
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
