//! Intervals: multiplied and divided by numbers, compared, between two moments, and their parts. It
//! reads no text.
//!
//! Source: r_interval_data_types, "Interval arithmetic"; a fraction of a month is of 30 days, as in
//! PostgreSQL.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, Int64Array, IntervalMonthDayNanoArray};
use arrow::datatypes::{
    DataType, Float64Type, Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit,
};
use datafusion::common::{Result, exec_datafusion_err, exec_err};
use datafusion::logical_expr::ScalarUDF;

use super::dates::PartOfRow;
use super::parts::{DAY, Part};
use super::udf::{Args, Function, Kind, udf};

const DAY_NANOS: f64 = 86_400e9;
const SPAN: DataType = DataType::Interval(IntervalUnit::MonthDayNano);

pub fn all() -> Vec<Arc<ScalarUDF>> {
    vec![
        function("interval_times", |args| by(args, Ok)),
        function("interval_over", |args| {
            by(args, |divisor| match divisor {
                0.0 => exec_err!("division by zero"),
                divisor => Ok(1.0 / divisor),
            })
        }),
        udf(Function {
            name: "moments_apart",
            params: &[Kind::Any, Kind::Any],
            returns: |_| Ok(SPAN),
            run: apart,
            ..plain()
        }),
        udf(Function {
            name: "interval_cmp",
            params: &[Kind::Any, Kind::Any],
            returns: |_| Ok(DataType::Int32),
            run: compare,
            ..plain()
        }),
    ]
}

fn plain() -> Function {
    Function {
        name: "interval_times",
        params: &[Kind::Any, Kind::Float],
        optional: 0,
        variadic: false,
        returns: |_| Ok(SPAN),
        run: |args| by(args, Ok),
    }
}

fn function(name: &'static str, run: fn(&Args) -> Result<ArrayRef>) -> Arc<ScalarUDF> {
    udf(Function { name, run, ..plain() })
}

/// Both sides as microseconds; what they are, moments or times, the planner has seen to.
fn apart(args: &Args) -> Result<ArrayRef> {
    let micros = |n: usize| -> Result<Int64Array> {
        let array = arrow::compute::cast(&args.arg(n)?.array, &DataType::Int64)?;
        Ok(array.as_primitive::<Int64Type>().clone())
    };
    let (left, right) = (micros(0)?, micros(1)?);
    let (l, r) = (args.arg(0)?, args.arg(1)?);
    let out: IntervalMonthDayNanoArray = (0..args.rows)
        .map(|i| {
            let (a, b) = (l.at(i), r.at(i));
            if left.is_null(a) || right.is_null(b) {
                return Ok(None);
            }
            let micros = left.value(a).checked_sub(right.value(b));
            let days = micros.and_then(|m| i32::try_from(m / DAY).ok());
            match (micros, days) {
                (Some(micros), Some(days)) => {
                    Ok(Some(IntervalMonthDayNano::new(0, days, micros % DAY * 1_000)))
                }
                _ => exec_err!("interval out of range"),
            }
        })
        .collect::<Result<_>>()?;
    Ok(Arc::new(out))
}

fn spans(args: &Args, n: usize) -> Result<IntervalMonthDayNanoArray> {
    let array = arrow::compute::cast(&args.arg(n)?.array, &SPAN)?;
    Ok(array.as_primitive::<IntervalMonthDayNanoType>().clone())
}

/// Days and what is below them, in microseconds.
fn micros_of(span: IntervalMonthDayNano) -> i64 {
    i64::from(span.days) * DAY + span.nanoseconds / 1_000
}

/// Months are of 30 days here, as in PostgreSQL (r_INTERVAL_CMP).
fn compare(args: &Args) -> Result<ArrayRef> {
    let (left, right) = (spans(args, 0)?, spans(args, 1)?);
    let (l, r) = (args.arg(0)?, args.arg(1)?);
    let length = |span: IntervalMonthDayNano| i64::from(span.months) * 30 * DAY + micros_of(span);
    let out: Int32Array = (0..args.rows)
        .map(|i| {
            let (a, b) = (l.at(i), r.at(i));
            if left.is_null(a) || right.is_null(b) {
                return None;
            }
            Some(length(left.value(a)).cmp(&length(right.value(b))) as i32)
        })
        .collect();
    Ok(Arc::new(out))
}

/// The parts of the second argument (r_EXTRACT_function): years and months of an interval of
/// months, the rest of one of days.
pub fn part_values(args: &Args, part: &PartOfRow<'_>) -> Result<Vec<Option<f64>>> {
    let (arg, spans) = (args.arg(1)?, spans(args, 1)?);
    (0..args.rows)
        .map(|i| {
            let at = arg.at(i);
            match part(i)? {
                Some(part) if spans.is_valid(at) => value(part, spans.value(at)).map(Some),
                _ => Ok(None),
            }
        })
        .collect()
}

fn value(part: Part, span: IntervalMonthDayNano) -> Result<f64> {
    let micros = micros_of(span);
    let of_second = (micros % 60_000_000) as f64;
    Ok(match part {
        Part::Year => f64::from(span.months / 12),
        Part::Month => f64::from(span.months % 12),
        Part::Day => (micros / DAY) as f64,
        Part::Hour => (micros % DAY / 3_600_000_000) as f64,
        Part::Minute => (micros % 3_600_000_000 / 60_000_000) as f64,
        Part::Second => of_second / 1e6,
        Part::Millisecond => of_second / 1e3,
        Part::Microsecond => of_second,
        Part::Epoch if span.months == 0 => micros as f64 / 1e6,
        _ => return exec_err!("this part of an interval is not supported locally"),
    })
}

fn by(args: &Args, factor: fn(f64) -> Result<f64>) -> Result<ArrayRef> {
    let arg = args.arg(0)?;
    let spans = arrow::compute::cast(&arg.array, args.returns)?;
    let spans = spans.as_primitive::<IntervalMonthDayNanoType>();
    let numbers = args.primitive::<Float64Type>(1)?;
    let out: IntervalMonthDayNanoArray = (0..args.rows)
        .map(|i| {
            let at = arg.at(i);
            let span = (!spans.is_null(at)).then(|| spans.value(at));
            let (Some(span), Some(number)) = (span, numbers.get(i)) else { return Ok(None) };
            times(span, factor(number)?).map(Some)
        })
        .collect::<Result<_>>()?;
    Ok(Arc::new(out))
}

fn times(span: IntervalMonthDayNano, factor: f64) -> Result<IntervalMonthDayNano> {
    let months = f64::from(span.months) * factor;
    let days = f64::from(span.days) * factor + months.fract() * 30.0;
    // to the microsecond, which is what a timestamp keeps
    let micros = ((span.nanoseconds as f64 * factor + days.fract() * DAY_NANOS) / 1e3).round();
    let small = |v: f64| (v.abs() < f64::from(i32::MAX)).then_some(v as i32);
    match (small(months.trunc()), small(days.trunc())) {
        (Some(months), Some(days)) if micros.abs() < 9e15 => {
            Ok(IntervalMonthDayNano::new(months, days, micros as i64 * 1_000))
        }
        _ => Err(exec_datafusion_err!("interval out of range")),
    }
}
