//! The parts of dates, by every name and abbreviation the manual lists. Pure.
//!
//! Source: r_Dateparts_for_datetime_functions.

use chrono::{Datelike, Months, NaiveDate, NaiveDateTime, Timelike};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Millennium,
    Century,
    Decade,
    Epoch,
    Year,
    Quarter,
    Month,
    Week,
    DayOfWeek,
    DayOfYear,
    Day,
    Hour,
    Minute,
    Second,
    Millisecond,
    Microsecond,
    /// Seconds of the offset from UTC, its hours, its minutes.
    Timezone,
    TimezoneHour,
    TimezoneMinute,
}

const NAMES: &[(Part, &[&str])] = &[
    (Part::Millennium, &["millennium", "millennia", "mil", "mils"]),
    (Part::Century, &["century", "centuries", "c", "cent", "cents"]),
    (Part::Decade, &["decade", "decades", "dec", "decs"]),
    (Part::Epoch, &["epoch"]),
    (Part::Year, &["year", "years", "y", "yr", "yrs"]),
    (Part::Quarter, &["quarter", "quarters", "qtr", "qtrs"]),
    (Part::Month, &["month", "months", "mon", "mons"]),
    (Part::Week, &["week", "weeks", "w"]),
    (Part::DayOfWeek, &["dayofweek", "dow", "dw", "weekday"]),
    (Part::DayOfYear, &["dayofyear", "doy", "dy", "yearday"]),
    (Part::Day, &["day", "days", "d"]),
    (Part::Hour, &["hour", "hours", "h", "hr", "hrs"]),
    (Part::Minute, &["minute", "minutes", "m", "min", "mins"]),
    (Part::Second, &["second", "seconds", "s", "sec", "secs"]),
    (Part::Timezone, &["timezone"]),
    (Part::TimezoneHour, &["timezone_hour"]),
    (Part::TimezoneMinute, &["timezone_minute"]),
    (
        Part::Millisecond,
        &[
            "millisecond",
            "milliseconds",
            "ms",
            "msec",
            "msecs",
            "msecond",
            "mseconds",
            "millisec",
            "millisecs",
            "millisecon",
        ],
    ),
    (
        Part::Microsecond,
        &[
            "microsecond",
            "microseconds",
            "us",
            "usec",
            "usecs",
            "usecond",
            "useconds",
            "microsec",
            "microsecs",
        ],
    ),
];

/// Microseconds in a day.
pub const DAY: i64 = 86_400_000_000;

impl Part {
    /// True for what a time of day has.
    pub fn is_of_time(self) -> bool {
        use Part::{Epoch, Hour, Microsecond, Millisecond, Minute, Second};
        matches!(self, Epoch | Hour | Minute | Second | Millisecond | Microsecond)
    }

    /// Reads a name in any case.
    pub fn parse(name: &str) -> Option<Part> {
        let name = name.trim().to_ascii_lowercase();
        NAMES.iter().find(|(_, names)| names.contains(&name.as_str())).map(|(part, _)| *part)
    }

    /// Its fixed length in microseconds, if it has one.
    fn micros(self) -> Option<i64> {
        Some(match self {
            Part::Week => 7 * DAY,
            Part::Day | Part::DayOfWeek | Part::DayOfYear => DAY,
            Part::Hour => 3_600_000_000,
            Part::Minute => 60_000_000,
            Part::Second | Part::Epoch => 1_000_000,
            Part::Millisecond => 1_000,
            Part::Microsecond => 1,
            _ => return None,
        })
    }

    /// Its length in months, if it is counted in them.
    fn months(self) -> Option<i64> {
        Some(match self {
            Part::Millennium => 12_000,
            Part::Century => 1_200,
            Part::Decade => 120,
            Part::Year => 12,
            Part::Quarter => 3,
            Part::Month => 1,
            _ => return None,
        })
    }

    /// `micros` moved by `n` of this part. `None` when it leaves the calendar.
    ///
    /// A day past the end of the target month becomes its last day; but in the 29th of February
    /// moved by years it becomes the day after (r_DATEADD_function).
    pub fn add(self, micros: i64, n: i64) -> Option<i64> {
        if self == Part::Year {
            let moved = add_months(micros, n.checked_mul(12)?)?;
            let (was, is) = (instant(micros)?, instant(moved)?);
            let leapt = was.month() == 2 && was.day() == 29 && is.day() == 28;
            return if leapt { moved.checked_add(DAY) } else { Some(moved) };
        }
        match self.micros() {
            Some(length) => micros.checked_add(length.checked_mul(n)?),
            None => add_months(micros, self.months()?.checked_mul(n)?),
        }
    }

    /// Boundaries of this part between two instants (r_DATEDIFF).
    pub fn difference(self, from: i64, to: i64) -> i64 {
        let weeks = |micros: i64| (micros.div_euclid(DAY) + 3).div_euclid(7);
        match self {
            // weeks begin on Monday; day 0 of the epoch is a Thursday
            Part::Week => weeks(to) - weeks(from),
            _ => match (self.micros(), self.months()) {
                (Some(length), _) => to.div_euclid(length) - from.div_euclid(length),
                (None, Some(length)) => {
                    // centuries and millennia are counted from year 1
                    let offset = if length >= 1_200 { 12 } else { 0 };
                    let index = |m: i64| (months_of(m) - offset).div_euclid(length);
                    index(to) - index(from)
                }
                (None, None) => 0,
            },
        }
    }

    /// The start of the part an instant lies in (r_DATE_TRUNC), as a function of the instant;
    /// `None` for parts without a start. Dates out of the calendar's reach answer `None`.
    ///
    /// The part is looked at once, since the function is called for every row.
    pub fn truncate(self) -> Option<fn(i64) -> Option<i64>> {
        // written out so that each divisor is a constant, which spares a division
        Some(match self {
            Part::DayOfWeek | Part::DayOfYear | Part::Epoch => return None,
            Part::Timezone | Part::TimezoneHour | Part::TimezoneMinute => return None,
            Part::Microsecond => Some,
            Part::Millisecond => |at| Some(at.div_euclid(1_000) * 1_000),
            Part::Second => |at| Some(at.div_euclid(1_000_000) * 1_000_000),
            Part::Minute => |at| Some(at.div_euclid(60_000_000) * 60_000_000),
            Part::Hour => |at| Some(at.div_euclid(3_600_000_000) * 3_600_000_000),
            Part::Day => |at| Some(at.div_euclid(DAY) * DAY),
            Part::Week => |at| Some(((at.div_euclid(DAY) + 3).div_euclid(7) * 7 - 3) * DAY),
            Part::Month => |at| {
                let (day, date) = day_of(at)?;
                Some((day - i64::from(date.day0())) * DAY)
            },
            Part::Quarter => |at| {
                let (_, date) = day_of(at)?;
                start_of(date.year(), date.month0() / 3 * 3 + 1)
            },
            Part::Year => |at| {
                let (day, date) = day_of(at)?;
                Some((day - i64::from(date.ordinal0())) * DAY)
            },
            Part::Decade => |at| start_of(day_of(at)?.1.year().div_euclid(10) * 10, 1),
            // centuries and millennia begin with a year 1
            Part::Century => |at| start_of((day_of(at)?.1.year() - 1).div_euclid(100) * 100 + 1, 1),
            Part::Millennium => {
                |at| start_of((day_of(at)?.1.year() - 1).div_euclid(1000) * 1000 + 1, 1)
            }
        })
    }

    /// The value of the part (r_DATE_PART_function); seconds carry their fraction.
    pub fn value(self, micros: i64) -> Option<f64> {
        let at = instant(micros)?;
        let year = i64::from(at.year());
        let ceiling = |n: i64| (year + n - 1).div_euclid(n);
        let of_second = micros.rem_euclid(60_000_000);
        Some(match self {
            Part::Millennium => ceiling(1000) as f64,
            Part::Century => ceiling(100) as f64,
            // decade 201 is of the years 2000 to 2009
            Part::Decade => (year.div_euclid(10) + 1) as f64,
            Part::Epoch => micros as f64 / 1e6,
            Part::Year => year as f64,
            Part::Quarter => f64::from(at.month0() / 3 + 1),
            Part::Month => f64::from(at.month()),
            Part::Week => f64::from(at.iso_week().week()),
            Part::DayOfWeek => f64::from(at.weekday().num_days_from_sunday()),
            Part::DayOfYear => f64::from(at.ordinal()),
            Part::Day => f64::from(at.day()),
            Part::Hour => f64::from(at.hour()),
            Part::Minute => f64::from(at.minute()),
            Part::Second => of_second as f64 / 1e6,
            Part::Millisecond => of_second as f64 / 1e3,
            Part::Microsecond => of_second as f64,
            // the session's zone is UTC
            Part::Timezone | Part::TimezoneHour | Part::TimezoneMinute => 0.0,
        })
    }
}

/// Moves by months; the day sticks to the end of a shorter month.
pub fn add_months(micros: i64, months: i64) -> Option<i64> {
    let at = instant(micros)?;
    let count = Months::new(u32::try_from(months.unsigned_abs()).ok()?);
    let moved =
        if months < 0 { at.checked_sub_months(count) } else { at.checked_add_months(count) };
    micros_of(moved?)
}

/// The day an instant lies in, counted from 1970-01-01 and as a date.
fn day_of(micros: i64) -> Option<(i64, NaiveDate)> {
    let day = micros.div_euclid(DAY);
    Some((day, date_of(i32::try_from(day).ok()?)?))
}

/// The first instant of a month.
fn start_of(year: i32, month: u32) -> Option<i64> {
    let date = NaiveDate::from_ymd_opt(year, month, 1)?;
    Some(i64::from(days_of(date)) * DAY)
}

/// Months since year 0, also of years later than those of the library's calendar, which repeats
/// itself.
fn months_of(micros: i64) -> i64 {
    let days = micros.div_euclid(DAY);
    let (cycles, rest) = (days.div_euclid(CYCLE.1), days.rem_euclid(CYCLE.1));
    let day = i32::try_from(rest).ok().and_then(date_of).unwrap_or_default();
    (i64::from(day.year()) + cycles * CYCLE.0) * 12 + i64::from(day.month0())
}

/// The instant as a calendar date and time.
pub fn instant(micros: i64) -> Option<NaiveDateTime> {
    chrono::DateTime::from_timestamp_micros(micros).map(|d| d.naive_utc())
}

pub fn micros_of(at: NaiveDateTime) -> Option<i64> {
    Some(at.and_utc().timestamp_micros())
}

/// Years after which the calendar repeats itself, and their days.
pub const CYCLE: (i64, i64) = (400, 146_097);

/// The number of 1970-01-01, counted from the first day of year 1.
const EPOCH: i32 = 719_163;

/// Days since 1970-01-01 of a date.
pub fn days_of(date: NaiveDate) -> i32 {
    date.num_days_from_ce() - EPOCH
}

/// The date of a number of days since 1970-01-01.
pub fn date_of(days: i32) -> Option<NaiveDate> {
    NaiveDate::from_num_days_from_ce_opt(days.checked_add(EPOCH)?)
}

/// The last day of the month of a date.
pub fn last_day(date: NaiveDate) -> Option<NaiveDate> {
    date.with_day(1)?.checked_add_months(Months::new(1))?.pred_opt()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TRUNCATED: &[Part] = &[
        Part::Millennium,
        Part::Century,
        Part::Decade,
        Part::Year,
        Part::Quarter,
        Part::Month,
        Part::Week,
        Part::Day,
        Part::Hour,
        Part::Minute,
        Part::Second,
        Part::Millisecond,
        Part::Microsecond,
    ];

    proptest! {
        /// From the year 1 to 9999: an instant lies in the part that begins at its start, and no
        /// other start lies between.
        #[test]
        fn a_part_begins_at_its_own_start(at in -62_135_596_800_000_000_i64..253_402_300_800_000_000) {
            for part in TRUNCATED {
                let start = part.truncate().expect("it has a start");
                let begun = start(at).expect("in the calendar");
                let next = part.add(begun, 1).expect("in the calendar");
                prop_assert!(begun <= at && at < next, "{part:?} of {at}: {begun} to {next}");
                prop_assert_eq!(start(begun), Some(begun), "{:?}", part);
                prop_assert_eq!(start(next), Some(next), "{:?}", part);
                prop_assert_eq!(start(next - 1), Some(begun), "{:?}", part);
            }
        }
    }
}
