//! Values as the pages hold them: PLAIN encoded, with their least and greatest. Pure.

use parquet::basic::Type;
use parquet::data_type::{BoolType, Int32Type, Int64Type};
use parquet::file::statistics::Statistics;

use super::bounds;

/// Values in their order, each there.
#[derive(Debug, Clone, Copy)]
pub enum Values<'a> {
    /// `count` texts in UTF-8, each behind its length in four little-endian bytes.
    Texts {
        bytes: &'a [u8],
        count: usize,
    },
    Int32(&'a [i32]),
    Int64(&'a [i64]),
    /// Never in a dictionary.
    Bools(&'a [bool]),
}

impl<'a> Values<'a> {
    pub fn count(&self) -> usize {
        match self {
            Values::Texts { count, .. } => *count,
            Values::Int32(values) => values.len(),
            Values::Int64(values) => values.len(),
            Values::Bools(values) => values.len(),
        }
    }

    pub(super) fn physical_type(&self) -> Type {
        match self {
            Values::Texts { .. } => Type::BYTE_ARRAY,
            Values::Int32(_) => Type::INT32,
            Values::Int64(_) => Type::INT64,
            Values::Bools(_) => Type::BOOLEAN,
        }
    }

    pub(super) fn statistics(self, nulls: u64) -> Statistics {
        match self {
            Values::Texts { bytes, count } => bounds::of_texts(Texts(bytes).take(count), nulls),
            Values::Int32(values) => bounds::of_numbers::<Int32Type>(values, nulls),
            Values::Int64(values) => bounds::of_numbers::<Int64Type>(values, nulls),
            Values::Bools(values) => bounds::of_numbers::<BoolType>(values, nulls),
        }
    }

    /// Appends the first `count` values in PLAIN encoding; returns the others.
    pub(super) fn put(self, count: usize, page: &mut Vec<u8>) -> Values<'a> {
        match self {
            Values::Texts { bytes, count: all } => {
                let mut texts = Texts(bytes);
                if count < all {
                    texts.by_ref().take(count).for_each(drop);
                } else {
                    texts.0 = &[];
                }
                page.extend_from_slice(bytes.get(..bytes.len() - texts.0.len()).unwrap_or(bytes));
                Values::Texts { bytes: texts.0, count: all - count }
            }
            Values::Int32(values) => {
                let (now, later) = values.split_at(count);
                put_numbers(now, i32::to_le_bytes, page);
                Values::Int32(later)
            }
            Values::Int64(values) => {
                let (now, later) = values.split_at(count);
                put_numbers(now, i64::to_le_bytes, page);
                Values::Int64(later)
            }
            Values::Bools(values) => {
                let (now, later) = values.split_at(count);
                // eight to a byte, the first in the lowest bit
                let byte =
                    |bits: &[bool]| bits.iter().rev().fold(0, |b, bit| b << 1 | u8::from(*bit));
                page.extend(now.chunks(8).map(byte));
                Values::Bools(later)
            }
        }
    }
}

fn put_numbers<T: Copy, const BYTES: usize>(
    values: &[T],
    bytes: impl Fn(T) -> [u8; BYTES],
    page: &mut Vec<u8>,
) {
    let start = page.len();
    page.resize(start + values.len() * BYTES, 0);
    let (slots, _) = page.get_mut(start..).unwrap_or_default().as_chunks_mut::<BYTES>();
    for (slot, value) in slots.iter_mut().zip(values) {
        *slot = bytes(*value);
    }
}

/// Texts behind their lengths.
struct Texts<'a>(&'a [u8]);

impl<'a> Iterator for Texts<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk()?;
        let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        self.0 = rest;
        Some(text)
    }
}
