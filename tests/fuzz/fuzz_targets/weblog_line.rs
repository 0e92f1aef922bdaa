//! Any bytes are rows, rejects or empty lines, and the fast path agrees with the strict reader.
//!
//! See CONTRIBUTING.md for the command.
#![no_main]

use std::cell::RefCell;

use landfall_fuzz::weblog::address::parse_address;
use landfall_fuzz::weblog::format::Formats;
use landfall_fuzz::weblog::line::Line;
use landfall_fuzz::weblog::scan::{Lines, Marks, combined};
use landfall_fuzz::weblog::timestamp::Converter;
use libfuzzer_sys::fuzz_target;

/// Formats declared in every way that ends a field.
const DECLARED: [&str; 5] = [
    "main",
    "combinedio",
    r"%h\t%t\t%r\t%>s\t%b\t%{User-Agent}i",
    r#"$remote_addr - $remote_user [$time_local] "$request" $status $bytes_sent $upstream_addr $upstream_status"#,
    r#"{"at":"$time_local","from":"$remote_addr","what":"$request","status":$status}"#,
];

struct Readers {
    strict: Formats,
    usual: Formats,
    declared: Vec<Formats>,
    marks: Marks,
    converter: Converter,
}

thread_local! {
    static READERS: RefCell<Readers> = RefCell::new(Readers {
        strict: formats(&["combined"]),
        usual: formats(&[]),
        declared: DECLARED.iter().map(|format| formats(&[format])).collect(),
        marks: Marks::default(),
        converter: Converter::default(),
    });
}

fn formats(declared: &[&str]) -> Formats {
    let declared: Vec<String> = declared.iter().map(|format| format.to_string()).collect();
    Formats::compile(&declared).expect("formats")
}

/// Fields are stretches of their line, in its own bytes.
fn check(fields: &Line<'_>, line: &[u8], converter: &mut Converter) {
    let all = [
        fields.address,
        fields.identity,
        fields.username,
        fields.timestamp,
        fields.request,
        fields.referer,
        fields.user_agent,
    ];
    for field in all.into_iter().flatten() {
        assert!(line.as_ptr_range().start <= field.as_ptr_range().start);
        assert!(field.as_ptr_range().end <= line.as_ptr_range().end);
    }
    assert!(fields.too_long().is_none());
    assert!(fields.status.is_none_or(|status| status < 1000));
    converter.convert(fields.timestamp.unwrap_or_default());
    parse_address(fields.address.unwrap_or_default());
}

fuzz_target!(|text: &[u8]| READERS.with_borrow_mut(|readers| {
    let mut next = 0;
    for found in Lines::new(text, &mut readers.marks) {
        let line = &text[found.start..found.end];
        assert!(found.start == next && !line.contains(&b'\n'));
        next = found.end + 1;
        if let Some(fast) = combined(text, &found) {
            assert_eq!(readers.strict.read(line), Ok(fast));
        }
        for formats in std::iter::once(&readers.usual).chain(&readers.declared) {
            match formats.read(line) {
                Ok(fields) => {
                    assert!(formats.which(line).is_some());
                    check(&fields, line, &mut readers.converter);
                }
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
    }
    assert!(next == text.len() || next == text.len() + 1, "the last line may lack its newline");
}));
