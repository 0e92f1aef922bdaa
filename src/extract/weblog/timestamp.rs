//! The log's timestamp, `10/Oct/2000:13:55:36 -0700`, as microseconds since 1970 in UTC. Pure.
//!
//! nginx's `$time_iso8601`, `2000-10-10T13:55:36-07:00`, is read as well.
//! A stamp without a zone is not converted: guessing one would move the request in time.

/// What `request_timestamp_converted` holds where the log's text is not a time:
/// 1900-01-01 00:00:00, in microseconds since 1970.
pub const UNCONVERTED: i64 = -2_208_988_800_000_000;

/// The stamp every server writes: `dd/Mon/yyyy:HH:MM:SS +hhmm`.
pub const USUAL_BYTES: usize = 26;

/// Converts stamps, remembering the last date and zone: in a log both repeat for hours.
#[derive(Debug, Default)]
pub struct Converter {
    date: [u8; 12],
    /// Seconds from 1970 to the start of `date`; `None` before the first.
    midnight: Option<i64>,
    zone: [u8; 6],
    /// Seconds the zone is ahead of UTC; `None` before the first.
    ahead: Option<i64>,
}

impl Converter {
    /// Microseconds since 1970 in UTC, or [`UNCONVERTED`].
    #[inline]
    pub fn convert(&mut self, stamp: &[u8]) -> i64 {
        match <&[u8; USUAL_BYTES]>::try_from(stamp) {
            Ok(usual) => self.usual(usual).or_else(|| lenient(stamp)),
            Err(_) => lenient(stamp).or_else(|| iso(stamp)),
        }
        .map_or(UNCONVERTED, |seconds| seconds * 1_000_000)
    }

    /// The fixed form; `None` sends anything else to [`lenient`].
    #[inline]
    fn usual(&mut self, stamp: &[u8; USUAL_BYTES]) -> Option<i64> {
        let [d0, d1, d2, d3, d4, d5, d6, d7, d8, d9, d10, d11, rest @ ..] = stamp;
        let date = [*d0, *d1, *d2, *d3, *d4, *d5, *d6, *d7, *d8, *d9, *d10, *d11];
        let [h0, h1, b':', m0, m1, b':', s0, s1, zone @ ..] = rest else { return None };
        let midnight = match self.midnight {
            Some(midnight) if date == self.date => midnight,
            _ => {
                let midnight = usual_date(&date)?;
                self.date = date;
                *self.midnight.insert(midnight)
            }
        };
        let ahead = match self.ahead {
            Some(ahead) if *zone == self.zone => ahead,
            _ => {
                let ahead = zone_seconds(zone)?;
                self.zone = *zone;
                *self.ahead.insert(ahead)
            }
        };
        let (hour, minute, second) = (two(*h0, *h1)?, two(*m0, *m1)?, two(*s0, *s1)?);
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        Some(midnight + hour * 3600 + minute * 60 + second - ahead)
    }
}

#[inline]
fn two(tens: u8, ones: u8) -> Option<i64> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens <= 9 && ones <= 9).then(|| i64::from(tens) * 10 + i64::from(ones))
}

/// Seconds from 1970 to the start of `dd/Mon/yyyy:`.
fn usual_date(date: &[u8; 12]) -> Option<i64> {
    let [d0, d1, b'/', m0, m1, m2, b'/', y0, y1, y2, y3, b':'] = *date else { return None };
    let year = two(y0, y1)? * 100 + two(y2, y3)?;
    midnight(year, month([m0, m1, m2])?, two(d0, d1)?)
}

/// The number of a month by its name, in any case.
fn month(name: [u8; 3]) -> Option<i64> {
    const NAMES: [&[u8; 3]; 12] = [
        b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov",
        b"dec",
    ];
    // The sum of the last two letters differs from month to month in its low five bits: no
    // branch to guess wrong in a log that is not in the order of time.
    const BY_SUM: [u8; 32] = [
        12, 6, 3, 5, 12, 10, 12, 1, 11, 12, 12, 12, 12, 12, 12, 0, 12, 12, 12, 2, 12, 8, 12, 9, 12,
        12, 4, 12, 7, 12, 12, 12,
    ];
    let lower = name.map(|b| b.to_ascii_lowercase());
    let sum = lower[1].wrapping_add(lower[2]) as usize % BY_SUM.len();
    let month = *BY_SUM.get(sum)?;
    (**NAMES.get(month as usize)? == lower).then_some(i64::from(month) + 1)
}

/// The last day of each month of a year that is no leap year, behind the month 0 that is none.
const LAST_DAY: [i64; 13] = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// Seconds from 1970 to the start of a day, years 1 to 9999.
///
/// Days by Howard Hinnant's `days_from_civil` (chrono-compatible low-level date algorithms).
fn midnight(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = LAST_DAY.get(month as usize)? + i64::from(month == 2 && leap);
    if !(1..=9999).contains(&year) || !(1..=last).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some((era * 146_097 + day_of_era - 719_468) * 86_400)
}

/// ` +hhmm` as seconds ahead of UTC: at most 14 hours (the Line Islands), minutes under 60.
fn zone_seconds(zone: &[u8; 6]) -> Option<i64> {
    let [b' ', sign, h0, h1, m0, m1] = *zone else { return None };
    let (hours, minutes) = (two(h0, h1)?, two(m0, m1)?);
    let seconds = hours * 3600 + minutes * 60;
    if minutes > 59 || seconds > 14 * 3600 {
        return None;
    }
    match sign {
        b'+' => Some(seconds),
        b'-' => Some(-seconds),
        _ => None,
    }
}

/// The forms `strptime` takes as well: one-digit day and time, any case of the month.
fn lenient(stamp: &[u8]) -> Option<i64> {
    let zone: &[u8; 6] = stamp.last_chunk()?;
    let mut rest = stamp.get(..stamp.len().checked_sub(6)?)?;
    let day = number(&mut rest, b'/')?;
    let (name, after) = rest.split_first_chunk::<3>()?;
    let year = after.strip_prefix(b"/")?;
    let (digits, after) = year.split_first_chunk::<4>()?;
    let year = two(digits[0], digits[1])? * 100 + two(digits[2], digits[3])?;
    rest = after.strip_prefix(b":")?;
    let hour = number(&mut rest, b':')?;
    let minute = number(&mut rest, b':')?;
    let second = match *rest {
        [one] => two(b'0', one)?,
        [tens, ones] => two(tens, ones)?,
        _ => return None,
    };
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let midnight = midnight(year, month(*name)?, day)?;
    Some(midnight + hour * 3600 + minute * 60 + second - zone_seconds(zone)?)
}

/// `yyyy-mm-ddTHH:MM:SS+hh:mm`, as nginx writes it, or with `Z` for the zone.
fn iso(stamp: &[u8]) -> Option<i64> {
    let (at, zone) = stamp.split_first_chunk::<19>()?;
    let [y0, y1, y2, y3, b'-', o0, o1, b'-', d0, d1, b'T', time @ ..] = *at else { return None };
    let [h0, h1, b':', m0, m1, b':', s0, s1] = time else { return None };
    let ahead = match *zone {
        [b'Z'] => 0,
        [sign, h0, h1, b':', m0, m1] => zone_seconds(&[b' ', sign, h0, h1, m0, m1])?,
        _ => return None,
    };
    let (hour, minute, second) = (two(h0, h1)?, two(m0, m1)?, two(s0, s1)?);
    let month = two(o0, o1)?;
    if !(1..=12).contains(&month) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let midnight = midnight(two(y0, y1)? * 100 + two(y2, y3)?, month, two(d0, d1)?)?;
    Some(midnight + hour * 3600 + minute * 60 + second - ahead)
}

/// One or two digits and the byte after them.
fn number(rest: &mut &[u8], end: u8) -> Option<i64> {
    let (value, after) = match **rest {
        [one, b, ref after @ ..] if b == end => (two(b'0', one)?, after),
        [tens, ones, b, ref after @ ..] if b == end => (two(tens, ones)?, after),
        _ => return None,
    };
    *rest = after;
    Some(value)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;

    fn convert(text: &str) -> Option<i64> {
        let micros = Converter::default().convert(text.as_bytes());
        (micros != UNCONVERTED).then_some(micros / 1_000_000)
    }

    #[test]
    fn unconverted_is_the_first_of_january_1900() {
        let day = chrono::NaiveDate::from_ymd_opt(1900, 1, 1).expect("a day");
        let time = day.and_hms_opt(0, 0, 0).expect("a time").and_utc();
        assert_eq!(UNCONVERTED, time.timestamp_micros());
    }

    #[test]
    fn zones_are_taken_into_account() {
        for (text, want) in [
            ("01/Jan/1970:00:00:00 +0000", 0),
            ("01/Jan/1970:03:30:00 +0330", 0),
            ("31/Dec/1969:19:00:00 -0500", 0),
            ("29/Feb/2020:23:59:59 +0000", 1_583_020_799),
            ("10/Oct/2000:13:55:36 -0700", 971_211_336),
        ] {
            assert_eq!(convert(text), Some(want), "{text}");
        }
    }

    #[test]
    fn what_strptime_takes_is_taken() {
        assert_eq!(convert("1/Jan/2021:0:0:0 +0000"), convert("01/Jan/2021:00:00:00 +0000"));
        assert_eq!(convert("28/feb/2021:01:02:03 +0000"), convert("28/Feb/2021:01:02:03 +0000"));
        assert!(convert("1/JAN/2021:0:0:0 +0000").is_some());
    }

    #[test]
    fn what_is_no_time_is_not_converted() {
        for text in [
            "",
            "-",
            "29/Feb/2021:00:00:00 +0000",
            "31/Apr/2021:00:00:00 +0000",
            "01/Jan/2021:24:00:00 +0000",
            "01/Jan/2021:00:60:00 +0000",
            "31/Dec/2016:23:59:60 +0000",
            "01/Jan/0000:00:00:00 +0000",
            "01/Mai/2021:00:00:00 +0000",
            "01/Jan/2021:00:00:00",
            "01/Jan/2021:00:00:00 UTC",
            "01/Jan/2021:00:00:00 +1401",
            "01/Jan/2021:00:00:00 +0060",
            "2021-01-01 00:00:00Z",
            "2021-01-01T00:00:00",
            "2021-13-01T00:00:00Z",
            "2021-02-29T00:00:00+00:00",
            "2016-12-31T23:59:60Z",
            "2021-01-01T00:00:00+15:00",
            "03/Jul/2018 14:49:45:882515",
            "0x/Jan/2021:00:00:00 +0000",
        ] {
            assert_eq!(convert(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_chrono(seconds in -60_000_000_000i64..253_000_000_000, half_hours in -28i32..=28) {
            let zone = chrono::FixedOffset::east_opt(half_hours * 1800).expect("a zone");
            let time = DateTime::from_timestamp(seconds, 0).expect("a time").with_timezone(&zone);
            let text = time.format("%d/%b/%Y:%H:%M:%S %z").to_string();
            prop_assume!(text.len() == USUAL_BYTES);
            prop_assert_eq!(Converter::default().convert(text.as_bytes()), seconds * 1_000_000);
            let iso = time.format("%Y-%m-%dT%H:%M:%S%:z").to_string();
            prop_assert_eq!(Converter::default().convert(iso.as_bytes()), seconds * 1_000_000);
        }

        #[test]
        fn memory_of_the_last_date_changes_nothing(
            stamps in proptest::collection::vec("[0-3][0-9]/(Jan|Feb|Xxx)/20(20|21):[0-2][0-9]:[0-9]{2}:[0-9]{2} [+-]0[0-9]00", 1..20)
        ) {
            let mut remembering = Converter::default();
            for stamp in stamps {
                let fresh = Converter::default().convert(stamp.as_bytes());
                prop_assert_eq!(remembering.convert(stamp.as_bytes()), fresh);
            }
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            Converter::default().convert(&bytes);
        }
    }
}
