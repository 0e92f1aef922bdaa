//! UPDATE ... FROM: whether the target stands in FROM, and whether its rows may be matched twice.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Distinct, Expr, JoinConstraint, JoinOperator, Query, Spanned, TableFactor, With,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::find::{ctes_of, function_name};
use super::known::Known;
use super::scope::{Scope, Source, column_name, plain, select_of, table_name};
use crate::dialect::command::{Command, ObjectRef, Update};
use crate::dialect::own;
use crate::dialect::tables::factors;

/// True where a relation of an UPDATE is its target.
fn is_target(factor: &TableFactor, update: &Update, with: Option<&With>) -> bool {
    let hides = |name: &ObjectRef| {
        name.schema.is_none()
            && with.is_some_and(|w| w.cte_tables.iter().any(|c| c.alias.name.value == name.table))
    };
    table_name(factor).is_some_and(|name| name == update.target && !hides(&name))
}

/// Where the target of an UPDATE stands in its FROM.
pub fn target_in_from(command: &Command, _: &Known) -> Vec<Span> {
    let Command::Update(update) = command else { return Vec::new() };
    factors(&update.from)
        .filter(|factor| is_target(factor, update, update.with.as_ref()))
        .map(Spanned::span)
        .collect()
}

/// The relation of an UPDATE that may match a row of the target more than once.
///
/// It is told where FROM is one relation beside the target and its words or its declared keys say
/// that nothing keeps it to one row; of joins and of tables without keys nothing is said.
pub fn may_match_twice(command: &Command, known: &Known) -> Vec<Span> {
    let Command::Update(update) = command else { return Vec::new() };
    let others: Vec<&TableFactor> = factors(&update.from)
        .filter(|factor| !is_target(factor, update, update.with.as_ref()))
        .collect();
    let [source] = others.as_slice() else { return Vec::new() };
    let scope = Scope::new(known, ctes_of(command));
    let Some((called, relation)) = scope.source(source) else { return Vec::new() };
    let compared = compared_columns(update, &called);
    match unique(&scope, relation, &compared, 0) {
        Some(false) => vec![source.span()],
        _ => Vec::new(),
    }
}

/// The columns of a relation that the conditions set equal to something.
fn compared_columns<'a>(update: &'a Update, called: &str) -> Vec<&'a str> {
    let mut columns = Vec::new();
    let ons = update.from.iter().flat_map(|t| &t.joins).filter_map(|j| match &j.join_operator {
        JoinOperator::Join(JoinConstraint::On(on))
        | JoinOperator::Inner(JoinConstraint::On(on)) => Some(on),
        _ => None,
    });
    for condition in update.filter.iter().chain(ons) {
        equalities(condition, called, &mut columns);
    }
    columns
}

fn equalities<'a>(condition: &'a Expr, called: &str, columns: &mut Vec<&'a str>) {
    match condition {
        Expr::Nested(inner) => equalities(inner, called, columns),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            equalities(left, called, columns);
            equalities(right, called, columns);
        }
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => {
            for side in [left, right] {
                let own = match plain(side) {
                    Expr::CompoundIdentifier(parts) => {
                        parts.len() > 1 && parts[parts.len() - 2].value == called
                    }
                    // whose it is, the name alone does not say
                    Expr::Identifier(_) => true,
                    _ => false,
                };
                columns.extend(column_name(side).filter(|_| own));
            }
        }
        _ => {}
    }
}

/// Whether a relation has at most one row for each value of some columns; `None` where it cannot
/// be told.
fn unique(scope: &Scope<'_>, source: Source<'_>, columns: &[&str], depth: usize) -> Option<bool> {
    if depth > 8 {
        return None;
    }
    match source {
        Source::Table(factor) => {
            let table = scope.table(&table_name(factor)?)?;
            let covered =
                |key: &Vec<String>| key.iter().all(|column| columns.contains(&column.as_str()));
            match table.unique.as_slice() {
                [] => None,
                keys => Some(keys.iter().any(covered)),
            }
        }
        Source::Query(query) => unique_query(scope, query, columns, depth),
    }
}

fn unique_query(scope: &Scope<'_>, query: &Query, columns: &[&str], depth: usize) -> Option<bool> {
    let select = select_of(query)?;
    let distinct = matches!(select.distinct, Some(Distinct::Distinct | Distinct::On(_)));
    let limited = query.limit_clause.is_some() || select.top.is_some();
    let ranked = select.qualify.is_some() || select.selection.as_ref().is_some_and(is_rank_filter);
    if own::is_grouped(select) || distinct || limited || ranked || is_aggregate(select) {
        return Some(true);
    }
    let [from] = select.from.as_slice() else { return None };
    if !from.joins.is_empty() {
        return None;
    }
    let scope = scope.of_select(select);
    let (_, source) = scope.source(&from.relation)?;
    // names that a query gives its columns anew are not followed
    unique(&scope, source, columns, depth + 1).or(match source {
        Source::Table(_) => Some(false),
        Source::Query(_) => None,
    })
}

/// `... = 1` of some column, as what ROW_NUMBER() gives is filtered.
fn is_rank_filter(condition: &Expr) -> bool {
    match condition {
        Expr::Nested(inner) => is_rank_filter(inner),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            is_rank_filter(left) || is_rank_filter(right)
        }
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => {
            column_name(left).is_some()
                && matches!(plain(right), Expr::Value(v) if v.to_string() == "1")
        }
        _ => false,
    }
}

/// A query of aggregates without GROUP BY has one row.
fn is_aggregate(select: &datafusion::sql::sqlparser::ast::Select) -> bool {
    use datafusion::sql::sqlparser::ast::SelectItem;
    let aggregate = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(e) | SelectItem::ExprWithAlias { expr: e, .. } => {
            matches!(plain(e), Expr::Function(f) if f.over.is_none()
                && ["count", "sum", "min", "max", "avg"].contains(&function_name(f)))
        }
        _ => false,
    };
    !select.projection.is_empty() && select.projection.iter().all(aggregate)
}
