//! Traps that need to know which relation a column belongs to, and what type it has. They refuse
//! nothing, and are silent where the tables are not known and the words do not tell.

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Query, Select, SelectItem, Value};

use super::find::function_name;
use super::keys;
use super::list::advice;
use super::scope::{Scope, arguments, column_name, plain, select_of};
use super::{Find, Rule};
use crate::types::SqlType;

pub(super) static RULES: &[Rule] = &[
    advice(
        "RS009",
        "a change is looked for by <>, which is blind to NULL",
        "r_null_condition",
        "add OR (a IS NULL) <> (b IS NULL), or compare whole rows with EXCEPT",
        Find::Typed(blind_to_null),
    )
    .told(
        "NULL <> 'x' is unknown, and WHERE drops the row: a value that becomes NULL, or stops \
         being NULL, is never carried over. Redshift has no IS DISTINCT FROM to say it shortly.",
        "update dim set name = s.name from stage s where dim.code = s.code and dim.name <> s.name",
        "update dim set name = s.name from stage s where dim.code = s.code \
         and (dim.name <> s.name or (dim.name is null) <> (s.name is null))",
    ),
    advice(
        "RS012",
        "several rows of FROM may match one row of the target, and one of them wins unseen",
        "r_error_on_nondeterministic_update",
        "join a subquery with one row for each key: GROUP BY, or ROW_NUMBER() ... = 1",
        Find::Whole(keys::may_match_twice),
    )
    .told(
        "Redshift takes any of the matching rows without an error, and another the next time, \
         unless error_on_nondeterministic_update is set to true. MERGE always refuses it.",
        "with c as (select code, name from landed) update dim set name = c.name from c \
         where dim.code = c.code",
        "with c as (select code, max(name) as name from landed group by code) \
         update dim set name = c.name from c where dim.code = c.code",
    ),
    advice(
        "RS013",
        "the target of UPDATE stands again in FROM: on Redshift it is the target itself",
        "r_UPDATE",
        "leave it out of FROM and join in WHERE: UPDATE t SET ... FROM c WHERE t.key = c.key",
        Find::Whole(keys::target_in_from),
    )
    .told(
        "On Redshift, and here, an alias of the target in FROM is the target: the matching rows \
         change. PostgreSQL and DuckDB take it for a second scan without a link to the target and \
         change every row. Text that is to mean the same everywhere does without it.",
        "with c as (select code, max(name) as name from landed group by code) update dim \
         set name = c.name from c join dim d on d.code = c.code",
        "with c as (select code, max(name) as name from landed group by code) update dim \
         set name = c.name from c where dim.code = c.code",
    ),
    advice(
        "RS014",
        "NOT IN (subquery) finds nothing when the subquery gives a NULL",
        "r_in_condition",
        "write NOT EXISTS, or add WHERE column IS NOT NULL to the subquery",
        Find::Typed(not_in_with_nulls),
    )
    .told(
        "x NOT IN (1, NULL) is false or unknown, never true. One NULL in the subquery empties the \
         whole answer, without an error.",
        "select code from stage where code not in (select code from dim)",
        "select code from stage s where not exists (select 1 from dim where dim.code = s.code)",
    ),
    advice(
        "RS015",
        "a join compares columns of different types",
        "c_Supported_data_types",
        "declare both columns alike, or cast one of them where it is staged",
        Find::Typed(types_apart),
    )
    .told(
        "A number beside a text is compared as text, so 1 and '01' do not meet; a date beside a \
         text depends on how the text is written. The cast runs for every row, and rows are sent \
         around, because the join keys are not distributed alike.",
        "with a as (select 1::int as k from t), b as (select '1'::varchar(9) as k from t) \
         select a.k from a join b on a.k = b.k",
        "with a as (select 1::int as k from t), b as (select '1'::varchar(9)::int as k from t) \
         select a.k from a join b on a.k = b.k",
    ),
    advice(
        "RS018",
        "a ratio of integers is cut to a whole number",
        "r_numeric_computations201",
        "make one side a decimal: 1.0 * a / b, or a::decimal(18,4) / b",
        Find::Typed(ratio_of_integers),
    )
    .told(
        "Integer divided by integer is integer: 2 / 3 is 0. COUNT and SUM of integers are BIGINT, \
         so a share computed from them is 0 or 1.",
        "select count(a) / count(*) from t",
        "select 1.0 * count(a) / count(*) from t",
    ),
    advice(
        "RS019",
        "a moment is compared up to a date: the rest of that day is left out",
        "r_Datetime_types",
        "compare half-open: column < the day after",
        Find::Typed(up_to_a_date),
    )
    .told(
        "A date beside a timestamp is its midnight. ordered_at <= '2021-12-31' leaves out \
         everything of that day but its first microsecond, and so does BETWEEN.",
        "select count(*) from t where updated_datetime between '2021-01-01' and '2021-12-31'",
        "select count(*) from t where updated_datetime >= '2021-01-01' \
         and updated_datetime < '2022-01-01'",
    ),
    advice(
        "RS022",
        "a number is compared with a text it is never written as",
        "c_Supported_data_types",
        "write the number without quotes",
        Find::Typed(number_as_other_text),
    )
    .told(
        "Beside a text a number other than a DECIMAL becomes text: 1 is '1', and '01' is another \
         text. The comparison runs and is false.",
        "with a as (select 1::int as k from t) select k from a where k = '01'",
        "with a as (select 1::int as k from t) select k from a where k = 1",
    ),
];

/// `a.x <> b.x` of two relations in a statement that writes, where nothing looks for their NULLs.
fn blind_to_null(expr: &Expr, scope: &Scope<'_>) -> bool {
    let Expr::BinaryOp { left, op: BinaryOperator::NotEq, right } = expr else { return false };
    let (Some(a), Some(b)) = (scope.relation_of(left), scope.relation_of(right)) else {
        return false;
    };
    let certain = |e: &Expr| scope.kind(e).is_some_and(|k| k.not_null);
    let asked = |e: &Expr| column_name(e).is_some_and(|name| scope.asks_for_null(name));
    scope.writes && a != b && !(certain(left) && certain(right)) && !asked(left) && !asked(right)
}

fn not_in_with_nulls(expr: &Expr, scope: &Scope<'_>) -> bool {
    let Expr::InSubquery { subquery, negated: true, .. } = expr else { return false };
    !scope.gives_no_null(subquery)
}

impl Scope<'_> {
    /// True if no column of a query is ever NULL, by its words or by its table.
    fn gives_no_null(&self, query: &Query) -> bool {
        let Some(select) = select_of(query) else { return false };
        let scope = self.of_select(select);
        select.projection.iter().all(|item| match item {
            SelectItem::UnnamedExpr(item) | SelectItem::ExprWithAlias { expr: item, .. } => {
                leaves_nulls_out(select, item) || scope.is_never_null(item)
            }
            _ => false,
        })
    }

    fn is_never_null(&self, expr: &Expr) -> bool {
        let filled = match expr {
            Expr::Function(function) if ["coalesce", "nvl"].contains(&function_name(function)) => {
                arguments(function).into_iter().any(|argument| self.is_never_null(argument))
            }
            _ => false,
        };
        filled || self.kind(expr).is_some_and(|kind| kind.not_null)
    }
}

fn leaves_nulls_out(select: &Select, item: &Expr) -> bool {
    fn asks(e: &Expr, column: &str) -> bool {
        match e {
            Expr::Nested(inner) => asks(inner, column),
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                asks(left, column) || asks(right, column)
            }
            Expr::IsNotNull(inner) => column_name(inner) == Some(column),
            _ => false,
        }
    }
    let conditions = select.selection.iter().chain(&select.having);
    column_name(item).is_some_and(|column| conditions.into_iter().any(|e| asks(e, column)))
}

#[derive(PartialEq, Eq)]
enum Class {
    Number,
    Text,
    Moment,
    Truth,
}

fn class(ty: SqlType) -> Option<Class> {
    Some(match ty {
        SqlType::SmallInt
        | SqlType::Integer
        | SqlType::BigInt
        | SqlType::Real
        | SqlType::Double
        | SqlType::Decimal { .. } => Class::Number,
        SqlType::Char(_) | SqlType::Varchar(_) => Class::Text,
        SqlType::Date | SqlType::Timestamp | SqlType::TimestampTz => Class::Moment,
        SqlType::Boolean => Class::Truth,
        _ => return None,
    })
}

fn types_apart(expr: &Expr, scope: &Scope<'_>) -> bool {
    let Expr::BinaryOp { left, op: BinaryOperator::Eq, right } = expr else { return false };
    if column_name(left).is_none() || column_name(right).is_none() {
        return false;
    }
    let (Some(a), Some(b)) = (scope.kind(left), scope.kind(right)) else { return false };
    let (Some(a), Some(b)) = (class(a.ty), class(b.ty)) else { return false };
    a != b && scope.relation_of(left) != scope.relation_of(right)
}

/// Both sides integers for certain, and neither a literal: a half is often meant as such.
fn ratio_of_integers(expr: &Expr, scope: &Scope<'_>) -> bool {
    let Expr::BinaryOp { left, op: BinaryOperator::Divide, right } = expr else { return false };
    let integer = |e: &Expr| {
        let e = plain(e);
        !matches!(e, Expr::Value(_))
            && scope.kind(e).is_some_and(|k| {
                matches!(k.ty, SqlType::SmallInt | SqlType::Integer | SqlType::BigInt)
            })
    };
    let aggregate = |e: &Expr| matches!(plain(e), Expr::Function(f) if ["count", "sum"].contains(&function_name(f)));
    integer(left) && integer(right) && (aggregate(left) || aggregate(right))
}

fn up_to_a_date(expr: &Expr, scope: &Scope<'_>) -> bool {
    let (column, bound) = match expr {
        Expr::BinaryOp { left, op: BinaryOperator::LtEq, right } => (left, right),
        Expr::BinaryOp { left, op: BinaryOperator::GtEq, right } => (right, left),
        Expr::Between { expr, high, negated: false, .. } => (expr, high),
        _ => return false,
    };
    let moment = match scope.kind(column) {
        Some(kind) => matches!(kind.ty, SqlType::Timestamp | SqlType::TimestampTz),
        // not known: by its name
        None => column_name(column).is_some_and(|n| {
            n.ends_with("_at") || n.contains("datetime") || n.contains("timestamp")
        }),
    };
    moment && column_name(column).is_some() && is_day(bound)
}

/// `'2021-12-31'`, `DATE '2021-12-31'`, `'2021-12-31'::date`.
fn is_day(expr: &Expr) -> bool {
    let text = match plain(expr) {
        Expr::Value(v) => match &v.value {
            Value::SingleQuotedString(s) => s,
            _ => return false,
        },
        Expr::TypedString(typed) => match &typed.value.value {
            Value::SingleQuotedString(s) => s,
            _ => return false,
        },
        Expr::Cast { expr, data_type, .. } => {
            let ty = SqlType::parse(&data_type.to_string()).ok();
            return ty == Some(SqlType::Date) && is_day(expr);
        }
        _ => return false,
    };
    chrono::NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d").is_ok()
}

fn number_as_other_text(expr: &Expr, scope: &Scope<'_>) -> bool {
    let Expr::BinaryOp { left, op: BinaryOperator::Eq | BinaryOperator::NotEq, right } = expr
    else {
        return false;
    };
    let apart = |column: &Expr, text: &Expr| {
        let Expr::Value(v) = plain(text) else { return false };
        let Value::SingleQuotedString(text) = &v.value else { return false };
        let integer = column_name(column).and(scope.kind(column)).is_some_and(|k| {
            matches!(k.ty, SqlType::SmallInt | SqlType::Integer | SqlType::BigInt)
        });
        integer && text.parse::<i64>().is_ok_and(|n| n.to_string() != *text)
    };
    apart(left, right) || apart(right, left)
}
