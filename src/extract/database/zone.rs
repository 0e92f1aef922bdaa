//! The source's time zone: wall clock to UTC and back. Pure.
//!
//! An hour that occurs twice is read as its first occurrence, an hour that never occurs by the
//! offset before the gap; both are counted by the caller. Nothing here reads a clock.

use chrono::{DateTime, Duration, LocalResult, NaiveDateTime, Offset, TimeZone};
use chrono_tz::Tz;

/// A moment in UTC, and whether the wall clock named it without doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    pub micros: i64,
    pub doubtful: bool,
}

/// The moment at which clocks of `zone` showed `micros`; `None` outside the years chrono knows.
pub fn to_utc(micros: i64, zone: Tz) -> Option<Moment> {
    if zone == Tz::UTC {
        return Some(Moment { micros, doubtful: false });
    }
    let local = DateTime::from_timestamp_micros(micros)?.naive_utc();
    let (seconds, doubtful) = match zone.offset_from_local_datetime(&local) {
        LocalResult::Single(offset) => (offset.fix().local_minus_utc(), false),
        LocalResult::Ambiguous(earlier, _) => (earlier.fix().local_minus_utc(), true),
        LocalResult::None => {
            // Gaps are shorter than a day, so the day before has the offset from before the gap.
            let before = local.checked_sub_signed(Duration::days(1))?;
            (zone.offset_from_utc_datetime(&before).fix().local_minus_utc(), true)
        }
    };
    Some(Moment { micros: micros.checked_sub(i64::from(seconds) * 1_000_000)?, doubtful })
}

/// What clocks of `zone` show at `utc`.
pub fn to_local(utc: NaiveDateTime, zone: Tz) -> NaiveDateTime {
    utc.checked_add_signed(Duration::seconds(offset(utc, zone))).unwrap_or(utc)
}

/// The least a clock of `zone` shows at or after `utc`.
///
/// It is below [`to_local`] when clocks are set back soon after: rows stamped in the repeated hour
/// carry earlier times than rows stamped before it (reliability rule 2.3). Clocks are never set
/// back by more than three hours.
pub fn least_local_from(utc: NaiveDateTime, zone: Tz) -> NaiveDateTime {
    let now = offset(utc, zone);
    let least = (1..=12)
        .filter_map(|quarter| utc.checked_add_signed(Duration::minutes(quarter * 15)))
        .map(|later| offset(later, zone))
        .fold(now, i64::min);
    utc.checked_add_signed(Duration::seconds(least)).unwrap_or(utc)
}

/// Seconds east of UTC.
fn offset(utc: NaiveDateTime, zone: Tz) -> i64 {
    i64::from(zone.offset_from_utc_datetime(&utc).fix().local_minus_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW_YORK: Tz = Tz::America__New_York;

    fn at(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").expect(text)
    }

    fn utc(text: &str, zone: Tz) -> (NaiveDateTime, bool) {
        let moment = to_utc(at(text).and_utc().timestamp_micros(), zone).expect("in range");
        let micros = DateTime::from_timestamp_micros(moment.micros).expect("in range");
        (micros.naive_utc(), moment.doubtful)
    }

    #[test]
    fn wall_clocks_read_as_utc() {
        // New York set its clocks on 2021-03-14 and 2021-11-07, both at 02:00 local time.
        assert_eq!(utc("2021-07-01 08:00", NEW_YORK), (at("2021-07-01 12:00"), false));
        assert_eq!(utc("2021-12-01 08:00", NEW_YORK), (at("2021-12-01 13:00"), false));
        assert_eq!(utc("2021-11-07 01:30", NEW_YORK), (at("2021-11-07 05:30"), true));
        assert_eq!(utc("2021-03-14 02:30", NEW_YORK), (at("2021-03-14 07:30"), true));
        assert_eq!(utc("2021-07-01 08:00", Tz::UTC), (at("2021-07-01 08:00"), false));
    }

    #[test]
    fn a_window_that_starts_before_clocks_go_back_reaches_into_the_repeated_hour() {
        // 05:30 UTC is 01:30; half an hour later the clocks show 01:00 again.
        assert_eq!(to_local(at("2021-11-07 05:30"), NEW_YORK), at("2021-11-07 01:30"));
        assert_eq!(least_local_from(at("2021-11-07 05:30"), NEW_YORK), at("2021-11-07 00:30"));
        assert_eq!(least_local_from(at("2021-07-01 12:00"), NEW_YORK), at("2021-07-01 08:00"));
        // Every moment from there on shows at least that.
        let bound = least_local_from(at("2021-11-07 05:30"), NEW_YORK);
        for minutes in 0..600 {
            let moment = at("2021-11-07 05:30") + Duration::minutes(minutes);
            assert!(to_local(moment, NEW_YORK) >= bound, "{moment}");
        }
    }
}
