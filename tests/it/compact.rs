//! Compaction: the same rows in fewer files, now and as it was, and nothing lost when it is killed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use landfall::sequence::Sequence;

use crate::support::project::{Project, Rows, difference, select, text};

/// Two sequences, the second with updates and deletes.
fn project() -> Project {
    let project = Project::sample(60, 300);
    project.ok(&["run"]);
    project.ok(&["seed", "--mutate", "30%"]);
    project.ok(&["run"]);
    project
}

/// Every store table with all its columns, as of the end of a sequence or now.
async fn store(project: &Project, as_of: Option<Sequence>) -> BTreeMap<String, Rows> {
    use landfall::warehouse::Warehouse;
    let warehouse = project.warehouse().await;
    let mut rows = BTreeMap::new();
    for table in warehouse.describe().await.expect("describes") {
        if table.name.schema.starts_with("store") {
            let columns: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
            let name = table.name.to_string();
            let of_table = select(&warehouse, &name, &columns, as_of).await;
            rows.insert(name, of_table);
        }
    }
    assert!(rows.len() >= 5, "{:?}", rows.keys());
    rows
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.path() {
            path if path.is_dir() => found.extend(files(&path)),
            path => found.push(path),
        }
    }
    found.sort();
    found
}

fn data(project: &Project) -> Vec<PathBuf> {
    files(&project.path().join(".landfall/data/store_mysql"))
}

#[tokio::test]
async fn rows_stay_as_they_are_and_were() {
    let project = project();
    let (now, first) = (store(&project, None).await, store(&project, Some(Sequence(1))).await);
    let all = project.tables().await;
    let before = data(&project);

    let preview = project.ok(&["compact", "--dry-run"]);
    assert!(preview.contains("would compact store_mysql.order_lines: 2 files"), "{preview}");
    assert_eq!(data(&project), before, "a preview writes nothing");

    let done = project.ok(&["compact"]);
    assert!(done.contains("compacted store_mysql.order_lines: 2 files"), "{done}");
    assert_eq!(difference(&now, &store(&project, None).await), None);
    assert_eq!(difference(&first, &store(&project, Some(Sequence(1))).await), None);
    assert_eq!(difference(&all, &project.tables().await), None);
    assert!(before.iter().all(|file| file.exists()), "earlier snapshots keep their files");
    let again = project.ok(&["compact"]);
    assert!(!again.contains("compacted"), "nothing is left to do: {again}");

    // A run goes on as if nothing had been: what has not changed is not written.
    project.ok(&["run"]);
    let written: u64 = project
        .done(3)
        .await
        .iter()
        .filter(|(task, _)| task.starts_with("store."))
        .map(|(_, rows)| rows.inserted + rows.updated)
        .sum();
    assert_eq!(written, 0);
    assert_eq!(difference(&now, &store(&project, None).await), None);
}

#[tokio::test]
async fn expired_sequences_are_refused_and_their_files_go() {
    let project = project();
    let now = store(&project, None).await;
    let before = data(&project).len();
    project.ok(&["compact"]);
    // The tables were compacted after sequence 2, so only the third needs none of the old files.
    project.ok(&["run"]);
    let done = project.ok(&["compact", "--expire-before-sequence", "3", "--keep-minutes", "0"]);
    assert!(done.contains("forgot") && !done.contains("forgot 0"), "{done}");
    assert!(data(&project).len() < before, "{:?}", data(&project));
    assert_eq!(difference(&now, &store(&project, None).await), None);
    assert_eq!(difference(&now, &store(&project, Some(Sequence(3))).await), None);
    let old = project.run(&[
        "query",
        "select count(*) from store_mysql.companies",
        "--as-of-sequence",
        "1",
    ]);
    assert_eq!(old.status.code(), Some(2));
    assert!(text(&old.stderr).contains("has expired"), "{}", text(&old.stderr));
    project.ok(&["run"]);
}

#[tokio::test]
async fn only_what_nothing_names_is_removed() {
    let project = project();
    let landing = project.path().join("landing");
    let landed = files(&landing);
    let partition = landed.last().and_then(|f| f.parent()).expect("a partition").to_path_buf();
    let stray = [
        partition.join("part-lost.parquet"),
        project.path().join(".landfall/data/store_mysql/companies/part-lost.parquet"),
        partition.join("part-unfinished.parquet#1"),
        project.path().join(".landfall/data/store_mysql/companies/part-unfinished.parquet#1"),
    ];
    let foreign = [landing.join("notes.parquet"), partition.join("notes.txt")];
    for file in stray.iter().chain(&foreign) {
        std::fs::write(file, "x").expect("a file");
    }
    let all = project.tables().await;
    project.ok(&["compact"]);
    assert!(stray.iter().all(|file| file.exists()), "too young to be garbage");
    let preview = project.ok(&["compact", "--keep-minutes", "0", "--dry-run"]);
    assert!(stray.iter().all(|file| file.exists()), "a preview removes nothing");
    let done = project.ok(&["compact", "--keep-minutes", "0"]);
    // Besides the four, files that a transaction wrote and emptied again were never named.
    let files = |said: &str, word: &str| {
        let count = said.split(word).nth(1).and_then(|rest| rest.split(' ').next());
        count.and_then(|count| count.parse::<u32>().ok()).expect("a number of files")
    };
    assert!(files(&done, "removed ") >= 4, "{done}");
    assert_eq!(files(&preview, "would remove "), files(&done, "removed "));
    assert!(!stray.iter().any(|file| file.exists()));
    assert!(foreign.iter().chain(&landed).all(|file| file.exists()));
    assert_eq!(difference(&all, &project.tables().await), None);
}

#[tokio::test]
async fn killed_anywhere_it_loses_nothing() {
    let project = project();
    let all = project.tables().await;
    let first = store(&project, Some(Sequence(1))).await;
    project.save("two sequences");
    let began = Instant::now();
    project.ok(&["compact", "--keep-minutes", "0"]);
    let takes = began.elapsed();
    for part in 1..12 {
        project.restore("two sequences");
        let words = ["compact", "--keep-minutes", "0"];
        let mut child = project
            .command(&words)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        std::thread::sleep(takes * part / 12 + Duration::from_millis(1));
        child.kill().expect("kills");
        child.wait().expect("ends");
        assert_eq!(difference(&all, &project.tables().await), None, "killed in part {part}");
        project.ok(&words);
        assert_eq!(difference(&all, &project.tables().await), None, "after part {part}");
        assert_eq!(difference(&first, &store(&project, Some(Sequence(1))).await), None);
    }
}
