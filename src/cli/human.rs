//! Numbers, times and sizes as people read them. Machines get raw integers elsewhere. Pure.

use std::time::Duration;

use chrono::{DateTime, Local, SecondsFormat, Utc};

/// `18448` as `18,448`.
pub(super) fn thousands(n: u64) -> String {
    group(&n.to_string())
}

/// A decimal number's text with its whole digits in groups of three: `-1234.50` as `-1,234.50`.
/// Text that is no plain decimal number comes back as it is.
pub(super) fn group(number: &str) -> String {
    let (sign, digits) = match number.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", number),
    };
    let (whole, fraction) = match digits.find('.') {
        Some(point) => digits.split_at(point),
        None => (digits, ""),
    };
    if whole.is_empty() || !whole.bytes().all(|b| b.is_ascii_digit()) {
        return number.to_string();
    }
    let mut grouped = String::with_capacity(number.len() + whole.len() / 3);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}{fraction}")
}

/// `1 row`, `2 rows`, `18,448 rows`.
pub(super) fn count(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(n), if n == 1 { one } else { many })
}

/// A duration as `34ms`, `1.2s`, `3m 05s`, `2h 07m`.
pub(super) fn took(duration: Duration) -> String {
    let (seconds, millis) = (duration.as_secs(), duration.as_millis());
    match seconds {
        _ if millis < 1_000 => format!("{millis}ms"),
        0..60 => format!("{:.1}s", duration.as_secs_f64().min(59.9)),
        60..3_600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3_600, seconds / 60 % 60),
    }
}

/// How long ago `then` is: `just now`, `3 minutes ago`, `2 days ago`.
pub(super) fn ago(then: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let seconds = (now - then).num_seconds().max(0) as u64;
    let (n, one, many) = match seconds {
        0..10 => return "just now".to_string(),
        10..60 => (seconds, "second", "seconds"),
        60..3_600 => (seconds / 60, "minute", "minutes"),
        3_600..86_400 => (seconds / 3_600, "hour", "hours"),
        _ => (seconds / 86_400, "day", "days"),
    };
    format!("{} ago", count(n, one, many))
}

/// A time for people: local, with its offset.
pub(super) fn local_time(time: DateTime<Utc>) -> String {
    time.with_timezone(&Local).format("%Y-%m-%d %H:%M:%S %:z").to_string()
}

/// A time for machines: RFC 3339 in UTC, to the second.
pub(super) fn utc_time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A size as `311 B`, `304.0 KB`, `1.2 GB`, in steps of 1,024.
pub(super) fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    let mut unit = "B";
    for next in ["KB", "MB", "GB", "TB"] {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{value:.1} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_three() {
        for (text, want) in [
            ("0", "0"),
            ("999", "999"),
            ("1000", "1,000"),
            ("-1234567.891", "-1,234,567.891"),
            ("12.50", "12.50"),
            ("1e9", "1e9"),
            ("NaN", "NaN"),
            ("", ""),
            (".5", ".5"),
        ] {
            assert_eq!(group(text), want);
        }
        assert_eq!(thousands(u64::MAX), "18,446,744,073,709,551,615");
        assert_eq!(count(1, "row", "rows"), "1 row");
    }

    #[test]
    fn durations_ages_and_sizes_have_one_unit_or_two() {
        for (millis, want) in [
            (0, "0ms"),
            (999, "999ms"),
            (1_000, "1.0s"),
            (59_999, "59.9s"),
            (60_000, "1m 00s"),
            (3_599_999, "59m 59s"),
            (7_620_000, "2h 07m"),
        ] {
            assert_eq!(took(Duration::from_millis(millis)), want);
        }
        let now = DateTime::from_timestamp(1_000_000, 0).expect("time");
        for (seconds, want) in [
            (-5, "just now"),
            (9, "just now"),
            (60, "1 minute ago"),
            (7_199, "1 hour ago"),
            (172_800, "2 days ago"),
        ] {
            assert_eq!(ago(now - chrono::Duration::seconds(seconds), now), want);
        }
        for (bytes, want) in [(0, "0 B"), (1_023, "1023 B"), (1_536, "1.5 KB")] {
            assert_eq!(size(bytes), want);
        }
        assert_eq!(size(u64::MAX), "16777216.0 TB");
    }
}
