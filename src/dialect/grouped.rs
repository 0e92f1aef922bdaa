//! What ROLLUP, CUBE and GROUPING SETS group by, computed below them where it is no column: DataFusion
//! 55.2 finds it again by its name alone, which is another once it is written otherwise. It changes no
//! value.
//!
//! Source: r_GROUP_BY_clause, "Aggregation extensions".

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, Result};
use datafusion::logical_expr::utils::grouping_set_to_exprlist;
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, Projection};

/// Rewrites the aggregates of a plan, while its casts are marked.
pub fn apply(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|plan| match plan {
        LogicalPlan::Aggregate(aggregate) if has_sets(&aggregate) => grouped(aggregate),
        other => Ok(Transformed::no(other)),
    })
    .map(|t| t.data)
}

/// True for ROLLUP, CUBE and GROUPING SETS.
pub fn has_sets(aggregate: &Aggregate) -> bool {
    aggregate.group_expr.iter().any(|key| matches!(key, Expr::GroupingSet(_)))
}

fn grouped(aggregate: Aggregate) -> Result<Transformed<LogicalPlan>> {
    let mut computed: Vec<Expr> = Vec::new();
    for key in grouping_set_to_exprlist(&aggregate.group_expr)? {
        let is_own = !matches!(key, Expr::Column(_) | Expr::Literal(..)) && !key.contains_outer();
        if is_own && !computed.contains(key) {
            computed.push(key.clone());
        }
    }
    if computed.is_empty() {
        return Ok(Transformed::no(LogicalPlan::Aggregate(aggregate)));
    }
    let name = |key: &Expr| key.schema_name().to_string();
    let column = |expr: Expr| {
        expr.transform_down(|part| match computed.contains(&part) {
            true => Ok(Transformed::yes(Expr::Column(Column::from_name(name(&part))))),
            false => Ok(Transformed::no(part)),
        })
        .map(|t| t.data)
    };
    let groups = aggregate.group_expr.into_iter().map(column).collect::<Result<Vec<_>>>()?;
    let is_grouping =
        |call: &Expr| matches!(call, Expr::AggregateFunction(f) if f.func.name() == "grouping");
    let calls = aggregate.aggr_expr.into_iter().map(|call| match is_grouping(&call) {
        true => column(call),
        false => Ok(call),
    });
    let calls = calls.collect::<Result<Vec<_>>>()?;
    let own = aggregate.input.schema().iter().map(Expr::from);
    let below = own.chain(computed.iter().map(|key| key.clone().alias(name(key)))).collect();
    let input = Arc::new(LogicalPlan::Projection(Projection::try_new(below, aggregate.input)?));
    Ok(Transformed::yes(LogicalPlan::Aggregate(Aggregate::try_new(input, groups, calls)?)))
}
