//! What Redshift refuses of expressions that are no calls of functions.

use datafusion::sql::sqlparser::ast::{BinaryOperator, CastKind, Expr, SelectItem, SetExpr, Value};

use super::list::rule;
use super::{Find, Rule};

pub(super) static RULES: &[Rule] = &[
    rule(
        "RS104",
        "sql/is-distinct-from",
        "IS DISTINCT FROM does not exist on Redshift",
        "r_comparison_condition",
        "write (a <> b OR (a IS NULL) <> (b IS NULL)), or compare with NVL",
        Find::Expr(|e| matches!(e, Expr::IsDistinctFrom(..) | Expr::IsNotDistinctFrom(..))),
    )
    .told(
        "It is not in the grammar. EXCEPT and DECODE take two NULLs for equal, too.",
        "select code from t where a is distinct from b",
        "select code from t where (a <> b or (a is null) <> (b is null))",
    ),
    rule(
        "RS131",
        "sql/array-literal",
        "array literals do not exist on Redshift",
        "c_unsupported-postgresql-datatypes",
        "keep one row per value",
        Find::Expr(|e| matches!(e, Expr::Array(_))),
    )
    .told(
        "No column can hold an array; SUPER values are made by ARRAY(1, 2) and JSON_PARSE.",
        "select array[1, 2] from t",
        "select 1 from t union all select 2 from t",
    ),
    rule(
        "RS133",
        "sql/overlay",
        "OVERLAY does not exist on Redshift",
        "c_unsupported-postgresql-functions",
        "put the parts together with LEFT, || and SUBSTRING",
        Find::Expr(|e| matches!(e, Expr::Overlay { .. })),
    )
    .told(
        "It is among the functions that are not supported.",
        "select overlay(code placing 'x' from 1 for 1) from t",
        "select 'x' || substring(code, 2) from t",
    ),
    rule(
        "RS135",
        "sql/rlike",
        "RLIKE and REGEXP operators do not exist on Redshift",
        "pattern-matching-conditions-posix",
        "write value ~ 'pattern'",
        Find::Expr(|e| matches!(e, Expr::RLike { .. })),
    )
    .told(
        "They are MySQL's and Spark's.",
        "select code from t where code rlike '^a'",
        "select code from t where code ~ '^a'",
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
    )
    .told(
        "There is no JSON type: JSON is text, or a SUPER value with a notation of its own.",
        "select payload ->> 'code' from t",
        "select json_extract_path_text(payload, 'code') from t",
    ),
    rule(
        "RS360",
        "sql/operator",
        "the operator is one for arrays, ranges or JSON of PostgreSQL",
        "c_unsupported-postgresql-datatypes",
        "compare texts with =, LIKE or ~",
        Find::Expr(|e| matches!(e, Expr::BinaryOp { op, .. } if is_for_other_types(op))),
    )
    .told(
        "There are no values of such types: @>, <@, #>, @@ and ? have nothing to work on.",
        "select code from t where payload @> 'a'",
        "select code from t where payload like '%a%'",
    ),
    rule(
        "RS361",
        "sql/any-list",
        "ANY, SOME and ALL stand beside something other than a subquery",
        "r_comparison_condition",
        "write IN ('a', 'b')",
        Find::Expr(|e| match e {
            Expr::AnyOp { right, .. } | Expr::AllOp { right, .. } => {
                !matches!(right.as_ref(), Expr::Subquery(_))
            }
            _ => false,
        }),
    )
    .told(
        "They compare with the rows of a subquery; there are no arrays.",
        "select code from t where code = any ('{a,b}')",
        "select code from t where code in ('a', 'b')",
    ),
    rule(
        "RS183",
        "sql/like-any",
        "LIKE ANY does not exist on Redshift",
        "r_patternmatching_condition_like",
        "write LIKE 'a%' OR LIKE 'b%', or SIMILAR TO '(a|b)%'",
        Find::Expr(|e| matches!(e, Expr::Like { any: true, .. } | Expr::ILike { any: true, .. })),
    )
    .told(
        "LIKE takes one pattern.",
        "select code from t where code like any ('a%', 'b%')",
        "select code from t where code similar to '(a|b)%'",
    ),
    rule(
        "RS188",
        "sql/null-safe-equal",
        "the operator <=> does not exist on Redshift",
        "r_comparison_condition",
        "write (a = b OR (a IS NULL AND b IS NULL))",
        Find::Expr(|e| matches!(e, Expr::BinaryOp { op: BinaryOperator::Spaceship, .. })),
    )
    .told(
        "It is MySQL's equality that takes two NULLs for equal.",
        "select code from t where a <=> b",
        "select code from t where (a = b or (a is null and b is null))",
    ),
    rule(
        "RS321",
        "sql/xor",
        "the operator XOR does not exist on Redshift",
        "r_logical_condition",
        "write a <> b of two booleans, or a # b of two whole numbers",
        Find::Expr(|e| matches!(e, Expr::BinaryOp { op: BinaryOperator::Xor, .. })),
    )
    .told(
        "The logical operators are AND, OR and NOT. XOR is MySQL's.",
        "select code from t where flag xor other",
        "select code from t where flag <> other",
    ),
    rule(
        "RS322",
        "sql/safe-cast",
        "SAFE_CAST does not exist on Redshift",
        "r_TRY_CAST",
        "write TRY_CAST",
        Find::Expr(|e| matches!(e, Expr::Cast { kind: CastKind::SafeCast, .. })),
    )
    .told(
        "It is BigQuery's name.",
        "select safe_cast(code as int) from t",
        "select try_cast(code as int) from t",
    ),
    rule(
        "RS323",
        "sql/substring-arguments",
        "SUBSTRING has one argument",
        "r_SUBSTRING",
        "say where it starts: SUBSTRING(text, start) or SUBSTRING(text, start, count)",
        Find::Expr(|e| {
            matches!(e, Expr::Substring { substring_from: None, substring_for: None, .. })
        }),
    )
    .told(
        "The count may be left out, the start may not.",
        "select substring(code) from t",
        "select substring(code, 1) from t",
    ),
    rule(
        "RS324",
        "sql/adjacent-texts",
        "two texts stand side by side",
        "r_concat_op",
        "write || between them",
        Find::Select(|s| s.projection.iter().any(has_text_for_name)),
    )
    .told(
        "A text in single quotes is no name, and two of them on one line are no one text.",
        "select 'a' 'b'",
        "select 'a' || 'b'",
    ),
    rule(
        "RS325",
        "sql/subquery-columns",
        "a subquery has more or fewer columns than stand beside it",
        "r_in_condition",
        "select one column for each value",
        Find::Expr(selects_too_many),
    )
    .told(
        "A subquery that stands for a value has one column, and one beside IN has as many as there \
         are values on the other side (r_scalar_subqueries).",
        "select code from sales where code in (select code, amount from dim)",
        "select code from sales where code in (select code from dim)",
    ),
    rule(
        "RS346",
        "sql/row-width",
        "rows beside each other have different numbers of values",
        "r_in_condition",
        "give each row as many values",
        Find::Expr(differ_in_width),
    )
    .told(
        "Rows are compared value by value.",
        "select code from sales where (code, amount) in ((1, 2, 3))",
        "select code from sales where (code, amount) in ((1, 2))",
    ),
];

fn is_for_other_types(op: &BinaryOperator) -> bool {
    use BinaryOperator as B;
    matches!(
        op,
        B::AtArrow
            | B::ArrowAt
            | B::HashArrow
            | B::HashLongArrow
            | B::AtAt
            | B::AtQuestion
            | B::Question
            | B::QuestionAnd
            | B::QuestionPipe
            | B::HashMinus
    )
}

/// Rows of different widths in a comparison or IN.
fn differ_in_width(expr: &Expr) -> bool {
    let (left, rows) = match expr {
        Expr::InList { expr, list, .. } => (expr, list.as_slice()),
        Expr::BinaryOp { left, right, .. } => (left, std::slice::from_ref(right.as_ref())),
        _ => return false,
    };
    let Expr::Tuple(values) = left.as_ref() else { return false };
    rows.iter().any(|row| matches!(row, Expr::Tuple(row) if row.len() != values.len()))
}

/// A text whose alias is in single quotes.
fn has_text_for_name(item: &SelectItem) -> bool {
    let SelectItem::ExprWithAlias { expr: Expr::Value(value), alias } = item else { return false };
    matches!(value.value, Value::SingleQuotedString(_)) && alias.quote_style == Some('\'')
}

/// A value by a subquery of several columns, or IN with more or fewer columns than values; a star
/// may be any number.
fn selects_too_many(expr: &Expr) -> bool {
    let (query, wanted) = match expr {
        Expr::Subquery(query) => (query, 1),
        Expr::InSubquery { expr, subquery, .. } => match expr.as_ref() {
            Expr::Tuple(values) => (subquery, values.len()),
            _ => (subquery, 1),
        },
        _ => return false,
    };
    width(&query.body).is_some_and(|width| width != wanted)
}

/// The columns a query selects, if its text names each.
fn width(body: &SetExpr) -> Option<usize> {
    let named = |item: &SelectItem| {
        matches!(item, SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. })
    };
    match body {
        SetExpr::Select(select) => {
            let plain = select.exclude.is_none() && select.projection.iter().all(named);
            plain.then_some(select.projection.len())
        }
        SetExpr::SetOperation { left, .. } => width(left),
        SetExpr::Query(query) => width(&query.body),
        _ => None,
    }
}
