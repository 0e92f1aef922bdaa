//! The text of a window in chunks that end at newlines. Constant memory, whatever a line's length.

use std::collections::VecDeque;
use std::ops::Range;

use super::file::LogFile;
use super::line::limit;
use crate::error::{Error, Result};
use crate::window::{FileEnd, FileRange};

/// Bytes of text of one chunk, which becomes one row group; longer than any line that is read.
///
/// Larger chunks repeat more: 64 MB would make files 15 % smaller, in three times the memory.
pub const CHUNK: usize = 16 << 20;

/// Pieces of one range, or of several that are short.
#[derive(Debug, Default)]
pub struct Chunk {
    pieces: Vec<Piece>,
    /// Ranges that were found to end within the chunk.
    pub ends: Vec<Ended>,
    /// Bytes passed since the chunk before, as [`FileRange::bytes`] counts them.
    pub passed: u64,
    /// Memory for the text; it is longer than the text and kept from chunk to chunk.
    buffer: Vec<u8>,
}

/// A range whose end was not known before it was met.
#[derive(Debug, Clone)]
pub struct Ended {
    pub end: FileEnd,
    /// Set when the text ends before the range starts: where.
    pub before_start: Option<u64>,
}

/// Whole lines of one range, with their newlines.
#[derive(Debug)]
pub struct Piece {
    /// Index of the range in the window.
    pub range: usize,
    /// Offset of the text in its file.
    pub offset: u64,
    /// Set when the text is only the beginning of one line that is this many bytes long.
    pub cut_from: Option<u64>,
    at: Range<usize>,
}

impl Chunk {
    /// The pieces with their text.
    pub fn pieces(&self) -> impl Iterator<Item = (&Piece, &[u8])> {
        let text = |piece: &Piece| self.buffer.get(piece.at.clone()).unwrap_or_default();
        self.pieces.iter().map(move |piece| (piece, text(piece)))
    }
}

/// Where the text of a range comes from.
pub trait Open: Send {
    fn open(&mut self, range: &FileRange) -> Result<LogFile>;
}

/// Reads ranges in order, chunk by chunk.
pub struct Chunks<O> {
    open: O,
    ranges: VecDeque<(usize, FileRange)>,
    current: Option<Current>,
    chunk: usize,
}

struct Current {
    index: usize,
    path: String,
    file: LogFile,
    /// Offset of the next byte to read.
    at: u64,
    /// `None` until the end of the text is met.
    end: Option<u64>,
    /// True if the range has no end in the window.
    open: bool,
    /// The beginning of a line whose end is not yet read.
    carry: Vec<u8>,
    /// Where the range starts, and what of the file was passed and told.
    start: u64,
    passed: u64,
}

impl<O: Open> Chunks<O> {
    /// Chunks of about `chunk` bytes, at least one more than the longest line.
    pub fn new(ranges: &[FileRange], open: O, chunk: usize) -> Chunks<O> {
        let ranges = ranges.iter().cloned().enumerate().collect();
        Chunks { open, ranges, current: None, chunk: chunk.max(limit::LINE + 1) }
    }

    /// Fills `chunk`, reusing its memory; false at the end of the window.
    ///
    /// Errors: those of opening and reading, and `weblog/cut` when a file ends before its range.
    pub fn next(&mut self, chunk: &mut Chunk) -> Result<bool> {
        chunk.pieces.clear();
        chunk.ends.clear();
        chunk.passed = 0;
        let mut filled = 0;
        // as long as a line of the next range surely fits
        while self.chunk - filled > limit::LINE {
            let Some(current) = &mut self.current else {
                let Some((index, range)) = self.ranges.pop_front() else { break };
                let mut file = self.open.open(&range)?;
                file.skip_to(range.start, |_| {})?;
                self.current = Some(Current {
                    index,
                    path: range.path,
                    at: range.start,
                    end: range.end,
                    open: range.end.is_none(),
                    carry: Vec::new(),
                    start: range.start,
                    // of text, what lies before the start is no part of the range
                    passed: if range.end.is_none() { 0 } else { range.start },
                    file,
                });
                continue;
            };
            let piece = current.fill(&mut chunk.buffer, filled, self.chunk)?;
            chunk.passed += current.newly_passed();
            if let Some(piece) = piece {
                filled = piece.at.end;
                chunk.pieces.push(piece);
            }
            if !current.is_read() {
                break;
            }
            chunk.ends.extend(current.ended());
            self.current = None;
        }
        Ok(!(chunk.pieces.is_empty() && chunk.ends.is_empty()))
    }
}

impl Current {
    /// True when all of the range was handed out.
    fn is_read(&self) -> bool {
        self.end == Some(self.at) && self.carry.is_empty()
    }

    /// The end, of a range that had none.
    ///
    /// A file whose last line waits for its newline is not known by its size: with the line made
    /// whole it might be as long.
    fn ended(&self) -> Option<Ended> {
        let (met, end) = (self.file.at(), self.end?);
        let packed = self.file.packed().filter(|_| met <= end);
        let end = FileEnd { range: self.index, end, packed };
        let before_start = (met < self.start).then_some(met);
        self.open.then_some(Ended { end, before_start })
    }

    /// Bytes passed since this was asked before.
    fn newly_passed(&mut self) -> u64 {
        let passed = if self.open { self.file.passed() } else { self.at };
        passed - std::mem::replace(&mut self.passed, passed)
    }

    /// Bytes left in the range, as far as is known.
    fn left(&self) -> usize {
        let left = self.end.map(|end| end.saturating_sub(self.at));
        left.and_then(|left| usize::try_from(left).ok()).unwrap_or(usize::MAX)
    }

    /// Fills the buffer from byte `from` to byte `size` at most.
    fn fill(&mut self, buffer: &mut Vec<u8>, from: usize, size: usize) -> Result<Option<Piece>> {
        let (range, offset) = (self.index, self.at - self.carry.len() as u64);
        let carried = self.carry.len();
        let length = carried + self.left().min((size - from).saturating_sub(carried));
        if length == 0 {
            return Ok(None);
        }
        if buffer.len() < from + length {
            buffer.resize(from + length, 0);
        }
        let text = buffer.get_mut(from..from + length).unwrap_or_default();
        let (head, rest) = text.split_at_mut(carried);
        head.copy_from_slice(&self.carry);
        self.carry.clear();
        let wanted = rest.len();
        let read = self.read(rest)?;
        let piece = |length, cut_from| Piece { range, offset, cut_from, at: from..from + length };
        if self.end == Some(self.at) {
            return Ok(Some(piece(length, None)));
        }
        let text = text.get(..carried + read).unwrap_or_default();
        let last = memchr::memrchr(b'\n', text).map_or(0, |last| last + 1);
        if read < wanted {
            self.end_at(offset + last as u64);
            return Ok((last > 0).then(|| piece(last, None)));
        }
        if last > 0 {
            self.carry.extend_from_slice(text.get(last..).unwrap_or_default());
            return Ok(Some(piece(last, None)));
        }
        let Some(more) = self.skip_line()? else {
            self.end_at(offset);
            return Ok(None);
        };
        Ok(Some(piece(length.min(limit::KEPT), Some(length as u64 + more))))
    }

    /// The text is met to end; what lies behind byte `end` waits for its newline.
    fn end_at(&mut self, end: u64) {
        (self.at, self.end) = (end, Some(end));
    }

    /// Fills the buffer; with less only at the end of a text whose end nobody knew.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let read = self.file.read(buffer)?;
        if let Some(end) = self.end.filter(|_| read < buffer.len()) {
            let what = format!("`{}` ended before byte {end}", self.path);
            return Err(Error::failed("weblog/cut", what)
                .hint("the file was cut while it was read; run again"));
        }
        self.at += read as u64;
        Ok(read)
    }

    /// Reads over the rest of a line; returns its bytes without the newline, `None` if the text
    /// ends first.
    fn skip_line(&mut self) -> Result<Option<u64>> {
        let mut buffer = vec![0; 64 * 1024];
        let mut skipped = 0;
        loop {
            let wanted = self.left().min(buffer.len());
            let part = buffer.get_mut(..wanted).unwrap_or_default();
            let read = self.read(part)?;
            let part = part.get(..read).unwrap_or_default();
            if let Some(newline) = memchr::memchr(b'\n', part) {
                self.carry = part.get(newline + 1..).unwrap_or_default().to_vec();
                return Ok(Some(skipped + newline as u64));
            }
            if read == 0 {
                // an end that was known lies behind a newline; if it no longer does, the line is told
                return Ok(self.end.map(|_| skipped));
            }
            skipped += read as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Folder(tempfile::TempDir);

    impl Open for Folder {
        fn open(&mut self, range: &FileRange) -> Result<LogFile> {
            LogFile::open(&self.0.path().join(&range.path), &range.path)
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

        /// Files as the lengths of their lines; some do not fit a chunk.
        #[test]
        fn every_line_is_in_one_piece_and_every_chunk_is_bounded(
            files in prop::collection::vec(
                prop::collection::vec(prop_oneof![20 => 0usize..200, 2 => 0usize..400_000, 1 => 1_000_000usize..3_000_000], 0..12), 0..6),
            more in 1usize..1_000_000,
        ) {
            let folder = tempfile::tempdir().expect("a folder");
            let (mut ranges, mut texts) = (Vec::new(), Vec::new());
            for (file, lines) in files.iter().enumerate() {
                let text: Vec<u8> = lines.iter().flat_map(|n| [vec![b'x'; *n], vec![b'\n']].concat()).collect();
                let (path, file_id) = (file.to_string(), file.to_string());
                let end = (file % 2 == 0).then_some(text.len() as u64);
                std::fs::write(folder.path().join(&path), &text).expect("written");
                ranges.push(FileRange { path, file_id, start: 0, end, packed: None });
                texts.push(text);
            }
            let lengths: Vec<usize> = texts.iter().map(Vec::len).collect();
            let size = limit::LINE + more;
            let mut chunks = Chunks::new(&ranges, Folder(folder), size);
            let mut chunk = Chunk::default();
            let mut read = vec![0; texts.len()];
            let (mut passed, mut ends) = (0, Vec::new());
            while chunks.next(&mut chunk).expect("read") {
                let bytes: usize = chunk.pieces().map(|(_, text)| text.len()).sum();
                prop_assert!(bytes <= size && (bytes > 0 || !chunk.ends.is_empty()));
                passed += chunk.passed as usize;
                ends.extend(chunk.ends.iter().map(|ended| (ended.end.range, ended.end.end as usize)));
                for (piece, text) in chunk.pieces() {
                    let at = &mut read[piece.range];
                    prop_assert_eq!(piece.offset, *at as u64);
                    let rest = &texts[piece.range][*at..];
                    prop_assert!(rest.starts_with(text));
                    *at += match piece.cut_from {
                        None => text.len(),
                        Some(length) => length as usize + 1,
                    };
                    prop_assert_eq!(texts[piece.range][*at - 1], b'\n');
                    prop_assert!(piece.cut_from.is_none_or(|length| length > limit::LINE as u64));
                }
            }
            prop_assert_eq!(&read, &lengths);
            prop_assert_eq!(passed, lengths.iter().sum::<usize>());
            let open: Vec<_> = lengths.into_iter().enumerate().filter(|(file, _)| file % 2 == 1).collect();
            prop_assert_eq!(ends, open);
        }
    }
}
