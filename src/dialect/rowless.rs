//! Windows over rows of which no column is asked: DataFusion 55.2 leaves none below `ROW_NUMBER() OVER
//! (ORDER BY RANDOM())`, and cannot sort rows without columns. They get one. It changes no value.
//!
//! Source: r_WF_ROW_NUMBER.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::{Expr, LogicalPlan, Projection, Window, lit};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

const ROW: &str = "__landfall_row";

/// One of the last rules of the optimizer: those before take unasked columns away.
#[derive(Debug)]
pub struct Rowless;

impl OptimizerRule for Rowless {
    fn name(&self) -> &str {
        "rowless"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        match plan {
            LogicalPlan::Window(window) if window.input.schema().fields().is_empty() => {
                let own: Vec<Expr> = window.schema.iter().map(Expr::from).collect();
                let input = Projection::try_new(vec![lit(1).alias(ROW)], window.input)?;
                let input = Arc::new(LogicalPlan::Projection(input));
                let window = Window::try_new(window.window_expr, input)?;
                let plan = Projection::try_new(own, Arc::new(LogicalPlan::Window(window)))?;
                Ok(Transformed::yes(LogicalPlan::Projection(plan)))
            }
            other => Ok(Transformed::no(other)),
        }
    }
}
