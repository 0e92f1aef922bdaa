//! What stands on a table or view: the views bound to it, materialized views and foreign keys. Redshift
//! drops neither table nor column under them without CASCADE. Views bound late stand on nothing.
//!
//! Source: r_DROP_TABLE, r_DROP_VIEW, r_ALTER_TABLE, r_CREATE_VIEW.

use std::ops::ControlFlow;
use std::path::Path;

use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::sqlparser::ast::{Expr, Query, Select, SelectItem, Visit, Visitor};

use crate::dialect::{self, AlterAction, AlterTable, Command, CreateView, ObjectRef};
use crate::error::{Error, Result};
use crate::tables::TableName;
use crate::types::SqlType;

use super::bind::view_plan;
use super::engine::Local;
use super::foreign;
use super::transaction::Transaction;

/// A view or materialized view, and its query.
struct Dependent {
    name: TableName,
    query: Box<Query>,
    materialized: bool,
}

impl Dependent {
    fn object(&self) -> ObjectRef {
        ObjectRef::new(Some(&self.name.schema), &self.name.table)
    }
}

/// What stands on a relation directly, in the order of names.
fn standing_on(txn: &Transaction, base: &TableName) -> Vec<Dependent> {
    let views = txn.shape().views.values().filter(|view| !view.late);
    let views = views.map(|view| (&view.name, view.sql.as_str(), Some(txn.path_of(view))));
    let tables = txn.shape().tables.values();
    let kept = tables.filter_map(|def| Some((&def.name, def.materialized()?, None)));
    let mut found: Vec<Dependent> = views
        .chain(kept)
        .filter_map(|(name, sql, path)| {
            let query = dialect::parse_query(sql, Path::new("view")).ok()?;
            let reads = dialect::tables_of(&Command::Query(query.clone())).reads;
            let materialized = path.is_none();
            let path = path.unwrap_or_else(|| txn.search_path());
            let stands = reads.iter().any(|read| txn.resolve_by(&path, read) == *base);
            stands.then(|| Dependent { name: name.clone(), query, materialized })
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

fn depends(what: &str, on: &Dependent) -> Error {
    let kind = if on.materialized { "materialized view" } else { "view" };
    Error::failed("sql/dependent", format!("cannot {what}: {kind} {} depends on it", on.name))
        .hint("drop the view first, write CASCADE, or make the view WITH NO SCHEMA BINDING")
}

/// Refuses to drop what a view stands on; with `cascade` drops the views too.
pub async fn release(txn: &mut Transaction, names: &[ObjectRef], cascade: bool) -> Result<()> {
    let going: Vec<TableName> =
        names.iter().filter(|n| !txn.is_temporary(n)).map(|n| txn.resolve(n)).collect();
    let mut gone = going.clone();
    let mut above = Vec::new();
    let mut at = 0;
    while let Some(base) = gone.get(at).cloned() {
        for view in standing_on(txn, &base) {
            if gone.contains(&view.name) {
                continue;
            }
            if !cascade {
                return Err(depends(&format!("drop {base}"), &view));
            }
            gone.push(view.name.clone());
            above.push(view);
        }
        at += 1;
    }
    for view in above {
        drop_one(txn, &view).await?;
    }
    foreign::release(txn, &gone, cascade).await
}

async fn drop_one(txn: &mut Transaction, view: &Dependent) -> Result<()> {
    if view.materialized {
        return txn.drop_table(&view.object()).await;
    }
    txn.drop_view(&view.object());
    Ok(())
}

/// What ALTER TABLE does to the views on its table.
///
/// Errors: `sql/dependent` where Redshift refuses; `sql/unsupported-locally` where it lets the view
/// go on under the old meaning of a name, which a view kept as text cannot.
pub async fn alter(txn: &mut Transaction, alter: &AlterTable) -> Result<()> {
    if txn.is_temporary(&alter.name) {
        return Ok(());
    }
    let base = txn.resolve(&alter.name);
    let column = match &alter.action {
        AlterAction::DropColumn { name, .. } | AlterAction::ColumnType { name, .. } => Some(name),
        AlterAction::RenameColumn { from, .. } => Some(from),
        AlterAction::RenameTable { .. } => None,
        _ => return Ok(()),
    };
    let views = standing_on(txn, &base);
    let mut views =
        views.into_iter().filter(|v| column.is_none_or(|column| uses(&v.query, column)));
    match &alter.action {
        AlterAction::DropColumn { cascade: true, .. } => {
            for view in views.collect::<Vec<_>>() {
                release(txn, &[view.object()], true).await?;
                drop_one(txn, &view).await?;
            }
            Ok(())
        }
        AlterAction::DropColumn { name, .. } => match views.next() {
            Some(view) => Err(depends(&format!("drop column {name} of {base}"), &view)),
            None => Ok(()),
        },
        AlterAction::ColumnType { name, .. } => match views.find(|view| !view.materialized) {
            Some(view) => Err(depends(&format!("alter column {name} of {base}"), &view)),
            None => Ok(()),
        },
        // the rows of a materialized view stay; it is not refreshed any more
        _ => match views.find(|view| column.is_none() || !view.materialized) {
            Some(view) => Err(Error::failed(
                "sql/unsupported-locally",
                format!("a new name under view {} is not supported locally", view.name),
            )
            .hint(
                "on Redshift the view goes on reading what it was bound to, whatever its name is \
                 now: make the view WITH NO SCHEMA BINDING, or drop it first",
            )),
            None => Ok(()),
        },
    }
}

/// True if a query may name a column, or takes all of them.
fn uses(query: &Query, column: &str) -> bool {
    struct Find<'a>(&'a str);
    impl Visitor for Find<'_> {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            let last = match expr {
                Expr::Identifier(name) => Some(name),
                Expr::CompoundIdentifier(parts) => parts.last(),
                _ => None,
            };
            match last.is_some_and(|name| name.value == self.0) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        }
        fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
            let all = |item: &SelectItem| {
                matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..))
            };
            match select.projection.iter().any(all) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        }
    }
    query.visit(&mut Find(column)).is_break()
}

/// CREATE OR REPLACE VIEW keeps the columns that are there (r_CREATE_VIEW); `new` is its query.
pub async fn same_columns(
    local: &Local,
    txn: &mut Transaction,
    create: &CreateView,
    new: &LogicalPlan,
) -> Result<()> {
    let Some(there) = txn.view(&create.name).filter(|view| !view.late) else { return Ok(()) };
    // What cannot be read any more has no columns to keep.
    let Ok(old) = view_plan(local, txn, &there, 0).await else { return Ok(()) };
    let shown = |field: &arrow::datatypes::FieldRef| {
        (dialect::output_name(field.name()).to_owned(), SqlType::of_arrow(field.data_type()))
    };
    let old: Vec<_> = old.schema().fields().iter().map(shown).collect();
    let mut new: Vec<_> = new.schema().fields().iter().map(shown).collect();
    for (column, name) in new.iter_mut().zip(&create.columns) {
        column.0.clone_from(name);
    }
    if old == new {
        return Ok(());
    }
    Err(Error::failed(
        "sql/view-columns",
        format!("cannot give view {} other columns", there.name),
    )
    .hint("DROP VIEW first: a replaced view keeps the names and types of its columns (r_CREATE_VIEW)"))
}
