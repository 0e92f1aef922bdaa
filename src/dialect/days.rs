//! Days compared as days: how the engine runs `day < moment` where only the moment has a time.
//!
//! On Redshift DATEADD of a date is a timestamp, and a date beside a timestamp is one, so that
//! `day >= dateadd(month, -1, '2024-02-01')` makes a timestamp of every row's date. Beside a
//! constant the same rows are found by comparing dates, for which columns have statistics, too.
//! What a comparison means is not decided here.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{BinaryExpr, Cast, Expr, ExprSchemable, LogicalPlan, Operator};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use super::functions::DAY;
use super::matched::holds;

/// Compares a date with the day of a constant moment instead of making it a timestamp.
#[derive(Debug)]
pub struct Days;

impl OptimizerRule for Days {
    fn name(&self) -> &str {
        "days"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        // the schema of a wide node costs more than a look at its expressions
        if !holds(&plan, &concerned)? {
            return Ok(Transformed::no(plan));
        }
        let schema = merge_schema(&plan.inputs());
        plan.map_expressions(|expr| {
            expr.transform_up(|expr| {
                Ok(match days(&expr, &schema) {
                    Some(days) => Transformed::yes(days),
                    None => Transformed::no(expr),
                })
            })
        })
    }
}

/// True for a constant moment beside a cast, the one shape that [`days`] may rewrite.
fn concerned(expr: &Expr) -> bool {
    let Expr::BinaryExpr(BinaryExpr { left, right, .. }) = expr else { return false };
    let cast = |expr: &Expr| matches!(expr, Expr::Cast(_));
    moment(left).is_some() && cast(right) || cast(left) && moment(right).is_some()
}

/// The comparison of days that answers what `expr` does, NULL for NULL.
fn days(expr: &Expr, schema: &DFSchema) -> Option<Expr> {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = expr else { return None };
    let (day, op, moment) = match (moment(left), moment(right)) {
        (None, Some(moment)) => (day(left, schema)?, *op, moment),
        (Some(moment), None) => (day(right, schema)?, op.swap()?, moment),
        _ => return None,
    };
    let (number, midnight) = (moment.div_euclid(DAY), moment.rem_euclid(DAY) == 0);
    let number = i32::try_from(number).ok()?;
    let op = match op {
        // a day begins at midnight: one that begins within this day begins before the moment
        Operator::Lt if !midnight => Operator::LtEq,
        Operator::GtEq if !midnight => Operator::Gt,
        Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq => op,
        Operator::Eq | Operator::NotEq if midnight => op,
        _ => return None,
    };
    let literal = Expr::Literal(ScalarValue::Date32(Some(number)), None);
    Some(Expr::BinaryExpr(BinaryExpr::new(Box::new(day.clone()), op, Box::new(literal))))
}

/// The date that `expr` makes a timestamp of.
fn day<'e>(expr: &'e Expr, schema: &DFSchema) -> Option<&'e Expr> {
    let Expr::Cast(Cast { expr, field }) = expr else { return None };
    let timestamp = field.data_type() == &DataType::Timestamp(TimeUnit::Microsecond, None);
    (timestamp && expr.get_type(schema).ok()? == DataType::Date32).then_some(expr)
}

fn moment(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Literal(ScalarValue::TimestampMicrosecond(moment, None), _) => *moment,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use arrow::datatypes::Field;
    use datafusion::prelude::col;

    use super::*;

    const OPERATORS: [Operator; 6] =
        [Operator::Lt, Operator::LtEq, Operator::Gt, Operator::GtEq, Operator::Eq, Operator::NotEq];

    fn holds(left: i64, op: Operator, right: i64) -> bool {
        match op {
            Operator::Lt => left < right,
            Operator::LtEq => left <= right,
            Operator::Gt => left > right,
            Operator::GtEq => left >= right,
            Operator::Eq => left == right,
            Operator::NotEq => left != right,
            other => panic!("{other}"),
        }
    }

    fn timestamp(expr: Expr) -> Expr {
        let ty = DataType::Timestamp(TimeUnit::Microsecond, None);
        Expr::Cast(Cast::new(Box::new(expr), ty))
    }

    fn schema(ty: DataType) -> DFSchema {
        let fields = vec![Field::new("d", ty, true)];
        DFSchema::from_unqualified_fields(fields.into(), HashMap::new()).expect("a schema")
    }

    #[test]
    fn the_days_answer_what_the_moments_did() {
        let schema = schema(DataType::Date32);
        let literal =
            |moment| Expr::Literal(ScalarValue::TimestampMicrosecond(Some(moment), None), None);
        let mut rewritten = 0;
        for moment in [-2 * DAY, -DAY - 1, -1, 0, 1, DAY - 1, DAY, DAY + DAY / 2] {
            for (op, swapped) in OPERATORS.iter().flat_map(|op| [(*op, false), (*op, true)]) {
                let (day, moment_literal) = (timestamp(col("d")), literal(moment));
                let (left, right) =
                    if swapped { (moment_literal, day) } else { (day, moment_literal) };
                let expr = BinaryExpr::new(Box::new(left), op, Box::new(right));
                let Some(new) = days(&Expr::BinaryExpr(expr), &schema) else { continue };
                rewritten += 1;
                let Expr::BinaryExpr(new) = new else { panic!("{new}") };
                assert_eq!(*new.left, col("d"));
                let Expr::Literal(ScalarValue::Date32(Some(number)), _) = *new.right else {
                    panic!("{}", new.right)
                };
                for day in -4..5 {
                    let want = match swapped {
                        false => holds(day * DAY, op, moment),
                        true => holds(moment, op, day * DAY),
                    };
                    let told = format!("day {day} {op} moment {moment}, swapped {swapped}");
                    assert_eq!(holds(day, new.op, i64::from(number)), want, "{told}");
                }
            }
        }
        // all but equality with a moment inside a day
        assert_eq!(rewritten, 8 * 8 + 3 * 4);
    }

    #[test]
    fn other_casts_are_left_alone() {
        let moment = Expr::Literal(ScalarValue::TimestampMicrosecond(Some(0), None), None);
        let expr = Expr::BinaryExpr(BinaryExpr::new(
            Box::new(timestamp(col("d"))),
            Operator::Lt,
            Box::new(moment),
        ));
        let zoned = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        assert_eq!(days(&expr, &schema(zoned)), None);
    }
}
