//! What Redshift refuses of (+), the mark of an outer join in WHERE. It makes no join of it.
//!
//! Source: r_WHERE_oracle_outer, the usage notes.

use std::collections::BTreeMap;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Query, Select, SetExpr, TableFactor, Visit,
};

use super::list::rule;
use super::{Find, Rule};
use crate::dialect::own;
use crate::dialect::tables::factors;

const PAGE: &str = "r_WHERE_oracle_outer";

pub(super) static RULES: &[Rule] = &[
    rule(
        "RS340",
        "sql/outer-join-or",
        "the outer join operator (+) is not allowed in an operand of OR or IN",
        PAGE,
        "write LEFT JOIN ... ON with the whole condition",
        Find::Select(|s| own::holds(&s.selection, |e| is_choice(e) && is_marked(e))),
    )
    .told(
        "Each condition with (+) is one comparison, joined to the others by AND.",
        "select * from a, b where a.k = b.k(+) or a.n = b.n",
        "select * from a left join b on a.k = b.k or a.n = b.n",
    ),
    rule(
        "RS341",
        "sql/outer-join-twice",
        "a table may be outer joined to at most one other table",
        PAGE,
        "write LEFT JOIN ... ON with both conditions",
        Find::Select(joined_twice),
    )
    .told(
        "All conditions with (+) on one table belong to its join with one other.",
        "select * from a, b, c where b.k(+) = a.k and b.n(+) = c.n",
        "select * from a cross join c left join b on b.k = a.k and b.n = c.n",
    ),
    rule(
        "RS342",
        "sql/outer-join-mixed",
        "(+) stands in a query whose FROM has JOIN",
        PAGE,
        "write LEFT JOIN ... ON in place of (+)",
        Find::Select(|s| {
            is_marked(&s.selection) && s.from.iter().any(|table| !table.joins.is_empty())
        }),
    )
    .told(
        "A query joins in FROM or by (+), not both.",
        "select * from a join c on a.k = c.k, b where a.k = b.k(+)",
        "select * from a join c on a.k = c.k left join b on a.k = b.k",
    ),
    rule(
        "RS343",
        "sql/outer-join-subquery",
        "(+) joins a subquery of FROM",
        PAGE,
        "write LEFT JOIN ... ON",
        Find::Select(joins_subquery),
    )
    .told(
        "Beside a table that results from an inner query the mark produces no outer join: the rows \
         without a partner are left out without a word.",
        "select * from a, (select k from b) as b where a.k = b.k(+)",
        "select * from a left join (select k from b) as b on a.k = b.k",
    ),
    rule(
        "RS344",
        "sql/outer-join-place",
        "(+) stands outside WHERE",
        PAGE,
        "leave it out, or write LEFT JOIN ... ON",
        Find::Query(marked_elsewhere),
    )
    .told(
        "It marks columns of tables in the conditions of WHERE alone; elsewhere it is ignored in \
         most cases.",
        "select a.k(+) from a",
        "select a.k from a",
    ),
];

fn is_marked(tree: &impl Visit) -> bool {
    own::holds(tree, |expr| matches!(expr, Expr::OuterJoin(_)))
}

fn is_choice(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::BinaryOp { op: BinaryOperator::Or, .. }
            | Expr::InList { .. }
            | Expr::InSubquery { .. }
    )
}

/// The tables of the columns of a condition: those with the mark, and all.
fn tables(condition: &Expr) -> (Vec<String>, Vec<String>) {
    let (mut marked, mut all) = (Vec::new(), Vec::new());
    let _ = own::expressions(condition, |expr| {
        match expr {
            Expr::OuterJoin(column) => marked.extend(table(column)),
            column => all.extend(table(column)),
        }
        std::ops::ControlFlow::Continue(())
    });
    (marked, all)
}

fn table(column: &Expr) -> Option<String> {
    let Expr::CompoundIdentifier(parts) = column else { return None };
    parts.iter().rev().nth(1).map(|part| part.value.clone())
}

/// The conditions of WHERE that carry the mark.
fn conditions(select: &Select) -> Vec<&Expr> {
    let mut waiting: Vec<&Expr> = select.selection.iter().collect();
    let mut conditions = Vec::new();
    while let Some(expr) = waiting.pop() {
        match expr {
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                waiting.extend([left.as_ref(), right.as_ref()]);
            }
            Expr::Nested(inner) => waiting.push(inner),
            expr if is_marked(expr) => conditions.push(expr),
            _ => {}
        }
    }
    conditions
}

fn joined_twice(select: &Select) -> bool {
    let mut partners: BTreeMap<String, String> = BTreeMap::new();
    for condition in conditions(select) {
        let (marked, all) = tables(condition);
        let Some(outer) = marked.first() else { continue };
        for other in all.into_iter().filter(|name| name != outer) {
            let known = partners.entry(outer.clone()).or_insert_with(|| other.clone());
            if *known != other {
                return true;
            }
        }
    }
    false
}

fn joins_subquery(select: &Select) -> bool {
    let derived: Vec<&str> = factors(&select.from)
        .filter_map(|factor| match factor {
            TableFactor::Derived { alias: Some(alias), .. } => Some(alias.name.value.as_str()),
            _ => None,
        })
        .collect();
    let names = |condition: &Expr| {
        let (_, all) = tables(condition);
        let two = all.iter().any(|name| Some(name) != all.first());
        two && all.iter().any(|name| derived.contains(&name.as_str()))
    };
    !derived.is_empty() && conditions(select).into_iter().any(names)
}

fn marked_elsewhere(query: &Query) -> bool {
    is_marked(&query.order_by) || in_body(&query.body)
}

fn in_body(body: &SetExpr) -> bool {
    match body {
        SetExpr::Select(select) => {
            is_marked(&select.projection)
                || is_marked(&select.from)
                || is_marked(&select.group_by)
                || is_marked(&select.having)
                || is_marked(&select.qualify)
        }
        SetExpr::SetOperation { left, right, .. } => in_body(left) || in_body(right),
        _ => false,
    }
}
