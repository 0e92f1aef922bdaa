//! Dates out of text by a pattern. What a pattern is stands in `patterns`.
//!
//! Source: r_TO_DATE_function, r_TO_TIMESTAMP.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

use super::casting::century;
use super::parts;
use super::patterns::{Case, DAYS, Field, Item, MONTHS, Pattern, ROMAN, starts_with};

/// What a text said of an instant.
#[derive(Default)]
struct Read {
    year: Option<i32>,
    month: Option<u32>,
    day: Option<u32>,
    day_of_year: Option<u32>,
    julian: Option<i32>,
    hour: u32,
    hour12: bool,
    pm: Option<bool>,
    minute: u32,
    second: u32,
    micros: u32,
}

impl Pattern {
    /// The pattern as COPY reads it: SS takes a fraction of a second too
    /// (r_DATEFORMAT_and_TIMEFORMAT_strings).
    pub fn with_fractions(self) -> Pattern {
        let mut items = Vec::with_capacity(self.0.len() + 1);
        let mut rest = self.0.into_iter().peekable();
        while let Some(item) = rest.next() {
            let second = matches!(item, Item::Field { field: Field::Second, .. });
            items.push(item);
            let own = matches!(rest.peek(), Some(Item::Text(text)) if text == ".");
            if second && !own {
                let field = Field::Fraction;
                items.push(Item::Field { field, case: Case::Lower, fill: true, ordinal: None });
            }
        }
        Pattern(items)
    }

    /// Reads a text. With `strict`, a day past the end of its month is an error; else it runs on
    /// into the next month (r_TO_DATE_function: `20010631` is 2001-07-01).
    pub fn read(&self, text: &str, strict: bool) -> Option<NaiveDateTime> {
        let mut read = Read::default();
        let mut rest = text.trim_start();
        for (index, item) in self.0.iter().enumerate() {
            let next_is_field = matches!(self.0.get(index + 1), Some(Item::Field { .. }));
            match item {
                Item::Text(separator) => {
                    for sign in separator.chars() {
                        if rest.starts_with(sign) {
                            rest = rest.get(sign.len_utf8()..)?;
                        } else if rest.starts_with(|c: char| !c.is_alphanumeric()) {
                            // one separator passes for another
                            let other = rest.chars().next()?;
                            rest = rest.get(other.len_utf8()..)?;
                        }
                    }
                }
                Item::Field { field, .. } => {
                    rest = read_field(&mut read, *field, rest.trim_start(), next_is_field)?;
                }
            }
        }
        read.finish(strict)
    }
}

fn digits(text: &str, most: usize) -> Option<(u32, &str)> {
    let end = text
        .char_indices()
        .take(most)
        .find(|(_, c)| !c.is_ascii_digit())
        .map_or_else(|| most.min(text.len()), |(i, _)| i);
    let (number, rest) = text.split_at_checked(end)?;
    Some((number.parse().ok()?, rest))
}

fn read_name<'t>(text: &'t str, names: &[&str]) -> Option<(u32, &'t str)> {
    let index = names.iter().position(|n| starts_with(text, n.get(..3).unwrap_or(n)))?;
    let full = names.get(index)?;
    let used = if starts_with(text, full) { full.len() } else { 3 };
    Some((u32::try_from(index).ok()? + 1, text.get(used..)?))
}

fn read_field<'t>(read: &mut Read, field: Field, text: &'t str, adjacent: bool) -> Option<&'t str> {
    // a field that stands alone may be longer than its pattern
    let width = |n: usize| if adjacent { n } else { n.max(2) };
    Some(match field {
        Field::Year(n) => {
            let (value, rest) = digits(text, if n == 4 { 4 } else { n })?;
            let year = match n {
                2 => century(value),
                1 | 3 => 2000 + value,
                _ => value,
            };
            read.year = Some(i32::try_from(year).ok()?);
            rest
        }
        Field::YearComma => {
            let (thousands, rest) = digits(text, 1)?;
            let (units, rest) = digits(rest.strip_prefix(',')?, 3)?;
            read.year = Some(i32::try_from(thousands * 1000 + units).ok()?);
            rest
        }
        Field::Month => {
            let (value, rest) = digits(text, width(2))?;
            read.month = Some(value);
            rest
        }
        Field::MonthName { .. } => {
            let (value, rest) = read_name(text, &MONTHS)?;
            read.month = Some(value);
            rest
        }
        Field::MonthRoman => {
            let (index, roman) = ROMAN
                .iter()
                .enumerate()
                .filter(|(_, r)| starts_with(text, r))
                .max_by_key(|(_, r)| r.len())?;
            read.month = Some(u32::try_from(index).ok()? + 1);
            text.get(roman.len()..)?
        }
        Field::Day => {
            let (value, rest) = digits(text, width(2))?;
            read.day = Some(value);
            rest
        }
        Field::DayName { .. } => read_name(text, &DAYS)?.1,
        Field::DayOfYear => {
            let (value, rest) = digits(text, 3)?;
            read.day_of_year = Some(value);
            rest
        }
        Field::Julian => {
            let (value, rest) = digits(text, 8)?;
            read.julian = Some(i32::try_from(value).ok()?);
            rest
        }
        _ => return read_time(read, field, text),
    })
}

/// The fields of the clock, and those that are read over.
fn read_time<'t>(read: &mut Read, field: Field, text: &'t str) -> Option<&'t str> {
    Some(match field {
        Field::Hour24 | Field::Hour12 => {
            let (value, rest) = digits(text, 2)?;
            (read.hour, read.hour12) = (value, field == Field::Hour12);
            rest
        }
        Field::Minute => {
            let (value, rest) = digits(text, 2)?;
            read.minute = value;
            rest
        }
        Field::Second => {
            let (value, rest) = digits(text, 2)?;
            read.second = value;
            rest
        }
        Field::Millisecond | Field::Microsecond => {
            let most = if field == Field::Millisecond { 3 } else { 6 };
            let (_, rest) = digits(text, most)?;
            let written = text.get(..text.len() - rest.len())?;
            let padded: String = written.chars().chain("000000".chars()).take(6).collect();
            read.micros = padded.parse().ok()?;
            rest
        }
        Field::Fraction => match text.strip_prefix('.') {
            Some(fraction) => {
                let (_, rest) = digits(fraction, 9)?;
                let written = fraction.get(..fraction.len() - rest.len())?;
                let padded: String = written.chars().chain("000000".chars()).take(6).collect();
                read.micros = padded.parse().ok()?;
                rest
            }
            None => text,
        },
        Field::Meridiem { .. } => {
            let plain = text.replace('.', "");
            read.pm = Some(if starts_with(&plain, "PM") {
                true
            } else if starts_with(&plain, "AM") {
                false
            } else {
                return None;
            });
            let used = if text.get(1..2) == Some(".") { 4 } else { 2 };
            text.get(used.min(text.len())..)?
        }
        // read over: they say nothing of the date
        Field::Quarter | Field::WeekOfMonth | Field::DayOfWeek | Field::IsoDayOfWeek => {
            digits(text, 1)?.1
        }
        Field::WeekOfYear | Field::IsoWeek | Field::Century => digits(text, 2)?.1,
        Field::Zone | Field::Era { .. } => text.get(text.len().min(2)..)?,
        Field::Offset => text.get(text.len().min(3)..)?,
        _ => return None,
    })
}

impl Read {
    fn finish(self, strict: bool) -> Option<NaiveDateTime> {
        let date = match (self.julian, self.day_of_year) {
            (Some(julian), _) => parts::date_of(julian - 2_440_588)?,
            (None, Some(ordinal)) => NaiveDate::from_yo_opt(self.year?, ordinal)?,
            (None, None) => {
                let (year, month) = (self.year.unwrap_or(1), self.month.unwrap_or(1));
                let day = self.day.unwrap_or(1);
                match NaiveDate::from_ymd_opt(year, month, day) {
                    Some(date) => date,
                    None if strict || day > 31 || day == 0 => return None,
                    None => NaiveDate::from_ymd_opt(year, month, 1)?
                        .checked_add_signed(chrono::Duration::days(i64::from(day) - 1))?,
                }
            }
        };
        let hour = match (self.hour12, self.pm) {
            (_, Some(true)) if self.hour < 12 => self.hour + 12,
            (_, Some(false)) if self.hour == 12 => 0,
            _ => self.hour,
        };
        // hour 24 is of the next day (r_TO_TIMESTAMP)
        let (date, hour) = match hour {
            24 if !strict => (date.succ_opt()?, 0),
            _ => (date, hour),
        };
        let time = NaiveTime::from_hms_micro_opt(hour, self.minute, self.second, self.micros)?;
        Some(date.and_time(time))
    }
}
