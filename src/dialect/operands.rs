//! What the two sides of an arithmetic operator count as before it is planned. It plans no operator.
//!
//! Source: r_Type_conversion in c_Supported_data_types, r_numeric_computations201.

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, Result, ScalarValue, plan_datafusion_err};
use datafusion::logical_expr::planner::RawBinaryExpr;
use datafusion::logical_expr::{Expr, ExprSchemable, lit};

use super::operators::cast;

/// Gives a text literal a type, and a REAL beside another number the type DOUBLE PRECISION.
pub fn settle(expr: &mut RawBinaryExpr, left: &mut DataType, right: &mut DataType) -> Result<()> {
    if let Some(typed) = unknown(&expr.right, left)? {
        *right = typed.get_type(&DFSchema::empty())?;
        expr.right = typed;
    } else if let Some(typed) = unknown(&expr.left, right)? {
        *left = typed.get_type(&DFSchema::empty())?;
        expr.left = typed;
    }
    let real = |t: &DataType| *t == DataType::Float32;
    if real(left) != real(right) && left.is_numeric() && right.is_numeric() {
        let (side, ty) = if real(left) { (&mut expr.left, left) } else { (&mut expr.right, right) };
        *side = cast(side.clone(), DataType::Float64);
        *ty = DataType::Float64;
    }
    Ok(())
}

/// A text literal has no type of its own: beside a number it is a number, beside a moment a moment.
///
/// A VARCHAR is not converted for arithmetic: the table of implicit conversions has no row for it
/// (c_Supported_data_types). A number beside a decimal keeps the digits it is written with.
fn unknown(expr: &Expr, beside: &DataType) -> Result<Option<Expr>> {
    let Expr::Literal(ScalarValue::Utf8(Some(text)), _) = expr else { return Ok(None) };
    let text = text.trim();
    Ok(match beside {
        DataType::Decimal128(..) => Some(decimal_literal(text)?),
        t if t.is_numeric() => Some(cast(expr.clone(), t.clone())),
        DataType::Timestamp(..) | DataType::Date32 if text.contains(['-', '/', ':']) => {
            Some(cast(expr.clone(), beside.clone()))
        }
        _ => None,
    })
}

fn decimal_literal(text: &str) -> Result<Expr> {
    let invalid = || plan_datafusion_err!("cannot cast \"{text}\" to type numeric");
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let value: i128 = format!("{whole}{fraction}").parse().map_err(|_| invalid())?;
    let digits = whole.trim_start_matches(['+', '-', '0']).len() + fraction.len();
    let precision = u8::try_from(digits.max(1)).ok().filter(|p| *p <= 38).ok_or_else(invalid)?;
    let scale = i8::try_from(fraction.len()).map_err(|_| invalid())?;
    Ok(lit(ScalarValue::Decimal128(Some(value), precision, scale)))
}
