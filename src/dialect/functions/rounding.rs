//! ABS, SIGN and rounding: functions that answer in the type of their argument. They lose no digit before the place asked for.
//!
//! Source: r_ABS, r_SIGN, r_CEILING_FLOOR, r_FLOOR, r_ROUND, r_TRUNC.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Decimal128Array, Float64Array, Int64Array};
use arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, Float64Type, Int64Type,
};
use datafusion::common::{Result, exec_datafusion_err, exec_err};
use datafusion::logical_expr::ScalarUDF;

use super::casting::divide_rounded;
use super::decimals::first;
use super::udf::{Args, Function, Kind, udf};

pub fn all() -> Vec<Arc<ScalarUDF>> {
    let all = [
        same("abs", abs),
        Function { returns: rounded_type, ..same("ceiling", |args| rounded(args, Rounding::Up)) },
        Function { returns: rounded_type, ..same("floor", |args| rounded(args, Rounding::Down)) },
        Function {
            params: &[Kind::OwnNumber, Kind::Int],
            optional: 1,
            returns: rounded_type,
            ..same("round", |args| rounded(args, Rounding::Half))
        },
        Function { params: &[Kind::NumberOrDate, Kind::Int], optional: 1, ..same("trunc", trunc) },
        Function { returns: sign_type, ..same("sign", sign) },
    ];
    all.into_iter().map(udf).collect()
}

/// A function that answers in the type it is given.
fn same(name: &'static str, run: fn(&Args) -> Result<ArrayRef>) -> Function {
    Function {
        name,
        params: &[Kind::OwnNumber],
        optional: 0,
        variadic: false,
        returns: |t| first(t),
        run,
    }
}

/// Applies one function per kind of number, in the type given.
///
/// Numbers of two and four bytes are computed in eight and must fit again.
fn numbers(
    args: &Args,
    int: impl Fn(i64, usize) -> Result<i64>,
    exact: impl Fn(i128, usize, i32) -> Result<i128>,
    float: impl Fn(f64, usize) -> f64,
) -> Result<ArrayRef> {
    let own = args.arg(0)?.array.data_type();
    let wide = match own {
        DataType::Int16 | DataType::Int32 => DataType::Int64,
        DataType::Float32 => DataType::Float64,
        _ => return wide_numbers(args, int, exact, float),
    };
    let mut values = args.values.clone();
    if let Some(first) = values.first_mut() {
        first.array = arrow::compute::cast(&first.array, &wide)?;
    }
    let widened = Args { values, rows: args.rows, returns: &wide };
    let out = wide_numbers(&widened, int, exact, float)?;
    let narrow = arrow::compute::cast(&out, args.returns)?;
    if narrow.null_count() > out.null_count() {
        return exec_err!("value out of range for type {}", super::type_name(own));
    }
    Ok(narrow)
}

fn wide_numbers(
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
            let out = out.with_data_type(args.returns.clone());
            out.validate_decimal_precision(out.precision())
                .map_err(|_| exec_datafusion_err!("numeric data overflow (result precision)"))?;
            Ok(Arc::new(out))
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

/// The type of the argument; a decimal has room for the digit that 9.5 gains.
fn rounded_type(types: &[DataType]) -> Result<DataType> {
    Ok(match first(types)? {
        DataType::Decimal128(precision, scale) => {
            DataType::Decimal128((precision + 1).min(DECIMAL128_MAX_PRECISION), scale)
        }
        own => own,
    })
}

/// DECIMAL(1,0) for a decimal (r_SIGN).
fn sign_type(types: &[DataType]) -> Result<DataType> {
    Ok(match first(types)? {
        DataType::Decimal128(..) => DataType::Decimal128(1, 0),
        own => own,
    })
}

fn sign(args: &Args) -> Result<ArrayRef> {
    numbers(
        args,
        |v, _| Ok(v.signum()),
        |v, _, _| Ok(v.signum()),
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
        if args.len() > 1 {
            return exec_err!("TRUNC of a date or a timestamp takes nothing else (r_TRUNC_date)");
        }
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
    let out = numbers(
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
    )?;
    // to an unknown place
    match places {
        Some(places) if places.array.null_count() > 0 => {
            let unknown = (0..args.rows).map(|i| Some(places.get(i).is_none())).collect();
            Ok(arrow::compute::nullif(&out, &unknown)?)
        }
        _ => Ok(out),
    }
}
