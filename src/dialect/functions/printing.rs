//! Dates, times and floats as text, the way Redshift prints them. It reads none.
//!
//! Source: r_Datetime_types (DateStyle ISO; the years go from 4713 BC to 294276 AD),
//! r_Numeric_types201 (digits of floats).

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringViewBuilder};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Float32Type, Float64Type, Time64MicrosecondType,
    TimestampMicrosecondType,
};
use chrono::{Datelike, NaiveDate};
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;

use super::parts::{CYCLE, DAY};
use super::udf::{Args, Function, Kind, Primitive, udf};

const SECOND: i64 = 1_000_000;

pub fn all() -> Vec<Arc<ScalarUDF>> {
    let print = |name, params, run| {
        let returns = |_: &[DataType]| Ok(DataType::Utf8View);
        udf(Function { name, params, optional: 0, variadic: false, returns, run })
    };
    vec![
        print("date_to_text", &[Kind::Date], |args: &Args| {
            printed(&args.primitive::<Date32Type>(0)?, args.rows, write_date)
        }),
        print("time_to_text", &[Kind::Temporal], |args| {
            printed(&args.primitive::<Time64MicrosecondType>(0)?, args.rows, write_time)
        }),
        print("timestamp_to_text", &[Kind::Timestamp], |args| {
            printed(&args.primitive::<TimestampMicrosecondType>(0)?, args.rows, write_timestamp)
        }),
        print("timestamptz_to_text", &[Kind::Timestamp], |args| {
            printed(&args.primitive::<TimestampMicrosecondType>(0)?, args.rows, write_timestamptz)
        }),
        print("float_to_text", &[Kind::Float], |args| match args.arg(0)?.array.data_type() {
            DataType::Float32 => printed(&args.primitive::<Float32Type>(0)?, args.rows, write_real),
            _ => printed(&args.primitive::<Float64Type>(0)?, args.rows, write_float),
        }),
    ]
}

/// `2008-02-18`, of days since 1970-01-01: years of at least four digits, without a sign.
pub fn write_date(out: &mut String, days: i32) {
    write_moment(out, i64::from(days), "");
}

/// `2008-02-18 02:36:48[.ffffff]`, of microseconds since 1970-01-01, with trailing zeros of the
/// fraction left out.
pub fn write_timestamp(out: &mut String, micros: i64) {
    let mut clock = String::from(" ");
    write_time(&mut clock, micros.rem_euclid(DAY));
    write_moment(out, micros.div_euclid(DAY), &clock);
}

/// The same in UTC, which is the zone of sessions, with `+00` behind it.
pub fn write_timestamptz(out: &mut String, micros: i64) {
    let mut clock = String::from(" ");
    write_time(&mut clock, micros.rem_euclid(DAY));
    clock.push_str("+00");
    write_moment(out, micros.div_euclid(DAY), &clock);
}

/// `02:36:48[.ffffff]`, of microseconds since midnight.
pub fn write_time(out: &mut String, micros: i64) {
    let (seconds, fraction) = (micros / SECOND, micros % SECOND);
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let _ = write!(out, "{hours:02}:{minutes:02}:{:02}", seconds % 60);
    if fraction != 0 {
        let digits = format!(".{fraction:06}");
        out.push_str(digits.trim_end_matches('0'));
    }
}

/// The era stands behind the time. Years later than the calendar of the library are told from those
/// of the cycle that holds 1970.
fn write_moment(out: &mut String, days: i64, clock: &str) {
    let (cycles, rest) = (days.div_euclid(CYCLE.1), days.rem_euclid(CYCLE.1));
    let day = i32::try_from(rest).ok().and_then(NaiveDate::from_epoch_days).unwrap_or_default();
    let (year, era) = match i64::from(day.year()) + cycles * CYCLE.0 {
        year @ 1.. => (year, ""),
        // there is no year 0
        year => (1 - year, " BC"),
    };
    let _ = write!(out, "{year:04}-{:02}-{:02}{clock}{era}", day.month(), day.day());
}

/// At most 15 digits, without a fraction that is zero, as Redshift prints DOUBLE PRECISION.
pub fn write_float(out: &mut String, value: f64) {
    write_digits(out, value, 15);
}

/// At most 6 digits, as Redshift prints REAL.
pub fn write_real(out: &mut String, value: f32) {
    write_digits(out, f64::from(value), 6);
}

fn write_digits(out: &mut String, value: f64, digits: usize) {
    if value.is_nan() {
        out.push_str("NaN");
    } else if value.is_infinite() {
        out.push_str(if value > 0.0 { "Infinity" } else { "-Infinity" });
    } else if value == 0.0 {
        out.push('0');
    } else {
        let decimals = digits - 1;
        let scientific = format!("{value:.decimals$e}");
        let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        let whole = i32::try_from(digits).unwrap_or(i32::MAX);
        if (-4..whole).contains(&exponent) {
            let places = usize::try_from(whole - 1 - exponent).unwrap_or(0);
            let fixed = format!("{value:.places$}");
            let short = if fixed.contains('.') {
                fixed.trim_end_matches('0').trim_end_matches('.')
            } else {
                &fixed
            };
            out.push_str(short);
        } else {
            let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
            let sign = if exponent < 0 { '-' } else { '+' };
            let _ = write!(out, "{mantissa}e{sign}{:02}", exponent.abs());
        }
    }
}

fn printed<T: ArrowPrimitiveType>(
    values: &Primitive<'_, T>,
    rows: usize,
    write: fn(&mut String, T::Native),
) -> Result<ArrayRef> {
    let mut out = StringViewBuilder::with_capacity(rows);
    let mut text = String::new();
    for i in 0..rows {
        match values.get(i) {
            None => out.append_null(),
            Some(value) => {
                text.clear();
                write(&mut text, value);
                out.append_value(&text);
            }
        }
    }
    Ok(Arc::new(out.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text<T>(write: fn(&mut String, T), value: T) -> String {
        let mut out = String::new();
        write(&mut out, value);
        out
    }

    #[test]
    fn moments_print_without_signs() {
        for (days, expected) in [
            (0, "1970-01-01"),
            (2_932_896, "9999-12-31"),
            (2_932_897, "10000-01-01"),
            (-719_162, "0001-01-01"),
            (-719_163, "0001-12-31 BC"),
            (-735_160, "0044-03-15 BC"),
            // the ends of Redshift's range, later than those of the library's calendar
            (106_751_990, "294247-01-09"),
            (106_762_939, "294276-12-31"),
            (-2_440_588, "4714-11-24 BC"),
        ] {
            assert_eq!(text(write_date, days), expected);
        }
        assert_eq!(text(write_timestamp, -500_000), "1969-12-31 23:59:59.5");
        assert_eq!(text(write_timestamp, 253_402_300_800 * SECOND), "10000-01-01 00:00:00");
        assert_eq!(text(write_timestamptz, 1), "1970-01-01 00:00:00.000001+00");
        assert_eq!(text(write_timestamptz, -719_163 * DAY), "0001-12-31 00:00:00+00 BC");
        assert_eq!(text(write_time, 86_399_120_000), "23:59:59.12");
    }

    #[test]
    fn floats_print_fifteen_digits() {
        for (value, expected) in [
            (2.0, "2"),
            (0.1, "0.1"),
            (1.0 / 3.0, "0.333333333333333"),
            (1e20, "1e+20"),
            (-1234.5, "-1234.5"),
            (1e-7, "1e-07"),
            (1.5e-5, "1.5e-05"),
            (1e-4, "0.0001"),
            (2010.0, "2010"),
        ] {
            assert_eq!(text(write_float, value), expected);
        }
    }
}
