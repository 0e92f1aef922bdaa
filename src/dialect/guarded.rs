//! CASE and COALESCE whose values are conditions: DataFusion 55.2 makes AND and OR of them, which compute
//! what no row asks for, and `CASE WHEN b <> 0 THEN a / b > 1 END` divides by zero. They become `CASE true
//! WHEN ...`, which it leaves alone. It changes no other expression.
//!
//! Source: r_CASE_function, r_NVL_function: the first value that counts is the answer, and what comes
//! after it is not computed.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Case, Expr, ExprSchemable, LogicalPlan, lit};

use super::matched::holds;
use super::operators;

/// Rewrites the expressions of a plan, if one of them could fail where it is not asked for.
pub fn apply(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|plan| {
        if !holds(&plan, &|expr| chooses(expr) && can_fail(expr))? {
            return Ok(Transformed::no(plan));
        }
        let schema = merge_schema(&plan.inputs());
        let names = NamePreserver::new(&plan);
        plan.map_expressions(|expr| {
            let name = names.save(&expr);
            let guarded = expr.transform_up(|part| guarded(part, &schema))?;
            Ok(guarded.update_data(|expr| name.restore(expr)))
        })
    })
    .map(|t| t.data)
}

fn chooses(expr: &Expr) -> bool {
    match expr {
        Expr::Case(case) => case.expr.is_none(),
        Expr::ScalarFunction(call) => call.name() == "coalesce",
        _ => false,
    }
}

/// True where an expression computes more than comparisons.
fn can_fail(expr: &Expr) -> bool {
    let fails = expr.exists(|part| {
        Ok(match part {
            Expr::ScalarFunction(call) => call.name() != "coalesce",
            Expr::Cast(_) | Expr::TryCast(_) | Expr::Negative(_) => true,
            Expr::ScalarSubquery(_) => true,
            Expr::BinaryExpr(binary) => operators::is_arithmetic(binary.op),
            _ => false,
        })
    });
    fails.unwrap_or(true)
}

fn guarded(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let condition = |value: &Expr| matches!(value.get_type(schema), Ok(DataType::Boolean));
    if !chooses(&expr) || !condition(&expr) || !can_fail(&expr) {
        return Ok(Transformed::no(expr));
    }
    let (whens, otherwise) = match expr {
        Expr::Case(case) => (case.when_then_expr, case.else_expr),
        Expr::ScalarFunction(mut call) => {
            let last = call.args.pop().map(Box::new);
            let when = |value: Expr| (Box::new(value.clone().is_not_null()), Box::new(value));
            (call.args.into_iter().map(when).collect(), last)
        }
        other => return Ok(Transformed::no(other)),
    };
    if whens.is_empty() {
        return Ok(Transformed::no(otherwise.map_or_else(|| lit(false), |value| *value)));
    }
    Ok(Transformed::yes(Expr::Case(Case::new(Some(Box::new(lit(true))), whens, otherwise))))
}
