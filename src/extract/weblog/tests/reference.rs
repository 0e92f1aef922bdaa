//! A slow and obvious reader of lines: what the fast one must agree with.
//!
//! It is one regular expression for each format, written by hand from the grammar in
//! [`super::super::format`], and the checks on numbers and lengths.

use std::collections::BTreeMap;

use regex::bytes::Regex;

use super::super::line::limit;
use super::super::parse::Parsed;
use super::Landed;

/// The reference for some formats, tried in order.
pub struct Reference {
    formats: Vec<Regex>,
}

/// Columns of a good line that the line itself decides; NULL ones are left out.
pub type Fields = BTreeMap<&'static str, String>;

/// The columns of [`Fields`] with the bytes each may have.
const COLUMNS: [(&str, usize); 9] = [
    ("ip_address", limit::ADDRESS),
    ("identity", limit::NAME),
    ("username", limit::NAME),
    ("request_timestamp", limit::TIMESTAMP),
    ("request_line", limit::TEXT),
    ("status_code", 3),
    ("bytes_sent", usize::MAX),
    ("referer", limit::TEXT),
    ("user_agent", limit::TEXT),
];

/// An address, or a list of them.
pub const ADDRESS: &str = r"(?P<ip_address>(?:[^ ]*, )*[^ ]*[^ ,])";
/// A time between brackets.
pub const TIME: &str = r"\[(?P<request_timestamp>[^\]]*)\]";
/// A status and a size.
pub const NUMBERS: &str = r"(?P<status_code>[0-9]{3}|-) (?P<bytes_sent>[0-9]+|-)";

/// A field between quotes; a backslash takes the byte after it along.
pub fn quoted(name: &str) -> String {
    format!(r#""(?P<{name}>(?:[^"\\]|\\.)*)""#)
}

pub fn common() -> String {
    let request = quoted("request_line");
    format!("{ADDRESS} (?P<identity>[^ ]+) (?P<username>[^ ]+) {TIME} {request} {NUMBERS}")
}

pub fn combined() -> String {
    format!("{} {} {}", common(), quoted("referer"), quoted("user_agent"))
}

impl Reference {
    /// For the formats tried when none is declared.
    pub fn new() -> Reference {
        Reference::of(&[combined(), common(), format!("[^ :]+:[^ ]+ {}", combined())])
    }

    /// For formats given as patterns of whole lines.
    pub fn of(patterns: &[String]) -> Reference {
        let formats = patterns.iter().map(|p| Regex::new(&format!(r"(?s-u)\A{p}\z")));
        Reference { formats: formats.collect::<Result<_, _>>().expect("patterns") }
    }

    /// The fields of a line, `None` if it is to be rejected.
    pub fn read(&self, line: &[u8]) -> Option<Fields> {
        if line.len() > limit::LINE || std::str::from_utf8(line).is_err() {
            return None;
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let found = self.formats.iter().find_map(|format| format.captures(line))?;
        let mut fields = Fields::new();
        for (name, limit) in COLUMNS {
            let Some(text) = found.name(name) else { continue };
            let text = String::from_utf8(text.as_bytes().to_vec()).expect("text");
            if text.len() > limit {
                return None;
            }
            if text != "-" {
                fields.insert(name, text);
            }
        }
        for number in ["status_code", "bytes_sent"] {
            if let Some(text) = fields.get_mut(number) {
                *text = text.parse::<i64>().ok()?.to_string();
            }
        }
        Some(fields)
    }

    /// Checks that what was parsed of `lines`, each ended by a newline, is what the reference
    /// reads, row by row and reject by reject, and that every line and byte is accounted for.
    pub fn check(
        &self,
        lines: &[impl AsRef<[u8]>],
        landed: &Landed,
        parsed: &Parsed,
    ) -> Result<(), String> {
        let (mut rows, mut rejects) = (landed.rows.iter(), parsed.rejected.iter());
        let (mut offset, mut empty) = (0, 0);
        for line in lines.iter().map(AsRef::as_ref) {
            let told = || format!("{:?} at byte {offset}", String::from_utf8_lossy(line));
            if line.is_empty() || line == b"\r" {
                empty += 1;
            } else if let Some(fields) = self.read(line) {
                let row = rows.next().ok_or_else(|| format!("lost: {}", told()))?;
                let start = row.get("line_offset").map(String::as_str);
                if start != Some(&offset.to_string()) {
                    return Err(format!("{start:?} instead of {}", told()));
                }
                for (column, _) in COLUMNS {
                    if row.get(column) != fields.get(column) {
                        return Err(format!("{column} is {:?} of {}", row.get(column), told()));
                    }
                }
            } else {
                let reject = rejects.next().ok_or_else(|| format!("accepted: {}", told()))?;
                let kept = &line[..line.len().min(reject.raw.len())];
                let whole = kept.len() == line.len() || kept.len() == limit::KEPT;
                if (reject.offset as usize, reject.raw.as_slice()) != (offset, kept) || !whole {
                    return Err(format!("{reject:?} instead of {}", told()));
                }
            }
            offset += line.len() + 1;
        }
        let counts = &parsed.counts;
        let accounted = rows.next().is_none()
            && rejects.next().is_none()
            && counts.rows == landed.rows.len() as u64
            && counts.rejected == parsed.rejected.len() as u64
            && counts.lines == counts.rows + counts.rejected
            && counts.rejected == counts.reasons.values().sum::<u64>()
            && counts.lines + counts.empty == lines.len() as u64
            && (counts.empty, counts.bytes) == (empty, offset as u64);
        if accounted { Ok(()) } else { Err(format!("{counts:?} of {} lines", lines.len())) }
    }
}
