//! Present: the pres files and their order. It runs nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::error::{Error, Place, Result};
use crate::tables::TableName;

pub use crate::warehouse::files::SqlFile;

/// Reads the pres files of a folder, in the order in which they have to run.
pub fn load(folder: &Path) -> Result<Vec<SqlFile>> {
    order(crate::warehouse::files::load(folder)?)
}

/// Puts files in the order of what they read and write; those that may change places stay in the
/// order of their names.
///
/// Errors: two files that write one table (`pres/two_writers`), files that read each other
/// (`pres/cycle`); both name the files.
pub fn order(mut files: Vec<SqlFile>) -> Result<Vec<SqlFile>> {
    files.sort_by(|a, b| a.name.cmp(&b.name));
    let writers = writers(&files)?;
    let mut waiting: BTreeMap<usize, BTreeSet<usize>> = files
        .iter()
        .enumerate()
        .map(|(i, f)| (i, f.reads.iter().filter_map(|t| writers.get(t).copied()).collect()))
        .collect();
    let mut ranks = vec![0; files.len()];
    for rank in 0..files.len() {
        let free = waiting.iter().find(|(_, needs)| needs.is_empty()).map(|(i, _)| *i);
        let Some(next) = free else { return Err(cycle(&files, &waiting)) };
        waiting.remove(&next);
        for needs in waiting.values_mut() {
            needs.remove(&next);
        }
        if let Some(place) = ranks.get_mut(next) {
            *place = rank;
        }
    }
    let mut ranked: Vec<(usize, SqlFile)> = ranks.into_iter().zip(files).collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    Ok(ranked.into_iter().map(|(_, file)| file).collect())
}

fn writers(files: &[SqlFile]) -> Result<BTreeMap<TableName, usize>> {
    let mut writers: BTreeMap<TableName, usize> = BTreeMap::new();
    let mut errors = Vec::new();
    for (i, file) in files.iter().enumerate() {
        for table in &file.writes {
            let Some(first) = writers.insert(table.clone(), i).and_then(|i| files.get(i)) else {
                continue;
            };
            errors.push(
                Error::config(
                    "pres/two_writers",
                    format!("both `{}.sql` and `{}.sql` write this table", first.name, file.name),
                )
                .about(table.to_string())
                .at(Place::new(&file.path, 1, 1))
                .hint("let one file write each table"),
            );
        }
    }
    match Error::all(errors) {
        Some(error) => Err(error),
        None => Ok(writers),
    }
}

/// Follows what waits for what until a file comes twice.
fn cycle(files: &[SqlFile], waiting: &BTreeMap<usize, BTreeSet<usize>>) -> Error {
    let mut path: Vec<usize> = Vec::new();
    let mut next = waiting.keys().next().copied();
    while let Some(i) = next {
        if let Some(start) = path.iter().position(|seen| *seen == i) {
            path.drain(..start);
            path.push(i);
            break;
        }
        path.push(i);
        next = waiting.get(&i).and_then(|needs| needs.first()).copied();
    }
    let names: Vec<String> =
        path.iter().filter_map(|i| files.get(*i)).map(|f| format!("`{}.sql`", f.name)).collect();
    let error = Error::config(
        "pres/cycle",
        format!("pres files read each other in a circle: {}", names.join(" reads ")),
    )
    .hint("split one of them, so that each file reads only what is written before it");
    match path.first().and_then(|i| files.get(*i)) {
        Some(file) => error.at(Place::new(&file.path, 1, 1)),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, reads: &[&str], writes: &[&str]) -> SqlFile {
        let tables = |names: &[&str]| {
            names.iter().map(|n| TableName::parse(n).expect("a table")).collect::<Vec<_>>()
        };
        SqlFile {
            name: name.into(),
            path: format!("sql/pres/{name}.sql").into(),
            text: String::new(),
            title: name.into(),
            statements: Vec::new(),
            verbs: Vec::new(),
            reads: tables(reads),
            writes: tables(writes),
        }
    }

    fn names(files: &[SqlFile]) -> Vec<&str> {
        files.iter().map(|f| f.name.as_str()).collect()
    }

    #[test]
    fn files_run_after_what_they_read() {
        let files = vec![
            file("a_flat", &["pres.facts", "pres.dims"], &["pres.flat"]),
            file("facts", &["store.lines", "pres.dims"], &["pres.facts"]),
            file("z_dims", &["store.products"], &["pres.dims"]),
            file("b_other", &["store.lines"], &["pres.other"]),
        ];
        let ordered = order(files).expect("orders");
        assert_eq!(names(&ordered), ["b_other", "z_dims", "facts", "a_flat"]);
    }

    #[test]
    fn a_circle_names_its_files_and_no_others() {
        let files = vec![
            file("a", &["p.b"], &["p.a"]),
            file("b", &["p.c"], &["p.b"]),
            file("c", &["p.b"], &["p.c"]),
        ];
        let error = order(files).expect_err("a circle");
        assert_eq!(error.code(), "pres/cycle");
        assert!(error.message().contains("`b.sql` reads `c.sql` reads `b.sql`"), "{error}");
        assert!(!error.message().contains("`a.sql`"), "{error}");
    }

    #[test]
    fn a_table_has_one_writer() {
        let files = vec![file("one", &[], &["p.t"]), file("two", &[], &["p.t"])];
        let error = order(files).expect_err("two writers");
        assert_eq!((error.code(), error.subject()), ("pres/two_writers", Some("p.t")));
        assert!(error.message().contains("`one.sql`") && error.message().contains("`two.sql`"));
    }
}
