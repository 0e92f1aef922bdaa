//! Intervals multiplied and divided by numbers. It reads no text.
//!
//! Source: r_interval_data_types, "Interval arithmetic"; a fraction of a month is of 30 days, as in
//! PostgreSQL.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, IntervalMonthDayNanoArray};
use arrow::datatypes::{
    DataType, Float64Type, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit,
};
use datafusion::common::{Result, exec_datafusion_err, exec_err};
use datafusion::logical_expr::ScalarUDF;

use super::udf::{Args, Function, Kind, udf};

const DAY_NANOS: f64 = 86_400e9;

pub fn all() -> Vec<Arc<ScalarUDF>> {
    vec![
        function("interval_times", |args| by(args, Ok)),
        function("interval_over", |args| {
            by(args, |divisor| match divisor {
                0.0 => exec_err!("division by zero"),
                divisor => Ok(1.0 / divisor),
            })
        }),
    ]
}

fn function(name: &'static str, run: fn(&Args) -> Result<ArrayRef>) -> Arc<ScalarUDF> {
    udf(Function {
        name,
        params: &[Kind::Any, Kind::Float],
        optional: 0,
        variadic: false,
        returns: |_| Ok(DataType::Interval(IntervalUnit::MonthDayNano)),
        run,
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
