//! A row as one JSON object, for quarantine: every column, in order, nothing lost. Pure.
//!
//! Bytes that are no text are written as `{"hex": "..."}`.

use std::fmt::Write;

use chrono::DateTime;

use super::{Value, calendar};

/// The object `{"a": 1, "b": null}` of the named values.
pub fn row<'n, 'v>(cells: impl Iterator<Item = (&'n str, Value<'v>)>) -> Vec<u8> {
    let mut out = String::from("{");
    for (index, (name, value)) in cells.enumerate() {
        if index > 0 {
            out.push(',');
        }
        string(&mut out, name);
        out.push(':');
        cell(&mut out, value);
    }
    out.push('}');
    out.into_bytes()
}

fn cell(out: &mut String, value: Value<'_>) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Boolean(b) => out.push_str(if b { "true" } else { "false" }),
        Value::Integer(n) => show(out, n),
        Value::Unsigned(n) => show(out, n),
        Value::Float(n) if n.is_finite() => show(out, n),
        Value::Real(n) if n.is_finite() => show(out, n),
        Value::Float(n) => string(out, &n.to_string()),
        Value::Real(n) => string(out, &n.to_string()),
        Value::Decimal { unscaled, scale } => string(out, &decimal(unscaled, scale)),
        Value::Digits(bytes) | Value::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => string(out, text),
            Err(_) => hex(out, bytes),
        },
        Value::Bytes(bytes) => hex(out, bytes),
        Value::Date(days) => moment(out, i64::from(days).checked_mul(calendar::DAY), "%Y-%m-%d"),
        Value::Local(micros) => moment(out, Some(micros), "%Y-%m-%d %H:%M:%S%.6f"),
        Value::Instant(micros) => moment(out, Some(micros), "%Y-%m-%dT%H:%M:%S%.6fZ"),
        Value::Time(micros) => show(out, micros),
        Value::Void(what) | Value::Unfit(_, what) => string(out, what),
    }
}

fn show(out: &mut String, value: impl std::fmt::Display) {
    // Writing to a string cannot fail.
    let _ = write!(out, "{value}");
}

fn moment(out: &mut String, micros: Option<i64>, format: &str) {
    match micros.and_then(DateTime::from_timestamp_micros) {
        Some(moment) => string(out, &moment.format(format).to_string()),
        None => show(out, micros.unwrap_or_default()),
    }
}

fn string(out: &mut String, text: &str) {
    match serde_json::to_string(text) {
        Ok(quoted) => out.push_str(&quoted),
        Err(_) => out.push_str("null"),
    }
}

fn hex(out: &mut String, bytes: &[u8]) {
    out.push_str("{\"hex\":\"");
    for byte in bytes {
        show(out, format_args!("{byte:02x}"));
    }
    out.push_str("\"}");
}

/// `-12.34` for -1234 at scale 2.
fn decimal(unscaled: i128, scale: u32) -> String {
    let scale = scale as usize;
    let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if unscaled < 0 { "-" } else { "" };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_kept_and_the_object_is_json() {
        let cells = [
            ("id", Value::Integer(-7)),
            ("big", Value::Unsigned(u64::MAX)),
            ("name \"x\"", Value::Text("naïve\n".as_bytes())),
            ("broken", Value::Text(&[0x61, 0xff])),
            ("price", Value::Decimal { unscaled: -5, scale: 2 }),
            ("day", Value::Date(0)),
            ("at", Value::Local(1)),
            ("far", Value::Instant(i64::MAX)),
            ("none", Value::Null),
            ("nan", Value::Real(f64::NAN)),
        ];
        let bytes = row(cells.into_iter());
        let json: serde_json::Value = serde_json::from_slice(&bytes).expect("valid JSON");
        assert_eq!(json["id"], -7);
        assert_eq!(json["big"], u64::MAX);
        assert_eq!(json["name \"x\""], "naïve\n");
        assert_eq!(json["broken"]["hex"], "61ff");
        assert_eq!(json["price"], "-0.05");
        assert_eq!(json["day"], "1970-01-01");
        assert_eq!(json["at"], "1970-01-01 00:00:00.000001");
        assert_eq!(json["none"], serde_json::Value::Null);
        assert_eq!(json["nan"], "NaN");
        let order: Vec<usize> = ["\"id\"", "\"big\"", "\"price\"", "\"nan\""]
            .iter()
            .filter_map(|k| std::str::from_utf8(&bytes).expect("text").find(k))
            .collect();
        assert!(order.len() == 4 && order.is_sorted(), "{order:?}");
    }
}
