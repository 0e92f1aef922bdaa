//! Report: the report files and their rows for a person. It runs nothing.

use std::path::Path;

use crate::error::{Error, Place, Result};
use crate::warehouse::files;

pub use crate::warehouse::files::SqlFile;

/// Reads the reports of a folder, by name. A report is one query.
///
/// Errors: `report/one_query` for files that hold anything else, all at once.
pub fn load(folder: &Path) -> Result<Vec<SqlFile>> {
    let files = files::load(folder)?;
    let wrong = files.iter().filter(|file| file.verbs != ["SELECT"]).map(|file| {
        // The place of what is too much, or of the empty file.
        let surplus = file.statements.iter().zip(&file.verbs).enumerate();
        let place = surplus
            .filter(|(i, (_, verb))| *i > 0 || **verb != "SELECT")
            .map(|(_, (statement, _))| statement.place.clone())
            .next()
            .unwrap_or_else(|| Place::new(&file.path, 1, 1));
        Error::config(
            "report/one_query",
            format!("a report is one query, but `{}.sql` has {}", file.name, listed(&file.verbs)),
        )
        .at(place)
        .hint("make tables in the pres folder; a report only reads them")
    });
    match Error::all(wrong.collect()) {
        Some(error) => Err(error),
        None => Ok(files),
    }
}

fn listed(verbs: &[&str]) -> String {
    match verbs {
        [] => "no statement".to_string(),
        verbs => verbs.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_one_query() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).expect("writes");
        };
        write("good.sql", "-- Best products\nselect 1 as one;");
        let files = load(folder.path()).expect("loads");
        assert_eq!((files[0].name.as_str(), files[0].title.as_str()), ("good", "Best products"));

        write("empty.sql", "-- nothing\n");
        write("two.sql", "select 1;\nselect 2;");
        write("table.sql", "create table a.b as select 1 as one;");
        let error = load(folder.path()).expect_err("three wrong files");
        assert_eq!(error.code(), "report/one_query");
        assert_eq!(error.others().len(), 2);
        let two = error.others().iter().find(|e| e.message().contains("two.sql")).expect("two");
        assert_eq!(two.place().map(|p| p.line), Some(2));
    }
}
