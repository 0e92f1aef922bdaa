//! The fast path: where quotes, backslashes and newlines stand, and usual combined lines from that.
//!
//! Stage one marks the bytes `"`, `\` and newline of 64-byte blocks, a window of text at a time;
//! stage two reads a line of the usual shape (six quotes, no backslash) off seven marks. Anything
//! else is left to the strict reader: [`combined`] accepts a subset of what
//! [`super::format::Formats::read`] accepts for `combined`, with the same fields. A newline always
//! ends a line. The work is linear in the text, whatever stands in it.

use wide::u8x16;

use super::line::{self, Line, limit};

/// Text marked at a time: small enough that stage two finds it in the first-level cache.
const WINDOW: usize = 32 * 1024;
const BLOCK: usize = 64;
/// Six quotes and the newline of a usual line.
const USUAL: usize = 7;

/// The lines of a text, each with its marks.
pub struct Lines<'t, 'm> {
    text: &'t [u8],
    marks: &'m mut Marks,
    /// Where the next line starts.
    start: usize,
}

/// Positions of quotes, backslashes and newlines; kept between texts to save the memory.
#[derive(Debug, Default)]
pub struct Marks {
    positions: Vec<u32>,
    /// Marks in `positions`; what lies behind is left over.
    filled: usize,
    /// The first mark of the line at hand.
    next: usize,
    /// The first mark not yet looked at for a newline; never before `next`.
    searched: usize,
    /// Text already marked.
    scanned: usize,
}

/// A line as found: its text is `text[start..end]`, without the newline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    pub start: usize,
    pub end: usize,
    /// The quotes of a line that has exactly six and no backslash.
    pub quotes: Option<[usize; 6]>,
}

impl<'t, 'm> Lines<'t, 'm> {
    /// The lines of `text`, which is shorter than 4 GiB. The last may lack its newline.
    pub fn new(text: &'t [u8], marks: &'m mut Marks) -> Lines<'t, 'm> {
        debug_assert!(u32::try_from(text.len()).is_ok());
        marks.filled = 0;
        marks.next = 0;
        marks.searched = 0;
        marks.scanned = 0;
        Lines { text, marks, start: 0 }
    }

    #[inline]
    fn byte(&self, mark: u32) -> u8 {
        self.text.get(mark as usize).copied().unwrap_or(b'\n')
    }

    /// The usual line at hand, if the next seven marks are six quotes and a newline.
    #[inline]
    fn usual(&self) -> Option<[usize; USUAL]> {
        let filled = self.marks.positions.get(..self.marks.filled)?;
        let marks: [u32; USUAL] = *filled.get(self.marks.next..)?.first_chunk()?;
        let mut quotes = true;
        for mark in &marks[..USUAL - 1] {
            quotes &= self.byte(*mark) == b'"';
        }
        (quotes && self.byte(marks[USUAL - 1]) == b'\n').then(|| marks.map(|mark| mark as usize))
    }

    /// Marks the next window; false at the end of the text.
    fn mark_more(&mut self) -> bool {
        let marks = &mut *self.marks;
        let end = self.text.len().min(marks.scanned + WINDOW);
        let Some(window) = self.text.get(marks.scanned..end).filter(|w| !w.is_empty()) else {
            return false;
        };
        // Moving the rest down costs no more than was used up, so a long line stays linear.
        if marks.next * 2 >= marks.filled {
            marks.positions.copy_within(marks.next..marks.filled, 0);
            marks.filled -= marks.next;
            marks.searched -= marks.next;
            marks.next = 0;
        }
        let room = marks.filled + window.len() + BLOCK;
        if marks.positions.len() < room {
            marks.positions.resize(room, 0);
        }
        let (blocks, rest) = window.as_chunks::<BLOCK>();
        let mut base = marks.scanned as u32;
        for block in blocks {
            push(&mut marks.positions, &mut marks.filled, base, mask(block));
            base += BLOCK as u32;
        }
        if !rest.is_empty() {
            let mut block = [b' '; BLOCK];
            block[..rest.len()].copy_from_slice(rest);
            push(&mut marks.positions, &mut marks.filled, base, mask(&block));
        }
        marks.scanned = end;
        true
    }

    /// The line at hand, of any shape.
    #[cold]
    fn any(&mut self) -> Option<Found> {
        loop {
            while let Some(mark) = self
                .marks
                .positions
                .get(self.marks.searched)
                .filter(|_| self.marks.searched < self.marks.filled)
            {
                let end = *mark as usize;
                self.marks.searched += 1;
                if self.text.get(end) == Some(&b'\n') {
                    let found = Found { start: self.start, end, quotes: None };
                    self.marks.next = self.marks.searched;
                    self.start = end + 1;
                    return Some(found);
                }
            }
            // only the newline matters now: of a long line no marks are kept
            self.marks.next = self.marks.searched;
            if !self.mark_more() {
                break;
            }
        }
        let found = Found { start: self.start, end: self.text.len(), quotes: None };
        self.start = self.text.len();
        (found.start < found.end).then_some(found)
    }
}

impl Iterator for Lines<'_, '_> {
    type Item = Found;

    #[inline]
    fn next(&mut self) -> Option<Found> {
        loop {
            if let Some([a, b, c, d, e, f, end]) = self.usual() {
                let found = Found { start: self.start, end, quotes: Some([a, b, c, d, e, f]) };
                self.marks.next += USUAL;
                self.marks.searched = self.marks.next;
                self.start = end + 1;
                return Some(found);
            }
            // Fewer than seven marks left: only more text can tell.
            if self.marks.filled - self.marks.next < USUAL && self.mark_more() {
                continue;
            }
            return self.any();
        }
    }
}

/// Appends the positions of the bits of `mask`.
#[inline]
fn push(positions: &mut [u32], filled: &mut usize, base: u32, mut mask: u64) {
    const AT_ONCE: usize = 4;
    // Most blocks hold a few: writing a fixed number without asking spares mispredictions.
    let Some(out) = positions.get_mut(*filled..).and_then(|p| p.first_chunk_mut::<BLOCK>()) else {
        return;
    };
    let mut count = 0;
    for slot in &mut out[..AT_ONCE] {
        *slot = base + mask.trailing_zeros();
        count += usize::from(mask != 0);
        mask &= mask.wrapping_sub(1);
    }
    for slot in &mut out[AT_ONCE..] {
        if mask == 0 {
            break;
        }
        *slot = base + mask.trailing_zeros();
        count += 1;
        mask &= mask - 1;
    }
    *filled += count;
}

/// One bit for each byte of the block that is a quote, a backslash or a newline.
#[inline]
fn mask(block: &[u8; BLOCK]) -> u64 {
    let (quote, backslash, newline) =
        (u8x16::splat(b'"'), u8x16::splat(b'\\'), u8x16::splat(b'\n'));
    let (parts, _) = block.as_chunks::<16>();
    let mut mask = 0;
    for (i, part) in parts.iter().enumerate() {
        let bytes = u8x16::new(*part);
        let hit = bytes.simd_eq(quote) | bytes.simd_eq(backslash) | bytes.simd_eq(newline);
        mask |= u64::from(hit.to_bitmask()) << (16 * i);
    }
    mask
}

/// One bit for each of 32 bytes that is a space.
#[inline]
fn spaces(bytes: &[u8; 32]) -> u32 {
    let space = u8x16::splat(b' ');
    let (parts, _) = bytes.as_chunks::<16>();
    let mut mask = 0;
    for (i, part) in parts.iter().enumerate() {
        mask |= u8x16::new(*part).simd_eq(space).to_bitmask() << (16 * i);
    }
    mask
}

/// True if a `]` stands in the 26 bytes of a timestamp.
#[inline]
fn has_bracket(timestamp: &[u8; STAMP - 4]) -> bool {
    let bracket = u8x16::splat(b']');
    // two loads that overlap cover them all
    let (Some(head), Some(tail)) = (timestamp.first_chunk(), timestamp.last_chunk()) else {
        return true;
    };
    (u8x16::new(*head).simd_eq(bracket) | u8x16::new(*tail).simd_eq(bracket)).to_bitmask() != 0
}

/// Bytes of ` [dd/Mon/yyyy:HH:MM:SS +hhmm] ` before the first quote.
const STAMP: usize = 30;
/// The names before it must fit one pair of registers.
const NAMES: usize = 32;

/// Reads a usual line of the combined format; `None` leaves it to the strict reader.
#[inline]
pub fn combined<'t>(text: &'t [u8], found: &Found) -> Option<Line<'t>> {
    let [q0, q1, q2, q3, q4, q5] = found.quotes?;
    let start = found.start;
    if q5 + 1 != found.end || q4 != q3 + 2 || found.end - start > limit::TEXT {
        return None;
    }
    let names_end = q0.checked_sub(STAMP).filter(|end| *end > start)?;
    let stamp: &[u8; STAMP] = text.get(names_end..q0)?.try_into().ok()?;
    let [b' ', b'[', timestamp @ .., b']', b' '] = stamp else { return None };
    let names: &[u8; NAMES] = text.get(start..)?.first_chunk()?;
    let length = names_end - start;
    if length > NAMES || *text.get(q3 + 1)? != b' ' || has_bracket(timestamp) {
        return None;
    }
    let inside = spaces(names) & (u32::MAX >> (NAMES - length));
    let first = inside.trailing_zeros() as usize;
    let others = inside & inside.wrapping_sub(1);
    let second = others.trailing_zeros() as usize;
    // exactly two spaces, none at an end, none beside the other, no list of addresses
    if others == 0
        || others & (others - 1) != 0
        || first == 0
        || second == first + 1
        || second + 1 == length
        || names.get(first - 1) == Some(&b',')
    {
        return None;
    }
    let [b' ', s0, s1, s2, b' ', size @ .., b' '] = text.get(q1 + 1..q2)? else { return None };
    Some(Line {
        address: Some(names.get(..first)?),
        identity: Some(names.get(first + 1..second)?),
        username: Some(names.get(second + 1..length)?),
        timestamp: Some(timestamp),
        request: Some(text.get(q0 + 1..q1)?),
        status: line::status(&[*s0, *s1, *s2]).ok()?,
        bytes_sent: match text.get(..q2 - 1)?.last_chunk().and_then(|e| line::digits(e, size.len()))
        {
            Some(size) => Some(size),
            None => line::size(size).ok()?,
        },
        referer: Some(text.get(q2 + 1..q3)?),
        user_agent: Some(text.get(q4 + 1..q5)?),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::format::Formats;
    use super::*;

    proptest! {
        #[test]
        fn masks_mark_the_bytes_looked_for(bytes in proptest::array::uniform32(any::<u8>()), special in proptest::array::uniform32(prop_oneof![Just(b'"'), Just(b'\\'), Just(b'\n'), Just(b' '), Just(b'#'), Just(b'!'), Just(0xa2u8)])) {
            let mut block = [0; BLOCK];
            block[..32].copy_from_slice(&bytes);
            block[32..].copy_from_slice(&special);
            let want = block.iter().enumerate().fold(0u64, |mask, (i, b)| {
                mask | u64::from(matches!(b, b'"' | b'\\' | b'\n')) << i
            });
            prop_assert_eq!(mask(&block), want);
            let want = special.iter().enumerate().fold(0u32, |m, (i, b)| m | u32::from(*b == b' ') << i);
            prop_assert_eq!(spaces(&special), want);
        }

        #[test]
        fn lines_are_those_between_newlines(text in proptest::collection::vec(prop_oneof![4 => Just(b'"'), 1 => Just(b'\\'), 1 => Just(b'\n'), 20 => Just(b'a')], 0..2000)) {
            let want: Vec<(usize, usize)> = text
                .split_inclusive(|b| *b == b'\n')
                .scan(0, |at, line| {
                    let start = *at;
                    *at += line.len();
                    Some((start, *at - usize::from(line.ends_with(b"\n"))))
                })
                .collect();
            let mut marks = Marks::default();
            let found: Vec<Found> = Lines::new(&text, &mut marks).collect();
            let lines: Vec<(usize, usize)> = found.iter().map(|f| (f.start, f.end)).collect();
            prop_assert_eq!(lines, want);
            for line in found {
                let bytes = &text[line.start..line.end];
                let plain = bytes.iter().filter(|b| **b == b'"').count() == 6 && !bytes.contains(&b'\\');
                prop_assert!(line.quotes.is_none() || plain);
            }
        }

        #[test]
        fn what_the_fast_path_accepts_the_strict_reader_accepts(
            line in r#"[0-9a-f.:, ]{1,20}[ ]{0,2}-? ?[a-z"]{0,3} \[[0-9]{2}/(Oct|x\]y)/2000:13:55:36 [+-]0700\] "[a-z ]{0,9}"? [0-9-]{1,3} [0-9-]{1,21} "[a-z]{0,3}" "[A-Z\\"]{0,2}"[\r ]?"#
        ) {
            let mut text = line.clone().into_bytes();
            text.push(b'\n');
            text.extend([b'x'; 64]);
            let mut marks = Marks::default();
            let found = Lines::new(&text, &mut marks).next().expect("a line");
            if let Some(fast) = combined(&text, &found) {
                let formats = Formats::compile(&["combined".into()]).expect("combined");
                prop_assert_eq!(formats.read(line.as_bytes()), Ok(fast));
            }
        }
    }

    #[test]
    fn usual_lines_do_take_the_fast_path() {
        let mut text = String::new();
        for i in 0..1000 {
            text.push_str(&format!("10.0.{}.{} - user{i} [10/Oct/2000:13:55:36 -0700] \"GET /{i} HTTP/1.0\" 200 {i} \"-\" \"Mozilla\"\n", i / 250, i % 250));
        }
        let mut marks = Marks::default();
        let found: Vec<Found> = Lines::new(text.as_bytes(), &mut marks).collect();
        let fast = found.iter().filter(|f| combined(text.as_bytes(), f).is_some()).count();
        assert_eq!((found.len(), fast), (1000, 1000));
    }
}
