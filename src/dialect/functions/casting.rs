//! Conversions between types with Redshift's formats and rounding. They are what casts become; what
//! makes a text of a date, a time or a float is `printing`.
//!
//! Source: r_Datetime_types, r_CAST_function, r_Numeric_types201; probes in sql-on-datafusion.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringViewBuilder};
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type};
use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::logical_expr::ScalarUDF;

use super::udf::{Args, Function, Kind, udf};

fn function(
    name: &'static str,
    params: &'static [Kind],
    returns: fn(&[DataType]) -> Result<DataType>,
    run: fn(&Args) -> Result<ArrayRef>,
) -> Function {
    Function { name, params, optional: 0, variadic: false, returns, run }
}

pub fn all() -> Vec<Arc<ScalarUDF>> {
    vec![
        udf(function("round_to_bigint", &[Kind::Number], |_| Ok(DataType::Int64), round_to_bigint)),
        udf(function("cut", &[Kind::Text, Kind::Int], |_| Ok(DataType::Utf8View), cut)),
        udf(function("cut_char", &[Kind::Text, Kind::Int], |_| Ok(DataType::Utf8View), cut_char)),
    ]
}

/// A date in one of the formats Redshift reads without a pattern; what follows a date is its time.
pub fn parse_date(text: &str) -> Option<NaiveDate> {
    parse_timestamp(text).map(|at| at.date())
}

/// `2008-02-18`, `20080218`, `2/18/2008`, `2-18-2008`, `18-Feb-2008`, `Feb 18, 2008`, each with
/// `[ T]HH:MI[:SS[.ffffff]]` and an ignored zone after it.
pub fn parse_timestamp(text: &str) -> Option<NaiveDateTime> {
    date_then_time(text.trim()).or_else(|| date_then_time(&with_year_before_time(text)?))
}

/// `17 Dec 07:37:16 1997 PST` with its year where other formats have it.
fn with_year_before_time(text: &str) -> Option<String> {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    let time = words.iter().position(|w| w.contains(':'))?;
    let year = words.get(time + 1)?;
    if year.len() != 4 || !year.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    words.swap(time, time + 1);
    Some(words.join(" "))
}

fn date_then_time(text: &str) -> Option<NaiveDateTime> {
    let (date, used) = date_prefix(text)?;
    let rest = text.get(used..)?;
    let rest = rest.strip_prefix(['T', 't']).unwrap_or(rest).trim_start();
    if rest.is_empty() {
        return date.and_hms_opt(0, 0, 0);
    }
    time_of(rest).map(|time| date.and_time(time))
}

fn date_prefix(text: &str) -> Option<(NaiveDate, usize)> {
    let end = text.find(['T', ' ']).filter(|e| *e >= 6).unwrap_or(text.len());
    let head = text.get(..end)?;
    if let Some(date) = numeric_date(head) {
        return Some((date, end));
    }
    named_date(text)
}

fn numeric_date(head: &str) -> Option<NaiveDate> {
    let number = |s: &str| -> Option<u32> {
        (!s.is_empty() && s.bytes().all(|b| b.is_ascii_digit())).then(|| s.parse().ok()).flatten()
    };
    let fields: Vec<&str> = head.split(['-', '/', '.']).collect();
    let (year, month, day) = match fields.as_slice() {
        [all] if all.len() == 8 => {
            (number(all.get(..4)?)?, number(all.get(4..6)?)?, number(all.get(6..)?)?)
        }
        [all] if all.len() == 6 => {
            (century(number(all.get(..2)?)?), number(all.get(2..4)?)?, number(all.get(4..)?)?)
        }
        // a year and the day of it
        [y, d] if y.len() == 4 && d.len() == 3 && head.contains('.') => {
            return NaiveDate::from_yo_opt(i32::try_from(number(y)?).ok()?, number(d)?);
        }
        [y, m, d] if y.len() >= 3 => (number(y)?, number(m)?, number(d)?),
        // 17.12.1997: with dots a day may stand first, if it can be no month
        [d, m, y] if d.len() <= 2 && y.len() == 4 && head.contains('.') && number(d)? > 12 => {
            (number(y)?, number(m)?, number(d)?)
        }
        // DateStyle ISO, MDY: month first when the year stands last
        [m, d, y] if m.len() <= 2 => {
            let year = number(y)?;
            (if y.len() <= 2 { century(year) } else { year }, number(m)?, number(d)?)
        }
        _ => return None,
    };
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)
}

/// Two digits of a year: 70 to 99 are of the last century.
pub fn century(year: u32) -> u32 {
    if year >= 70 { 1900 + year } else { 2000 + year }
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// `January 8, 1999`, `8-Jan-1999`, `Jan-08-1999`, `1999-Jan-08`.
fn named_date(text: &str) -> Option<(NaiveDate, usize)> {
    let (mut year, mut month, mut day) = (None, None, None);
    let mut at = 0;
    while at < text.len() && (year.is_none() || month.is_none() || day.is_none()) {
        let rest = text.get(at..)?;
        let first = rest.chars().next()?;
        let same = |c: char| c.is_ascii_alphabetic() == first.is_ascii_alphabetic();
        let word_end =
            rest.find(|c: char| !c.is_ascii_alphanumeric() || !same(c)).unwrap_or(rest.len());
        if word_end == 0 {
            at += first.len_utf8();
            continue;
        }
        let word = rest.get(..word_end)?;
        if first.is_ascii_alphabetic() {
            let short = word.get(..3)?.to_ascii_lowercase();
            month = Some(MONTHS.iter().position(|m| *m == short)? as u32 + 1);
        } else if word.len() >= 3 || day.is_some() {
            let value: u32 = word.parse().ok()?;
            year = Some(if word.len() <= 2 { century(value) } else { value });
        } else {
            day = Some(word.parse().ok()?);
        }
        at += word_end;
    }
    NaiveDate::from_ymd_opt(i32::try_from(year?).ok()?, month?, day?).map(|d| (d, at))
}

/// A time of day, `040506` too; a zone after it is ignored, as a TIMESTAMP ignores it.
pub fn time_of(text: &str) -> Option<NaiveTime> {
    let end =
        text.find(|c: char| !c.is_ascii_digit() && c != ':' && c != '.').unwrap_or(text.len());
    let (clock, tail) = text.split_at_checked(end)?;
    let six = clock.len() == 6 && clock.bytes().all(|b| b.is_ascii_digit());
    let spread = six.then(|| format!("{}:{}:{}", &clock[..2], &clock[2..4], &clock[4..]));
    let mut fields = spread.as_deref().unwrap_or(clock).split(':');
    let mut hour: u32 = fields.next()?.parse().ok()?;
    let minute: u32 = fields.next()?.parse().ok()?;
    let (second, micros) = match fields.next() {
        None => (0, 0),
        Some(seconds) => {
            let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
            let digits: String = fraction.chars().chain("000000".chars()).take(6).collect();
            (whole.parse().ok()?, digits.parse::<u32>().ok()?)
        }
    };
    // a zone may begin like one of them: America/New_York
    let half = tail.trim().split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    match (half, hour) {
        (half, 1..=11) if half.eq_ignore_ascii_case("pm") => hour += 12,
        (half, 12) if half.eq_ignore_ascii_case("am") => hour = 0,
        _ => {}
    }
    NaiveTime::from_hms_micro_opt(hour, minute, second, micros)
}

/// The words of r_Boolean_type.
pub fn parse_boolean(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "t" | "true" | "y" | "yes" | "1" => Some(true),
        "f" | "false" | "n" | "no" | "0" => Some(false),
        _ => None,
    }
}

/// Text without the blanks around it, if it is a number.
pub fn number_text(text: &str) -> Option<&str> {
    let text = text.trim();
    let well = text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b))
        && text.bytes().any(|b| b.is_ascii_digit());
    let words = ["nan", "infinity", "-infinity", "inf", "-inf"];
    let word = words.iter().any(|w| text.eq_ignore_ascii_case(w));
    (well || word).then_some(text)
}

/// Half away from zero, where DataFusion truncates.
fn round_to_bigint(args: &Args) -> Result<ArrayRef> {
    let overflow = || exec_datafusion_err!("value out of range for type bigint");
    let arg = args.arg(0)?;
    let out: Int64Array = match arg.array.data_type() {
        DataType::Float64 => {
            let floats = args.primitive::<Float64Type>(0)?;
            (0..args.rows)
                .map(|i| {
                    let Some(v) = floats.get(i) else { return Ok(None) };
                    let v = v.round();
                    // the bounds are powers of two, exact as floats
                    let fits = (-2_f64.powi(63)..2_f64.powi(63)).contains(&v);
                    if fits { Ok(Some(v as i64)) } else { Err(overflow()) }
                })
                .collect::<Result<_>>()?
        }
        DataType::Decimal128(_, scale) => {
            let unit =
                10_i128.checked_pow(u32::try_from(*scale).unwrap_or(0)).ok_or_else(overflow)?;
            let values = args.primitive::<Decimal128Type>(0)?;
            (0..args.rows)
                .map(|i| {
                    let Some(v) = values.get(i) else { return Ok(None) };
                    i64::try_from(divide_rounded(v, unit)).map(Some).map_err(|_| overflow())
                })
                .collect::<Result<_>>()?
        }
        _ => {
            let values = args.primitive::<Int64Type>(0)?;
            (0..args.rows).map(|i| values.get(i)).collect()
        }
    };
    Ok(Arc::new(out))
}

/// `value / unit`, rounded half away from zero. `unit` is positive.
pub fn divide_rounded(value: i128, unit: i128) -> i128 {
    let (quotient, rest) = (value / unit, value % unit);
    if rest.unsigned_abs() >= unit.unsigned_abs().div_ceil(2) && rest != 0 {
        quotient + value.signum()
    } else {
        quotient
    }
}

/// `text::varchar(n)`: at most n bytes, never half a character.
fn cut(args: &Args) -> Result<ArrayRef> {
    cut_texts(args, |t| t)
}

/// `text::char(n)`: as `varchar(n)`, without the blanks at the end that CHAR does not count.
fn cut_char(args: &Args) -> Result<ArrayRef> {
    cut_texts(args, |t| t.trim_end_matches(' '))
}

fn cut_texts(args: &Args, end: fn(&str) -> &str) -> Result<ArrayRef> {
    let limits = args.primitive::<Int64Type>(1)?;
    let texts = args.text(0)?;
    if let (Some(limit), DataType::Utf8View) = (limits.get(0), args.arg(0)?.array.data_type()) {
        // nothing to cut: the column passes through
        let array = args.arg(0)?.array.as_string_view();
        let fits =
            |t: &str| i64::try_from(t.len()).is_ok_and(|n| n <= limit) && end(t).len() == t.len();
        if !args.arg(0)?.is_constant() && array.iter().flatten().all(fits) {
            return Ok(Arc::clone(&args.arg(0)?.array));
        }
    }
    let mut out = StringViewBuilder::with_capacity(args.rows);
    for i in 0..args.rows {
        match (texts.get(i), limits.get(i)) {
            (Some(text), Some(limit)) => {
                let limit = usize::try_from(limit).unwrap_or(0).min(text.len());
                out.append_value(end(text.get(..text.floor_char_boundary(limit)).unwrap_or(text)));
            }
            _ => out.append_null(),
        }
    }
    Ok(Arc::new(out.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_in_every_format_of_the_manual() {
        // r_Datetime_types, "Dates": the formats of the table, read as MDY
        for text in [
            "January 8, 1999",
            "1999-01-08",
            "1/8/1999",
            "01/08/99",
            "990108",
            "19990108",
            "1999-Jan-08",
            "Jan-08-1999",
            "08-Jan-1999",
            "1999-1-8",
        ] {
            let expected = NaiveDate::from_ymd_opt(1999, 1, 8);
            assert_eq!(parse_date(text), expected, "{text}");
        }
        for text in ["", "hello", "2021-13-01", "2021-02-30", "12", "2021-01-01x:y"] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }

    #[test]
    fn timestamps_with_time_and_ignored_zone() {
        for (text, expected) in [
            ("2008-02-18 02:36:48", "2008-02-18 02:36:48"),
            ("20080401 04:05", "2008-04-01 04:05:00"),
            ("Jun 1,2008 09:59:59", "2008-06-01 09:59:59"),
            ("2001-02-16T18:38:40.5+02", "2001-02-16 18:38:40.500"),
            ("2/14/1997 05:32:53 PM", "1997-02-14 17:32:53"),
            ("14 Feb 05:32:53 1997", "1997-02-14 05:32:53"),
            ("14.02.1997 05:32", "1997-02-14 05:32:00"),
            ("9999-12-31", "9999-12-31 00:00:00"),
        ] {
            let found = parse_timestamp(text).expect(text);
            assert_eq!(found.format("%Y-%m-%d %H:%M:%S%.f").to_string(), expected);
        }
    }

    #[test]
    fn halves_round_away_from_zero() {
        for (value, unit, expected) in
            [(35, 10, 4), (-35, 10, -4), (34, 10, 3), (0, 10, 0), (5, 1, 5)]
        {
            assert_eq!(divide_rounded(value, unit), expected);
        }
    }
}
