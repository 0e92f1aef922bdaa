//! EXISTS and IN of a query in the condition of a join, which DataFusion 55.2 plans in a WHERE and in a
//! select list alone: above an inner join, and below one side of an outer join. It changes no value.
//!
//! Source: r_FROM_clause30, r_in_condition, r_exists_condition. What asks for both sides of an outer
//! join stays, and is refused.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, JoinType, Result};
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{Expr, Filter, Join, LogicalPlan, Projection};

use super::matched::holds;

/// Stands before the number of a test below a join.
const TEST: &str = "__landfall_tested_";

/// Rewrites the joins of a plan before its types are coerced.
pub fn apply(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|plan| {
        let concerned = matches!(plan, LogicalPlan::Join(_)) && holds(&plan, &is_test)?;
        match plan {
            LogicalPlan::Join(join) if concerned => match join.join_type {
                JoinType::Inner => above(join).map(Transformed::yes),
                JoinType::Left | JoinType::Right | JoinType::Full => {
                    below(join).map(Transformed::yes)
                }
                _ => Ok(Transformed::no(LogicalPlan::Join(join))),
            },
            other => Ok(Transformed::no(other)),
        }
    })
    .map(|t| t.data)
}

/// EXISTS or IN of a query.
pub fn is_test(expr: &Expr) -> bool {
    matches!(expr, Expr::Exists(_) | Expr::InSubquery(_))
}

/// The conditions of an inner join are those of a WHERE above it.
fn above(mut join: Join) -> Result<LogicalPlan> {
    let conditions = join.filter.take().map(split_conjunction_owned).unwrap_or_default();
    let (mut tests, mut plain) = (Vec::new(), Vec::new());
    for condition in conditions {
        let is_one = condition.exists(|e| Ok(is_test(e)))?;
        if is_one { tests.push(condition) } else { plain.push(condition) }
    }
    join.filter = conjunction(plain);
    let joined = LogicalPlan::Join(join);
    Ok(match conjunction(tests) {
        Some(tests) => LogicalPlan::Filter(Filter::try_new(tests, Arc::new(joined))?),
        None => joined,
    })
}

/// Each test of an outer join as a column of the side it asks for.
fn below(join: Join) -> Result<LogicalPlan> {
    let Some(filter) = join.filter.clone() else { return Ok(LogicalPlan::Join(join)) };
    let shown: Vec<Expr> = join.schema.iter().map(Expr::from).collect();
    let (mut left, mut right) = (Vec::new(), Vec::new());
    let filter = filter.transform_down(|part| {
        if !is_test(&part) {
            return Ok(Transformed::no(part));
        }
        let asked = asked(&part)?;
        let name = format!("{TEST}{}", left.len() + right.len());
        let side = match (has(join.left.schema(), &asked), has(join.right.schema(), &asked)) {
            (true, _) => &mut left,
            (_, true) => &mut right,
            _ => return Ok(Transformed::no(part)),
        };
        side.push(part.alias(&name));
        Ok(Transformed::yes(Expr::Column(Column::from_name(name))))
    })?;
    let with = |side: &Arc<LogicalPlan>, tests: Vec<Expr>| -> Result<Arc<LogicalPlan>> {
        if tests.is_empty() {
            return Ok(Arc::clone(side));
        }
        let columns = side.schema().iter().map(Expr::from).chain(tests).collect();
        Ok(Arc::new(LogicalPlan::Projection(Projection::try_new(columns, Arc::clone(side))?)))
    };
    let (left, right) = (with(&join.left, left)?, with(&join.right, right)?);
    let joined = Join::try_new(
        left,
        right,
        join.on,
        Some(filter.data),
        join.join_type,
        join.join_constraint,
        join.null_equality,
        join.null_aware,
    )?;
    let joined = Arc::new(LogicalPlan::Join(joined));
    Ok(LogicalPlan::Projection(Projection::try_new(shown, joined)?))
}

/// The columns that a test asks for outside its query.
fn asked(test: &Expr) -> Result<BTreeSet<Column>> {
    let mut asked: BTreeSet<Column> = test.column_refs().into_iter().cloned().collect();
    let outer = match test {
        Expr::Exists(exists) => &exists.subquery.outer_ref_columns,
        Expr::InSubquery(within) => &within.subquery.outer_ref_columns,
        _ => return Ok(asked),
    };
    for expr in outer {
        expr.exists(|part| {
            if let Expr::OuterReferenceColumn(_, column) = part {
                asked.insert(column.clone());
            }
            Ok(false)
        })?;
    }
    Ok(asked)
}

fn has(schema: &DFSchema, columns: &BTreeSet<Column>) -> bool {
    columns.iter().all(|column| schema.has_column(column))
}
