//! A log file as text: opened, its compression recognised by its first bytes, never by its name.
//!
//! Plain text, gzip with any number of members, and zstd with any number of frames. Only regular
//! files are opened: a FIFO or a device would block or never end. [`LogFile::stream`] takes what
//! the caller has open, standard input for one.

use std::fs::{File, Metadata};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::identity::{Extent, HEAD, Inode, Seen};
use crate::error::{Error, Result};

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Bytes read at a time.
const BLOCK: usize = 256 * 1024;

/// Text that is this many times longer than its compressed file, and longer than
/// [`BOMB_BYTES`], is a bomb.
const BOMB_RATIO: u64 = 1000;
const BOMB_BYTES: u64 = 10 << 30;

/// An open log.
pub struct LogFile {
    text: Text,
    path: String,
    /// Bytes of the file on the disk; more than any file of a stream.
    pub size: u64,
    pub inode: Option<Inode>,
    /// Bytes of text read so far.
    at: u64,
    /// Bytes of a compressed file read so far.
    unpacked: Arc<AtomicU64>,
}

enum Text {
    Plain(File),
    /// A stream of text; what was read cannot be read again.
    Stream(Box<dyn Read + Send>),
    Unpacked(Box<dyn Read + Send>),
}

impl LogFile {
    /// Opens the file at `path`, called `name` in messages.
    ///
    /// Errors: `weblog/not_a_file`, `weblog/unreadable` with the system's reason.
    pub fn open(path: &Path, name: &str) -> Result<LogFile> {
        // asked before opening, because opening a FIFO waits for its writer
        regular(&std::fs::metadata(path).map_err(|e| unreadable(name, e))?, name)?;
        let mut file = File::open(path).map_err(|e| unreadable(name, e))?;
        let metadata = file.metadata().map_err(|e| unreadable(name, e))?;
        regular(&metadata, name)?;
        let mut magic = [0; 4];
        let length = fill(&mut file, &mut magic).map_err(|e| unreadable(name, e))?;
        file.rewind().map_err(|e| unreadable(name, e))?;
        let magic = magic.get(..length).unwrap_or_default();
        let unpacked = Arc::default();
        let text = match packed(magic) {
            None => Text::Plain(file),
            Some(packing) => {
                let file = Counted { inner: file, read: Arc::clone(&unpacked) };
                Text::Unpacked(unpack(packing, file).map_err(|e| unreadable(name, e))?)
            }
        };
        let (size, inode) = (metadata.len(), inode(&metadata));
        Ok(LogFile { text, path: name.to_string(), size, inode, at: 0, unpacked })
    }

    /// Takes a stream that is open already, called `name` in messages; it has no inode.
    ///
    /// Errors: `weblog/unreadable`.
    pub fn stream(mut input: impl Read + Send + 'static, name: &str) -> Result<LogFile> {
        let mut magic = [0; 4];
        let length = fill(&mut input, &mut magic).map_err(|e| unreadable(name, e))?;
        let packing = packed(magic.get(..length).unwrap_or_default());
        let all = io::Cursor::new(magic).take(length as u64).chain(input);
        let text = match packing {
            None => Text::Stream(Box::new(all)),
            Some(packing) => Text::Unpacked(unpack(packing, all).map_err(|e| unreadable(name, e))?),
        };
        let (path, unpacked) = (name.to_string(), Arc::default());
        Ok(LogFile { text, path, size: u64::MAX, inode: None, at: 0, unpacked })
    }

    /// The name it has in messages.
    pub fn name(&self) -> &str {
        &self.path
    }

    /// Reads text until `buffer` is full or the text ends.
    ///
    /// Errors: `weblog/compressed` for a cut or damaged file, `weblog/bomb`, `weblog/unreadable`.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let read = match &mut self.text {
            Text::Plain(file) => fill(file, buffer),
            Text::Stream(text) | Text::Unpacked(text) => fill(text, buffer),
        };
        let read = read.map_err(|e| match self.text {
            Text::Plain(_) | Text::Stream(_) => unreadable(&self.path, e),
            Text::Unpacked(_) => Error::failed(
                "weblog/compressed",
                format!("`{}` is cut or damaged after {} bytes of text", self.path, self.at),
            )
            .because(e)
            .hint("nothing of it is landed; copy the whole file again"),
        })?;
        self.at += read as u64;
        let unpacked = matches!(self.text, Text::Unpacked(_));
        if unpacked && is_bomb(self.at, self.size) {
            let what = format!("`{}` unpacks to more than {BOMB_RATIO} times its size", self.path);
            return Err(Error::failed("weblog/bomb", what).hint("remove it from `files`"));
        }
        Ok(read)
    }

    /// Goes to byte `offset` of the text, calling `passed` with text that had to be read over.
    pub fn skip_to(&mut self, offset: u64, mut passed: impl FnMut(&[u8])) -> Result<()> {
        if let Text::Plain(file) = &mut self.text {
            file.seek(SeekFrom::Start(offset)).map_err(|e| unreadable(&self.path, e))?;
            self.at = offset;
            return Ok(());
        }
        let mut buffer = vec![0; BLOCK];
        while self.at < offset {
            let wanted = usize::try_from(offset - self.at).unwrap_or(BLOCK).min(BLOCK);
            let read = self.read(buffer.get_mut(..wanted).unwrap_or_default())?;
            if read == 0 {
                break;
            }
            passed(buffer.get(..read).unwrap_or_default());
        }
        Ok(())
    }

    /// The first bytes of the text, at most [`HEAD`]: enough to recognise a log.
    pub fn head(&mut self) -> Result<Vec<u8>> {
        let mut head = vec![0; HEAD];
        let length = self.read(&mut head)?;
        head.truncate(length);
        Ok(head)
    }

    /// False if the text surely ends before byte `end`.
    pub fn reaches(&self, end: u64) -> bool {
        !matches!(self.text, Text::Plain(_)) || self.size >= end
    }

    /// Bytes of text read so far, or passed over.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// Bytes of the file on the disk, if it is compressed.
    pub fn packed(&self) -> Option<u64> {
        matches!(self.text, Text::Unpacked(_)).then_some(self.size)
    }

    /// Bytes of the file that were read so far: of text, or of the compressed file.
    pub fn passed(&self) -> u64 {
        match self.packed() {
            Some(_) => self.unpacked.load(Ordering::Relaxed),
            None => self.at,
        }
    }

    /// Looks at the file: its head, and where its last newline is. Of a compressed file only the
    /// beginning is unpacked, unless `whole` asks for its end.
    ///
    /// Errors: those of [`LogFile::read`].
    pub fn survey(mut self, whole: bool) -> Result<Seen> {
        let mut head = self.head()?;
        let extent = match (&mut self.text, self.size) {
            (Text::Plain(file), size) => {
                let end = last_newline(file, size).map_err(|e| unreadable(&self.path, e))?;
                Extent::Text(end.unwrap_or(0))
            }
            _ => self.unpacked_extent(&head, whole)?,
        };
        if let Extent::Text(end) = extent {
            head.truncate(usize::try_from(end).unwrap_or(HEAD).min(HEAD));
        }
        Ok(Seen { path: self.path, head, extent, inode: self.inode })
    }

    /// Where the text of a compressed file ends whose `head` is read. Without `whole` it is read on
    /// to the first newline behind the head, since only then all of the head is whole lines.
    fn unpacked_extent(&mut self, head: &[u8], whole: bool) -> Result<Extent> {
        let newline = |bytes: &[u8]| memchr::memrchr(b'\n', bytes).map(|i| i as u64 + 1);
        let mut end = newline(head).unwrap_or(0);
        let mut buffer = vec![0; BLOCK];
        loop {
            let before = self.at;
            let read = self.read(&mut buffer)?;
            let last = newline(buffer.get(..read).unwrap_or_default());
            end = last.map_or(end, |last| before + last);
            if read < BLOCK {
                return Ok(Extent::Text(end));
            }
            if last.is_some() && !whole {
                return Ok(Extent::Packed(self.size));
            }
        }
    }
}

/// True when `text` bytes are far too many for a compressed file of `size` bytes.
fn is_bomb(text: u64, size: u64) -> bool {
    text > BOMB_BYTES && text / size.max(1) > BOMB_RATIO
}

/// A file that counts what is read of it.
struct Counted {
    inner: File,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

#[derive(Debug, Clone, Copy)]
enum Packing {
    Gzip,
    Zstd,
}

/// How a file that begins with `magic` is compressed.
fn packed(magic: &[u8]) -> Option<Packing> {
    match magic {
        _ if magic.starts_with(GZIP) => Some(Packing::Gzip),
        _ if magic == ZSTD => Some(Packing::Zstd),
        _ => None,
    }
}

fn unpack(packing: Packing, file: impl Read + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
    let reader = BufReader::with_capacity(BLOCK, file);
    Ok(match packing {
        Packing::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(reader)),
        Packing::Zstd => Box::new(zstd::Decoder::with_buffer(reader)?),
    })
}

/// Offset just after the last newline before `size`, searched from the end.
fn last_newline(file: &mut File, size: u64) -> io::Result<Option<u64>> {
    let mut buffer = vec![0; 64 * 1024];
    let mut end = size;
    while end > 0 {
        let start = end.saturating_sub(buffer.len() as u64);
        file.seek(SeekFrom::Start(start))?;
        let wanted = (end - start) as usize;
        let read = fill(file, buffer.get_mut(..wanted).unwrap_or_default())?;
        if let Some(last) = memchr::memrchr(b'\n', buffer.get(..read).unwrap_or_default()) {
            return Ok(Some(start + last as u64 + 1));
        }
        end = start;
    }
    Ok(None)
}

/// Reads until the buffer is full or the input ends.
fn fill(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match input.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

fn regular(metadata: &Metadata, name: &str) -> Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    let kind = if metadata.is_dir() { "a folder" } else { "no regular file" };
    let error = Error::config("weblog/not_a_file", format!("`{name}` is {kind}"));
    Err(error.hint("name log files, for example `logs/access.log*`"))
}

/// The error of a log that cannot be opened or read.
pub fn unreadable(name: &str, cause: io::Error) -> Error {
    Error::connect("weblog/unreadable", format!("cannot read the log `{name}`")).because(cause)
}

#[cfg(unix)]
fn inode(metadata: &Metadata) -> Option<Inode> {
    use std::os::unix::fs::MetadataExt;
    Some(Inode { device: metadata.dev(), number: metadata.ino() })
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> Option<Inode> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_73_a_bomb_is_long_and_packed_beyond_reason() {
        let gigabytes = |n: u64| n << 30;
        for (text, size, want) in [
            (gigabytes(11), 1 << 20, true),
            (gigabytes(11), 0, true),
            // zeros in gzip come near to this ratio
            (gigabytes(11), gigabytes(11) / 1000, false),
            (gigabytes(9), 1 << 10, false),
            (gigabytes(500), gigabytes(40), false),
            // a stream, whose size nobody knows
            (gigabytes(500), u64::MAX, false),
        ] {
            assert_eq!(is_bomb(text, size), want, "{text} of {size}");
        }
    }
}
