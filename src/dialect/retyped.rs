//! The types of the columns that correlated subqueries name outside, after `matched` has given those
//! another. It changes nothing else: a subquery keeps the type it was planned with.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, LogicalPlan, Subquery};

use super::joined::is_test;
use super::matched::holds;

/// Gives the names of outer columns the types these have, outer queries first: of two columns of one
/// name the nearest is meant.
pub fn apply(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_down_with_subqueries(|plan| {
        // the schema of a wide node costs more than a look at its expressions
        if !holds(&plan, &is_query)? {
            return Ok(Transformed::no(plan));
        }
        let schema = merge_schema(&plan.inputs());
        plan.map_subqueries(|query| within(query, &schema))
    })
    .map(|t| t.data)
}

fn is_query(expr: &Expr) -> bool {
    is_test(expr) || matches!(expr, Expr::ScalarSubquery(_) | Expr::SetComparison(_))
}

fn within(plan: LogicalPlan, outside: &DFSchema) -> Result<Transformed<LogicalPlan>> {
    let LogicalPlan::Subquery(Subquery { subquery, outer_ref_columns, spans }) = plan else {
        return Ok(Transformed::no(plan));
    };
    let typed = |expr: Expr| expr.transform_up(|part| outer(part, outside));
    let subquery = Arc::unwrap_or_clone(subquery)
        .transform_down_with_subqueries(|plan| plan.map_expressions(typed))?
        .data;
    let columns = outer_ref_columns.into_iter().map(|column| Ok(typed(column)?.data));
    let outer_ref_columns = columns.collect::<Result<Vec<_>>>()?;
    let subquery = Subquery { subquery: Arc::new(subquery), outer_ref_columns, spans };
    Ok(Transformed::yes(LogicalPlan::Subquery(subquery)))
}

fn outer(expr: Expr, outside: &DFSchema) -> Result<Transformed<Expr>> {
    let Expr::OuterReferenceColumn(field, column) = &expr else {
        return Ok(Transformed::no(expr));
    };
    match outside.qualified_field_from_column(column) {
        Ok((_, now)) if now.data_type() != field.data_type() => {
            let now = Arc::clone(now);
            Ok(Transformed::yes(Expr::OuterReferenceColumn(now, column.clone())))
        }
        _ => Ok(Transformed::no(expr)),
    }
}
