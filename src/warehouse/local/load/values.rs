//! Fields of text to values of columns, with the rules of COPY. It reads no file.
//!
//! Source: copy-parameters-data-conversion, r_DATEFORMAT_and_TIMEFORMAT_strings, automatic-recognition,
//! r_Load_Error_Reference for the numbers of the errors.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, NaiveDateTime};

use crate::dialect::CopyOptions;
use crate::dialect::functions::{
    Pattern, days_of, micros_of, parse_date, parse_timestamp, zoned_micros,
};
use crate::types::SqlType;

/// A value ready to be stored.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell<'a> {
    Null,
    Boolean(bool),
    /// Integers, days, microseconds.
    Int(i64),
    Float(f64),
    Decimal(i128),
    Text(Cow<'a, str>),
    Bytes(Vec<u8>),
}

/// Why a field is no value: the number of the load error, and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    pub code: u16,
    pub text: String,
}

fn reason<T>(code: u16, text: impl Into<String>) -> std::result::Result<T, Reason> {
    Err(Reason { code, text: text.into() })
}

/// How fields are read, worked out once for a statement.
#[derive(Debug)]
pub struct Rules {
    null: Vec<u8>,
    pub options: CopyOptions,
    dates: When,
    times: When,
}

/// How a date or time is written.
#[derive(Debug)]
enum When {
    /// ISO only.
    Standard,
    Auto,
    EpochSeconds,
    EpochMillis,
    Pattern(Pattern),
}

impl When {
    fn new(written: Option<&str>) -> When {
        match written.map(str::to_lowercase).as_deref() {
            None => When::Standard,
            Some("auto") => When::Auto,
            Some("epochsecs") => When::EpochSeconds,
            Some("epochmillisecs") => When::EpochMillis,
            Some(_) => {
                let pattern = Pattern::parse(&full_hours(written.unwrap_or_default()));
                When::Pattern(pattern.with_fractions())
            }
        }
    }
}

/// HH is of 24 hours in COPY (r_DATEFORMAT_and_TIMEFORMAT_strings) and of 12 in TO_TIMESTAMP.
fn full_hours(pattern: &str) -> String {
    let upper = pattern.to_uppercase();
    let twelve = upper.contains("AM") || upper.contains("PM");
    let marked = upper.replace("HH24", "\u{1}").replace("HH12", "\u{2}");
    let plain = if twelve { "HH12" } else { "HH24" };
    marked.replace("HH", plain).replace('\u{1}', "HH24").replace('\u{2}', "HH12")
}

impl Rules {
    pub fn new(options: &CopyOptions) -> Rules {
        Rules {
            null: options.null_as.clone().unwrap_or_else(|| "\\N".into()).into_bytes(),
            dates: When::new(options.date_format.as_deref()),
            times: When::new(options.time_format.as_deref()),
            options: options.clone(),
        }
    }

    /// One field as a value of a column's type.
    pub fn cell<'a>(
        &self,
        field: &'a [u8],
        quoted: bool,
        ty: SqlType,
    ) -> std::result::Result<Cell<'a>, Reason> {
        if !quoted && field == self.null.as_slice() {
            return Ok(Cell::Null);
        }
        let text = self.text(field)?;
        if matches!(ty, SqlType::Char(_) | SqlType::Varchar(_)) {
            return self.characters(text, quoted, ty);
        }
        let plain = text.trim();
        if plain.is_empty() {
            return Ok(Cell::Null);
        }
        self.value(plain, ty)
    }

    fn text<'a>(&self, field: &'a [u8]) -> std::result::Result<Cow<'a, str>, Reason> {
        match (std::str::from_utf8(field), self.options.replacement) {
            (Ok(text), _) => Ok(Cow::Borrowed(text)),
            (Err(_), Some(sign)) => Ok(Cow::Owned(
                String::from_utf8_lossy(field).replace('\u{fffd}', &sign.to_string()),
            )),
            (Err(error), None) => {
                let bad: Vec<String> = field
                    .iter()
                    .skip(error.valid_up_to())
                    .take(error.error_len().unwrap_or(1))
                    .map(|b| format!("{b:02x}"))
                    .collect();
                reason(
                    1220,
                    format!(
                        "string contains invalid or unsupported UTF8 codepoints, bad UTF8 hex sequence: {}",
                        bad.join(" ")
                    ),
                )
            }
        }
    }

    fn characters<'a>(
        &self,
        text: Cow<'a, str>,
        quoted: bool,
        ty: SqlType,
    ) -> std::result::Result<Cell<'a>, Reason> {
        if text.is_empty() {
            let null = self.options.empty_as_null && !quoted;
            return Ok(if null { Cell::Null } else { Cell::Text(text) });
        }
        if self.options.blanks_as_null && text.trim().is_empty() {
            return Ok(Cell::Null);
        }
        let mut text = text;
        if self.options.trim_blanks {
            let kept = text.trim_end_matches(' ').len();
            text = cut(text, kept);
        }
        let (limit, is_char) = match ty {
            SqlType::Char(n) => (n as usize, true),
            SqlType::Varchar(n) => (n as usize, false),
            _ => (usize::MAX, false),
        };
        if is_char && !text.is_ascii() {
            return reason(1215, "CHAR takes single-byte characters only");
        }
        if text.len() > limit {
            let kept = text.floor_char_boundary(limit);
            let only_blanks = text.as_bytes().iter().skip(kept).all(|b| *b == b' ');
            if !self.options.truncate && !only_blanks {
                return reason(
                    1204,
                    format!("string length exceeds DDL length: {} bytes for {ty}", text.len()),
                );
            }
            text = cut(text, kept);
        }
        Ok(Cell::Text(text))
    }

    fn value(&self, text: &str, ty: SqlType) -> std::result::Result<Cell<'static>, Reason> {
        Ok(match ty {
            SqlType::SmallInt => {
                Cell::Int(integer(text, i64::from(i16::MIN), i64::from(i16::MAX), ty)?)
            }
            SqlType::Integer => {
                Cell::Int(integer(text, i64::from(i32::MIN), i64::from(i32::MAX), ty)?)
            }
            SqlType::BigInt => Cell::Int(integer(text, i64::MIN, i64::MAX, ty)?),
            SqlType::Real | SqlType::Double => match text.parse::<f64>() {
                Ok(value) => Cell::Float(value),
                Err(_) => return reason(1208, format!("invalid FLOAT, value '{text}'")),
            },
            SqlType::Decimal { precision, scale } => {
                Cell::Decimal(decimal(text, precision, scale, self.options.round)?)
            }
            SqlType::Boolean => match text.to_ascii_lowercase().as_str() {
                "t" | "true" | "y" | "yes" | "1" => Cell::Boolean(true),
                "f" | "false" | "n" | "no" | "0" => Cell::Boolean(false),
                _ => return reason(1210, format!("invalid BOOLEAN, value '{text}'")),
            },
            SqlType::Date => match self.date(text) {
                Some(date) => Cell::Int(i64::from(days_of(date))),
                None if self.options.accept_any_date => Cell::Null,
                None => return reason(1205, format!("invalid date format, value '{text}'")),
            },
            SqlType::Timestamp | SqlType::TimestampTz => {
                match self.instant(text, ty == SqlType::TimestampTz) {
                    Some(micros) => Cell::Int(micros),
                    None if self.options.accept_any_date => Cell::Null,
                    None => {
                        return reason(1206, format!("invalid timestamp format, value '{text}'"));
                    }
                }
            }
            SqlType::Time => match parse_timestamp(&format!("2000-01-01 {text}")) {
                Some(at) => Cell::Int(micros_of(at).map_or(0, |m| m.rem_euclid(86_400_000_000))),
                None => return reason(1206, format!("invalid time format, value '{text}'")),
            },
            SqlType::Varbyte(_) => match hex(text) {
                Some(bytes) => Cell::Bytes(bytes),
                None => return reason(1219, format!("invalid hexadecimal, value '{text}'")),
            },
            SqlType::Char(_) | SqlType::Varchar(_) => Cell::Text(Cow::Owned(text.to_owned())),
        })
    }

    fn date(&self, text: &str) -> Option<NaiveDate> {
        match &self.dates {
            When::Standard => NaiveDate::parse_from_str(text.get(..10)?, "%Y-%m-%d")
                .ok()
                .filter(|_| text.len() == 10 || parse_timestamp(text).is_some()),
            When::Auto => parse_date(text),
            When::EpochSeconds => epoch(text, 1).map(|at| at.date()),
            When::EpochMillis => epoch(text, 1000).map(|at| at.date()),
            When::Pattern(pattern) => pattern.read(text, true).map(|at| at.date()),
        }
    }

    /// The microseconds of a TIMESTAMP, which ignores a zone, or of a TIMESTAMPTZ.
    fn instant(&self, text: &str, zoned: bool) -> Option<i64> {
        match &self.times {
            When::Standard => {
                NaiveDate::parse_from_str(text.get(..10)?, "%Y-%m-%d").ok()?;
            }
            When::Auto => {}
            When::EpochSeconds => return epoch(text, 1).and_then(micros_of),
            When::EpochMillis => return epoch(text, 1000).and_then(micros_of),
            When::Pattern(pattern) => return pattern.read(text, true).and_then(micros_of),
        }
        match zoned {
            true => zoned_micros(text).ok().flatten(),
            false => parse_timestamp(text).and_then(micros_of),
        }
    }
}

fn cut(text: Cow<'_, str>, at: usize) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(..at).unwrap_or(text)),
        Cow::Owned(mut text) => {
            text.truncate(at);
            Cow::Owned(text)
        }
    }
}

fn epoch(text: &str, per_second: i64) -> Option<NaiveDateTime> {
    let number: f64 = text.parse().ok()?;
    let micros = number * (1_000_000 / per_second) as f64;
    if micros.abs() > 9e18 {
        return None;
    }
    DateTime::from_timestamp_micros(micros.round() as i64).map(|at| at.naive_utc())
}

fn integer(text: &str, least: i64, most: i64, ty: SqlType) -> std::result::Result<i64, Reason> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if let Some((at, sign)) = digits.char_indices().find(|(_, c)| !c.is_ascii_digit()) {
        let pos = at + text.len() - digits.len();
        return reason(1207, format!("invalid digit, value '{sign}', pos {pos}, type: {ty}"));
    }
    match text.parse::<i64>() {
        Ok(value) if (least..=most).contains(&value) => Ok(value),
        _ => reason(1204, format!("overflow for {ty}, value '{text}'")),
    }
}

/// Surplus digits are cut, or rounded under ROUNDEC.
fn decimal(text: &str, precision: u8, scale: i8, round: bool) -> std::result::Result<i128, Reason> {
    let bad = || Reason { code: 1209, text: format!("invalid DECIMAL, value '{text}'") };
    let (number, exponent) = match text.find(['e', 'E']) {
        Some(at) => {
            let (number, exponent) = text.split_at(at);
            (number, exponent.get(1..).and_then(|e| e.parse::<i32>().ok()).ok_or_else(bad)?)
        }
        None => (text, 0),
    };
    let negative = number.starts_with('-');
    let number = number.strip_prefix(['-', '+']).unwrap_or(number);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let all_digits = whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit());
    if !all_digits || (whole.is_empty() && fraction.is_empty()) || exponent.abs() > 60 {
        return Err(bad());
    }
    let digits = format!("{whole}{fraction}");
    // digits that stay: those before the point, moved by the exponent, and `scale` after it
    let keep = whole.len() as i32 + exponent + i32::from(scale);
    let kept: String = match usize::try_from(keep) {
        Ok(keep) => digits.chars().chain(std::iter::repeat('0')).take(keep).collect(),
        Err(_) => String::new(),
    };
    let next = usize::try_from(keep).ok().and_then(|k| digits.as_bytes().get(k));
    let mut value: i128 = if kept.is_empty() { 0 } else { kept.parse().map_err(|_| bad())? };
    if round && next.is_some_and(|d| *d >= b'5') {
        value += 1;
    }
    let limit = 10_i128.checked_pow(u32::from(precision)).unwrap_or(i128::MAX);
    if value >= limit {
        return reason(1204, format!("numeric data overflow, value '{text}'"));
    }
    Ok(if negative { -value } else { value })
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect::<Option<Vec<u8>>>()
        .filter(|_| text.len().is_multiple_of(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(
        options: CopyOptions,
        field: &str,
        ty: &str,
    ) -> std::result::Result<Cell<'static>, u16> {
        let ty = SqlType::parse(ty).expect("a type");
        let rules = Rules::new(&options);
        match rules.cell(field.as_bytes(), false, ty) {
            Ok(Cell::Text(text)) => Ok(Cell::Text(Cow::Owned(text.into_owned()))),
            Ok(Cell::Null) => Ok(Cell::Null),
            Ok(Cell::Int(v)) => Ok(Cell::Int(v)),
            Ok(Cell::Decimal(v)) => Ok(Cell::Decimal(v)),
            Ok(Cell::Boolean(v)) => Ok(Cell::Boolean(v)),
            Ok(Cell::Float(v)) => Ok(Cell::Float(v)),
            Ok(Cell::Bytes(v)) => Ok(Cell::Bytes(v)),
            Err(reason) => Err(reason.code),
        }
    }

    fn plain() -> CopyOptions {
        CopyOptions::default()
    }

    #[test]
    fn empty_and_blank_fields() {
        let text = |t: &str| Ok(Cell::Text(Cow::Owned(t.to_owned())));
        assert_eq!(cell(plain(), "", "varchar(5)"), text(""));
        assert_eq!(cell(plain(), "  ", "varchar(5)"), text("  "));
        assert_eq!(cell(plain(), "", "int"), Ok(Cell::Null));
        assert_eq!(cell(plain(), "\\N", "varchar(5)"), Ok(Cell::Null));
        let empty = CopyOptions { empty_as_null: true, ..plain() };
        assert_eq!(cell(empty, "", "varchar(5)"), Ok(Cell::Null));
        let blanks = CopyOptions { blanks_as_null: true, ..plain() };
        assert_eq!(cell(blanks, "  ", "varchar(5)"), Ok(Cell::Null));
    }

    #[test]
    fn lengths_are_bytes_and_truncated_only_when_told() {
        assert_eq!(cell(plain(), "abcdef", "varchar(5)"), Err(1204));
        assert_eq!(cell(plain(), "ä", "char(5)"), Err(1215));
        let truncate = CopyOptions { truncate: true, ..plain() };
        assert_eq!(cell(truncate, "ab\u{e4}", "varchar(3)"), Ok(Cell::Text("ab".into())));
    }

    #[test]
    fn decimals_are_cut_unless_rounded() {
        let rounded = CopyOptions { round: true, ..plain() };
        assert_eq!(cell(plain(), "20.259", "decimal(8,2)"), Ok(Cell::Decimal(2025)));
        assert_eq!(cell(rounded, "20.259", "decimal(8,2)"), Ok(Cell::Decimal(2026)));
        assert_eq!(cell(plain(), "-1.5e2", "decimal(8,2)"), Ok(Cell::Decimal(-15000)));
        assert_eq!(cell(plain(), "1234567", "decimal(8,2)"), Err(1204));
        assert_eq!(cell(plain(), "1,5", "decimal(8,2)"), Err(1209));
    }

    #[test]
    fn dates_by_format() {
        let day = |y, m, d| {
            Ok(Cell::Int(i64::from(days_of(NaiveDate::from_ymd_opt(y, m, d).expect("a date")))))
        };
        assert_eq!(cell(plain(), "2008-01-31", "date"), day(2008, 1, 31));
        assert_eq!(cell(plain(), "01/31/2008", "date"), Err(1205));
        let auto = CopyOptions { date_format: Some("auto".into()), ..plain() };
        assert_eq!(cell(auto, "01/31/2008", "date"), day(2008, 1, 31));
        let own = CopyOptions { date_format: Some("DD.MM.YYYY".into()), ..plain() };
        assert_eq!(cell(own, "31.01.2008", "date"), day(2008, 1, 31));
        let any = CopyOptions { accept_any_date: true, ..plain() };
        assert_eq!(cell(any, "00/00/00", "date"), Ok(Cell::Null));
    }

    #[test]
    fn times_by_format() {
        let micros = |s: i64| Ok(Cell::Int(s * 1_000_000));
        let with = |format: &str| CopyOptions { time_format: Some(format.into()), ..plain() };
        assert_eq!(
            cell(with("MM/DD/YYYY HH:MI:SS"), "1/2/1970 14:00:01", "timestamp"),
            micros(136_801)
        );
        // SS takes a fraction of up to six digits
        assert_eq!(
            cell(with("YYYY-MM-DD HH:MI:SS"), "1970-01-01 00:00:01.119568", "timestamp"),
            Ok(Cell::Int(1_119_568))
        );
        assert_eq!(
            cell(with("HH12:MI:SS AM DD.MM.YYYY"), "12:00:01.5 AM 01.01.1970", "timestamp"),
            Ok(Cell::Int(1_500_000))
        );
        assert_eq!(cell(with("epochsecs"), "86400", "timestamp"), micros(86_400));
        assert_eq!(cell(with("epochmillisecs"), "86400000", "timestamp"), micros(86_400));
        assert_eq!(cell(with("auto"), "1970-01-01 02:00:00+02", "timestamptz"), micros(0));
        assert_eq!(cell(with("auto"), "1970-01-01 02:00:00+02", "timestamp"), micros(7200));
    }

    #[test]
    fn digits_that_are_none() {
        assert_eq!(cell(plain(), "12a", "int"), Err(1207));
        assert_eq!(cell(plain(), "40000", "smallint"), Err(1204));
        assert_eq!(cell(plain(), "maybe", "boolean"), Err(1210));
        assert_eq!(cell(plain(), "1.5.", "float8"), Err(1208));
    }
}
