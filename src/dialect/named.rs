//! Gives every cast of a query a name of its own while it is planned. It changes no value.
//!
//! The engine calls `x::float` what it calls `x`, so that both, as keys of one GROUP BY or in two
//! aggregates of one query, would be one column twice. A marked cast is a call that names its type;
//! once the query is planned the names stand, and the marks are taken out.

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, LogicalPlan};

use super::functions::marks::CAST;
use super::grouped::has_sets;
use super::matched::holds;

fn is_mark(expr: &Expr) -> bool {
    matches!(expr, Expr::ScalarFunction(call) if call.name() == CAST)
}

/// A plan without its marks, under the same names.
pub fn unmark(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|plan| {
        if !holds(&plan, &is_mark)? || grouping_sets(&plan) {
            return Ok(Transformed::no(plan));
        }
        let names = NamePreserver::new(&plan);
        plan.map_expressions(|expr| {
            let name = names.save(&expr);
            Ok(expr.transform_up(without)?.update_data(|e| name.restore(e)))
        })
    })
    .map(|t| t.data)
}

/// The engine finds the sets of an aggregate only under their own name; it runs with its marks.
fn grouping_sets(plan: &LogicalPlan) -> bool {
    matches!(plan, LogicalPlan::Aggregate(aggregate) if has_sets(aggregate))
}

fn without(expr: Expr) -> Result<Transformed<Expr>> {
    Ok(match expr {
        Expr::ScalarFunction(mut call) if call.name() == CAST && !call.args.is_empty() => {
            Transformed::yes(call.args.swap_remove(0))
        }
        other => Transformed::no(other),
    })
}
