//! Column bounds as DuckLake keeps them, text, and as the engine prunes with them. Pure.

use std::cmp::Ordering;

use arrow::datatypes::{DataType, TimeUnit};
use chrono::{DateTime, NaiveDate, NaiveDateTime};
use datafusion::common::ScalarValue;

use super::ColumnStats;

/// Text longer than this has no bounds: they would cost more than they prune.
pub const TEXT_BOUND_BYTES: usize = 256;

/// The bounds of a column over a whole table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bounds {
    pub nulls: bool,
    pub min: Option<String>,
    pub max: Option<String>,
}

/// Widens the bounds of a table by those of new files. A side one of them lacks is lost for good,
/// since absent means unknown; a file of NULLs only has no bounds and widens nothing.
pub fn merge_bounds<'a>(
    ducklake_type: &str,
    known: Option<Bounds>,
    files: impl Iterator<Item = &'a ColumnStats>,
) -> Bounds {
    let mut first = known.is_none();
    let mut bounds = known.unwrap_or_default();
    for file in files {
        bounds.nulls |= file.nulls > 0;
        if file.values == 0 {
            continue;
        }
        if first {
            bounds.min = file.min.clone();
            bounds.max = file.max.clone();
            first = false;
            continue;
        }
        bounds.min = pick(ducklake_type, bounds.min.take(), file.min.as_ref(), Ordering::Less);
        bounds.max = pick(ducklake_type, bounds.max.take(), file.max.as_ref(), Ordering::Greater);
    }
    bounds
}

fn pick(ty: &str, a: Option<String>, b: Option<&String>, want: Ordering) -> Option<String> {
    let (a, b) = (a?, b?);
    if compare(ty, &a, b)? == want { Some(a) } else { Some(b.clone()) }
}

/// Compares two bounds of a type; `None` when they cannot be read.
fn compare(ty: &str, a: &str, b: &str) -> Option<Ordering> {
    match ty {
        "varchar" | "time" => Some(a.cmp(b)),
        "date" | "timestamp" | "timestamptz" => {
            [a, b].iter().all(|text| has_plain_year(text)).then(|| a.cmp(b))
        }
        "boolean" => Some(a.cmp(b)),
        "float32" | "float64" => a.parse::<f64>().ok()?.partial_cmp(&b.parse::<f64>().ok()?),
        _ => {
            let scale = decimal_digits(a).max(decimal_digits(b));
            Some(unscaled(a, scale)?.cmp(&unscaled(b, scale)?))
        }
    }
}

/// Years of four digits are in order as texts; those before and after are not.
fn has_plain_year(moment: &str) -> bool {
    moment.find('-') == Some(4) && !moment.ends_with("(BC)")
}

fn decimal_digits(text: &str) -> usize {
    text.split_once('.').map_or(0, |(_, fraction)| fraction.len())
}

/// `12.30` with scale 3 as 12300.
fn unscaled(text: &str, scale: usize) -> Option<i128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > scale {
        return None;
    }
    format!("{whole}{fraction:0<scale$}").parse().ok()
}

/// A bound as a value of the column's Arrow type; `None` where it cannot be read exactly.
pub fn scalar(text: &str, data_type: &DataType) -> Option<ScalarValue> {
    Some(match data_type {
        DataType::Boolean => ScalarValue::Boolean(Some(matches!(text, "true" | "1"))),
        DataType::Int16 => ScalarValue::Int16(Some(text.parse().ok()?)),
        DataType::Int32 => ScalarValue::Int32(Some(text.parse().ok()?)),
        DataType::Int64 => ScalarValue::Int64(Some(text.parse().ok()?)),
        DataType::Decimal128(p, s) => {
            ScalarValue::Decimal128(Some(unscaled(text, usize::try_from(*s).ok()?)?), *p, *s)
        }
        DataType::Utf8 => ScalarValue::Utf8(Some(text.to_string())),
        DataType::Utf8View => ScalarValue::Utf8View(Some(text.to_string())),
        DataType::Date32 => {
            let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
            let days = (day - NaiveDate::default()).num_days();
            ScalarValue::Date32(Some(i32::try_from(days).ok()?))
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let text = text.strip_suffix("+00").unwrap_or(text);
            let at = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").ok()?;
            ScalarValue::TimestampMicrosecond(Some(at.and_utc().timestamp_micros()), zone.clone())
        }
        _ => return None,
    })
}

/// A value as a bound; `None` for types without one, NULL, long text, and years that have more or
/// fewer than four digits.
pub fn bound(value: &ScalarValue) -> Option<String> {
    Some(match value {
        ScalarValue::Boolean(Some(v)) => u8::from(*v).to_string(),
        ScalarValue::Int8(Some(v)) => v.to_string(),
        ScalarValue::Int16(Some(v)) => v.to_string(),
        ScalarValue::Int32(Some(v)) => v.to_string(),
        ScalarValue::Int64(Some(v)) => v.to_string(),
        ScalarValue::Float32(Some(v)) if v.is_finite() => v.to_string(),
        ScalarValue::Float64(Some(v)) if v.is_finite() => v.to_string(),
        ScalarValue::Decimal128(Some(v), _, scale) => {
            decimal_text(*v, usize::try_from(*scale).ok()?)
        }
        ScalarValue::Utf8(Some(v))
        | ScalarValue::Utf8View(Some(v))
        | ScalarValue::LargeUtf8(Some(v))
            if v.len() <= TEXT_BOUND_BYTES && !v.contains('\0') =>
        {
            v.clone()
        }
        ScalarValue::Date32(Some(days)) => {
            let day = NaiveDate::from_epoch_days(*days)?.format("%Y-%m-%d").to_string();
            return has_plain_year(&day).then_some(day);
        }
        ScalarValue::TimestampMicrosecond(Some(micros), zone) => {
            let at = DateTime::from_timestamp_micros(*micros)?;
            let text = at.naive_utc().format("%Y-%m-%d %H:%M:%S%.f").to_string();
            let text = if zone.is_some() { format!("{text}+00") } else { text };
            return has_plain_year(&text).then_some(text);
        }
        _ => return None,
    })
}

/// An unscaled decimal as text with all its digits: 1230 with scale 2 is `12.30`.
pub fn decimal_text(value: i128, scale: usize) -> String {
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if value < 0 { "-" } else { "" };
    let point = if scale == 0 { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_come_back_as_the_same_value() {
        for value in [
            ScalarValue::Int32(Some(-7)),
            ScalarValue::Decimal128(Some(-5), 10, 2),
            ScalarValue::Decimal128(Some(149_850), 20, 4),
            ScalarValue::Date32(Some(18_628)),
            ScalarValue::TimestampMicrosecond(Some(1_609_459_200_123_000), None),
            ScalarValue::Utf8(Some("O'Brien".into())),
        ] {
            let text = bound(&value).expect("has a bound");
            assert_eq!(scalar(&text, &value.data_type()), Some(value), "{text}");
        }
    }

    #[test]
    fn bounds_are_written_as_duckdb_writes_them() {
        assert_eq!(bound(&ScalarValue::Decimal128(Some(0), 10, 2)).as_deref(), Some("0.00"));
        assert_eq!(bound(&ScalarValue::Date32(Some(18_628))).as_deref(), Some("2021-01-01"));
        assert_eq!(
            bound(&ScalarValue::TimestampMicrosecond(Some(1_609_459_200_000_000), None)).as_deref(),
            Some("2021-01-01 00:00:00")
        );
    }

    #[test]
    fn a_year_out_of_order_as_text_has_no_bound() {
        for days in [2_932_897, -719_529, i32::MAX] {
            assert_eq!(bound(&ScalarValue::Date32(Some(days))), None, "{days}");
        }
        assert_eq!(bound(&ScalarValue::TimestampMicrosecond(Some(i64::MAX), None)), None);
        let compared = |a, b| compare("date", a, b);
        assert_eq!(compared("2021-01-01", "9999-12-31"), Some(Ordering::Less));
        for other in ["10000-01-01", "+10000-01-01", "-0043-01-01", "0044-03-15 (BC)"] {
            assert_eq!(compared("2021-01-01", other), None, "{other}");
        }
    }

    #[test]
    fn numbers_are_compared_as_numbers_and_a_lost_side_stays_lost() {
        let file = |min: &str, max: &str| ColumnStats {
            values: 1,
            min: Some(min.into()),
            max: Some(max.into()),
            ..Default::default()
        };
        let bounds = merge_bounds("int32", None, [file("9", "10"), file("-2", "9")].iter());
        assert_eq!((bounds.min.as_deref(), bounds.max.as_deref()), (Some("-2"), Some("10")));
        let unknown = ColumnStats { values: 3, ..Default::default() };
        let lost = merge_bounds("int32", Some(bounds), [unknown, file("1", "1")].iter());
        assert_eq!((lost.min, lost.max), (None, None));
    }
}
