//! The keys of one table as hashes, and the range of each of its columns. It reads no file.
//!
//! Rows whose hash is not here have no key that is here; the other way round is left to the join.

use std::hash::{BuildHasher, Hash};

use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, GenericStringArray, OffsetSizeTrait, StringViewArray,
};
use arrow::datatypes::{DataType, Int32Type};
use datafusion::common::ScalarValue;
use datafusion::common::hash_utils::{RandomState, create_hashes};
use datafusion::error::Result;
use datafusion::functions_aggregate::min_max::{MaxAccumulator, MinAccumulator};
use datafusion::logical_expr::Accumulator;
use hashbrown::HashTable;

use crate::dialect::is_text;

/// True for types whose equality is that of their hashes. Floats have two zeros and many NaNs.
pub fn is_hashable(ty: &DataType) -> bool {
    is_text(ty)
        || matches!(
            ty,
            DataType::Boolean
                | DataType::Int16
                | DataType::Int32
                | DataType::Int64
                | DataType::Date32
                | DataType::Timestamp(..)
                | DataType::Decimal128(..)
        )
}

/// A set of hashes.
#[derive(Default)]
pub struct Hashes(HashTable<u64>);

impl Hashes {
    /// What `rows` of them take of memory, room to grow included.
    pub fn bytes(rows: u64) -> usize {
        let slots = (rows.saturating_mul(8) / 7 + 1).next_power_of_two();
        usize::try_from(slots.saturating_mul(9)).unwrap_or(usize::MAX)
    }

    pub fn with_capacity(rows: usize) -> Hashes {
        Hashes(HashTable::with_capacity(rows))
    }

    pub fn insert(&mut self, hash: u64) {
        self.0.entry(hash, |known| *known == hash, |known| *known).or_insert(hash);
    }

    pub fn contains(&self, hash: u64) -> bool {
        self.0.find(hash, |known| *known == hash).is_some()
    }
}

/// The hash of each row over some columns, into `hashes`; false where one of them is NULL.
pub fn hash_rows(columns: &[ArrayRef], hashes: &mut Vec<u64>) -> Result<Vec<bool>> {
    let rows = columns.first().map_or(0, |c| c.len());
    let mut known = vec![true; rows];
    hashes.clear();
    hashes.resize(rows, 0);
    let mut one = vec![0; rows];
    for column in columns {
        hash_column(column, &mut one)?;
        for (all, new) in hashes.iter_mut().zip(&one) {
            let mixed = (all.rotate_left(23) ^ new).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            *all = mixed ^ (mixed >> 32);
        }
        if let Some(nulls) = column.logical_nulls().filter(|n| n.null_count() > 0) {
            for (known, valid) in known.iter_mut().zip(nulls.iter()) {
                *known &= valid;
            }
        }
    }
    Ok(known)
}

/// Text is hashed without trailing blanks, which comparisons ignore on Redshift.
fn hash_column(column: &ArrayRef, hashes: &mut [u64]) -> Result<()> {
    let state = RandomState::default();
    match column.data_type() {
        DataType::Utf8View => {
            let text: &StringViewArray = column.as_string_view();
            for (hash, value) in hashes.iter_mut().zip(text) {
                *hash = hash_text(&state, value.unwrap_or_default());
            }
        }
        DataType::Utf8 => hash_strings(&state, column.as_string::<i32>(), hashes),
        DataType::LargeUtf8 => hash_strings(&state, column.as_string::<i64>(), hashes),
        DataType::Dictionary(..) => {
            let coded: &DictionaryArray<Int32Type> = column.as_dictionary();
            let mut of_values = vec![0; coded.values().len()];
            hash_column(coded.values(), &mut of_values)?;
            for (hash, code) in hashes.iter_mut().zip(coded.keys().values()) {
                let code = usize::try_from(*code).unwrap_or_default();
                *hash = of_values.get(code).copied().unwrap_or_default();
            }
        }
        _ => {
            create_hashes([column], &state, hashes)?;
        }
    }
    Ok(())
}

fn hash_strings<O: OffsetSizeTrait>(
    state: &RandomState,
    text: &GenericStringArray<O>,
    hashes: &mut [u64],
) {
    for (hash, value) in hashes.iter_mut().zip(text) {
        *hash = hash_text(state, value.unwrap_or_default());
    }
}

fn hash_text(state: &RandomState, value: &str) -> u64 {
    let mut hasher = state.build_hasher();
    value.trim_end_matches(' ').as_bytes().hash(&mut hasher);
    std::hash::Hasher::finish(&hasher)
}

/// The least and the greatest value of a column so far.
pub struct Range {
    least: MinAccumulator,
    greatest: MaxAccumulator,
}

impl Range {
    pub fn new(ty: &DataType) -> Result<Range> {
        Ok(Range { least: MinAccumulator::try_new(ty)?, greatest: MaxAccumulator::try_new(ty)? })
    }

    pub fn add(&mut self, values: &ArrayRef) -> Result<()> {
        self.least.update_batch(std::slice::from_ref(values))?;
        self.greatest.update_batch(std::slice::from_ref(values))
    }

    /// Both ends; NULL where every value was.
    pub fn ends(&mut self) -> Result<(ScalarValue, ScalarValue)> {
        Ok((self.least.evaluate()?, self.greatest.evaluate()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Int64Array, StringArray};
    use std::sync::Arc;

    fn hashes(columns: &[ArrayRef]) -> (Vec<u64>, Vec<bool>) {
        let mut hashes = Vec::new();
        let known = hash_rows(columns, &mut hashes).expect("hashes");
        (hashes, known)
    }

    #[test]
    fn the_same_text_has_one_hash_however_it_is_stored() {
        let values = ["", "a", "a  ", "longer than a view's own bytes", "ä"];
        let plain: ArrayRef = Arc::new(StringArray::from(values.to_vec()));
        let view: ArrayRef = Arc::new(StringViewArray::from(values.to_vec()));
        let coded: DictionaryArray<Int32Type> = values.iter().copied().collect();
        let (expected, _) = hashes(&[plain]);
        assert_eq!(expected[1], expected[2], "trailing blanks do not count");
        assert_eq!(hashes(&[view]).0, expected);
        assert_eq!(hashes(&[Arc::new(coded)]).0, expected);
        let distinct: std::collections::HashSet<u64> = expected.into_iter().collect();
        assert_eq!(distinct.len(), 4);
    }

    #[test]
    fn the_order_of_columns_counts_and_null_is_no_key() {
        let a: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), Some(2), None]));
        let b: ArrayRef = Arc::new(Int64Array::from(vec![Some(2), Some(1), Some(1)]));
        let (ab, known) = hashes(&[Arc::clone(&a), Arc::clone(&b)]);
        let (ba, _) = hashes(&[b, a]);
        assert_ne!(ab[0], ba[0]);
        assert_eq!(ab[0], ba[1]);
        assert_eq!(known, [true, true, false]);
        let mut set = Hashes::with_capacity(1);
        for hash in &ab {
            set.insert(*hash);
        }
        assert!(ab.iter().all(|h| set.contains(*h)) && !set.contains(7));
    }
}
