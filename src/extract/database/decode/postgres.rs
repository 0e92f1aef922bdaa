//! PostgreSQL values in the binary format. Pure.
//!
//! Timestamps and numerics are read by hand: the driver panics on `infinity` and has no exact
//! decimal. Layouts: `timestamp_send`, `date_send`, `numeric_send` of the server's sources.

use sqlx::postgres::PgRow;
use sqlx::{Column, Row, TypeInfo};

use super::{Value, calendar, number, reason};

/// How the values of one column come over the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    Boolean,
    Integer,
    Float,
    Double,
    Numeric,
    Date,
    Timestamp,
    TimestampTz,
    Time,
    Text,
    Bytes,
    /// A binary format not read here; such columns are asked for as text.
    Other,
}

/// Days from 1970-01-01 to 2000-01-01, PostgreSQL's day zero.
const EPOCH_DAYS: i32 = 10_957;

/// The wires of a row's columns, in order.
pub fn wires(row: &PgRow) -> Vec<Wire> {
    row.columns().iter().map(|c| wire(c.type_info().name())).collect()
}

fn wire(name: &str) -> Wire {
    match name {
        "BOOL" => Wire::Boolean,
        "INT2" | "INT4" | "INT8" | "OID" => Wire::Integer,
        "FLOAT4" => Wire::Float,
        "FLOAT8" => Wire::Double,
        "NUMERIC" => Wire::Numeric,
        "DATE" => Wire::Date,
        "TIMESTAMP" => Wire::Timestamp,
        "TIMESTAMPTZ" => Wire::TimestampTz,
        "TIME" => Wire::Time,
        "TEXT" | "VARCHAR" | "CHAR" | "NAME" | "UNKNOWN" | "JSON" | "XML" => Wire::Text,
        "BYTEA" => Wire::Bytes,
        _ => Wire::Other,
    }
}

/// Value `index` of a row.
pub fn value<'r>(row: &'r PgRow, index: usize, wires: &[Wire]) -> Value<'r> {
    let (Ok(raw), Some(wire)) = (row.try_get_raw(index), wires.get(index)) else {
        return Value::Unfit(reason::WRONG_TYPE, "the row has no such column");
    };
    match raw.as_bytes() {
        Ok(bytes) => read(bytes, *wire),
        Err(_) => Value::Null,
    }
}

/// The value in `bytes`.
pub fn read(bytes: &[u8], wire: Wire) -> Value<'_> {
    let value = match wire {
        Wire::Boolean => bytes.first().map(|b| Value::Boolean(*b != 0)),
        Wire::Integer => integer(bytes).map(Value::Integer),
        Wire::Float => bytes.try_into().ok().map(|b| Value::Float(f32::from_be_bytes(b))),
        Wire::Double => bytes.try_into().ok().map(|b| Value::Real(f64::from_be_bytes(b))),
        Wire::Numeric => numeric(bytes),
        Wire::Date => date(bytes),
        Wire::Timestamp => timestamp(bytes, Value::Local),
        Wire::TimestampTz => timestamp(bytes, Value::Instant),
        Wire::Time => bytes.try_into().ok().map(|b| Value::Time(i64::from_be_bytes(b))),
        Wire::Text => Some(Value::Text(bytes)),
        Wire::Bytes => Some(Value::Bytes(bytes)),
        Wire::Other => None,
    };
    value
        .unwrap_or(Value::Unfit(reason::WRONG_TYPE, "the value has an unexpected form on the wire"))
}

fn integer(bytes: &[u8]) -> Option<i64> {
    Some(match bytes.len() {
        2 => i64::from(i16::from_be_bytes(bytes.try_into().ok()?)),
        4 => i64::from(i32::from_be_bytes(bytes.try_into().ok()?)),
        8 => i64::from_be_bytes(bytes.try_into().ok()?),
        _ => return None,
    })
}

fn date(bytes: &[u8]) -> Option<Value<'static>> {
    Some(match i32::from_be_bytes(bytes.try_into().ok()?) {
        i32::MAX | i32::MIN => Value::Void("infinity"),
        days => days.checked_add(EPOCH_DAYS).map_or(OUT_OF_RANGE, Value::Date),
    })
}

fn timestamp(bytes: &[u8], of: fn(i64) -> Value<'static>) -> Option<Value<'static>> {
    Some(match i64::from_be_bytes(bytes.try_into().ok()?) {
        i64::MAX | i64::MIN => Value::Void("infinity"),
        micros => {
            micros.checked_add(i64::from(EPOCH_DAYS) * calendar::DAY).map_or(OUT_OF_RANGE, of)
        }
    })
}

const OUT_OF_RANGE: Value<'static> =
    Value::Unfit(reason::OUT_OF_RANGE, "the moment lies outside what 64 bits of microseconds hold");

/// Count of digits, weight of the first, sign, display scale (all 2 bytes), digits to base 10,000.
fn numeric(bytes: &[u8]) -> Option<Value<'static>> {
    let (head, digits) = bytes.split_at_checked(8)?;
    let half = |at: usize| -> Option<[u8; 2]> { head.get(at..at + 2)?.try_into().ok() };
    let count = usize::from(u16::from_be_bytes(half(0)?));
    let weight = i32::from(i16::from_be_bytes(half(2)?));
    let negative = match u16::from_be_bytes(half(4)?) {
        0x0000 => false,
        0x4000 => true,
        _ => return Some(Value::Unfit(reason::OUT_OF_RANGE, "NaN and infinity are no decimals")),
    };
    if digits.len() != count * 2 {
        return None;
    }
    let mut unscaled: i128 = 0;
    for pair in digits.chunks_exact(2) {
        let digit = i128::from(u16::from_be_bytes(pair.try_into().ok()?));
        unscaled = match unscaled.checked_mul(10_000).and_then(|u| u.checked_add(digit)) {
            Some(unscaled) => unscaled,
            None => return Some(TOO_MANY),
        };
    }
    // The value is unscaled * 10000^(weight - count + 1).
    let exponent = (weight - i32::try_from(count).ok()? + 1) * 4;
    let (unscaled, scale) = if exponent >= 0 {
        match number::power(exponent.unsigned_abs()).and_then(|p| unscaled.checked_mul(p)) {
            Some(unscaled) => (unscaled, 0),
            None if unscaled == 0 => (0, 0),
            None => return Some(TOO_MANY),
        }
    } else {
        (unscaled, exponent.unsigned_abs())
    };
    Some(Value::Decimal { unscaled: if negative { -unscaled } else { unscaled }, scale })
}

const TOO_MANY: Value<'static> =
    Value::Unfit(reason::OUT_OF_RANGE, "the number has more than 38 digits");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wire_numeric(weight: i16, sign: u16, digits: &[u16]) -> Vec<u8> {
        let mut bytes = (digits.len() as u16).to_be_bytes().to_vec();
        bytes.extend(weight.to_be_bytes());
        bytes.extend(sign.to_be_bytes());
        bytes.extend(0u16.to_be_bytes());
        digits.iter().for_each(|d| bytes.extend(d.to_be_bytes()));
        bytes
    }

    #[test]
    fn numerics_read_exactly() {
        for (bytes, unscaled, scale) in [
            (wire_numeric(0, 0, &[12, 3400]), 123_400, 4),
            (wire_numeric(1, 0x4000, &[5]), -50_000, 0),
            (wire_numeric(-1, 0, &[1]), 1, 4),
            (wire_numeric(0, 0, &[]), 0, 0),
        ] {
            assert_eq!(read(&bytes, Wire::Numeric), Value::Decimal { unscaled, scale });
        }
        let nan = wire_numeric(0, 0xC000, &[]);
        assert!(matches!(read(&nan, Wire::Numeric), Value::Unfit(reason::OUT_OF_RANGE, _)));
    }

    #[test]
    fn infinity_is_no_moment_and_no_panic() {
        for bytes in [i64::MAX.to_be_bytes(), i64::MIN.to_be_bytes()] {
            assert_eq!(read(&bytes, Wire::Timestamp), Value::Void("infinity"));
        }
        assert_eq!(read(&i32::MAX.to_be_bytes(), Wire::Date), Value::Void("infinity"));
        assert!(matches!(read(&(i64::MAX - 1).to_be_bytes(), Wire::TimestampTz), Value::Unfit(..)));
        assert_eq!(read(&0i64.to_be_bytes(), Wire::Timestamp), Value::Local(946_684_800_000_000));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            for wire in [Wire::Boolean, Wire::Integer, Wire::Float, Wire::Double, Wire::Numeric,
                         Wire::Date, Wire::Timestamp, Wire::Time, Wire::Text, Wire::Other] {
                let _ = read(&bytes, wire);
            }
        }
    }
}
