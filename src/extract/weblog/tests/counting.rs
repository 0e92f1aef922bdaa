//! Counting: lines read = landed + quarantined, to the last newline, whatever stands in a log.
//!
//! The lines are counted here by a loop over the bytes, apart from the code that reads them.

use super::*;

const USUAL: &str =
    r#"8.8.8.8 - frank [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 23 "-" "Mozilla (iPad)""#;

/// Checks that rows and rejects stand at the starts of the lines of `text`, each once, and that a
/// reject has the bytes of its line.
#[track_caller]
fn every_line_is_there(landed: &Landed, text: &[u8], what: &str) {
    let end = text.iter().rposition(|b| *b == b'\n').map_or(0, |last| last + 1);
    let mut starts = BTreeMap::new();
    let mut start = 0;
    for line in text[..end].split_inclusive(|b| *b == b'\n') {
        let bare = &line[..line.len() - 1];
        if !bare.is_empty() && bare != b"\r" {
            starts.insert(start as u64, bare);
        }
        start += line.len();
    }
    for offset in landed.column("line_offset") {
        let offset = offset.parse().expect("a number");
        assert!(starts.remove(&offset).is_some(), "{what}: no line, or twice, at {offset}");
    }
    for reject in &landed.rejects {
        let line = starts.remove(&reject.offset);
        let line = line.unwrap_or_else(|| panic!("{what}: no line at {}", reject.offset));
        let kept = if line.len() > 1 << 20 { &line[..64 * 1024] } else { line };
        assert!(reject.raw == kept, "{what}: other bytes at {}", reject.offset);
        let number = text[..reject.offset as usize].iter().filter(|b| **b == b'\n').count() + 1;
        assert!(reject.position.ends_with(&format!(":{number}")), "{what}: {}", reject.position);
    }
    assert!(starts.is_empty(), "{what}: lost {:?}", starts.keys());
}

fn logs() -> Vec<(&'static str, Vec<u8>)> {
    let usual = |end: &str| [USUAL.as_bytes(), end.as_bytes()].concat();
    let long = |bytes: usize| [with_agent(&"x".repeat(bytes)).as_bytes(), b"\n"].concat();
    let with = |bytes: &[u8]| {
        [&with_agent("a").as_bytes()[..60], bytes, &with_agent("a").as_bytes()[60..], b"\n"]
            .concat()
    };
    vec![
        ("nothing", Vec::new()),
        ("only newlines", b"\n\n\r\n\n".to_vec()),
        ("no newline at all", usual("")),
        ("no final newline", [usual("\n"), usual("")].concat()),
        ("a broken final line", [usual("\n"), usual("")[..50].to_vec()].concat()),
        ("a broken final line with its newline", [&usual("\n")[..], b"8.8.8.8 - -\n"].concat()),
        ("CRLF", [usual("\r\n"), b"\r\n".to_vec(), b"broken\r\n".to_vec(), usual("\r\n")].concat()),
        ("a lone CR", [usual("\r"), usual("\n")].concat()),
        ("NUL bytes", [with(b"\0"), b"\0\0\0\n".to_vec(), usual("\n")].concat()),
        ("invalid UTF-8", [with(b"\xff\xfe"), usual("\n"), b"\xc3\n".to_vec()].concat()),
        ("a line of more than 1 MiB", [usual("\n"), long(1 << 20), usual("\n")].concat()),
        ("1 MiB exactly", [b"x".repeat(1 << 20), b"\n".to_vec(), usual("\n")].concat()),
        ("1 MiB and one byte", [b"x".repeat((1 << 20) + 1), b"\n".to_vec(), usual("\n")].concat()),
        ("a line longer than any chunk", [usual("\n"), long(9 << 20), usual("\n")].concat()),
        (
            "long lines in a row",
            [long(3 << 20), long(2 << 20), long(5 << 20), usual("\n")].concat(),
        ),
        ("a long line of quotes", [b"\"".repeat(5 << 20), b"\n".to_vec(), usual("\n")].concat()),
        ("a long line without its newline", [usual("\n"), b"y".repeat(6 << 20)].concat()),
        ("zeros after a crash", [usual("\n"), vec![0; 4096], usual("\n")].concat()),
    ]
}

#[tokio::test]
async fn every_line_is_landed_or_quarantined_to_the_last_newline() {
    for (what, text) in logs() {
        for jobs in [1, 3] {
            let logs = Logs::new(&["access.log"]);
            logs.write("access.log", &text);
            let (window, _) = logs.plan().expect("a plan");
            let landed = land_window(&logs.source, logs.folder.path(), &window, jobs, 0).await;
            every_line_is_there(&landed.expect("landed"), &text, what);
        }
    }
}

#[tokio::test]
async fn compression_changes_no_count() {
    for (what, text) in logs() {
        let zstd = zstd::encode_all(text.as_slice(), 1).expect("compressed");
        for bytes in [gzip(&text), zstd] {
            let mut logs = Logs::new(&["access.log"]);
            logs.write("access.log", bytes);
            every_line_is_there(&logs.run().await, &text, what);
        }
    }
}

#[test]
fn a_preview_counts_what_a_run_would_land() {
    for (what, text) in logs() {
        let table = Arc::new(Table::embedded().expect("a table"));
        let mut looker = Previewer::new(&[], table, usize::MAX).expect("formats");
        let stream = file::LogFile::stream(std::io::Cursor::new(text.clone()), "-");
        looker.read(stream.expect("a stream")).expect("read");
        let seen = looker.finish();
        let (counts, log) = (&seen.counts, &seen.logs[0]);
        assert_eq!(counts.lines, counts.rows + counts.rejected, "{what}");
        assert_eq!(counts.rejected, counts.reasons.values().sum::<u64>(), "{what}");
        let newlines = text.iter().filter(|b| **b == b'\n').count() as u64;
        assert_eq!(counts.lines + counts.empty, newlines, "{what}");
        assert_eq!(counts.bytes + log.waiting, text.len() as u64, "{what}");
        let last = text.iter().rposition(|b| *b == b'\n').map_or(0, |last| last as u64 + 1);
        assert_eq!(counts.bytes, last, "{what}");
    }
}
