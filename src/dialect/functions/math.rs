//! Numbers: integer arithmetic that reports overflow, and the functions of Math_functions that
//! answer in floats. Arithmetic of DECIMALs is in `decimals`, rounding in `rounding`.
//!
//! Source: r_numeric_computations201 for arithmetic; Math_functions for the rest.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array};
use arrow::compute::kernels::numeric;
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{Result, exec_datafusion_err, exec_err};
use datafusion::logical_expr::ScalarUDF;

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
