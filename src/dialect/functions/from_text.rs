//! Casts of text to other types: what a text is read as, and what becomes of one that cannot be read:
//! an error of CAST, NULL of TRY_CAST. The formats are in `casting` and `zones`.
//!
//! Source: r_CAST_function, r_TRY_CAST; r_Date_and_time_literals, "Times".

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Int64Array, StringViewArray, Time64MicrosecondArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, TimeUnit};
use chrono::{NaiveDateTime, NaiveTime};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::ScalarUDF;

use super::casting::{number_text, parse_boolean, parse_date, parse_timestamp, time_of};
use super::parts::{days_of, micros_of};
use super::udf::{Args, Function, Kind, TIMESTAMP, udf};
use super::zones::{zoned, zoned_micros};

/// What becomes of a text that cannot be read.
#[derive(Clone, Copy, PartialEq)]
enum Unread {
    Fails,
    IsNull,
}

pub fn all() -> Vec<Arc<ScalarUDF>> {
    use Unread::{Fails, IsNull};
    let function = |name, returns, run| {
        udf(Function { name, params: &[Kind::Text], optional: 0, variadic: false, returns, run })
    };
    vec![
        function("text_to_date", |_| Ok(DataType::Date32), |args| dates(args, Fails)),
        function("try_date", |_| Ok(DataType::Date32), |args| dates(args, IsNull)),
        function("text_to_timestamp", |_| Ok(TIMESTAMP), |args| timestamps(args, Fails)),
        function("try_timestamp", |_| Ok(TIMESTAMP), |args| timestamps(args, IsNull)),
        function("text_to_timestamptz", |_| Ok(zoned()), |args| instants(args, Fails)),
        function("try_timestamptz", |_| Ok(zoned()), |args| instants(args, IsNull)),
        function("text_to_time", |_| Ok(TIME), |args| times(args, Fails)),
        function("try_time", |_| Ok(TIME), |args| times(args, IsNull)),
        function("text_to_boolean", |_| Ok(DataType::Boolean), |args| booleans(args, Fails)),
        function("try_boolean", |_| Ok(DataType::Boolean), |args| booleans(args, IsNull)),
        function("text_to_bigint", |_| Ok(DataType::Int64), |args| integers(args, Fails)),
        function("try_bigint", |_| Ok(DataType::Int64), |args| integers(args, IsNull)),
        function("text_to_number", |_| Ok(DataType::Utf8View), |args| numbers(args, Fails)),
        function("try_number", |_| Ok(DataType::Utf8View), |args| numbers(args, IsNull)),
    ]
}

const TIME: DataType = DataType::Time64(TimeUnit::Microsecond);

/// Each text as `read` reads it; `ty` is what an error calls the type.
fn each<'a, T, A: FromIterator<Option<T>>>(
    args: &'a Args,
    unread: Unread,
    ty: &str,
    read: impl Fn(&'a str) -> Result<Option<T>>,
) -> Result<A> {
    let texts = args.text(0)?;
    (0..args.rows)
        .map(|i| {
            let Some(text) = texts.get(i) else { return Ok(None) };
            match read(text) {
                Ok(Some(value)) => Ok(Some(value)),
                _ if unread == Unread::IsNull => Ok(None),
                Ok(None) => exec_err!("invalid input syntax for {ty}: \"{text}\""),
                Err(error) => Err(error),
            }
        })
        .collect()
}

fn dates(args: &Args, unread: Unread) -> Result<ArrayRef> {
    let read = |t: &str| Ok(parse_date(t).map(days_of));
    Ok(Arc::new(each::<_, Date32Array>(args, unread, "type date", read)?))
}

fn timestamps(args: &Args, unread: Unread) -> Result<ArrayRef> {
    let read = |t: &str| Ok(parse_timestamp(t).and_then(micros_of));
    Ok(Arc::new(each::<_, TimestampMicrosecondArray>(args, unread, "type timestamp", read)?))
}

fn instants(args: &Args, unread: Unread) -> Result<ArrayRef> {
    let out: TimestampMicrosecondArray = each(args, unread, "type timestamptz", zoned_micros)?;
    Ok(Arc::new(out.with_data_type(zoned())))
}

fn times(args: &Args, unread: Unread) -> Result<ArrayRef> {
    let read = |t: &str| Ok(parse_time(t));
    Ok(Arc::new(each::<_, Time64MicrosecondArray>(args, unread, "type time", read)?))
}

/// A time of day, or the time of a timestamp; a zone after it is ignored.
fn parse_time(text: &str) -> Option<i64> {
    let text = text.trim();
    let time =
        time_of(text).or_else(|| parse_timestamp(text).map(|at: NaiveDateTime| at.time()))?;
    Some(time.signed_duration_since(NaiveTime::MIN).num_microseconds().unwrap_or(0))
}

fn booleans(args: &Args, unread: Unread) -> Result<ArrayRef> {
    let read = |t: &str| Ok(parse_boolean(t));
    Ok(Arc::new(each::<_, BooleanArray>(args, unread, "type boolean", read)?))
}

fn integers(args: &Args, unread: Unread) -> Result<ArrayRef> {
    let read = |t: &str| Ok(t.trim().parse::<i64>().ok());
    Ok(Arc::new(each::<_, Int64Array>(args, unread, "integer", read)?))
}

/// The text of a number; the cast after it reads it.
fn numbers(args: &Args, unread: Unread) -> Result<ArrayRef> {
    let read = |t| Ok(number_text(t).map(plain));
    let out: StringViewArray = each(args, unread, "type numeric", read)?;
    Ok(Arc::new(out))
}

/// A number without its exponent, which the cast to a decimal does not read; as it is where that
/// would be long.
fn plain(number: &str) -> Cow<'_, str> {
    let Some((digits, exponent)) = number.split_once(['e', 'E']) else { return number.into() };
    let Some(power) = exponent.parse::<i32>().ok().filter(|p| p.abs() <= 40) else {
        return number.into();
    };
    let (sign, digits) = match digits.strip_prefix(['+', '-']) {
        Some(rest) => (digits.get(..1).unwrap_or_default(), rest),
        None => ("", digits),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let point = whole.len() as i32 + power;
    let digits = format!("{whole}{fraction}");
    let digits = format!("{digits:0<width$}", width = usize::try_from(point).unwrap_or(0));
    match usize::try_from(point) {
        Ok(point) if point > 0 => {
            let (whole, fraction) = digits.split_at(point);
            format!("{sign}{whole}.{fraction}0").into()
        }
        _ => format!("{sign}0.{}{digits}", "0".repeat(point.unsigned_abs() as usize)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_are_written_out() {
        for (text, want) in [
            ("1e3", "1000.0"),
            ("-1.25E1", "-12.50"),
            ("12e-3", "0.012"),
            ("1.5e0", "1.50"),
            ("7", "7"),
            ("1e300", "1e300"),
        ] {
            assert_eq!(plain(text), want);
        }
    }
}
