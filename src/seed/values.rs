//! Values of the sample and their text, written without the general formatters: the loaders and
//! the log spend their time here. No I/O.

use std::borrow::Cow;

use chrono::{Datelike, NaiveDate};

/// The day 1970-01-01 counts from, as chrono counts days.
const EPOCH: i32 = 719_163;
pub const SECONDS_A_DAY: i64 = 86_400;

/// One value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Null,
    Text(Cow<'static, str>),
    /// A number kept as text, filled with zeros to `width`.
    Number {
        value: u64,
        width: u8,
    },
    Integer(i64),
    /// `units` of the last decimal: 1250 with scale 2 is 12.50. Scale up to 18.
    Decimal {
        units: i64,
        scale: u8,
    },
    /// Days since 1970-01-01.
    Date(i32),
    /// Seconds since 1970-01-01 00:00:00.
    DateTime(i64),
    Flag(bool),
}

impl Value {
    pub fn text(text: &'static str) -> Value {
        Value::Text(Cow::Borrowed(text))
    }

    /// An amount of cents with two decimals.
    pub fn price(cents: i64) -> Value {
        Value::Decimal { units: cents, scale: 2 }
    }

    /// An amount of cents with four decimals.
    pub fn total(cents: i64) -> Value {
        Value::Decimal { units: cents.saturating_mul(100), scale: 4 }
    }

    /// Appends the value as SQL literals spell it, without quotes; nothing for NULL.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Value::Null => {}
            Value::Text(text) => out.extend_from_slice(text.as_bytes()),
            Value::Number { value, width } => write_padded(out, *value, usize::from(*width)),
            Value::Integer(number) => write_integer(out, *number),
            Value::Decimal { units, scale } => write_decimal(out, *units, *scale),
            Value::Date(days) => write_date(out, *days),
            Value::DateTime(seconds) => write_datetime(out, *seconds),
            Value::Flag(flag) => out.push(if *flag { b'1' } else { b'0' }),
        }
    }
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = Vec::new();
        self.write(&mut text);
        f.write_str(&String::from_utf8_lossy(&text))
    }
}

/// The day number of a date of the proleptic Gregorian calendar; day 0 when there is none.
pub fn day(year: i32, month: u32, day: u32) -> i32 {
    NaiveDate::from_ymd_opt(year, month, day).map_or(0, |d| d.num_days_from_ce() - EPOCH)
}

/// Year, month and day of a day number.
pub fn civil(days: i32) -> (i32, u32, u32) {
    let date = days
        .checked_add(EPOCH)
        .and_then(NaiveDate::from_num_days_from_ce_opt)
        .unwrap_or(NaiveDate::MAX);
    (date.year(), date.month(), date.day())
}

/// `2021-01-31`.
pub fn write_date(out: &mut Vec<u8>, days: i32) {
    let (year, month, day) = civil(days);
    write_padded(out, u64::from(year.unsigned_abs()), 4);
    out.push(b'-');
    write_padded(out, u64::from(month), 2);
    out.push(b'-');
    write_padded(out, u64::from(day), 2);
}

/// `2021-01-31 23:59:59`.
pub fn write_datetime(out: &mut Vec<u8>, seconds: i64) {
    write_date(out, days_of(seconds));
    out.push(b' ');
    write_time(out, seconds.rem_euclid(SECONDS_A_DAY) as u64);
}

/// `23:59:59`, from the second of the day.
pub fn write_time(out: &mut Vec<u8>, second: u64) {
    write_padded(out, second / 3_600, 2);
    out.push(b':');
    write_padded(out, second / 60 % 60, 2);
    out.push(b':');
    write_padded(out, second % 60, 2);
}

/// The day a moment lies in.
pub fn days_of(seconds: i64) -> i32 {
    i32::try_from(seconds.div_euclid(SECONDS_A_DAY)).unwrap_or(i32::MAX)
}

pub fn write_integer(out: &mut Vec<u8>, number: i64) {
    if number < 0 {
        out.push(b'-');
    }
    write_padded(out, number.unsigned_abs(), 1);
}

/// The number with at least `width` digits, filled with zeros.
pub fn write_padded(out: &mut Vec<u8>, number: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut start = digits.len();
    let mut rest = number;
    while rest > 0 {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    let start = start.min(digits.len() - width.min(digits.len()));
    out.extend_from_slice(&digits[start..]);
}

fn write_decimal(out: &mut Vec<u8>, units: i64, scale: u8) {
    if units < 0 {
        out.push(b'-');
    }
    let one = 10_u64.saturating_pow(u32::from(scale));
    write_padded(out, units.unsigned_abs() / one, 1);
    if scale > 0 {
        out.push(b'.');
        write_padded(out, units.unsigned_abs() % one, usize::from(scale));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_literals() {
        let moment = i64::from(day(2021, 12, 31)) * SECONDS_A_DAY + 86_399;
        for (value, expected) in [
            (Value::Null, ""),
            (Value::text("é"), "é"),
            (Value::Number { value: 42, width: 8 }, "00000042"),
            (Value::Number { value: 12_345, width: 4 }, "12345"),
            (Value::Integer(-7), "-7"),
            (Value::Integer(0), "0"),
            (Value::Integer(i64::MIN), "-9223372036854775808"),
            (Value::price(5), "0.05"),
            (Value::price(-1_250), "-12.50"),
            (Value::total(3_060_000), "30600.0000"),
            (Value::Decimal { units: 7, scale: 0 }, "7"),
            (Value::Date(day(2021, 2, 28) + 1), "2021-03-01"),
            (Value::Date(-1), "1969-12-31"),
            (Value::DateTime(moment), "2021-12-31 23:59:59"),
            (Value::DateTime(-1), "1969-12-31 23:59:59"),
            (Value::Flag(true), "1"),
            (Value::Flag(false), "0"),
        ] {
            assert_eq!(value.to_string(), expected);
        }
    }

    #[test]
    fn days_and_dates_agree() {
        assert_eq!(day(1970, 1, 1), 0);
        assert_eq!(day(2021, 1, 1), 18_628);
        assert_eq!(civil(18_628), (2021, 1, 1));
        assert_eq!(days_of(-1), -1);
    }
}
