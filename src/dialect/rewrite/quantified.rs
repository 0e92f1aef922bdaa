//! Comparisons with ALL and ANY of a subquery, by the least, the greatest and the count of its rows.
//! It changes no other expression.
//!
//! With NULL among the rows the answer is unknown, unless another row decides it, as in SQL.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Query, SelectItem, SetExpr, UnaryOperator, Value,
};

use crate::dialect::build::{self, alone, binary, call, case, derived, number};
use crate::dialect::own;

pub const ROWS: &str = "__landfall_rows";
pub const ONE: &str = "__landfall_value";

/// Rewrites one expression in place; the parts are visited after it.
pub fn expression(expr: &mut Expr) {
    let (left, op, right, all) = match expr {
        Expr::AllOp { left, compare_op, right } => (left, compare_op, right, true),
        Expr::AnyOp { left, compare_op, right, .. } => (left, compare_op, right, false),
        _ => return,
    };
    let Expr::Subquery(query) = right.as_mut() else { return };
    let negated = match (op.clone(), all) {
        // = ANY is IN and <> ALL is NOT IN
        (BinaryOperator::Eq, false) => Some(false),
        (BinaryOperator::NotEq, true) => Some(true),
        _ => None,
    };
    if let Some(negated) = negated {
        *expr = Expr::InSubquery {
            expr: Box::new(build::take(left)),
            subquery: query.clone(),
            negated,
        };
        return;
    }
    let value = build::nested(build::take(left));
    // x < ANY (q) is not x >= ALL (q)
    let (op, negated) = if all { (op.clone(), false) } else { (opposite(op), true) };
    let whole = of_all(value, op, query);
    *expr = if negated {
        Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(Expr::Nested(Box::new(whole))) }
    } else {
        whole
    };
}

fn opposite(op: &BinaryOperator) -> BinaryOperator {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    match op {
        Lt => GtEq,
        LtEq => Gt,
        Gt => LtEq,
        GtEq => Lt,
        Eq => NotEq,
        NotEq => Eq,
        other => other.clone(),
    }
}

/// `value op ALL (query)`, where `op` is neither = under ANY nor <> under ALL.
fn of_all(value: Expr, op: BinaryOperator, query: &Query) -> Expr {
    let of = |function: &str| {
        inside(query, function).unwrap_or_else(|| {
            let (name, argument) = match function {
                ROWS => ("count", number(1)),
                name => (name, build::qualified(ROWS, ONE)),
            };
            scalar(query, call(name, vec![argument]), &[ONE.to_owned()])
        })
    };
    let least = || of("min");
    let most = || of("max");
    // the row that decides: if the comparison holds for it, it holds for every row
    let holds = match op {
        BinaryOperator::Gt | BinaryOperator::GtEq => binary(value.clone(), op, most()),
        BinaryOperator::Lt | BinaryOperator::LtEq => binary(value.clone(), op, least()),
        _ => binary(
            binary(value.clone(), BinaryOperator::Eq, least()),
            BinaryOperator::And,
            binary(value.clone(), BinaryOperator::Eq, most()),
        ),
    };
    let fails =
        Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(Expr::Nested(Box::new(holds))) };
    let rows = of(ROWS);
    let some_null = binary(of("count"), BinaryOperator::Lt, of(ROWS));
    let unknown = binary(
        Expr::Nested(Box::new(some_null)),
        BinaryOperator::Or,
        Expr::IsNull(Box::new(value)),
    );
    let truth = |value: bool| Expr::value(Value::Boolean(value));
    case(
        vec![
            (binary(rows, BinaryOperator::Eq, number(0)), truth(true)),
            (fails, truth(false)),
            (unknown, build::null()),
        ],
        Some(truth(true)),
    )
}

/// The values a query selects, if its text names each.
pub fn values_of(query: &Query) -> Option<Vec<Expr>> {
    let SetExpr::Select(select) = query.body.as_ref() else { return None };
    let value = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(value) | SelectItem::ExprWithAlias { expr: value, .. } => {
            Some(value.clone())
        }
        _ => None,
    };
    select.projection.iter().map(value).collect()
}

/// The only value a query selects.
pub fn value_of(query: &Query) -> Option<Expr> {
    let mut values = values_of(query)?;
    values.pop().filter(|_| values.is_empty())
}

/// The only value a query selects, a column.
fn column_of(query: &Query) -> Option<Expr> {
    value_of(query)
        .filter(|value| matches!(value, Expr::Identifier(_) | Expr::CompoundIdentifier(_)))
}

/// The aggregate in the place of the only value of a plain query: what it correlates with stays in
/// its own WHERE.
fn inside(query: &Query, function: &str) -> Option<Expr> {
    let value = column_of(query)?;
    match function {
        ROWS => counted(query),
        name => plain(query, call(name, vec![value])),
    }
}

/// COUNT in the place of whatever a plain query selects.
fn counted(query: &Query) -> Option<Expr> {
    plain(query, call("count", vec![number(1)]))
}

/// A query of FROM and WHERE alone with one value in the place of what it selects.
pub fn plain(query: &Query, value: Expr) -> Option<Expr> {
    if !is_plain(query) {
        return None;
    }
    let mut query = query.clone();
    query.order_by = None;
    if let SetExpr::Select(select) = query.body.as_mut() {
        select.projection = vec![build::item(value, ONE)];
    }
    Some(Expr::Subquery(Box::new(query)))
}

/// True for a query of FROM and WHERE alone.
pub fn is_plain(query: &Query) -> bool {
    let SetExpr::Select(select) = query.body.as_ref() else { return false };
    query.with.is_none()
        && query.limit_clause.is_none()
        && query.fetch.is_none()
        && select.top.is_none()
        && select.distinct.is_none()
        && select.having.is_none()
        && select.qualify.is_none()
        && select.into.is_none()
        && !own::is_grouped(select)
}

/// `(SELECT value FROM (query) AS rows (columns))`.
fn scalar(query: &Query, value: Expr, columns: &[String]) -> Expr {
    let rows = derived(query.clone(), ROWS, columns);
    let select = build::select(vec![build::item(value, ONE)], vec![alone(rows)], None);
    Expr::Subquery(Box::new(build::query(None, SetExpr::Select(Box::new(select)))))
}
