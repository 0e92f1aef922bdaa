//! Decoding: raw values of a driver to one word, and from that word into Arrow columns. Pure.
//!
//! Each driver's file reads bytes as its protocol sends them; `column` alone knows what a declared
//! type accepts. Nothing here asks a server, and no input makes it panic.

pub mod batch;
pub mod calendar;
pub mod column;
pub mod json;
pub mod mysql;
pub mod number;
pub mod postgres;
pub mod sqlite;

/// One value as a source sent it, before the declared type judges it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    Null,
    /// A date that is no date (`0000-00-00`, `infinity`): becomes NULL and is counted.
    Void(&'static str),
    Boolean(bool),
    Integer(i64),
    Unsigned(u64),
    Float(f32),
    Real(f64),
    /// A decimal number as text, as MySQL sends DECIMAL.
    Digits(&'a [u8]),
    /// `unscaled / 10^scale`.
    Decimal {
        unscaled: i128,
        scale: u32,
    },
    /// Text; its bytes are not yet known to be UTF-8.
    Text(&'a [u8]),
    Bytes(&'a [u8]),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since 1970-01-01 00:00:00 by a clock on the wall of the source.
    Local(i64),
    /// Microseconds since 1970-01-01 00:00:00 UTC.
    Instant(i64),
    /// Microseconds; MySQL's TIME may be negative and longer than a day.
    Time(i64),
    /// A value that cannot be read: the reason as a code and in words.
    Unfit(&'static str, &'static str),
}

/// Why one value cannot be landed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// A code for [`crate::rows::Reject::reason`].
    pub reason: &'static str,
    /// In words, without the column's name.
    pub detail: String,
}

/// The reasons a database row is put aside for.
pub mod reason {
    pub const NULL_KEY: &str = "row/null_key";
    pub const NULL: &str = "row/null";
    pub const TOO_LONG: &str = "row/varchar_too_long";
    pub const NOT_ASCII: &str = "row/char_not_ascii";
    pub const BYTES_TOO_LONG: &str = "row/varbyte_too_long";
    pub const OUT_OF_RANGE: &str = "row/out_of_range";
    pub const WRONG_TYPE: &str = "row/wrong_type";
    pub const NOT_UTF8: &str = "row/not_utf8";
    pub const BAD_DATE: &str = "row/bad_date";
    pub const SCALE: &str = "row/decimal_scale";
    pub const PRECISION: &str = "row/time_precision";
    pub const BAD_BOOLEAN: &str = "row/bad_boolean";
}
