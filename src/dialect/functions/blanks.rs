//! Texts without their trailing blanks, for comparing and grouping. It decides nothing about where.
//!
//! A batch without a trailing blank passes through as it is; finding out reads one byte per value.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ByteView, Int64Array, StringViewBuilder};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::logical_expr::ScalarUDF;

use super::udf::{Args, Function, Kind, udf};

/// The text that stands for all that differ from it in trailing blanks only.
pub const KEY: &str = "blank_key";
/// How many blanks a text ends with.
pub const COUNT: &str = "blank_count";
/// A text with that many blanks after it.
pub const PAD: &str = "blank_pad";

pub fn all() -> Vec<Arc<ScalarUDF>> {
    let function = |name, params, returns, run| {
        udf(Function { name, params, optional: 0, variadic: false, returns, run })
    };
    vec![
        function(KEY, &[Kind::Text], same, key),
        function(COUNT, &[Kind::Text], |_| Ok(DataType::Int64), count),
        function(PAD, &[Kind::Text, Kind::Int], same, pad),
    ]
}

fn same(types: &[DataType]) -> Result<DataType> {
    types.first().cloned().ok_or_else(|| exec_datafusion_err!("an argument is missing"))
}

/// True if some value of a text array ends with a blank; of any other array, never.
pub fn any_trailing_blank(array: &ArrayRef) -> bool {
    if let Some(views) = array.as_string_view_opt() {
        let buffers = views.data_buffers();
        return views.views().iter().any(|view| last_byte(*view, buffers) == b' ');
    }
    array.as_string_opt::<i32>().is_some_and(|texts| texts.iter().flatten().any(ends))
}

/// The last byte of a view's text; zero of an empty one.
fn last_byte(view: u128, buffers: &[Buffer]) -> u8 {
    // the length stands in the first four bytes, a text of up to twelve bytes in the rest
    let length = view as u32;
    if length == 0 {
        0
    } else if length <= 12 {
        (view >> (8 * (length + 3))) as u8
    } else {
        let view = ByteView::from(view);
        let last = (view.offset + view.length - 1) as usize;
        buffers.get(view.buffer_index as usize).and_then(|b| b.get(last)).copied().unwrap_or(0)
    }
}

fn ends(text: &str) -> bool {
    text.ends_with(' ')
}

fn cut(text: &str) -> &str {
    text.trim_end_matches(' ')
}

fn key(args: &Args) -> Result<ArrayRef> {
    let array = &args.arg(0)?.array;
    if !any_trailing_blank(array) {
        return Ok(Arc::clone(array));
    }
    if let Some(texts) = array.as_string_opt::<i32>() {
        let out: arrow::array::StringArray = texts.iter().map(|t| t.map(cut)).collect();
        return Ok(Arc::new(out));
    }
    let mut out = StringViewBuilder::with_capacity(array.len());
    for text in array.as_string_view() {
        out.append_option(text.map(cut));
    }
    Ok(Arc::new(out.finish()))
}

fn count(args: &Args) -> Result<ArrayRef> {
    let array = &args.arg(0)?.array;
    if !any_trailing_blank(array) {
        let zeros = vec![0_i64; array.len()];
        return Ok(Arc::new(Int64Array::new(zeros.into(), array.nulls().cloned())));
    }
    let texts = args.text(0)?;
    let out: Int64Array = (0..args.rows)
        .map(|i| texts.get(i).map(|t| if ends(t) { (t.len() - cut(t).len()) as i64 } else { 0 }))
        .collect();
    Ok(Arc::new(out))
}

fn pad(args: &Args) -> Result<ArrayRef> {
    let (texts, counts) = (args.text(0)?, args.primitive::<Int64Type>(1)?);
    let array = &args.arg(0)?.array;
    let none = counts.array.iter().flatten().all(|blanks| blanks == 0);
    if none && array.len() == args.rows {
        return Ok(Arc::clone(array));
    }
    let padded = (0..args.rows).map(|i| {
        let text = texts.get(i)?;
        let blanks = usize::try_from(counts.get(i).unwrap_or(0)).unwrap_or(0);
        Some(format!("{text}{}", " ".repeat(blanks)))
    });
    Ok(match args.returns {
        DataType::Utf8 => Arc::new(padded.collect::<arrow::array::StringArray>()),
        _ => Arc::new(padded.collect::<arrow::array::StringViewArray>()),
    })
}

#[cfg(test)]
mod tests {
    use arrow::array::StringViewArray;

    use super::*;

    #[test]
    fn a_trailing_blank_is_seen_in_short_and_long_texts() {
        let long = "a text longer than twelve bytes";
        let found = |texts: Vec<Option<&str>>| {
            any_trailing_blank(&(Arc::new(StringViewArray::from(texts)) as ArrayRef))
        };
        assert!(!found(vec![Some(""), Some("a b"), Some(" a"), Some(long), None]));
        for text in [" ", "a ", "twelve bytes ", "elevenbytes ", &format!("{long} ")] {
            assert!(found(vec![Some("a"), Some(long), Some(text)]), "{text:?}");
        }
    }
}
