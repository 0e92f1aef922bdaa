//! Any bytes are rows, rejects or empty lines, and the fast path agrees with the strict reader.
//!
//! `cargo fuzz run --fuzz-dir tests/fuzz weblog_line`
#![no_main]

use landfall::extract::weblog::format::Formats;
use landfall::extract::weblog::scan::{Lines, Marks, combined};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let strict = Formats::compile(&["combined".to_string()]).expect("a format");
    let all = Formats::compile(&[]).expect("formats");
    let mut marks = Marks::default();
    let mut bytes = 0;
    for found in Lines::new(text, &mut marks) {
        let line = &text[found.start..found.end];
        assert!(!line.contains(&b'\n'));
        bytes = found.end;
        if let Some(fast) = combined(text, &found) {
            assert_eq!(strict.read(line), Ok(fast));
        }
        if let Err(error) = all.read(line) {
            assert!(!error.to_string().is_empty());
        }
    }
    assert!(bytes + 1 >= text.len());
});
