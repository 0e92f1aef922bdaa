//! Subqueries that DataFusion 55.2 does not plan or answers wrongly: EXISTS and IN over aggregates
//! without GROUP BY, which give one row whatever they read; a correlated query of one value that is no
//! aggregate. It changes no other expression.
//!
//! Source: r_exists_condition, r_in_condition, c_Aggregate_Functions.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Function, Query, Select, SelectItem, SetExpr, UnaryOperator, Value,
};

use super::calls::{args_mut, name_of};
use super::quantified;
use crate::dialect::build::{self, binary, number};
use crate::dialect::functions;
use crate::dialect::functions::marks::CAST;
use crate::dialect::lex::{APPROXIMATE_COUNT, APPROXIMATE_DISC};
use crate::dialect::own::{self, calls};

/// The aggregates of c_Aggregate_Functions, and what they are called once rewritten.
const AGGREGATES: &[&str] = &[
    "any_value",
    "approx_distinct",
    APPROXIMATE_COUNT,
    APPROXIMATE_DISC,
    "array_agg",
    "avg",
    "bit_and",
    "bit_or",
    "bool_and",
    "bool_or",
    "count",
    "every",
    "first_value",
    "grouping",
    "listagg",
    "listagg_distinct",
    "max",
    "median",
    "min",
    "percentile_cont",
    "percentile_disc",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "sum",
    "var",
    "var_pop",
    "var_samp",
    "variance",
];

/// One row of aggregates: EXISTS asks its HAVING, IN is the comparison with its value.
pub fn expression(expr: &mut Expr) {
    let truth = |value: bool| Expr::value(Value::Boolean(value));
    match expr {
        Expr::Exists { subquery, negated } => {
            let Some(select) = one_row(subquery) else { return starless(subquery) };
            let found = match &select.having {
                None => truth(true),
                Some(having) => {
                    let mut having = having.clone();
                    of_one_group(&mut having);
                    Expr::IsTrue(Box::new(instead(subquery, having)))
                }
            };
            *expr = if *negated { not(found) } else { found };
        }
        Expr::InSubquery { expr: left, subquery, negated } => {
            let plain = one_row(subquery).filter(|select| select.having.is_none());
            if plain.is_none() || matches!(left.as_ref(), Expr::Tuple(_)) {
                return;
            }
            let op = if *negated { BinaryOperator::NotEq } else { BinaryOperator::Eq };
            let value = build::nested(build::take(left));
            *expr = binary(value, op, Expr::Subquery(subquery.clone()));
        }
        _ => {}
    }
}

/// What EXISTS selects is not looked at: a star need not be told.
fn starless(query: &mut Query) {
    if let SetExpr::Select(select) = query.body.as_mut()
        && let [SelectItem::Wildcard(options)] = select.projection.as_slice()
        && options.opt_exclude.is_none()
        && !own::is_grouped(select)
    {
        select.projection = vec![build::item(number(1), quantified::ONE)];
    }
}

/// A query that may be correlated: its value is that of its only row. To be asked when its parts
/// are rewritten, because no text calls the functions.
pub fn only_row(expr: &mut Expr) {
    let Expr::Subquery(query) = expr else { return };
    let SetExpr::Select(select) = query.body.as_ref() else { return };
    if select.selection.is_none() || select.from.is_empty() || one_row(query).is_some() {
        return;
    }
    let value = quantified::value_of(query)
        // what is over a window is no argument of an aggregate
        .filter(|value| !calls(value, |function| function.over.is_some()))
        .and_then(|value| quantified::plain(query, build::call("first_value", vec![value])));
    let rows = quantified::plain(query, build::call("count", vec![number(1)]));
    if let (Some(value), Some(rows)) = (value, rows) {
        *expr = build::call(functions::SINGLE_ROW, vec![value, rows]);
    }
}

/// Names what the engine would call alike inside two aggregates: a constant and its cast, two
/// subqueries. To be asked when the arguments are rewritten.
pub fn distinct(expr: &mut Expr) {
    let Expr::Function(function) = expr else { return };
    if !is_aggregate(function) && function.over.is_none() {
        return;
    }
    let arguments = args_mut(function).into_iter().flatten();
    for argument in arguments.take(1) {
        let constant = match &*argument {
            Expr::Cast { expr, .. } => matches!(expr.as_ref(), Expr::Value(_)),
            other => matches!(other, Expr::TypedString(_)),
        };
        if constant || own::holds(argument, is_subquery) {
            let name = build::text(&argument.to_string());
            *argument = build::call(CAST, vec![build::take(argument), name]);
        }
    }
}

fn is_subquery(expr: &Expr) -> bool {
    matches!(expr, Expr::Exists { .. } | Expr::InSubquery { .. } | Expr::Subquery(_))
}

fn not(expr: Expr) -> Expr {
    Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(build::nested(expr)) }
}

/// The SELECT of a query that gives exactly one row, its HAVING aside.
fn one_row(query: &Query) -> Option<&Select> {
    let SetExpr::Select(select) = query.body.as_ref() else { return None };
    let cut = query.limit_clause.is_some() || query.fetch.is_some() || select.top.is_some();
    let aggregates = select.having.is_some() || select.projection.iter().any(aggregates);
    (!own::is_grouped(select) && !cut && select.qualify.is_none() && aggregates).then_some(select)
}

fn aggregates(item: &SelectItem) -> bool {
    match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
            calls(expr, is_aggregate)
        }
        _ => false,
    }
}

pub fn is_aggregate(function: &Function) -> bool {
    function.over.is_none() && AGGREGATES.contains(&name_of(function))
}

/// HAVING makes one group of all rows, which DataFusion sees by an aggregate alone.
pub fn of_one_group(having: &mut Expr) {
    if calls(having, is_aggregate) {
        return;
    }
    let rows = build::call("count", vec![number(1)]);
    let all = binary(rows, BinaryOperator::GtEq, number(0));
    *having = binary(build::nested(build::take(having)), BinaryOperator::And, all);
}

/// The query with another value in its only row and no HAVING.
fn instead(query: &Query, value: Expr) -> Expr {
    let mut query = query.clone();
    query.order_by = None;
    if let SetExpr::Select(select) = query.body.as_mut() {
        select.projection = vec![build::item(value, "v")];
        select.having = None;
    }
    Expr::Subquery(Box::new(query))
}

#[cfg(test)]
mod tests {
    use super::{AGGREGATES, functions};

    #[test]
    fn every_aggregate_of_the_session_is_listed() {
        for aggregate in functions::aggregates() {
            assert!(AGGREGATES.contains(&aggregate.name()), "{}", aggregate.name());
        }
    }
}
