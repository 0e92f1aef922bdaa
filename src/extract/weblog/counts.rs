//! What came of a log: every line is a row, a reject, or empty. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

/// Lines and bytes of a log, by what became of them: `lines = rows + rejected`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Lines read, empty ones left out.
    pub lines: u64,
    pub rows: u64,
    pub rejected: u64,
    /// Lines without a byte, or with `\r` alone.
    pub empty: u64,
    /// Bytes of text, newlines included.
    pub bytes: u64,
    /// Rejected lines by reason.
    pub reasons: BTreeMap<&'static str, u64>,
}

impl Counts {
    pub fn add(&mut self, other: &Counts) {
        self.lines += other.lines;
        self.rows += other.rows;
        self.rejected += other.rejected;
        self.empty += other.empty;
        self.bytes += other.bytes;
        for (reason, count) in &other.reasons {
            *self.reasons.entry(reason).or_default() += count;
        }
    }

    /// Counts a rejected line.
    pub fn reject(&mut self, reason: &'static str) {
        self.lines += 1;
        self.rejected += 1;
        *self.reasons.entry(reason).or_default() += 1;
    }
}
