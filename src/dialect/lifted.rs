//! Subqueries inside aggregates, window functions and sort keys, computed below them: DataFusion 55.2
//! takes a correlated value apart only in a select list or a condition, and EXISTS as `marked` says. So
//! are the computed keys of windows: it finds no order by `a - b < 1`, and panics where two windows have
//! one computed key. It changes no value.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, Result};
use datafusion::logical_expr::expr::{WindowFunction, WindowFunctionParams};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, Projection, Sort, Window};

use super::matched::holds;

/// Rewrites the aggregates, windows and sorts of a plan.
pub fn apply(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|plan| {
        let concerned = matches!(
            plan,
            LogicalPlan::Aggregate(_) | LogicalPlan::Window(_) | LogicalPlan::Sort(_)
        );
        if !concerned {
            return Ok(Transformed::no(plan));
        }
        let plan = match holds(&plan, &goes_below)? {
            true => Transformed::yes(lifted(plan)?),
            false => Transformed::no(plan),
        };
        match has_computed_keys(&plan.data) {
            true => plan.transform_data(keys),
            false => Ok(plan),
        }
    })
    .map(|t| t.data)
}

fn goes_below(expr: &Expr) -> bool {
    match expr {
        Expr::ScalarSubquery(query) => !query.outer_ref_columns.is_empty(),
        Expr::Exists(_) => true,
        _ => false,
    }
}

/// What a plan yields, but for the number of the grouping set, which is for GROUPING alone.
fn columns(plan: &LogicalPlan) -> impl Iterator<Item = Expr> {
    let columns = plan.schema().iter();
    columns.filter(|(_, f)| f.name() != Aggregate::INTERNAL_GROUPING_ID).map(Expr::from)
}

fn lifted(plan: LogicalPlan) -> Result<LogicalPlan> {
    let mut below: Vec<Expr> = plan.inputs().into_iter().flat_map(columns).collect();
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
            if call || !part.exists(|e| Ok(goes_below(e)))? {
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

/// Computes the keys of a window below it.
fn keys(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let LogicalPlan::Window(Window { mut window_expr, input, .. }) = plan else {
        return Ok(Transformed::no(plan));
    };
    let mut below: Vec<Expr> = columns(&input).collect();
    let plain = below.len();
    let names = window_expr.iter().map(|call| call.schema_name().to_string());
    let names = names.collect::<Vec<String>>();
    for call in window_expr.iter_mut().filter_map(window_call) {
        let WindowFunctionParams { partition_by, order_by, .. } = &mut call.params;
        let keys = partition_by.iter_mut().chain(order_by.iter_mut().map(|by| &mut by.expr));
        keys.filter(|key| is_computed(key)).for_each(|key| lift(key, &mut below, plain));
    }
    let calls = window_expr.into_iter().zip(names).map(|(call, name)| {
        let same = call.schema_name().to_string() == name;
        if same { call } else { call.alias(name) }
    });
    let input = Projection::try_new(below, input)?;
    let window = Window::try_new(calls.collect(), Arc::new(LogicalPlan::Projection(input)))?;
    Ok(Transformed::yes(LogicalPlan::Window(window)))
}

fn has_computed_keys(plan: &LogicalPlan) -> bool {
    let LogicalPlan::Window(window) = plan else { return false };
    window.window_expr.iter().any(computes_keys)
}

fn computes_keys(call: &Expr) -> bool {
    match call {
        Expr::Alias(alias) => computes_keys(&alias.expr),
        Expr::WindowFunction(call) => {
            let WindowFunctionParams { partition_by, order_by, .. } = &call.params;
            partition_by.iter().chain(order_by.iter().map(|by| &by.expr)).any(is_computed)
        }
        _ => false,
    }
}

fn is_computed(key: &Expr) -> bool {
    !matches!(key, Expr::Column(_)) && key.any_column_refs() && !key.is_volatile()
}

fn window_call(expr: &mut Expr) -> Option<&mut WindowFunction> {
    match expr {
        Expr::Alias(alias) => window_call(&mut alias.expr),
        Expr::WindowFunction(call) => Some(call),
        _ => None,
    }
}

/// Puts a column in the place of a key, which is computed once below.
fn lift(key: &mut Expr, below: &mut Vec<Expr>, plain: usize) {
    let there = below.iter().skip(plain).position(|known| match known {
        Expr::Alias(alias) => *alias.expr == *key,
        _ => false,
    });
    let name = format!("__landfall_key_{}", there.map_or(below.len(), |place| plain + place));
    let value = std::mem::replace(key, Expr::Column(Column::from_name(&name)));
    if there.is_none() {
        below.push(value.alias(name));
    }
}
