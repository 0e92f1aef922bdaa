//! Rows to lines of text, as UNLOAD writes them: delimited, CSV, fixed widths, JSON. It opens no file.
//!
//! Source: r_UNLOAD (DELIMITER, ADDQUOTES, NULL AS, ESCAPE, FIXEDWIDTH, HEADER).

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Date32Type, Float32Type, Float64Type, SchemaRef, Time64MicrosecondType, TimeUnit,
    TimestampMicrosecondType,
};
use arrow::util::display::array_value_to_string;
use serde_json::Value;

use crate::dialect::functions::{
    write_date, write_float, write_time, write_timestamp, write_timestamptz,
};
use crate::dialect::{Unload, UnloadFormat};
use crate::error::{Error, Result};

use crate::warehouse::local::engine::engine_error;

/// Lines gathered so far.
pub struct Lines {
    format: UnloadFormat,
    null: Vec<u8>,
    names: Vec<String>,
    /// By column, under FIXEDWIDTH.
    widths: Vec<usize>,
    kinds: Vec<Kind>,
    out: Vec<u8>,
}

/// What decides how a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Other,
}

impl Kind {
    fn of(data_type: &DataType) -> Kind {
        match data_type {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Kind::Text,
            other if other.is_numeric() => Kind::Number,
            _ => Kind::Other,
        }
    }
}

impl Lines {
    pub fn new(unload: &Unload, schema: &SchemaRef) -> Result<Lines> {
        let names: Vec<String> = schema.fields().iter().map(|f| f.name().clone()).collect();
        let widths: Vec<usize> = match &unload.format {
            UnloadFormat::Fixed(widths) => widths.iter().map(|(_, width)| *width).collect(),
            _ => Vec::new(),
        };
        if matches!(unload.format, UnloadFormat::Fixed(_)) && widths.len() != names.len() {
            return Err(Error::failed(
                "sql/columns",
                format!("{} widths for {} columns", widths.len(), names.len()),
            ));
        }
        let mut lines = Lines {
            format: unload.format.clone(),
            null: unload.null_as.clone().into_bytes(),
            names,
            widths,
            kinds: schema.fields().iter().map(|f| Kind::of(f.data_type())).collect(),
            out: Vec::new(),
        };
        if unload.header && !matches!(unload.format, UnloadFormat::Json | UnloadFormat::Fixed(_)) {
            let names: Vec<Option<String>> = lines.names.iter().cloned().map(Some).collect();
            lines.line(&names, true);
        }
        Ok(lines)
    }

    pub fn bytes(&self) -> usize {
        self.out.len()
    }

    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    pub fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        for row in 0..batch.num_rows() {
            let values =
                batch.columns().iter().map(|c| value(c, row)).collect::<Result<Vec<_>>>()?;
            match self.format {
                UnloadFormat::Json => self.object(&values),
                UnloadFormat::Fixed(_) => self.fixed(&values)?,
                _ => self.line(&values, false),
            }
        }
        Ok(())
    }

    /// In a header every name is a text.
    fn line(&mut self, values: &[Option<String>], header: bool) {
        let (delimiter, quotes, escape, csv) = match &self.format {
            UnloadFormat::Csv { delimiter } => (delimiter.clone(), false, false, true),
            UnloadFormat::Text { delimiter, quotes, escape } => {
                (delimiter.clone(), *quotes, *escape, false)
            }
            _ => return,
        };
        for (index, value) in values.iter().enumerate() {
            let escape = escape && (header || self.kinds.get(index) == Some(&Kind::Text));
            if index > 0 {
                self.out.extend_from_slice(&delimiter);
            }
            let Some(value) = value else {
                self.out.extend_from_slice(&self.null);
                continue;
            };
            let needs = value.bytes().any(|b| b == b'"' || b == b'\n' || b == b'\r')
                || contains(value.as_bytes(), &delimiter);
            let quoted = quotes || (csv && needs);
            if quoted {
                self.out.push(b'"');
            }
            for byte in value.bytes() {
                match byte {
                    b'"' if quoted && csv => self.out.extend_from_slice(b"\"\""),
                    b'\\' | b'\n' | b'\r' if escape => {
                        self.out.extend_from_slice(&[b'\\', byte]);
                    }
                    // quotation marks only under both ESCAPE and ADDQUOTES
                    b'"' | b'\'' if escape && quotes => {
                        self.out.extend_from_slice(&[b'\\', byte]);
                    }
                    byte if escape && delimiter.first() == Some(&byte) => {
                        self.out.extend_from_slice(&[b'\\', byte]);
                    }
                    byte => self.out.push(byte),
                }
            }
            if quoted {
                self.out.push(b'"');
            }
        }
        self.out.push(b'\n');
    }

    fn fixed(&mut self, values: &[Option<String>]) -> Result<()> {
        let null = String::from_utf8_lossy(&self.null).into_owned();
        let columns = values.iter().zip(&self.widths).zip(self.names.iter().zip(&self.kinds));
        for ((value, width), (name, kind)) in columns {
            let value = match value {
                // a null string that is too wide is left out, but for texts
                None if *kind != Kind::Text && null.chars().count() > *width => "",
                None => null.as_str(),
                Some(value) => value.as_str(),
            };
            let length = value.chars().count();
            if length > *width {
                return Err(Error::failed(
                    "sql/too-long",
                    format!("column {name}: {length} characters for a width of {width}"),
                )
                .hint("give the column a larger width, or cut the value in the query"));
            }
            self.out.extend_from_slice(value.as_bytes());
            self.out.resize(self.out.len() + width - length, b' ');
        }
        self.out.push(b'\n');
        Ok(())
    }

    /// Keys in the order of the columns; a boolean is the text `t` or `f`, a number keeps its scale.
    fn object(&mut self, values: &[Option<String>]) {
        let string = |text: &str| Value::String(text.to_owned()).to_string();
        for (index, (name, value)) in self.names.iter().zip(values).enumerate() {
            self.out.push(if index == 0 { b'{' } else { b',' });
            self.out.extend_from_slice(string(name).as_bytes());
            self.out.push(b':');
            let number = self.kinds.get(index) == Some(&Kind::Number);
            match value {
                None => self.out.extend_from_slice(b"null"),
                Some(text)
                    if number && serde_json::from_str::<serde_json::Number>(text).is_ok() =>
                {
                    self.out.extend_from_slice(text.as_bytes());
                }
                Some(text) => self.out.extend_from_slice(string(text).as_bytes()),
            }
        }
        self.out.extend_from_slice(b"}\n");
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    !part.is_empty() && text.windows(part.len()).any(|window| window == part)
}

/// A value as Redshift writes it into text; `None` for NULL.
pub fn value(column: &dyn Array, row: usize) -> Result<Option<String>> {
    if column.is_null(row) || column.data_type() == &DataType::Null {
        return Ok(None);
    }
    let mut text = String::new();
    match column.data_type() {
        DataType::Utf8View => text.push_str(column.as_string_view().value(row)),
        DataType::Utf8 => text.push_str(column.as_string::<i32>().value(row)),
        DataType::Boolean => text.push(if column.as_boolean().value(row) { 't' } else { 'f' }),
        DataType::Float64 => {
            write_float(&mut text, column.as_primitive::<Float64Type>().value(row))
        }
        DataType::Float32 => {
            let value = column.as_primitive::<Float32Type>().value(row);
            text = value.to_string();
        }
        DataType::Date32 => write_date(&mut text, column.as_primitive::<Date32Type>().value(row)),
        DataType::Time64(TimeUnit::Microsecond) => {
            write_time(&mut text, column.as_primitive::<Time64MicrosecondType>().value(row));
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let write = if zone.is_some() { write_timestamptz } else { write_timestamp };
            write(&mut text, column.as_primitive::<TimestampMicrosecondType>().value(row));
        }
        _ => text = array_value_to_string(column, row).map_err(|e| engine_error(e.into()))?,
    }
    Ok(Some(text))
}
