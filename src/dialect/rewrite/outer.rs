//! `a.x = b.x(+)` in WHERE becomes LEFT JOIN ... ON. It sees names, not columns.
//!
//! Source: r_WHERE_clause, "Oracle-style outer joins": every condition that carries (+) on a table
//! belongs to the join of that table; the rest stays in WHERE.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Ident, Join, JoinConstraint, JoinOperator, Select, Spanned, TableFactor,
    TableWithJoins, Value, Visit, VisitMut, Visitor, VisitorMut,
};

use super::Located;
use crate::dialect::build::{self, binary};
use crate::dialect::own;
use crate::dialect::tables::called;
use crate::error::Error;

/// A condition with (+), the table it is on, and the other tables it names.
struct Marked {
    condition: Expr,
    table: String,
    others: Vec<String>,
}

pub fn select(select: &mut Select) -> Result<(), Located> {
    let mut marked = select.selection.as_ref().map(tables_marked).unwrap_or_default();
    if marked.is_empty() {
        return Ok(());
    }
    // a column without a table is one of the only table that is marked
    marked.retain(|table| !table.is_empty());
    let only = match marked.as_slice() {
        [table] => Some(table.clone()),
        _ => None,
    };
    let refused = |message: &str, select: &Select| -> Located {
        let error = Error::failed("sql/outer-join", message)
            .hint("write LEFT JOIN ... ON (r_WHERE_clause)");
        Box::new((error, select.span()))
    };
    let mut conditions = Vec::new();
    if let Some(filter) = select.selection.take() {
        split(filter, &mut conditions);
    }
    let mut joins: Vec<Marked> = Vec::new();
    let mut kept = Vec::new();
    for mut condition in conditions {
        if let Some(table) = &only {
            own::each(&mut condition, |expr| of_table(expr, table));
        }
        let tables = tables_marked(&condition);
        let table = match tables.as_slice() {
            [] => {
                kept.push(condition);
                continue;
            }
            [table] => table.clone(),
            _ => return Err(refused("(+) stands on two tables of one condition", select)),
        };
        if table.is_empty() {
            return Err(refused("a column with (+) has no table name", select));
        }
        let _ = VisitMut::visit(&mut condition, &mut Unmark);
        let mut others = tables_named(&condition);
        others.retain(|other| *other != table);
        joins.push(Marked { condition, table, others });
    }
    select.selection = kept.into_iter().reduce(|a, b| binary(a, BinaryOperator::And, b));
    match placed(std::mem::take(&mut select.from), joins) {
        Some(from) => select.from = from,
        None => return Err(refused("the tables joined by (+) cannot be put in an order", select)),
    }
    Ok(())
}

fn split(filter: Expr, into: &mut Vec<Expr>) {
    match filter {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            split(*left, into);
            split(*right, into);
        }
        Expr::Nested(inner) if matches!(*inner, Expr::BinaryOp { op: BinaryOperator::And, .. }) => {
            split(*inner, into);
        }
        other => into.push(other),
    }
}

/// The tables of FROM with those marked by (+) joined from the left, each after what it needs.
fn placed(from: Vec<TableWithJoins>, mut joins: Vec<Marked>) -> Option<Vec<TableWithJoins>> {
    let is_outer = |table: &TableWithJoins| {
        called(&table.relation).is_some_and(|name| joins.iter().any(|j| j.table == name))
    };
    let (mut outer, inner): (Vec<TableWithJoins>, Vec<TableWithJoins>) =
        from.into_iter().partition(is_outer);
    let mut inner = inner.into_iter();
    let mut all = inner.next()?;
    // One chain: a join can name only what stands in its own chain.
    for table in inner {
        all.joins.push(join(table.relation, JoinOperator::CrossJoin(JoinConstraint::None)));
        all.joins.extend(table.joins);
    }
    let mut waiting: Vec<String> = outer.iter().filter_map(|t| called(&t.relation)).collect();
    while !outer.is_empty() {
        let ready = outer.iter().position(|table| {
            called(&table.relation).is_some_and(|name| {
                joins
                    .iter()
                    .filter(|j| j.table == name)
                    .all(|j| !j.others.iter().any(|o| waiting.contains(o)))
            })
        })?;
        let table = outer.remove(ready);
        let name = called(&table.relation)?;
        waiting.retain(|w| *w != name);
        let (mine, rest): (Vec<Marked>, Vec<Marked>) =
            joins.into_iter().partition(|j| j.table == name);
        joins = rest;
        let on = mine
            .into_iter()
            .map(|j| j.condition)
            .reduce(|a, b| binary(a, BinaryOperator::And, b))
            .unwrap_or_else(|| Expr::value(Value::Boolean(true)));
        all.joins.push(join(table.relation, JoinOperator::LeftOuter(JoinConstraint::On(on))));
        all.joins.extend(table.joins);
    }
    joins.is_empty().then(|| vec![all])
}

fn join(relation: TableFactor, join_operator: JoinOperator) -> Join {
    Join { relation, global: false, join_operator }
}

/// The tables whose columns carry (+), each once, those of queries inside aside; empty text for a
/// column without one.
fn tables_marked(expr: &Expr) -> Vec<String> {
    let mut found = Vec::new();
    let _ = own::expressions(expr, |expr| {
        if let Expr::OuterJoin(inner) = expr {
            let table = qualifier(inner).unwrap_or_default();
            if !found.contains(&table) {
                found.push(table);
            }
        }
        ControlFlow::Continue(())
    });
    found
}

fn tables_named(expr: &Expr) -> Vec<String> {
    struct Find(Vec<String>);
    impl Visitor for Find {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            self.0.extend(qualifier(expr));
            ControlFlow::Continue(())
        }
    }
    let mut find = Find(Vec::new());
    let _ = expr.visit(&mut find);
    find.0
}

/// The table of `schema.table.column` or `table.column`.
fn qualifier(expr: &Expr) -> Option<String> {
    match expr {
        Expr::CompoundIdentifier(parts) => {
            parts.len().checked_sub(2).and_then(|at| parts.get(at)).map(|i| i.value.clone())
        }
        _ => None,
    }
}

/// Names the table of a marked column that has none.
fn of_table(expr: &mut Expr, table: &str) {
    if let Expr::OuterJoin(inner) = expr
        && let Expr::Identifier(column) = inner.as_ref()
    {
        let table = Ident { value: table.to_owned(), ..column.clone() };
        **inner = Expr::CompoundIdentifier(vec![table, column.clone()]);
    }
}

struct Unmark;

impl VisitorMut for Unmark {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::OuterJoin(inner) = expr {
            *expr = build::take(inner);
        }
        ControlFlow::Continue(())
    }
}
