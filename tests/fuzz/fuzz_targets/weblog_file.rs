//! Any bytes as a log, plain or compressed: read as a window of a run and read as a stream, the
//! lines are the same, and either both fail or neither.
//!
//! See CONTRIBUTING.md for the command.
#![no_main]

use std::io::{Cursor, Seek, Write};
use std::path::Path;

use landfall_fuzz::error::Result;
use landfall_fuzz::weblog::chunks::{Chunk, Chunks, Open};
use landfall_fuzz::weblog::file::LogFile;
use landfall_fuzz::weblog::identity::{Extent, FileId};
use landfall_fuzz::weblog::scan::{Lines, Marks};
use landfall_fuzz::weblog::whole::Whole;
use landfall_fuzz::window::FileRange;
use libfuzzer_sys::fuzz_target;

/// Start, length and bytes of a line; only the beginning of one that is too long.
type Read = (u64, u64, Vec<u8>);

struct This<'a>(&'a Path);

impl Open for This<'_> {
    fn open(&mut self, range: &FileRange) -> Result<LogFile> {
        LogFile::open(self.0, &range.path)
    }
}

fn lines(read: &mut Vec<Read>, offset: u64, text: &[u8], cut_from: Option<u64>) {
    match cut_from {
        Some(bytes) => read.push((offset, bytes, text.to_vec())),
        None => read.extend(Lines::new(text, &mut Marks::default()).map(|found| {
            let line = &text[found.start..found.end];
            (offset + found.start as u64, line.len() as u64, line.to_vec())
        })),
    }
}

/// As a run reads it: with its end found first, or, if it is compressed, while it is read.
fn as_window(path: &Path, whole: bool) -> Result<Vec<Read>> {
    let seen = LogFile::open(path, "log")?.survey(whole)?;
    let file_id = FileId::new(&seen.head, seen.inode).to_string();
    let (end, packed) = match seen.extent {
        Extent::Text(end) => (Some(end), None),
        Extent::Packed(size) => (None, Some(size)),
    };
    let range = FileRange { path: "log".to_string(), file_id, start: 0, end, packed };
    let mut chunks = Chunks::new(&[range], This(path), 0);
    let mut chunk = Chunk::default();
    let mut read = Vec::new();
    while chunks.next(&mut chunk)? {
        for (piece, text) in chunk.pieces() {
            lines(&mut read, piece.offset, text, piece.cut_from);
        }
    }
    Ok(read)
}

/// As a preview reads it: once, to the end.
fn as_stream(bytes: &[u8]) -> Result<Vec<Read>> {
    let mut whole = Whole::holding(LogFile::stream(Cursor::new(bytes.to_vec()), "log")?, 0);
    let mut read = Vec::new();
    while let Some(piece) = whole.next()? {
        lines(&mut read, piece.offset, piece.text, piece.cut_from);
    }
    Ok(read)
}

fuzz_target!(|bytes: &[u8]| {
    thread_local! {
        static FILE: tempfile::NamedTempFile = tempfile::NamedTempFile::new().expect("a file");
    }
    FILE.with(|file| {
        let mut open = file.as_file();
        open.set_len(0).and_then(|()| open.rewind()).expect("empty");
        open.write_all(bytes).expect("written");
        for whole in [true, false] {
            match (as_window(file.path(), whole), as_stream(bytes)) {
                (Ok(window), Ok(stream)) => assert!(window == stream),
                (Err(one), Err(other)) => assert_eq!(one.code(), other.code()),
                (window, stream) => panic!("{:?} and {:?}", window.err(), stream.err()),
            }
        }
    });
});
