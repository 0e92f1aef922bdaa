//! A look at logs without a project: it counts what a run would land, wherever the text comes from.

use std::io::Cursor;

use super::super::file::LogFile;
use super::super::whole::Whole;
use super::*;

const USUAL: &str =
    r#"8.8.8.8 - frank [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 23 "-" "Mozilla (iPad)""#;

fn look(formats: &[&str], rows: usize, files: Vec<LogFile>) -> Preview {
    let formats: Vec<String> = formats.iter().map(|f| f.to_string()).collect();
    let table = Arc::new(Table::embedded().expect("a table"));
    let mut looker = Previewer::new(&formats, table, rows).expect("formats");
    for file in files {
        looker.read(file).expect("a log");
    }
    looker.finish()
}

fn stream(text: impl Into<Vec<u8>>) -> LogFile {
    LogFile::stream(Cursor::new(text.into()), "standard input").expect("a stream")
}

#[test]
fn first_rows_are_shown_and_every_line_is_counted() {
    let logs = Logs::new(&[]);
    let text = format!("{USUAL}\n\nbroken\n{USUAL}\n{USUAL}\nlast line without newline");
    logs.write("access.log", &text);
    let file = LogFile::open(&logs.path("access.log"), "access.log").expect("a file");
    let seen = look(&[], 2, vec![file]);
    assert_eq!(seen.rows.iter().map(|r| r.num_rows()).sum::<usize>(), 2);
    let broken = &seen.rejects["line/missing_field"][0];
    assert_eq!((broken.position.as_str(), broken.raw.as_slice()), ("access.log:3", &b"broken"[..]));
    assert_eq!(broken.offset as usize, USUAL.len() + 2);
    let counts = seen.counts;
    assert_eq!((counts.lines, counts.rows, counts.rejected, counts.empty), (4, 3, 1, 1));
    let waiting = "last line without newline".len();
    assert_eq!(counts.bytes as usize, text.len() - waiting);
    assert_eq!(seen.logs[0].waiting as usize, waiting);
    assert_eq!(counts.reasons, BTreeMap::from([("line/missing_field", 1)]));
    assert_eq!(seen.formats, [("combined".to_string(), 3)]);
}

#[tokio::test]
async fn a_stream_and_a_file_show_what_a_run_lands() {
    let text: String = (0..200)
        .map(|i| match i % 50 {
            7 => format!("broken {i}\n"),
            8 => "\r\n".to_string(),
            9 => format!("{}\r\n", with_agent("cr")),
            _ => with_agent(&format!("agent {i}")) + "\n",
        })
        .collect();
    let mut logs = Logs::new(&["access.log"]);
    logs.write("access.log", &text);
    let landed = logs.run().await;
    let zstd = zstd::encode_all(text.as_bytes(), 1).expect("compressed");
    let file = LogFile::open(&logs.path("access.log"), "access.log").expect("a file");
    for file in [file, stream(text.as_bytes()), stream(gzip(&text)), stream(zstd)] {
        let name = file.name().to_string();
        let seen = look(&[], usize::MAX, vec![file]);
        let mut shown = Landed::default();
        seen.rows.iter().for_each(|batch| shown.add_batch(batch));
        for row in shown.rows.iter_mut().filter(|_| name == "standard input") {
            row.insert("file_id".into(), landed.rows[0]["file_id"].clone());
        }
        assert_eq!(shown.rows, landed.rows, "{name}");
        let rejects: Vec<u64> =
            seen.rejects["line/missing_field"].iter().map(|r| r.offset).collect();
        let want: Vec<u64> = landed.rejects.iter().map(|r| r.offset).collect();
        assert_eq!((rejects.as_slice(), seen.counts.rejected), (&want[..3], 4));
    }
}

#[test]
fn several_logs_are_counted_together_and_each_alone() {
    let seen = look(&[], 3, vec![stream(format!("{USUAL}\n{USUAL}\n")), stream("x\n"), stream("")]);
    assert_eq!(seen.counts.lines, 3);
    let lines: Vec<u64> = seen.logs.iter().map(|log| log.counts.lines).collect();
    assert_eq!(lines, [2, 1, 0]);
    assert_eq!(seen.rejects["line/missing_field"][0].position, "standard input:1");
}

#[test]
fn the_format_is_found_and_another_one_is_proposed() {
    let common = r#"8.8.8.8 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 -"#;
    let seen = look(&[], 1, vec![stream(format!("{USUAL}\n{common}\n{USUAL}\n\n"))]);
    assert_eq!(seen.formats, [("combined".to_string(), 2), ("common".to_string(), 1)]);
    assert_eq!(seen.other_format, None);
    let main = format!("{USUAL} \"-\"\n{USUAL} \"10.1.2.3, 10.0.0.1\"\nbroken\n");
    let seen = look(&[], 1, vec![stream(main.clone())]);
    assert_eq!((seen.counts.rows, seen.other_format), (0, Some(("main".to_string(), 2))));
    let seen = look(&["main"], 1, vec![stream(main)]);
    assert_eq!((seen.counts.rows, seen.formats), (2, vec![("main".to_string(), 2)]));
}

#[test]
fn a_log_read_in_any_pieces_is_the_same_log() {
    let long = |bytes: usize| with_agent(&"x".repeat(bytes));
    let lines = [
        USUAL.to_string(),
        long(3 << 20),
        String::new(),
        long(1 << 20),
        long((1 << 20) - 200),
        long(5 << 20),
        USUAL.to_string(),
    ];
    let text = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    for tail in [0, 20, 2 << 20] {
        let all = [text.as_bytes(), &vec![b'y'; tail]].concat();
        for held in [0, (1 << 20) + 77, 2 << 20, 4 << 20, 32 << 20] {
            let mut whole = Whole::holding(stream(all.clone()), held);
            let (mut at, mut newlines) = (0, 0);
            while let Some(piece) = whole.next().expect("a piece") {
                assert_eq!(piece.offset as usize, at, "holding {held}");
                assert!(all[at..].starts_with(piece.text), "holding {held}");
                at += piece.cut_from.map_or(piece.text.len(), |bytes| bytes as usize + 1);
                assert_eq!(all[at - 1], b'\n', "holding {held}");
                newlines += piece.cut_from.map_or(0, |_| 1);
                newlines += piece.text.iter().filter(|b| **b == b'\n').count();
            }
            assert_eq!((at, newlines), (text.len(), lines.len()), "holding {held}");
            assert_eq!(whole.waiting() as usize, tail, "holding {held}");
        }
    }
}

#[test]
fn files_are_found_by_name_and_glob() {
    let logs = Logs::new(&[]);
    logs.write("a.log", "");
    logs.write("b.log", "");
    let mut warnings = Vec::new();
    let found = find(&[logs.path("*.log")], &mut warnings).expect("found");
    assert_eq!(found, [logs.path("a.log"), logs.path("b.log")]);
    let missing = find(&[logs.path("c.log")], &mut warnings).expect_err("nothing");
    assert_eq!((missing.code(), missing.kind().exit_code()), ("weblog/files", 2));
}
