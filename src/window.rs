//! Windows: what part of a source one sequence reads, fixed in the catalog before the first row. Pure.
//!
//! A window of a table is half-open, `start <= watermark < end` (rule W1), in the source
//! database's clock (W2) and floored to whole seconds; `start` is the table's own last `end`.

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};

/// What a sequence reads of one table or log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Window {
    /// Every row, in one snapshot.
    Full,
    /// Rows whose watermark lies in `[start, end)`; no `start` means from the beginning.
    Range {
        start: Option<NaiveDateTime>,
        end: NaiveDateTime,
        /// Which server the clock belongs to: a change of it widens the next start.
        server: String,
    },
    /// Byte ranges of log files, in reading order.
    Files { ranges: Vec<FileRange> },
}

/// A byte range of one log file, `[start, end)`; `end` lies just after a newline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRange {
    /// As configured, relative to the project.
    pub path: String,
    /// Tells files apart across renames: a hash of the first bytes of the (decompressed) text,
    /// with device and inode where the system has them.
    pub file_id: String,
    /// Offsets in the decompressed text.
    pub start: u64,
    pub end: u64,
}

impl Window {
    /// The bytes to read, where they are known.
    pub fn bytes(&self) -> Option<u64> {
        match self {
            Window::Full | Window::Range { .. } => None,
            Window::Files { ranges } => {
                Some(ranges.iter().map(|range| range.end.saturating_sub(range.start)).sum())
            }
        }
    }

    /// True when the window holds nothing to read.
    pub fn is_empty(&self) -> bool {
        match self {
            Window::Full => false,
            Window::Range { start, end, .. } => start.is_some_and(|start| start >= *end),
            Window::Files { ranges } => ranges.iter().all(|r| r.start >= r.end),
        }
    }
}
