//! Rows of an answer as text: for people in columns, for programs as CSV, JSON or Markdown.
//!
//! It asks nothing and sorts nothing. A number is written with every digit it has; NULL is an
//! empty field in CSV, `null` in JSON and `NULL` in a table.

use std::io::{self, Write};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Date32Type, Float32Type, Float64Type, SchemaRef, Time64MicrosecondType, TimeUnit,
    TimestampMicrosecondType,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::clean::{clean, clean_line};
use super::human;
use super::table::{Align, Table};
use crate::dialect::functions::{write_date, write_time, write_timestamp, write_timestamptz};

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// Aligned columns
    Table,
    Csv,
    /// One JSON array of objects
    Json,
    /// One JSON object a line
    Ndjson,
    /// A Markdown table
    Md,
}

/// What a table for people may look like.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Look {
    /// Columns of the terminal, to wrap at.
    pub(super) width: Option<u16>,
    /// Whether numbers get thousands separators.
    pub(super) grouped: bool,
    /// Whether the lines may be drawn with more than ASCII.
    pub(super) utf8: bool,
    /// Whether the output goes to a terminal, which obeys controls in the values.
    pub(super) terminal: bool,
}

/// Writes all rows.
pub(super) fn write_rows(
    out: &mut dyn Write,
    schema: &SchemaRef,
    batches: &[RecordBatch],
    format: Format,
    look: Look,
) -> io::Result<()> {
    match format {
        Format::Table => write_table(out, schema, batches, look),
        Format::Csv => write_csv(out, schema, batches, look),
        Format::Json => write_json(out, schema, batches, true),
        Format::Ndjson => write_json(out, schema, batches, false),
        Format::Md => write_markdown(out, schema, batches),
    }
}

/// Calls `each` with the formatters of every batch and the number of its rows.
fn for_batches(
    batches: &[RecordBatch],
    mut each: impl FnMut(&RecordBatch, &[ArrayFormatter<'_>]) -> io::Result<()>,
) -> io::Result<()> {
    let options = FormatOptions::new().with_null("");
    for batch in batches {
        let formatters = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
            .collect::<Result<Vec<_>, _>>()
            .map_err(io::Error::other)?;
        each(batch, &formatters)?;
    }
    Ok(())
}

/// The text of one value as Redshift prints it; `None` for NULL.
fn text(
    batch: &RecordBatch,
    formatters: &[ArrayFormatter<'_>],
    column: usize,
    row: usize,
) -> Option<String> {
    let values = batch.column(column).as_ref();
    if is_null(values, row) {
        return None;
    }
    Some(match values.data_type() {
        DataType::Float32 => {
            number(format!("{:e}", values.as_primitive::<Float32Type>().value(row)))
        }
        DataType::Float64 => {
            number(format!("{:e}", values.as_primitive::<Float64Type>().value(row)))
        }
        DataType::Date32 => printed(write_date, values.as_primitive::<Date32Type>().value(row)),
        DataType::Time64(TimeUnit::Microsecond) => {
            printed(write_time, values.as_primitive::<Time64MicrosecondType>().value(row))
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let write = if zone.is_some() { write_timestamptz } else { write_timestamp };
            printed(write, values.as_primitive::<TimestampMicrosecondType>().value(row))
        }
        DataType::Interval(_) => seconds(formatters.get(column)?.value(row).to_string()),
        _ => formatters.get(column)?.value(row).to_string(),
    })
}

fn printed<T>(write: fn(&mut String, T), value: T) -> String {
    let mut text = String::new();
    write(&mut text, value);
    text
}

/// A float from its shortest digits and exponent: plain from 1e-4 to below 1e15, without a fraction
/// that is zero.
fn number(scientific: String) -> String {
    let Some((digits, exponent)) = scientific.split_once('e') else {
        return scientific.replace("inf", "Infinity");
    };
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |d| ("-", d));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-4..15).contains(&exponent) {
        let direction = if exponent < 0 { '-' } else { '+' };
        return format!("{sign}{digits}e{direction}{:02}", exponent.abs());
    }
    let digits = digits.replace('.', "");
    match usize::try_from(exponent) {
        Err(_) => {
            let zeros = "0".repeat(exponent.unsigned_abs() as usize - 1);
            format!("{sign}0.{zeros}{digits}")
        }
        Ok(places) if places + 1 >= digits.len() => format!("{sign}{digits:0<0$}", places + 1),
        Ok(places) => {
            let (whole, fraction) = digits.split_at(places + 1);
            format!("{sign}{whole}.{fraction}")
        }
    }
}

/// An interval without the zeros at the end of its seconds.
fn seconds(interval: String) -> String {
    match interval.strip_suffix(" secs") {
        Some(rest) if rest.contains('.') => {
            format!("{} secs", rest.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => interval,
    }
}

/// NULL also where a dictionary's key points to a NULL value.
fn is_null(column: &dyn Array, row: usize) -> bool {
    match column.data_type() {
        DataType::Dictionary(_, _) | DataType::Null => {
            column.logical_nulls().is_some_and(|nulls| nulls.is_null(row))
        }
        _ => column.is_null(row),
    }
}

fn write_table(
    out: &mut dyn Write,
    schema: &SchemaRef,
    batches: &[RecordBatch],
    look: Look,
) -> io::Result<()> {
    let columns = schema.fields().iter().map(|field| {
        let align = if field.data_type().is_numeric() { Align::Right } else { Align::Left };
        (clean_line(field.name()).into_owned(), align)
    });
    let mut table = Table::new(columns, look.width, look.utf8);
    for_batches(batches, |batch, formatters| {
        for row in 0..batch.num_rows() {
            table.row((0..batch.num_columns()).map(|column| {
                match text(batch, formatters, column, row) {
                    None => "NULL".to_string(),
                    Some(value) if batch.column(column).data_type().is_numeric() => {
                        if look.grouped { human::group(&value) } else { value }
                    }
                    Some(value) => clean_line(&value).into_owned(),
                }
            }));
        }
        Ok(())
    })?;
    writeln!(out, "{table}")
}

fn write_csv(
    out: &mut dyn Write,
    schema: &SchemaRef,
    batches: &[RecordBatch],
    look: Look,
) -> io::Result<()> {
    let safe = |value: String| match look.terminal {
        true => clean(&value).into_owned(),
        false => value,
    };
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(schema.fields().iter().map(|f| safe(f.name().clone()))).map_err(csv_error)?;
    for_batches(batches, |batch, formatters| {
        for row in 0..batch.num_rows() {
            let values = (0..batch.num_columns())
                .map(|column| safe(text(batch, formatters, column, row).unwrap_or_default()));
            csv.write_record(values).map_err(csv_error)?;
        }
        Ok(())
    })?;
    csv.flush()
}

fn csv_error(cause: csv::Error) -> io::Error {
    match cause.into_kind() {
        csv::ErrorKind::Io(cause) => cause,
        other => io::Error::other(format!("{other:?}")),
    }
}

fn write_json(
    out: &mut dyn Write,
    schema: &SchemaRef,
    batches: &[RecordBatch],
    array: bool,
) -> io::Result<()> {
    let names = schema
        .fields()
        .iter()
        .map(|f| serde_json::to_string(f.name()))
        .collect::<Result<Vec<_>, _>>()?;
    let mut first = true;
    if array {
        write!(out, "[")?;
    }
    for_batches(batches, |batch, formatters| {
        for row in 0..batch.num_rows() {
            match (array, std::mem::take(&mut first)) {
                (true, true) => writeln!(out)?,
                (true, false) => writeln!(out, ",")?,
                (false, _) => {}
            }
            write!(out, "{{")?;
            for (column, name) in names.iter().enumerate().take(batch.num_columns()) {
                let comma = if column > 0 { "," } else { "" };
                let value = text(batch, formatters, column, row);
                let value = json_value(batch.column(column).data_type(), value)?;
                write!(out, "{comma}{name}:{value}")?;
            }
            write!(out, "}}")?;
            if !array {
                writeln!(out)?;
            }
        }
        Ok(())
    })?;
    if array {
        writeln!(out, "{}]", if first { "" } else { "\n" })?;
    }
    Ok(())
}

/// A value as JSON. Whole and decimal numbers keep every digit; a float that JSON cannot write,
/// such as NaN, becomes a string.
fn json_value(data_type: &DataType, value: Option<String>) -> io::Result<String> {
    let Some(value) = value else {
        return Ok("null".to_string());
    };
    let plain = match data_type {
        DataType::Boolean => true,
        DataType::Float16 | DataType::Float32 | DataType::Float64 => {
            serde_json::from_str::<serde_json::Number>(&value).is_ok()
        }
        other => other.is_numeric(),
    };
    if plain { Ok(value) } else { Ok(serde_json::to_string(&value)?) }
}

fn write_markdown(
    out: &mut dyn Write,
    schema: &SchemaRef,
    batches: &[RecordBatch],
) -> io::Result<()> {
    let cell = |value: &str| {
        let value = clean_line(value);
        value.replace('\\', "\\\\").replace('|', "\\|").replace('<', "&lt;")
    };
    let names: Vec<String> = schema.fields().iter().map(|f| cell(f.name())).collect();
    writeln!(out, "| {} |", names.join(" | "))?;
    let rules: Vec<&str> = schema
        .fields()
        .iter()
        .map(|f| if f.data_type().is_numeric() { "---:" } else { "---" })
        .collect();
    writeln!(out, "| {} |", rules.join(" | "))?;
    for_batches(batches, |batch, formatters| {
        for row in 0..batch.num_rows() {
            let values: Vec<String> = (0..batch.num_columns())
                .map(|column| cell(&text(batch, formatters, column, row).unwrap_or_default()))
                .collect();
            writeln!(out, "| {} |", values.join(" | "))?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        ArrayRef, BooleanArray, Decimal128Array, Float64Array, Int64Array, StringArray,
        TimestampMicrosecondArray,
    };
    use arrow::datatypes::{Field, Schema};

    use super::*;

    fn sample() -> (SchemaRef, Vec<RecordBatch>) {
        let amount = Decimal128Array::from(vec![Some(123_456_750), None])
            .with_precision_and_scale(12, 2)
            .expect("decimal");
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("id", Arc::new(Int64Array::from(vec![9_007_199_254_740_993, 1]))),
            ("name", Arc::new(StringArray::from(vec![Some("a|b, \"c\"\u{1b}[2J"), None]))),
            ("amount", Arc::new(amount)),
            ("ratio", Arc::new(Float64Array::from(vec![0.5, f64::NAN]))),
            ("ok", Arc::new(BooleanArray::from(vec![true, false]))),
            ("at", Arc::new(TimestampMicrosecondArray::from(vec![0, 1_500_000]))),
        ];
        let fields: Vec<Field> =
            columns.iter().map(|(n, c)| Field::new(*n, c.data_type().clone(), true)).collect();
        let schema = Arc::new(Schema::new(fields));
        let batch = RecordBatch::try_new(
            Arc::clone(&schema),
            columns.into_iter().map(|(_, c)| c).collect(),
        )
        .expect("batch");
        (schema, vec![batch])
    }

    fn written(format: Format, look: Look) -> String {
        let (schema, batches) = sample();
        let mut out = Vec::new();
        write_rows(&mut out, &schema, &batches, format, look).expect("write");
        String::from_utf8(out).expect("utf-8")
    }

    #[test]
    fn json_keeps_every_digit_and_reads_back() {
        let text = written(Format::Json, Look::default());
        let rows: Vec<serde_json::Value> = serde_json::from_str(&text).expect("json");
        assert_eq!(rows[0]["id"], 9_007_199_254_740_993_i64);
        assert!(text.contains("\"amount\":1234567.50"), "{text}");
        assert_eq!(rows[0]["name"], "a|b, \"c\"\u{1b}[2J");
        assert_eq!(
            (&rows[1]["amount"], &rows[1]["ratio"]),
            (&serde_json::Value::Null, &"NaN".into())
        );
        assert_eq!(rows[1]["at"], "1970-01-01 00:00:01.5");
        let lines = written(Format::Ndjson, Look::default());
        assert_eq!(lines.lines().count(), 2);
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(lines.lines().next().expect("line"))
                .expect("json"),
            rows[0]
        );
    }

    #[test]
    fn floats_and_intervals_are_written_as_redshift_prints_them() {
        for (value, want) in [
            (2.0, "2"),
            (0.0, "0"),
            (-0.5, "-0.5"),
            (0.00012, "0.00012"),
            (0.000012, "1.2e-05"),
            (123_456.75, "123456.75"),
            (100_000.0, "100000"),
            (1e15, "1e+15"),
            (1.0 / 3.0, "0.3333333333333333"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(number(format!("{value:e}")), want);
        }
        assert_eq!(number(format!("{:e}", 0.1_f32)), "0.1");
        for (written, want) in [
            ("1.123000000 secs", "1.123 secs"),
            ("2 days 5.000000000 secs", "2 days 5 secs"),
            ("10 days", "10 days"),
        ] {
            assert_eq!(seconds(written.to_owned()), want);
        }
    }

    #[test]
    fn no_rows_are_an_empty_array_and_a_header() {
        let (schema, _) = sample();
        for (format, want) in [
            (Format::Json, "[]\n"),
            (Format::Ndjson, ""),
            (Format::Csv, "id,name,amount,ratio,ok,at\n"),
        ] {
            let mut out = Vec::new();
            write_rows(&mut out, &schema, &[], format, Look::default()).expect("write");
            assert_eq!(String::from_utf8(out).expect("utf-8"), want);
        }
    }

    #[test]
    fn csv_is_raw_for_programs_and_safe_for_terminals() {
        let text = written(Format::Csv, Look::default());
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().expect("csv");
        assert_eq!(
            rows[0].iter().collect::<Vec<_>>()[..3],
            ["9007199254740993", "a|b, \"c\"\u{1b}[2J", "1234567.50"]
        );
        assert_eq!(rows[1].iter().nth(2), Some(""));
        assert!(
            !written(Format::Csv, Look { terminal: true, ..Look::default() }).contains('\u{1b}')
        );
    }

    #[test]
    fn tables_are_safe_and_group_only_when_asked() {
        let plain = written(Format::Table, Look::default());
        assert!(plain.contains("1234567.50") && plain.contains("NULL"), "{plain}");
        assert!(!plain.contains('\u{1b}'), "{plain}");
        let grouped = written(Format::Table, Look { grouped: true, ..Look::default() });
        assert!(grouped.contains("1,234,567.50"), "{grouped}");
        let markdown = written(Format::Md, Look::default());
        assert!(markdown.contains("a\\|b"), "{markdown}");
        assert!(markdown.lines().nth(1).expect("rule").contains("---:"), "{markdown}");
    }
}
