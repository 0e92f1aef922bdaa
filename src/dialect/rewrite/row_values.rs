//! Rows of several values: IN a subquery by EXISTS, beside other rows value by value. It changes no
//! other expression.
//!
//! DataFusion 55.2 takes them without an error and answers wrongly where rows stand on both sides.
//! EXISTS knows of no unknown: it stands for IN where unknown is as good as false, and in a CASE with
//! its third answer elsewhere (r_in_condition, r_null_condition).

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, JoinConstraint, Query, Select, SetExpr, UnaryOperator, Value,
};

use super::quantified::{ONE, ROWS, captured, is_plain, narrow, values_of};
use super::using::constraint;
use crate::dialect::build::{self, alone, binary, case, derived, number};
use crate::dialect::own;

/// Rewrites one expression in place; the parts are visited after it.
pub fn expression(expr: &mut Expr) {
    // unknown stays unknown under NOT
    if let Expr::UnaryOp { op: UnaryOperator::Not, expr: inner } = expr
        && let Some((values, subquery, negated)) = within(unnested(inner))
    {
        *expr = of_rows(values, subquery, !negated);
    } else if let Some((values, subquery, negated)) = within(expr) {
        *expr = of_rows(values, subquery, negated);
    } else if let Some(beside) = rows_beside(expr) {
        *expr = beside;
    }
}

/// The parts of `(a, b) [NOT] IN (query)`, which are taken out.
fn within(expr: &mut Expr) -> Option<(Vec<Expr>, &Query, bool)> {
    match expr {
        Expr::InSubquery { expr: left, subquery, negated } => match left.as_mut() {
            Expr::Tuple(values) => Some((std::mem::take(values), subquery, *negated)),
            _ => None,
        },
        _ => None,
    }
}

/// Gives IN its three answers wherever unknown and false are told apart; to be asked before the parts
/// are rewritten.
pub fn select(select: &mut Select) {
    own::each(&mut select.projection, decided);
    let ons = select.from.iter_mut().flat_map(|tables| &mut tables.joins);
    let conditions = ons
        .filter_map(|join| match constraint(&mut join.join_operator) {
            Some(JoinConstraint::On(on)) => Some(on),
            _ => None,
        })
        .chain(&mut select.selection)
        .chain(&mut select.having)
        .chain(&mut select.qualify);
    conditions.for_each(passed);
}

/// A condition that a row passes when it is true.
fn passed(expr: &mut Expr) {
    match expr {
        Expr::Nested(inner) => passed(inner),
        Expr::BinaryOp { left, op: BinaryOperator::And | BinaryOperator::Or, right } => {
            passed(left);
            passed(right);
        }
        Expr::UnaryOp { op: UnaryOperator::Not, expr: inner } if is_within(inner) => {}
        expr if is_within(expr) => {}
        expr => own::each(expr, decided),
    }
}

fn is_within(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_within(inner),
        Expr::InSubquery { expr: left, .. } => matches!(left.as_ref(), Expr::Tuple(_)),
        _ => false,
    }
}

/// IN by its three answers.
fn decided(expr: &mut Expr) {
    if let Some((values, subquery, negated)) = within(expr) {
        let truth = |value: bool| Expr::value(Value::Boolean(value));
        let found = of_rows(values.clone(), subquery, false);
        let none = of_rows(values, subquery, true);
        let answers = vec![(found, truth(!negated)), (none, truth(negated))];
        *expr = case(answers, Some(build::null()));
    }
}

fn unnested(expr: &mut Expr) -> &mut Expr {
    match expr {
        Expr::Nested(inner) => unnested(inner),
        other => other,
    }
}

/// `(a, b) [NOT] IN (query)`: a row that is equal in all of them; for NOT none that may be.
fn of_rows(values: Vec<Expr>, query: &Query, negated: bool) -> Expr {
    let same = |pairs: Vec<(Expr, Expr)>| {
        let equal = pairs
            .into_iter()
            .map(|(a, b)| binary(build::nested(a), BinaryOperator::Eq, build::nested(b)))
            .reduce(|a, b| binary(a, BinaryOperator::And, b))
            .unwrap_or_else(build::null);
        if !negated {
            return equal;
        }
        let unknown = Expr::IsNull(Box::new(Expr::Nested(Box::new(equal.clone()))));
        Expr::Nested(Box::new(binary(Expr::Nested(Box::new(equal)), BinaryOperator::Or, unknown)))
    };
    if let Some(own) = values_of(query).filter(|own| own.len() == values.len())
        && is_plain(query)
        && !values.iter().any(|value| captured(query, value))
    {
        let pairs = own.into_iter().zip(values).collect();
        let mut subquery = Box::new(query.clone());
        subquery.order_by = None;
        if let SetExpr::Select(select) = subquery.body.as_mut() {
            select.projection = vec![build::item(number(1), ONE)];
            narrow(select, same(pairs));
        }
        return Expr::Exists { subquery, negated };
    }
    let names: Vec<String> = (0..values.len()).map(|i| format!("{ONE}{i}")).collect();
    let pairs = names.iter().zip(values).map(|(name, v)| (build::qualified(ROWS, name), v));
    let found = same(pairs.collect());
    let rows = derived(query.clone(), ROWS, &names);
    let one = build::item(number(1), ONE);
    let select = build::select(vec![one], vec![alone(rows)], Some(found));
    let subquery = Box::new(build::query(None, SetExpr::Select(Box::new(select))));
    Expr::Exists { subquery, negated }
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
