//! A JSON object, or an array, to the values of a row. It reads no file.
//!
//! Source: copy-usage_notes-copy-from-json: JSON 'auto' loads keys that are column names, leaves
//! out the others, and gives NULL where a key is missing; JSONPaths say where each value stands. An
//! object or array that is a value is loaded as its text.

use std::borrow::Cow;

use serde_json::Value;

use super::paths::{self, Path};
use super::text::{Target, not_null};
use super::values::{Cell, Reason, Rules};
use crate::error::Result;

/// How the values of an object find their columns.
#[derive(Debug)]
pub enum Keys {
    /// Keys are the names of columns.
    Names { ignore_case: bool },
    /// One path for each column.
    Paths(Vec<Path>),
}

impl Keys {
    /// Those of a file of JSONPaths; its errors are those of [`paths::of_file`].
    pub fn of_paths(text: &[u8], columns: usize) -> Result<Keys> {
        let paths = paths::of_file(text, columns)?;
        Ok(paths.map_or(Keys::Names { ignore_case: false }, Keys::Paths))
    }

    fn value<'v>(&self, root: &'v Value, index: usize, name: &str) -> Option<&'v Value> {
        match self {
            Keys::Paths(paths) => paths.get(index)?.of(root),
            Keys::Names { ignore_case: false } => root.get(name),
            Keys::Names { ignore_case: true } => {
                let mut keys = root.as_object()?.iter();
                keys.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
            }
        }
    }
}

/// The values of one object or array.
pub fn cells(
    line: &[u8],
    keys: &Keys,
    columns: &[Target],
    rules: &Rules,
) -> std::result::Result<Vec<Cell<'static>>, (Option<usize>, Reason)> {
    let invalid = |text: String| (None, Reason { code: 1216, text });
    let root = match serde_json::from_slice(line) {
        Ok(root @ Value::Object(_)) => root,
        Ok(root @ Value::Array(_)) if matches!(keys, Keys::Paths(_)) => root,
        Ok(_) => return Err(invalid("this is no JSON object".to_owned())),
        Err(e) => return Err(invalid(format!("invalid JSON: {e}"))),
    };
    let mut cells = Vec::with_capacity(columns.len());
    for (index, column) in columns.iter().enumerate() {
        let text = match keys.value(&root, index, &column.name) {
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
