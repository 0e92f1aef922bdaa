//! Rows of several values: IN a subquery as one value each, which the planner is told by a mark, beside
//! other rows value by value. It changes no other expression.
//!
//! DataFusion 55.2 takes them without an error and answers wrongly where rows stand on both sides.

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Query, SetExpr, UnaryOperator};

use super::quantified::{ONE, ROWS, is_plain, values_of};
use crate::dialect::build::{self, alone, binary, call, derived};
use crate::dialect::functions::marks::ROW;

/// Rewrites one expression in place; the parts are visited after it.
pub fn expression(expr: &mut Expr) {
    if let Some(beside) = rows_beside(expr) {
        *expr = beside;
    }
}

/// `(a, b) [NOT] IN (query)`. To be asked when its parts are rewritten, because no text calls the mark.
pub fn within(expr: &mut Expr) {
    let Expr::InSubquery { expr: left, subquery, .. } = expr else { return };
    let Expr::Tuple(values) = left.as_mut() else { return };
    **subquery = of_rows(subquery, values.len());
    **left = call(ROW, std::mem::take(values));
}

/// The query with one value that is its row.
fn of_rows(query: &Query, width: usize) -> Query {
    let own = values_of(query).filter(|own| own.len() == width && is_plain(query));
    if let Some(own) = own {
        let mut query = query.clone();
        query.order_by = None;
        if let SetExpr::Select(select) = query.body.as_mut() {
            select.projection = vec![build::item(call(ROW, own), ONE)];
        }
        return query;
    }
    let names: Vec<String> = (0..width).map(|i| format!("{ONE}{i}")).collect();
    let row = call(ROW, names.iter().map(|name| build::qualified(ROWS, name)).collect());
    let rows = alone(derived(query.clone(), ROWS, &names));
    let select = build::select(vec![build::item(row, ONE)], vec![rows], None);
    build::query(None, SetExpr::Select(Box::new(select)))
}

/// `(a, b) [NOT] IN ((1, 2), (3, 4))` and `(a, b) = (1, 2)` (r_in_condition).
fn rows_beside(expr: &Expr) -> Option<Expr> {
    let (left, rows, negated) = match expr {
        Expr::InList { expr: left, list, negated } => (left, list.as_slice(), *negated),
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => {
            (left, std::slice::from_ref(right.as_ref()), false)
        }
        Expr::BinaryOp { left, op: BinaryOperator::NotEq, right } => {
            (left, std::slice::from_ref(right.as_ref()), true)
        }
        _ => return None,
    };
    let Expr::Tuple(values) = left.as_ref() else { return None };
    // a value that is another one each time stands in one row alone
    if rows.len() > 1 && values.iter().any(|v| v.to_string().contains("random(")) {
        return None;
    }
    let equal = |row: &Expr| {
        let Expr::Tuple(row) = row else { return None };
        if row.len() != values.len() {
            return None;
        }
        let pairs = values.iter().zip(row);
        pairs
            .map(|(a, b)| {
                let (a, b) = (build::nested(a.clone()), build::nested(b.clone()));
                binary(a, BinaryOperator::Eq, b)
            })
            .reduce(|a, b| binary(a, BinaryOperator::And, b))
            .map(|all| Expr::Nested(Box::new(all)))
    };
    let rows: Vec<Expr> = rows.iter().map(equal).collect::<Option<_>>()?;
    let any = Expr::Nested(Box::new(one_of(rows)?));
    let not = |e| Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(e) };
    Some(if negated { not(any) } else { any })
}

/// The conditions joined by OR, as a tree no deeper than it must be.
fn one_of(mut conditions: Vec<Expr>) -> Option<Expr> {
    while conditions.len() > 1 {
        let mut rest = conditions.into_iter();
        let mut joined = Vec::new();
        while let Some(a) = rest.next() {
            joined.push(match rest.next() {
                Some(b) => binary(a, BinaryOperator::Or, b),
                None => a,
            });
        }
        conditions = joined;
    }
    conditions.pop()
}
