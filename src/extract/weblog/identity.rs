//! Which log a file is, whatever its name: rotated, compressed, copied or cut. Pure.
//!
//! An identity is a hash of the first bytes of the decompressed text, at most 4 KiB and never past
//! a newline, with the length hashed and a hash of device and inode. The text finds a log again
//! after `gzip`; the inode tells apart young logs that begin with the same few lines.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use sha2::{Digest, Sha256};

use crate::window::ReadUpTo;

/// Text an identity looks at.
pub const HEAD: usize = 4096;

/// The identity of a log, written `<hash of the head>-<bytes hashed>-<hash of the inode>`:
/// at most 54 characters. It stays the same while the log grows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileId {
    head: String,
    bytes: usize,
    inode: String,
}

impl FileId {
    /// The identity of a log seen for the first time; `head` are its first bytes, whole lines if
    /// there are fewer than [`HEAD`].
    pub fn new(head: &[u8], inode: Option<Inode>) -> FileId {
        let head = head.get(..HEAD).unwrap_or(head);
        let inode = inode.map_or_else(
            || "0".repeat(16),
            |Inode { device, number }| {
                hex(&[device.to_le_bytes(), number.to_le_bytes()].concat(), 8)
            },
        );
        FileId { head: hex(head, 16), bytes: head.len(), inode }
    }

    /// Reads an identity back; `None` if the text is none.
    pub fn parse(text: &str) -> Option<FileId> {
        let mut parts = text.split('-');
        let (head, bytes, inode) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?);
        let whole = head.len() == 32 && bytes <= HEAD && inode.len() == 16;
        (whole && parts.next().is_none()).then(|| FileId {
            head: head.to_string(),
            bytes,
            inode: inode.to_string(),
        })
    }

    /// True if a file that starts with `head` can be this log.
    pub fn begins(&self, head: &[u8]) -> bool {
        head.get(..self.bytes).is_some_and(|head| hex(head, 16) == self.head)
    }

    /// True when the head alone tells this log from any other.
    fn is_sure(&self) -> bool {
        self.bytes == HEAD
    }

    fn same_inode(&self, other: &FileId) -> bool {
        self.inode == other.inode
    }
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.head, self.bytes, self.inode)
    }
}

fn hex(bytes: &[u8], length: usize) -> String {
    Sha256::digest(bytes).iter().take(length).map(|b| format!("{b:02x}")).collect()
}

/// Device and inode of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inode {
    pub device: u64,
    pub number: u64,
}

/// A log file as found on the disk.
#[derive(Debug, Clone)]
pub struct Seen {
    /// For messages and the window.
    pub path: String,
    /// The first bytes of its text, at most [`HEAD`], cut after the last newline.
    pub head: Vec<u8>,
    pub extent: Extent,
    pub inode: Option<Inode>,
}

/// How long a log is found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Bytes of text up to the last newline.
    Text(u64),
    /// Bytes of a compressed file that is longer than its head; of its text nobody knows yet.
    Packed(u64),
}

impl Seen {
    /// Bytes of text up to the last newline; 0 while nobody knows.
    fn end(&self) -> u64 {
        match self.extent {
            Extent::Text(end) => end,
            Extent::Packed(_) => 0,
        }
    }
}

/// What a file is found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// This log, and how far it was read before (not at all for a new one).
    Log { id: String, read: ReadUpTo },
    /// A second copy of the log that the file at `of` is read as.
    Copy { of: String },
}

/// Names the log each file is: one read before, or a new one. `read` holds how far each is read.
/// Two files that begin alike for [`HEAD`] bytes must have their ends measured.
///
/// - a file whose head is 4 KiB long is known by it alone, so a compressed or copied log is
///   recognised, and of two copies the longer one is read;
/// - a shorter head is trusted for the same inode, or when the file known under it is gone.
pub fn identify(files: &[Seen], read: &BTreeMap<String, ReadUpTo>) -> Vec<Verdict> {
    let known: Vec<(FileId, &str, ReadUpTo)> = read
        .iter()
        .filter_map(|(text, read)| Some((FileId::parse(text)?, text.as_str(), *read)))
        .collect();
    let fresh: Vec<FileId> = files.iter().map(|f| FileId::new(&f.head, f.inode)).collect();
    let mut heads: Vec<Heads<'_>> = files.iter().map(|f| Heads::new(&f.head)).collect();
    let mut named: Vec<Option<(String, ReadUpTo)>> = vec![None; files.len()];
    let mut taken: BTreeSet<&str> = BTreeSet::new();
    // the same inode first: it is the surest sign for heads too short to be sure
    for same_inode in [true, false] {
        for ((name, own), heads) in named.iter_mut().zip(&fresh).zip(&mut heads) {
            if name.is_some() {
                continue;
            }
            let found = known
                .iter()
                .filter(|(id, text, _)| {
                    (id.is_sure() || !taken.contains(text))
                        && id.same_inode(own) == same_inode
                        && heads.begin(id)
                })
                .max_by_key(|(id, _, read)| (id.bytes, read.end));
            if let Some((_, text, read)) = found {
                taken.insert(text);
                *name = Some((text.to_string(), *read));
            }
        }
    }
    let ids: Vec<(String, ReadUpTo)> = named
        .into_iter()
        .zip(&fresh)
        .map(|(name, own)| name.unwrap_or_else(|| (own.to_string(), ReadUpTo::default())))
        .collect();
    verdicts(files, &fresh, ids)
}

/// The hashes of one file's head, each length hashed once: nearly all known logs share one length.
struct Heads<'a> {
    head: &'a [u8],
    hashes: BTreeMap<usize, Option<String>>,
}

impl<'a> Heads<'a> {
    fn new(head: &'a [u8]) -> Heads<'a> {
        Heads { head, hashes: BTreeMap::new() }
    }

    fn begin(&mut self, id: &FileId) -> bool {
        let hash = self
            .hashes
            .entry(id.bytes)
            .or_insert_with(|| self.head.get(..id.bytes).map(|head| hex(head, 16)));
        hash.as_ref() == Some(&id.head)
    }
}

/// Finds the copies among files with one identity, or with one full head.
fn verdicts(files: &[Seen], fresh: &[FileId], ids: Vec<(String, ReadUpTo)>) -> Vec<Verdict> {
    let same_log = |a: usize, b: usize| -> bool {
        let (Some(x), Some(y)) = (fresh.get(a), fresh.get(b)) else { return false };
        let (Some((id_x, _)), Some((id_y, _))) = (ids.get(a), ids.get(b)) else { return false };
        id_x == id_y || (x.is_sure() && y.is_sure() && x.head == y.head)
    };
    let longer = |a: usize, b: usize| {
        let end = |i: usize| files.get(i).map_or(0, Seen::end);
        // of equal ones the first
        end(b) > end(a) || (end(b) == end(a) && b < a)
    };
    ids.iter()
        .enumerate()
        .map(|(i, (id, read))| {
            let rival = (0..files.len()).find(|j| *j != i && same_log(i, *j) && longer(i, *j));
            match rival.and_then(|j| files.get(j)) {
                Some(of) => Verdict::Copy { of: of.path.clone() },
                None => Verdict::Log { id: id.clone(), read: *read },
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(path: &str, text: &str, number: u64) -> Seen {
        let head = text.as_bytes()[..text.len().min(HEAD)].to_vec();
        let inode = Some(Inode { device: 1, number });
        let extent = Extent::Text(text.len() as u64);
        Seen { path: path.to_string(), head, extent, inode }
    }

    fn log(lines: std::ops::Range<usize>) -> String {
        lines.map(|i| format!("line {i:010} of a log that tells its lines apart\n")).collect()
    }

    /// Reads everything there is, as a run would, and returns what is known afterwards.
    fn after(files: &[Seen], read: &BTreeMap<String, ReadUpTo>) -> BTreeMap<String, ReadUpTo> {
        let mut after = read.clone();
        for (verdict, file) in identify(files, read).iter().zip(files) {
            if let Verdict::Log { id, .. } = verdict {
                after.insert(id.clone(), ReadUpTo { end: file.end(), packed: None });
            }
        }
        after
    }

    fn starts(files: &[Seen], read: &BTreeMap<String, ReadUpTo>) -> Vec<Option<u64>> {
        identify(files, read)
            .iter()
            .map(|v| match v {
                Verdict::Log { read, .. } => Some(read.end),
                Verdict::Copy { .. } => None,
            })
            .collect()
    }

    #[test]
    fn an_identity_is_short_and_comes_back() {
        let id = FileId::new(&[b'x'; 9000], Some(Inode { device: u64::MAX, number: u64::MAX }));
        assert!(id.to_string().len() <= 64);
        assert_eq!(FileId::parse(&id.to_string()), Some(id));
        for text in ["", "a-b-c", "x-1-2-3", "00"] {
            assert_eq!(FileId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_growing_log_keeps_its_identity_from_its_first_line_on() {
        let mut read = BTreeMap::new();
        for lines in [1, 2, 70, 71, 500] {
            let files = [seen("access.log", &log(0..lines), 7)];
            let before = read.clone();
            read = after(&files, &read);
            assert_eq!(read.len(), 1, "{lines}");
            if let Some(read) = before.values().next() {
                assert_eq!(starts(&files, &before), [Some(read.end)]);
            }
        }
    }

    #[test]
    fn a_renamed_and_then_compressed_log_goes_on() {
        for lines in [3, 300] {
            let (old, new) = (log(0..lines), log(lines..lines + 5));
            let read = after(&[seen("access.log", &old, 7)], &BTreeMap::new());
            let end = old.len() as u64;
            let renamed = [seen("access.log", &new, 8), seen("access.log.1", &old, 7)];
            assert_eq!(starts(&renamed, &read), [Some(0), Some(end)]);
            let compressed = [seen("access.log", &new, 8), seen("access.log.1.gz", &old, 9)];
            assert_eq!(starts(&compressed, &read), [Some(0), Some(end)]);
        }
    }

    #[test]
    fn copytruncate_makes_a_new_log_and_the_copy_goes_on() {
        let (old, new) = (log(0..300), log(300..302));
        let read = after(&[seen("access.log", &old, 7)], &BTreeMap::new());
        let files = [seen("access.log", &new, 7), seen("access.log.1", &old, 9)];
        assert_eq!(starts(&files, &read), [Some(0), Some(old.len() as u64)]);
    }

    #[test]
    fn of_two_copies_the_longer_is_read() {
        let files =
            [seen("access.log.1", &log(0..300), 7), seen("access.log.1.gz", &log(0..200), 8)];
        assert_eq!(starts(&files, &BTreeMap::new()), [Some(0), None]);
        let read = after(&files, &BTreeMap::new());
        assert_eq!(starts(&files, &read), [Some(files[0].end()), None]);
        assert_eq!(starts(&files[1..], &read), [Some(files[0].end())], "even the shorter is known");
    }

    #[test]
    fn young_logs_that_begin_alike_are_two_logs() {
        let files = [seen("a.log", "GET /health\n", 7), seen("b.log", "GET /health\n", 8)];
        assert_eq!(starts(&files, &BTreeMap::new()), [Some(0), Some(0)]);
        let read = after(&files, &BTreeMap::new());
        assert_eq!(read.len(), 2);
        let grown = [seen("a.log", "GET /health\nmore\n", 7), seen("b.log", "GET /health\n", 8)];
        assert_eq!(starts(&grown, &read), [Some(12), Some(12)]);
        let third = [files[0].clone(), files[1].clone(), seen("c.log", "GET /health\n", 9)];
        assert_eq!(starts(&third, &read), [Some(12), Some(12), Some(0)]);
    }
}
