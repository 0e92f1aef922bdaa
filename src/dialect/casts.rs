//! What a cast means on Redshift: one rule after type coercion, and the casts of assignment.
//!
//! DataFusion's casts truncate 3.7 to 3, read ISO dates only and print timestamps with a `T`.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, Result as DfResult, ScalarValue, plan_err};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    BinaryExpr, Cast, Expr, ExprSchemable, GroupingSet, LogicalPlan, LogicalPlanBuilder, Operator,
    TryCast,
};
use datafusion::optimizer::AnalyzerRule;

use super::change::TableShape;
use super::functions::{self, TIMESTAMP, is_text, type_name};
use super::matched::holds;
use crate::error::{Error, Result};

/// Replaces casts by ours, and integer arithmetic by arithmetic that reports overflow.
#[derive(Debug)]
pub struct RedshiftCasts;

impl AnalyzerRule for RedshiftCasts {
    fn name(&self) -> &str {
        "redshift_casts"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> DfResult<LogicalPlan> {
        plan.transform_up_with_subqueries(|plan| {
            // the schema of a wide node costs more than a look at its expressions
            if !holds(&plan, &concerned)? {
                return Ok(Transformed::no(plan));
            }
            let mut schema = merge_schema(&plan.inputs());
            if let LogicalPlan::TableScan(scan) = &plan {
                schema.merge(&scan.projected_schema);
            }
            let names = NamePreserver::new(&plan);
            let mut named = |expr: Expr| {
                let name = names.save(&expr);
                let rewritten = expr.transform_up(|e| rewrite(e, &schema))?;
                Ok(rewritten.update_data(|e| name.restore(e)))
            };
            plan.map_expressions(|expr| match expr {
                // the sets keep no name, each key in them does
                Expr::GroupingSet(set) => keys_of(set, &mut named),
                expr => named(expr),
            })
        })
        .map(|t| t.data)
    }
}

/// Each key of grouping sets, changed by `change`.
fn keys_of(
    set: GroupingSet,
    change: &mut impl FnMut(Expr) -> DfResult<Transformed<Expr>>,
) -> DfResult<Transformed<Expr>> {
    let mut changed = false;
    let mut each = |keys: Vec<Expr>| -> DfResult<Vec<Expr>> {
        let one = |key| {
            let key = change(key)?;
            changed |= key.transformed;
            Ok(key.data)
        };
        keys.into_iter().map(one).collect()
    };
    let set = match set {
        GroupingSet::Rollup(keys) => GroupingSet::Rollup(each(keys)?),
        GroupingSet::Cube(keys) => GroupingSet::Cube(each(keys)?),
        GroupingSet::GroupingSets(sets) => {
            GroupingSet::GroupingSets(sets.into_iter().map(each).collect::<DfResult<_>>()?)
        }
    };
    let set = Expr::GroupingSet(set);
    Ok(if changed { Transformed::yes(set) } else { Transformed::no(set) })
}

/// What [`rewrite`] looks at.
fn concerned(expr: &Expr) -> bool {
    match expr {
        Expr::Cast(_) | Expr::TryCast(_) | Expr::Negative(_) => true,
        Expr::BinaryExpr(binary) => checked(binary.op).is_some(),
        _ => false,
    }
}

/// The function that computes with two integers and reports overflow.
fn checked(op: Operator) -> Option<&'static str> {
    match op {
        Operator::Plus => Some("checked_add"),
        Operator::Minus => Some("checked_subtract"),
        Operator::Multiply => Some("checked_multiply"),
        _ => None,
    }
}

fn rewrite(expr: Expr, schema: &DFSchema) -> DfResult<Transformed<Expr>> {
    match expr {
        Expr::Cast(cast) => {
            let from = cast.expr.get_type(schema)?;
            let to = cast.field.data_type().clone();
            if from == to && !matches!(*cast.expr, Expr::Literal(..)) {
                return Ok(Transformed::yes(*cast.expr));
            }
            match redshift_cast(*cast.expr, &from, &to)? {
                Outcome::Ours(expr) => Ok(Transformed::yes(expr)),
                Outcome::Arrows(expr) => Ok(Transformed::no(Expr::Cast(Cast::new_from_field(
                    Box::new(expr),
                    cast.field,
                )))),
            }
        }
        Expr::TryCast(cast) => {
            let from = cast.expr.get_type(schema)?;
            let to = cast.field.data_type().clone();
            tried(*cast.expr, &from, &to).map(Transformed::yes)
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let Some(name) = checked(op) else {
                return Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })));
            };
            let (l, r) = (left.get_type(schema)?, right.get_type(schema)?);
            if l == r && l.is_signed_integer() {
                return Ok(Transformed::yes(functions::call(name, vec![*left, *right])?));
            }
            let expr = Expr::BinaryExpr(BinaryExpr { left, op, right });
            // only a result of all 38 digits has no room for the digit a sum may gain
            if matches!(expr.get_type(schema)?, DataType::Decimal128(38, _)) {
                return Ok(Transformed::yes(functions::call("decimal_checked", vec![expr])?));
            }
            Ok(Transformed::no(expr))
        }
        Expr::Negative(value) => {
            let ty = value.get_type(schema)?;
            if !ty.is_signed_integer() || matches!(*value, Expr::Literal(..)) {
                return Ok(Transformed::no(Expr::Negative(value)));
            }
            // the least integer has no opposite
            let zero = Expr::Literal(ScalarValue::new_zero(&ty)?, None);
            Ok(Transformed::yes(functions::call("checked_subtract", vec![zero, *value])?))
        }
        other => Ok(Transformed::no(other)),
    }
}

enum Outcome {
    Ours(Expr),
    /// Arrow's cast means the same.
    Arrows(Expr),
}

fn is_bytes(ty: &DataType) -> bool {
    matches!(ty, DataType::Binary | DataType::BinaryView | DataType::LargeBinary)
}

fn redshift_cast(expr: Expr, from: &DataType, to: &DataType) -> DfResult<Outcome> {
    use DataType as D;
    let ours = |name: &str, expr: Expr| functions::call(name, vec![expr]);
    // our functions answer in one type; Arrow's cast does the rest and reports overflow
    let then = |expr: Expr, answer: D| {
        let expr =
            if answer == *to { expr } else { Expr::Cast(Cast::new(Box::new(expr), to.clone())) };
        Ok(Outcome::Ours(expr))
    };
    if is_text(from)
        && let Some((read, _, answer)) = reader(to)
    {
        return then(ours(read, expr)?, answer);
    }
    match (from, to) {
        (D::Float16 | D::Float32, t) if t.is_integer() => {
            let wide = Expr::Cast(Cast::new(Box::new(expr), D::Float64));
            then(ours("round_to_bigint", wide)?, D::Int64)
        }
        (D::Float64 | D::Decimal128(..), t) if t.is_integer() => {
            then(ours("round_to_bigint", expr)?, D::Int64)
        }
        (D::Timestamp(_, Some(_)), t) if is_text(t) => {
            then(ours("timestamptz_to_text", expr)?, D::Utf8View)
        }
        (f, D::Date32) if *f == TIMESTAMP => then(ours("timestamp_to_date", expr)?, D::Date32),
        (D::Timestamp(..), t) if is_text(t) => then(ours("timestamp_to_text", expr)?, D::Utf8View),
        (D::Date32, t) if is_text(t) => then(ours("date_to_text", expr)?, D::Utf8View),
        (D::Time64(_), t) if is_text(t) => then(ours("time_to_text", expr)?, D::Utf8View),
        (D::Float32 | D::Float64, t) if is_text(t) => {
            then(ours("float_to_text", expr)?, D::Utf8View)
        }
        (f, t) if f.is_signed_integer() && is_bytes(t) => {
            then(ours("int_to_varbyte", expr)?, D::Binary)
        }
        (f, t) if is_bytes(f) && t.is_signed_integer() => {
            then(ours("varbyte_to_bigint", expr)?, D::Int64)
        }
        (f, t) if is_bytes(f) != is_bytes(t) && !is_text(f) && !is_text(t) && *f != D::Null => {
            refuse(from, to)
        }
        (D::Boolean, t) if is_text(t) => refuse(from, to),
        (D::Boolean, D::Decimal128(..) | D::Float32 | D::Float64) => refuse(from, to),
        (f, D::Date32 | D::Timestamp(..)) if f.is_numeric() => refuse(from, to),
        (D::Date32 | D::Timestamp(..), t) if t.is_numeric() => refuse(from, to),
        _ => Ok(Outcome::Arrows(expr)),
    }
}

/// What reads a text as a type: the function of CAST, that of TRY_CAST, and the type both answer in.
fn reader(to: &DataType) -> Option<(&'static str, &'static str, DataType)> {
    use DataType as D;
    Some(match to {
        D::Date32 => ("text_to_date", "try_date", D::Date32),
        D::Timestamp(_, Some(_)) => {
            let zoned = D::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
            ("text_to_timestamptz", "try_timestamptz", zoned)
        }
        D::Timestamp(..) => ("text_to_timestamp", "try_timestamp", TIMESTAMP),
        D::Time64(TimeUnit::Microsecond) => ("text_to_time", "try_time", to.clone()),
        D::Boolean => ("text_to_boolean", "try_boolean", D::Boolean),
        t if t.is_integer() => ("text_to_bigint", "try_bigint", D::Int64),
        t if t.is_numeric() => ("text_to_number", "try_number", D::Utf8View),
        _ => return None,
    })
}

/// What TRY_CAST becomes: the cast, with NULL where it fails. What CAST refuses it refuses.
fn tried(expr: Expr, from: &DataType, to: &DataType) -> DfResult<Expr> {
    let expr = match reader(to).filter(|_| is_text(from)) {
        Some((_, read, _)) => functions::call(read, vec![expr])?,
        None => match redshift_cast(expr, from, to)? {
            Outcome::Ours(Expr::Cast(cast)) => *cast.expr,
            Outcome::Ours(ours) => return Ok(ours),
            Outcome::Arrows(expr) => expr,
        },
    };
    Ok(Expr::TryCast(TryCast::new(Box::new(expr), to.clone())))
}

fn refuse<T>(from: &DataType, to: &DataType) -> DfResult<T> {
    plan_err!("cannot cast type {} to {}", type_name(from), type_name(to))
}

/// Wraps a plan so that its columns from `first_column` on have the types of the table's columns.
///
/// The columns before `first_column` (row identity) pass unchanged. Rounding and formats are
/// Redshift's; the length of text is not cut: who writes checks the bytes.
/// Errors: `sql/width` when the counts differ, `sql/type` where Redshift has no such assignment.
pub fn assignment_casts(
    plan: LogicalPlan,
    first_column: usize,
    shape: &TableShape,
) -> Result<LogicalPlan> {
    let fields = plan.schema().fields().len();
    let expected = first_column + shape.columns.len();
    if fields != expected {
        return Err(Error::failed(
            "sql/width",
            format!("the statement yields {fields} columns where {} takes {expected}", shape.name),
        ));
    }
    let mut projection = Vec::with_capacity(fields);
    for (index, (qualifier, field)) in plan.schema().iter().enumerate() {
        let expr = Expr::Column(Column::new(qualifier.cloned(), field.name()));
        let column = index.checked_sub(first_column).and_then(|i| shape.columns.get(i));
        projection.push(match column {
            None => expr,
            Some(column) => {
                // The engine computes text as views, and who writes takes it so.
                let to = match column.ty.arrow() {
                    DataType::Utf8 => DataType::Utf8View,
                    other => other,
                };
                if !assignable(field.data_type(), &to) {
                    return Err(Error::failed(
                        "sql/type",
                        format!(
                            "column `{}` is of type {} but expression is of type {}",
                            column.name,
                            column.ty,
                            type_name(field.data_type())
                        ),
                    )
                    .about(shape.name.to_string())
                    .hint("rewrite or cast the expression"));
                }
                let expr = if *field.data_type() == to {
                    expr
                } else {
                    Expr::Cast(Cast::new(Box::new(expr), to))
                };
                expr.alias(&column.name)
            }
        });
    }
    LogicalPlanBuilder::from(plan)
        .project(projection)
        .and_then(LogicalPlanBuilder::build)
        .map_err(|e| super::wording::sql_error(e, None))
}

/// What Redshift assigns without an explicit cast.
pub fn assignable(from: &DataType, to: &DataType) -> bool {
    use DataType as D;
    let temporal = |t: &D| matches!(t, D::Date32 | D::Timestamp(..));
    match (from, to) {
        (D::Null, _) => true,
        (f, t) if f == t => true,
        (f, t) if temporal(f) => temporal(t) || is_text(t),
        (D::Boolean, t) => t.is_integer(),
        (f, D::Boolean) => f.is_integer() || is_text(f),
        (f, t) if f.is_numeric() => t.is_numeric() || is_text(t),
        (f, t) if is_text(f) => !matches!(t, D::Binary),
        (D::Dictionary(_, value), t) => assignable(value, t),
        (D::Time64(_) | D::Time32(_), t) => matches!(t, D::Time64(_)) || is_text(t),
        (D::Binary | D::BinaryView | D::LargeBinary, t) => matches!(t, D::Binary),
        _ => false,
    }
}
