//! Date and time functions. They read no clock: the clock is pinned before planning.
//!
//! Source: the pages of Date_functions_header, named at each function.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Date32Array, Float64Array, Int32Array, Int64Array, TimestampMicrosecondArray,
};
use arrow::datatypes::{
    DataType, Date32Type, Int64Type, Time64MicrosecondType, TimestampMicrosecondType,
};
use chrono::{Datelike, NaiveDateTime};
use datafusion::common::{DataFusionError, Result, exec_datafusion_err, exec_err};
use datafusion::logical_expr::ScalarUDF;

use super::intervals;
use super::parts::{self, DAY, Part};
use super::udf::{Args, Function, Kind, TIMESTAMP, udf};

pub fn all() -> Vec<Arc<ScalarUDF>> {
    [
        Function {
            name: "dateadd",
            params: &[Kind::Text, Kind::Whole, Kind::Temporal],
            optional: 0,
            variadic: false,
            returns: |types| {
                Ok(match types.get(2) {
                    Some(time @ DataType::Time64(_)) => time.clone(),
                    Some(zoned @ DataType::Timestamp(..)) => zoned.clone(),
                    _ => TIMESTAMP,
                })
            },
            run: dateadd,
        },
        function(
            "datediff",
            &[Kind::Text, Kind::Local, Kind::Local],
            |_| Ok(DataType::Int64),
            datediff,
        ),
        function(
            "date_part",
            &[Kind::Text, Kind::TemporalOrSpan],
            |_| Ok(DataType::Float64),
            date_part,
        ),
        function("extract", &[Kind::Text, Kind::TemporalOrSpan], extract_type, extract),
        function("extract_epoch", &[Kind::Text, Kind::TemporalOrSpan], epoch_type, extract),
        function("date_trunc", &[Kind::Text, Kind::Moment], |_| Ok(TIMESTAMP), date_trunc),
        function(
            "timestamp_to_date",
            &[Kind::Timestamp],
            |_| Ok(DataType::Date32),
            timestamp_to_date,
        ),
        function("last_day", &[Kind::Date], |_| Ok(DataType::Date32), last_day),
        function("add_months", &[Kind::Timestamp, Kind::Int], |_| Ok(TIMESTAMP), add_months),
        function(
            "months_between",
            &[Kind::Timestamp, Kind::Timestamp],
            |_| Ok(DataType::Float64),
            months_between,
        ),
        function("next_day", &[Kind::Date, Kind::Text], |_| Ok(DataType::Date32), next_day),
        function("date_cmp", &[Kind::Timestamp, Kind::Timestamp], |_| Ok(DataType::Int32), compare),
    ]
    .into_iter()
    .map(udf)
    .collect()
}

fn function(
    name: &'static str,
    params: &'static [Kind],
    returns: fn(&[DataType]) -> Result<DataType>,
    run: fn(&Args) -> Result<ArrayRef>,
) -> Function {
    Function { name, params, optional: 0, variadic: false, returns, run }
}

/// An argument as microseconds: of the instant, of a date's midnight, or of the day for a time.
struct Instants<'a> {
    args: &'a Args<'a>,
    n: usize,
}

impl<'a> Instants<'a> {
    fn new(args: &'a Args<'a>, n: usize) -> Instants<'a> {
        Instants { args, n }
    }

    /// All rows of the argument; a constant has one.
    fn values(&self) -> Result<Box<dyn Fn(usize) -> Option<i64> + 'a>> {
        let (args, n) = (self.args, self.n);
        Ok(match args.arg(n)?.array.data_type() {
            DataType::Date32 => {
                let days = args.primitive::<Date32Type>(n)?;
                Box::new(move |i| days.get(i).map(|d| i64::from(d) * DAY))
            }
            DataType::Time64(_) => {
                let times = args.primitive::<Time64MicrosecondType>(n)?;
                Box::new(move |i| times.get(i))
            }
            _ => {
                let micros = args.primitive::<TimestampMicrosecondType>(n)?;
                Box::new(move |i| micros.get(i))
            }
        })
    }
}

/// The part a row asks for.
pub(super) type PartOfRow<'a> = Box<dyn Fn(usize) -> Result<Option<Part>> + 'a>;

/// The part named by the first argument, for each row. A TIME has to contain it (r_DATEADD_function).
fn parts<'a>(args: &'a Args<'a>) -> Result<PartOfRow<'a>> {
    let of_time = args.values.iter().any(|a| matches!(a.array.data_type(), DataType::Time64(_)));
    let read = move |name: &str| match known(name)? {
        part if of_time && !part.is_of_time() => {
            exec_err!("time units \"{name}\" are not of type time without time zone")
        }
        part => Ok(part),
    };
    if let Some(name) = args.constant_text(0) {
        let part = read(name)?;
        return Ok(Box::new(move |_| Ok(Some(part))));
    }
    let names = args.text(0)?;
    Ok(Box::new(move |i| names.get(i).map(read).transpose()))
}

fn known(name: &str) -> Result<Part> {
    Part::parse(name).ok_or_else(|| {
        exec_datafusion_err!("`{name}` is not a date part (r_Dateparts_for_datetime_functions)")
    })
}

fn out_of_range() -> DataFusionError {
    exec_datafusion_err!("timestamp out of range")
}

/// r_DATEADD.
fn dateadd(args: &Args) -> Result<ArrayRef> {
    let part = parts(args)?;
    let count = args.primitive::<Int64Type>(1)?;
    let at = Instants::new(args, 2).values()?;
    let time = matches!(args.returns, DataType::Time64(_));
    let mut out = Vec::with_capacity(args.rows);
    for i in 0..args.rows {
        out.push(match (part(i)?, count.get(i), at(i)) {
            (Some(part), Some(n), Some(at)) => {
                let moved = part.add(at, n).ok_or_else(out_of_range)?;
                Some(if time { moved.rem_euclid(DAY) } else { moved })
            }
            _ => None,
        });
    }
    Ok(match args.returns {
        DataType::Time64(_) => Arc::new(arrow::array::Time64MicrosecondArray::from(out)),
        DataType::Timestamp(_, zone) => {
            Arc::new(TimestampMicrosecondArray::from(out).with_timezone_opt(zone.clone()))
        }
        _ => Arc::new(TimestampMicrosecondArray::from(out)),
    })
}

/// r_DATEDIFF_function.
fn datediff(args: &Args) -> Result<ArrayRef> {
    let part = parts(args)?;
    let (from, to) = (Instants::new(args, 1).values()?, Instants::new(args, 2).values()?);
    let out: Int64Array = (0..args.rows)
        .map(|i| {
            Ok(match (part(i)?, from(i), to(i)) {
                (Some(part), Some(from), Some(to)) => Some(part.difference(from, to)),
                _ => None,
            })
        })
        .collect::<Result<_>>()?;
    Ok(Arc::new(out))
}

fn part_values(args: &Args) -> Result<Vec<Option<f64>>> {
    let part = parts(args)?;
    let ty = args.arg(1)?.array.data_type();
    if matches!(ty, DataType::Interval(_)) {
        return intervals::part_values(args, &part);
    }
    let zoned = matches!(ty, DataType::Timestamp(_, Some(_)));
    let part = |i: usize| match part(i)? {
        Some(Part::Timezone | Part::TimezoneHour | Part::TimezoneMinute) if !zoned => {
            exec_err!("timestamp units \"timezone\" are of TIMESTAMPTZ only")
        }
        part => Ok(part),
    };
    let at = Instants::new(args, 1).values()?;
    (0..args.rows)
        .map(|i| {
            Ok(match (part(i)?, at(i)) {
                (Some(part), Some(at)) => Some(part.value(at).ok_or_else(out_of_range)?),
                _ => None,
            })
        })
        .collect()
}

/// r_DATE_PART_function: DOUBLE PRECISION.
fn date_part(args: &Args) -> Result<ArrayRef> {
    Ok(Arc::new(Float64Array::from(part_values(args)?)))
}

/// DOUBLE PRECISION for TIMESTAMPTZ, else INTEGER (r_EXTRACT_function).
fn extract_type(types: &[DataType]) -> Result<DataType> {
    Ok(match types.get(1) {
        Some(DataType::Timestamp(_, Some(_))) => DataType::Float64,
        _ => DataType::Int32,
    })
}

/// Seconds since 1970, of which four bytes hold those until 2038.
fn epoch_type(types: &[DataType]) -> Result<DataType> {
    Ok(match extract_type(types)? {
        DataType::Int32 => DataType::Int64,
        other => other,
    })
}

/// r_EXTRACT_function: the part alone: without the fraction below it and, for
/// milliseconds and microseconds, without what is above (r_Dateparts_for_datetime_functions).
fn extract(args: &Args) -> Result<ArrayRef> {
    let part = parts(args)?;
    let whole: Int64Array = part_values(args)?
        .into_iter()
        .enumerate()
        .map(|(i, value)| {
            let within = match part(i)? {
                Some(Part::Millisecond | Part::Microsecond) => 1_000,
                _ => i64::MAX,
            };
            Ok(value.map(|v| v.trunc() as i64 % within))
        })
        .collect::<Result<_>>()?;
    Ok(arrow::compute::cast(&whole, args.returns)?)
}

/// r_DATE_TRUNC.
fn date_trunc(args: &Args) -> Result<ArrayRef> {
    let at = args.primitive::<TimestampMicrosecondType>(1)?;
    if let Some(name) = args.constant_text(0) {
        let start = start_of(known(name)?)?;
        let out: TimestampMicrosecondArray =
            at.array.try_unary(|at| start(at).ok_or_else(out_of_range))?;
        return Ok(Arc::new(out));
    }
    let part = parts(args)?;
    let out: TimestampMicrosecondArray = (0..args.rows)
        .map(|i| match (part(i)?, at.get(i)) {
            (Some(part), Some(at)) => start_of(part)?(at).map(Some).ok_or_else(out_of_range),
            _ => Ok(None),
        })
        .collect::<Result<_>>()?;
    Ok(Arc::new(out))
}

fn start_of(part: Part) -> Result<fn(i64) -> Option<i64>> {
    part.truncate().ok_or_else(|| exec_datafusion_err!("date_trunc does not take this date part"))
}

/// A cast to a date: the day a timestamp lies in. Arrow's goes through the calendar.
fn timestamp_to_date(args: &Args) -> Result<ArrayRef> {
    let at = args.primitive::<TimestampMicrosecondType>(0)?;
    // 2^63 microseconds are less than 2^27 days
    Ok(Arc::new(at.array.unary::<_, Date32Type>(|micros| micros.div_euclid(DAY) as i32)))
}

/// r_LAST_DAY.
fn last_day(args: &Args) -> Result<ArrayRef> {
    let days = args.primitive::<Date32Type>(0)?;
    let out: Date32Array = (0..args.rows)
        .map(|i| days.get(i).and_then(parts::date_of).and_then(parts::last_day).map(parts::days_of))
        .collect();
    Ok(Arc::new(out))
}

/// r_ADD_MONTHS: the end of a month stays the end of a month.
fn add_months(args: &Args) -> Result<ArrayRef> {
    let at = args.primitive::<TimestampMicrosecondType>(0)?;
    let count = args.primitive::<Int64Type>(1)?;
    let out: TimestampMicrosecondArray = (0..args.rows)
        .map(|i| match (at.get(i), count.get(i)) {
            (Some(at), Some(n)) => added_months(at, n).map(Some).ok_or_else(out_of_range),
            _ => Ok(None),
        })
        .collect::<Result<_>>()?;
    Ok(Arc::new(out))
}

fn added_months(micros: i64, n: i64) -> Option<i64> {
    let moved = parts::instant(parts::add_months(micros, n)?)?;
    let was = parts::instant(micros)?;
    let at_end = parts::last_day(was.date())? == was.date();
    let date = if at_end { parts::last_day(moved.date())? } else { moved.date() };
    parts::micros_of(date.and_time(moved.time()))
}

/// r_MONTHS_BETWEEN_function: whole months between like days or month ends, else with 31-day months.
fn months_between(args: &Args) -> Result<ArrayRef> {
    let later = args.primitive::<TimestampMicrosecondType>(0)?;
    let earlier = args.primitive::<TimestampMicrosecondType>(1)?;
    let out: Float64Array = (0..args.rows)
        .map(|i| {
            let (a, b) = (parts::instant(later.get(i)?)?, parts::instant(earlier.get(i)?)?);
            Some(between(a, b))
        })
        .collect();
    Ok(Arc::new(out))
}

fn between(a: NaiveDateTime, b: NaiveDateTime) -> f64 {
    let months = f64::from((a.year() - b.year()) * 12 + (a.month() as i32 - b.month() as i32));
    let ends = |d: NaiveDateTime| parts::last_day(d.date()) == Some(d.date());
    if a.day() == b.day() || (ends(a) && ends(b)) {
        return months;
    }
    let part = |d: NaiveDateTime| {
        f64::from(d.day()) + f64::from(chrono::Timelike::num_seconds_from_midnight(&d)) / 86_400.0
    };
    months + (part(a) - part(b)) / 31.0
}

/// r_NEXT_DAY.
fn next_day(args: &Args) -> Result<ArrayRef> {
    let days = args.primitive::<Date32Type>(0)?;
    let names = args.text(1)?;
    let out: Date32Array = (0..args.rows)
        .map(|i| match (days.get(i), names.get(i)) {
            (Some(day), Some(name)) => {
                let wanted = weekday(name)
                    .ok_or_else(|| exec_datafusion_err!("`{name}` is not a day of the week"))?;
                // 1970-01-01 was a Thursday: day 4 counted from Sunday
                let now = (day + 4).rem_euclid(7);
                let ahead = (wanted - now).rem_euclid(7);
                Ok(Some(day + if ahead == 0 { 7 } else { ahead }))
            }
            _ => Ok(None),
        })
        .collect::<Result<_>>()?;
    Ok(Arc::new(out))
}

/// Days from Sunday; two letters are enough, one for Monday, Wednesday and Friday (r_NEXT_DAY).
fn weekday(name: &str) -> Option<i32> {
    const DAYS: [&str; 7] =
        ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
    let name = name.trim().to_ascii_lowercase();
    let found = DAYS.iter().position(|d| {
        (name.len() >= 2 || matches!(name.as_str(), "m" | "w" | "f")) && d.starts_with(&name)
    })?;
    i32::try_from(found).ok()
}

/// r_DATE_CMP.
fn compare(args: &Args) -> Result<ArrayRef> {
    let a = args.primitive::<TimestampMicrosecondType>(0)?;
    let b = args.primitive::<TimestampMicrosecondType>(1)?;
    let out: Int32Array = (0..args.rows).map(|i| Some(a.get(i)?.cmp(&b.get(i)?) as i32)).collect();
    Ok(Arc::new(out))
}
