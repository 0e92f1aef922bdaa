//! Subqueries inside aggregates, window functions and sort keys, computed below them: DataFusion 55.2
//! takes a correlated value apart only in a select list or a condition. It changes no value.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, Result};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, LogicalPlan, Projection, Sort};

use super::matched::holds;

/// Rewrites the aggregates, windows and sorts of a plan.
pub fn apply(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|plan| {
        let concerned = matches!(
            plan,
            LogicalPlan::Aggregate(_) | LogicalPlan::Window(_) | LogicalPlan::Sort(_)
        );
        if !concerned || !holds(&plan, &is_correlated)? {
            return Ok(Transformed::no(plan));
        }
        lifted(plan).map(Transformed::yes)
    })
    .map(|t| t.data)
}

fn is_correlated(expr: &Expr) -> bool {
    matches!(expr, Expr::ScalarSubquery(query) if !query.outer_ref_columns.is_empty())
}

fn lifted(plan: LogicalPlan) -> Result<LogicalPlan> {
    let mut below: Vec<Expr> =
        plan.inputs().iter().flat_map(|i| i.schema().iter()).map(Expr::from).collect();
    let own = below.clone();
    let names = NamePreserver::new(&plan);
    let plan = plan.map_expressions(|expr| {
        let name = names.save(&expr);
        let changed = expr.transform_down(|part| {
            // a call of the aggregate or window stays, and its arguments go below
            let call = matches!(
                part,
                Expr::AggregateFunction(_) | Expr::WindowFunction(_) | Expr::Alias(_)
            );
            if call || !part.exists(|e| Ok(is_correlated(e)))? {
                return Ok(Transformed::no(part));
            }
            let value = format!("__landfall_lifted_{}", below.len());
            below.push(part.alias(&value));
            Ok(Transformed::yes(Expr::Column(Column::from_name(value))))
        })?;
        Ok(changed.update_data(|e| name.restore(e)))
    })?;
    let projected = |input: &LogicalPlan| -> Result<Arc<LogicalPlan>> {
        let projection = Projection::try_new(below.clone(), Arc::new(input.clone()))?;
        Ok(Arc::new(LogicalPlan::Projection(projection)))
    };
    Ok(match plan.data {
        LogicalPlan::Sort(Sort { expr, input, fetch }) => {
            let sort = LogicalPlan::Sort(Sort { expr, input: projected(&input)?, fetch });
            LogicalPlan::Projection(Projection::try_new(own, Arc::new(sort))?)
        }
        other => {
            let inputs = other.inputs().into_iter().map(|i| projected(i).map(Arc::unwrap_or_clone));
            let inputs = inputs.collect::<Result<Vec<_>>>()?;
            let exprs = other.expressions();
            other.with_new_exprs(exprs, inputs)?
        }
    })
}
