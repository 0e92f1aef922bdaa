//! Makes trailing blanks mean nothing where texts are compared, grouped and ordered, and makes a
//! number that is compared with a text a text. It changes no value a query shows.
//!
//! Source: r_Character_types, "Significance of trailing blanks"; c_Supported_data_types, "General
//! compatibility and conversion rules". A text that may end with a blank is compared by its key,
//! the text without them. What cannot is left alone, so that plain columns stay plain columns and
//! pruning, pushdown and equality joins lose nothing: the catalog knows of every data file which
//! columns end with a blank somewhere ([`KnownText`]).
//!
//! A group shows one of its values: the key with the fewest blanks that followed it.

mod compare;
mod groups;
mod known;
mod widths;

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, JoinConstraint, Result};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::split_conjunction_owned;
use datafusion::logical_expr::{
    BinaryExpr, Distinct, Expr, Filter, Join, LogicalPlan, Operator, Projection, lit,
};

pub use known::KnownText;
use known::Scope;
pub use widths::text_types;

use crate::dialect::functions::blanks::KEY;

/// Rewrites a plan before its types are coerced. Applied twice it changes nothing more.
pub fn apply(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(node).map(|t| t.data)
}

fn node(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    match plan {
        LogicalPlan::Distinct(Distinct::All(input)) => groups::distinct(input),
        LogicalPlan::Aggregate(_) => {
            let plan = expressions(plan)?;
            match plan.data {
                LogicalPlan::Aggregate(aggregate) => groups::aggregate(aggregate),
                other => Ok(Transformed::yes(other)),
            }
        }
        LogicalPlan::Join(join) => {
            let plan = LogicalPlan::Join(keys(join));
            expressions(plan)
        }
        LogicalPlan::Filter(_) => {
            let plan = expressions(plan)?;
            match plan.data {
                LogicalPlan::Filter(filter) if filter.predicate.contains_outer() => {
                    correlated(filter)
                }
                other => Ok(Transformed::yes(other)),
            }
        }
        other => expressions(other),
    }
}

/// Computes the keys of a correlated filter below it: DataFusion takes a subquery apart only where
/// plain columns meet the outer query, and only where their names differ without their tables.
fn correlated(filter: Filter) -> Result<Transformed<LogicalPlan>> {
    let schema = Arc::clone(filter.input.schema());
    let mut below: Vec<Expr> = schema.iter().map(Expr::from).collect();
    let plain = below.len();
    let twice = |column: &Column| {
        schema.fields().iter().filter(|field| *field.name() == column.name).count() > 1
    };
    let mut lift = |expr: Expr| -> Result<Expr> {
        let expr = match expr {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
                let [left, right] = [*left, *right].map(|side| match is_computed(&side) {
                    true => named(side, &mut below),
                    false => side,
                });
                left.eq(right)
            }
            other => other,
        };
        let lifted = expr.transform_down(|expr| match &expr {
            Expr::ScalarFunction(call) if call.name() == KEY && !expr.contains_outer() => {
                Ok(Transformed::yes(named(expr, &mut below)))
            }
            Expr::Column(column) if twice(column) => Ok(Transformed::yes(named(expr, &mut below))),
            _ => Ok(Transformed::no(expr)),
        })?;
        Ok(lifted.data)
    };
    let conjuncts = split_conjunction_owned(filter.predicate).into_iter();
    let conjuncts = conjuncts.map(|expr| if expr.contains_outer() { lift(expr) } else { Ok(expr) });
    let predicate = conjuncts.reduce(|a, b| Ok(a?.and(b?))).unwrap_or_else(|| Ok(lit(true)))?;
    let input = match below.len() > plain {
        true => Arc::new(LogicalPlan::Projection(Projection::try_new(below, filter.input)?)),
        false => filter.input,
    };
    Ok(Transformed::yes(LogicalPlan::Filter(Filter::try_new(predicate, input)?)))
}

/// True for a value of the rows of a correlated query alone that is no column.
fn is_computed(expr: &Expr) -> bool {
    !matches!(expr, Expr::Column(_)) && !expr.contains_outer() && !expr.column_refs().is_empty()
}

/// A value under a name of its own among what is computed below.
fn named(value: Expr, below: &mut Vec<Expr>) -> Expr {
    let name = format!("__landfall_key_{}", below.len());
    below.push(value.alias(&name));
    Expr::Column(Column::from_name(name))
}

/// The pairs of an equality join, each side by its key.
fn keys(join: Join) -> Join {
    let (left, right) = (Scope::new(vec![&join.left]), Scope::new(vec![&join.right]));
    let on: Vec<(Expr, Expr)> =
        join.on.iter().cloned().map(|(l, r)| compare::pair((l, &left), (r, &right))).collect();
    // the engine takes the keys of USING for columns
    let plain = on.iter().all(|(l, r)| l.try_as_col().is_some() && r.try_as_col().is_some());
    let join_constraint = if plain { join.join_constraint } else { JoinConstraint::On };
    Join { on, join_constraint, ..join }
}

fn expressions(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let mut concerned = matches!(plan, LogicalPlan::Sort(_));
    plan.apply_expressions(|expr| {
        concerned |= expr.exists(|e| Ok(compare::concerns(e)))?;
        Ok(if concerned { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    if !concerned {
        return Ok(Transformed::no(plan));
    }
    let inputs: Vec<LogicalPlan> = plan.inputs().into_iter().cloned().collect();
    let scope = Scope::new(inputs.iter().collect());
    let names = NamePreserver::new(&plan);
    let sorts = matches!(plan, LogicalPlan::Sort(_));
    plan.map_expressions(|expr| {
        let name = names.save(&expr);
        let rewritten = expr.transform_up(|e| compare::rewrite(e, &scope))?;
        if sorts {
            return Ok(rewritten.update_data(|e| compare::key(e, &scope)));
        }
        Ok(rewritten.update_data(|e: Expr| name.restore(e)))
    })
}
