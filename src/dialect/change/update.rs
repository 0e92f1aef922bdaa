//! UPDATE as a query of row identity and every column's new value. It writes nothing.

use datafusion::sql::sqlparser::ast::{Expr, Ident, Query};

use super::delete::identity;
use super::{TableShape, target};
use crate::dialect::build;
use crate::dialect::command::Update;
use crate::error::{Error, Result};

pub fn query(update: &Update, shape: &TableShape) -> Result<Query> {
    let with = update.with.clone();
    let mut filter = update.filter.clone();
    let mut new = new_values(&update.set, shape)?;
    let values: Vec<Expr> = filter.iter().chain(new.iter().flatten()).cloned().collect();
    let mut placed = target::of_update(update, &values, shape)?;
    placed.requalify(&mut filter)?;
    placed.requalify(&mut new)?;
    placed.requalify_from()?;
    let mut projection = identity(&placed.alias);
    for (column, value) in shape.columns.iter().zip(&mut new) {
        let value = value.take().unwrap_or_else(|| build::qualified(&placed.alias, &column.name));
        projection.push(build::item(value, &column.name));
    }
    Ok(build::select_query(with, build::select(projection, placed.from, filter)))
}

/// The new value of each column of the table, `None` where it keeps its own.
///
/// Errors: an unknown column, a column set twice, a qualified column, an identity column.
pub fn new_values(set: &[(Vec<Ident>, Expr)], shape: &TableShape) -> Result<Vec<Option<Expr>>> {
    let mut new: Vec<Option<Expr>> = vec![None; shape.columns.len()];
    for (parts, value) in set {
        let [name] = parts.as_slice() else {
            let written: Vec<&str> = parts.iter().map(|p| p.value.as_str()).collect();
            return Err(Error::failed(
                "sql/set-qualified",
                format!("`{}` in SET carries a table name", written.join(".")),
            )
            .hint("name the column alone: SET column = value (r_UPDATE, r_MERGE)"));
        };
        let position = shape.position(&name.value)?;
        let (Some(column), Some(slot)) = (shape.columns.get(position), new.get_mut(position))
        else {
            continue;
        };
        let value = if is_default(value) {
            column.default.clone().unwrap_or_else(build::null)
        } else {
            value.clone()
        };
        if slot.replace(value).is_some() {
            return Err(Error::failed(
                "sql/set-twice",
                format!("column `{}` is set more than once", name.value),
            ));
        }
    }
    Ok(new)
}

/// True for the keyword DEFAULT where a value stands.
pub fn is_default(value: &Expr) -> bool {
    matches!(value, Expr::Identifier(i) if i.quote_style.is_none() && i.value == "default")
}
