//! Keeps conditions above totals. DataFusion 55.2 moves a condition that names no column of a table
//! below `SELECT 'load' AS kind, COUNT(*) FROM t`, where it takes rows away and leaves the total, one
//! row whatever is below. It changes no other plan.
//!
//! Source: c_Aggregate_Functions, r_WHERE_clause.

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::{Aggregate, LogicalPlan, LogicalPlanBuilder};

use super::grouped::has_sets;

/// More rows than there are.
const ALL_ROWS: usize = i64::MAX as usize;

/// Puts what no condition passes, a limit, above the totals of a plan.
pub fn apply(plan: LogicalPlan) -> Result<LogicalPlan> {
    below(plan, false).map(|t| t.data)
}

/// `filtered`: a condition stands above, or a comparison with the rows of a subquery.
fn below(plan: LogicalPlan, filtered: bool) -> Result<Transformed<LogicalPlan>> {
    let within = filtered || matches!(plan, LogicalPlan::Filter(_) | LogicalPlan::Join(_));
    let plan = plan
        .map_children(|child| below(child, within))?
        .transform_data(|plan| plan.map_subqueries(|query| below(query, true)))?;
    let limit = match &plan.data {
        LogicalPlan::Aggregate(aggregate) if filtered => rows_of_total(aggregate),
        _ => None,
    };
    match limit {
        // a correlated query is taken apart only without a limit
        Some(rows) if plan.data.all_out_ref_exprs().is_empty() => {
            LogicalPlanBuilder::from(plan.data).limit(0, Some(rows))?.build().map(Transformed::yes)
        }
        _ => Ok(plan),
    }
}

/// A limit that takes no row from an aggregate with a total among its rows.
fn rows_of_total(aggregate: &Aggregate) -> Option<usize> {
    match aggregate.group_expr.is_empty() {
        true => Some(1),
        false => has_sets(aggregate).then_some(ALL_ROWS),
    }
}
