//! What Redshift runs and Landfall cannot run faithfully. It approximates nothing.

use datafusion::sql::sqlparser::ast::{self, Expr, TableFactor};

use super::list::missing;
use super::{Find, Rule};

pub(super) static RULES: &[Rule] = &[
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
        "RS505",
        "a comparison with ALL or ANY of a subquery, but for = ANY, is not supported locally",
        "r_subqueries_in_WHERE",
        "compare with (SELECT MAX(...)) or (SELECT MIN(...)), or write EXISTS",
        // DataFusion 55.2 answers them without an error, and wrongly where the subquery has rows
        // on both sides of the value.
        Find::Expr(|e| match e {
            Expr::AllOp { .. } => true,
            Expr::AnyOp { compare_op, .. } => *compare_op != ast::BinaryOperator::Eq,
            _ => false,
        }),
    ),
    missing(
        "RS504",
        "TRY_CAST is not supported locally",
        "r_TRY_CAST",
        "test the text with a pattern before CAST",
        Find::Expr(|e| {
            matches!(e, Expr::Cast { kind: ast::CastKind::TryCast | ast::CastKind::SafeCast, .. })
        }),
    ),
    missing(
        "RS503",
        "navigation into SUPER values is not supported locally",
        "query-super",
        "use the JSON functions on text",
        Find::Expr(|e| matches!(e, Expr::CompoundFieldAccess { .. } | Expr::JsonAccess { .. })),
    ),
];
