//! Lists of IN that DataFusion 55.2 answers wrongly. Of two lists of one value it makes `a NOT IN (1) OR a
//! NOT IN (2)` true and `a IN (1) AND a IN (2)` false, where both are unknown for NULL; what is computed
//! in a list beside literals it may take for a literal, `CASE WHEN o THEN 9 ELSE k END` for 9. It changes
//! no answer but these.
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
        if !holds(&plan, &|expr| are_two(expr) || is_mixed(expr))? {
            return Ok(Transformed::no(plan));
        }
        let names = NamePreserver::new(&plan);
        plan.map_expressions(|expr| {
            let name = names.save(&expr);
            let apart =
                expr.transform_up(apart)?.transform_data(|expr| expr.transform_up(alone))?;
            Ok(apart.update_data(|expr| name.restore(expr)))
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

/// True for a list with literals and computed values.
fn is_mixed(expr: &Expr) -> bool {
    let Expr::InList(list) = expr else { return false };
    let computed = list.list.iter().filter(|item| is_computed(item)).count();
    0 < computed && computed < list.list.len()
}

fn is_computed(item: &Expr) -> bool {
    !matches!(item, Expr::Column(_)) && item.any_column_refs()
}

/// Each computed value as a comparison of its own.
fn alone(expr: Expr) -> Result<Transformed<Expr>> {
    if !is_mixed(&expr) {
        return Ok(Transformed::no(expr));
    }
    let Expr::InList(mut list) = expr else { return Ok(Transformed::no(expr)) };
    let (computed, rest): (Vec<Expr>, Vec<Expr>) = list.list.into_iter().partition(is_computed);
    let value = list.expr.as_ref().clone();
    list.list = rest;
    let negated = list.negated;
    let apart = computed.into_iter().fold(Expr::InList(list), |all, item| match negated {
        true => all.and(value.clone().not_eq(item)),
        false => all.or(value.clone().eq(item)),
    });
    Ok(Transformed::yes(apart))
}
