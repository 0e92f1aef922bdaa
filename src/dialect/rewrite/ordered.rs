//! What ORDER BY and the sets of GROUP BY mean by the select list, where DataFusion 55.2 takes it
//! otherwise: a key that is an expression of the list, a name in a key that is a column and
//! an alias, a position in ROLLUP, CUBE and GROUPING SETS. It changes no other key.
//!
//! Source: r_ORDER_BY_clause, r_GROUP_BY_clause; PostgreSQL 8.0, where a name that is all of a key means
//! the select list first and a name inside one means FROM alone.

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, OrderByExpr,
    OrderByKind, Query, Select, SelectItem, SetExpr, Value,
};

use super::calls::name_of;
use super::names::{self, MARK};
use crate::dialect::build;
use crate::dialect::lex::NESTED_SETS;
use crate::dialect::own;

/// Rewrites the ORDER BY of a query of one SELECT; `outermost` where no other query names its columns.
pub fn query(query: &mut Query, outermost: bool) {
    let Query { body, order_by, .. } = query;
    let (SetExpr::Select(select), Some(order)) = (body.as_mut(), order_by) else { return };
    let OrderByKind::Expressions(keys) = &mut order.kind else { return };
    for key in &mut *keys {
        while let Expr::Nested(inner) = &mut key.expr
            && matches!(inner.as_ref(), Expr::Identifier(_) | Expr::Nested(_))
        {
            key.expr = build::take(inner);
        }
        if !matches!(key.expr, Expr::Identifier(_) | Expr::Value(_))
            && let Some(position) = position_of(select, &key.expr)
        {
            key.expr = build::number(position);
        }
    }
    // which column of `*` has another name cannot be told
    if !outermost && outputs(select).is_none() {
        return;
    }
    if hide(select, keys) && !outermost {
        names::select(select);
        if let Some(outputs) = outputs(select) {
            wrap(query, &outputs);
        }
    }
}

/// A query that stands in an expression: nobody names its columns.
pub fn expression(expr: &mut Expr) {
    if let Expr::Subquery(inner)
    | Expr::Exists { subquery: inner, .. }
    | Expr::InSubquery { subquery: inner, .. } = expr
    {
        query(inner, true);
    }
}

/// The names of the columns, if the text tells each.
fn outputs(select: &Select) -> Option<Vec<String>> {
    let name = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(Expr::Identifier(name))
        | SelectItem::ExprWithAlias { alias: name, .. } => Some(name.value.clone()),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => {
            parts.last().map(|name| name.value.clone())
        }
        // it is given one by `names`
        SelectItem::UnnamedExpr(_) => Some(String::new()),
        _ => None,
    };
    select.projection.iter().map(name).collect()
}

/// A query around one whose columns have other names than they should.
fn wrap(query: &mut Query, names: &[String]) {
    const ORDERED: &str = "__landfall_ordered";
    let with = query.with.take();
    let empty = build::select_query(None, build::select(Vec::new(), Vec::new(), None));
    let inner = std::mem::replace(query, empty);
    let item = |name: &String| {
        let shown = hidden(name).unwrap_or(name);
        build::item(build::qualified(ORDERED, name), shown)
    };
    let from = vec![build::alone(build::derived(inner, ORDERED, &[]))];
    let select = build::select(names.iter().map(item).collect(), from, None);
    *query = build::select_query(with, select);
}

/// Stands behind the mark in the name of an alias that a key does not mean.
const OWN: &str = "own";

/// The alias that is hidden behind a name.
pub fn hidden(name: &str) -> Option<&str> {
    name.strip_suffix(OWN)?.strip_suffix(MARK)
}

/// Where an expression stands in the select list, from 1.
fn position_of(select: &Select, key: &Expr) -> Option<i64> {
    let mut position = 0;
    for item in &select.projection {
        position += 1;
        match item {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
                if expr == key {
                    return Some(position);
                }
            }
            // as many columns as its tables have
            _ => return None,
        }
    }
    None
}

/// Gives an alias that could be the name of a column of FROM, too, another that reads the same, where a
/// key names the column: inside an expression, or with its table. True where there was one.
///
/// Where FROM has no such column `lateral` takes it back, once the planner has said so.
fn hide(select: &mut Select, keys: &mut [OrderByExpr]) -> bool {
    let mut found = false;
    for item in &mut select.projection {
        let SelectItem::ExprWithAlias { expr, alias } = item else { continue };
        if matches!(expr, Expr::Identifier(own) if own.value == alias.value) {
            continue;
        }
        let name = alias.value.clone();
        let named = |key: &OrderByExpr| match &key.expr {
            Expr::Identifier(_) => false,
            key => own::holds(key, |part| is_column(part, &name)),
        };
        if !keys.iter().any(named) {
            continue;
        }
        let own = build::ident(&format!("{name}{MARK}{OWN}"));
        for key in &mut *keys {
            if matches!(&key.expr, Expr::Identifier(own) if own.value == name) {
                key.expr = Expr::Identifier(own.clone());
            }
        }
        *alias = own;
        found = true;
    }
    found
}

fn is_column(expr: &Expr, name: &str) -> bool {
    match expr {
        Expr::Identifier(own) => own.value == name,
        Expr::CompoundIdentifier(parts) => parts.last().is_some_and(|own| own.value == name),
        _ => false,
    }
}

/// Puts expressions of the select list in the place of their positions in ROLLUP, CUBE and
/// GROUPING SETS.
pub fn sets(select: &mut Select) {
    let Select { projection, group_by, .. } = select;
    let GroupByExpr::Expressions(keys, _) = group_by else { return };
    for key in &mut *keys {
        spelled_out(key);
        flatten(key);
    }
    let positions = keys.iter_mut().filter_map(|key| match key {
        Expr::Rollup(sets) | Expr::Cube(sets) | Expr::GroupingSets(sets) => Some(sets),
        _ => None,
    });
    for key in positions.flatten().flatten() {
        let Expr::Value(value) = &*key else { continue };
        let Value::Number(digits, _) = &value.value else { continue };
        let at = digits.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
        if let Some(SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) =
            at.and_then(|at| projection.get(at))
        {
            *key = expr.clone();
        }
    }
}

/// ROLLUP and CUBE of keys in parentheses, which come and go together, as the GROUPING SETS they mean;
/// the planner takes single keys alone.
fn spelled_out(key: &mut Expr) {
    let (Expr::Rollup(keys) | Expr::Cube(keys)) = &*key else { return };
    if keys.iter().any(|keys| keys.len() != 1) {
        spelled(key);
    }
}

/// ROLLUP and CUBE as GROUPING SETS.
fn spelled(key: &mut Expr) {
    let sets = match &*key {
        Expr::Rollup(keys) => (0..=keys.len())
            .rev()
            .map(|n| keys.iter().take(n).flatten().cloned().collect())
            .collect(),
        // more would be refused for their number
        Expr::Cube(keys) if keys.len() < 16 => {
            let chosen = |sets: u32| {
                let of = move |(at, set)| (sets >> at & 1 == 1).then_some(set);
                keys.iter().rev().enumerate().filter_map(of).rev().flatten().cloned().collect()
            };
            (0..1_u32 << keys.len()).rev().map(chosen).collect()
        }
        _ => return,
    };
    *key = Expr::GroupingSets(sets);
}

/// ROLLUP, CUBE and GROUPING SETS inside GROUPING SETS, which the parser takes for calls, as the sets
/// they mean.
fn flatten(key: &mut Expr) {
    let Expr::GroupingSets(sets) = key else { return };
    let own = std::mem::take(sets);
    sets.extend(own.into_iter().flat_map(|set| match set.as_slice() {
        [Expr::Function(call)] => nested(call).unwrap_or_else(|| vec![set]),
        _ => vec![set],
    }));
}

fn nested(call: &Function) -> Option<Vec<Vec<Expr>>> {
    let FunctionArguments::List(list) = &call.args else { return None };
    let keys = list.args.iter().map(|arg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Tuple(keys))) => Some(keys.clone()),
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Nested(key))) => {
            Some(vec![(**key).clone()])
        }
        FunctionArg::Unnamed(FunctionArgExpr::Expr(key)) => Some(vec![key.clone()]),
        _ => None,
    });
    let keys = keys.collect::<Option<Vec<_>>>()?;
    let mut sets = match name_of(call) {
        "rollup" => Expr::Rollup(keys),
        "cube" => Expr::Cube(keys),
        NESTED_SETS => Expr::GroupingSets(keys),
        _ => return None,
    };
    spelled(&mut sets);
    flatten(&mut sets);
    match sets {
        Expr::GroupingSets(sets) => Some(sets),
        _ => None,
    }
}
