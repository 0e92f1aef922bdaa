//! Files that are gone or damaged: what still works, what is said, and how it is mended.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::project::{Project, text};

fn ran() -> Project {
    let project = Project::sample(20, 60);
    project.ok(&["seed"]);
    project.ok(&["run"]);
    project
}

/// The Parquet files under a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found.sort();
    found
}

fn doctor(project: &Project) -> (Option<i32>, String) {
    let output = project.run(&["doctor"]);
    (output.status.code(), text(&output.stdout))
}

#[test]
fn a_file_of_a_table_that_is_gone_or_cut_is_told_and_never_read_as_nothing() {
    let project = ran();
    let (code, found) = doctor(&project);
    assert_eq!(code, Some(0), "{found}");
    assert!(found.contains("ok    tables "), "{found}");
    let of_table = files(&project.path().join(".landfall/data/store_mysql/order_lines"));
    let file = of_table.first().expect("a file");
    let whole = fs::read(file).expect("reads");
    for cut in [None, Some(whole.len() / 2)] {
        match cut {
            None => fs::remove_file(file).expect("removes"),
            Some(bytes) => fs::write(file, &whole[..bytes]).expect("cuts"),
        }
        let sql = "select count(quantity) from store_mysql.order_lines";
        let query = project.run(&["query", sql]);
        let said = text(&query.stderr);
        assert_eq!(query.status.code(), Some(1), "{said}");
        assert!(
            said.contains("error[engine/storage]: a file of the warehouse cannot be"),
            "{said}"
        );
        assert!(said.contains("help: landfall doctor"), "{said}");
        let (code, found) = doctor(&project);
        assert_eq!(code, Some(1), "{found}");
        let name = file.file_name().and_then(|name| name.to_str()).expect("a name");
        assert!(found.contains("fail  tables") && found.contains(name), "{found}");
        assert!(found.contains("fix: restore them from a copy"), "{found}");
    }
    fs::write(file, &whole).expect("restores");
    assert_eq!(doctor(&project).0, Some(0));
}

/// A run reads the partitions of its own sequence only, so that old ones may be taken away.
#[test]
fn old_landing_files_may_go() {
    let project = ran();
    for file in files(&project.path().join("landing")) {
        fs::remove_file(file).expect("removes");
    }
    let (code, found) = doctor(&project);
    assert_eq!(code, Some(0), "{found}");
    assert!(found.contains("warn  landing files"), "{found}");
    project.ok(&["seed", "--mutate", "20%"]);
    project.ok(&["run"]);
    let sql = "select count(quantity) from landing_mysql.order_lines where execution_sequence = 2";
    project.ok(&["query", sql]);
    let all = project.run(&["query", "select count(quantity) from landing_mysql.order_lines"]);
    assert_eq!(all.status.code(), Some(1), "{}", text(&all.stdout));
}

#[test]
fn a_damaged_catalog_is_called_so_and_left_alone() {
    let project = ran();
    let catalog = project.catalog();
    for other in ["catalog.sqlite-wal", "catalog.sqlite-shm"] {
        let _ = fs::remove_file(catalog.with_file_name(other));
    }
    let rubbish = "no database, but longer than its header ".repeat(200);
    fs::write(&catalog, &rubbish).expect("damages");
    for words in [&["run"][..], &["status"], &["query", "select 1"]] {
        let output = project.run(words);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {said}");
        assert!(said.contains("error[state/open]: cannot open the catalog"), "{words:?}: {said}");
        assert!(said.contains("it is damaged") && said.contains("help: restore"), "{said}");
    }
    assert_eq!(fs::read_to_string(&catalog).expect("reads"), rubbish);
    // A new warehouse does not land among the files of the old one, and says what to do.
    fs::create_dir(project.path().join("away")).expect("a folder");
    let away = |name: &str| {
        let (from, to) = (project.path().join(name), project.path().join("away").join(name));
        if from.exists() {
            fs::rename(from, to).expect("moves");
        }
    };
    away(".landfall");
    let output = project.run(&["run"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("error[landing/owned]"), "{said}");
    away("landing");
    away("quarantine");
    project.ok(&["run"]);
    let lines = project.ok(&[
        "query",
        "--format",
        "csv",
        "select count(*) - count(distinct order_no || order_line_no) from store_mysql.order_lines",
    ]);
    assert_eq!(lines.lines().last(), Some("0"), "{lines}");
}
