//! Two lists of one value: DataFusion 55.2 makes `a NOT IN (1) OR a NOT IN (2)` true and `a IN (1) AND a IN
//! (2)` false, where both are unknown for NULL. It changes no answer but these.
//!
//! Source: r_in_condition, r_null_condition.

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator};

use super::functions;
use super::functions::marks::SAME;
use super::matched::holds;

/// Keeps the lists of a plan apart.
pub fn apply(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|plan| {
        if !holds(&plan, &are_two)? {
            return Ok(Transformed::no(plan));
        }
        let names = NamePreserver::new(&plan);
        plan.map_expressions(|expr| {
            let name = names.save(&expr);
            Ok(expr.transform_up(apart)?.update_data(|expr| name.restore(expr)))
        })
    })
    .map(|t| t.data)
}

fn are_two(expr: &Expr) -> bool {
    let Expr::BinaryExpr(BinaryExpr { left, op: Operator::And | Operator::Or, right }) = expr
    else {
        return false;
    };
    match (left.as_ref(), right.as_ref()) {
        (Expr::InList(left), Expr::InList(right)) => left.expr == right.expr,
        _ => false,
    }
}

/// The value of the second list as what a call answers, which is another expression to the engine.
fn apart(expr: Expr) -> Result<Transformed<Expr>> {
    if !are_two(&expr) {
        return Ok(Transformed::no(expr));
    }
    let Expr::BinaryExpr(mut binary) = expr else { return Ok(Transformed::no(expr)) };
    if let Expr::InList(list) = binary.right.as_mut() {
        *list.expr = functions::call(SAME, vec![std::mem::take(list.expr.as_mut())])?;
    }
    Ok(Transformed::yes(Expr::BinaryExpr(binary)))
}
