//! All of a log, whose end is not known before it is met, in pieces that end at newlines.
//!
//! Constant memory, whatever a line's length. It reads a stream once and never goes back; a window
//! of a run is read by [`super::chunks`] instead, which fills large chunks from several logs.

use super::file::LogFile;
use super::line::limit;
use crate::error::Result;

/// Text held at a time; longer than any line that is read.
const HELD: usize = 4 << 20;

/// A log being read from its start.
pub struct Whole {
    file: LogFile,
    buffer: Vec<u8>,
    /// Text in the buffer, of which the first `used` bytes were handed out.
    filled: usize,
    used: usize,
    /// Byte of the log where the buffer starts.
    offset: u64,
    /// Bytes of a line that ended with the log instead of a newline and did not fit the buffer.
    unfinished: u64,
}

/// Whole lines, or the beginning of one that is too long.
pub struct Piece<'w> {
    /// Byte of the log where it starts.
    pub offset: u64,
    pub text: &'w [u8],
    /// The bytes of the line that `text` is only the beginning of.
    pub cut_from: Option<u64>,
}

impl Whole {
    pub fn new(file: LogFile) -> Whole {
        Whole::holding(file, HELD)
    }

    /// As [`Whole::new`], with `held` bytes of text at a time, but more than the longest line.
    pub fn holding(file: LogFile, held: usize) -> Whole {
        let buffer = vec![0; held.max(limit::LINE + 1)];
        Whole { file, buffer, filled: 0, used: 0, offset: 0, unfinished: 0 }
    }

    /// The next piece; `None` at the end, when what is left waits for its newline.
    ///
    /// Errors: those of [`LogFile::read`].
    pub fn next(&mut self) -> Result<Option<Piece<'_>>> {
        self.buffer.copy_within(self.used..self.filled, 0);
        self.offset += self.used as u64;
        self.filled -= self.used;
        self.used = 0;
        self.filled += self.file.read(self.buffer.get_mut(self.filled..).unwrap_or_default())?;
        let text = self.buffer.get(..self.filled).unwrap_or_default();
        if let Some(last) = memchr::memrchr(b'\n', text) {
            self.used = last + 1;
            let text = self.buffer.get(..self.used).unwrap_or_default();
            return Ok(Some(Piece { offset: self.offset, text, cut_from: None }));
        }
        if self.filled < self.buffer.len() {
            return Ok(None);
        }
        self.pass_line()
    }

    /// Reads over a line that fills the buffer; its beginning stays in the buffer.
    fn pass_line(&mut self) -> Result<Option<Piece<'_>>> {
        let start = self.offset;
        let mut bytes = self.filled as u64;
        let newline = loop {
            let block = self.buffer.get_mut(limit::KEPT..).unwrap_or_default();
            let read = self.file.read(block)?;
            self.filled = limit::KEPT + read;
            let block = block.get(..read).unwrap_or_default();
            if let Some(newline) = memchr::memchr(b'\n', block) {
                break newline;
            }
            bytes += read as u64;
            if read == 0 {
                (self.filled, self.unfinished) = (0, bytes);
                return Ok(None);
            }
        };
        bytes += newline as u64;
        // what follows the newline goes on from behind the beginning
        self.used = limit::KEPT + newline + 1;
        self.offset = start + bytes + 1 - self.used as u64;
        let text = self.buffer.get(..limit::KEPT).unwrap_or_default();
        Ok(Some(Piece { offset: start, text, cut_from: Some(bytes) }))
    }

    /// Bytes after the last newline; right once [`Whole::next`] gave `None`.
    pub fn waiting(&self) -> u64 {
        (self.filled - self.used) as u64 + self.unfinished
    }
}
