//! Columns of a query in FROM that have one name and are asked for by it. It changes no plan.
//!
//! Source: PostgreSQL 8.0, which Redshift keeps ("column reference is ambiguous"). While it is planned
//! the second column has a mark in its name, so that the engine would take the first.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DataFusionError, Result, SchemaError};
use datafusion::logical_expr::{Expr, LogicalPlan};

use super::rewrite::MARK;

/// Refuses a plan that asks for one of several columns of a relation by the name they share.
///
/// A list that has all of them, as `*` makes it, is taken as it stands.
pub fn check(plan: &LogicalPlan) -> Result<()> {
    let shared = shared(plan)?;
    if shared.is_empty() {
        return Ok(());
    }
    plan.apply_with_subqueries(|node| {
        // ORDER BY asks for columns of the select list, by position, too
        if matches!(node, LogicalPlan::Sort(_)) {
            return Ok(TreeNodeRecursion::Continue);
        }
        let mut asked: Vec<Column> = Vec::new();
        node.apply_expressions(|expr| {
            expr.apply(|part| {
                match part {
                    Expr::Column(column) | Expr::OuterReferenceColumn(_, column) => {
                        asked.push(column.clone());
                    }
                    _ => {}
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })?;
        match asked.iter().find(|column| {
            shared.contains(column) && !asked.iter().any(|other| is_twin(other, column))
        }) {
            Some(column) => Err(DataFusionError::SchemaError(
                Box::new(SchemaError::AmbiguousReference { field: Box::new(column.clone()) }),
                Box::new(None),
            )),
            None => Ok(TreeNodeRecursion::Continue),
        }
    })
    .map(drop)
}

/// The columns of queries with a name that have a twin.
fn shared(plan: &LogicalPlan) -> Result<Vec<Column>> {
    let mut shared = Vec::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::SubqueryAlias(alias) = node {
            let twins = alias.schema.fields().iter().filter_map(|field| base(field.name()));
            shared.extend(twins.map(|name| Column::new(Some(alias.alias.clone()), name)));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(shared)
}

fn is_twin(other: &Column, column: &Column) -> bool {
    other.relation == column.relation && base(&other.name) == Some(&column.name)
}

/// The name that a marked one shares.
fn base(name: &str) -> Option<&str> {
    name.split_once(MARK).map(|(base, _)| base)
}
