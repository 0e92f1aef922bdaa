//! What runs on Redshift and often does not do what was meant. It refuses nothing.

use datafusion::sql::sqlparser::ast::{self, BinaryOperator, Expr};

use super::list::{advice, warning};
use super::{Find, Rule};
use crate::dialect::command::Command;

pub(super) static RULES: &[Rule] = &[
    warning(
        "RS001",
        "TRUNCATE commits what came before it in the transaction and cannot be rolled back",
        "r_TRUNCATE",
        "use DELETE FROM when the table must stay whole if a later statement fails",
        Find::Command(|c| matches!(c, Command::Truncate { .. })),
    ),
    advice(
        "RS002",
        "a positional INSERT depends on the order of the table's columns",
        "r_INSERT_30",
        "name the columns after the table",
        Find::Command(|c| matches!(c, Command::Insert(i) if i.columns.is_empty())),
    ),
    advice(
        "RS003",
        "DELETE without WHERE removes every row",
        "r_DELETE",
        "add a WHERE clause, or say TRUNCATE where the table may be empty for a moment",
        Find::Command(
            |c| matches!(c, Command::Delete(d) if d.filter.is_none() && d.using.is_empty()),
        ),
    ),
    advice(
        "RS004",
        "a comparison by = or <> with NULL is never true",
        "r_null_condition",
        "write IS NULL or IS NOT NULL",
        Find::Expr(compares_null),
    ),
    advice(
        "RS005",
        "UPDATE without WHERE and without FROM changes every row",
        "r_UPDATE",
        "add a WHERE clause",
        Find::Command(
            |c| matches!(c, Command::Update(u) if u.filter.is_none() && u.from.is_empty()),
        ),
    ),
    advice(
        "RS006",
        "DECIMAL without precision is DECIMAL(18,0): fractions vanish",
        "r_Numeric_types201",
        "write DECIMAL(p,s)",
        Find::Expr(|e| matches!(e, Expr::Cast { data_type, .. } if is_bare_decimal(data_type))),
    ),
    advice(
        "RS007",
        "SUBSTR fails on Redshift in some queries: SUBSTR() function is not supported",
        "r_SUBSTRING",
        "use SUBSTRING instead",
        Find::Expr(|e| matches!(e, Expr::Substring { shorthand: true, .. })),
    ),
];

fn is_null(e: &Expr) -> bool {
    matches!(e, Expr::Value(v) if v.value == ast::Value::Null)
}

fn compares_null(e: &Expr) -> bool {
    matches!(e, Expr::BinaryOp { left, op: BinaryOperator::Eq | BinaryOperator::NotEq, right }
        if is_null(left) || is_null(right))
}

fn is_bare_decimal(data_type: &ast::DataType) -> bool {
    use ast::{DataType, ExactNumberInfo};
    matches!(
        data_type,
        DataType::Numeric(ExactNumberInfo::None)
            | DataType::Decimal(ExactNumberInfo::None)
            | DataType::Dec(ExactNumberInfo::None)
    )
}
