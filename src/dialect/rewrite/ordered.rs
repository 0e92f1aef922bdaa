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
use super::names::MARK;
use super::tested::is_aggregate;
use crate::dialect::build;
use crate::dialect::lex::NESTED_SETS;
use crate::dialect::own;

/// Rewrites the ORDER BY of a query of one SELECT; `outermost` where no other query reads it.
pub fn query(query: &mut Query, outermost: bool) {
    let Query { body, order_by, .. } = query;
    let (SetExpr::Select(select), Some(order)) = (body.as_mut(), order_by) else { return };
    let OrderByKind::Expressions(keys) = &mut order.kind else { return };
    for key in &mut *keys {
        if !matches!(key.expr, Expr::Identifier(_) | Expr::Value(_))
            && let Some(position) = position_of(select, &key.expr)
        {
            key.expr = build::number(position);
        }
    }
    if outermost {
        hide(select, keys);
    }
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

/// Gives an alias that is the name of a column of FROM, too, another that reads the same, where a key
/// names the column: inside an expression, or with its table.
fn hide(select: &mut Select, keys: &mut [OrderByExpr]) {
    for item in &mut select.projection {
        let SelectItem::ExprWithAlias { expr, alias } = item else { continue };
        if matches!(expr, Expr::Identifier(_)) {
            continue;
        }
        let name = alias.value.clone();
        // `-a AS a` shows that there is such a column
        let shown = own::holds(&*expr, |part| is_column(part, &name));
        let named = |key: &OrderByExpr| match &key.expr {
            Expr::Identifier(_) => false,
            key => {
                // an alias of an aggregate is no argument of another
                let shown = shown || own::calls(key, is_aggregate);
                own::holds(key, |part| match part {
                    Expr::CompoundIdentifier(_) => is_column(part, &name),
                    part => shown && is_column(part, &name),
                })
            }
        };
        if !keys.iter().any(named) {
            continue;
        }
        let hidden = build::ident(&format!("{name}{MARK}own"));
        for key in &mut *keys {
            if matches!(&key.expr, Expr::Identifier(own) if own.value == name) {
                key.expr = Expr::Identifier(hidden.clone());
            }
        }
        *alias = hidden;
    }
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
