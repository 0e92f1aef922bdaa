//! What Redshift refuses of set operations, of the places and frames of windows, of PIVOT and of
//! EXCLUDE. It looks at one statement and knows no table.

use datafusion::sql::sqlparser::ast::{
    ExcludeSelectItem, Expr, Function, ObjectName, Select, SelectItem, SetExpr, TableFactor,
    WindowFrame, WindowFrameBound,
};

use super::find::function_name;
use super::list::rule;
use super::windows::spec;
use super::{Find, Rule};
use crate::dialect::own::calls;

pub(super) static RULES: &[Rule] = &[
    rule(
        "RS267",
        "sql/set-operand-limit",
        "LIMIT stands within the input of a set operation",
        "r_UNION",
        "put LIMIT after the last query, or the query with it into a subquery of FROM",
        Find::Query(|q| matches!(q.body.as_ref(), SetExpr::SetOperation { .. }) && cut(&q.body)),
    )
    .told(
        "LIMIT, OFFSET and TOP restrict the result of the whole; of an intermediate result of a set \
         operation they are refused.",
        "(select code from sales limit 10) union select code from dim",
        "select code from (select code from sales limit 10) as s union select code from dim",
    ),
    rule(
        "RS269",
        "sql/frame-bounds",
        "the frame of a window ends before it starts",
        "c_Window_functions",
        "write the earlier bound first",
        Find::Function(|f| {
            spec(f).and_then(|s| s.window_frame.as_ref()).is_some_and(ends_before_it_starts)
        }),
    )
    .told(
        "A frame whose starting boundary is greater than its ending boundary cannot be specified.",
        "select sum(amount) over (order by day rows between 3 following and current row) from sales",
        "select sum(amount) over (order by day rows between current row and 3 following) from sales",
    ),
    rule(
        "RS273",
        "sql/window-place",
        "a window function stands in WHERE, GROUP BY or HAVING",
        "c_Window_functions",
        "write QUALIFY, or filter the query that computes it in a subquery of FROM",
        Find::Select(|s| {
            let window = |function: &Function| function.over.is_some();
            calls(&s.selection, window) || calls(&s.group_by, window) || calls(&s.having, window)
        }),
    )
    .told(
        "Windows are computed when joins, WHERE, GROUP BY and HAVING are done; they can appear only \
         in the select list or ORDER BY.",
        "select code from sales where row_number() over (order by day) = 1",
        "select code from sales as s qualify row_number() over (order by day) = 1",
    ),
    rule(
        "RS274",
        "sql/pivot-aggregate",
        "PIVOT aggregates by something else than COUNT, SUM, MIN, MAX or AVG",
        "r_FROM_clause-pivot-unpivot-examples",
        "aggregate by one of them, or write an aggregate over CASE for each column",
        Find::Factor(|f| match f {
            TableFactor::Pivot { aggregate_functions, .. } => {
                aggregate_functions.iter().any(|a| match &a.expr {
                    Expr::Function(f) => {
                        !["count", "sum", "min", "max", "avg"].contains(&function_name(f))
                    }
                    _ => true,
                })
            }
            _ => false,
        }),
    )
    .told(
        "The aggregate of PIVOT is a call of one of these five; expressions on top of it are not \
         supported.",
        "select * from sales pivot (listagg(name) for code in ('a', 'b'))",
        "select * from sales pivot (max(name) for code in ('a', 'b'))",
    ),
    rule(
        "RS276",
        "sql/pivot-input",
        "PIVOT or UNPIVOT stands over another one",
        "r_FROM_clause-pivot-unpivot-examples",
        "put the inner one into a subquery of FROM",
        Find::Factor(|f| match f {
            TableFactor::Pivot { table, .. } | TableFactor::Unpivot { table, .. } => matches!(
                table.as_ref(),
                TableFactor::NestedJoin { .. }
                    | TableFactor::Pivot { .. }
                    | TableFactor::Unpivot { .. }
            ),
            _ => false,
        }),
    )
    .told(
        "They are applied to tables, subqueries and the tables of WITH, not to joins nor to each \
         other.",
        "select * from sales pivot (count(*) for code in ('a')) unpivot (n for c in (a))",
        "select * from (select * from sales pivot (count(*) for code in ('a'))) as p \
         unpivot (n for c in (a))",
    ),
    rule(
        "RS363",
        "sql/table-query",
        "TABLE stands for a query",
        "r_SELECT_synopsis",
        "write SELECT * FROM",
        Find::Query(|q| matches!(q.body.as_ref(), SetExpr::Table(_))),
    )
    .told(
        "A query begins with SELECT or WITH. TABLE is PostgreSQL's short form.",
        "insert into t (a) table u",
        "insert into t (a) select * from u",
    ),
    rule(
        "RS347",
        "sql/exclude-place",
        "EXCLUDE stands before the end of the select list",
        "r_EXCLUDE_list",
        "put it behind the last item, right before FROM",
        Find::Select(|s| {
            s.projection.split_last().is_some_and(|(_, items)| items.iter().any(|i| of_star(i).is_some()))
        }),
    )
    .told(
        "It speaks of the whole list, and so ends it.",
        "select * exclude (a), b + 1 as c from t",
        "select *, b + 1 as c exclude (a) from t",
    ),
    rule(
        "RS348",
        "sql/exclude-table",
        "EXCLUDE names a column with its table",
        "r_EXCLUDE_list",
        "name the column alone",
        Find::Select(|s| excluded(s).any(|name| name.0.len() > 1)),
    )
    .told(
        "It takes columns off the result, where they stand under their own names.",
        "select * exclude (t.a) from t",
        "select * exclude (a) from t",
    ),
];

/// What is excluded from a star.
fn of_star(item: &SelectItem) -> Option<&ExcludeSelectItem> {
    match item {
        SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options) => {
            options.opt_exclude.as_ref()
        }
        _ => None,
    }
}

fn excluded(select: &Select) -> impl Iterator<Item = &ObjectName> {
    let lists = select.projection.iter().filter_map(of_star).chain(&select.exclude);
    lists.flat_map(|list| match list {
        ExcludeSelectItem::Single(name) => std::slice::from_ref(name),
        ExcludeSelectItem::Multiple(names) => names.as_slice(),
    })
}

/// True where an input of a set operation restricts its rows.
fn cut(body: &SetExpr) -> bool {
    match body {
        SetExpr::SetOperation { left, right, .. } => cut(left) || cut(right),
        SetExpr::Query(query) => {
            query.limit_clause.is_some() || query.fetch.is_some() || cut(&query.body)
        }
        SetExpr::Select(select) => select.top.is_some(),
        _ => false,
    }
}

/// Rows from the current one on, counted downwards; `None` for a bound that is no literal.
fn offset(bound: &WindowFrameBound) -> Option<i64> {
    let count = |n: &Option<Box<Expr>>, unbounded: i64| match n {
        None => Some(unbounded),
        Some(n) => n.to_string().parse::<i64>().ok(),
    };
    match bound {
        WindowFrameBound::CurrentRow => Some(0),
        WindowFrameBound::Preceding(n) => count(n, i64::MAX).and_then(i64::checked_neg),
        WindowFrameBound::Following(n) => count(n, i64::MAX),
    }
}

fn ends_before_it_starts(frame: &WindowFrame) -> bool {
    let end = frame.end_bound.as_ref().and_then(offset);
    matches!((offset(&frame.start_bound), end), (Some(start), Some(end)) if start > end)
}
