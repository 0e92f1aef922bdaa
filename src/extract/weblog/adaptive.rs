//! A column of a chunk: numbered while its values repeat, as they come when most are new.
//!
//! Which of the two it is depends on the chunk alone, so that the landed bytes do not depend on
//! what a worker read before.

use hashbrown::HashTable;

use super::intern::{self, Known, Texts};
use crate::pages::{self, NULL, Values};

/// Distinct values before a column can be found to have too many.
const FEW: usize = 8 << 10;

/// Bytes of distinct texts that a dictionary holds at most.
const DICTIONARY: usize = 8 << 20;

/// True if most of `rows` values are new, of those a dictionary of `distinct` was made for.
fn seldom_repeats(distinct: usize, rows: usize) -> bool {
    distinct > FEW && distinct * 2 > rows
}

/// A column of texts, with a note on each that follows from it. `AGAIN` where a text is often the
/// one of the row before.
#[derive(Debug, Default)]
pub struct TextColumn<N, const AGAIN: bool> {
    texts: Texts,
    /// For each row, while numbered.
    keys: Vec<u32>,
    plain: Option<Plain>,
    spare: Plain,
    /// Of each distinct text; of each text when plain.
    notes: Vec<N>,
}

/// Texts as they come.
#[derive(Debug, Default)]
struct Plain {
    bytes: Vec<u8>,
    count: usize,
    /// Rows without a text.
    nulls: Vec<u32>,
}

impl<N: Copy, const AGAIN: bool> TextColumn<N, AGAIN> {
    /// Begins a chunk.
    pub fn start(&mut self) {
        self.texts.clear();
        self.keys.clear();
        self.notes.clear();
        if let Some(plain) = self.plain.take() {
            self.spare = plain;
        }
    }

    /// Adds a row. `note` is asked for a text that is not known to the chunk.
    #[inline]
    pub fn push(&mut self, text: Option<&[u8]>, note: impl FnOnce(&[u8]) -> N) {
        match text {
            Some(text) if self.plain.is_none() => self.number(text, note),
            None if self.plain.is_none() => self.keys.push(NULL),
            text => self.append(text, note),
        }
    }

    /// As [`TextColumn::push`], quicker if the text is the one of `guess`, which becomes this one.
    /// A guess was made in this chunk, or is the default.
    #[inline]
    pub fn push_like(
        &mut self,
        text: Option<&[u8]>,
        guess: &mut Known,
        note: impl FnOnce(&[u8]) -> N,
    ) {
        match text {
            Some(text) if self.plain.is_none() => {
                let number = self.texts.number_like(text, guess);
                self.add(number, text, note);
            }
            text => self.push(text, note),
        }
    }

    #[inline]
    fn number(&mut self, text: &[u8], note: impl FnOnce(&[u8]) -> N) {
        let number = match AGAIN {
            true => self.texts.number_again(text),
            false => self.texts.number(text),
        };
        self.add(number, text, note);
    }

    #[inline]
    fn add(&mut self, number: u32, text: &[u8], note: impl FnOnce(&[u8]) -> N) {
        self.keys.push(number);
        if number as usize == self.notes.len() {
            self.notes.push(note(text));
            let many = self.texts.bytes().len() > DICTIONARY;
            if many || seldom_repeats(self.texts.count(), self.keys.len()) {
                self.become_plain();
            }
        }
    }

    #[cold]
    fn become_plain(&mut self) {
        let mut plain = std::mem::take(&mut self.spare);
        plain.bytes.clear();
        plain.nulls.clear();
        let texts: Vec<&[u8]> = intern::texts(self.texts.bytes()).collect();
        let mut notes = Vec::with_capacity(self.keys.len());
        for (row, key) in self.keys.iter().enumerate() {
            match (texts.get(*key as usize), self.notes.get(*key as usize)) {
                (Some(text), Some(note)) => {
                    intern::put(text, &mut plain.bytes);
                    notes.push(*note);
                }
                _ => plain.nulls.push(row as u32),
            }
        }
        plain.count = notes.len();
        self.notes = notes;
        self.plain = Some(plain);
    }

    #[inline(never)]
    fn append(&mut self, text: Option<&[u8]>, note: impl FnOnce(&[u8]) -> N) {
        let Some(plain) = &mut self.plain else { return };
        match text {
            Some(text) => {
                intern::put(text, &mut plain.bytes);
                plain.count += 1;
                self.notes.push(note(text));
            }
            None => plain.nulls.push((plain.count + plain.nulls.len()) as u32),
        }
    }

    /// The column of the chunk.
    pub fn column(&self) -> pages::Column<'_> {
        match &self.plain {
            Some(plain) => pages::Column::Plain {
                values: Values::Texts { bytes: &plain.bytes, count: plain.count },
                nulls: &plain.nulls,
            },
            None => pages::Column::Keys {
                keys: &self.keys,
                dictionary: Values::Texts { bytes: self.texts.bytes(), count: self.texts.count() },
            },
        }
    }

    /// The notes of the distinct texts, when numbered; those of the texts, when plain.
    pub fn notes(&self) -> &[N] {
        &self.notes
    }

    /// The rows' numbers; `None` when plain.
    pub fn keys(&self) -> Option<&[u32]> {
        self.plain.is_none().then_some(&self.keys)
    }

    /// The number of the last row's text; `None` without one, or when plain.
    #[inline]
    pub fn last(&self) -> Option<u32> {
        self.keys()?.last().copied().filter(|key| *key != NULL)
    }

    /// What follows for each row from `of_notes`, one for each of [`TextColumn::notes`]; `null` for
    /// a row without a text.
    pub fn follow<T: Copy>(&self, of_notes: &[T], null: T, rows: &mut Vec<T>) {
        rows.clear();
        match &self.plain {
            None => rows.extend(
                self.keys.iter().map(|key| of_notes.get(*key as usize).copied().unwrap_or(null)),
            ),
            Some(plain) => {
                let mut nulls = plain.nulls.iter().peekable();
                for value in of_notes {
                    while nulls.next_if(|row| **row as usize == rows.len()).is_some() {
                        rows.push(null);
                    }
                    rows.push(*value);
                }
                rows.extend(nulls.map(|_| null));
            }
        }
    }
}

/// A column of numbers.
#[derive(Debug, Default)]
pub struct NumberColumn {
    entries: HashTable<(i64, u32)>,
    hasher: ahash::RandomState,
    keys: Vec<u32>,
    /// The distinct values; all values when plain.
    values: Vec<i64>,
    plain: bool,
    nulls: Vec<u32>,
}

impl NumberColumn {
    /// Begins a chunk.
    pub fn start(&mut self) {
        self.entries.clear();
        self.keys.clear();
        self.values.clear();
        self.nulls.clear();
        self.plain = false;
    }

    /// Adds a row.
    #[inline]
    pub fn push(&mut self, value: Option<i64>) {
        match value {
            Some(value) if !self.plain => {
                let key = self.number(value);
                self.keys.push(key);
                if seldom_repeats(self.values.len(), self.keys.len()) {
                    self.become_plain();
                }
            }
            None if !self.plain => self.keys.push(NULL),
            Some(value) => self.values.push(value),
            None => self.nulls.push((self.values.len() + self.nulls.len()) as u32),
        }
    }

    #[inline]
    fn number(&mut self, value: i64) -> u32 {
        let hash = self.hasher.hash_one(value);
        if let Some((_, number)) = self.entries.find(hash, |(known, _)| *known == value) {
            return *number;
        }
        self.learn(hash, value)
    }

    #[inline(never)]
    fn learn(&mut self, hash: u64, value: i64) -> u32 {
        let number = self.values.len() as u32;
        self.values.push(value);
        let hasher = &self.hasher;
        self.entries.insert_unique(hash, (value, number), |(value, _)| hasher.hash_one(value));
        number
    }

    #[cold]
    fn become_plain(&mut self) {
        let mut values = Vec::with_capacity(self.keys.len());
        for (row, key) in self.keys.iter().enumerate() {
            match self.values.get(*key as usize) {
                Some(value) => values.push(*value),
                None => self.nulls.push(row as u32),
            }
        }
        self.values = values;
        self.plain = true;
    }

    /// The column of the chunk.
    pub fn column(&self) -> pages::Column<'_> {
        let values = Values::Int64(&self.values);
        match self.plain {
            true => pages::Column::Plain { values, nulls: &self.nulls },
            false => pages::Column::Keys { keys: &self.keys, dictionary: values },
        }
    }

    /// The distinct values when numbered.
    pub fn distinct(&self) -> Option<&[i64]> {
        (!self.plain).then_some(&self.values)
    }
}

/// Small numbers below [`Codes::LIMIT`], renumbered in order of first appearance.
#[derive(Debug)]
pub struct Codes {
    /// New number by code.
    numbers: Vec<u32>,
    used: Vec<u16>,
}

impl Default for Codes {
    fn default() -> Codes {
        Codes { numbers: vec![NULL; Codes::LIMIT], used: Vec::new() }
    }
}

impl Codes {
    pub const LIMIT: usize = 1 << 10;

    /// Forgets all codes.
    pub fn start(&mut self) {
        for code in self.used.drain(..) {
            if let Some(number) = self.numbers.get_mut(code as usize) {
                *number = NULL;
            }
        }
    }

    /// The number of a code; [`NULL`] of one that is not below the limit.
    #[inline]
    pub fn number(&mut self, code: u16) -> u32 {
        match self.numbers.get_mut(code as usize) {
            Some(number) if *number == NULL => {
                *number = self.used.len() as u32;
                self.used.push(code);
                *number
            }
            Some(number) => *number,
            None => NULL,
        }
    }

    /// The codes met, by number.
    pub fn used(&self) -> &[u16] {
        &self.used
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The texts of a column by row, and the notes that follow for them.
    fn rows<const AGAIN: bool>(column: &TextColumn<usize, AGAIN>) -> Vec<(Option<String>, usize)> {
        let mut notes = Vec::new();
        column.follow(column.notes(), usize::MAX, &mut notes);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
        let texts: Vec<Option<String>> = match column.column() {
            pages::Column::Keys { keys, dictionary: Values::Texts { bytes, count } } => {
                let distinct: Vec<&[u8]> = intern::texts(bytes).collect();
                assert_eq!(distinct.len(), count);
                keys.iter().map(|key| distinct.get(*key as usize).map(|t| text(t))).collect()
            }
            pages::Column::Plain { values: Values::Texts { bytes, .. }, nulls } => {
                let mut texts = intern::texts(bytes);
                (0..notes.len() as u32)
                    .map(|row| (!nulls.contains(&row)).then(|| text(texts.next().expect("a text"))))
                    .collect()
            }
            other => panic!("{other:?}"),
        };
        texts.into_iter().zip(notes).collect()
    }

    #[test]
    fn new_values_are_kept_as_they_come_and_no_row_is_lost() {
        let mut column = TextColumn::<usize, true>::default();
        // distinct values of a hundred rows; every 50th row is NULL
        for (distinct, plain) in [(1, false), (30, false), (100, true), (3, false)] {
            column.start();
            let value = |row: usize| match row % 50 {
                49 => None,
                _ => Some(format!("{:0>3}", row / 100 * distinct + row % 100 % distinct)),
            };
            let want: Vec<_> = (0..30_000)
                .map(|row| {
                    (value(row), value(row).map_or(usize::MAX, |v| v.parse().expect("a number")))
                })
                .collect();
            for (text, note) in &want {
                column.push(text.as_deref().map(str::as_bytes), |_| *note);
            }
            assert_eq!(column.keys().is_none(), plain, "{distinct} of 100");
            assert!(rows(&column) == want, "{distinct} of 100");
        }
    }

    #[test]
    fn a_dictionary_has_an_end() {
        let mut column = TextColumn::<usize, false>::default();
        column.start();
        let long = "x".repeat(60_000);
        let want: Vec<_> = (0..200).map(|row| (Some(format!("{long}{row}")), row)).collect();
        for (text, row) in &want {
            column.push(text.as_deref().map(str::as_bytes), |_| *row);
        }
        assert!(column.keys().is_none() && rows(&column) == want);
    }

    #[test]
    fn numbers_do_the_same() {
        let mut column = NumberColumn::default();
        for (distinct, plain) in [(100, false), (20_000, true)] {
            column.start();
            let want: Vec<Option<i64>> =
                (0..20_000).map(|row| (row % 7 != 0).then_some(row % distinct - 5)).collect();
            for value in &want {
                column.push(*value);
            }
            assert_eq!(column.distinct().is_none(), plain);
            let got: Vec<Option<i64>> = match column.column() {
                pages::Column::Keys { keys, dictionary: Values::Int64(values) } => {
                    keys.iter().map(|key| values.get(*key as usize).copied()).collect()
                }
                pages::Column::Plain { values: Values::Int64(values), nulls } => {
                    let mut values = values.iter().copied();
                    let null = |row: &u32| nulls.contains(row);
                    (0..20_000).map(|row| if null(&row) { None } else { values.next() }).collect()
                }
                other => panic!("{other:?}"),
            };
            assert!(got == want, "{distinct}");
        }
    }

    #[test]
    fn codes_are_renumbered_as_they_come() {
        let mut codes = Codes::default();
        for _ in 0..2 {
            codes.start();
            assert_eq!([404, 200, 404, 999].map(|code| codes.number(code)), [0, 1, 0, 2]);
            assert_eq!(codes.used(), [404, 200, 999]);
        }
        assert_eq!(codes.number(Codes::LIMIT as u16), NULL);
    }
}
