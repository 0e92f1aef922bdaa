//! The text of a window in chunks that end at newlines. Constant memory, whatever a line's length.

use std::collections::VecDeque;

use super::file::LogFile;
use super::line::limit;
use crate::error::{Error, Result};
use crate::window::FileRange;

/// Bytes of text of one chunk, which becomes one row group; longer than any line that is read.
///
/// Larger chunks repeat more: 64 MB would make files 15 % smaller, in three times the memory.
pub const CHUNK: usize = 16 << 20;

/// A piece of one range.
#[derive(Debug, Default)]
pub struct Chunk {
    /// Index of the range in the window.
    pub range: usize,
    /// Offset of the text in its file.
    pub offset: u64,
    /// Memory for the text; it is longer than the text and kept from chunk to chunk.
    buffer: Vec<u8>,
    length: usize,
    /// Set when the text is only the beginning of one line that is this many bytes long.
    pub cut_from: Option<u64>,
}

impl Chunk {
    /// Whole lines, with their newlines.
    pub fn text(&self) -> &[u8] {
        self.buffer.get(..self.length).unwrap_or_default()
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
    end: u64,
    /// The beginning of a line whose end is not yet read.
    carry: Vec<u8>,
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
        loop {
            let Some(current) = &mut self.current else {
                let Some((index, range)) = self.ranges.pop_front() else { return Ok(false) };
                let mut file = self.open.open(&range)?;
                file.skip_to(range.start, |_| {})?;
                self.current = Some(Current {
                    index,
                    path: range.path,
                    file,
                    at: range.start,
                    end: range.end,
                    carry: Vec::new(),
                });
                continue;
            };
            if current.fill(chunk, self.chunk)? {
                return Ok(true);
            }
            self.current = None;
        }
    }
}

impl Current {
    fn fill(&mut self, chunk: &mut Chunk, size: usize) -> Result<bool> {
        chunk.range = self.index;
        chunk.offset = self.at - self.carry.len() as u64;
        chunk.cut_from = None;
        let carried = self.carry.len();
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let length = carried + left.min(size.saturating_sub(carried));
        if length == 0 {
            return Ok(false);
        }
        if chunk.buffer.len() < length {
            chunk.buffer.resize(length, 0);
        }
        let text = chunk.buffer.get_mut(..length).unwrap_or_default();
        let (head, rest) = text.split_at_mut(carried);
        head.copy_from_slice(&self.carry);
        self.carry.clear();
        self.read(rest)?;
        chunk.length = length;
        if self.at == self.end {
            return Ok(true);
        }
        match memchr::memrchr(b'\n', text) {
            Some(last) => {
                self.carry.extend_from_slice(text.get(last + 1..).unwrap_or_default());
                chunk.length = last + 1;
            }
            None => {
                let more = self.skip_line()?;
                chunk.cut_from = Some(length as u64 + more);
                chunk.length = length.min(limit::KEPT);
            }
        }
        Ok(true)
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<()> {
        let wanted = buffer.len();
        if self.file.read(buffer)? < wanted {
            let what = format!("`{}` ended before byte {}", self.path, self.end);
            return Err(Error::failed("weblog/cut", what)
                .hint("the file was cut while it was read; run again"));
        }
        self.at += wanted as u64;
        Ok(())
    }

    /// Reads over the rest of a line; returns its bytes without the newline.
    fn skip_line(&mut self) -> Result<u64> {
        let mut buffer = vec![0; 64 * 1024];
        let mut skipped = 0;
        while self.at < self.end {
            let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
            let wanted = left.min(buffer.len());
            let part = buffer.get_mut(..wanted).unwrap_or_default();
            self.read(part)?;
            if let Some(newline) = memchr::memchr(b'\n', part) {
                self.carry = part.get(newline + 1..).unwrap_or_default().to_vec();
                return Ok(skipped + newline as u64);
            }
            skipped += wanted as u64;
        }
        Ok(skipped)
    }
}
