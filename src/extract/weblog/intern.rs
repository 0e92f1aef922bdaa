//! Distinct texts to small numbers, in order of first appearance. No I/O.
//!
//! A hit is always verified byte by byte. The hash is keyed at random for each process (ahash), so
//! that a log written by an attacker cannot aim at it; its keys decide nothing but speed.

use hashbrown::HashTable;

/// A table of distinct texts.
///
/// They lie one behind the other, each behind its length in four little-endian bytes: as they are,
/// they are the dictionary page of a Parquet column.
#[derive(Debug, Default)]
pub struct Texts {
    entries: HashTable<Entry>,
    hasher: ahash::RandomState,
    bytes: Vec<u8>,
    count: u32,
    /// Number and place of the text asked for before.
    last: (u32, u32),
}

#[derive(Debug)]
struct Entry {
    hash: u64,
    /// Where the text's length stands in the bytes.
    start: u32,
    number: u32,
}

/// Bytes of a text's length.
const LENGTH: usize = size_of::<u32>();

impl Texts {
    /// Forgets all texts but keeps the memory.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.bytes.clear();
        self.count = 0;
        self.last = (0, 0);
    }

    pub fn count(&self) -> usize {
        self.count as usize
    }

    /// The texts behind their lengths.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The number of a text; the count of before if it is new. All texts together stay far below
    /// 4 GiB.
    #[inline]
    pub fn number(&mut self, text: &[u8]) -> u32 {
        let hash = self.hasher.hash_one(text);
        let bytes = &self.bytes;
        let same = |entry: &Entry| entry.hash == hash && at(bytes, entry.start) == Some(text);
        match self.entries.find(hash, same) {
            Some(entry) => {
                self.last = (entry.number, entry.start);
                entry.number
            }
            None => self.learn(hash, text),
        }
    }

    /// As [`Texts::number`], quicker if the text is the one asked for before.
    #[inline]
    pub fn number_again(&mut self, text: &[u8]) -> u32 {
        let (number, start) = self.last;
        match self.count > 0 && at(&self.bytes, start) == Some(text) {
            true => number,
            false => self.number(text),
        }
    }

    #[inline(never)]
    fn learn(&mut self, hash: u64, text: &[u8]) -> u32 {
        let (start, number) = (self.bytes.len() as u32, self.count);
        let entry = Entry { hash, start, number };
        self.entries.insert_unique(hash, entry, |entry| entry.hash);
        put(text, &mut self.bytes);
        self.count += 1;
        self.last = (number, start);
        number
    }
}

/// Appends a text behind its length.
#[inline]
pub fn put(text: &[u8], bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
    bytes.extend_from_slice(text);
}

/// The text whose length stands at `start`.
#[inline]
pub fn at(bytes: &[u8], start: u32) -> Option<&[u8]> {
    let (length, rest) = bytes.get(start as usize..)?.split_first_chunk::<LENGTH>()?;
    rest.get(..u32::from_le_bytes(*length) as usize)
}

/// The texts one after the other.
pub fn texts(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut next = 0;
    std::iter::from_fn(move || {
        let text = at(bytes, next)?;
        next += (LENGTH + text.len()) as u32;
        Some(text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_in_order_of_first_appearance() {
        let mut known = Texts::default();
        let numbers = [&b"a"[..], b"", b"a", b"bc", b""].map(|text| known.number(text));
        assert_eq!(numbers, [0, 1, 0, 2, 1]);
        assert_eq!([&b""[..], b"a", b"a"].map(|text| known.number_again(text)), [1, 0, 0]);
        assert_eq!(texts(known.bytes()).collect::<Vec<_>>(), [&b"a"[..], b"", b"bc"]);
        assert_eq!(known.bytes(), b"\x01\0\0\0a\0\0\0\0\x02\0\0\0bc");
        known.clear();
        assert_eq!((known.number_again(b"bc"), known.count()), (0, 1));
    }
}
