//! EXISTS in a select list, as a column of a join that marks its rows: DataFusion 55.2 makes one of an
//! EXISTS under OR in a WHERE, and of no other. It changes no value.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, Filter, LogicalPlan, Projection};
use datafusion::optimizer::decorrelate_predicate_subquery::DecorrelatePredicateSubquery;
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use super::joined::is_test;
use super::matched::holds;

/// A rule of the optimizer, to stand before the one it asks.
#[derive(Debug, Default)]
pub struct Marked {
    conditions: DecorrelatePredicateSubquery,
}

impl OptimizerRule for Marked {
    fn name(&self) -> &str {
        "marked"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let concerned = matches!(plan, LogicalPlan::Projection(_)) && holds(&plan, &is_test)?;
        let (LogicalPlan::Projection(projection), true) = (&plan, concerned) else {
            return Ok(Transformed::no(plan));
        };
        let names = NamePreserver::new_for_projection();
        let mut input = Arc::clone(&projection.input);
        let mut exprs = Vec::with_capacity(projection.expr.len());
        for expr in &projection.expr {
            if !expr.exists(|e| Ok(is_test(e)))? {
                exprs.push(expr.clone());
                continue;
            }
            let name = names.save(expr);
            let Some((value, below)) = self.marked(expr.clone().unalias(), input, config)? else {
                return Ok(Transformed::no(plan));
            };
            exprs.push(name.restore(value));
            input = below;
        }
        let projection = Projection::try_new(exprs, input)?;
        Ok(Transformed::yes(LogicalPlan::Projection(projection)))
    }
}

impl Marked {
    /// The value over the marks it asks for, and the plan that has them.
    fn marked(
        &self,
        value: Expr,
        input: Arc<LogicalPlan>,
        config: &dyn OptimizerConfig,
    ) -> Result<Option<(Expr, Arc<LogicalPlan>)>> {
        // a condition around the value, so that the engine finds one
        let filter = LogicalPlan::Filter(Filter::try_new(value.is_null(), input)?);
        let done = match self.conditions.rewrite(filter, config)?.data {
            LogicalPlan::Projection(projection) => Arc::unwrap_or_clone(projection.input),
            other => other,
        };
        let LogicalPlan::Filter(Filter { predicate: Expr::IsNull(value), input, .. }) = done else {
            return Ok(None);
        };
        let left = value.exists(|e| Ok(is_test(e)))?;
        Ok((!left).then_some((*value, input)))
    }
}
