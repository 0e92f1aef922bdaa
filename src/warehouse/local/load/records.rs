//! Text to records: lines, quotes, escapes, widths. It knows no types.
//!
//! Source: copy-parameters-data-format, copy-parameters-data-conversion (ESCAPE, REMOVEQUOTES).

use std::io::{self, BufRead};

use crate::dialect::TextLayout;

/// A byte inside a text that stands for no field of it.
const NEWLINE: u8 = b'\n';

/// One field of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    start: usize,
    end: usize,
    quoted: bool,
}

/// A record: its line, and its fields as bytes.
#[derive(Debug, Default)]
pub struct Record {
    /// Of its first line, from 1.
    pub line: usize,
    bytes: Vec<u8>,
    fields: Vec<Span>,
}

impl Record {
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// A field, and whether it stood in quotes.
    pub fn field(&self, index: usize) -> Option<(&[u8], bool)> {
        let span = self.fields.get(index)?;
        Some((self.bytes.get(span.start..span.end)?, span.quoted))
    }

    /// True when the line had no byte.
    pub fn is_blank(&self) -> bool {
        self.fields.len() == 1 && self.field(0).is_some_and(|(f, quoted)| f.is_empty() && !quoted)
    }

    fn end_field(&mut self, start: usize, quoted: bool) {
        self.fields.push(Span { start, end: self.bytes.len(), quoted });
    }
}

/// How lines become fields.
#[derive(Debug, Clone)]
pub enum Cut {
    Text(TextLayout),
    /// Widths in characters.
    Fixed(Vec<usize>),
    /// The line is one field.
    Whole,
}

/// Reads records one after the other.
pub struct Records<R> {
    source: R,
    cut: Cut,
    /// Lines read so far.
    lines: usize,
    line: Vec<u8>,
}

impl<R: BufRead> Records<R> {
    pub fn new(source: R, cut: Cut) -> Records<R> {
        Records { source, cut, lines: 0, line: Vec::new() }
    }

    /// Reads over the first lines of a file.
    pub fn skip(&mut self, lines: usize) -> io::Result<()> {
        for _ in 0..lines {
            self.line.clear();
            self.more()?;
        }
        Ok(())
    }

    /// Adds the next line to `self.line`; false at the end.
    fn more(&mut self) -> io::Result<bool> {
        let read = self.source.read_until(NEWLINE, &mut self.line)?;
        self.lines += usize::from(read > 0);
        Ok(read > 0)
    }

    /// The next record into `record`; false at the end of the file.
    pub fn next(&mut self, record: &mut Record) -> io::Result<bool> {
        self.line.clear();
        if !self.more()? {
            return Ok(false);
        }
        record.line = self.lines;
        loop {
            record.bytes.clear();
            record.fields.clear();
            let line = without_end(&self.line);
            let closed = match &self.cut {
                Cut::Text(layout) if layout.csv => quoted(line, layout, record),
                Cut::Text(layout) => delimited(line, layout, record),
                Cut::Fixed(widths) => {
                    fixed(line, widths, record);
                    true
                }
                Cut::Whole => {
                    record.bytes.extend_from_slice(line);
                    record.end_field(0, false);
                    true
                }
            };
            // An open quote or a backslash at the end takes the next line in.
            if closed || !self.more()? {
                return Ok(true);
            }
        }
    }
}

fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// CSV; false when a quote is still open.
fn quoted(line: &[u8], layout: &TextLayout, record: &mut Record) -> bool {
    let (mut at, mut start) = (0, 0);
    let (mut inside, mut was_quoted) = (false, false);
    while let Some(&byte) = line.get(at) {
        if inside {
            if byte != layout.quote {
                record.bytes.push(byte);
            } else if line.get(at + 1) == Some(&layout.quote) {
                record.bytes.push(byte);
                at += 1;
            } else {
                inside = false;
            }
            at += 1;
        } else if byte == layout.quote && record.bytes.len() == start && !was_quoted {
            (inside, was_quoted) = (true, true);
            at += 1;
        } else if starts(line, at, &layout.delimiter) {
            record.end_field(start, was_quoted);
            (start, was_quoted) = (record.bytes.len(), false);
            at += layout.delimiter.len();
        } else {
            record.bytes.push(byte);
            at += 1;
        }
    }
    record.end_field(start, was_quoted);
    !inside
}

/// Text between delimiters; false when the line ends in a backslash that escapes its end.
fn delimited(line: &[u8], layout: &TextLayout, record: &mut Record) -> bool {
    let (mut at, mut start) = (0, 0);
    let mut open: Option<u8> = None;
    let mut was_quoted = false;
    while let Some(&byte) = line.get(at) {
        let fresh = record.bytes.len() == start && !was_quoted;
        if layout.escape && byte == b'\\' {
            let Some(&next) = line.get(at + 1) else { return false };
            // `\N` is what a NULL looks like, not an N
            if next == b'N' {
                record.bytes.push(byte);
            }
            record.bytes.push(next);
            at += 2;
        } else if open == Some(byte) {
            open = None;
            at += 1;
        } else if layout.remove_quotes && fresh && (byte == b'"' || byte == b'\'') {
            (open, was_quoted) = (Some(byte), true);
            at += 1;
        } else if open.is_none() && starts(line, at, &layout.delimiter) {
            record.end_field(start, was_quoted);
            (start, was_quoted) = (record.bytes.len(), false);
            at += layout.delimiter.len();
        } else {
            record.bytes.push(byte);
            at += 1;
        }
    }
    record.end_field(start, was_quoted);
    true
}

fn starts(line: &[u8], at: usize, delimiter: &[u8]) -> bool {
    line.get(at..).is_some_and(|rest| rest.starts_with(delimiter))
}

/// Fields by their widths in characters; a line may end early.
fn fixed(line: &[u8], widths: &[usize], record: &mut Record) {
    let mut rest = line;
    for width in widths {
        let end = end_of_characters(rest, *width);
        let (field, tail) = rest.split_at(end.min(rest.len()));
        let start = record.bytes.len();
        record.bytes.extend_from_slice(field.trim_ascii());
        record.end_field(start, false);
        rest = tail;
    }
    if !rest.trim_ascii().is_empty() {
        let start = record.bytes.len();
        record.bytes.extend_from_slice(rest);
        record.end_field(start, false);
    }
}

/// Where the first `count` characters of UTF-8 end.
fn end_of_characters(bytes: &[u8], count: usize) -> usize {
    let is_start = |b: u8| b & 0b1100_0000 != 0b1000_0000;
    let mut starts = bytes.iter().enumerate().filter(|(_, b)| is_start(**b)).map(|(i, _)| i);
    starts.nth(count).unwrap_or(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str, layout: &TextLayout) -> Vec<(usize, Vec<String>)> {
        let mut records = Records::new(text.as_bytes(), Cut::Text(layout.clone()));
        let mut record = Record::default();
        let mut found = Vec::new();
        while records.next(&mut record).expect("memory") {
            let fields = (0..record.len())
                .filter_map(|i| record.field(i))
                .map(|(f, _)| String::from_utf8_lossy(f).into_owned());
            found.push((record.line, fields.collect()));
        }
        found
    }

    fn fields(text: &str, layout: &TextLayout) -> Vec<Vec<String>> {
        all(text, layout).into_iter().map(|(_, fields)| fields).collect()
    }

    #[test]
    fn csv_quotes_hide_delimiters_and_line_ends() {
        let csv = TextLayout::csv();
        assert_eq!(
            all("a,\"b,\"\"c\"\"\nd\",e\r\nf,,\n", &csv),
            [
                (1, vec!["a".into(), "b,\"c\"\nd".into(), "e".into()]),
                (3, vec!["f".into(), String::new(), String::new()])
            ]
        );
    }

    #[test]
    fn escapes_and_quotes_of_plain_text() {
        let escape = TextLayout { escape: true, ..TextLayout::pipes() };
        assert_eq!(fields("a\\|b|c\\\nd|\\N\n", &escape), [["a|b", "c\nd", "\\N"]]);
        let quotes = TextLayout { remove_quotes: true, ..TextLayout::pipes() };
        assert_eq!(fields("'a|b'|\"c\"|d'e\n", &quotes), [["a|b", "c", "d'e"]]);
        let wide = TextLayout { delimiter: b"|~|".to_vec(), ..TextLayout::pipes() };
        assert_eq!(fields("a|b|~|c\n", &wide), [["a|b", "c"]]);
    }

    #[test]
    fn widths_count_characters() {
        let mut records = Records::new("äb cd  x\n".as_bytes(), Cut::Fixed(vec![3, 4]));
        let mut record = Record::default();
        assert!(records.next(&mut record).expect("memory"));
        let field = |i| record.field(i).map(|(f, _)| String::from_utf8_lossy(f).into_owned());
        assert_eq!((field(0), field(1)), (Some("äb".into()), Some("cd".into())));
        assert_eq!(record.len(), 3, "what is left over is a field too many");
    }
}
