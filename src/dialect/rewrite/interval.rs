//! Interval literals: `'1w, 1h'`, `'0.5 days'`, `'1-2' YEAR TO MONTH`, `'1 02:03:04' DAY TO SECOND`. It computes no dates.
//!
//! Source: r_interval_literals, r_interval_data_types. What is smaller than the qualifier is cut.

use datafusion::sql::sqlparser::ast::{DateTimeField, Interval};

use crate::dialect::build::{text, text_of};
use crate::dialect::functions::{DAY, Part};
use crate::error::{Error, Result};

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// Months, days and microseconds.
#[derive(Default, Clone, Copy)]
struct Span {
    months: i64,
    days: i64,
    micros: i64,
}

impl Span {
    /// Adds a number of a part; a fraction runs on into smaller parts, a month has 30 days.
    fn add(&mut self, amount: f64, part: Part) -> Option<()> {
        let months = match part {
            Part::Millennium => amount * 12_000.0,
            Part::Century => amount * 1_200.0,
            Part::Decade => amount * 120.0,
            Part::Year => amount * 12.0,
            Part::Quarter => amount * 3.0,
            Part::Month => amount,
            _ => 0.0,
        };
        let days = match part {
            Part::Week => amount * 7.0,
            Part::Day => amount,
            _ => months.fract() * 30.0,
        };
        let micros = match part {
            Part::Hour => amount * HOUR as f64,
            Part::Minute => amount * MINUTE as f64,
            Part::Second => amount * SECOND as f64,
            Part::Millisecond => amount * 1e3,
            Part::Microsecond => amount,
            Part::DayOfWeek | Part::DayOfYear | Part::Epoch => return None,
            Part::Timezone | Part::TimezoneHour | Part::TimezoneMinute => return None,
            _ => days.fract() * DAY as f64,
        };
        let sum = |to: i64, value: f64| {
            let fits = (-2_f64.powi(63)..2_f64.powi(63)).contains(&value);
            to.checked_add(value as i64).filter(|_| fits)
        };
        *self = Span {
            months: sum(self.months, months.trunc())?,
            days: sum(self.days, days.trunc())?,
            micros: sum(self.micros, micros.round())?,
        };
        Some(())
    }

    /// Without what is smaller than a part.
    fn cut(&mut self, smallest: Part) {
        let unit = match smallest {
            Part::Year => 12,
            Part::Month => 1,
            Part::Day => DAY,
            Part::Hour => HOUR,
            Part::Minute => MINUTE,
            _ => return,
        };
        if matches!(smallest, Part::Year | Part::Month) {
            *self = Span { months: self.months / unit * unit, ..Span::default() };
        } else {
            self.micros = self.micros / unit * unit;
        }
    }

    /// As the planner reads it.
    fn written(self) -> String {
        let seconds = self.micros.unsigned_abs();
        let sign = if self.micros < 0 { "-" } else { "" };
        format!(
            "{} months {} days {sign}{}.{:06} seconds",
            self.months,
            self.days,
            seconds / SECOND.unsigned_abs(),
            seconds % SECOND.unsigned_abs()
        )
    }
}

/// The same length the other way. The planner would turn the first number alone.
pub fn turned(interval: &mut Interval) {
    let Some(written) = text_of(&interval.value) else { return };
    let turn = |word: &str| match word.strip_prefix('-') {
        Some(number) => number.to_owned(),
        None if word.starts_with(|c: char| c.is_ascii_digit()) => format!("-{word}"),
        None => word.to_owned(),
    };
    let turned = written.split(' ').map(turn).collect::<Vec<_>>().join(" ");
    *interval.value = text(&turned);
}

fn part_of(field: &DateTimeField) -> Option<Part> {
    Part::parse(&field.to_string())
}

/// Makes a literal one of months, days and seconds. What is no plain text stays as it is.
pub fn plain(interval: &mut Interval) -> Result<()> {
    let Some(written) = text_of(&interval.value) else { return Ok(()) };
    let (first, last) = (&interval.leading_field, &interval.last_field);
    let from = first.as_ref().and_then(part_of);
    let to = last.as_ref().and_then(part_of).or(from);
    if (first.is_some() && from.is_none()) || (last.is_some() && to == from && last != first) {
        return Err(invalid(written));
    }
    let mut span = read(written, from, to).ok_or_else(|| invalid(written))?;
    if let Some(smallest) = to {
        span.cut(smallest);
    }
    let precision = interval.fractional_seconds_precision.or(interval.leading_precision);
    if let (Some(Part::Second), Some(digits @ 0..6)) = (to, precision) {
        let unit = 10_i64.pow(6 - u32::try_from(digits).unwrap_or(6));
        span.micros = span.micros / unit * unit;
    }
    *interval = Interval {
        value: Box::new(text(&span.written())),
        leading_field: None,
        leading_precision: None,
        last_field: None,
        fractional_seconds_precision: None,
    };
    Ok(())
}

fn invalid(text: &str) -> Error {
    Error::failed("sql/interval", format!("invalid input syntax for type interval: \"{text}\""))
        .hint("write '3 days', '1-2' YEAR TO MONTH or '1 02:03:04' DAY TO SECOND (r_interval_data_types)")
}

/// The words of a literal; a number without a unit is of the smallest part of the qualifier, or seconds.
fn read(text: &str, from: Option<Part>, to: Option<Part>) -> Option<Span> {
    let mut span = Span::default();
    let words: Vec<&str> = text.split([',', ' ']).filter(|w| !w.is_empty()).collect();
    let (words, factor) = match words.split_last() {
        Some((last, rest)) if last.eq_ignore_ascii_case("ago") => (rest, -1.0),
        _ => (&words[..], 1.0),
    };
    if words.is_empty() {
        return None;
    }
    let mut rest = words.iter().copied().peekable();
    while let Some(word) = rest.next() {
        if word.contains(':') {
            clock(&mut span, word, factor, from, to)?;
            continue;
        }
        if let Some((years, months)) = word.get(1..).and_then(|tail| {
            let at = tail.find('-')? + 1;
            Some((word.get(..at)?, word.get(at + 1..)?))
        }) {
            let sign = if years.starts_with('-') { -1.0 } else { 1.0 };
            span.add(factor * years.parse::<f64>().ok()?, Part::Year)?;
            span.add(factor * sign * months.parse::<f64>().ok()?, Part::Month)?;
            continue;
        }
        let end =
            word.find(|c: char| !(c.is_ascii_digit() || ".+-".contains(c))).unwrap_or(word.len());
        let (number, unit) = word.split_at_checked(end)?;
        let amount = factor * number.parse::<f64>().ok()?;
        let part = match unit {
            "" => match rest.peek() {
                // `1 02:03` and `1 2`: days before what is smaller
                Some(next) if next.starts_with(|c: char| !c.is_ascii_alphabetic()) => Part::Day,
                Some(_) => Part::parse(rest.next()?)?,
                None => to.unwrap_or(Part::Second),
            },
            unit => Part::parse(unit)?,
        };
        span.add(amount, part)?;
    }
    Some(span)
}

/// `02:03:04.5`; with the qualifier MINUTE TO SECOND `03:04` is minutes and seconds.
fn clock(
    span: &mut Span,
    word: &str,
    factor: f64,
    from: Option<Part>,
    to: Option<Part>,
) -> Option<()> {
    let sign = if word.starts_with('-') { -factor } else { factor };
    let fields: Vec<f64> = word
        .trim_start_matches(['-', '+'])
        .split(':')
        .map(|f| f.parse().ok())
        .collect::<Option<_>>()?;
    let parts: &[Part] = match (fields.len(), from, to) {
        (2, Some(Part::Minute), Some(Part::Second)) => &[Part::Minute, Part::Second],
        (2, ..) => &[Part::Hour, Part::Minute],
        (3, ..) => &[Part::Hour, Part::Minute, Part::Second],
        _ => return None,
    };
    for (value, part) in fields.iter().zip(parts) {
        span.add(sign * value, *part)?;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_of_the_manual() {
        use Part::{Day, Hour, Minute, Month, Second, Year};
        for (text, from, to, expected) in [
            ("7 days, 3 hours, 59 minutes", None, None, (0, 7, 3 * HOUR + 59 * MINUTE)),
            ("1w, 1h, 1m, 1s", None, None, (0, 7, HOUR + MINUTE + SECOND)),
            ("0.5 days", None, None, (0, 0, 12 * HOUR)),
            ("5", None, None, (0, 0, 5 * SECOND)),
            ("23", Some(Month), Some(Month), (23, 0, 0)),
            ("1-2", Some(Year), Some(Month), (14, 0, 0)),
            ("-1-2", Some(Year), Some(Month), (-14, 0, 0)),
            ("-2", Some(Day), Some(Day), (0, -2, 0)),
            ("1 02:03:04.5", Some(Day), Some(Second), (0, 1, 2 * HOUR + 3 * MINUTE + 4_500_000)),
            ("03:04", Some(Minute), Some(Second), (0, 0, 3 * MINUTE + 4 * SECOND)),
            ("1 2", Some(Day), Some(Hour), (0, 1, 2 * HOUR)),
            ("1 day ago", None, None, (0, -1, 0)),
        ] {
            let span = read(text, from, to).expect(text);
            assert_eq!((span.months, span.days, span.micros), expected, "{text}");
        }
        for text in ["", "day", "1 banana", "1 2 3:4:5:6", "99999999999999999999 months"] {
            assert!(read(text, None, None).is_none(), "{text}");
        }
    }
}
