//! Windows: what part of a source one sequence reads, fixed in the catalog before the first row. Pure.
//!
//! One bound may be left open, the end of a compressed log, which the commit of its lines closes.
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
///
/// Where a compressed file ends is known once it was unpacked. It is unpacked only to be read, and
/// the end is written into the window by the commit that lands its lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRange {
    /// As configured, relative to the project.
    pub path: String,
    /// Tells files apart across renames: a hash of the first bytes of the (decompressed) text,
    /// with device and inode where the system has them.
    pub file_id: String,
    /// Offset in the decompressed text.
    pub start: u64,
    /// Offset in the decompressed text; `None` for the last newline of a compressed file that was
    /// not read yet.
    pub end: Option<u64>,
    /// Bytes of the compressed file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packed: Option<u64>,
}

impl FileRange {
    /// Bytes to read: of text, or of the compressed file while its text was not measured.
    pub fn bytes(&self) -> u64 {
        match self.end {
            Some(end) => end.saturating_sub(self.start),
            None => self.packed.unwrap_or_default(),
        }
    }

    /// True when the range surely holds nothing to read.
    pub fn is_empty(&self) -> bool {
        self.end.is_some_and(|end| self.start >= end)
    }
}

/// Where a range of a window whose end was not known is found to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileEnd {
    /// Index of the range in the window.
    pub range: usize,
    /// Just after the last newline of the text.
    pub end: u64,
    /// Bytes of the compressed file, if all of its text lies before the end.
    pub packed: Option<u64>,
}

/// How far a log was read in earlier sequences.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReadUpTo {
    /// Offset in the decompressed text.
    pub end: u64,
    /// Bytes of the compressed file whose text ends there, where it was read from one.
    pub packed: Option<u64>,
}

impl Window {
    /// The bytes to read, where they are known; those of a compressed file until its text is.
    pub fn bytes(&self) -> Option<u64> {
        match self {
            Window::Full | Window::Range { .. } => None,
            Window::Files { ranges } => Some(ranges.iter().map(FileRange::bytes).sum()),
        }
    }

    /// True when the window holds nothing to read.
    pub fn is_empty(&self) -> bool {
        match self {
            Window::Full => false,
            Window::Range { start, end, .. } => start.is_some_and(|start| start >= *end),
            Window::Files { ranges } => ranges.iter().all(FileRange::is_empty),
        }
    }

    /// The window with the ends that were met while it was read; `None` if none was.
    pub fn ended(&self, ends: &[FileEnd]) -> Option<Window> {
        let mut window = self.clone();
        let Window::Files { ranges } = &mut window else { return None };
        for found in ends {
            if let Some(range) = ranges.get_mut(found.range) {
                range.end = Some(found.end);
                range.packed = found.packed;
            }
        }
        (!ends.is_empty()).then_some(window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_of_an_earlier_release_is_read() {
        let text = r#"{"kind":"files","ranges":[{"path":"a","file_id":"i","start":2,"end":9}]}"#;
        let window: Window = serde_json::from_str(text).expect("a window");
        let range = FileRange {
            path: "a".into(),
            file_id: "i".into(),
            start: 2,
            end: Some(9),
            packed: None,
        };
        assert_eq!(window, Window::Files { ranges: vec![range] });
        assert_eq!(serde_json::to_string(&window).expect("JSON"), text);
    }

    #[test]
    fn an_end_that_is_met_closes_the_window() {
        let open = FileRange {
            path: "a".into(),
            file_id: "i".into(),
            start: 2,
            end: None,
            packed: Some(7),
        };
        let window = Window::Files { ranges: vec![open.clone()] };
        assert_eq!((window.bytes(), window.is_empty()), (Some(7), false));
        assert_eq!(window.ended(&[]), None);
        let closed = FileRange { end: Some(2), packed: Some(8), ..open };
        let met = FileEnd { range: 0, end: 2, packed: Some(8) };
        let window = window.ended(&[met]).expect("another window");
        assert_eq!(window, Window::Files { ranges: vec![closed] });
        assert_eq!((window.bytes(), window.is_empty()), (Some(0), true));
    }
}
