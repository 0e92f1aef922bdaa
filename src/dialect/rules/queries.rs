//! What Redshift refuses in queries and expressions. It knows no statement but the query.

use datafusion::sql::sqlparser::ast::{
    self, BinaryOperator, Expr, Function, Query, SetExpr, TableFactor, WindowFrameUnits, WindowType,
};

use super::find::function_name;
use super::list::rule;
use super::{Find, Rule};
use crate::dialect::tables::tables_of_query;

pub(super) static RULES: &[Rule] = &[
    rule(
        "RS101",
        "sql/filter",
        "an aggregate has a FILTER clause",
        "c_unsupported-postgresql-features",
        "write SUM(CASE WHEN condition THEN value END)",
        Find::Function(|f| f.filter.is_some()),
    ),
    rule(
        "RS102",
        "sql/string-agg",
        "string_agg does not exist on Redshift",
        "c_unsupported-postgresql-functions",
        "write LISTAGG(value, delimiter) WITHIN GROUP (ORDER BY ...)",
        Find::Call(&["string_agg"]),
    ),
    rule(
        "RS103",
        "sql/array-agg",
        "array_agg does not exist on Redshift",
        "c_unsupported-postgresql-functions",
        "write LISTAGG, or keep one row per value",
        Find::Call(&["array_agg"]),
    ),
    rule(
        "RS104",
        "sql/is-distinct-from",
        "IS DISTINCT FROM does not exist on Redshift",
        "r_comparison_condition",
        "write (a <> b OR (a IS NULL) <> (b IS NULL)), or compare with NVL",
        Find::Expr(|e| matches!(e, Expr::IsDistinctFrom(..) | Expr::IsNotDistinctFrom(..))),
    ),
    rule(
        "RS105",
        "sql/window-frame",
        "an aggregate over an ordered window needs an explicit frame",
        "c_Window_functions",
        "add ROWS UNBOUNDED PRECEDING after ORDER BY",
        Find::Function(ordered_without_frame),
    ),
    rule(
        "RS106",
        "sql/range-frame",
        "window frames are ROWS only on Redshift",
        "c_Window_functions",
        "write ROWS instead of RANGE or GROUPS",
        Find::Function(|f| {
            spec(f)
                .and_then(|s| s.window_frame.as_ref())
                .is_some_and(|frame| frame.units != WindowFrameUnits::Rows)
        }),
    ),
    rule(
        "RS107",
        "sql/window-order",
        "the ORDER BY of a window is a constant",
        "c_Window_functions",
        "order by a column or an expression of one",
        Find::Function(|f| {
            spec(f).is_some_and(|s| s.order_by.iter().any(|o| matches!(o.expr, Expr::Value(_))))
        }),
    ),
    rule(
        "RS121",
        "sql/unsupported-function",
        "this PostgreSQL function does not exist on Redshift",
        "c_unsupported-postgresql-functions",
        "compute it from the functions Redshift has",
        Find::Call(&[
            "corr",
            "covar_pop",
            "covar_samp",
            "regr_avgx",
            "regr_avgy",
            "regr_count",
            "regr_intercept",
            "regr_r2",
            "regr_slope",
            "regr_sxx",
            "regr_sxy",
            "regr_syy",
            "width_bucket",
            "div",
            "format",
            "regexp_matches",
            "regexp_split_to_array",
            "regexp_split_to_table",
            "string_to_array",
            "array_to_string",
            "clock_timestamp",
            "statement_timestamp",
            "justify_days",
            "justify_hours",
            "justify_interval",
            "scale",
            "setseed",
            "every",
            "xmlagg",
            "json_agg",
            "jsonb_agg",
            "row_to_json",
            "to_json",
            "nextval",
            "currval",
            "lastval",
            "setval",
            "gen_random_uuid",
            "make_date",
            "make_timestamp",
            "make_interval",
            "date_bin",
            "transaction_timestamp",
            "convert_from",
            "convert_to",
            "encode",
            "num_nulls",
        ]),
    ),
    rule(
        "RS122",
        "sql/distinct-on",
        "DISTINCT ON does not exist on Redshift",
        "r_DISTINCT_examples",
        "write QUALIFY ROW_NUMBER() OVER (PARTITION BY ... ORDER BY ...) = 1",
        Find::Select(|s| matches!(s.distinct, Some(ast::Distinct::On(_)))),
    ),
    rule(
        "RS123",
        "sql/values-table",
        "a VALUES list cannot be a table on Redshift",
        "c_unsupported-postgresql-features",
        "write SELECT 1, 'a' UNION ALL SELECT 2, 'b'",
        Find::Factor(|f| {
            matches!(f, TableFactor::Derived { subquery, .. }
                if matches!(subquery.body.as_ref(), SetExpr::Values(_)))
        }),
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
    ),
    rule(
        "RS125",
        "sql/window-name",
        "a named WINDOW clause does not exist on Redshift",
        "c_Window_functions",
        "write the window in each OVER (...)",
        Find::Select(|s| !s.named_window.is_empty()),
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
    ),
    rule(
        "RS127",
        "sql/recursive-columns",
        "a recursive WITH has no column list",
        "r_WITH_clause",
        "name the columns: WITH RECURSIVE c (a, b) AS (...)",
        Find::Query(recursive_without_columns),
    ),
    rule(
        "RS128",
        "sql/recursive-union",
        "a recursive WITH unites its members by UNION instead of UNION ALL",
        "r_WITH_clause",
        "write UNION ALL",
        Find::Query(recursive_by_union),
    ),
    rule(
        "RS129",
        "sql/for-update",
        "SELECT ... FOR UPDATE does not exist on Redshift",
        "r_SELECT_synopsis",
        "leave it out; writes of one table are serialized anyway",
        Find::Query(|q| !q.locks.is_empty()),
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
    ),
    rule(
        "RS131",
        "sql/array-literal",
        "array literals do not exist on Redshift",
        "c_unsupported-postgresql-datatypes",
        "keep one row per value",
        Find::Expr(|e| matches!(e, Expr::Array(_))),
    ),
    rule(
        "RS132",
        "sql/generate-series",
        "generate_series runs on the leader node only and cannot meet a table",
        "c_sql-functions-leader-node",
        "write WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 10)",
        Find::Call(&["generate_series"]),
    ),
    rule(
        "RS133",
        "sql/overlay",
        "OVERLAY does not exist on Redshift",
        "c_unsupported-postgresql-functions",
        "put the parts together with LEFT, || and SUBSTRING",
        Find::Expr(|e| matches!(e, Expr::Overlay { .. })),
    ),
    rule(
        "RS135",
        "sql/rlike",
        "RLIKE and REGEXP operators do not exist on Redshift",
        "pattern-matching-conditions-posix",
        "write value ~ 'pattern'",
        Find::Expr(|e| matches!(e, Expr::RLike { .. })),
    ),
    rule(
        "RS137",
        "sql/json-operator",
        "the operators -> and ->> do not exist on Redshift",
        "json-functions",
        "write JSON_EXTRACT_PATH_TEXT(json, 'key')",
        Find::Expr(|e| {
            matches!(
                e,
                Expr::BinaryOp { op: BinaryOperator::Arrow | BinaryOperator::LongArrow, .. }
            )
        }),
    ),
    rule(
        "RS138",
        "sql/rank-frame",
        "the frame of a ranking function is given",
        "c_Window_functions",
        "leave the frame out: ranking functions take none",
        Find::Function(|f| {
            ["row_number", "rank", "dense_rank", "ntile", "lag", "lead"].contains(&function_name(f))
                && spec(f).is_some_and(|s| s.window_frame.is_some())
        }),
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
    ),
    rule(
        "RS140",
        "sql/order-by-text",
        "ORDER BY a text constant",
        "r_ORDER_BY_clause",
        "order by a column, an expression or a position",
        Find::Query(orders_by_text),
    ),
    rule(
        "RS141",
        "sql/concat-arguments",
        "CONCAT takes exactly two values",
        "r_CONCAT",
        "write a || b || c",
        Find::Function(|f| function_name(f) == "concat" && argument_count(f) != 2),
    ),
    rule(
        "RS142",
        "sql/count-many",
        "COUNT(DISTINCT ...) takes one expression",
        "r_COUNT",
        "count over a subquery of SELECT DISTINCT",
        Find::Function(|f| function_name(f) == "count" && argument_count(f) > 1),
    ),
    rule(
        "RS143",
        "sql/listagg-group",
        "LISTAGG over groups has an ORDER BY inside its brackets",
        "r_LISTAGG",
        "write LISTAGG(value, delimiter) WITHIN GROUP (ORDER BY ...)",
        Find::Function(|f| {
            matches!(&f.args, ast::FunctionArguments::List(l)
                if l.clauses.iter().any(|c| matches!(c, ast::FunctionArgumentClause::OrderBy(_))))
        }),
    ),
];

fn spec(function: &Function) -> Option<&ast::WindowSpec> {
    match &function.over {
        Some(WindowType::WindowSpec(spec)) => Some(spec),
        _ => None,
    }
}

/// Functions that may be ordered without a frame: those that rank and those that look at neighbours.
const NO_FRAME: &[&str] = &[
    "row_number",
    "rank",
    "dense_rank",
    "percent_rank",
    "cume_dist",
    "ntile",
    "lag",
    "lead",
    "ratio_to_report",
    "listagg",
    "median",
    "percentile_cont",
    "percentile_disc",
];

fn ordered_without_frame(function: &Function) -> bool {
    spec(function).is_some_and(|s| !s.order_by.is_empty() && s.window_frame.is_none())
        && !NO_FRAME.contains(&function_name(function))
}

fn recursive_without_columns(query: &Query) -> bool {
    recursive_members(query).any(|cte| cte.alias.columns.is_empty())
}

fn recursive_by_union(query: &Query) -> bool {
    recursive_members(query).any(|cte| {
        matches!(cte.query.body.as_ref(), SetExpr::SetOperation { op: ast::SetOperator::Union, set_quantifier, .. }
            if *set_quantifier != ast::SetQuantifier::All)
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

fn argument_count(function: &Function) -> usize {
    match &function.args {
        ast::FunctionArguments::List(list) => list.args.len(),
        _ => 0,
    }
}
