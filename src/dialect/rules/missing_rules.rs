//! What Redshift runs and Landfall cannot run faithfully. It approximates nothing.

use datafusion::sql::sqlparser::ast::Expr;

use super::list::missing;
use super::{Find, Rule};

pub(super) static RULES: &[Rule] = &[
    missing(
        "RS501",
        "CONNECT BY is not supported locally",
        "r_CONNECT_BY_clause",
        "write WITH RECURSIVE",
        Find::Select(|s| !s.connect_by.is_empty()),
    )
    .told(
        "Redshift runs it. WITH RECURSIVE says the same, and both engines run that.",
        "select code from t start with parent is null connect by parent = prior code",
        "with recursive c (code) as (select code from t where parent is null union all \
         select t.code from t join c on t.parent = c.code) select code from c",
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
