//! Distinct text values to small numbers, with a value remembered beside each. No I/O.
//!
//! The table lives as long as its worker, so a value met in one chunk is known in the next; the
//! numbers are those of the chunk at hand, in order of first appearance, which is what the keys of
//! an Arrow dictionary are. A hit is always verified byte by byte. The hash is keyed at random for
//! each process (ahash), so that a log written by an attacker cannot aim at it; its keys decide
//! nothing but speed.

use arrow::array::StringArray;
use arrow::buffer::{Buffer, OffsetBuffer};
use hashbrown::HashTable;

use crate::error::{Error, Result};

/// Text kept between chunks; beyond it the table starts anew.
const ARENA: usize = 4 << 20;

/// A table of distinct values.
#[derive(Debug, Default)]
pub struct Interner {
    entries: HashTable<Entry>,
    hasher: ahash::RandomState,
    /// All values, one behind the other.
    arena: Vec<u8>,
    /// The values of the chunk at hand.
    order: Vec<(Span, u32)>,
    chunk: u32,
}

#[derive(Debug, Clone, Copy)]
struct Span {
    start: u32,
    length: u32,
}

#[derive(Debug)]
struct Entry {
    hash: u64,
    span: Span,
    /// The chunk `number` belongs to.
    chunk: u32,
    number: i32,
    /// What the caller remembers of the value.
    note: u32,
}

impl Interner {
    /// Forgets the numbers, and the values too when they have become too many.
    pub fn start_chunk(&mut self) {
        self.order.clear();
        if self.arena.len() > ARENA || self.chunk == u32::MAX {
            self.entries.clear();
            self.arena.clear();
            self.chunk = 0;
        }
        self.chunk += 1;
    }

    /// True when no value is known: notes of before are worth nothing.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The number of a value in this chunk. `note` is asked once for each value the table learns.
    #[inline]
    pub fn number(&mut self, value: &[u8], note: impl FnOnce() -> u32) -> i32 {
        let hash = self.hasher.hash_one(value);
        let arena = &self.arena;
        let same = |entry: &Entry| entry.hash == hash && at(arena, entry.span) == value;
        if let Some(entry) = self.entries.find_mut(hash, same) {
            if entry.chunk != self.chunk {
                entry.chunk = self.chunk;
                entry.number = self.order.len() as i32;
                self.order.push((entry.span, entry.note));
            }
            return entry.number;
        }
        self.learn(hash, value, note())
    }

    #[cold]
    fn learn(&mut self, hash: u64, value: &[u8], note: u32) -> i32 {
        let span = Span { start: self.arena.len() as u32, length: value.len() as u32 };
        self.arena.extend_from_slice(value);
        let number = self.order.len() as i32;
        self.order.push((span, note));
        let entry = Entry { hash, span, chunk: self.chunk, number, note };
        self.entries.insert_unique(hash, entry, |entry| entry.hash);
        number
    }

    /// The notes of this chunk's values, by number.
    pub fn notes(&self) -> impl ExactSizeIterator<Item = u32> + '_ {
        self.order.iter().map(|(_, note)| *note)
    }

    /// This chunk's values, by number. Fails if one is not UTF-8.
    pub fn values(&self) -> Result<StringArray> {
        let length = self.order.iter().map(|(span, _)| span.length as usize).sum();
        let mut bytes = Vec::with_capacity(length);
        let mut offsets = Vec::with_capacity(self.order.len() + 1);
        offsets.push(0i32);
        for (span, _) in &self.order {
            bytes.extend_from_slice(at(&self.arena, *span));
            offsets.push(bytes.len() as i32);
        }
        text_array(offsets, bytes, None)
    }
}

#[inline]
fn at(arena: &[u8], span: Span) -> &[u8] {
    let start = span.start as usize;
    arena.get(start..start + span.length as usize).unwrap_or_default()
}

/// A text column from offsets and bytes, checked.
pub fn text_array(
    offsets: Vec<i32>,
    bytes: Vec<u8>,
    nulls: Option<arrow::buffer::NullBuffer>,
) -> Result<StringArray> {
    let offsets = OffsetBuffer::new(offsets.into());
    StringArray::try_new(offsets, Buffer::from_vec(bytes), nulls).map_err(|e| {
        Error::failed("weblog/batch", "a column of the access log is not text").because(e)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(interner: &Interner) -> Vec<String> {
        let values = interner.values().expect("text");
        values.iter().map(|v| v.expect("a value").to_string()).collect()
    }

    #[test]
    fn numbers_are_of_the_chunk_and_notes_are_of_the_value() {
        let mut interner = Interner::default();
        interner.start_chunk();
        let number =
            |interner: &mut Interner, text: &str, note| interner.number(text.as_bytes(), || note);
        assert_eq!(number(&mut interner, "a", 7), 0);
        assert_eq!(number(&mut interner, "b", 8), 1);
        assert_eq!(number(&mut interner, "a", 9), 0);
        assert_eq!(texts(&interner), ["a", "b"]);
        interner.start_chunk();
        assert_eq!(number(&mut interner, "b", 9), 0);
        assert_eq!(number(&mut interner, "", 5), 1);
        assert_eq!(texts(&interner), ["b", ""]);
        assert_eq!(interner.notes().collect::<Vec<_>>(), [8, 5], "b was known");
    }

    #[test]
    fn it_forgets_before_it_grows_without_end() {
        let mut interner = Interner::default();
        for chunk in 0..6 {
            interner.start_chunk();
            for i in 0..20_000 {
                let text = format!("{chunk}-{i}-{}", "x".repeat(100));
                assert_eq!(interner.number(text.as_bytes(), || 0), i);
            }
            assert!(interner.arena.len() < ARENA + 3_000_000);
        }
        assert_eq!(texts(&interner).len(), 20_000);
    }
}
