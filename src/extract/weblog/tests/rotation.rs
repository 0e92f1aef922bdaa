//! Case 72: logs that are rotated, compressed, copied and cut lose no line and read none twice.

use super::*;
use crate::window::FileRange;

/// Lines `from..to` of one long log; no two are equal.
fn lines(range: std::ops::Range<usize>) -> String {
    range.map(|i| with_agent(&format!("agent {i}")) + "\n").collect()
}

fn agents(landed: &Landed) -> Vec<usize> {
    let agents = landed.column("user_agent");
    agents.iter().map(|a| a.trim_start_matches("agent ").parse().expect("a number")).collect()
}

/// Two sizes: a head shorter than 4 KiB, and a log longer than that.
const SIZES: [usize; 2] = [3, 100];

#[tokio::test]
async fn case_72_a_growing_log_is_read_once() {
    let mut logs = Logs::new(&["access.log"]);
    let mut seen = Vec::new();
    for step in [0..1, 1..2, 2..30, 30..31, 31..200] {
        logs.append("access.log", lines(step));
        seen.extend(agents(&logs.run().await));
    }
    assert_eq!(seen, (0..200).collect::<Vec<_>>());
    assert_eq!(logs.read.len(), 1);
    assert_eq!(logs.run().await, Landed::default());
}

#[tokio::test]
async fn case_72_rotation_by_rename_goes_on_under_the_new_name() {
    for n in SIZES {
        let mut logs = Logs::new(&["access.log*"]);
        logs.write("access.log", lines(0..n));
        assert_eq!(logs.run().await.rows.len(), n);
        logs.append("access.log", lines(n..n + 2));
        logs.rename("access.log", "access.log.1");
        logs.write("access.log", lines(n + 2..n + 3));
        let mut new = agents(&logs.run().await);
        new.sort();
        assert_eq!(new, [n, n + 1, n + 2]);
        assert_eq!(logs.run().await, Landed::default());
    }
}

#[tokio::test]
async fn case_72_a_log_compressed_after_it_was_read_is_skipped() {
    for n in SIZES {
        let mut logs = Logs::new(&["access.log*"]);
        logs.write("access.log", lines(0..n));
        logs.run().await;
        logs.rename("access.log", "access.log.1");
        logs.write("access.log", lines(n..n + 1));
        assert_eq!(agents(&logs.run().await), [n]);
        logs.write("access.log.2.gz", gzip(lines(0..n)));
        std::fs::remove_file(logs.path("access.log.1")).expect("removed");
        assert_eq!(logs.run().await, Landed::default());
    }
}

#[tokio::test]
async fn case_72_copytruncate_reads_the_copys_rest_and_the_new_text() {
    for n in SIZES {
        let mut logs = Logs::new(&["access.log*"]);
        logs.write("access.log", lines(0..n));
        logs.run().await;
        logs.append("access.log", lines(n..n + 1));
        std::fs::copy(logs.path("access.log"), logs.path("access.log.1")).expect("copied");
        logs.write("access.log", lines(n + 1..n + 2));
        let mut new = agents(&logs.run().await);
        new.sort();
        assert_eq!(new, [n, n + 1]);
        assert_eq!(logs.run().await, Landed::default());
    }
}

#[tokio::test]
async fn case_72_a_copy_of_a_long_log_is_read_once_and_told() {
    let mut logs = Logs::new(&["*.log", "*.gz"]);
    logs.write("a.log", lines(0..100));
    logs.write("a.log.gz", gzip(lines(0..100)));
    let landed = logs.run().await;
    assert_eq!(landed.rows.len(), 100);
    assert!(landed.warnings[0].contains("same log"), "{:?}", landed.warnings);
}

#[tokio::test]
async fn case_72_a_log_cut_behind_our_back_is_told_and_not_read_again() {
    let mut logs = Logs::new(&["access.log"]);
    logs.write("access.log", lines(0..100));
    logs.run().await;
    logs.write("access.log", lines(0..50));
    let landed = logs.run().await;
    assert_eq!(landed.rows.len(), 0);
    assert!(landed.warnings[0].contains("was read up to"), "{:?}", landed.warnings);
}

#[tokio::test]
async fn rotation_between_plan_and_reading_changes_nothing() {
    for n in SIZES {
        let logs = Logs::new(&["access.log*"]);
        logs.write("access.log", lines(0..n));
        let (window, _) = logs.plan().expect("a plan");
        logs.rename("access.log", "access.log.1");
        logs.write("access.log", lines(n..n * 3));
        let landed = land_window(&logs.source, logs.folder.path(), &window, 1, 0).await;
        assert_eq!(agents(&landed.expect("landed")), (0..n).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_log_cut_while_it_is_read_fails() {
    let logs = Logs::new(&["access.log"]);
    logs.write("access.log", lines(0..100));
    let (mut window, _) = logs.plan().expect("a plan");
    if let Window::Files { ranges } = &mut window {
        // what the window says is no longer there, though the head is
        ranges[0].end = ranges[0].end.map(|end| end + 1000);
        logs.write("access.log.gz", gzip(lines(0..100)));
    }
    let mut logs = logs;
    logs.source.files = vec!["access.log.gz".to_string()];
    let cut = land_window(&logs.source, logs.folder.path(), &window, 1, 0).await;
    assert_eq!(cut.map(|_| ()).map_err(|e| e.code()), Err("weblog/cut"));
}

/// The ranges of what is new.
fn planned(logs: &Logs) -> Vec<FileRange> {
    match logs.plan().expect("a plan") {
        (Window::Files { ranges }, _) => ranges,
        other => panic!("{other:?}"),
    }
}

fn zstd(text: impl AsRef<[u8]>) -> Vec<u8> {
    zstd::encode_all(text.as_ref(), 1).expect("compressed")
}

#[tokio::test]
async fn a_compressed_log_is_unpacked_to_be_read_and_not_again() {
    let ways: [fn(String) -> Vec<u8>; 2] = [|text| gzip(text), |text| zstd(text)];
    for pack in ways {
        let mut logs = Logs::new(&["access.*"]);
        let (packed, text) = (pack(lines(0..5000)), lines(0..5000));
        logs.write("access.1", &packed);
        let new = planned(&logs);
        assert_eq!((new[0].end, new[0].packed), (None, Some(packed.len() as u64)));
        let landed = logs.run().await;
        assert_eq!(agents(&landed), (0..5000).collect::<Vec<_>>());
        let end = FileEnd { range: 0, end: text.len() as u64, packed: Some(packed.len() as u64) };
        assert_eq!(landed.ends, [end]);
        assert_eq!(planned(&logs), [], "by its size alone");
        // one more member or frame, whose last line waits
        let more = lines(5000..5010);
        logs.append("access.1", pack(more[..more.len() - 1].to_string()));
        assert_eq!(agents(&logs.run().await), (5000..5009).collect::<Vec<_>>());
        // one that waits might come without another byte
        assert_eq!(planned(&logs).len(), 1);
        assert_eq!(agents(&logs.run().await), [] as [usize; 0]);
        logs.append("access.1", pack("\n".to_string()));
        assert_eq!(agents(&logs.run().await), [5009]);
        assert_eq!(logs.run().await, Landed::default());
    }
}

#[tokio::test]
async fn a_log_compressed_after_it_was_read_is_looked_through_once() {
    let mut logs = Logs::new(&["access.*"]);
    logs.write("access.log", lines(0..5000));
    logs.run().await;
    std::fs::remove_file(logs.path("access.log")).expect("removed");
    logs.write("access.1.gz", gzip(lines(0..5000)));
    assert_eq!(planned(&logs)[0].start, lines(0..5000).len() as u64);
    let landed = logs.run().await;
    assert_eq!((landed.rows.len(), landed.warnings.len(), landed.ends.len()), (0, 0, 1));
    assert_eq!(logs.run().await, Landed::default());
}

#[tokio::test]
async fn a_compressed_log_that_lost_text_is_told_once() {
    let mut logs = Logs::new(&["access.*"]);
    logs.write("access.log", lines(0..5000));
    logs.run().await;
    std::fs::remove_file(logs.path("access.log")).expect("removed");
    logs.write("access.1.gz", gzip(lines(0..4000)));
    let landed = logs.run().await;
    assert_eq!(landed.rows.len(), 0);
    assert!(landed.warnings[0].contains("was read up to"), "{:?}", landed.warnings);
    let end = lines(0..5000).len() as u64;
    assert_eq!(landed.ends[0].end, end, "what was read stays read");
    assert_eq!(logs.run().await, Landed::default());
}

#[tokio::test]
async fn of_two_compressed_copies_the_longer_is_read() {
    let mut logs = Logs::new(&["access.*"]);
    logs.write("access.gz", gzip(lines(0..4000)));
    logs.write("access.zst", zstd(lines(0..5000)));
    let landed = logs.run().await;
    assert_eq!(landed.rows.len(), 5000);
    assert!(landed.warnings[0].contains("same log"), "{:?}", landed.warnings);
    std::fs::remove_file(logs.path("access.zst")).expect("removed");
    assert_eq!(logs.run().await.rows.len(), 0);
}

#[tokio::test]
async fn a_file_exchanged_for_its_compressed_self_between_plan_and_reading_is_read() {
    let logs = Logs::new(&["access.*"]);
    let ways: [(&str, Vec<u8>); 2] =
        [("access.log", lines(0..5000).into()), ("access.gz", gzip(lines(0..5000)))];
    for (from, to) in [(&ways[0], &ways[1]), (&ways[1], &ways[0])] {
        logs.write(from.0, &from.1);
        let (window, _) = logs.plan().expect("a plan");
        std::fs::remove_file(logs.path(from.0)).expect("removed");
        logs.write(to.0, &to.1);
        let Window::Files { ranges } = &window else { panic!("{window:?}") };
        let source = Arc::new(logs.source.clone());
        let files = super::super::plan::Files { source, root: logs.folder.path().to_path_buf() };
        let mut chunks = super::super::chunks::Chunks::new(ranges, files, 0);
        let mut chunk = super::super::chunks::Chunk::default();
        let mut text = Vec::new();
        while chunks.next(&mut chunk).expect("read") {
            chunk.pieces().for_each(|(_, piece)| text.extend_from_slice(piece));
        }
        assert!(text == lines(0..5000).into_bytes(), "{} to {}", from.0, to.0);
        std::fs::remove_file(logs.path(to.0)).expect("removed");
    }
}

#[tokio::test]
async fn files_come_in_the_order_of_patterns_and_names() {
    let mut logs = Logs::new(&["b*.log", "*.log"]);
    logs.write("a.log", lines(0..2));
    logs.write("b2.log", lines(2..4));
    logs.write("b1.log", lines(4..6));
    assert_eq!(agents(&logs.run().await), [4, 5, 2, 3, 0, 1]);
}
