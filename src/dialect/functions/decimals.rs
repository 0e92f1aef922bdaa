//! Exact arithmetic of DECIMALs: the types of its results, rounding and overflow.
//!
//! Source: r_numeric_computations201. Functions of numbers are in `math`; addition and subtraction
//! are Arrow's own, checked where no digit is left.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Decimal128Array, new_null_array};
use arrow::datatypes::{DataType, Decimal128Type, Int64Type, i256};
use datafusion::common::{DataFusionError, Result, exec_datafusion_err, plan_err};
use datafusion::logical_expr::ScalarUDF;

use super::casting::divide_rounded;
use super::udf::{Args, Function, Kind, udf};

const MAX: u8 = 38;

pub fn all() -> Vec<Arc<ScalarUDF>> {
    vec![
        udf(exact("decimal_divide", |types| Ok(divide_type(types)?.0), decimal_divide)),
        udf(exact("decimal_multiply", |types| Ok(multiply_type(types)?.0), decimal_multiply)),
        udf(exact("decimal_mod", mod_type, decimal_mod)),
        udf(Function { params: &[Kind::Any], ..exact("decimal_checked", first, decimal_checked) }),
    ]
}

pub fn exact(
    name: &'static str,
    returns: fn(&[DataType]) -> Result<DataType>,
    run: fn(&Args) -> Result<ArrayRef>,
) -> Function {
    Function { name, params: &[Kind::Any, Kind::Any], optional: 0, variadic: false, returns, run }
}

pub fn first(types: &[DataType]) -> Result<DataType> {
    types.first().cloned().ok_or_else(|| exec_datafusion_err!("an argument is missing"))
}

pub fn by_zero() -> DataFusionError {
    exec_datafusion_err!("division by zero")
}

/// The precision of the decimal a whole number counts as: INT2, INT4, INT8
/// (r_numeric_computations201).
pub fn whole_digits(ty: &DataType) -> Option<u8> {
    match ty {
        DataType::Int8 | DataType::Int16 => Some(5),
        DataType::Int32 | DataType::UInt16 => Some(10),
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => Some(19),
        _ => None,
    }
}

/// Precision and scale of a decimal; an integer has scale 0.
fn digits(types: &[DataType], n: usize) -> Result<(i32, i32)> {
    let ty = types.get(n);
    match (ty, ty.and_then(whole_digits)) {
        (Some(DataType::Decimal128(p, s)), _) => Ok((i32::from(*p), i32::from(*s))),
        (_, Some(precision)) => Ok((i32::from(precision), 0)),
        (other, None) => plan_err!("expected an exact number, found {other:?}"),
    }
}

fn decimal(precision: i32, scale: i32) -> DataType {
    let clamp = |v: i32, most: i32| v.clamp(0, most);
    DataType::Decimal128(clamp(precision, 38).max(1) as u8, clamp(scale, 37) as i8)
}

/// DEC(p1,s1) / DEC(p2,s2), and its scale.
fn divide_type(types: &[DataType]) -> Result<(DataType, i32)> {
    let ((p1, s1), (p2, s2)) = (digits(types, 0)?, digits(types, 1)?);
    let scale = 4.max(s1 + p2 - s2 + 1);
    let precision = p1 - s1 + s2 + scale;
    let (precision, scale) =
        if precision > 38 { (38, (38 + scale - precision).max(4)) } else { (precision, scale) };
    Ok((decimal(precision, scale), scale))
}

fn multiply_type(types: &[DataType]) -> Result<(DataType, i32)> {
    let ((p1, s1), (p2, s2)) = (digits(types, 0)?, digits(types, 1)?);
    let (precision, scale) = (p1 + p2 + 1, s1 + s2);
    let (precision, scale) = if precision > 38 {
        (38, (38 + scale - precision).max(4).min(scale))
    } else {
        (precision, scale)
    };
    Ok((decimal(precision, scale), scale))
}

fn mod_type(types: &[DataType]) -> Result<DataType> {
    let ((p1, s1), (p2, s2)) = (digits(types, 0)?, digits(types, 1)?);
    let scale = s1.max(s2);
    Ok(decimal((p1 - s1).max(p2 - s2) + scale, scale))
}

/// The unscaled value of an argument as a function of the row.
fn unscaled<'a>(args: &'a Args<'a>, n: usize) -> Result<Box<dyn Fn(usize) -> Option<i128> + 'a>> {
    use arrow::datatypes::{Int16Type, Int32Type};
    Ok(match args.arg(n)?.array.data_type() {
        DataType::Int16 => {
            let v = args.primitive::<Int16Type>(n)?;
            Box::new(move |i| v.get(i).map(i128::from))
        }
        DataType::Int32 => {
            let v = args.primitive::<Int32Type>(n)?;
            Box::new(move |i| v.get(i).map(i128::from))
        }
        DataType::Int64 => {
            let v = args.primitive::<Int64Type>(n)?;
            Box::new(move |i| v.get(i).map(i128::from))
        }
        _ => {
            let v = args.primitive::<Decimal128Type>(n)?;
            Box::new(move |i| v.get(i))
        }
    })
}

fn types_of(args: &Args) -> Vec<DataType> {
    args.values.iter().map(|a| a.array.data_type().clone()).collect()
}

fn power_of_ten(n: i32) -> Result<i256> {
    let n = u32::try_from(n).map_err(|_| overflow())?;
    (0..n).try_fold(i256::ONE, |v, _| v.checked_mul(i256::from_i128(10))).ok_or_else(overflow)
}

pub fn overflow() -> DataFusionError {
    exec_datafusion_err!("128 bit numeric data overflow")
}

fn narrowed(value: i256, precision: u8) -> Result<i128> {
    let value = value.to_i128().ok_or_else(overflow)?;
    let limit = 10_u128.checked_pow(u32::from(precision)).unwrap_or(u128::MAX);
    if value.unsigned_abs() < limit { Ok(value) } else { Err(overflow()) }
}

/// Rounded half away from zero.
fn divided(value: i256, by: i256) -> i256 {
    let quotient = value.wrapping_div(by);
    let rest = value.wrapping_sub(quotient.wrapping_mul(by));
    let twice = rest.wrapping_abs().wrapping_mul(i256::from_i128(2));
    if twice < by.wrapping_abs() || rest == i256::ZERO {
        return quotient;
    }
    let negative = value.is_negative() != by.is_negative();
    quotient.wrapping_add(if negative { i256::MINUS_ONE } else { i256::ONE })
}

fn pairs(args: &Args, f: impl Fn(i128, i128) -> Result<i128>) -> Result<ArrayRef> {
    let (left, right) = (unscaled(args, 0)?, unscaled(args, 1)?);
    let out: Decimal128Array = (0..args.rows)
        .map(|i| match (left(i), right(i)) {
            (Some(a), Some(b)) => f(a, b).map(Some),
            _ => Ok(None),
        })
        .collect::<Result<_>>()?;
    Ok(Arc::new(out.with_data_type(args.returns.clone())))
}

fn precision_of(ty: &DataType) -> u8 {
    if let DataType::Decimal128(p, _) = ty { *p } else { MAX }
}

/// The value itself, if 38 digits hold it.
fn decimal_checked(args: &Args) -> Result<ArrayRef> {
    let array = &args.arg(0)?.array;
    let limit = 10_u128.pow(u32::from(MAX));
    // the optimizer asks what becomes of NULL
    let Some(values) = array.as_primitive_opt::<Decimal128Type>() else {
        return Ok(new_null_array(args.returns, array.len()));
    };
    match values.iter().flatten().all(|v| v.unsigned_abs() < limit) {
        true => Ok(Arc::clone(array)),
        false => Err(overflow()),
    }
}

fn decimal_divide(args: &Args) -> Result<ArrayRef> {
    let types = types_of(args);
    let (_, scale) = divide_type(&types)?;
    let shift = scale - digits(&types, 0)?.1 + digits(&types, 1)?.1;
    let (up, down) = (power_of_ten(shift.max(0))?, power_of_ten((-shift).max(0))?);
    let precision = precision_of(args.returns);
    let small_up = up.to_i128();
    pairs(args, |a, b| {
        if b == 0 {
            return Err(by_zero());
        }
        if shift >= 0
            && let Some(scaled) = small_up.and_then(|u| a.checked_mul(u))
        {
            let value = divide_rounded(scaled * b.signum(), b.abs());
            return narrowed(i256::from_i128(value), precision);
        }
        let value = i256::from_i128(a).checked_mul(up).ok_or_else(overflow)?;
        let by = i256::from_i128(b).checked_mul(down).ok_or_else(overflow)?;
        narrowed(divided(value, by), precision)
    })
}

fn decimal_multiply(args: &Args) -> Result<ArrayRef> {
    let types = types_of(args);
    let (_, scale) = multiply_type(&types)?;
    let ((p1, s1), (p2, s2)) = (digits(&types, 0)?, digits(&types, 1)?);
    let down = power_of_ten(s1 + s2 - scale)?;
    let precision = precision_of(args.returns);
    let exact = down == i256::ONE;
    if exact && p1 + p2 <= i32::from(MAX) {
        return products(args, p1.max(p2) <= 18);
    }
    let limit = 10_u128.checked_pow(u32::from(precision)).unwrap_or(u128::MAX);
    pairs(args, |a, b| {
        if exact && let Some(value) = a.checked_mul(b) {
            return if value.unsigned_abs() < limit { Ok(value) } else { Err(overflow()) };
        }
        // the product itself has to fit 38 digits (r_numeric_computations201, "Overflow conditions")
        let product = i256::from_i128(a).wrapping_mul(i256::from_i128(b));
        narrowed(product, MAX)?;
        narrowed(divided(product, down), precision)
    })
}

/// Products that 38 digits hold whatever the values are; `small` says that each value has at most
/// 18 digits, so that one multiplication of the machine makes a product.
fn products(args: &Args, small: bool) -> Result<ArrayRef> {
    let (left, right) =
        (args.primitive::<Decimal128Type>(0)?, args.primitive::<Decimal128Type>(1)?);
    let by = |a: i128, b: i128| match small {
        true => i128::from(a as i64) * i128::from(b as i64),
        false => a.wrapping_mul(b),
    };
    let out: Decimal128Array = match (left.constant(), right.constant()) {
        (Some(None), _) | (_, Some(None)) => Decimal128Array::new_null(args.rows),
        (Some(Some(a)), _) => right.array.unary(|b| by(a, b)),
        (_, Some(Some(b))) => left.array.unary(|a| by(a, b)),
        _ => arrow::compute::binary(left.array, right.array, by)?,
    };
    Ok(Arc::new(out.with_data_type(args.returns.clone())))
}

fn decimal_mod(args: &Args) -> Result<ArrayRef> {
    let types = types_of(args);
    let ((_, s1), (_, s2)) = (digits(&types, 0)?, digits(&types, 1)?);
    let scale = s1.max(s2);
    let (up1, up2) = (power_of_ten(scale - s1)?, power_of_ten(scale - s2)?);
    pairs(args, |a, b| {
        let (a, b) = (i256::from_i128(a).wrapping_mul(up1), i256::from_i128(b).wrapping_mul(up2));
        if b == i256::ZERO {
            return Err(by_zero());
        }
        a.wrapping_rem(b).to_i128().ok_or_else(overflow)
    })
}

#[cfg(test)]
mod tests {
    use datafusion::common::ScalarValue;
    use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};
    use proptest::prelude::*;

    use super::*;

    fn column(values: &[Option<i128>], precision: u8, scale: i8) -> ColumnarValue {
        let array = Decimal128Array::from(values.to_vec());
        ColumnarValue::Array(Arc::new(array.with_data_type(DataType::Decimal128(precision, scale))))
    }

    fn multiplied(left: ColumnarValue, right: ColumnarValue, rows: usize) -> Vec<Option<i128>> {
        let types = vec![left.data_type(), right.data_type()];
        let returns = multiply_type(&types).expect("decimals").0;
        let field = |ty| Arc::new(arrow::datatypes::Field::new("", ty, true));
        let function =
            udf(exact("decimal_multiply", |t| Ok(multiply_type(t)?.0), decimal_multiply));
        let answer = function.invoke_with_args(ScalarFunctionArgs {
            args: vec![left, right],
            arg_fields: types.into_iter().map(|t| field(t) as _).collect(),
            number_rows: rows,
            return_field: field(returns.clone()),
            config_options: Arc::default(),
        });
        let array = answer.expect("no overflow").into_array(rows).expect("an array");
        assert_eq!(array.data_type(), &returns);
        array.as_primitive::<Decimal128Type>().iter().collect()
    }

    /// A value of up to 18 digits, at the ends too.
    fn value() -> impl Strategy<Value = Option<i128>> {
        let most = 10_i128.pow(18) - 1;
        prop_oneof![Just(None), Just(Some(most)), Just(Some(-most)), (-most..=most).prop_map(Some)]
    }

    proptest! {
        /// 18 by 18 digits, the widest that one machine word holds, and 19 by 18, beyond it.
        #[test]
        fn products_are_exact(rows in prop::collection::vec((value(), value()), 1..20)) {
            let (left, right): (Vec<_>, Vec<_>) = rows.iter().copied().unzip();
            let want: Vec<_> = rows.iter().map(|(a, b)| Some((*a)? * (*b)?)).collect();
            for precision in [18, 19] {
                let left = column(&left, precision, 2);
                prop_assert_eq!(&multiplied(left, column(&right, 18, 3), rows.len()), &want);
            }
            let constant = right[0];
            let want: Vec<_> = left.iter().map(|a| Some((*a)? * constant?)).collect();
            let constant = || ColumnarValue::Scalar(ScalarValue::Decimal128(constant, 18, 3));
            let left = || column(&left, 18, 2);
            prop_assert_eq!(&multiplied(left(), constant(), rows.len()), &want);
            prop_assert_eq!(&multiplied(constant(), left(), rows.len()), &want);
        }
    }
}
