//! What Redshift refuses of window functions.

use datafusion::sql::sqlparser::ast::{self, Expr, Function, WindowFrameUnits, WindowType};

use super::aggregates::argument_count;
use super::find::function_name;
use super::list::rule;
use super::{Find, Rule};

pub(super) static RULES: &[Rule] = &[
    rule(
        "RS105",
        "sql/window-frame",
        "an aggregate over an ordered window needs an explicit frame",
        "c_Window_functions",
        "add ROWS UNBOUNDED PRECEDING after ORDER BY",
        Find::Function(ordered_without_frame),
    )
    .told(
        "If an ORDER BY clause is used for an aggregate function, an explicit frame clause is \
         required. Elsewhere the frame is RANGE, which takes rows of equal order together; say \
         ROWS and make the order unique.",
        "select sum(amount) over (order by day) from sales",
        "select sum(amount) over (order by day rows unbounded preceding) from sales",
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
    )
    .told(
        "RANGE and GROUPS are not in the grammar. ROWS gives the same where the order is unique.",
        "select sum(amount) over (order by day range unbounded preceding) from sales",
        "select sum(amount) over (order by day rows unbounded preceding) from sales",
    ),
    rule(
        "RS345",
        "sql/window-reference",
        "OVER names a window",
        "c_Window_functions",
        "write the window in each OVER (...)",
        Find::Function(|f| {
            matches!(f.over, Some(WindowType::NamedWindow(_)))
                || spec(f).is_some_and(|s| s.window_name.is_some())
        }),
    )
    .told(
        "There is no WINDOW clause to give it a name.",
        "select sum(amount) over (w) from sales",
        "select sum(amount) over (partition by code) from sales",
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
    )
    .told(
        "A number is no ordinal there, as it is in the ORDER BY of a query: constants and ordinals \
         are refused.",
        "select row_number() over (order by 1) from sales",
        "select row_number() over (order by day) from sales",
    ),
    rule(
        "RS286",
        "sql/window-partition",
        "the PARTITION BY of a window is a constant",
        "c_Window_functions",
        "leave PARTITION BY out: a constant makes one partition of all rows",
        Find::Function(|f| {
            spec(f).is_some_and(|s| s.partition_by.iter().any(|e| matches!(e, Expr::Value(_))))
        }),
    )
    .told(
        "Redshift says that constant expressions are not supported in PARTITION BY clauses.",
        "select count(*) over (partition by 'all') from sales",
        "select count(*) over () from sales",
    ),
    rule(
        "RS125",
        "sql/window-name",
        "a named WINDOW clause does not exist on Redshift",
        "c_Window_functions",
        "write the window in each OVER (...)",
        Find::Select(|s| !s.named_window.is_empty()),
    )
    .told(
        "OVER takes the window itself only.",
        "select sum(amount) over w from sales window w as (partition by code)",
        "select sum(amount) over (partition by code) from sales",
    ),
    rule(
        "RS138",
        "sql/rank-frame",
        "the frame of a ranking function is given",
        "c_Window_functions",
        "leave the frame out: ranking functions take none",
        Find::Function(|f| {
            [
                "row_number",
                "rank",
                "dense_rank",
                "ntile",
                "lag",
                "lead",
                "percent_rank",
                "cume_dist",
            ]
            .contains(&function_name(f))
                && spec(f).is_some_and(|s| s.window_frame.is_some())
        }),
    )
    .told(
        "A rank looks at the whole partition.",
        "select rank() over (order by day rows unbounded preceding) from sales",
        "select rank() over (order by day) from sales",
    ),
    rule(
        "RS170",
        "sql/ratio-order",
        "RATIO_TO_REPORT takes no ORDER BY and no frame",
        "r_WF_RATIO_TO_REPORT",
        "keep PARTITION BY alone",
        Find::Function(|f| {
            function_name(f) == "ratio_to_report" && spec(f).is_some_and(|s| !s.order_by.is_empty())
        }),
    )
    .told(
        "It is the share in the sum of the whole partition.",
        "select ratio_to_report(amount) over (order by day) from sales",
        "select ratio_to_report(amount) over (partition by code) from sales",
    ),
    rule(
        "RS177",
        "sql/window-distinct",
        "DISTINCT stands in a window function",
        "r_WF_COUNT",
        "count over a subquery of SELECT DISTINCT",
        Find::Function(|f| {
            f.over.is_some()
                && function_name(f) != "listagg"
                && matches!(&f.args, ast::FunctionArguments::List(l)
                    if l.duplicate_treatment == Some(ast::DuplicateTreatment::Distinct))
        }),
    )
    .told(
        "Window functions take ALL alone; LISTAGG is the only one that takes DISTINCT.",
        "select count(distinct code) over (partition by day) from sales",
        "select count(code) over (partition by day) from (select distinct code, day from sales) as s",
    ),
    rule(
        "RS281",
        "sql/lag-default",
        "LAG and LEAD take no value for the rows without a neighbour",
        "r_WF_LAG",
        "write NVL(LAG(amount) OVER (...), 0)",
        Find::Function(|f| {
            ["lag", "lead"].contains(&function_name(f)) && argument_count(f) > 2
        }),
    )
    .told(
        "The grammar has a value and an offset. PostgreSQL's third argument, the default, does not \
         exist; where it differs is a NULL among the values, which NVL replaces too.",
        "select lag(amount, 1, 0) over (order by day) from sales",
        "select nvl(lag(amount, 1) over (order by day), 0) from sales",
    ),
    rule(
        "RS284",
        "sql/window-offset",
        "the offset of LAG, LEAD or NTH_VALUE is out of its range",
        "r_WF_NTH",
        "count from 0 in LAG and LEAD, from 1 in NTH_VALUE",
        Find::Function(|f| match function_name(f) {
            "lag" | "lead" => second_number(f).is_some_and(|n| n < 0),
            "nth_value" => second_number(f).is_some_and(|n| n < 1),
            _ => false,
        }),
    )
    .told(
        "NTH_VALUE takes a positive number; of a negative offset of LAG or LEAD the manual says \
         nothing. The other of the two looks the other way.",
        "select lag(amount, -1) over (order by day) from sales",
        "select lead(amount, 1) over (order by day) from sales",
    ),
    rule(
        "RS171",
        "sql/rank-without-order",
        "LAG and LEAD need an ORDER BY in their window",
        "r_WF_LAG",
        "say in its OVER (...) what the rows are ordered by",
        Find::Function(|f| {
            ["lag", "lead"].contains(&function_name(f))
                && spec(f).is_some_and(|s| s.order_by.is_empty())
        }),
    )
    .told(
        "LAG and LEAD look at neighbours, which only an order gives; the grammar requires it.",
        "select lag(amount) over (partition by code) from sales",
        "select lag(amount) over (partition by code order by day) from sales",
    ),
    rule(
        "RS350",
        "sql/window-over",
        "FIRST_VALUE and LAST_VALUE are window functions alone",
        "c_Window_functions",
        "give it OVER (...), or take MIN or MAX",
        Find::Function(|f| {
            f.over.is_none() && matches!(function_name(f), "first_value" | "last_value")
        }),
    )
    .told(
        "They answer by the place of a row among others, which OVER gives.",
        "select first_value(price) from sales",
        "select min(price) from sales",
    ),
];

/// The second argument, if it is written as a number.
fn second_number(function: &Function) -> Option<i64> {
    let ast::FunctionArguments::List(list) = &function.args else { return None };
    match list.args.get(1)? {
        ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr)) => {
            expr.to_string().replace(' ', "").parse().ok()
        }
        _ => None,
    }
}

pub(super) fn spec(function: &Function) -> Option<&ast::WindowSpec> {
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
