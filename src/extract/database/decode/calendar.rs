//! Calendar arithmetic: dates and times as numbers, and the texts they are written in. Pure.
//!
//! The calendar is the proleptic Gregorian one, as MySQL, PostgreSQL and SQLite use it. Nothing
//! here knows a time zone.

/// Microseconds of a day.
pub const DAY: i64 = 86_400_000_000;
/// Microseconds of a second.
pub const SECOND: i64 = 1_000_000;

/// Days since 1970-01-01; `None` when there is no such day. Years are 1 to 9999.
pub fn days(year: u32, month: u32, day: u32) -> Option<i32> {
    if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || day == 0 {
        return None;
    }
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let longest = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if day > longest {
        return None;
    }
    // Count from 1 March, so that the leap day is the last of its year.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (y, m, d) = (y as i32, m as i32, day as i32);
    Some(365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + d - 1 - 719_468)
}

/// Microseconds since midnight; `None` past 23:59:59.999999.
pub fn time(hour: u32, minute: u32, second: u32, micros: u32) -> Option<i64> {
    (hour < 24 && minute < 60 && second < 60 && micros < 1_000_000).then(|| {
        (i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second)) * SECOND
            + i64::from(micros)
    })
}

/// What a text says about a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// A day without a time.
    Date(i32),
    /// Microseconds by the clock on the wall.
    Local(i64),
    /// Microseconds UTC: the text names its offset.
    Instant(i64),
    /// `0000-00-00`, with or without a time.
    Zero,
    /// A moment with more than six digits after the second, not all zero.
    TooFine,
}

/// Reads `YYYY-MM-DD`, alone or with `[ T]HH:MM[:SS[.fraction]]` and `Z` or `±HH[:MM]`.
///
/// `None` for anything else, days and times that do not exist included.
pub fn read(text: &[u8]) -> Option<Written> {
    let mut rest = text;
    let year = digits(&mut rest, 4)?;
    literal(&mut rest, b'-')?;
    let month = digits(&mut rest, 2)?;
    literal(&mut rest, b'-')?;
    let day = digits(&mut rest, 2)?;
    let zero = year == 0 && month == 0 && day == 0;
    let date = if zero { 0 } else { days(year, month, day)? };
    if rest.is_empty() {
        return Some(if zero { Written::Zero } else { Written::Date(date) });
    }
    if !matches!(rest.first(), Some(b' ' | b'T' | b't')) {
        return None;
    }
    rest = &rest[1..];
    let (clock, fine) = read_clock(&mut rest)?;
    let offset = read_offset(rest)?;
    if zero {
        return Some(Written::Zero);
    }
    if fine {
        return Some(Written::TooFine);
    }
    let micros = i64::from(date) * DAY + clock;
    Some(match offset {
        None => Written::Local(micros),
        Some(seconds) => Written::Instant(micros - i64::from(seconds) * SECOND),
    })
}

/// Reads `HH:MM[:SS[.fraction]]` to the end of the text; `None` for anything else, and for a
/// fraction finer than a microsecond.
pub fn read_time(text: &[u8]) -> Option<i64> {
    let mut rest = text;
    let (micros, fine) = read_clock(&mut rest)?;
    (rest.is_empty() && !fine).then_some(micros)
}

/// Microseconds since midnight, and whether digits past the sixth were not zero.
fn read_clock(rest: &mut &[u8]) -> Option<(i64, bool)> {
    let hour = digits(rest, 2)?;
    literal(rest, b':')?;
    let minute = digits(rest, 2)?;
    let (mut second, mut micros, mut fine) = (0, 0, false);
    if rest.first() == Some(&b':') {
        *rest = &rest[1..];
        second = digits(rest, 2)?;
        if rest.first() == Some(&b'.') {
            *rest = &rest[1..];
            let length = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            if length == 0 {
                return None;
            }
            let (fraction, tail) = rest.split_at(length);
            for place in 0..6 {
                micros = micros * 10 + fraction.get(place).map_or(0, |b| u32::from(b - b'0'));
            }
            fine = fraction.iter().skip(6).any(|b| *b != b'0');
            *rest = tail;
        }
    }
    Some((time(hour, minute, second, micros)?, fine))
}

/// The offset in seconds east of UTC at the end of a text; the inner `None` when there is none.
fn read_offset(mut rest: &[u8]) -> Option<Option<i32>> {
    let sign = match rest.first() {
        None => return Some(None),
        Some(b'Z' | b'z') => return (rest.len() == 1).then_some(Some(0)),
        Some(b'+') => 1,
        Some(b'-') => -1,
        Some(_) => return None,
    };
    rest = &rest[1..];
    let hours = digits(&mut rest, 2)?;
    if rest.first() == Some(&b':') {
        rest = &rest[1..];
    }
    let minutes = if rest.is_empty() { 0 } else { digits(&mut rest, 2)? };
    (rest.is_empty() && hours < 24 && minutes < 60)
        .then(|| Some(sign * (hours * 3600 + minutes * 60) as i32))
}

fn digits(rest: &mut &[u8], count: usize) -> Option<u32> {
    let (head, tail) = rest.split_at_checked(count)?;
    let mut number = 0;
    for byte in head {
        if !byte.is_ascii_digit() {
            return None;
        }
        number = number * 10 + u32::from(byte - b'0');
    }
    *rest = tail;
    Some(number)
}

fn literal(rest: &mut &[u8], byte: u8) -> Option<()> {
    let (first, tail) = rest.split_first()?;
    (*first == byte).then(|| *rest = tail)
}

#[cfg(test)]
mod tests {
    use chrono::{NaiveDate, NaiveDateTime};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_read_as_what_they_say() {
        let micros = |text: &str| {
            NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f")
                .expect(text)
                .and_utc()
                .timestamp_micros()
        };
        for (text, want) in [
            ("2021-02-28", Some(Written::Date(18_686))),
            ("2021-02-28 10:11", Some(Written::Local(micros("2021-02-28 10:11:00")))),
            ("2021-02-28T10:11:12", Some(Written::Local(micros("2021-02-28 10:11:12")))),
            ("2021-02-28 10:11:12.5", Some(Written::Local(micros("2021-02-28 10:11:12.5")))),
            (
                "2021-02-28 10:11:12.123456000",
                Some(Written::Local(micros("2021-02-28 10:11:12.123456"))),
            ),
            ("2021-02-28 10:11:12.1234567", Some(Written::TooFine)),
            ("2021-02-28T10:11:12Z", Some(Written::Instant(micros("2021-02-28 10:11:12")))),
            ("2021-02-28 10:11:12+05:30", Some(Written::Instant(micros("2021-02-28 04:41:12")))),
            ("2021-02-28 10:11:12-0500", Some(Written::Instant(micros("2021-02-28 15:11:12")))),
            ("2021-02-28 10:11:12+00", Some(Written::Instant(micros("2021-02-28 10:11:12")))),
            ("0000-00-00", Some(Written::Zero)),
            ("0000-00-00 00:00:00", Some(Written::Zero)),
            ("2021-02-29", None),
            ("2025-00-15", None),
            ("2021-02-28 24:00:00", None),
            ("2021-02-28 10:11:60", None),
            ("2021-02-28 10:11:12.", None),
            ("2021-02-28x", None),
            ("21-02-28", None),
            ("", None),
        ] {
            assert_eq!(read(text.as_bytes()), want, "{text}");
        }
    }

    proptest! {
        #[test]
        fn days_agree_with_chrono(year in 0u32..=10_000, month in 0u32..=13, day in 0u32..=32) {
            let want = (1..=9999).contains(&year).then_some(())
                .and_then(|()| NaiveDate::from_ymd_opt(year as i32, month, day))
                .map(|d| (d - NaiveDate::default()).num_days() as i32);
            prop_assert_eq!(days(year, month, day), want);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = read(&bytes);
            let _ = read_time(&bytes);
        }

        #[test]
        fn nearly_moments_never_panic(text in "[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9:.+Z-]{0,20}") {
            let _ = read(text.as_bytes());
        }
    }
}
