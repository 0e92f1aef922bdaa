//! Subqueries that DataFusion 55.2 does not plan or answers wrongly: EXISTS and IN in the select
//! list, and over aggregates without GROUP BY, which give one row whatever they read; a correlated
//! query of one value that is no aggregate. It changes no other expression.
//!
//! Source: r_exists_condition, r_in_condition, c_Aggregate_Functions.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Function, OrderBy, Query, Select, SelectItem, SetExpr, UnaryOperator,
    Value,
};

use super::calls::name_of;
use super::quantified;
use crate::dialect::build::{self, binary, case, number};
use crate::dialect::functions;
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
            let Some(select) = one_row(subquery) else { return };
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

/// EXISTS, IN and = ANY in the select list, by the count of rows.
pub fn select(select: &mut Select) {
    own::each(&mut select.projection, listed);
}

/// EXISTS and IN in ORDER BY, by the count of rows.
pub fn order(order_by: &mut Option<OrderBy>) {
    own::each(order_by, listed);
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

fn listed(expr: &mut Expr) {
    // = ANY is IN, which is to be counted
    quantified::expression(expr);
    expression(expr);
    if let Some(counted) = counted(expr) {
        *expr = counted;
    }
}

fn counted(expr: &Expr) -> Option<Expr> {
    match expr {
        Expr::Exists { subquery, negated } => {
            let op = if *negated { BinaryOperator::Eq } else { BinaryOperator::Gt };
            Some(build::nested(binary(quantified::rows(subquery), op, number(0))))
        }
        Expr::InSubquery { expr: left, subquery, negated }
            if !matches!(left.as_ref(), Expr::Tuple(_)) =>
        {
            let found = member(left, subquery);
            Some(build::nested(if *negated { not(found) } else { found }))
        }
        _ => None,
    }
}

/// `value IN (query)`: true with a row that is equal, unknown where a NULL could be equal.
fn member(value: &Expr, query: &Query) -> Expr {
    let truth = |value: bool| Expr::value(Value::Boolean(value));
    let value = build::nested(value.clone());
    let total = quantified::rows(query);
    let known = quantified::known(query);
    let equal = quantified::equal(query, &value);
    let open = binary(
        Expr::IsNull(Box::new(value)),
        BinaryOperator::Or,
        build::nested(binary(known, BinaryOperator::Lt, total.clone())),
    );
    case(
        vec![
            (binary(equal, BinaryOperator::Gt, number(0)), truth(true)),
            (binary(total, BinaryOperator::Eq, number(0)), truth(false)),
            (open, build::null()),
        ],
        Some(truth(false)),
    )
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
