//! Text to records: lines, quotes, escapes, widths, objects. It knows no types.
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
    /// What is wrong with it as a whole.
    fault: Option<&'static str>,
}

impl Record {
    fn begin(&mut self) {
        self.bytes.clear();
        self.fields.clear();
        self.fault = None;
    }

    /// What is wrong with the line before any value is looked at.
    pub fn fault(&self) -> Option<&'static str> {
        self.fault
    }

    /// What follows the first NUL, which ends a record: the byte, or none.
    pub fn after_nul(&self) -> Option<Option<u8>> {
        let at = memchr::memchr(0, &self.bytes)?;
        Some(self.bytes.get(at + 1).copied())
    }

    /// Leaves out the empty field after a delimiter that ends the line.
    pub fn without_last_empty(&mut self) {
        if self.fields.last().is_some_and(|f| f.start == f.end && !f.quoted) {
            self.fields.pop();
        }
    }

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
    /// One JSON object after the other, over any number of lines.
    Objects,
}

/// Reads records one after the other.
pub struct Records<R> {
    source: R,
    cut: Cut,
    /// Lines read so far.
    lines: usize,
    line: Vec<u8>,
    /// How much of the line is read, where objects share it.
    at: usize,
}

impl<R: BufRead> Records<R> {
    pub fn new(source: R, cut: Cut) -> Records<R> {
        Records { source, cut, lines: 0, line: Vec::new(), at: 0 }
    }

    /// Reads over the first lines of a file.
    pub fn skip(&mut self, lines: usize) -> io::Result<()> {
        for _ in 0..lines {
            self.line.clear();
            self.more()?;
        }
        self.line.clear();
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
        if let Cut::Objects = self.cut {
            return self.object(record);
        }
        self.line.clear();
        if !self.more()? {
            return Ok(false);
        }
        record.line = self.lines;
        loop {
            record.begin();
            let line = without_end(&self.line);
            let closed = match &self.cut {
                Cut::Text(layout) if layout.csv => quoted(line, layout, record),
                Cut::Text(layout) => delimited(line, layout, record),
                Cut::Fixed(widths) => {
                    fixed(line, widths, record);
                    true
                }
                Cut::Whole | Cut::Objects => {
                    record.bytes.extend_from_slice(line);
                    record.end_field(0, false);
                    true
                }
            };
            // An open quote or a backslash at the end takes the next line in.
            if closed {
                return Ok(true);
            }
            if !self.more()? {
                record.fault = Some("the file ends inside a field: a quote or an escape is open");
                return Ok(true);
            }
        }
    }

    /// The next object, or what stands on the line instead of one.
    fn object(&mut self, record: &mut Record) -> io::Result<bool> {
        record.begin();
        loop {
            let rest = self.line.get(self.at..).unwrap_or_default();
            if let Some(blanks) = rest.iter().position(|b| !b.is_ascii_whitespace()) {
                self.at += blanks;
                break;
            }
            if !self.next_line()? {
                return Ok(false);
            }
        }
        record.line = self.lines;
        let mut nest = Nest::default();
        loop {
            while let Some(&byte) = self.line.get(self.at) {
                self.at += 1;
                record.bytes.push(byte);
                if nest.closes(byte) {
                    record.end_field(0, false);
                    return Ok(true);
                }
            }
            if nest.depth == 0 || !self.next_line()? {
                record.end_field(0, false);
                return Ok(true);
            }
        }
    }

    fn next_line(&mut self) -> io::Result<bool> {
        self.line.clear();
        self.at = 0;
        self.more()
    }
}

/// How deep in objects and arrays a byte of JSON stands, and whether in a text.
#[derive(Default)]
struct Nest {
    depth: usize,
    text: bool,
    escaped: bool,
}

impl Nest {
    /// True when the byte ends the outermost object.
    fn closes(&mut self, byte: u8) -> bool {
        if self.text {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.text = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.text = self.depth > 0,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            _ => {}
        }
        false
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
    // where the text ends that stood in quotes
    let mut closed = 0;
    while let Some(&byte) = line.get(at) {
        if inside {
            if byte != layout.quote {
                record.bytes.push(byte);
            } else if line.get(at + 1) == Some(&layout.quote) {
                record.bytes.push(byte);
                at += 1;
            } else {
                (inside, closed) = (false, record.bytes.len());
            }
            at += 1;
        } else if byte == layout.quote && !was_quoted && is_blank(&record.bytes, start) {
            record.bytes.truncate(start);
            (inside, was_quoted) = (true, true);
            at += 1;
        } else if starts(line, at, &layout.delimiter) {
            without_blanks(record, was_quoted, closed);
            record.end_field(start, was_quoted);
            (start, was_quoted) = (record.bytes.len(), false);
            at += layout.delimiter.len();
        } else {
            record.bytes.push(byte);
            at += 1;
        }
    }
    without_blanks(record, was_quoted && !inside, closed);
    record.end_field(start, was_quoted);
    !inside
}

/// White space between a quote and a delimiter is no part of the field.
fn without_blanks(record: &mut Record, was_quoted: bool, closed: usize) {
    if was_quoted && is_blank(&record.bytes, closed) {
        record.bytes.truncate(closed);
    }
}

fn is_blank(bytes: &[u8], from: usize) -> bool {
    bytes.get(from..).is_some_and(|rest| rest.iter().all(u8::is_ascii_whitespace))
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
        } else if open == Some(byte) && ends(line, at + 1, &layout.delimiter) {
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
    if open.is_some() {
        record.fault = Some("a field begins with a quotation mark and does not end with it");
    }
    true
}

/// True where a field ends: at a delimiter, or with the line.
fn ends(line: &[u8], at: usize, delimiter: &[u8]) -> bool {
    at == line.len() || starts(line, at, delimiter)
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
        // the table of REMOVEQUOTES: the outer pair goes, and it must be a pair
        assert_eq!(fields("\"x\"y\"|'' 'Black' ''|' '\n", &quotes), [["x\"y", "' 'Black' '", " "]]);
        let mut records = Records::new(&b"'Blue|1\n"[..], Cut::Text(quotes));
        let mut record = Record::default();
        assert!(records.next(&mut record).expect("memory") && record.fault().is_some());
        let wide = TextLayout { delimiter: b"|~|".to_vec(), ..TextLayout::pipes() };
        assert_eq!(fields("a|b|~|c\n", &wide), [["a|b", "c"]]);
    }

    #[test]
    fn csv_ignores_blanks_around_quotes_alone() {
        let csv = TextLayout::csv();
        assert_eq!(fields("1, \"a \"\" b\" ,\"c\"\t, d \n", &csv), [["1", "a \" b", "c", " d "]]);
        let tabs = TextLayout { delimiter: b"\t".to_vec(), ..csv };
        assert_eq!(fields("\t \"a\"\t\n", &tabs), [["", "a", ""]]);
    }

    #[test]
    fn a_nul_is_seen_with_what_follows_it() {
        let after = |text: &str| {
            let mut records = Records::new(text.as_bytes(), Cut::Text(TextLayout::pipes()));
            let mut record = Record::default();
            records.next(&mut record).expect("memory");
            record.after_nul()
        };
        assert_eq!(after("1|a\0b|c\n"), Some(Some(b'b')));
        assert_eq!(after("1|a\0\n"), Some(None));
        assert_eq!(after("1|a\n"), None);
    }

    #[test]
    fn objects_span_lines_and_share_them() {
        let text = "{\"a\":\n {\"b\": \"}\\\"{\"}\n}{\"a\": 2}\n\nnone\n[1]{\n";
        let mut records = Records::new(text.as_bytes(), Cut::Objects);
        let mut record = Record::default();
        let mut found = Vec::new();
        while records.next(&mut record).expect("memory") {
            let text = record.field(0).map(|(f, _)| String::from_utf8_lossy(f).trim().to_owned());
            found.push((record.line, text.unwrap_or_default()));
        }
        let expected = [
            (1, "{\"a\":\n {\"b\": \"}\\\"{\"}\n}"),
            (3, "{\"a\": 2}"),
            (5, "none"),
            (6, "[1]"),
            (6, "{"),
        ];
        assert_eq!(found, expected.map(|(line, text)| (line, text.to_owned())));
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
