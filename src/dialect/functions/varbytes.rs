//! VARBYTE: to and from text and whole numbers. It prints nothing: bytes are shown as hexadecimal elsewhere.
//!
//! Source: r_VARBYTE_type, r_TO_VARBYTE, r_FROM_VARBYTE, r_FROM_HEX, r_TO_HEX, r_GETBIT.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, BinaryBuilder, Int32Array, Int64Array};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, exec_datafusion_err, exec_err};
use datafusion::logical_expr::ScalarUDF;

use super::strings::{build, slice};
use super::udf::{Args, Function, Kind, udf};

pub fn all() -> Vec<Arc<ScalarUDF>> {
    let function = |name, params, returns, run| {
        udf(Function { name, params, optional: 0, variadic: false, returns, run })
    };
    const TEXT: fn(&[DataType]) -> Result<DataType> = |_| Ok(DataType::Utf8View);
    const BYTES: fn(&[DataType]) -> Result<DataType> = |_| Ok(DataType::Binary);
    vec![
        function("to_varbyte", &[Kind::Text, Kind::Text], BYTES, to_varbyte),
        function("from_varbyte", &[Kind::Any, Kind::Text], TEXT, from_varbyte),
        function("from_hex", &[Kind::Text], BYTES, from_hex),
        function("to_hex", &[Kind::Any], TEXT, to_hex),
        function("getbit", &[Kind::Any, Kind::Int], |_| Ok(DataType::Int32), getbit),
        function("int_to_varbyte", &[Kind::Any], BYTES, int_to_varbyte),
        function("varbyte_to_bigint", &[Kind::Any], |_| Ok(DataType::Int64), varbyte_to_bigint),
        function("char_to_varbyte", &[Kind::Text, Kind::Int], BYTES, char_to_varbyte),
        function("varbyte_and", &[Kind::Any, Kind::Any], BYTES, |args| bitwise(args, |a, b| a & b)),
        function("varbyte_or", &[Kind::Any, Kind::Any], BYTES, |args| bitwise(args, |a, b| a | b)),
        function("varbyte_xor", &[Kind::Any, Kind::Any], BYTES, |args| bitwise(args, |a, b| a ^ b)),
        udf(Function {
            name: "bitwise_not",
            params: &[Kind::Any],
            optional: 0,
            variadic: false,
            returns: |types| {
                types.first().cloned().map_or_else(|| exec_err!("~ needs a value"), Ok)
            },
            run: not,
        }),
    ]
}

/// Two values of VARBYTE, row by row, in one.
fn joined(args: &Args, join: impl Fn(&[u8], &[u8]) -> Result<Vec<u8>>) -> Result<ArrayRef> {
    let (left, right) = (bytes(args, 0)?, bytes(args, 1)?);
    let (l, r) = (args.arg(0)?, args.arg(1)?);
    let mut out = BinaryBuilder::new();
    for i in 0..args.rows {
        let (a, b) = (l.at(i), r.at(i));
        if left.is_null(a) || right.is_null(b) {
            out.append_null();
        } else {
            out.append_value(join(left.value(a), right.value(b))?);
        }
    }
    Ok(Arc::new(out.finish()))
}

/// CONCAT and `||` (r_CONCAT, r_VARBYTE_OPERATORS).
pub fn concat(args: &Args) -> Result<ArrayRef> {
    joined(args, |a, b| Ok([a, b].concat()))
}

/// `&`, `|`, `#`; of values of different lengths the manual does not tell.
fn bitwise(args: &Args, op: fn(u8, u8) -> u8) -> Result<ArrayRef> {
    joined(args, |a, b| match a.len() == b.len() {
        true => Ok(a.iter().zip(b).map(|(a, b)| op(*a, *b)).collect()),
        false => exec_err!(
            "an operation on the bits of VARBYTE values of {} and {} bytes is not supported locally",
            a.len(),
            b.len()
        ),
    })
}

/// `~`: every bit of a whole number or of VARBYTE turned.
fn not(args: &Args) -> Result<ArrayRef> {
    let array = &args.arg(0)?.array;
    if array.data_type().is_binary() {
        let values = bytes(args, 0)?;
        let mut out = BinaryBuilder::new();
        for value in &values {
            match value {
                None => out.append_null(),
                Some(value) => out.append_value(value.iter().map(|b| !b).collect::<Vec<u8>>()),
            }
        }
        return Ok(Arc::new(out.finish()));
    }
    if !array.data_type().is_integer() {
        return exec_err!("operator does not exist: ~ {}", super::type_name(array.data_type()));
    }
    let values = arrow::compute::cast(array, &DataType::Int64)?;
    let turned: Int64Array = values.as_primitive::<Int64Type>().unary(|v| !v);
    Ok(arrow::compute::cast(&turned, array.data_type())?)
}

/// LEN and OCTET_LENGTH: bytes.
pub fn lengths(args: &Args) -> Result<ArrayRef> {
    let values = bytes(args, 0)?;
    let out: Int32Array =
        values.iter().map(|v| v.map(|v| i32::try_from(v.len()).unwrap_or(i32::MAX))).collect();
    Ok(Arc::new(out))
}

/// SUBSTRING: bytes, counted from 1.
pub fn substring(args: &Args) -> Result<ArrayRef> {
    let (arg, values) = (args.arg(0)?, bytes(args, 0)?);
    let mut out = BinaryBuilder::new();
    for i in 0..args.rows {
        let at = arg.at(i);
        match slice(args, i)?.filter(|_| values.is_valid(at)) {
            None => out.append_null(),
            Some((skip, take)) => {
                let value = values.value(at);
                let from = skip.min(value.len());
                let to = from.saturating_add(take).min(value.len());
                out.append_value(value.get(from..to).unwrap_or_default());
            }
        }
    }
    Ok(Arc::new(out.finish()))
}

/// A CHAR has the blanks of its declared length (r_VARBYTE_type).
fn char_to_varbyte(args: &Args) -> Result<ArrayRef> {
    let (texts, lengths) = (args.text(0)?, args.primitive::<Int64Type>(1)?);
    let mut out = BinaryBuilder::new();
    for i in 0..args.rows {
        match texts.get(i).zip(lengths.get(i)) {
            None => out.append_null(),
            Some((text, length)) => {
                let mut bytes = text.as_bytes().to_vec();
                let length = usize::try_from(length).unwrap_or(0);
                bytes.resize(length.max(bytes.len()), b' ');
                out.append_value(bytes);
            }
        }
    }
    Ok(Arc::new(out.finish()))
}

#[derive(Clone, Copy)]
enum Form {
    Hex,
    Binary,
    Utf8,
}

fn form(name: &str) -> Result<Form> {
    Ok(match name.to_ascii_lowercase().as_str() {
        "hex" => Form::Hex,
        "binary" => Form::Binary,
        "utf8" | "utf-8" => Form::Utf8,
        _ => return exec_err!("`{name}` is not a form of bytes: use hex, binary or utf8"),
    })
}

/// Digits of a base of 2 to the power of `bits`, zeros before them where they fill no byte.
fn digits(text: &str, bits: usize) -> Result<Vec<u8>> {
    let width = 8 / bits;
    let missing = text.len().next_multiple_of(width) - text.len();
    let text = format!("{}{text}", "0".repeat(missing));
    text.as_bytes()
        .chunks(width)
        .map(|byte| {
            std::str::from_utf8(byte)
                .ok()
                .filter(|b| b.bytes().all(|c| c.is_ascii_hexdigit()))
                .and_then(|b| u8::from_str_radix(b, 1 << bits).ok())
                .ok_or_else(|| exec_datafusion_err!("\"{text}\" has a digit that is none"))
        })
        .collect()
}

fn to_varbyte(args: &Args) -> Result<ArrayRef> {
    let (texts, forms) = (args.text(0)?, args.text(1)?);
    let mut out = BinaryBuilder::new();
    for i in 0..args.rows {
        match texts.get(i).zip(forms.get(i)) {
            None => out.append_null(),
            Some((text, name)) => match form(name)? {
                Form::Hex => out.append_value(digits(text, 4)?),
                Form::Binary => out.append_value(digits(text, 1)?),
                Form::Utf8 => out.append_value(text),
            },
        }
    }
    Ok(Arc::new(out.finish()))
}

/// An odd number of digits is no whole byte; only TO_VARBYTE says what it does with one.
fn from_hex(args: &Args) -> Result<ArrayRef> {
    let texts = args.text(0)?;
    let mut out = BinaryBuilder::new();
    for i in 0..args.rows {
        match texts.get(i) {
            None => out.append_null(),
            Some(text) if text.len() % 2 == 1 => {
                return exec_err!("\"{text}\" has an odd number of hexadecimal digits");
            }
            Some(text) => out.append_value(digits(text, 4)?),
        }
    }
    Ok(Arc::new(out.finish()))
}

/// The bytes of an argument; of a text its UTF-8.
fn bytes(args: &Args, n: usize) -> Result<BinaryArray> {
    let array = &args.arg(n)?.array;
    match array.data_type() {
        DataType::Binary | DataType::BinaryView | DataType::LargeBinary => {}
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 | DataType::Null => {}
        other => return exec_err!("{} is not VARBYTE", super::type_name(other)),
    }
    let array = arrow::compute::cast(array, &DataType::Binary)?;
    Ok(array.as_binary::<i32>().clone())
}

fn each(
    args: &Args,
    write: impl Fn(&[u8], usize, &mut String) -> Result<bool>,
) -> Result<ArrayRef> {
    let (arg, bytes) = (args.arg(0)?, bytes(args, 0)?);
    build(args.rows, |i, out| {
        let at = arg.at(i);
        if bytes.is_null(at) {
            return Ok(None);
        }
        Ok(write(bytes.value(at), i, out)?.then_some(()))
    })
}

fn write_hex(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
}

fn from_varbyte(args: &Args) -> Result<ArrayRef> {
    let forms = args.text(1)?;
    each(args, |bytes, i, out| {
        let Some(name) = forms.get(i) else { return Ok(false) };
        match form(name)? {
            Form::Hex => write_hex(out, bytes),
            Form::Binary => {
                for byte in bytes {
                    let _ = write!(out, "{byte:08b}");
                }
            }
            Form::Utf8 => out.push_str(
                std::str::from_utf8(bytes).map_err(|_| exec_datafusion_err!("invalid UTF-8"))?,
            ),
        }
        Ok(true)
    })
}

/// A number of four bytes has eight digits at most.
fn to_hex(args: &Args) -> Result<ArrayRef> {
    let arg = args.arg(0)?;
    let short = matches!(arg.array.data_type(), DataType::Int16 | DataType::Int32);
    if arg.array.data_type().is_integer() {
        let values = arrow::compute::cast(&arg.array, &DataType::Int64)?;
        let values: &Int64Array = values.as_primitive::<Int64Type>();
        return build(args.rows, |i, out| {
            let at = arg.at(i);
            if values.is_null(at) {
                return Ok(None);
            }
            let value = values.value(at);
            let _ =
                if short { write!(out, "{:x}", value as i32) } else { write!(out, "{value:x}") };
            Ok(Some(()))
        });
    }
    if !matches!(arg.array.data_type(), DataType::Binary | DataType::BinaryView) {
        return exec_err!("to_hex takes a whole number or VARBYTE");
    }
    each(args, |bytes, _, out| {
        write_hex(out, bytes);
        Ok(true)
    })
}

/// Bits count from the right, from 0.
fn getbit(args: &Args) -> Result<ArrayRef> {
    let (arg, bytes, places) = (args.arg(0)?, bytes(args, 0)?, args.primitive::<Int64Type>(1)?);
    let out: Int32Array = (0..args.rows)
        .map(|i| {
            let (at, Some(place)) = (arg.at(i), places.get(i)) else { return Ok(None) };
            if bytes.is_null(at) {
                return Ok(None);
            }
            let byte = usize::try_from(place / 8).ok().filter(|_| place >= 0);
            match byte.and_then(|b| bytes.value(at).iter().rev().nth(b)) {
                Some(byte) => Ok(Some(i32::from(byte >> (place % 8) & 1))),
                None => exec_err!("index {place} is out of the range of the bits"),
            }
        })
        .collect::<Result<_>>()?;
    Ok(Arc::new(out))
}

/// As many bytes as the type has, the highest first.
fn int_to_varbyte(args: &Args) -> Result<ArrayRef> {
    let array = &args.arg(0)?.array;
    let width = array.data_type().primitive_width().unwrap_or(8);
    let values = arrow::compute::cast(array, &DataType::Int64)?;
    let mut out = BinaryBuilder::new();
    for value in values.as_primitive::<Int64Type>() {
        match value.map(i64::to_be_bytes) {
            None => out.append_null(),
            Some(bytes) => out.append_value(bytes.get(8 - width..).unwrap_or(&bytes)),
        }
    }
    Ok(Arc::new(out.finish()))
}

/// Bytes of a SMALLINT, INTEGER or BIGINT; other lengths are not explained.
fn varbyte_to_bigint(args: &Args) -> Result<ArrayRef> {
    let values = bytes(args, 0)?;
    let out: Int64Array = values
        .iter()
        .map(|bytes| match bytes {
            None => Ok(None),
            Some(&[a, b]) => Ok(Some(i64::from(i16::from_be_bytes([a, b])))),
            Some(&[a, b, c, d]) => Ok(Some(i64::from(i32::from_be_bytes([a, b, c, d])))),
            Some(bytes) => match <[u8; 8]>::try_from(bytes) {
                Ok(bytes) => Ok(Some(i64::from_be_bytes(bytes))),
                Err(_) => exec_err!(
                    "VARBYTE of {} bytes to a number is not supported locally",
                    bytes.len()
                ),
            },
        })
        .collect::<Result<_>>()?;
    Ok(Arc::new(out))
}
