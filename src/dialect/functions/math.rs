//! Numbers: integer arithmetic that reports overflow, rounding, and the functions of
//! Math_functions. Arithmetic of DECIMALs is in `decimals`.
//!
//! Source: r_numeric_computations201 for arithmetic; Math_functions for the rest.

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, Float64Array, Int64Array};
use arrow::compute::kernels::numeric;
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type};
use datafusion::common::{Result, exec_datafusion_err, exec_err};
use datafusion::logical_expr::ScalarUDF;

use super::casting::divide_rounded;
use super::decimals::{by_zero, exact, first};
use super::udf::{Args, Function, Kind, udf};

pub fn all() -> Vec<Arc<ScalarUDF>> {
    let mut all: Vec<Function> = vec![
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

fn checked(name: &'static str, run: fn(&Args) -> Result<ArrayRef>) -> Function {
    exact(name, first, run)
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
