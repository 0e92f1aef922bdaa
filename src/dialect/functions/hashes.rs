//! Hashes, in the forms Redshift gives them: hexadecimal text, or a number. None is for secrets.
//!
//! Source: r_MD5, SHA1, SHA2, r_FNV_HASH, crc32-function.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::datatypes::{DataType, Decimal128Type, Int64Type};
use datafusion::common::{Result, exec_err};
use datafusion::functions::crypto;
use datafusion::logical_expr::ScalarUDF;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use super::strings::build;
use super::udf::{Args, Function, Kind, lax, udf};

pub fn all() -> Vec<Arc<ScalarUDF>> {
    let text = |name, params, run| {
        udf(Function {
            name,
            params,
            optional: 0,
            variadic: false,
            returns: |_| Ok(DataType::Utf8View),
            run,
        })
    };
    vec![
        lax("md5", &[Kind::Text], 0, crypto::md5()),
        text("sha1", &[Kind::Text], |args| digest(args, |t| Ok(hex(&Sha1::digest(t))))),
        text("sha2", &[Kind::Text, Kind::Int], sha2),
        text("crc32", &[Kind::Text], |args| digest(args, |t| Ok(format!("{:08x}", crc32c(t))))),
        udf(Function {
            name: "fnv_hash",
            params: &[Kind::Any, Kind::Int],
            optional: 1,
            variadic: false,
            returns: |_| Ok(DataType::Int64),
            run: fnv_hash,
        }),
    ]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn digest(args: &Args, f: impl Fn(&[u8]) -> Result<String>) -> Result<ArrayRef> {
    super::strings::map(args, |t| f(t.as_bytes()))
}

/// SHA2(text, bits): 0 means 256.
fn sha2(args: &Args) -> Result<ArrayRef> {
    let (texts, bits) = (args.text(0)?, args.primitive::<Int64Type>(1)?);
    build(args.rows, |i, out| {
        let (Some(text), Some(bits)) = (texts.get(i), bits.get(i)) else { return Ok(None) };
        out.push_str(&match bits {
            0 | 256 => hex(&Sha256::digest(text)),
            224 => hex(&Sha224::digest(text)),
            384 => hex(&Sha384::digest(text)),
            512 => hex(&Sha512::digest(text)),
            // an empty text for any other number (SHA2)
            _ => String::new(),
        });
        Ok(Some(()))
    })
}

/// By the Castagnoli polynomial, reflected (crc32-function).
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 }
        })
    })
}

/// 64-bit FNV-1a over the binary form of the value, from a seed or the standard offset.
fn fnv_hash(args: &Args) -> Result<ArrayRef> {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let seeds = if args.len() > 1 { Some(args.primitive::<Int64Type>(1)?) } else { None };
    let arg = args.arg(0)?;
    let array = &arg.array;
    let out: Int64Array = (0..args.rows)
        .map(|i| {
            let seed = match seeds.as_ref().map(|s| s.get(i)) {
                None => OFFSET,
                Some(Some(seed)) => u64::from_ne_bytes(seed.to_ne_bytes()),
                Some(None) => return Ok(None),
            };
            let at = arg.at(i);
            if array.is_null(at) {
                return Ok(None);
            }
            let mut state = seed;
            let mut feed = |bytes: &[u8]| {
                for byte in bytes {
                    state = (state ^ u64::from(*byte)).wrapping_mul(PRIME);
                }
            };
            match array.data_type() {
                DataType::Utf8 | DataType::Utf8View => {
                    feed(args.text(0)?.get(i).unwrap_or_default().as_bytes());
                }
                // up to 19 digits are kept in eight bytes (r_numeric_computations201)
                DataType::Decimal128(precision, _) => {
                    let bytes = array.as_primitive::<Decimal128Type>().value(at).to_le_bytes();
                    feed(if *precision <= 19 { &bytes[..8] } else { &bytes });
                }
                DataType::Boolean => feed(&[u8::from(array.as_boolean().value(at))]),
                _ => match array.to_data().buffers().first() {
                    Some(buffer) => {
                        let width = array.data_type().primitive_width().unwrap_or(0);
                        let start = (array.to_data().offset() + at) * width;
                        feed(buffer.as_slice().get(start..start + width).unwrap_or_default());
                    }
                    None => return exec_err!("fnv_hash does not take {}", array.data_type()),
                },
            }
            Ok(Some(i64::from_ne_bytes(state.to_ne_bytes())))
        })
        .collect::<Result<_>>()?;
    Ok(Arc::new(out))
}
