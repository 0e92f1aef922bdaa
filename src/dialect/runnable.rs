//! Subqueries that the optimizer of DataFusion 55.2 leaves in a plan and no engine runs. Refused while
//! a query is planned, so that `landfall check` finds them. It changes no plan.

use datafusion::common::tree_node::Transformed;
use datafusion::common::{JoinType, Result, plan_err};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use super::matched::holds;

/// What is said of them.
pub const SUBQUERY: &str = "this type of correlated subquery is not supported locally";

/// The last rule of the optimizer.
#[derive(Debug)]
pub struct Runnable;

impl OptimizerRule for Runnable {
    fn name(&self) -> &str {
        "runnable"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let unmatched = match &plan {
            // NULLs are told apart by one key alone
            LogicalPlan::Join(join) => {
                join.null_aware
                    && join.join_type == JoinType::LeftAnti
                    && (join.on.len() != 1 || join.filter.is_some())
            }
            _ => false,
        };
        if unmatched || holds(&plan, &is_left)? {
            return plan_err!("{SUBQUERY}");
        }
        Ok(Transformed::no(plan))
    }
}

/// A subquery in an expression; one value of an uncorrelated query is computed before the rest.
fn is_left(expr: &Expr) -> bool {
    match expr {
        Expr::Exists(_) | Expr::InSubquery(_) | Expr::SetComparison(_) => true,
        Expr::OuterReferenceColumn(..) => true,
        Expr::ScalarSubquery(query) => !query.outer_ref_columns.is_empty(),
        _ => false,
    }
}
