//! What Redshift runs and Landfall cannot run faithfully. It approximates nothing.

use datafusion::sql::sqlparser::ast::{
    self, Expr, GroupByExpr, SelectItem, WildcardAdditionalOptions,
};

use super::list::missing;
use super::scope::Scope;
use super::{Find, Rule};
use crate::dialect::own;
use crate::dialect::rewrite::is_aggregate;
use crate::dialect::tables::factors;

pub(super) static RULES: &[Rule] = &[
    missing(
        "RS540",
        "EXCLUDE behind several stars is not supported locally",
        "r_EXCLUDE_list",
        "name the columns, or exclude from one star over a subquery",
        Find::Select(|s| {
            let stars: Vec<_> = s.projection.iter().filter_map(star).collect();
            stars.len() > 1
                && (s.exclude.is_some() || stars.iter().any(|star| star.opt_exclude.is_some()))
        }),
    )
    .told(
        "It takes the column off each of them, and not each has it.",
        "select t.*, u.* exclude (a) from t join u on t.a = u.a",
        "select t.b, u.c from t join u on t.a = u.a",
    ),
    missing(
        "RS539",
        "GROUP BY ALL beside a window function without an aggregate is not supported locally",
        "r_GROUP_BY_clause",
        "name the columns in GROUP BY, or compute the window in a subquery",
        Find::Select(|s| {
            let windowed = |item: &SelectItem| {
                own::calls(item, |f| f.over.is_some()) && !own::calls(item, is_aggregate)
            };
            matches!(s.group_by, GroupByExpr::All(_)) && s.projection.iter().any(windowed)
        }),
    )
    .told(
        "The manual does not say whether such a column is one to group by.",
        "select code, count(*) over () from sales group by all",
        "select code, count(*) over () from sales group by code",
    ),
    missing(
        "RS501",
        "CONNECT BY over several relations is not supported locally",
        "r_CONNECT_BY_clause",
        "join them in a subquery of FROM, or write WITH RECURSIVE",
        Find::Select(|s| {
            !s.connect_by.is_empty()
                && (s.from.len() > 1 || s.from.iter().any(|f| !f.joins.is_empty()))
        }),
    )
    .told(
        "Redshift joins first. A subquery says the same, and both engines run that.",
        "select t.code from t, u where t.a = u.a start with t.parent is null \
         connect by t.parent = prior t.code",
        "select j.code from (select t.code, t.parent from t, u where t.a = u.a) as j \
         start with j.parent is null connect by j.parent = prior j.code",
    ),
    missing(
        "RS503",
        "navigation into SUPER values is not supported locally",
        "query-super",
        "use the JSON functions on text",
        Find::Expr(|e| matches!(e, Expr::CompoundFieldAccess { .. } | Expr::JsonAccess { .. })),
    )
    .told(
        "Redshift walks through SUPER by dots and brackets. The local engine keeps JSON as text.",
        "select a.b[0].c from t",
        "select json_extract_path_text(json_extract_array_element_text(b, 0), 'c') from t",
    ),
    missing(
        "RS505",
        "AT, the position in an array, is not supported locally",
        "query-super",
        "keep the elements as rows of a table, with their position as a column",
        Find::Word(&["at"]),
    )
    .told(
        "FROM t, t.items AS i AT n makes a row of each element of an array in a SUPER column.",
        "select v, n from t, t.items as v at n",
        "select v, n from items",
    ),
    missing(
        "RS506",
        "UNPIVOT of an object is not supported locally",
        "query-super",
        "keep the attributes as rows of a table",
        Find::Word(&["unpivot"]),
    )
    .told(
        "It makes a row of each attribute of an object in a SUPER column.",
        "select k, v from t, unpivot t.prices as v at k",
        "select k, v from (select a, b from t) unpivot (v for k in (a, b))",
    ),
    missing(
        "RS507",
        "ORDER SIBLINGS BY is not supported locally",
        "r_CONNECT_BY_clause",
        "write WITH RECURSIVE, with the path of each row as a column to order by",
        Find::Word(&["siblings"]),
    )
    .told(
        "It orders the rows of CONNECT BY below their parent.",
        "select code from t connect by parent = prior code order siblings by code",
        "with recursive c (code) as (select code from t where parent is null union all \
         select t.code from t join c on t.parent = c.code) select code from c order by code",
    ),
    missing(
        "RS508",
        "arrays of a SUPER column in FROM are not supported locally",
        "query-super",
        "keep the elements as rows of a table",
        Find::Select(unnests),
    )
    .told(
        "FROM t, t.items AS i makes a row of each element of an array in a SUPER column.",
        "select v from t, t.items as v",
        "select v from items as v",
    ),
    missing(
        "RS509",
        "navigation into SUPER values by dots is not supported locally",
        "query-super",
        "use the JSON functions on text",
        Find::Typed(navigates),
    )
    .told(
        "Behind the name of a relation and that of a column, a dot leads into the value.",
        "select s.items.price from t as s",
        "select json_extract_path_text(s.items, 'price') from t as s",
    ),
    missing(
        "RS510",
        "a parameter has no value here",
        "r_PREPARE",
        "write the value itself",
        Find::Expr(|e| {
            matches!(e, Expr::Value(value) if matches!(value.value, ast::Value::Placeholder(_)))
        }),
    )
    .told(
        "Values for $1, ? and :name come from a client or from EXECUTE.",
        "select code from sales where amount > $1",
        "select code from sales where amount > 10",
    ),
];

/// A relation of FROM that is named through one that stands before it.
fn unnests(select: &ast::Select) -> bool {
    let mut before: Vec<&str> = Vec::new();
    for factor in factors(&select.from) {
        let (name, alias) = match factor {
            ast::TableFactor::Table { name, alias, .. } => (Some(name), alias),
            ast::TableFactor::Derived { alias, .. } => (None, alias),
            _ => continue,
        };
        let parts: Vec<&str> = name
            .iter()
            .flat_map(|n| &n.0)
            .filter_map(|part| part.as_ident().map(|i| i.value.as_str()))
            .collect();
        if parts.len() > 1 && parts.first().is_some_and(|first| before.contains(first)) {
            return true;
        }
        before.extend(alias.as_ref().map(|a| a.name.value.as_str()).or(parts.last().copied()));
    }
    false
}

fn star(item: &SelectItem) -> Option<&WildcardAdditionalOptions> {
    match item {
        SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options) => Some(options),
        _ => None,
    }
}

/// `relation.column.attribute`, which is not `schema.relation.column`.
fn navigates(expr: &Expr, scope: &Scope<'_>) -> bool {
    let Expr::CompoundIdentifier(parts) = expr else { return false };
    let is = |at: usize| parts.get(at).is_some_and(|part| scope.has_relation(&part.value));
    parts.len() > 2 && is(0) && !is(1)
}
