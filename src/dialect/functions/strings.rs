//! Text functions: DataFusion's where they mean the same, ours where they do not.
//!
//! Source: the pages of String_functions_header. Positions and lengths count characters.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, Int64Array, StringViewBuilder};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, exec_datafusion_err, exec_err, plan_err};
use datafusion::functions::{core, string, unicode};
use datafusion::logical_expr::ScalarUDF;

use super::udf::{Args, Function, Kind, lax, type_name, udf};
use super::varbytes;

const T: &[Kind] = &[Kind::Text];
const TT: &[Kind] = &[Kind::Text, Kind::Text];
const TTT: &[Kind] = &[Kind::Text, Kind::Text, Kind::Text];
const TI: &[Kind] = &[Kind::Text, Kind::Int];

pub fn all() -> Vec<Arc<ScalarUDF>> {
    vec![
        lax("upper", T, 0, string::upper()),
        lax("lower", T, 0, string::lower()),
        lax("btrim", TT, 1, string::btrim()),
        lax("ltrim", TT, 1, string::ltrim()),
        lax("rtrim", TT, 1, string::rtrim()),
        lax("strpos", TT, 0, unicode::strpos()),
        lax("reverse", T, 0, unicode::reverse()),
        lax("repeat", TI, 0, string::repeat()),
        lax("translate", TTT, 0, unicode::translate()),
        text("right", TI, 0, right),
        lax("ascii", T, 0, string::ascii()),
        lax("starts_with", TT, 0, string::starts_with()),
        core::nullif(),
        text("replace", TTT, 0, replace),
        text("lpad", &[Kind::Text, Kind::Int, Kind::Text], 1, |args| pad(args, true)),
        text("rpad", &[Kind::Text, Kind::Int, Kind::Text], 1, |args| pad(args, false)),
        text("split_part", &[Kind::Text, Kind::Text, Kind::Int], 0, split_part),
        text("initcap", T, 0, initcap),
        text("ascii_lower", T, 0, |args| map(args, |t| Ok(t.to_ascii_lowercase()))),
        text("chr", &[Kind::Int], 0, chr),
        text("to_text", T, 0, |args| {
            Ok(arrow::compute::cast(&args.arg(0)?.array, &DataType::Utf8View)?)
        }),
        text("quote_ident", T, 0, |args| map(args, |t| Ok(crate::sql::quote_identifier(t)))),
        text("quote_literal", T, 0, |args| map(args, |t| Ok(crate::sql::quote_literal(t)))),
        count("len", |args| of_bytes(args, varbytes::lengths, characters)),
        count("octet_length", |args| of_bytes(args, varbytes::lengths, octets)),
        udf(Function {
            name: "substring",
            params: &[Kind::TextOrBytes, Kind::Int, Kind::Int],
            optional: 1,
            variadic: false,
            returns: text_or_bytes,
            run: |args| of_bytes(args, varbytes::substring, substring),
        }),
        udf(Function {
            name: "concat",
            params: &[Kind::TextOrBytes, Kind::TextOrBytes],
            optional: 0,
            variadic: false,
            returns: concatenated,
            run: |args| of_bytes(args, varbytes::concat, concat),
        }),
        udf(Function {
            name: "strtol",
            params: &[Kind::Text, Kind::Int],
            optional: 0,
            variadic: false,
            returns: |_| Ok(DataType::Int64),
            run: strtol,
        }),
    ]
}

fn text(
    name: &'static str,
    params: &'static [Kind],
    optional: usize,
    run: fn(&Args) -> Result<ArrayRef>,
) -> Arc<ScalarUDF> {
    udf(Function {
        name,
        params,
        optional,
        variadic: false,
        returns: |_| Ok(DataType::Utf8View),
        run,
    })
}

fn count(name: &'static str, run: fn(&Args) -> Result<ArrayRef>) -> Arc<ScalarUDF> {
    let returns = |_: &[DataType]| Ok(DataType::Int32);
    let params = &[Kind::TextOrBytes];
    udf(Function { name, params, optional: 0, variadic: false, returns, run })
}

/// Runs what the first argument asks for, bytes or text.
fn of_bytes(
    args: &Args,
    bytes: fn(&Args) -> Result<ArrayRef>,
    text: fn(&Args) -> Result<ArrayRef>,
) -> Result<ArrayRef> {
    if args.arg(0)?.array.data_type().is_binary() { bytes(args) } else { text(args) }
}

fn text_or_bytes(types: &[DataType]) -> Result<DataType> {
    Ok(match types.first() {
        Some(ty) if ty.is_binary() => DataType::Binary,
        _ => DataType::Utf8View,
    })
}

/// VARBYTE is not converted implicitly (c_Supported_data_types).
fn concatenated(types: &[DataType]) -> Result<DataType> {
    match types {
        [a, b] if a.is_binary() != b.is_binary() => plan_err!(
            "function concat does not take {} and {} together; cast one of them",
            type_name(a),
            type_name(b)
        ),
        _ => text_or_bytes(types),
    }
}

/// Builds text row by row; `None` is NULL.
pub fn build(
    rows: usize,
    mut row: impl FnMut(usize, &mut String) -> Result<Option<()>>,
) -> Result<ArrayRef> {
    let mut out = StringViewBuilder::with_capacity(rows);
    let mut text = String::new();
    for i in 0..rows {
        text.clear();
        match row(i, &mut text)? {
            Some(()) => out.append_value(&text),
            None => out.append_null(),
        }
    }
    Ok(Arc::new(out.finish()))
}

/// One text to another.
pub fn map(args: &Args, f: impl Fn(&str) -> Result<String>) -> Result<ArrayRef> {
    let texts = args.text(0)?;
    build(args.rows, |i, out| {
        let Some(text) = texts.get(i) else { return Ok(None) };
        out.push_str(&f(text)?);
        Ok(Some(()))
    })
}

/// r_LEN: characters.
fn characters(args: &Args) -> Result<ArrayRef> {
    let array = &args.arg(0)?.array;
    let Some(views) = array.as_string_view_opt() else { return lengths(args, count_of) };
    let out = views.views().iter().enumerate().map(|(i, view)| match *view as u32 {
        // a short text stands in the view itself, zeros behind it
        length @ 0..=12 => length as i32 - (continuing(*view >> 32)).count_ones() as i32,
        _ => {
            if views.is_valid(i) {
                count_of(views.value(i))
            } else {
                0
            }
        }
    });
    Ok(Arc::new(Int32Array::new(out.collect(), views.nulls().cloned())))
}

/// The bytes of UTF-8 that go on with a character, each marked by its highest bit.
fn continuing(bytes: u128) -> u128 {
    const HIGHEST: u128 = u128::from_ne_bytes([0x80; 16]);
    bytes & HIGHEST & !(bytes << 1)
}

fn count_of(text: &str) -> i32 {
    let characters = text.bytes().filter(|b| (*b as i8) >= -0x40).count();
    i32::try_from(characters).unwrap_or(i32::MAX)
}

/// r_OCTET_LENGTH: bytes.
fn octets(args: &Args) -> Result<ArrayRef> {
    let array = &args.arg(0)?.array;
    let Some(views) = array.as_string_view_opt() else {
        return lengths(args, |t| i32::try_from(t.len()).unwrap_or(i32::MAX));
    };
    // a view begins with the length of its text
    let out = views.views().iter().map(|view| *view as u32 as i32);
    Ok(Arc::new(Int32Array::new(out.collect(), views.nulls().cloned())))
}

fn lengths(args: &Args, count: fn(&str) -> i32) -> Result<ArrayRef> {
    let texts = args.text(0)?;
    let out: Int32Array = (0..args.rows).map(|i| texts.get(i).map(count)).collect();
    Ok(Arc::new(out))
}

/// r_CONCAT: NULL if either is NULL.
fn concat(args: &Args) -> Result<ArrayRef> {
    let (a, b) = (args.text(0)?, args.text(1)?);
    build(args.rows, |i, out| {
        let (Some(a), Some(b)) = (a.get(i), b.get(i)) else { return Ok(None) };
        out.push_str(a);
        out.push_str(b);
        Ok(Some(()))
    })
}

/// r_REPLACE: nothing to look for replaces nothing.
fn replace(args: &Args) -> Result<ArrayRef> {
    let (texts, old, new) = (args.text(0)?, args.text(1)?, args.text(2)?);
    build(args.rows, |i, out| {
        let (Some(text), Some(old), Some(new)) = (texts.get(i), old.get(i), new.get(i)) else {
            return Ok(None);
        };
        if old.is_empty() {
            out.push_str(text);
        } else {
            let mut rest = text;
            while let Some((before, after)) = rest.split_once(old) {
                out.push_str(before);
                out.push_str(new);
                rest = after;
            }
            out.push_str(rest);
        }
        Ok(Some(()))
    })
}

/// r_LPAD: padded or cut to a number of characters.
fn pad(args: &Args, left: bool) -> Result<ArrayRef> {
    let (texts, lengths) = (args.text(0)?, args.primitive::<Int64Type>(1)?);
    let fills = if args.len() > 2 { Some(args.text(2)?) } else { None };
    build(args.rows, |i, out| {
        let fill = match &fills {
            Some(fills) => fills.get(i),
            None => Some(" "),
        };
        let (Some(text), Some(length), Some(fill)) = (texts.get(i), lengths.get(i), fill) else {
            return Ok(None);
        };
        let length = usize::try_from(length.max(0)).unwrap_or(0);
        if length > 16_000_000 {
            return exec_err!("requested length too large");
        }
        let has = text.chars().count();
        if has >= length {
            out.extend(text.chars().take(length));
            return Ok(Some(()));
        }
        if !left {
            out.push_str(text);
        }
        out.extend(fill.chars().cycle().take(length - has));
        if left {
            out.push_str(text);
        }
        Ok(Some(()))
    })
}

/// r_LEFT: so many of the last characters.
fn right(args: &Args) -> Result<ArrayRef> {
    let (texts, counts) = (args.text(0)?, args.primitive::<Int64Type>(1)?);
    build(args.rows, |i, out| {
        let (Some(text), Some(count)) = (texts.get(i), counts.get(i)) else { return Ok(None) };
        let count = usize::try_from(count)
            .map_err(|_| exec_datafusion_err!("negative substring length not allowed"))?;
        let first = text.char_indices().rev().take(count).last().map_or(text.len(), |(at, _)| at);
        out.push_str(text.get(first..).unwrap_or_default());
        Ok(Some(()))
    })
}

/// SPLIT_PART: parts count from 1; a part past the end is empty.
fn split_part(args: &Args) -> Result<ArrayRef> {
    let (texts, signs) = (args.text(0)?, args.text(1)?);
    let parts = args.primitive::<Int64Type>(2)?;
    build(args.rows, |i, out| {
        let (Some(text), Some(sign), Some(part)) = (texts.get(i), signs.get(i), parts.get(i))
        else {
            return Ok(None);
        };
        let index = usize::try_from(part - 1)
            .map_err(|_| exec_datafusion_err!("field position must be greater than zero"))?;
        let found = if sign.is_empty() {
            (index == 0).then_some(text)
        } else {
            text.split(sign).nth(index)
        };
        out.push_str(found.unwrap_or_default());
        Ok(Some(()))
    })
}

/// r_SUBSTRING: how many to pass over and how many to take; a start before 1 uses up length.
pub fn slice(args: &Args, i: usize) -> Result<Option<(usize, usize)>> {
    let Some(start) = args.primitive::<Int64Type>(1)?.get(i) else { return Ok(None) };
    let end = match args.len() > 2 {
        false => i64::MAX,
        true => match args.primitive::<Int64Type>(2)?.get(i) {
            None => return Ok(None),
            Some(count) if count < 0 => {
                return exec_err!("negative substring length not allowed");
            }
            Some(count) => start.saturating_add(count),
        },
    };
    let first = start.max(1);
    let skip = usize::try_from(first - 1).unwrap_or(usize::MAX);
    Ok(Some((skip, usize::try_from(end.saturating_sub(first).max(0)).unwrap_or(usize::MAX))))
}

fn substring(args: &Args) -> Result<ArrayRef> {
    let texts = args.text(0)?;
    build(args.rows, |i, out| {
        let (Some(text), Some((skip, take))) = (texts.get(i), slice(args, i)?) else {
            return Ok(None);
        };
        if text.is_ascii() {
            let from = skip.min(text.len());
            let to = from.saturating_add(take).min(text.len());
            out.push_str(text.get(from..to).unwrap_or_default());
        } else {
            out.extend(text.chars().skip(skip).take(take));
        }
        Ok(Some(()))
    })
}

/// r_INITCAP: a word begins after anything but a letter or a digit.
fn initcap(args: &Args) -> Result<ArrayRef> {
    map(args, |text| {
        let mut inside = false;
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            if inside {
                out.extend(c.to_lowercase());
            } else {
                out.extend(c.to_uppercase());
            }
            inside = c.is_alphanumeric();
        }
        Ok(out)
    })
}

/// NULL beyond ASCII (r_CHR).
fn chr(args: &Args) -> Result<ArrayRef> {
    let codes = args.primitive::<Int64Type>(0)?;
    build(args.rows, |i, out| {
        let Some(code) = codes.get(i) else { return Ok(None) };
        let Some(c) = u8::try_from(code).ok().filter(u8::is_ascii) else { return Ok(None) };
        out.push(char::from(c));
        Ok(Some(()))
    })
}

/// STRTOL(text, base).
fn strtol(args: &Args) -> Result<ArrayRef> {
    let (texts, bases) = (args.text(0)?, args.primitive::<Int64Type>(1)?);
    let out: Int64Array = (0..args.rows)
        .map(|i| match (texts.get(i), bases.get(i)) {
            (Some(text), Some(base)) => {
                let base = u32::try_from(base)
                    .ok()
                    .filter(|b| (2..=36).contains(b))
                    .ok_or_else(|| exec_datafusion_err!("base must be from 2 to 36"))?;
                let digits = text.trim();
                // nothing, or a NUL first, is zero (r_STRTOL)
                if digits.is_empty() || digits.starts_with('\0') {
                    return Ok(Some(0));
                }
                let digits = match base {
                    16 => digits.trim_start_matches("0x").trim_start_matches("0X"),
                    _ => digits,
                };
                i64::from_str_radix(digits, base).map(Some).map_err(|_| {
                    exec_datafusion_err!(
                        "the input {text} is not valid to be converted to base {base}"
                    )
                })
            }
            _ => Ok(None),
        })
        .collect::<Result<_>>()?;
    Ok(Arc::new(out))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Short texts are counted where they stand in a view, long ones in their buffer.
        #[test]
        fn characters_are_counted_as_std_does(text in "\\PC{0,14}") {
            prop_assert_eq!(count_of(&text), text.chars().count() as i32);
            if text.len() <= 12 {
                let mut bytes = [0_u8; 16];
                bytes[..text.len()].copy_from_slice(text.as_bytes());
                let on = continuing(u128::from_le_bytes(bytes)).count_ones() as usize;
                prop_assert_eq!(text.len() - on, text.chars().count());
            }
        }
    }
}
