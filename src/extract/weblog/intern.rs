//! Distinct texts to small numbers, in order of first appearance. No I/O.
//!
//! A hit is always verified byte by byte. The hash is keyed at random for each process (ahash), so
//! that a log written by an attacker cannot aim at it; its keys decide nothing but speed.

use std::hash::{BuildHasher, Hasher};

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
    /// The text asked for before.
    last: Known,
}

/// A text of a table: its number, and where its length stands in the bytes. A guess at the next
/// text, too, which is always checked; the default is the first text.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known {
    number: u32,
    start: u32,
}

#[derive(Debug)]
struct Entry {
    hash: u64,
    known: Known,
}

/// Bytes of a text's length.
const LENGTH: usize = size_of::<u32>();

impl Texts {
    /// Forgets all texts but keeps the memory.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.bytes.clear();
        self.count = 0;
        self.last = Known::default();
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
        self.find(text).number
    }

    /// As [`Texts::number`], quicker if the text is the one asked for before.
    #[inline]
    pub fn number_again(&mut self, text: &[u8]) -> u32 {
        let mut last = self.last;
        let number = self.number_like(text, &mut last);
        self.last = last;
        number
    }

    /// As [`Texts::number`], quicker if the text is the one of `guess`, which becomes the text's
    /// own. A guess was made since the texts were forgotten, or is the default.
    #[inline]
    pub fn number_like(&mut self, text: &[u8], guess: &mut Known) -> u32 {
        if self.count == 0 || at(&self.bytes, guess.start) != Some(text) {
            *guess = self.find(text);
        }
        guess.number
    }

    #[inline]
    fn find(&mut self, text: &[u8]) -> Known {
        // nothing else is in this table, so the text needs no mark of its end
        let mut hasher = self.hasher.build_hasher();
        hasher.write(text);
        let hash = hasher.finish();
        let bytes = &self.bytes;
        let same = |entry: &Entry| entry.hash == hash && at(bytes, entry.known.start) == Some(text);
        match self.entries.find(hash, same) {
            Some(entry) => entry.known,
            None => self.learn(hash, text),
        }
    }

    #[inline(never)]
    fn learn(&mut self, hash: u64, text: &[u8]) -> Known {
        let known = Known { number: self.count, start: self.bytes.len() as u32 };
        self.entries.insert_unique(hash, Entry { hash, known }, |entry| entry.hash);
        put(text, &mut self.bytes);
        self.count += 1;
        known
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

    #[test]
    fn a_guess_changes_no_number() {
        let (mut guessed, mut known) = (Texts::default(), Texts::default());
        // each guess serves two texts in turn, so that it is right, wrong, and another's
        let mut guesses = [Known::default(); 3];
        for i in 0..1000usize {
            let text = format!("{}", i * i % 37 / (1 + i % 2));
            let number = guessed.number_like(text.as_bytes(), &mut guesses[i / 2 % 3]);
            assert_eq!(number, known.number(text.as_bytes()));
            assert_eq!(guesses[i / 2 % 3].number, number);
        }
        assert_eq!(guessed.bytes(), known.bytes());
    }
}
