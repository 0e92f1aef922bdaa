//! JSON in text: paths and elements, as slices of the text as written. It builds no tree.
//!
//! Source: JSON_EXTRACT_PATH_TEXT, JSON_EXTRACT_ARRAY_ELEMENT_TEXT, JSON_ARRAY_LENGTH, IS_VALID_JSON.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int32Array};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::logical_expr::ScalarUDF;

use super::strings::build;
use super::udf::{Args, Function, Kind, udf};

pub fn all() -> Vec<Arc<ScalarUDF>> {
    let function = |name, params, variadic, returns, run| {
        udf(Function { name, params, optional: 0, variadic, returns, run })
    };
    let text: fn(&[DataType]) -> Result<DataType> = |_| Ok(DataType::Utf8View);
    let boolean: fn(&[DataType]) -> Result<DataType> = |_| Ok(DataType::Boolean);
    vec![
        function("json_extract_path_text", &[Kind::Text, Kind::TextOrFlag], true, text, path_text),
        udf(Function {
            name: "json_extract_array_element_text",
            params: &[Kind::Text, Kind::Int, Kind::Boolean],
            optional: 1,
            variadic: false,
            returns: text,
            run: element_text,
        }),
        udf(Function {
            name: "json_array_length",
            params: &[Kind::Text, Kind::Boolean],
            optional: 1,
            variadic: false,
            returns: |_| Ok(DataType::Int32),
            run: array_length,
        }),
        // an object alone (IS_VALID_JSON: `[1,2,3]` is none)
        function("is_valid_json", &[Kind::Text], false, boolean, |args| {
            valid(args, |t| t.trim_start().starts_with('{'))
        }),
        function("can_json_parse", &[Kind::Text], false, boolean, |args| valid(args, |_| true)),
        function("is_valid_json_array", &[Kind::Text], false, boolean, |args| {
            valid(args, |t| t.trim_start().starts_with('['))
        }),
    ]
}

/// Deepest nesting that is read.
const DEPTH: usize = 128;

fn blanks(text: &str, at: usize) -> usize {
    let rest = text.as_bytes().get(at..).unwrap_or_default();
    at + rest.iter().take_while(|b| b" \t\r\n".contains(b)).count()
}

/// The end of the string that begins at `at`.
fn string_end(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    if bytes.get(at) != Some(&b'"') {
        return None;
    }
    let mut i = at + 1;
    loop {
        match bytes.get(i)? {
            b'"' => return Some(i + 1),
            b'\\' => i = escape_end(bytes, i)?,
            0..=0x1f => return None,
            _ => i += 1,
        }
    }
}

/// The end of the escape whose backslash stands at `at`.
fn escape_end(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at + 1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(at + 2),
        b'u' => {
            let digits = bytes.get(at + 2..at + 6)?;
            digits.iter().all(u8::is_ascii_hexdigit).then_some(at + 6)
        }
        _ => None,
    }
}

/// `-?(0|[1-9]digits)(.digits)?([eE][+-]?digits)?`
fn is_number(word: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (number, exponent) = match word.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, Some(exponent)),
        None => (word, None),
    };
    let number = number.strip_prefix('-').unwrap_or(number);
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (number, None),
    };
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|e| digits(e.strip_prefix(['+', '-']).unwrap_or(e)))
}

/// The end of the value that begins at `at`; calls `each` with (key, start, end) of its members.
fn value_end(
    text: &str,
    at: usize,
    depth: usize,
    each: &mut dyn FnMut(Option<&str>, usize, usize),
) -> Option<usize> {
    let at = blanks(text, at);
    let bytes = text.as_bytes();
    match bytes.get(at)? {
        b'"' => string_end(text, at),
        open @ (b'{' | b'[') if depth < DEPTH => {
            let (object, close) = (*open == b'{', if *open == b'{' { b'}' } else { b']' });
            let mut i = blanks(text, at + 1);
            if bytes.get(i) == Some(&close) {
                return Some(i + 1);
            }
            loop {
                let mut key = None;
                if object {
                    i = blanks(text, i);
                    let end = string_end(text, i)?;
                    key = text.get(i..end);
                    i = blanks(text, end);
                    if bytes.get(i) != Some(&b':') {
                        return None;
                    }
                    i += 1;
                }
                let start = blanks(text, i);
                let end = value_end(text, start, depth + 1, &mut |_, _, _| {})?;
                each(key, start, end);
                i = blanks(text, end);
                match bytes.get(i)? {
                    b',' => i += 1,
                    b if *b == close => return Some(i + 1),
                    _ => return None,
                }
            }
        }
        _ => {
            let rest = text.get(at..)?;
            let end = rest
                .find(|c: char| !c.is_ascii_alphanumeric() && !"+-.".contains(c))
                .unwrap_or(rest.len());
            let word = rest.get(..end)?;
            let known = matches!(word, "true" | "false" | "null") || is_number(word);
            known.then_some(at + end)
        }
    }
}

fn is_valid(text: &str) -> bool {
    value_end(text, 0, 0, &mut |_, _, _| {}).is_some_and(|end| blanks(text, end) == text.len())
}

/// A member of an object by key, or of an array by position.
fn member(text: &str, key: &str) -> Option<(usize, usize)> {
    let mut index = 0;
    let mut found = None;
    value_end(text, 0, 0, &mut |name, start, end| {
        let hit = match name {
            Some(name) => unquoted(name) == key,
            None => key.parse() == Ok(index),
        };
        if hit && found.is_none() {
            found = Some((start, end));
        }
        index += 1;
    })?;
    found
}

/// A value as text: a string without its quotes and escapes, anything else as written.
fn unquoted(value: &str) -> String {
    if value.starts_with('"') {
        return serde_json::from_str(value).unwrap_or_else(|_| value.to_owned());
    }
    value.to_owned()
}

fn invalid(text: &str) -> datafusion::common::DataFusionError {
    let shown: String = text.chars().take(60).collect();
    exec_datafusion_err!("JSON parsing error: invalid JSON object {shown}")
}

/// True if a flag that may be left out is set.
fn flagged(args: &Args, n: usize) -> Result<bool> {
    if args.len() <= n {
        return Ok(false);
    }
    let flags = args.arg(n)?.array.as_boolean_opt();
    Ok(flags.is_some_and(|f| !f.is_empty() && f.is_valid(0) && f.value(0)))
}

/// A key that is not there gives NULL; text that is not JSON is an error, unless the last argument is true.
fn path_text(args: &Args) -> Result<ArrayRef> {
    let texts = args.text(0)?;
    let last = args.len().saturating_sub(1);
    let flag = matches!(args.arg(last)?.array.data_type(), DataType::Boolean);
    let null_if_invalid = flag && flagged(args, last)?;
    let keys = (1..if flag { last } else { last + 1 })
        .map(|n| args.text(n))
        .collect::<Result<Vec<_>>>()?;
    build(args.rows, |i, out| {
        let Some(text) = texts.get(i) else { return Ok(None) };
        if !is_valid(text) {
            return if null_if_invalid { Ok(None) } else { Err(invalid(text)) };
        }
        let mut value = text.trim();
        for key in &keys {
            let Some(key) = key.get(i) else { return Ok(None) };
            match member(value, key) {
                Some((start, end)) => value = value.get(start..end).unwrap_or_default(),
                None => return Ok(None),
            }
        }
        if value == "null" {
            return Ok(None);
        }
        out.push_str(&unquoted(value));
        Ok(Some(()))
    })
}

/// Elements count from 0; one past the end is NULL.
fn element_text(args: &Args) -> Result<ArrayRef> {
    let (texts, indexes) = (args.text(0)?, args.primitive::<Int64Type>(1)?);
    let null_if_invalid = flagged(args, 2)?;
    build(args.rows, |i, out| {
        let (Some(text), Some(index)) = (texts.get(i), indexes.get(i)) else { return Ok(None) };
        if !is_valid(text) || !text.trim_start().starts_with('[') {
            return if null_if_invalid { Ok(None) } else { Err(invalid(text)) };
        }
        match member(text.trim(), &index.to_string()) {
            Some((start, end)) if text.trim().get(start..end) != Some("null") => {
                out.push_str(&unquoted(text.trim().get(start..end).unwrap_or_default()));
                Ok(Some(()))
            }
            _ => Ok(None),
        }
    })
}

fn array_length(args: &Args) -> Result<ArrayRef> {
    let texts = args.text(0)?;
    let null_if_invalid = flagged(args, 1)?;
    let out: Int32Array = (0..args.rows)
        .map(|i| {
            let Some(text) = texts.get(i) else { return Ok(None) };
            if !is_valid(text) || !text.trim_start().starts_with('[') {
                return if null_if_invalid { Ok(None) } else { Err(invalid(text)) };
            }
            let mut count = 0;
            value_end(text, 0, 0, &mut |_, _, _| count += 1);
            Ok(Some(count))
        })
        .collect::<Result<_>>()?;
    Ok(Arc::new(out))
}

fn valid(args: &Args, also: fn(&str) -> bool) -> Result<ArrayRef> {
    let texts = args.text(0)?;
    let out: BooleanArray =
        (0..args.rows).map(|i| texts.get(i).map(|t| is_valid(t) && also(t))).collect();
    Ok(Arc::new(out))
}
