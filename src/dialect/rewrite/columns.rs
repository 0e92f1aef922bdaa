//! Names for the first columns of a query, in WITH and in FROM, where it has more: the rest keep their
//! own. `t.*` of a table that is written with its schema. It sees names and no tables, so a query of
//! SELECT * keeps the list as it is.
//!
//! Source: r_WITH_clause (the number of column names is equal to or less than that of the columns),
//! r_SELECT_list.

use datafusion::sql::sqlparser::ast::{
    ObjectName, ObjectNamePart, Query, Select, SelectItem, SelectItemQualifiedWildcardKind as Kind,
    SetExpr, TableAlias, TableFactor,
};

use crate::dialect::tables::factors;

/// The column lists of the WITH clause of a query; a recursive one names all its columns.
pub fn query(query: &mut Query) {
    let Some(with) = query.with.as_mut().filter(|with| !with.recursive) else { return };
    for cte in &mut with.cte_tables {
        named(&mut cte.query, &mut cte.alias);
    }
}

pub fn factor(factor: &mut TableFactor) {
    if let TableFactor::Derived { subquery, alias: Some(alias), .. } = factor {
        named(subquery, alias);
    }
}

/// `t.*` where FROM has `s.t`, which the planner knows by both names alone.
pub fn stars(select: &mut Select) {
    let Select { projection, from, .. } = select;
    for item in projection {
        let SelectItem::QualifiedWildcard(Kind::ObjectName(name), _) = item else { continue };
        let [ObjectNamePart::Identifier(own)] = name.0.as_slice() else { continue };
        let mut full = factors(from).filter_map(|factor| match factor {
            TableFactor::Table { name, alias: None, .. } => Some(name),
            _ => None,
        });
        let called = |full: &&ObjectName| {
            let last = full.0.last().and_then(ObjectNamePart::as_ident);
            full.0.len() > 1 && last.is_some_and(|last| last.value == own.value)
        };
        if let Some(full) = full.find(called) {
            *name = full.clone();
        }
    }
}

/// Moves the names of a list that is too short to the columns themselves.
fn named(query: &mut Query, alias: &mut TableAlias) {
    let Some(items) = first_select(&mut query.body) else { return };
    let plain = |item: &SelectItem| {
        matches!(item, SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. })
    };
    let short = alias.columns.len() < items.len();
    if alias.columns.is_empty() || !short || !items.iter().all(plain) {
        return;
    }
    for (item, column) in items.iter_mut().zip(std::mem::take(&mut alias.columns)) {
        if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
            *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias: column.name };
        }
    }
}

fn first_select(body: &mut SetExpr) -> Option<&mut Vec<SelectItem>> {
    match body {
        SetExpr::Select(select) => Some(&mut select.projection),
        SetExpr::SetOperation { left, .. } => first_select(left),
        SetExpr::Query(query) => first_select(&mut query.body),
        _ => None,
    }
}
