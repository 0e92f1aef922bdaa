//! SQLite values: the storage class of each value decides, since columns have no types. Pure.

use sqlx::sqlite::{SqliteRow, SqliteValueRef};
use sqlx::{Decode, Row, Sqlite, TypeInfo, ValueRef};

use super::{Value, reason};

/// Value `index` of a row.
pub fn value(row: &SqliteRow, index: usize) -> Value<'_> {
    match row.try_get_raw(index) {
        Ok(raw) => stored(raw),
        Err(_) => Value::Unfit(reason::WRONG_TYPE, "the row has no such column"),
    }
}

fn stored(raw: SqliteValueRef<'_>) -> Value<'_> {
    if raw.is_null() {
        return Value::Null;
    }
    // The class of a value that is not NULL; never the declared type of its column.
    let class = raw.type_info().name().as_bytes().first().copied();
    let unreadable = Value::Unfit(reason::WRONG_TYPE, "the value cannot be read");
    match class {
        Some(b'I') => <i64 as Decode<Sqlite>>::decode(raw).map_or(unreadable, Value::Integer),
        Some(b'R') => <f64 as Decode<Sqlite>>::decode(raw).map_or(unreadable, Value::Real),
        Some(b'T') => <&[u8] as Decode<Sqlite>>::decode(raw).map_or(unreadable, Value::Text),
        Some(b'B') => <&[u8] as Decode<Sqlite>>::decode(raw).map_or(unreadable, Value::Bytes),
        _ => unreadable,
    }
}
