//! The columns of JOIN ... USING: named without a table they are one column, which holds the value
//! of the side that has one. It sees names, no tables, and leaves what is named with its table.
//!
//! Source: r_FROM_clause30 (a USING join retains one of each pair of joining columns). DataFusion
//! 55.2 takes the left column always, which is NULL where only the right side has a row, and finds
//! the name ambiguous in WHERE and in a further USING.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Ident, JoinConstraint, JoinOperator, ObjectName, OrderBy, OrderByKind,
    Query, Select, SelectItem, SetExpr, Spanned, TableFactor, TableWithJoins, VisitMut,
};

use super::Located;
use super::calls::{WITH_PART, args_mut, name_of};
use super::{untold, whole_rows};
use crate::dialect::build::{self, binary, call, qualified};
use crate::dialect::own;
use crate::dialect::tables::called;
use crate::error::Error;

/// Rewrites the SELECTs of a query, and the ORDER BY that stands after one.
pub fn query(query: &mut Query) -> Result<(), Located> {
    let Query { body, order_by, .. } = query;
    match body.as_mut() {
        SetExpr::Select(select) => self::select(select, order_by.as_mut()),
        SetExpr::SetOperation { left, right, .. } => body_of(left).and_then(|()| body_of(right)),
        _ => Ok(()),
    }
}

fn body_of(body: &mut SetExpr) -> Result<(), Located> {
    match body {
        SetExpr::Select(select) => self::select(select, None),
        SetExpr::SetOperation { left, right, .. } => body_of(left).and_then(|()| body_of(right)),
        _ => Ok(()),
    }
}

/// Columns of USING, each with the expression that is its value.
pub type Merged = Vec<(String, Expr)>;

fn select(select: &mut Select, order_by: Option<&mut OrderBy>) -> Result<(), Located> {
    let span = select.span();
    let refuse = |error: Error| Box::new((error, span));
    name_queries(&mut select.from);
    let merged = match whole_rows::written_out(select) {
        Some(merged) => merged,
        None => joins(select).map_err(refuse)?,
    };
    if merged.is_empty() {
        return Ok(());
    }
    let named: Vec<String> = select.projection.iter().filter_map(output).collect();
    for item in &mut select.projection {
        if let SelectItem::UnnamedExpr(Expr::Identifier(name)) = item
            && let Some(value) = value(&merged, &name.value)
        {
            *item = build::item(value.clone(), &name.value.clone());
            continue;
        }
        put(item, &merged);
    }
    put(&mut select.selection, &merged);
    put(&mut select.group_by, &merged);
    put(&mut select.having, &merged);
    put(&mut select.qualify, &merged);
    if let Some(OrderBy { kind: OrderByKind::Expressions(keys), .. }) = order_by {
        for key in keys {
            // a name of the select list is what ORDER BY means first
            let output = |name: &Ident| named.contains(&name.value);
            if !matches!(&key.expr, Expr::Identifier(name) if output(name)) {
                put(&mut key.expr, &merged);
            }
        }
    }
    Ok(())
}

/// Gives the queries of FROM without a name one, where columns are told by what they are of.
fn name_queries(from: &mut [TableWithJoins]) {
    let mut joins = from.iter_mut().flat_map(|tables| &mut tables.joins);
    if !joins.any(|join| {
        let by = constraint(&mut join.join_operator);
        matches!(by, Some(JoinConstraint::Using(_) | JoinConstraint::Natural))
    }) {
        return;
    }
    let factors = from.iter_mut().flat_map(|tables| {
        let joined = tables.joins.iter_mut().map(|join| &mut join.relation);
        std::iter::once(&mut tables.relation).chain(joined)
    });
    for (number, factor) in factors.enumerate() {
        if let TableFactor::Derived { alias: alias @ None, .. } = factor {
            *alias = Some(build::alias(&format!("__landfall_query_{number}")));
        }
    }
}

fn output(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::UnnamedExpr(Expr::Identifier(name))
        | SelectItem::ExprWithAlias { alias: name, .. } => Some(name.value.clone()),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => {
            parts.last().map(|name| name.value.clone())
        }
        _ => None,
    }
}

/// The columns that the joins of a SELECT merge.
fn joins(select: &mut Select) -> Result<Merged, Error> {
    let all = select.projection.iter().any(|item| matches!(item, SelectItem::Wildcard(_)));
    let trees = select.from.iter_mut().map(|tree| self::tree(tree, all));
    let trees = trees.collect::<Result<Vec<Merged>, Error>>()?;
    Ok(of_one_item(trees))
}

/// The columns that one item of FROM merges: what two of them merge is ambiguous without a table,
/// and stays as it is.
pub fn of_one_item(items: Vec<Merged>) -> Merged {
    let everywhere: Vec<String> = items.iter().flatten().map(|(name, _)| name.clone()).collect();
    let once = |name: &String| everywhere.iter().filter(|other| *other == name).count() == 1;
    items.into_iter().flatten().filter(|(name, _)| once(name)).collect()
}

/// The columns that the joins of one item of FROM merge. A further USING of one becomes ON.
fn tree(tree: &mut TableWithJoins, all: bool) -> Result<Merged, Error> {
    let mut merged = Merged::new();
    let mut left = vec![called(&tree.relation)];
    for join in &mut tree.joins {
        let right = called(&join.relation);
        let full = matches!(join.join_operator, JoinOperator::FullOuter(_));
        let outer = full
            || matches!(join.join_operator, JoinOperator::Right(_) | JoinOperator::RightOuter(_));
        let Some(constraint) = constraint(&mut join.join_operator) else {
            left.push(right);
            continue;
        };
        match constraint {
            JoinConstraint::On(on) => {
                put(on, &merged);
            }
            JoinConstraint::Natural if outer => return Err(natural()),
            JoinConstraint::Using(_) | JoinConstraint::Natural if all => return Err(everything()),
            JoinConstraint::Using(columns) => {
                let place = columns.first().map(|name| name.span().start.to_string());
                let columns = columns.iter().filter_map(simple).collect::<Vec<_>>();
                let again = columns.iter().any(|c| value(&merged, c).is_some());
                let mut sides = sides(&columns, &merged, &left, right.as_deref());
                untold::mark(&mut sides, &left, &place.unwrap_or_default());
                // the engine would take the left side, which need not have the row
                if outer && sides.iter().any(|(_, l, r)| r.is_none() || full && l.is_none()) {
                    return Err(nobodys());
                }
                if let (true, Some(on)) = (again, equal(&sides)) {
                    *constraint = JoinConstraint::On(on);
                }
                merge(&mut merged, sides, &join.join_operator);
            }
            _ => {}
        }
        left.push(right);
    }
    Ok(merged)
}

fn everything() -> Error {
    Error::failed(
        "sql/unsupported",
        "SELECT * over NATURAL JOIN, over JOIN ... USING a column of which it is not told whose it is, \
         and SELECT * EXCLUDE over USING are not supported locally",
    )
    .hint("name the columns that are wanted (r_FROM_clause30)")
}

fn nobodys() -> Error {
    Error::failed(
        "sql/unsupported",
        "RIGHT and FULL JOIN ... USING of a column that one of several relations has is not \
         supported locally",
    )
    .hint("write ON with the table before each column, and COALESCE of both in the select list")
}

fn natural() -> Error {
    Error::failed("sql/unsupported", "NATURAL RIGHT and FULL JOIN are not supported locally")
        .hint("write USING with the columns that both sides have (r_FROM_clause30)")
}

pub fn constraint(operator: &mut JoinOperator) -> Option<&mut JoinConstraint> {
    match operator {
        JoinOperator::Join(c)
        | JoinOperator::Inner(c)
        | JoinOperator::Left(c)
        | JoinOperator::LeftOuter(c)
        | JoinOperator::Right(c)
        | JoinOperator::RightOuter(c)
        | JoinOperator::FullOuter(c) => Some(c),
        _ => None,
    }
}

pub fn simple(name: &ObjectName) -> Option<String> {
    match name.0.as_slice() {
        [part] => part.as_ident().map(|i| i.value.clone()),
        _ => None,
    }
}

pub fn value<'m>(merged: &'m Merged, column: &str) -> Option<&'m Expr> {
    merged.iter().find(|(name, _)| name == column).map(|(_, value)| value)
}

/// Each column with its expressions on both sides, where they can be told.
pub fn sides(
    columns: &[String],
    merged: &Merged,
    left: &[Option<String>],
    right: Option<&str>,
) -> Vec<(String, Option<Expr>, Option<Expr>)> {
    let one = match left {
        [one] => one.as_deref(),
        // which of several relations has the column, no text tells
        _ => None,
    };
    columns
        .iter()
        .map(|column| {
            let there = value(merged, column).cloned();
            let left = there.or_else(|| one.map(|table| qualified(table, column)));
            (column.clone(), left, right.map(|table| qualified(table, column)))
        })
        .collect()
}

/// The condition that says what USING says.
pub fn equal(sides: &[(String, Option<Expr>, Option<Expr>)]) -> Option<Expr> {
    let pairs = sides
        .iter()
        .map(|(_, left, right)| Some(binary(left.clone()?, BinaryOperator::Eq, right.clone()?)));
    let pairs: Vec<Expr> = pairs.collect::<Option<_>>()?;
    pairs.into_iter().reduce(|a, b| binary(a, BinaryOperator::And, b))
}

pub fn merge(
    merged: &mut Merged,
    sides: Vec<(String, Option<Expr>, Option<Expr>)>,
    operator: &JoinOperator,
) {
    for (column, left, right) in sides {
        let value = match operator {
            JoinOperator::Left(_) | JoinOperator::LeftOuter(_) => left,
            JoinOperator::Right(_) | JoinOperator::RightOuter(_) => right,
            JoinOperator::FullOuter(_) => match (left, right) {
                (Some(left), Some(right)) => Some(call("coalesce", vec![left, right])),
                _ => None,
            },
            // equal on both sides, and known on the right
            _ if left.as_ref().is_some_and(untold::is_marked) => right.or(left),
            _ => left.or(right),
        };
        merged.retain(|(name, _)| *name != column);
        merged.extend(value.map(|value| (column, value)));
    }
}

/// Puts values in the place of names, but in queries inside, whose names may be their own.
pub fn put(tree: &mut impl VisitMut, merged: &Merged) {
    own::each(tree, |expr| match expr {
        // the name of a part of a date is no column
        Expr::Function(function) if WITH_PART.contains(&name_of(function)) => {
            if let Some(first) = args_mut(function).and_then(|args| args.into_iter().next())
                && let Expr::Identifier(part) = &*first
            {
                *first = build::text(&part.value.clone());
            }
        }
        Expr::Identifier(name) => {
            if let Some(value) = value(merged, &name.value) {
                *expr = value.clone();
            }
        }
        _ => {}
    });
}
