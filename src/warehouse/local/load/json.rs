//! A JSON object to the values of a row: keys are the names of columns. It reads no file.
//!
//! Source: copy-usage_notes-copy-from-json: JSON 'auto' loads keys that are column names, leaves
//! out the others, and gives NULL where a key is missing.

use std::borrow::Cow;

use serde_json::Value;

use super::text::{Target, not_null};
use super::values::{Cell, Reason, Rules};

/// The values of one object.
pub fn cells(
    line: &[u8],
    ignore_case: bool,
    columns: &[Target],
    rules: &Rules,
) -> std::result::Result<Vec<Cell<'static>>, (Option<usize>, Reason)> {
    let invalid = |text: String| (None, Reason { code: 1216, text });
    let object = match serde_json::from_slice(line) {
        Ok(Value::Object(object)) => object,
        Ok(_) => return Err(invalid("this is no JSON object".to_owned())),
        Err(e) => return Err(invalid(format!("invalid JSON: {e}"))),
    };
    let mut cells = Vec::with_capacity(columns.len());
    for (index, column) in columns.iter().enumerate() {
        let value = object.iter().find(|(key, _)| {
            if ignore_case { key.eq_ignore_ascii_case(&column.name) } else { **key == column.name }
        });
        let text = match value.map(|(_, value)| value) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(Cow::Borrowed(text.as_str())),
            Some(other) => Some(Cow::Owned(other.to_string())),
        };
        let cell = match text {
            None => Cell::Null,
            Some(text) => {
                owned(rules.cell(text.as_bytes(), true, column.ty).map_err(|r| (Some(index), r))?)
            }
        };
        cells.push(not_null(index, column, cell)?);
    }
    Ok(cells)
}

fn owned(cell: Cell<'_>) -> Cell<'static> {
    match cell {
        Cell::Null => Cell::Null,
        Cell::Boolean(v) => Cell::Boolean(v),
        Cell::Int(v) => Cell::Int(v),
        Cell::Float(v) => Cell::Float(v),
        Cell::Decimal(v) => Cell::Decimal(v),
        Cell::Text(text) => Cell::Text(Cow::Owned(text.into_owned())),
        Cell::Bytes(v) => Cell::Bytes(v),
    }
}
