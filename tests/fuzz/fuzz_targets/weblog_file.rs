//! Any bytes as a log file, plain or compressed: an answer or an error, and counts that add up.
//!
//! `cargo fuzz run --fuzz-dir tests/fuzz weblog_file`
#![no_main]

use std::sync::Arc;

use landfall::extract::weblog::country::Table;
use landfall::extract::weblog::preview;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), bytes).expect("written");
    let table = Arc::new(Table::embedded().expect("a table"));
    if let Ok(preview) = preview(file.path(), &[], table, 3) {
        let counts = preview.counts;
        assert_eq!(counts.lines, counts.rows + counts.rejected);
        assert_eq!(counts.rejected, counts.reasons.values().sum::<u64>());
    }
});
