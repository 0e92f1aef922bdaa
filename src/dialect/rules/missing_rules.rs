//! What Redshift runs and Landfall cannot run faithfully. It approximates nothing.

use datafusion::sql::sqlparser::ast::Expr;

use super::list::missing;
use super::{Find, Rule};

pub(super) static RULES: &[Rule] = &[
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
];
