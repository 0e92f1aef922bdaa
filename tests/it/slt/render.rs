//! Values as text, the same for every engine: as psql shows them, `NULL` and `(empty)` aside.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use landfall::warehouse::Answer;
use sqllogictest::ColumnType;

pub const NULL: &str = "NULL";
const EMPTY: &str = "(empty)";

/// The class of a column's type: `query IT` expects an integer and a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell {
    /// `I`: SMALLINT, INTEGER, BIGINT.
    Integer,
    /// `N`: DECIMAL.
    Decimal,
    /// `R`: REAL, DOUBLE PRECISION.
    Float,
    /// `T`: CHAR, VARCHAR.
    Text,
    /// `B`: BOOLEAN.
    Boolean,
    /// `D`: DATE.
    Date,
    /// `S`: TIMESTAMP, with or without a time zone.
    Timestamp,
    /// `?`: not looked at, and every other type.
    Any,
}

impl ColumnType for Cell {
    fn from_char(value: char) -> Option<Cell> {
        Some(match value {
            'I' => Cell::Integer,
            'N' => Cell::Decimal,
            'R' => Cell::Float,
            'T' => Cell::Text,
            'B' => Cell::Boolean,
            'D' => Cell::Date,
            'S' => Cell::Timestamp,
            '?' => Cell::Any,
            _ => return None,
        })
    }

    fn to_char(&self) -> char {
        match self {
            Cell::Integer => 'I',
            Cell::Decimal => 'N',
            Cell::Float => 'R',
            Cell::Text => 'T',
            Cell::Boolean => 'B',
            Cell::Date => 'D',
            Cell::Timestamp => 'S',
            Cell::Any => '?',
        }
    }
}

/// Whether the columns of an answer are of the classes a record names. No row, no class.
#[expect(clippy::ptr_arg, reason = "the signature sqllogictest asks for")]
pub fn columns_agree(actual: &Vec<Cell>, expected: &Vec<Cell>) -> bool {
    actual.is_empty()
        || (actual.len() == expected.len()
            && actual.iter().zip(expected).all(|(a, e)| *e == Cell::Any || a == e))
}

/// The class of a PostgreSQL type, by its name.
pub fn postgres_type(name: &str) -> Cell {
    match name {
        "INT2" | "INT4" | "INT8" => Cell::Integer,
        "NUMERIC" => Cell::Decimal,
        "FLOAT4" | "FLOAT8" => Cell::Float,
        "TEXT" | "VARCHAR" | "CHAR" | "BPCHAR" | "NAME" | "unknown" => Cell::Text,
        "BOOL" => Cell::Boolean,
        "DATE" => Cell::Date,
        "TIMESTAMP" | "TIMESTAMPTZ" => Cell::Timestamp,
        _ => Cell::Any,
    }
}

pub fn types(answer: &Answer) -> Vec<Cell> {
    answer.schema.fields().iter().map(|f| arrow_type(f.data_type())).collect()
}

fn arrow_type(ty: &DataType) -> Cell {
    match ty {
        DataType::Dictionary(_, value) => arrow_type(value),
        DataType::Decimal128(..) | DataType::Decimal256(..) => Cell::Decimal,
        DataType::Float32 | DataType::Float64 => Cell::Float,
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => Cell::Text,
        DataType::Boolean => Cell::Boolean,
        DataType::Date32 => Cell::Date,
        DataType::Timestamp(..) => Cell::Timestamp,
        ty if ty.is_integer() => Cell::Integer,
        _ => Cell::Any,
    }
}

pub fn rows(answer: &Answer) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for batch in &answer.batches {
        for row in 0..batch.num_rows() {
            rows.push(batch.columns().iter().map(|c| cell(c, row)).collect());
        }
    }
    rows
}

fn cell(column: &dyn Array, row: usize) -> String {
    if column.is_null(row) || column.data_type() == &DataType::Null {
        return NULL.to_owned();
    }
    match column.data_type() {
        DataType::Boolean => if column.as_boolean().value(row) { "t" } else { "f" }.to_owned(),
        DataType::Float64 => float(column.as_primitive::<Float64Type>().value(row)),
        DataType::Float32 => {
            let value = column.as_primitive::<Float32Type>().value(row);
            // the shortest digits of a REAL, not those of the DOUBLE it widens to
            value.to_string().parse().map_or_else(|_| value.to_string(), float)
        }
        _ => {
            let options = FormatOptions::default()
                .with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.f"))
                .with_timestamp_tz_format(Some("%Y-%m-%d %H:%M:%S%.f+00"));
            let formatter = ArrayFormatter::try_new(column, &options).expect("a formatter");
            let text = formatter.value(row).to_string();
            match column.data_type() {
                DataType::Timestamp(_, None) if text.contains('.') => {
                    text.trim_end_matches('0').to_owned()
                }
                _ => self::text(&text),
            }
        }
    }
}

/// A text, so that one without characters can be seen.
pub fn text(value: &str) -> String {
    if value.is_empty() { EMPTY.to_owned() } else { value.to_owned() }
}

/// As PostgreSQL writes a float: shortest digits, an exponent for very large and small ones.
fn float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let exponent = if value == 0.0 { 0.0 } else { value.abs().log10().floor() };
    if (-4.0..15.0).contains(&exponent) {
        return value.to_string();
    }
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((digits, exponent)) => {
            let (sign, figures) = match exponent.strip_prefix('-') {
                Some(figures) => ('-', figures),
                None => ('+', exponent),
            };
            format!("{digits}e{sign}{figures:0>2}")
        }
        None => text,
    }
}
