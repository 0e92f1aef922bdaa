//! The rules, one row each. Numbers: 001 to 099 warnings, 100 to 499 refused by Redshift, 500 on
//! unsupported locally. A number is never given twice.

use datafusion::sql::sqlparser::ast::{
    self, BinaryOperator, Expr, Function, GroupByExpr, Query, SetExpr, TableFactor,
    WindowFrameUnits, WindowType,
};

use super::find::function_name;
use super::{Find, Rule, Severity};
use crate::dialect::change;
use crate::dialect::command::{Command, Merge, MergeAction, MergeForm};
use crate::dialect::tables::{tables_of_query, tables_of_tree};

const fn rule(
    id: &'static str,
    code: &'static str,
    says: &'static str,
    page: &'static str,
    fix: &'static str,
    find: Find,
) -> Rule {
    Rule { id, code, severity: Severity::Refused, says, page, fix, find }
}

const fn warning(
    id: &'static str,
    says: &'static str,
    page: &'static str,
    fix: &'static str,
    find: Find,
) -> Rule {
    Rule { id, code: "sql/warning", severity: Severity::Warning, says, page, fix, find }
}

const fn missing(
    id: &'static str,
    says: &'static str,
    page: &'static str,
    fix: &'static str,
    find: Find,
) -> Rule {
    Rule { id, code: "sql/unsupported", severity: Severity::Unsupported, says, page, fix, find }
}

/// Every rule.
pub static RULES: &[Rule] = &[
    warning(
        "RS001",
        "TRUNCATE commits what came before it in the transaction and cannot be rolled back",
        "r_TRUNCATE",
        "use DELETE FROM when the table must stay whole if a later statement fails",
        Find::Command(|c| matches!(c, Command::Truncate { .. })),
    ),
    warning(
        "RS002",
        "a positional INSERT depends on the order of the table's columns",
        "r_INSERT_30",
        "name the columns after the table",
        Find::Command(|c| matches!(c, Command::Insert(i) if i.columns.is_empty())),
    ),
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
            spec(f).and_then(|s| s.window_frame.as_ref())
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
        "RS110",
        "sql/merge-with",
        "a MERGE stands under a WITH clause",
        "r_MERGE",
        "make the source a subquery, or stage it in a temporary table first",
        Find::Merge(|m| m.with.is_some()),
    ),
    rule(
        "RS111",
        "sql/merge-target-alias",
        "the target of MERGE has an alias",
        "r_MERGE",
        "refer to the target by its table name",
        Find::Merge(|m| m.target_alias.is_some()),
    ),
    rule(
        "RS112",
        "sql/merge-clauses",
        "MERGE needs exactly one WHEN MATCHED and then one WHEN NOT MATCHED THEN INSERT",
        "r_MERGE",
        "write both clauses, in this order, or REMOVE DUPLICATES alone",
        Find::Merge(wrong_clauses),
    ),
    rule(
        "RS113",
        "sql/merge-condition",
        "a WHEN clause of MERGE has a condition",
        "r_MERGE",
        "move it into the source: USING (SELECT ... WHERE condition)",
        Find::Merge(|m| clauses(m).iter().any(|c| c.condition.is_some())),
    ),
    rule(
        "RS114",
        "sql/merge-on",
        "the ON condition of MERGE is not made of equalities alone",
        "r_MERGE",
        "compare with = and AND only; filter the source in a subquery",
        Find::Merge(|m| !change::is_equality(&m.on)),
    ),
    rule(
        "RS115",
        "sql/merge-source-target",
        "source view/subquery in MERGE statement cannot reference target table",
        "r_MERGE",
        "stage the source in a temporary table first",
        Find::Merge(source_reads_target),
    ),
    rule(
        "RS116",
        "sql/merge-set-qualified",
        "a column in the SET of MERGE carries a table name",
        "r_MERGE",
        "name the column alone: SET column = value",
        Find::Merge(|m| {
            clauses(m)
                .iter()
                .any(|c| matches!(&c.action, MergeAction::Update(set) if change::is_qualified(set)))
        }),
    ),
    rule(
        "RS120",
        "sql/substr",
        "SUBSTR() function is not supported",
        "r_SUBSTRING",
        "use SUBSTRING instead",
        Find::Call(&["substr"]),
    ),
    rule(
        "RS121",
        "sql/unsupported-function",
        "this PostgreSQL function does not exist on Redshift",
        "c_unsupported-postgresql-functions",
        "compute it from the functions Redshift has",
        Find::Call(&[
            "corr", "covar_pop", "covar_samp", "regr_avgx", "regr_avgy", "regr_count",
            "regr_intercept", "regr_r2", "regr_slope", "regr_sxx", "regr_sxy", "regr_syy",
            "width_bucket", "div", "format", "regexp_matches", "regexp_split_to_array",
            "regexp_split_to_table", "string_to_array", "array_to_string", 
            "clock_timestamp", "statement_timestamp", "justify_days", "justify_hours",
            "justify_interval", "scale", "setseed", "every", "xmlagg", "json_agg",
            "jsonb_agg", "row_to_json", "to_json", "nextval", "currval", "lastval", "setval",
            "gen_random_uuid", "make_date", "make_timestamp", "make_interval", "date_bin",
            "transaction_timestamp", "convert_from", "convert_to", "encode", "num_nulls",
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
            matches!(f, TableFactor::Derived { lateral: true, .. }
                | TableFactor::Function { lateral: true, .. })
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
            matches!(f, TableFactor::Table { sample: Some(_), .. }
                | TableFactor::Derived { sample: Some(_), .. })
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
        "RS134",
        "sql/with-rollup",
        "GROUP BY WITH ROLLUP does not exist on Redshift",
        "r_GROUP_BY_clause",
        "write GROUP BY ROLLUP (a, b)",
        Find::Select(|s| {
            matches!(&s.group_by, GroupByExpr::Expressions(_, m) | GroupByExpr::All(m) if !m.is_empty())
        }),
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
        "RS136",
        "sql/try-cast",
        "TRY_CAST does not exist on Redshift as an expression of any type",
        "r_CAST_function",
        "test the text with a pattern before CAST",
        Find::Expr(|e| {
            matches!(e, Expr::Cast { kind: ast::CastKind::SafeCast, .. })
        }),
    ),
    rule(
        "RS137",
        "sql/json-operator",
        "the operators -> and ->> do not exist on Redshift",
        "json-functions",
        "write JSON_EXTRACT_PATH_TEXT(json, 'key')",
        Find::Expr(|e| {
            matches!(e, Expr::BinaryOp { op: BinaryOperator::Arrow | BinaryOperator::LongArrow, .. })
        }),
    ),
    missing(
        "RS501",
        "CONNECT BY is not supported locally",
        "r_CONNECT_BY_clause",
        "write WITH RECURSIVE",
        Find::Select(|s| !s.connect_by.is_empty()),
    ),
    missing(
        "RS502",
        "PIVOT and UNPIVOT are not supported locally",
        "r_FROM_clause-pivot-unpivot-examples",
        "write SUM(CASE WHEN key = 'a' THEN value END) AS a, or UNION ALL",
        Find::Factor(|f| matches!(f, TableFactor::Pivot { .. } | TableFactor::Unpivot { .. })),
    ),
    missing(
        "RS503",
        "navigation into SUPER values is not supported locally",
        "query-super",
        "use the JSON functions on text",
        Find::Expr(|e| matches!(e, Expr::CompoundFieldAccess { .. } | Expr::JsonAccess { .. })),
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
    "row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile", "lag", "lead",
    "ratio_to_report", "listagg", "median", "percentile_cont", "percentile_disc",
];

fn ordered_without_frame(function: &Function) -> bool {
    spec(function).is_some_and(|s| !s.order_by.is_empty() && s.window_frame.is_none())
        && !NO_FRAME.contains(&function_name(function))
}

fn clauses(merge: &Merge) -> &[crate::dialect::command::MergeClause] {
    match &merge.form {
        MergeForm::Clauses(clauses) => clauses,
        MergeForm::RemoveDuplicates => &[],
    }
}

fn wrong_clauses(merge: &Merge) -> bool {
    let MergeForm::Clauses(clauses) = &merge.form else { return false };
    let [first, second] = clauses.as_slice() else { return true };
    let first_fits = first.matched
        && matches!(first.action, MergeAction::Update(_) | MergeAction::Delete);
    let second_fits = !second.matched
        && !second.by_source
        && matches!(second.action, MergeAction::Insert { .. });
    !(first_fits && second_fits)
}

fn source_reads_target(merge: &Merge) -> bool {
    tables_of_tree(&merge.source).contains(&merge.target)
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
