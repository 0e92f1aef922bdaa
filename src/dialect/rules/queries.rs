//! What Redshift refuses of the shape of a query. It knows no expression.

use datafusion::sql::sqlparser::ast::{
    self, Expr, JoinConstraint, JoinOperator, Query, SelectItem, SetExpr, SetOperator,
    SetQuantifier, TableFactor,
};

use super::list::rule;
use super::{Find, Rule};
use crate::dialect::change;
use crate::dialect::command::Command;
use crate::dialect::own;
use crate::dialect::tables::tables_of_query;

pub(super) static RULES: &[Rule] = &[
    rule(
        "RS122",
        "sql/distinct-on",
        "DISTINCT ON does not exist on Redshift",
        "r_DISTINCT_examples",
        "write QUALIFY ROW_NUMBER() OVER (PARTITION BY ... ORDER BY ...) = 1",
        Find::Select(|s| matches!(s.distinct, Some(ast::Distinct::On(_)))),
    )
    .told(
        "DISTINCT speaks of whole rows only.",
        "select distinct on (code) code, amount from sales order by code, day",
        "select code, amount from sales as s \
         qualify row_number() over (partition by code order by day) = 1",
    ),
    rule(
        "RS123",
        "sql/values-table",
        "a VALUES list cannot be a table on Redshift",
        "c_unsupported-postgresql-features",
        "write SELECT 1, 'a' UNION ALL SELECT 2, 'b'",
        Find::Query(|q| matches!(q.body.as_ref(), SetExpr::Values(_))),
    )
    .told(
        "VALUES belongs to INSERT alone.",
        "select * from (values (1), (2)) as v",
        "select * from (select 1 as n union all select 2) as v",
    ),
    rule(
        "RS124",
        "sql/top-limit",
        "TOP and LIMIT stand in one query",
        "r_SELECT_list",
        "keep one of them",
        Find::Query(|q| {
            q.limit_clause.is_some()
                && matches!(q.body.as_ref(), SetExpr::Select(s) if s.top.is_some())
        }),
    )
    .told(
        "They are two spellings of one clause.",
        "select top 1 code from sales limit 2",
        "select top 1 code from sales",
    ),
    rule(
        "RS126",
        "sql/lateral",
        "LATERAL joins do not exist on Redshift",
        "c_unsupported-postgresql-features",
        "write a join of a grouped subquery, or a window function",
        Find::Factor(|f| {
            matches!(
                f,
                TableFactor::Derived { lateral: true, .. }
                    | TableFactor::Function { lateral: true, .. }
            )
        }),
    )
    .told(
        "A subquery in FROM sees no relation beside it. FROM t, t.array, which walks through a \
         SUPER value, is another thing.",
        "select d.code, l.amount from dim d, \
         lateral (select amount from sales s where s.code = d.code limit 1) as l",
        "select code, amount from sales as s \
         qualify row_number() over (partition by code order by day) = 1",
    ),
    rule(
        "RS127",
        "sql/recursive-columns",
        "a recursive WITH has no column list",
        "r_WITH_clause",
        "name the columns: WITH RECURSIVE c (a, b) AS (...)",
        Find::Query(|q| recursive_members(q).any(|cte| cte.alias.columns.is_empty())),
    )
    .told(
        "The columns are taken from nowhere else.",
        "with recursive c as (select 1 as n union all select n + 1 from c where n < 9) \
         select n from c",
        "with recursive c (n) as (select 1 union all select n + 1 from c where n < 9) \
         select n from c",
    ),
    rule(
        "RS128",
        "sql/recursive-union",
        "a recursive WITH unites its members by UNION instead of UNION ALL",
        "r_WITH_clause",
        "write UNION ALL",
        Find::Query(recursive_by_union),
    )
    .told(
        "Rows that come again are not left out on the way, so a circle in the data never ends: \
         count the steps and stop by WHERE.",
        "with recursive c (n) as (select 1 union select n + 1 from c where n < 9) select n from c",
        "with recursive c (n) as (select 1 union all select n + 1 from c where n < 9) \
         select n from c",
    ),
    rule(
        "RS129",
        "sql/for-update",
        "SELECT ... FOR UPDATE does not exist on Redshift",
        "r_SELECT_synopsis",
        "leave it out; writes of one table are serialized anyway",
        Find::Query(|q| !q.locks.is_empty()),
    )
    .told(
        "There are no row locks. LOCK takes a whole table.",
        "select code from sales for update",
        "select code from sales",
    ),
    rule(
        "RS130",
        "sql/table-sample",
        "TABLESAMPLE does not exist on Redshift",
        "r_FROM_clause30",
        "filter by RANDOM() < share",
        Find::Factor(|f| {
            matches!(
                f,
                TableFactor::Table { sample: Some(_), .. }
                    | TableFactor::Derived { sample: Some(_), .. }
            )
        }),
    )
    .told(
        "It is not in the grammar of FROM.",
        "select code from sales tablesample bernoulli (10)",
        "select code from sales where random() < 0.1",
    ),
    rule(
        "RS139",
        "sql/recursive-limit",
        "a recursive member has ORDER BY or LIMIT",
        "r_WITH_clause",
        "order and limit the query that reads the recursive one",
        Find::Query(|q| {
            recursive_members(q)
                .any(|c| c.query.order_by.is_some() || c.query.limit_clause.is_some())
        }),
    )
    .told(
        "The member runs step by step and has no order as a whole.",
        "with recursive c (n) as (select 1 union all select n + 1 from c where n < 9 limit 5) \
         select n from c",
        "with recursive c (n) as (select 1 union all select n + 1 from c where n < 9) \
         select n from c limit 5",
    ),
    rule(
        "RS140",
        "sql/order-by-text",
        "ORDER BY a text constant",
        "r_ORDER_BY_clause",
        "order by a column, an expression or a position",
        Find::Query(orders_by_text),
    )
    .told(
        "A name in single quotes is a text, the same for every row.",
        "select code from sales order by 'code'",
        "select code from sales order by code",
    ),
    rule(
        "RS161",
        "sql/qualify-alias",
        "QUALIFY stands directly after FROM, and the relation has no alias",
        "r_QUALIFY_clause",
        "give the relation an alias, as in FROM t AS t1 QUALIFY",
        Find::Select(qualify_without_alias),
    )
    .told(
        "Without an alias Redshift reads the word QUALIFY as the alias.",
        "select code from sales qualify row_number() over (partition by code order by day) = 1",
        "select code from sales as s qualify row_number() over (partition by code order by day) = 1",
    ),
    rule(
        "RS162",
        "sql/recursive-subquery",
        "WITH RECURSIVE stands inside a subquery",
        "r_WITH_clause",
        "put it at the head of the statement",
        Find::Subquery(|q| recursive_members(q).next().is_some()),
    )
    .told(
        "A recursive WITH belongs to the outermost query.",
        "select * from (with recursive c (n) as (select 1 union all select n + 1 from c \
         where n < 9) select n from c) as q",
        "with recursive c (n) as (select 1 union all select n + 1 from c where n < 9) \
         select n from c",
    ),
    rule(
        "RS165",
        "sql/full-join",
        "FULL JOIN is only supported with merge-joinable or hash-joinable join conditions",
        "r_FROM_clause30",
        "join by equality, and filter in a subquery before or in WHERE after",
        Find::Select(|s| {
            s.from.iter().flat_map(|t| &t.joins).any(|j| {
                matches!(&j.join_operator, JoinOperator::FullOuter(JoinConstraint::On(on))
                    if !change::is_equality(on))
            })
        }),
    )
    .told(
        "Rows without a partner on either side must come out, and neither a merge nor a hash join \
         can tell them when the condition is no equality.",
        "select a.code from dim a full join sales b on a.day < b.day",
        "select a.code from dim a full join sales b on a.code = b.code",
    ),
    rule(
        "RS166",
        "sql/boolean-is",
        "IS TRUE and IS FALSE stand in a select list",
        "r_Boolean_type",
        "write CASE WHEN flag THEN ... END, or compare in WHERE",
        Find::Select(|s| {
            s.projection.iter().any(|item| {
                matches!(item, SelectItem::UnnamedExpr(e) | SelectItem::ExprWithAlias { expr: e, .. }
                    if is_truth_test(e))
            })
        }),
    )
    .told(
        "The manual takes IS with a truth value as a predicate of WHERE only.",
        "select flag is true from t",
        "select case when flag then true else false end from t",
    ),
    rule(
        "RS181",
        "sql/fetch-first",
        "FETCH FIRST does not exist on Redshift",
        "r_SELECT_synopsis",
        "write LIMIT n",
        Find::Query(|q| q.fetch.is_some()),
    )
    .told(
        "FETCH belongs to cursors.",
        "select code from sales order by code fetch first 5 rows only",
        "select code from sales order by code limit 5",
    ),
    rule(
        "RS182",
        "sql/join-kind",
        "this kind of join does not exist on Redshift",
        "r_FROM_clause30",
        "write [INNER], LEFT, RIGHT or FULL [OUTER] JOIN, or EXISTS",
        Find::Join(is_foreign_join),
    )
    .told(
        "SEMI, ANTI, ASOF and APPLY are words of other engines.",
        "select a.code from dim a left semi join sales b on a.code = b.code",
        "select a.code from dim a where exists (select 1 from sales b where b.code = a.code)",
    ),
    rule(
        "RS318",
        "sql/join-condition",
        "a join has neither ON nor USING",
        "r_FROM_clause30",
        "say what is joined, or write CROSS JOIN for every pair",
        Find::Join(is_bare_join),
    )
    .told(
        "Only CROSS JOIN and NATURAL JOIN stand without a condition. Engines that take it for a \
         cross join answer with every pair of rows.",
        "select a.code from dim a join sales b",
        "select a.code from dim a join sales b on a.code = b.code",
    ),
    rule(
        "RS319",
        "sql/limit-range",
        "LIMIT is greater than 2147483647",
        "r_ORDER_BY_clause",
        "leave LIMIT out",
        Find::Query(limits_too_much),
    )
    .told(
        "The number of LIMIT is a positive integer of at most 2147483647.",
        "select code from sales order by code limit 2147483648",
        "select code from sales order by code limit 2147483647",
    ),
    rule(
        "RS320",
        "sql/union-by-name",
        "UNION BY NAME does not exist on Redshift",
        "r_UNION",
        "write the columns of each query in one order",
        Find::Query(|q| in_chain(&q.body, unites_by_name)),
    )
    .told(
        "The columns of a set operation are matched by their position.",
        "select code from sales union by name select code from dim",
        "select code from sales union select code from dim",
    ),
    rule(
        "RS184",
        "sql/set-all",
        "INTERSECT ALL and EXCEPT ALL do not exist on Redshift",
        "r_UNION",
        "leave ALL out; only UNION takes it",
        Find::Query(|q| in_chain(&q.body, keeps_duplicates)),
    )
    .told(
        "INTERSECT and EXCEPT always give each row once.",
        "select code from sales except all select code from dim",
        "select code from sales except select code from dim",
    ),
    rule(
        "RS185",
        "sql/top-kind",
        "TOP takes a number alone",
        "r_SELECT_list",
        "write TOP n",
        Find::Select(|s| s.top.as_ref().is_some_and(|t| t.percent || t.with_ties)),
    )
    .told(
        "PERCENT and WITH TIES are words of SQL Server.",
        "select top 10 percent code from sales order by code",
        "select top 10 code from sales order by code",
    ),
    rule(
        "RS186",
        "sql/correlated",
        "this type of correlated subquery pattern is not supported due to internal error",
        "r_correlated_subqueries",
        "join a grouped subquery instead",
        Find::Whole(super::correlated::unsupported),
    )
    .told(
        "Redshift turns subqueries into joins. It cannot where a reference skips a query block, \
         stands in a subquery of the ON of an outer join or in one with a window function, where \
         GROUP BY names the answer of a correlated subquery, or where IN takes an aggregate of a \
         grouped, correlated subquery.",
        "select d.code from dim d where not exists (select 1 from sales s where not exists \
         (select 1 from stage g where g.code = d.code))",
        "select d.code from dim d where not exists (select 1 from sales s where s.code = d.code)",
    ),
    rule(
        "RS167",
        "sql/unqualified",
        "a view WITH NO SCHEMA BINDING names a table without its schema",
        "r_CREATE_VIEW",
        "write schema.table",
        Find::Command(|c| {
            matches!(c, Command::CreateView(v) if v.no_schema_binding
                && tables_of_query(&v.query).iter().any(|t| t.schema.is_none()))
        }),
    )
    .told(
        "The view is read by sessions whose search path is another, so every table in it carries \
         its schema.",
        "create view pres.v as select code from sales with no schema binding",
        "create view pres.v as select code from store.sales with no schema binding",
    ),
];

fn recursive_by_union(query: &Query) -> bool {
    recursive_members(query).any(|cte| {
        matches!(cte.query.body.as_ref(), SetExpr::SetOperation { op: SetOperator::Union, set_quantifier, .. }
            if *set_quantifier != SetQuantifier::All)
    })
}

/// The members of a WITH RECURSIVE that read themselves.
fn recursive_members(query: &Query) -> impl Iterator<Item = &ast::Cte> {
    let with = query.with.as_ref().filter(|w| w.recursive);
    with.into_iter().flat_map(|w| &w.cte_tables).filter(|cte| {
        tables_of_query(&cte.query)
            .iter()
            .any(|t| t.schema.is_none() && t.table == cte.alias.name.value)
    })
}

fn orders_by_text(query: &Query) -> bool {
    let Some(order) = &query.order_by else { return false };
    let ast::OrderByKind::Expressions(keys) = &order.kind else { return false };
    keys.iter().any(|k| {
        matches!(&k.expr, Expr::Value(v) if matches!(v.value, ast::Value::SingleQuotedString(_)))
    })
}

fn qualify_without_alias(select: &ast::Select) -> bool {
    let grouped = own::is_grouped(select) || select.having.is_some();
    if select.qualify.is_none() || select.selection.is_some() || grouped {
        return false;
    }
    // the relation that stands right before the word
    let last = select.from.last().map(|t| match t.joins.last() {
        Some(join) => (&join.relation, true),
        None => (&t.relation, false),
    });
    matches!(last, Some((TableFactor::Table { alias: None, .. }, false)))
}

fn is_truth_test(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::IsTrue(_)
            | Expr::IsNotTrue(_)
            | Expr::IsFalse(_)
            | Expr::IsNotFalse(_)
            | Expr::IsUnknown(_)
            | Expr::IsNotUnknown(_)
    )
}

/// What a join is joined by; `None` for kinds without it, CROSS JOIN among them.
fn condition(join: &JoinOperator) -> Option<&JoinConstraint> {
    match join {
        JoinOperator::Join(by)
        | JoinOperator::Inner(by)
        | JoinOperator::Left(by)
        | JoinOperator::LeftOuter(by)
        | JoinOperator::Right(by)
        | JoinOperator::RightOuter(by)
        | JoinOperator::FullOuter(by) => Some(by),
        _ => None,
    }
}

fn is_foreign_join(join: &JoinOperator) -> bool {
    condition(join).is_none() && !matches!(join, JoinOperator::CrossJoin(_))
}

fn is_bare_join(join: &JoinOperator) -> bool {
    matches!(condition(join), Some(JoinConstraint::None))
}

fn limits_too_much(query: &Query) -> bool {
    let Some(ast::LimitClause::LimitOffset { limit: Some(Expr::Value(limit)), .. }) =
        &query.limit_clause
    else {
        return false;
    };
    let ast::Value::Number(digits, _) = &limit.value else { return false };
    digits.bytes().all(|digit| digit.is_ascii_digit()) && digits.parse::<i32>().is_err()
}

/// INTERSECT ALL or EXCEPT ALL.
fn keeps_duplicates(op: SetOperator, quantifier: SetQuantifier) -> bool {
    op != SetOperator::Union && quantifier == SetQuantifier::All
}

fn unites_by_name(_: SetOperator, quantifier: SetQuantifier) -> bool {
    use SetQuantifier as Q;
    matches!(quantifier, Q::ByName | Q::AllByName | Q::DistinctByName)
}

/// True for one of the operations of a chain of them.
fn in_chain(body: &SetExpr, such: fn(SetOperator, SetQuantifier) -> bool) -> bool {
    match body {
        SetExpr::SetOperation { op, set_quantifier, left, right } => {
            such(*op, *set_quantifier) || in_chain(left, such) || in_chain(right, such)
        }
        _ => false,
    }
}
