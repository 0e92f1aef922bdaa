//! Rows to lines of text, as UNLOAD writes them: delimited, CSV, fixed widths, JSON. It opens no file.
//!
//! Source: r_UNLOAD (DELIMITER, ADDQUOTES, NULL AS, ESCAPE, FIXEDWIDTH, HEADER).

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Float32Type, Float64Type, SchemaRef, TimeUnit, TimestampMicrosecondType,
};
use arrow::util::display::array_value_to_string;
use serde_json::{Map, Value};

use crate::dialect::functions::{write_float, write_timestamp};
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
    out: Vec<u8>,
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
            out: Vec::new(),
        };
        if unload.header && !matches!(unload.format, UnloadFormat::Json | UnloadFormat::Fixed(_)) {
            let names: Vec<Option<String>> = lines.names.iter().cloned().map(Some).collect();
            lines.line(&names);
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
                UnloadFormat::Json => self.object(batch, &values),
                UnloadFormat::Fixed(_) => self.fixed(&values)?,
                _ => self.line(&values),
            }
        }
        Ok(())
    }

    fn line(&mut self, values: &[Option<String>]) {
        let (delimiter, quotes, escape, csv) = match &self.format {
            UnloadFormat::Csv { delimiter } => (delimiter.clone(), false, false, true),
            UnloadFormat::Text { delimiter, quotes, escape } => {
                (delimiter.clone(), *quotes, *escape, false)
            }
            _ => return,
        };
        for (index, value) in values.iter().enumerate() {
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
                    b'"' if quoted && !escape => self.out.extend_from_slice(b"\"\""),
                    b'\\' | b'\n' | b'\r' | b'"' | b'\'' if escape => {
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
        for ((value, width), name) in values.iter().zip(&self.widths).zip(&self.names) {
            let value = value.as_deref().unwrap_or_default();
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

    fn object(&mut self, batch: &RecordBatch, values: &[Option<String>]) {
        let mut object = Map::new();
        for ((name, value), column) in self.names.iter().zip(values).zip(batch.columns()) {
            let Some(value) = value else {
                object.insert(name.clone(), Value::Null);
                continue;
            };
            let bare = column.data_type().is_numeric() || column.data_type() == &DataType::Boolean;
            let parsed = match (column.data_type(), value.as_str()) {
                (DataType::Boolean, text) => Some(Value::Bool(text == "t")),
                (_, text) if bare => serde_json::from_str(text).ok(),
                _ => None,
            };
            object.insert(name.clone(), parsed.unwrap_or_else(|| Value::String(value.clone())));
        }
        self.out.extend_from_slice(Value::Object(object).to_string().as_bytes());
        self.out.push(b'\n');
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
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            write_timestamp(
                &mut text,
                column.as_primitive::<TimestampMicrosecondType>().value(row),
            );
            if zone.is_some() {
                text.push_str("+00");
            }
        }
        _ => text = array_value_to_string(column, row).map_err(|e| engine_error(e.into()))?,
    }
    Ok(Some(text))
}
