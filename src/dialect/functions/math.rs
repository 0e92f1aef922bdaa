//! Numbers: exact arithmetic that reports overflow, rounding, and the functions of Math_functions.
//!
//! Source: r_numeric_computations201 for the types of results; Math_functions for the rest.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Decimal128Array, Float64Array, Int64Array};
use arrow::compute::kernels::numeric;
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type, i256};
use datafusion::common::{DataFusionError, Result, exec_datafusion_err, exec_err, plan_err};
use datafusion::logical_expr::ScalarUDF;

use super::casting::divide_rounded;
use super::udf::{Args, Function, Kind, udf};

const MAX: u8 = 38;

pub fn all() -> Vec<Arc<ScalarUDF>> {
    let mut all: Vec<Function> = vec![
        exact("decimal_divide", |types| Ok(divide_type(types)?.0), decimal_divide),
        exact("decimal_multiply", |types| Ok(multiply_type(types)?.0), decimal_multiply),
        exact("decimal_mod", mod_type, decimal_mod),
        Function { params: &[Kind::Any], ..exact("decimal_checked", first, decimal_checked) },
        two("float_divide", float_divide),
        two("power", power),
        two("atan2", |args| floats2(args, |a, b| Ok(a.atan2(b)))),
        checked("checked_add", |args| arithmetic(args, numeric::add)),
        checked("checked_subtract", |args| arithmetic(args, numeric::sub)),
        checked("checked_multiply", |args| arithmetic(args, numeric::mul)),
        same("abs", abs),
        same("ceiling", |args| rounded(args, Rounding::Up)),
        same("floor", |args| rounded(args, Rounding::Down)),
        Function {
            params: &[Kind::Number, Kind::Int],
            optional: 1,
            ..same("round", |args| rounded(args, Rounding::Half))
        },
        Function { params: &[Kind::NumberOrDate, Kind::Int], optional: 1, ..same("trunc", trunc) },
        same("sign", sign),
        Function { params: &[Kind::Float, Kind::Float], optional: 1, ..one("log", log) },
        Function {
            params: &[],
            ..one("pi", |args| {
                Ok(Arc::new(Float64Array::from(vec![std::f64::consts::PI; args.rows])))
            })
        },
    ];
    all.extend([
        one("sqrt", |args| {
            floats(args, |v| {
                domain(v >= 0.0, "cannot take square root of a negative number", v.sqrt())
            })
        }),
        one("cbrt", |args| floats(args, |v| Ok(v.cbrt()))),
        one("exp", |args| floats(args, |v| Ok(v.exp()))),
        one("ln", |args| {
            floats(args, |v| {
                domain(v > 0.0, "cannot take logarithm of zero or a negative number", v.ln())
            })
        }),
        one("sin", |args| floats(args, |v| Ok(v.sin()))),
        one("cos", |args| floats(args, |v| Ok(v.cos()))),
        one("tan", |args| floats(args, |v| Ok(v.tan()))),
        one("cot", |args| floats(args, |v| Ok(1.0 / v.tan()))),
        one("asin", |args| {
            floats(args, |v| domain(v.abs() <= 1.0, "input is out of range", v.asin()))
        }),
        one("acos", |args| {
            floats(args, |v| domain(v.abs() <= 1.0, "input is out of range", v.acos()))
        }),
        one("atan", |args| floats(args, |v| Ok(v.atan()))),
        one("degrees", |args| floats(args, |v| Ok(v.to_degrees()))),
        one("radians", |args| floats(args, |v| Ok(v.to_radians()))),
    ]);
    all.into_iter().map(udf).collect()
}

fn one(name: &'static str, run: fn(&Args) -> Result<ArrayRef>) -> Function {
    Function {
        name,
        params: &[Kind::Float],
        optional: 0,
        variadic: false,
        returns: |_| Ok(DataType::Float64),
        run,
    }
}

fn two(name: &'static str, run: fn(&Args) -> Result<ArrayRef>) -> Function {
    Function { params: &[Kind::Float, Kind::Float], ..one(name, run) }
}

/// A function that answers in the type it is given.
fn same(name: &'static str, run: fn(&Args) -> Result<ArrayRef>) -> Function {
    Function {
        name,
        params: &[Kind::Number],
        optional: 0,
        variadic: false,
        returns: |t| first(t),
        run,
    }
}

fn exact(
    name: &'static str,
    returns: fn(&[DataType]) -> Result<DataType>,
    run: fn(&Args) -> Result<ArrayRef>,
) -> Function {
    Function { name, params: &[Kind::Any, Kind::Any], optional: 0, variadic: false, returns, run }
}

fn checked(name: &'static str, run: fn(&Args) -> Result<ArrayRef>) -> Function {
    exact(name, first, run)
}

fn first(types: &[DataType]) -> Result<DataType> {
    types.first().cloned().ok_or_else(|| exec_datafusion_err!("an argument is missing"))
}

fn domain(holds: bool, message: &str, value: f64) -> Result<f64> {
    if holds { Ok(value) } else { exec_err!("{message}") }
}

fn floats(args: &Args, f: impl Fn(f64) -> Result<f64>) -> Result<ArrayRef> {
    let values = args.primitive::<Float64Type>(0)?;
    let out: Float64Array =
        (0..args.rows).map(|i| values.get(i).map(&f).transpose()).collect::<Result<_>>()?;
    Ok(Arc::new(out))
}

fn floats2(args: &Args, f: impl Fn(f64, f64) -> Result<f64>) -> Result<ArrayRef> {
    let (a, b) = (args.primitive::<Float64Type>(0)?, args.primitive::<Float64Type>(1)?);
    let out: Float64Array = (0..args.rows)
        .map(|i| match (a.get(i), b.get(i)) {
            (Some(a), Some(b)) => f(a, b).map(Some),
            _ => Ok(None),
        })
        .collect::<Result<_>>()?;
    Ok(Arc::new(out))
}

fn by_zero() -> DataFusionError {
    exec_datafusion_err!("division by zero")
}

fn float_divide(args: &Args) -> Result<ArrayRef> {
    floats2(args, |a, b| if b == 0.0 { Err(by_zero()) } else { Ok(a / b) })
}

fn power(args: &Args) -> Result<ArrayRef> {
    floats2(args, |a, b| {
        let v = a.powf(b);
        domain(v.is_finite() || !a.is_finite() || !b.is_finite(), "value out of range: overflow", v)
    })
}

/// LOG(x) is to base 10 (r_LOG); LOG(base, x) as PostgreSQL.
fn log(args: &Args) -> Result<ArrayRef> {
    let positive =
        |v: f64| domain(v > 0.0, "cannot take logarithm of zero or a negative number", v);
    if args.len() == 2 {
        return floats2(args, |base, v| Ok(positive(v)?.ln() / positive(base)?.ln()));
    }
    floats(args, |v| Ok(positive(v)?.log10()))
}

fn arithmetic(
    args: &Args,
    kernel: fn(
        &dyn arrow::array::Datum,
        &dyn arrow::array::Datum,
    ) -> std::result::Result<ArrayRef, arrow::error::ArrowError>,
) -> Result<ArrayRef> {
    let (left, right) = (args.arg(0)?, args.arg(1)?);
    let overflow = |e: arrow::error::ArrowError| exec_datafusion_err!("integer out of range: {e}");
    // a constant meets every row
    match (left.is_constant(), right.is_constant()) {
        (true, false) => kernel(&arrow::array::Scalar::new(&left.array), &right.array),
        (false, true) => kernel(&left.array, &arrow::array::Scalar::new(&right.array)),
        _ => kernel(&left.array, &right.array),
    }
    .map_err(overflow)
}

/// Precision and scale of a decimal; an integer has scale 0.
fn digits(types: &[DataType], n: usize) -> Result<(i32, i32)> {
    match types.get(n) {
        Some(DataType::Decimal128(p, s)) => Ok((i32::from(*p), i32::from(*s))),
        Some(DataType::Int16) => Ok((5, 0)),
        Some(DataType::Int32) => Ok((10, 0)),
        Some(DataType::Int64) => Ok((19, 0)),
        other => plan_err!("expected an exact number, found {other:?}"),
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
    let values = array.as_primitive::<Decimal128Type>();
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
    let down = power_of_ten(digits(&types, 0)?.1 + digits(&types, 1)?.1 - scale)?;
    let precision = precision_of(args.returns);
    let exact = down == i256::ONE;
    let limit = 10_u128.checked_pow(u32::from(precision)).unwrap_or(u128::MAX);
    pairs(args, |a, b| {
        if exact && let Some(value) = a.checked_mul(b) {
            return if value.unsigned_abs() < limit { Ok(value) } else { Err(overflow()) };
        }
        narrowed(divided(i256::from_i128(a).wrapping_mul(i256::from_i128(b)), down), precision)
    })
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

/// Applies one function per kind of number, in the type given.
fn numbers(
    args: &Args,
    int: impl Fn(i64, usize) -> Result<i64>,
    exact: impl Fn(i128, usize, i32) -> Result<i128>,
    float: impl Fn(f64, usize) -> f64,
) -> Result<ArrayRef> {
    match args.arg(0)?.array.data_type() {
        DataType::Decimal128(_, scale) => {
            let scale = i32::from(*scale);
            let values = args.primitive::<Decimal128Type>(0)?;
            let out: Decimal128Array = (0..args.rows)
                .map(|i| values.get(i).map(|v| exact(v, i, scale)).transpose())
                .collect::<Result<_>>()?;
            Ok(Arc::new(out.with_data_type(args.returns.clone())))
        }
        DataType::Float64 => {
            let values = args.primitive::<Float64Type>(0)?;
            let out: Float64Array =
                (0..args.rows).map(|i| values.get(i).map(|v| float(v, i))).collect();
            Ok(Arc::new(out))
        }
        _ => {
            let values = args.primitive::<Int64Type>(0)?;
            let out: Int64Array = (0..args.rows)
                .map(|i| values.get(i).map(|v| int(v, i)).transpose())
                .collect::<Result<_>>()?;
            Ok(Arc::new(out))
        }
    }
}

fn abs(args: &Args) -> Result<ArrayRef> {
    let range = || exec_datafusion_err!("bigint out of range");
    numbers(args, |v, _| v.checked_abs().ok_or_else(range), |v, _, _| Ok(v.abs()), |v, _| v.abs())
}

fn sign(args: &Args) -> Result<ArrayRef> {
    numbers(
        args,
        |v, _| Ok(v.signum()),
        |v, _, scale| Ok(v.signum() * 10_i128.pow(scale.unsigned_abs())),
        |v, _| if v == 0.0 { 0.0 } else { v.signum() },
    )
}

#[derive(Clone, Copy)]
enum Rounding {
    Up,
    Down,
    Half,
    Zero,
}

impl Rounding {
    fn float(self, v: f64) -> f64 {
        match self {
            Rounding::Up => v.ceil(),
            Rounding::Down => v.floor(),
            Rounding::Half => v.round(),
            Rounding::Zero => v.trunc(),
        }
    }

    /// `v` to a multiple of `unit`.
    fn exact(self, v: i128, unit: i128) -> i128 {
        let quotient = match self {
            Rounding::Up => -(-v).div_euclid(unit),
            Rounding::Down => v.div_euclid(unit),
            Rounding::Half => divide_rounded(v, unit),
            Rounding::Zero => v / unit,
        };
        quotient.saturating_mul(unit)
    }
}

/// TRUNC of a timestamp is its date (r_TRUNC_date).
fn trunc(args: &Args) -> Result<ArrayRef> {
    if *args.returns == DataType::Date32 {
        return Ok(Arc::clone(&args.arg(0)?.array));
    }
    rounded(args, Rounding::Zero)
}

/// CEILING, FLOOR, ROUND and TRUNC; the answer has the type of the argument.
fn rounded(args: &Args, how: Rounding) -> Result<ArrayRef> {
    let places = if args.len() == 2 { Some(args.primitive::<Int64Type>(1)?) } else { None };
    let place = |i: usize| -> i32 {
        let n = places.as_ref().map_or(Some(0), |p| p.get(i)).unwrap_or(0);
        i32::try_from(n.clamp(-40, 40)).unwrap_or(0)
    };
    let unit = |n: i32| 10_i128.checked_pow(n.unsigned_abs()).unwrap_or(i128::MAX);
    numbers(
        args,
        |v, i| {
            let n = place(i);
            if n >= 0 {
                return Ok(v);
            }
            i64::try_from(how.exact(i128::from(v), unit(n)))
                .map_err(|_| exec_datafusion_err!("bigint out of range"))
        },
        |v, i, scale| {
            let drop = scale - place(i);
            Ok(if drop <= 0 { v } else { how.exact(v, unit(drop)) })
        },
        |v, i| {
            let n = place(i);
            let unit = 10_f64.powi(n.abs());
            if n >= 0 { how.float(v * unit) / unit } else { how.float(v / unit) * unit }
        },
    )
}
