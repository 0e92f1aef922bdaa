//! Comparisons with ALL and ANY of a subquery, by the least, the greatest and the count of its rows;
//! rows of several values IN a subquery, by EXISTS; rows beside rows, value by value.
//! It changes no other expression.
//!
//! DataFusion 55.2 takes them without an error and answers wrongly where rows stand on both sides.
//! With NULL among the rows the answer is unknown, unless another row decides it, as in SQL.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, GroupByExpr, Query, Select, SelectItem, SetExpr, UnaryOperator, Value,
    Visit, Visitor,
};

use crate::dialect::build::{self, alone, binary, call, case, derived, number};
use crate::dialect::tables::called;

const ROWS: &str = "__landfall_rows";
const ONE: &str = "__landfall_value";

/// Rewrites one expression in place; the parts are visited after it.
pub fn expression(expr: &mut Expr) {
    // unknown stays unknown under NOT, and EXISTS knows of none
    if let Expr::UnaryOp { op: UnaryOperator::Not, expr: inner } = expr
        && let Expr::InSubquery { expr: left, subquery, negated } = unnested(inner)
        && let Expr::Tuple(values) = left.as_mut()
    {
        *expr = of_rows(std::mem::take(values), subquery, !*negated);
        return;
    }
    if let Expr::InSubquery { expr: left, subquery, negated } = expr
        && let Expr::Tuple(values) = left.as_mut()
    {
        *expr = of_rows(std::mem::take(values), subquery, *negated);
        return;
    }
    if let Some(beside) = rows_beside(expr) {
        *expr = beside;
        return;
    }
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

/// How many rows a query has that gives no row of aggregates.
pub fn rows(query: &Query) -> Expr {
    // rows of any width: their columns keep their names
    counted(query).unwrap_or_else(|| scalar(query, call("count", vec![number(1)]), &[]))
}

/// How many of its values are not NULL.
pub fn known(query: &Query) -> Expr {
    let counted = || scalar(query, call("count", vec![build::qualified(ROWS, ONE)]), &[ONE.into()]);
    inside(query, "count").unwrap_or_else(counted)
}

/// How many of its values are equal to one outside.
///
/// A name that means a column of the query's own inside it, or could, is kept outside: the rows
/// get a name then, as they do where what they hold is no plain column.
pub fn equal(query: &Query, value: &Expr) -> Expr {
    equal_inside(query, value).unwrap_or_else(|| {
        let rows = derived(query.clone(), ROWS, &[ONE.to_owned()]);
        let same = binary(build::qualified(ROWS, ONE), BinaryOperator::Eq, value.clone());
        let count = vec![build::item(call("count", vec![number(1)]), "equal")];
        let select = build::select(count, vec![alone(rows)], Some(same));
        Expr::Subquery(Box::new(build::query(None, SetExpr::Select(Box::new(select)))))
    })
}

fn equal_inside(query: &Query, value: &Expr) -> Option<Expr> {
    if captured(query, value) {
        return None;
    }
    let inner = column_of(query)?;
    let Expr::Subquery(mut counted) = counted(query)? else { return None };
    if let SetExpr::Select(select) = counted.body.as_mut() {
        let same = build::nested(binary(inner, BinaryOperator::Eq, value.clone()));
        narrow(select, same);
    }
    Some(Expr::Subquery(counted))
}

/// Leaves the rows for which a condition is true, too.
fn narrow(select: &mut Select, condition: Expr) {
    select.selection = Some(match select.selection.take() {
        Some(filter) => binary(build::nested(filter), BinaryOperator::And, condition),
        None => condition,
    });
}

/// True where a name in the value could be a column of the query's FROM: one without a table, one
/// of a table that stands there, and any beside a relation without a name.
fn captured(query: &Query, value: &Expr) -> bool {
    struct Find(Option<Vec<String>>);
    impl Visitor for Find {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            let caught = match expr {
                Expr::Identifier(_) => true,
                Expr::CompoundIdentifier(parts) => {
                    let table = parts.iter().rev().nth(1).map(|part| &part.value);
                    let within = |own: &Vec<String>| table.is_none_or(|t| own.contains(t));
                    self.0.as_ref().is_none_or(within)
                }
                _ => false,
            };
            if caught { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }
    value.visit(&mut Find(relations(query))).is_break()
}

/// What the relations of a query's FROM are called; `None` where one has no name.
fn relations(query: &Query) -> Option<Vec<String>> {
    let SetExpr::Select(select) = query.body.as_ref() else { return None };
    let mut names = Vec::new();
    for tree in &select.from {
        names.push(called(&tree.relation)?);
        for join in &tree.joins {
            names.push(called(&join.relation)?);
        }
    }
    Some(names)
}

/// The values a query selects, if its text names each.
fn values_of(query: &Query) -> Option<Vec<Expr>> {
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
fn is_plain(query: &Query) -> bool {
    let SetExpr::Select(select) = query.body.as_ref() else { return false };
    query.with.is_none()
        && query.limit_clause.is_none()
        && query.fetch.is_none()
        && select.top.is_none()
        && select.distinct.is_none()
        && select.having.is_none()
        && select.qualify.is_none()
        && select.into.is_none()
        && matches!(&select.group_by, GroupByExpr::Expressions(keys, _) if keys.is_empty())
}

/// `(SELECT value FROM (query) AS rows (columns))`.
fn scalar(query: &Query, value: Expr, columns: &[String]) -> Expr {
    let rows = derived(query.clone(), ROWS, columns);
    let select = build::select(vec![build::item(value, ONE)], vec![alone(rows)], None);
    Expr::Subquery(Box::new(build::query(None, SetExpr::Select(Box::new(select)))))
}
