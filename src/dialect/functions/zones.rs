//! Time zones: CONVERT_TIMEZONE, AT TIME ZONE, and what a text says of its own zone. It reads no clock.
//!
//! Source: CONVERT_TIMEZONE, r_AT_TIME_ZONE, "Time zone usage notes", time-zone-abbrev. The session's
//! zone is UTC.

use std::str::FromStr;
use std::sync::Arc;

use arrow::array::{ArrayRef, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Date32Type, TimeUnit, TimestampMicrosecondType};
use chrono::{FixedOffset, NaiveDateTime, Offset, TimeZone, Utc};
use chrono_tz::Tz;
use datafusion::common::{DataFusionError, Result, exec_datafusion_err, exec_err};
use datafusion::logical_expr::ScalarUDF;

use super::casting::parse_timestamp;
use super::parts::{self, DAY};
use super::udf::{Args, Function, Kind, TIMESTAMP, udf};

pub fn all() -> Vec<Arc<ScalarUDF>> {
    let function = |name, params, returns, run| {
        udf(Function { name, params, optional: 0, variadic: false, returns, run })
    };
    vec![
        function(
            "convert_timezone",
            &[Kind::Text, Kind::Text, Kind::Timestamp],
            |_| Ok(TIMESTAMP),
            convert_timezone,
        ),
        function("at_time_zone", &[Kind::Temporal, Kind::Text], other_kind, at_time_zone),
    ]
}

pub fn zoned() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn out_of_range() -> DataFusionError {
    exec_datafusion_err!("timestamp out of range")
}

/// Minutes east of Greenwich.
const ABBREVIATIONS: &[(&str, i32)] = &[
    ("acdt", 630),
    ("acst", 570),
    ("adt", -180),
    ("aedt", 660),
    ("aest", 600),
    ("akdt", -480),
    ("akst", -540),
    ("ast", -240),
    ("awst", 480),
    ("brt", -180),
    ("bst", 60),
    ("cdt", -300),
    ("cest", 120),
    ("cet", 60),
    ("cst", -360),
    ("edt", -240),
    ("eest", 180),
    ("eet", 120),
    ("est", -300),
    ("gmt", 0),
    ("hkt", 480),
    ("hst", -600),
    ("jst", 540),
    ("kst", 540),
    ("mdt", -360),
    ("msk", 180),
    ("mst", -420),
    ("ndt", -150),
    ("nst", -210),
    ("nzdt", 780),
    ("nzst", 720),
    ("pdt", -420),
    ("pst", -480),
    ("sast", 120),
    ("sgt", 480),
    ("utc", 0),
    ("west", 60),
    ("wet", 0),
    ("z", 0),
    ("zulu", 0),
];

enum Zone {
    Named(Tz),
    Fixed(FixedOffset),
}

/// `EST5`, `NEWZONE -2:15`, `GMT+2`: any name and hours west of Greenwich (CONVERT_TIMEZONE,
/// "Using POSIX-style format"). A third part, for summer, is no fixed offset.
fn posix(name: &str) -> Option<FixedOffset> {
    let word = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == ':');
    let offset = name.strip_prefix(word).filter(|o| !o.is_empty())?;
    let west = if word.ends_with('-') { -1 } else { 1 };
    let word = word.trim_end_matches(['+', '-']).trim_end();
    if word.len() < 3 || !word.chars().all(|c| c.is_ascii_alphabetic() || "/_-".contains(c)) {
        return None;
    }
    let (hours, minutes) = offset.split_once(':').unwrap_or((offset, "0"));
    let hours: i32 = hours.parse().ok().filter(|h| (0..=15).contains(h))?;
    let minutes: i32 = minutes.parse().ok().filter(|m| (0..60).contains(m))?;
    FixedOffset::west_opt(west * (hours * 3600 + minutes * 60))
}

/// Names of the IANA data base, abbreviations without a second meaning, offsets the POSIX way.
fn zone(name: &str) -> Result<Zone> {
    let lower = name.trim().to_ascii_lowercase();
    if let Some((_, minutes)) = ABBREVIATIONS.iter().find(|(a, _)| *a == lower) {
        return FixedOffset::east_opt(minutes * 60).map(Zone::Fixed).ok_or_else(out_of_range);
    }
    if let Ok(zone) = Tz::from_str(name.trim()) {
        return Ok(Zone::Named(zone));
    }
    match chrono_tz::TZ_VARIANTS.iter().find(|z| z.name().eq_ignore_ascii_case(name.trim())) {
        Some(zone) => Ok(Zone::Named(*zone)),
        None if posix(name.trim()).is_some() => {
            posix(name.trim()).map(Zone::Fixed).ok_or_else(out_of_range)
        }
        None => exec_err!("`{name}` is not a time zone"),
    }
}

/// The instant of a local time. The manual is silent on those that a clock put back shows twice, and on
/// those that one put forward leaves out. PostgreSQL, of which Redshift is made, takes standard time
/// for both (DetermineTimeZoneOffset): the later of two instants, and the offset before a gap.
fn to_utc(zone: &Zone, local: NaiveDateTime) -> NaiveDateTime {
    match zone {
        Zone::Fixed(offset) => local - *offset,
        Zone::Named(tz) => match tz.offset_from_local_datetime(&local) {
            chrono::LocalResult::Single(o) | chrono::LocalResult::Ambiguous(_, o) => {
                local - o.fix()
            }
            chrono::LocalResult::None => {
                // the longest gap is the day that an island west of the date line left out
                let before = (1..=9).map(|n| local - chrono::Duration::hours(3 * n));
                let offset = before
                    .filter_map(|before| tz.offset_from_local_datetime(&before).latest())
                    .next();
                offset.map_or(local, |o| local - o.fix())
            }
        },
    }
}

fn from_utc(zone: &Zone, utc: NaiveDateTime) -> NaiveDateTime {
    match zone {
        Zone::Fixed(offset) => utc + *offset,
        Zone::Named(tz) => Utc.from_utc_datetime(&utc).with_timezone(tz).naive_local(),
    }
}

/// CONVERT_TIMEZONE(source, target, timestamp).
fn convert_timezone(args: &Args) -> Result<ArrayRef> {
    let (sources, targets) = (args.text(0)?, args.text(1)?);
    let at = args.primitive::<TimestampMicrosecondType>(2)?;
    let constant = match (args.constant_text(0), args.constant_text(1)) {
        (Some(source), Some(target)) => Some((zone(source)?, zone(target)?)),
        _ => None,
    };
    let convert = |source: &Zone, target: &Zone, micros: i64| {
        let local = parts::instant(micros).ok_or_else(out_of_range)?;
        parts::micros_of(from_utc(target, to_utc(source, local))).ok_or_else(out_of_range)
    };
    let out: TimestampMicrosecondArray = (0..args.rows)
        .map(|i| {
            let Some(micros) = at.get(i) else { return Ok(None) };
            match (&constant, sources.get(i), targets.get(i)) {
                (Some((source, target)), ..) => convert(source, target, micros).map(Some),
                (None, Some(source), Some(target)) => {
                    convert(&zone(source)?, &zone(target)?, micros).map(Some)
                }
                _ => Ok(None),
            }
        })
        .collect::<Result<_>>()?;
    Ok(Arc::new(out))
}

/// A TIMESTAMP becomes a TIMESTAMPTZ, and the other way round.
fn other_kind(types: &[DataType]) -> Result<DataType> {
    Ok(match types.first() {
        Some(DataType::Timestamp(_, Some(_))) => TIMESTAMP,
        _ => zoned(),
    })
}

/// A TIMESTAMP is read in the zone, a TIMESTAMPTZ shown in it (r_AT_TIME_ZONE).
fn at_time_zone(args: &Args) -> Result<ArrayRef> {
    let names = args.text(1)?;
    let at: Box<dyn Fn(usize) -> Option<i64>> = match args.arg(0)?.array.data_type() {
        DataType::Date32 => {
            let days = args.primitive::<Date32Type>(0)?;
            Box::new(move |i| days.get(i).map(|d| i64::from(d) * DAY))
        }
        DataType::Timestamp(..) => {
            let micros = args.primitive::<TimestampMicrosecondType>(0)?;
            Box::new(move |i| micros.get(i))
        }
        other => return exec_err!("AT TIME ZONE does not take {}", super::type_name(other)),
    };
    let shows = *args.returns == TIMESTAMP;
    let constant = args.constant_text(1).map(zone).transpose()?;
    let out: TimestampMicrosecondArray = (0..args.rows)
        .map(|i| {
            let (Some(micros), Some(name)) = (at(i), names.get(i)) else { return Ok(None) };
            let named = match &constant {
                Some(_) => None,
                None => Some(zone(name)?),
            };
            let Some(zone) = constant.as_ref().or(named.as_ref()) else { return Ok(None) };
            let instant = parts::instant(micros).ok_or_else(out_of_range)?;
            let moved = if shows { from_utc(zone, instant) } else { to_utc(zone, instant) };
            parts::micros_of(moved).map(Some).ok_or_else(out_of_range)
        })
        .collect::<Result<_>>()?;
    Ok(Arc::new(out.with_data_type(args.returns.clone())))
}

/// A text of a TIMESTAMPTZ is in the zone it names, or else in the session's; an error for a zone that
/// is none.
pub fn zoned_micros(text: &str) -> Result<Option<i64>> {
    let Some(local) = parse_timestamp(text) else { return Ok(None) };
    let utc = match zone_of_text(text)? {
        Some(zone) => to_utc(&zone, local),
        None => local,
    };
    Ok(parts::micros_of(utc))
}

/// The zone written after the time of day: `-05`, `-8:00`, `+05:30`, `-0500`, `PST`, `Z`.
fn zone_of_text(text: &str) -> Result<Option<Zone>> {
    let text = text.trim();
    let clock = text.find(':').and_then(|at| text.get(at..)).or_else(|| plain_clock(text));
    let Some(clock) = clock else { return Ok(None) };
    // the year may stand behind the clock
    let tail = clock.trim_start_matches(|c: char| c.is_ascii_digit() || ":. ".contains(c));
    let half = tail.get(..2).is_some_and(|w| ["am", "pm"].contains(&&*w.to_ascii_lowercase()));
    let alone = tail.get(2..).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphabetic()));
    let tail = if half && alone { tail.get(2..).unwrap_or_default().trim_start() } else { tail };
    let tail = tail.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
    if tail.is_empty() {
        return Ok(None);
    }
    if !tail.starts_with(['+', '-']) {
        return zone(tail).map(Some);
    }
    match offset(tail) {
        Some(offset) => Ok(Some(Zone::Fixed(offset))),
        None => exec_err!("`{text}` ends with no time zone"),
    }
}

/// From a time of day without colons on: `040506-08` after a date.
fn plain_clock(text: &str) -> Option<&str> {
    let clock = text.get(text.find(['T', ' '])? + 1..)?;
    let digits = clock.bytes().take_while(u8::is_ascii_digit).count();
    (digits == 6).then_some(clock)
}

/// `-05`, `+5`, `-8:00`, `+05:30`, `-0500`: hours and minutes from Greenwich.
fn offset(text: &str) -> Option<FixedOffset> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let text = text.get(1..)?;
    let (hours, minutes) = match text.split_once(':') {
        Some(parts) => parts,
        None if text.len() > 2 => text.split_at_checked(text.len() - 2)?,
        None => (text, "0"),
    };
    let number = |part: &str, most: i32| {
        let digits = (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        part.parse::<i32>().ok().filter(|n| digits && *n <= most)
    };
    FixedOffset::east_opt(sign * (number(hours, 15)? * 3600 + number(minutes, 59)? * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_names_its_zone_in_every_way() {
        let noon = zoned_micros("2020-01-01 12:00:00").expect("reads").expect("a moment");
        for (zone, hours) in [
            ("", 0),
            ("Z", 0),
            (" UTC", 0),
            ("-8:00", 8),
            ("-08:00", 8),
            ("-0800", 8),
            ("-800", 8),
            ("-8", 8),
            (" -08", 8),
            (" PST", 8),
            ("+5", -5),
            ("+05:00", -5),
            (" pm", 0),
            (" PM PST", 8),
            (" America/Los_Angeles", 8),
            (" America/Port-au-Prince", 5),
        ] {
            let text = format!("2020-01-01 12:00:00{zone}");
            let read = zoned_micros(&text).expect(&text);
            assert_eq!(read, Some(noon + hours * 3_600_000_000), "{text}");
        }
        for (text, hours) in [
            ("01 Jan 04:00:00 2020 PST", 0),
            ("Jan 01 12:00 2020", 0),
            ("20200101 120000", 0),
            ("20200101 120000-08", 8),
        ] {
            let read = zoned_micros(text).expect(text);
            assert_eq!(read, Some(noon + hours * 3_600_000_000), "{text}");
        }
        for zone in ["-99", "+5:99", "-8:0:0:0", " Mars/Olympus", "+x"] {
            assert!(zoned_micros(&format!("2020-01-01 12:00:00{zone}")).is_err(), "{zone}");
        }
    }
}
