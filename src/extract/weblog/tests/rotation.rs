//! Case 72: logs that are rotated, compressed, copied and cut lose no line and read none twice.

use super::*;

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
        ranges[0].end += 1000;
        logs.write("access.log.gz", gzip(lines(0..100)));
    }
    let mut logs = logs;
    logs.source.files = vec!["access.log.gz".to_string()];
    let cut = land_window(&logs.source, logs.folder.path(), &window, 1, 0).await;
    assert_eq!(cut.map(|_| ()).map_err(|e| e.code()), Err("weblog/cut"));
}

#[tokio::test]
async fn files_come_in_the_order_of_patterns_and_names() {
    let mut logs = Logs::new(&["b*.log", "*.log"]);
    logs.write("a.log", lines(0..2));
    logs.write("b2.log", lines(2..4));
    logs.write("b1.log", lines(4..6));
    assert_eq!(agents(&logs.run().await), [4, 5, 2, 3, 0, 1]);
}
