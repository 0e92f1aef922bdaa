//! The least and the greatest value of a column, for the footer. Pure.
//!
//! Texts are ordered by their unsigned bytes and cut to [`MOST`] bytes: the footer stays small
//! whatever an attacker logs. A cut minimum is smaller than the value, a cut maximum greater.

use parquet::data_type::{ByteArray, DataType};
use parquet::file::statistics::{Statistics, ValueStatistics};

/// Bytes of a text kept in the footer; arrow-rs keeps as many.
const MOST: usize = 64;

/// What the footer says of texts.
pub(super) fn of_texts<'a>(texts: impl Iterator<Item = &'a [u8]>, nulls: u64) -> Statistics {
    let bounds = texts.fold(None, |bounds: Option<(&[u8], &[u8])>, text| match bounds {
        None => Some((text, text)),
        Some((least, greatest)) => Some((least.min(text), greatest.max(text))),
    });
    let (least, greatest) = bounds.unzip();
    let (min, max) = (least.map(floor), greatest.map(ceiling));
    let exact = (min.as_deref() == least, max.as_deref() == greatest);
    let bytes = |text: Vec<u8>| ByteArray::from(text);
    let statistics = ValueStatistics::new(min.map(bytes), max.map(bytes), None, Some(nulls), false);
    Statistics::ByteArray(statistics.with_min_is_exact(exact.0).with_max_is_exact(exact.1))
}

/// What the footer says of numbers.
pub(super) fn of_numbers<D: DataType>(values: &[D::T], nulls: u64) -> Statistics
where
    D::T: Copy + Ord,
{
    let (min, max) = (values.iter().min().copied(), values.iter().max().copied());
    // the old fields too: for signed numbers they say the same
    ValueStatistics::new(min, max, None, Some(nulls), false)
        .with_backwards_compatible_min_max(true)
        .into()
}

/// At most [`MOST`] bytes, whole characters, not greater than `text`.
fn floor(text: &[u8]) -> Vec<u8> {
    text.get(..cut(text)).unwrap_or(text).to_vec()
}

/// About [`MOST`] bytes, whole characters, not less than `text`.
fn ceiling(text: &[u8]) -> Vec<u8> {
    let kept = text.get(..cut(text)).unwrap_or(text);
    if kept.len() == text.len() {
        return text.to_vec();
    }
    // the last byte that may become the next one without leaving ASCII
    match kept.iter().rposition(|byte| *byte < 0x7f) {
        Some(at) => {
            let mut up = kept.get(..=at).unwrap_or_default().to_vec();
            if let Some(last) = up.last_mut() {
                *last += 1;
            }
            up
        }
        None => text.to_vec(),
    }
}

/// Where to cut: at [`MOST`] bytes or before, where a character begins.
fn cut(text: &[u8]) -> usize {
    let begins = |at: &usize| text.get(*at).is_none_or(|byte| byte & 0xc0 != 0x80);
    if text.len() <= MOST { text.len() } else { (0..=MOST).rev().find(begins).unwrap_or(0) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn short_texts_are_exact_and_long_ones_are_cut() {
        let long = "é".repeat(40);
        let texts = ["b", "a", &long];
        let Statistics::ByteArray(found) = of_texts(texts.iter().map(|t| t.as_bytes()), 3) else {
            panic!("texts")
        };
        assert_eq!(found.min_opt().map(ByteArray::data), Some(&b"a"[..]));
        assert!(found.min_is_exact() && found.null_count_opt() == Some(3));
        // no byte of it can be raised, so it stays whole
        assert_eq!(found.max_opt().map(ByteArray::data), Some(long.as_bytes()));
        let long = format!("{}~~\u{7f}{}", "x".repeat(61), "y".repeat(40));
        assert_eq!(floor(long.as_bytes()).len(), 64);
        assert_eq!(ceiling(long.as_bytes()), [&[b'x'; 61][..], b"~\x7f"].concat());
    }

    #[test]
    fn a_column_of_nulls_has_no_bounds() {
        let Statistics::ByteArray(found) = of_texts(std::iter::empty(), 7) else { panic!("texts") };
        assert_eq!(
            (found.min_opt(), found.max_opt(), found.null_count_opt()),
            (None, None, Some(7))
        );
    }

    proptest! {
        #[test]
        fn bounds_hold(text in "[a-z~\u{7f}é€😀]{0,90}") {
            let (min, max) = (floor(text.as_bytes()), ceiling(text.as_bytes()));
            prop_assert!(min.as_slice() <= text.as_bytes() && text.as_bytes() <= max.as_slice());
            prop_assert!(std::str::from_utf8(&min).is_ok() && std::str::from_utf8(&max).is_ok());
            prop_assert!(min.len() <= MOST);
        }
    }
}
