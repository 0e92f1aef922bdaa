//! TO_CHAR of dates, and the patterns TO_DATE and TO_TIMESTAMP read by. Patterns of numbers are in `numbers`.
//!
//! Source: r_FORMAT_strings, r_TO_CHAR, r_TO_DATE_function, r_TO_TIMESTAMP.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Date32Array, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use chrono::{Datelike, NaiveDateTime, Timelike};
use datafusion::common::{Result, exec_datafusion_err, exec_err};
use datafusion::logical_expr::ScalarUDF;

use super::numbers;
use super::parts;
use super::strings::build;
use super::udf::{Args, Function, Kind, udf};

pub fn all() -> Vec<Arc<ScalarUDF>> {
    let function = |name, params, returns, run| Function {
        name,
        params,
        optional: 0,
        variadic: false,
        returns,
        run,
    };
    vec![
        udf(function(
            "to_char",
            &[Kind::Printable, Kind::Text],
            |_| Ok(DataType::Utf8View),
            to_char,
        )),
        udf(Function {
            optional: 1,
            ..function(
                "to_date",
                &[Kind::Text, Kind::Text, Kind::Boolean],
                |_| Ok(DataType::Date32),
                to_date,
            )
        }),
        udf(Function {
            optional: 1,
            ..function(
                "to_timestamp",
                &[Kind::Text, Kind::Text, Kind::Boolean],
                |_| Ok(DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))),
                to_timestamp,
            )
        }),
        udf(function(
            "to_number",
            &[Kind::Text, Kind::Text],
            |_| Ok(DataType::Decimal128(38, 10)),
            numbers::to_number,
        )),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Year(usize),
    IsoYear,
    YearComma,
    Century,
    Quarter,
    MonthName {
        short: bool,
    },
    Month,
    MonthRoman,
    WeekOfMonth,
    WeekOfYear,
    IsoWeek,
    DayName {
        short: bool,
    },
    DayOfYear,
    IsoDayOfYear,
    Day,
    DayOfWeek,
    IsoDayOfWeek,
    Julian,
    Hour24,
    Hour12,
    Minute,
    Second,
    Millisecond,
    Microsecond,
    Meridiem {
        dots: bool,
    },
    Era {
        dots: bool,
    },
    Zone,
    Offset,
    SecondsOfDay,
    /// What may follow the second where COPY reads; no pattern names it.
    Fraction,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    Upper,
    Title,
    Lower,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// Field, the case it is written in, FM before it, TH after it.
    Field {
        field: Field,
        case: Case,
        fill: bool,
        ordinal: Option<Case>,
    },
    Text(String),
}

/// Longest names first where one begins another.
const FIELDS: &[(&str, Field)] = &[
    ("Y,YYY", Field::YearComma),
    ("YYYY", Field::Year(4)),
    ("YYY", Field::Year(3)),
    ("YY", Field::Year(2)),
    ("Y", Field::Year(1)),
    ("IYYY", Field::IsoYear),
    ("IDDD", Field::IsoDayOfYear),
    ("IW", Field::IsoWeek),
    ("ID", Field::IsoDayOfWeek),
    ("CC", Field::Century),
    ("Q", Field::Quarter),
    ("MONTH", Field::MonthName { short: false }),
    ("MON", Field::MonthName { short: true }),
    ("MM", Field::Month),
    ("MI", Field::Minute),
    ("MS", Field::Millisecond),
    ("RM", Field::MonthRoman),
    ("WW", Field::WeekOfYear),
    ("W", Field::WeekOfMonth),
    ("DAY", Field::DayName { short: false }),
    ("DY", Field::DayName { short: true }),
    ("DDD", Field::DayOfYear),
    ("DD", Field::Day),
    ("D", Field::DayOfWeek),
    ("J", Field::Julian),
    ("HH24", Field::Hour24),
    ("HH12", Field::Hour12),
    ("HH", Field::Hour12),
    ("SSSSS", Field::SecondsOfDay),
    ("SSSS", Field::SecondsOfDay),
    ("SS", Field::Second),
    ("US", Field::Microsecond),
    ("A.M.", Field::Meridiem { dots: true }),
    ("P.M.", Field::Meridiem { dots: true }),
    ("AM", Field::Meridiem { dots: false }),
    ("PM", Field::Meridiem { dots: false }),
    ("A.D.", Field::Era { dots: true }),
    ("B.C.", Field::Era { dots: true }),
    ("AD", Field::Era { dots: false }),
    ("BC", Field::Era { dots: false }),
    ("TZ", Field::Zone),
    ("OF", Field::Offset),
];

/// A pattern cut into fields and text.
#[derive(Debug)]
pub struct Pattern(pub(super) Vec<Item>);

impl Pattern {
    /// True if it writes a time zone, which no function reads (r_TO_TIMESTAMP).
    pub fn has_zone(&self) -> bool {
        let zone =
            |item: &Item| matches!(item, Item::Field { field: Field::Zone | Field::Offset, .. });
        self.0.iter().any(zone)
    }

    pub fn parse(pattern: &str) -> Pattern {
        let mut items: Vec<Item> = Vec::new();
        let mut rest = pattern;
        let mut fill = true;
        while let Some(first) = rest.chars().next() {
            if let Some(quoted) = rest.strip_prefix('"') {
                let (text, after) = quoted.split_once('"').unwrap_or((quoted, ""));
                items.push(Item::Text(text.to_owned()));
                rest = after;
            } else if starts_with(rest, "FM") {
                fill = false;
                rest = rest.get(2..).unwrap_or_default();
            } else if let Some((name, field)) = FIELDS.iter().find(|(n, _)| starts_with(rest, n)) {
                let (written, after) = rest.split_at(name.len());
                let (ordinal, after) = match after.get(..2) {
                    Some("TH") => (Some(Case::Upper), after.get(2..).unwrap_or_default()),
                    Some("th") => (Some(Case::Lower), after.get(2..).unwrap_or_default()),
                    _ => (None, after),
                };
                items.push(Item::Field { field: *field, case: case_of(written), fill, ordinal });
                // FM is for the field it stands before
                fill = true;
                rest = after;
            } else {
                match items.last_mut() {
                    Some(Item::Text(text)) => text.push(first),
                    _ => items.push(Item::Text(first.to_string())),
                }
                rest = rest.get(first.len_utf8()..).unwrap_or_default();
            }
        }
        Pattern(items)
    }

    /// The instant written by the pattern.
    pub fn write(&self, out: &mut String, at: NaiveDateTime) {
        for item in &self.0 {
            match item {
                Item::Text(text) => out.push_str(text),
                Item::Field { field, case, fill, ordinal } => {
                    let start = out.len();
                    write_field(out, *field, *case, *fill, at);
                    if let Some(case) = ordinal {
                        let suffix = ordinal_suffix(out.get(start..).unwrap_or_default());
                        match case {
                            Case::Upper => out.push_str(&suffix.to_uppercase()),
                            _ => out.push_str(suffix),
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn starts_with(text: &str, name: &str) -> bool {
    text.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name))
}

fn case_of(written: &str) -> Case {
    let mut letters = written.chars().filter(char::is_ascii_alphabetic);
    match (letters.next(), letters.next()) {
        (Some(a), Some(b)) if a.is_uppercase() && b.is_lowercase() => Case::Title,
        (Some(a), _) if a.is_uppercase() => Case::Upper,
        _ => Case::Lower,
    }
}

fn ordinal_suffix(number: &str) -> &'static str {
    let digits = number.trim();
    let teen = digits.len() >= 2 && digits.as_bytes().get(digits.len() - 2) == Some(&b'1');
    match digits.chars().last() {
        Some('1') if !teen => "st",
        Some('2') if !teen => "nd",
        Some('3') if !teen => "rd",
        _ => "th",
    }
}

pub(super) const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
pub(super) const DAYS: [&str; 7] =
    ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
pub(super) const ROMAN: [&str; 12] =
    ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"];

fn write_field(out: &mut String, field: Field, case: Case, fill: bool, at: NaiveDateTime) {
    let number = |out: &mut String, value: i64, width: usize| {
        let _ = if fill { write!(out, "{value:0width$}") } else { write!(out, "{value}") };
    };
    let year = i64::from(at.year());
    let week = at.iso_week();
    let hour12 = (at.hour() + 11) % 12 + 1;
    match field {
        Field::Year(digits) => {
            number(out, year.rem_euclid(10_i64.pow(digits as u32)), digits);
        }
        Field::YearComma => {
            let _ = write!(out, "{},{:03}", year / 1000, year % 1000);
        }
        Field::IsoYear => number(out, i64::from(week.year()), 4),
        Field::Century => number(out, (year + 99) / 100, 2),
        Field::Quarter => number(out, i64::from(at.month0() / 3 + 1), 1),
        Field::MonthName { short } => name(out, &MONTHS, at.month0(), short, case, fill),
        Field::DayName { short } => {
            name(out, &DAYS, at.weekday().num_days_from_sunday(), short, case, fill);
        }
        Field::Month => number(out, i64::from(at.month()), 2),
        Field::MonthRoman => {
            let roman = ROMAN.get(at.month0() as usize).copied().unwrap_or_default();
            let roman = if case == Case::Lower { roman.to_lowercase() } else { roman.to_owned() };
            let _ = if fill { write!(out, "{roman:<4}") } else { write!(out, "{roman}") };
        }
        Field::WeekOfMonth => number(out, i64::from((at.day() - 1) / 7 + 1), 1),
        Field::WeekOfYear => number(out, i64::from(at.ordinal0() / 7 + 1), 2),
        Field::IsoWeek => number(out, i64::from(week.week()), 2),
        Field::DayOfYear => number(out, i64::from(at.ordinal()), 3),
        Field::IsoDayOfYear => {
            let day = i64::from((week.week() - 1) * 7 + at.weekday().number_from_monday());
            number(out, day, 3);
        }
        Field::Day => number(out, i64::from(at.day()), 2),
        Field::DayOfWeek => number(out, i64::from(at.weekday().number_from_sunday()), 1),
        Field::IsoDayOfWeek => number(out, i64::from(at.weekday().number_from_monday()), 1),
        // day 0 of the Julian calendar is 4714-11-24 BC
        Field::Julian => number(out, i64::from(parts::days_of(at.date())) + 2_440_588, 1),
        Field::Hour24 => number(out, i64::from(at.hour()), 2),
        Field::Hour12 => number(out, i64::from(hour12), 2),
        Field::Minute => number(out, i64::from(at.minute()), 2),
        Field::Second => number(out, i64::from(at.second()), 2),
        Field::Millisecond => number(out, i64::from(at.nanosecond() / 1_000_000), 3),
        Field::Microsecond => number(out, i64::from(at.nanosecond() / 1_000), 6),
        Field::SecondsOfDay => number(out, i64::from(at.num_seconds_from_midnight()), 1),
        Field::Meridiem { dots } => {
            let text = match (at.hour() < 12, dots) {
                (true, false) => "am",
                (false, false) => "pm",
                (true, true) => "a.m.",
                (false, true) => "p.m.",
            };
            cased(out, text, case);
        }
        Field::Era { dots } => {
            let text = match (year > 0, dots) {
                (true, false) => "ad",
                (false, false) => "bc",
                (true, true) => "a.d.",
                (false, true) => "b.c.",
            };
            cased(out, text, case);
        }
        Field::Fraction => {}
        Field::Zone => cased(out, "utc", case),
        Field::Offset => out.push_str("+00"),
    }
}

fn cased(out: &mut String, text: &str, case: Case) {
    if case == Case::Lower { out.push_str(text) } else { out.push_str(&text.to_uppercase()) }
}

/// A month or a day; the full name is padded to nine.
fn name(out: &mut String, names: &[&str], index: u32, short: bool, case: Case, fill: bool) {
    let full = names.get(index as usize).copied().unwrap_or_default();
    let text = if short { full.get(..3).unwrap_or(full) } else { full };
    let text = match case {
        Case::Lower => text.to_owned(),
        Case::Upper => text.to_uppercase(),
        Case::Title => {
            let (head, tail) = text.split_at(1);
            head.to_uppercase() + tail
        }
    };
    let _ = if fill && !short { write!(out, "{text:<9}") } else { write!(out, "{text}") };
}

fn to_char(args: &Args) -> Result<ArrayRef> {
    let value = args.arg(0)?;
    if !matches!(value.array.data_type(), DataType::Timestamp(..)) {
        return numbers::to_char(args);
    }
    let at = args.primitive::<TimestampMicrosecondType>(0)?;
    let patterns = args.text(1)?;
    let constant = args.constant_text(1).map(Pattern::parse);
    build(args.rows, |i, out| {
        let (Some(micros), Some(text)) = (at.get(i), patterns.get(i)) else { return Ok(None) };
        // the calendar of the patterns ends with the year 262142
        let Some(at) = parts::instant(micros) else { return exec_err!("timestamp out of range") };
        match &constant {
            Some(pattern) => pattern.write(out, at),
            None => Pattern::parse(text).write(out, at),
        }
        Ok(Some(()))
    })
}

fn instants<T>(
    args: &Args,
    what: &str,
    to: impl Fn(NaiveDateTime) -> Option<T>,
) -> Result<Vec<Option<T>>> {
    let (texts, patterns) = (args.text(0)?, args.text(1)?);
    let strict = args.len() > 2 && {
        let flag = args.arg(2)?;
        flag.array.as_boolean_opt().is_some_and(|b| !b.is_empty() && b.value(0))
    };
    let zoneless = |pattern: Pattern| match pattern.has_zone() {
        true => exec_err!("{what} reads no time zone: TZ and OF are formats of TO_CHAR alone"),
        false => Ok(pattern),
    };
    let constant = args.constant_text(1).map(Pattern::parse).map(zoneless).transpose()?;
    (0..args.rows)
        .map(|i| {
            let (Some(text), Some(pattern)) = (texts.get(i), patterns.get(i)) else {
                return Ok(None);
            };
            let read = match &constant {
                Some(pattern) => pattern.read(text, strict),
                None => zoneless(Pattern::parse(pattern))?.read(text, strict),
            };
            read.and_then(&to).map(Some).ok_or_else(|| {
                // read without is_strict, a field is out of its range alone
                match strict && Pattern::parse(pattern).read(text, false).is_some() {
                    true => exec_datafusion_err!("date/time field value out of range: \"{text}\""),
                    false => exec_datafusion_err!(
                        "invalid value for {what}: \"{text}\" by the pattern \"{pattern}\""
                    ),
                }
            })
        })
        .collect()
}

fn to_date(args: &Args) -> Result<ArrayRef> {
    let days = instants(args, "to_date", |at| Some(parts::days_of(at.date())))?;
    Ok(Arc::new(Date32Array::from(days)))
}

fn to_timestamp(args: &Args) -> Result<ArrayRef> {
    let micros = instants(args, "to_timestamp", parts::micros_of)?;
    Ok(Arc::new(TimestampMicrosecondArray::from(micros).with_timezone("UTC")))
}
