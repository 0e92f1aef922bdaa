//! Operators whose meaning depends on the types of both sides. It sees one operator at a time.
//!
//! Source: r_numeric_computations201, r_OPERATOR_SYMBOLS, r_Datetime_types.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::{DFSchema, Result, ScalarValue, plan_err};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{BinaryExpr, Cast, Expr, ExprSchemable, Operator, lit};
use datafusion::sql::sqlparser::ast::BinaryOperator;

use super::functions::{self, TIMESTAMP, is_text};
use super::{operands, rewrite};

/// Our operators; DataFusion's rules apply to what it leaves.
#[derive(Debug)]
pub struct Operators;

impl ExprPlanner for Operators {
    fn plan_binary_op(
        &self,
        expr: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        let (left, right) = match (expr.left.get_type(schema), expr.right.get_type(schema)) {
            (Ok(left), Ok(right)) => (left, right),
            // an unknown column is reported where DataFusion resolves it
            _ => return Ok(PlannerResult::Original(expr)),
        };
        plan(expr, &left, &right)
    }

    /// Whole numbers come as arrays of one.
    fn plan_array_literal(
        &self,
        elements: Vec<Expr>,
        _: &DFSchema,
    ) -> Result<PlannerResult<Vec<Expr>>> {
        Ok(match rewrite::typed(&elements) {
            Some(literal) => PlannerResult::Planned(literal),
            None => PlannerResult::Original(elements),
        })
    }
}

fn is_decimal(ty: &DataType) -> bool {
    matches!(ty, DataType::Decimal128(..))
}

fn is_comparison(op: &BinaryOperator) -> bool {
    use BinaryOperator as B;
    matches!(op, B::Eq | B::NotEq | B::Lt | B::LtEq | B::Gt | B::GtEq)
}

/// Refuses bitwise operators of numbers with a point: they are of whole numbers and VARBYTE alone
/// (r_OPERATOR_SYMBOLS, r_VARBYTE_OPERATORS).
fn bits_are_whole(op: &BinaryOperator, left: &DataType, right: &DataType) -> Result<()> {
    use BinaryOperator as B;
    let bitwise = matches!(
        op,
        B::BitwiseAnd
            | B::BitwiseOr
            | B::PGBitwiseXor
            | B::PGBitwiseShiftLeft
            | B::PGBitwiseShiftRight
    );
    if !bitwise || [left, right].iter().all(|t| t.is_integer() || !t.is_numeric()) {
        return Ok(());
    }
    no_operator(left, op, right)
}

fn no_operator<T>(left: &DataType, op: &BinaryOperator, right: &DataType) -> Result<T> {
    let (left, right) = (functions::type_name(left), functions::type_name(right));
    plan_err!("operator does not exist: {left} {op} {right}")
}

fn is_moment(ty: &DataType) -> bool {
    matches!(ty, DataType::Date32 | DataType::Timestamp(..))
}

/// Numbers, days and times become texts by themselves where a text is taken (c_Supported_data_types).
fn is_printed(ty: &DataType) -> bool {
    ty.is_numeric() || is_moment(ty) || matches!(ty, DataType::Time64(_))
}

pub fn cast(expr: Expr, to: DataType) -> Expr {
    Expr::Cast(Cast::new(Box::new(expr), to))
}

fn concatenated(left: Expr, right: Expr) -> Result<PlannerResult<RawBinaryExpr>> {
    Ok(PlannerResult::Planned(binary(left, Operator::StringConcat, right)))
}

fn plan(
    mut expr: RawBinaryExpr,
    left: &DataType,
    right: &DataType,
) -> Result<PlannerResult<RawBinaryExpr>> {
    use BinaryOperator as B;
    let arithmetic = matches!(expr.op, B::Plus | B::Minus | B::Multiply | B::Divide | B::Modulo);
    let (mut left, mut right) = (left.clone(), right.clone());
    if arithmetic {
        operands::settle(&mut expr, &mut left, &mut right)?;
    }
    let (left, right) = (&left, &right);
    if left.is_binary()
        && right.is_binary()
        && let Some(name) = of_bytes(&expr.op)
    {
        return called(name, expr.left, expr.right);
    }
    bits_are_whole(&expr.op, left, right)?;
    match &expr.op {
        B::PGExp | B::BitwiseXor => return called("power", expr.left, expr.right),
        B::Plus if is_text(left) && is_text(right) => {
            return concatenated(expr.left, expr.right);
        }
        B::StringConcat if is_printed(left) && is_printed(right) => {
            let [left, right] = [expr.left, expr.right].map(|e| cast(e, DataType::Utf8View));
            return concatenated(left, right);
        }
        op if is_comparison(op) => {
            compare_booleans(&mut expr, left, right);
            compare_dates(&mut expr, left, right);
        }
        B::Plus if [left, right].iter().all(|ty| is_moment(ty)) => {
            return no_operator(left, &expr.op, right);
        }
        B::Plus | B::Minus => {
            if let Some(planned) = date_arithmetic(&expr, left, right)? {
                return Ok(PlannerResult::Planned(planned));
            }
        }
        _ => {}
    }
    let interval = |t: &DataType| matches!(t, DataType::Interval(_));
    match expr.op {
        B::Multiply if interval(left) && right.is_numeric() => {
            return called("interval_times", expr.left, expr.right);
        }
        B::Multiply if left.is_numeric() && interval(right) => {
            return called("interval_times", expr.right, expr.left);
        }
        B::Divide if interval(left) && right.is_numeric() => {
            return called("interval_over", expr.left, expr.right);
        }
        _ => {}
    }
    if arithmetic && (is_decimal(left) || is_decimal(right)) {
        return decimal_arithmetic(expr, left, right);
    }
    let real = |t: &DataType| *t == DataType::Float32;
    if expr.op == B::Divide && real(left) && real(right) {
        let quotient = functions::call("float_divide", vec![expr.left, expr.right])?;
        return Ok(PlannerResult::Planned(cast(quotient, DataType::Float32)));
    }
    let float = |t: &DataType| matches!(t, DataType::Float32 | DataType::Float64);
    if expr.op == B::Divide && (float(left) || float(right)) {
        return called("float_divide", expr.left, expr.right);
    }
    Ok(PlannerResult::Original(expr))
}

/// True for an operator that compares two values.
pub fn compares(op: Operator) -> bool {
    use Operator as O;
    matches!(op, O::Eq | O::NotEq | O::Lt | O::LtEq | O::Gt | O::GtEq)
        || matches!(op, O::IsDistinctFrom | O::IsNotDistinctFrom)
}

/// True for + - * / %.
pub fn is_arithmetic(op: Operator) -> bool {
    sign(op).is_some()
}

fn sign(op: Operator) -> Option<BinaryOperator> {
    Some(match op {
        Operator::Plus => BinaryOperator::Plus,
        Operator::Minus => BinaryOperator::Minus,
        Operator::Multiply => BinaryOperator::Multiply,
        Operator::Divide => BinaryOperator::Divide,
        Operator::Modulo => BinaryOperator::Modulo,
        _ => return None,
    })
}

/// The operator that was planned as a call of this function.
pub fn planned_as(function: &str) -> Option<Operator> {
    Some(match function {
        "decimal_multiply" => Operator::Multiply,
        "decimal_divide" | "float_divide" => Operator::Divide,
        "decimal_mod" => Operator::Modulo,
        _ => return None,
    })
}

/// Plans arithmetic with the types its operands have in a schema.
pub fn again(left: Expr, op: Operator, right: Expr, schema: &DFSchema) -> Result<Expr> {
    let Some(sign) = sign(op) else { return Ok(binary(left, op, right)) };
    let (l, r) = (left.get_type(schema)?, right.get_type(schema)?);
    let raw = RawBinaryExpr { op: sign, left, right };
    Ok(match plan(raw, &l, &r)? {
        PlannerResult::Planned(expr) => expr,
        PlannerResult::Original(raw) => binary(raw.left, op, raw.right),
    })
}

/// What an operator is between two VARBYTEs (r_VARBYTE_OPERATORS).
fn of_bytes(op: &BinaryOperator) -> Option<&'static str> {
    use BinaryOperator as B;
    Some(match op {
        B::Plus | B::StringConcat => "concat",
        B::BitwiseAnd => "varbyte_and",
        B::BitwiseOr => "varbyte_or",
        B::PGBitwiseXor => "varbyte_xor",
        _ => return None,
    })
}

fn called(name: &str, left: Expr, right: Expr) -> Result<PlannerResult<RawBinaryExpr>> {
    Ok(PlannerResult::Planned(functions::call(name, vec![left, right])?))
}

fn binary(left: Expr, op: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)))
}

/// `flag = 't'`, `flag = 1`.
fn compare_booleans(expr: &mut RawBinaryExpr, left: &DataType, right: &DataType) {
    let other = |t: &DataType| is_text(t) || t.is_integer();
    if *left == DataType::Boolean && other(right) {
        expr.right = cast(expr.right.clone(), DataType::Boolean);
    } else if *right == DataType::Boolean && other(left) {
        expr.left = cast(expr.left.clone(), DataType::Boolean);
    }
}

/// A date beside a timestamp is its midnight. DataFusion would compare nanoseconds, which end in 2262.
fn compare_dates(expr: &mut RawBinaryExpr, left: &DataType, right: &DataType) {
    let plain = |t: &DataType| matches!(t, DataType::Timestamp(_, None));
    if *left == DataType::Date32 && plain(right) {
        expr.left = cast(expr.left.clone(), TIMESTAMP);
    } else if *right == DataType::Date32 && plain(left) {
        expr.right = cast(expr.right.clone(), TIMESTAMP);
    }
}

/// A date or timestamp and a number of days, or an interval.
fn date_arithmetic(
    expr: &RawBinaryExpr,
    left: &DataType,
    right: &DataType,
) -> Result<Option<Expr>> {
    let minus = expr.op == BinaryOperator::Minus;
    let days = |at: &Expr, count: &Expr| {
        let count = if minus { Expr::Negative(Box::new(count.clone())) } else { count.clone() };
        functions::call("dateadd", vec![lit("day"), count, at.clone()])
    };
    let stamp = |t: &DataType| matches!(t, DataType::Timestamp(..));
    let moment = |t: &DataType| matches!(t, DataType::Timestamp(..) | DataType::Date32);
    let apart = |a: &Expr, b: &Expr| functions::call("moments_apart", vec![a.clone(), b.clone()]);
    let interval = |t: &DataType| matches!(t, DataType::Interval(_));
    let op = if minus { Operator::Minus } else { Operator::Plus };
    Ok(match (left, right) {
        (l, r) if stamp(l) && r.is_integer() => Some(days(&expr.left, &expr.right)?),
        (l, r) if l.is_integer() && stamp(r) && !minus => Some(days(&expr.right, &expr.left)?),
        // a date moves by whole days and stays a date
        (DataType::Date32, r) if r.is_integer() => {
            Some(cast(days(&expr.left, &expr.right)?, DataType::Date32))
        }
        (l, DataType::Date32) if l.is_integer() && !minus => {
            Some(cast(days(&expr.right, &expr.left)?, DataType::Date32))
        }
        (DataType::Date32, DataType::Date32) if minus => Some(functions::call(
            "datediff",
            vec![lit("day"), expr.right.clone(), expr.left.clone()],
        )?),
        (DataType::Time64(_), DataType::Time64(_)) if minus => {
            Some(apart(&expr.left, &expr.right)?)
        }
        (l, r) if minus && moment(l) && moment(r) => {
            let at = |e: &Expr, t: &DataType| match t {
                DataType::Timestamp(TimeUnit::Microsecond, _) => e.clone(),
                _ => cast(e.clone(), TIMESTAMP),
            };
            Some(apart(&at(&expr.left, l), &at(&expr.right, r))?)
        }
        // a date and an interval make a timestamp
        (DataType::Date32, r) if interval(r) => {
            Some(binary(cast(expr.left.clone(), TIMESTAMP), op, expr.right.clone()))
        }
        (l, DataType::Date32) if interval(l) && !minus => {
            Some(binary(expr.left.clone(), op, cast(expr.right.clone(), TIMESTAMP)))
        }
        _ => None,
    })
}

/// The digits an integer counts as. A literal that fits four bytes is an INT4.
fn integer_precision(expr: &Expr, ty: &DataType) -> Option<u8> {
    match (expr, ty) {
        (Expr::Literal(ScalarValue::Int64(Some(n)), _), _) if i32::try_from(*n).is_ok() => Some(10),
        (_, ty) => functions::whole_digits(ty),
    }
}

fn decimal_arithmetic(
    mut expr: RawBinaryExpr,
    left: &DataType,
    right: &DataType,
) -> Result<PlannerResult<RawBinaryExpr>> {
    if let Some(p) = integer_precision(&expr.left, left) {
        expr.left = cast(expr.left, DataType::Decimal128(p, 0));
    }
    if let Some(p) = integer_precision(&expr.right, right) {
        expr.right = cast(expr.right, DataType::Decimal128(p, 0));
    }
    let exact = |t: &DataType| is_decimal(t) || t.is_integer();
    if !exact(left) || !exact(right) {
        return match expr.op {
            // text is read as a decimal of the other side's making; a float makes both float
            BinaryOperator::Divide => Ok(PlannerResult::Planned(functions::call(
                "float_divide",
                vec![expr.left, expr.right],
            )?)),
            _ => Ok(PlannerResult::Original(expr)),
        };
    }
    let name = match expr.op {
        BinaryOperator::Divide => "decimal_divide",
        BinaryOperator::Multiply => "decimal_multiply",
        BinaryOperator::Modulo => "decimal_mod",
        _ => return Ok(PlannerResult::Original(expr)),
    };
    Ok(PlannerResult::Planned(functions::call(name, vec![expr.left, expr.right])?))
}
