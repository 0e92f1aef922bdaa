//! MySQL and MariaDB values as the binary protocol sends them. Pure.
//!
//! Dates are read by hand: the driver turns `0000-00-00` into a silent NULL and fails a whole
//! result on `2025-00-15` (both legal in a column). Layout: "Binary Protocol Value" of the MySQL
//! internals manual; sqlx leaves the length byte in front of dates and times.

use sqlx::mysql::{MySqlRow, MySqlTypeInfo};
use sqlx::{Column, Decode, MySql, Row, Type, TypeInfo};

use super::{Value, calendar, reason};

/// How the values of one column come over the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    Signed,
    Unsigned,
    Float,
    Double,
    Decimal,
    Date,
    /// DATETIME: the wall clock.
    DateTime,
    /// TIMESTAMP: UTC, since the session's zone is UTC.
    Timestamp,
    Time,
    Text,
    Bytes,
}

/// The wires of a row's columns, in order.
pub fn wires(row: &MySqlRow) -> Vec<Wire> {
    row.columns().iter().map(|c| wire(c.type_info())).collect()
}

fn wire(info: &MySqlTypeInfo) -> Wire {
    match info.name() {
        // sqlx calls every tinyint(1) a boolean and hides its sign in the name.
        "BOOLEAN" | "TINYINT" | "SMALLINT" | "MEDIUMINT" | "INT" | "BIGINT"
        | "TINYINT UNSIGNED" | "SMALLINT UNSIGNED" | "MEDIUMINT UNSIGNED" | "INT UNSIGNED"
        | "BIGINT UNSIGNED" => match <u64 as Type<MySql>>::compatible(info) {
            true => Wire::Unsigned,
            false => Wire::Signed,
        },
        "YEAR" => Wire::Unsigned,
        "FLOAT" => Wire::Float,
        "DOUBLE" => Wire::Double,
        "DECIMAL" => Wire::Decimal,
        "DATE" => Wire::Date,
        "DATETIME" => Wire::DateTime,
        "TIMESTAMP" => Wire::Timestamp,
        "TIME" => Wire::Time,
        "CHAR" | "VARCHAR" | "TEXT" | "TINYTEXT" | "MEDIUMTEXT" | "LONGTEXT" | "ENUM" | "SET"
        | "JSON" => Wire::Text,
        _ => Wire::Bytes,
    }
}

/// Value `index` of a row.
pub fn value<'r>(row: &'r MySqlRow, index: usize, wires: &[Wire]) -> Value<'r> {
    let (Ok(raw), Some(wire)) = (row.try_get_raw(index), wires.get(index)) else {
        return Value::Unfit(reason::WRONG_TYPE, "the row has no such column");
    };
    // `is_null` of the driver is also true for zero dates; only the bytes tell.
    match <&[u8] as Decode<MySql>>::decode(raw) {
        Ok(bytes) => read(bytes, *wire),
        Err(_) => Value::Null,
    }
}

/// The value in `bytes`.
pub fn read(bytes: &[u8], wire: Wire) -> Value<'_> {
    match wire {
        Wire::Signed => match signed(bytes) {
            Some(value) => Value::Integer(value),
            None => unfit(),
        },
        Wire::Unsigned => match unsigned(bytes) {
            Some(value) => i64::try_from(value).map_or(Value::Unsigned(value), Value::Integer),
            None => unfit(),
        },
        Wire::Float => bytes.try_into().map_or(unfit(), |b| Value::Float(f32::from_le_bytes(b))),
        Wire::Double => bytes.try_into().map_or(unfit(), |b| Value::Real(f64::from_le_bytes(b))),
        Wire::Decimal => Value::Digits(bytes),
        Wire::Date | Wire::DateTime | Wire::Timestamp => date(bytes, wire),
        Wire::Time => time(bytes).map_or(unfit(), Value::Time),
        Wire::Text => Value::Text(bytes),
        Wire::Bytes => Value::Bytes(bytes),
    }
}

fn unfit() -> Value<'static> {
    Value::Unfit(reason::WRONG_TYPE, "the value has an unexpected length on the wire")
}

fn signed(bytes: &[u8]) -> Option<i64> {
    Some(match bytes.len() {
        1 => i64::from(i8::from_le_bytes(bytes.try_into().ok()?)),
        2 => i64::from(i16::from_le_bytes(bytes.try_into().ok()?)),
        4 => i64::from(i32::from_le_bytes(bytes.try_into().ok()?)),
        8 => i64::from_le_bytes(bytes.try_into().ok()?),
        _ => return None,
    })
}

fn unsigned(bytes: &[u8]) -> Option<u64> {
    Some(match bytes.len() {
        1 => u64::from(u8::from_le_bytes(bytes.try_into().ok()?)),
        2 => u64::from(u16::from_le_bytes(bytes.try_into().ok()?)),
        4 => u64::from(u32::from_le_bytes(bytes.try_into().ok()?)),
        8 => u64::from_le_bytes(bytes.try_into().ok()?),
        _ => return None,
    })
}

/// Length, year (2), month, day, then perhaps hour, minute, second, then perhaps micros (4).
fn date(bytes: &[u8], wire: Wire) -> Value<'_> {
    const ZERO: Value<'static> = Value::Void("zero date");
    const NONE: Value<'static> = Value::Unfit(reason::BAD_DATE, "there is no such day or time");
    let (year, month, day, rest) = match bytes {
        [0] => return ZERO,
        [_, y1, y2, month, day, rest @ ..] => {
            (u32::from(u16::from_le_bytes([*y1, *y2])), u32::from(*month), u32::from(*day), rest)
        }
        _ => return unfit(),
    };
    if (year, month, day) == (0, 0, 0) {
        return ZERO;
    }
    let Some(days) = calendar::days(year, month, day) else { return NONE };
    if wire == Wire::Date {
        return Value::Date(days);
    }
    let clock = match rest {
        [] => Some(0),
        [h, m, s] => calendar::time((*h).into(), (*m).into(), (*s).into(), 0),
        [h, m, s, micros @ ..] => match <[u8; 4]>::try_from(micros) {
            Ok(b) => calendar::time((*h).into(), (*m).into(), (*s).into(), u32::from_le_bytes(b)),
            Err(_) => return unfit(),
        },
        _ => return unfit(),
    };
    let Some(clock) = clock else { return NONE };
    let micros = i64::from(days) * calendar::DAY + clock;
    if wire == Wire::Timestamp { Value::Instant(micros) } else { Value::Local(micros) }
}

/// Length, sign, days (4), hour, minute, second, then perhaps micros (4).
fn time(bytes: &[u8]) -> Option<i64> {
    let (negative, days, h, m, s, rest) = match bytes {
        [0] => return Some(0),
        [_, sign, d1, d2, d3, d4, h, m, s, rest @ ..] => {
            (*sign != 0, u32::from_le_bytes([*d1, *d2, *d3, *d4]), *h, *m, *s, rest)
        }
        _ => return None,
    };
    let micros = match rest {
        [] => 0,
        rest => u32::from_le_bytes(rest.try_into().ok()?),
    };
    let clock = calendar::time(h.into(), m.into(), s.into(), micros)?;
    let total = i64::from(days).checked_mul(calendar::DAY)?.checked_add(clock)?;
    Some(if negative { -total } else { total })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_read_by_hand() {
        let day = i64::from(calendar::days(2021, 7, 3).expect("a day")) * calendar::DAY;
        for (bytes, wire, want) in [
            (&[4u8, 0xe5, 0x07, 7, 3][..], Wire::Date, Value::Date((day / calendar::DAY) as i32)),
            (&[4, 0xe5, 0x07, 7, 3], Wire::DateTime, Value::Local(day)),
            (&[7, 0xe5, 0x07, 7, 3, 1, 2, 3], Wire::Timestamp, Value::Instant(day + 3_723_000_000)),
            (
                &[11, 0xe5, 0x07, 7, 3, 1, 2, 3, 1, 0, 0, 0],
                Wire::DateTime,
                Value::Local(day + 3_723_000_001),
            ),
            (&[0], Wire::DateTime, Value::Void("zero date")),
            (&[4, 0, 0, 0, 0], Wire::Date, Value::Void("zero date")),
        ] {
            assert_eq!(read(bytes, wire), want, "{bytes:?}");
        }
        let broken = read(&[4, 0xe9, 0x07, 0, 15], Wire::Date);
        assert!(matches!(broken, Value::Unfit(reason::BAD_DATE, _)), "{broken:?}");
    }

    #[test]
    fn a_time_may_be_negative_and_longer_than_a_day() {
        // -838:59:59, the smallest TIME there is
        let bytes = [8, 1, 34, 0, 0, 0, 22, 59, 59];
        assert_eq!(read(&bytes, Wire::Time), Value::Time(-3_020_399_000_000));
        assert_eq!(read(&[0], Wire::Time), Value::Time(0));
    }

    #[test]
    fn integers_keep_their_sign() {
        assert_eq!(read(&[255], Wire::Signed), Value::Integer(-1));
        assert_eq!(read(&[255], Wire::Unsigned), Value::Integer(255));
        assert_eq!(read(&[255; 8], Wire::Unsigned), Value::Unsigned(u64::MAX));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..16)) {
            for wire in [Wire::Signed, Wire::Unsigned, Wire::Float, Wire::Double, Wire::Decimal,
                         Wire::Date, Wire::DateTime, Wire::Timestamp, Wire::Time, Wire::Text] {
                let _ = read(&bytes, wire);
            }
        }
    }
}
