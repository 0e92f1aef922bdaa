//! Folders of SQL files: read, cut into statements, with the tables they read and write.
//!
//! It runs nothing and knows neither pres nor reports.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Statement;
use crate::dialect::{self, Command, DEFAULT_SCHEMA, ObjectRef};
use crate::error::{Error, Result};
use crate::sql;
use crate::tables::TableName;

/// One `*.sql` file.
#[derive(Debug, Clone)]
pub struct SqlFile {
    /// The file's name without `.sql`.
    pub name: String,
    pub path: PathBuf,
    /// Byte for byte.
    pub text: String,
    /// The first comment of the file, or its name.
    pub title: String,
    pub statements: Vec<Statement>,
    /// What each statement is: `SELECT`, `CREATE TABLE AS`.
    pub verbs: Vec<&'static str>,
    /// Tables it reads and does not write itself, sorted.
    pub reads: Vec<TableName>,
    /// Tables and views it writes, without its temporary ones, sorted.
    pub writes: Vec<TableName>,
}

/// Reads every `*.sql` of a folder, by name; a folder that is not there holds none.
///
/// All files are read before an error is returned, so that it names every broken one.
pub fn load(folder: &Path) -> Result<Vec<SqlFile>> {
    let unreadable = |e: std::io::Error| {
        Error::config("files/folder", format!("cannot read the folder `{}`", folder.display()))
            .because(e)
    };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(unreadable(e)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        let hidden = path.file_name().is_some_and(|n| n.as_encoded_bytes().starts_with(b"."));
        if path.extension().is_some_and(|e| e == "sql") && path.is_file() && !hidden {
            paths.push(path);
        }
    }
    paths.sort();
    let mut files = Vec::new();
    let mut errors = Vec::new();
    for path in paths {
        match read(path) {
            Ok(file) => files.push(file),
            Err(error) => errors.push(error),
        }
    }
    match Error::all(errors) {
        Some(error) => Err(error),
        None => Ok(files),
    }
}

fn read(path: PathBuf) -> Result<SqlFile> {
    let name = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.is_empty() || !name.chars().all(plain) {
        return Err(Error::config(
            "files/name",
            format!("`{}` cannot name a task", path.display()),
        )
        .hint("use letters, digits, `_` and `-`"));
    }
    let text = std::fs::read_to_string(&path).map_err(|e| {
        Error::config("files/read", format!("cannot read `{}` as UTF-8 text", path.display()))
            .because(e)
    })?;
    let parsed = dialect::parse_script(&text, &path)?;
    let (reads, writes) = tables(parsed.iter().map(|p| &p.command));
    let title = sql::title(&text).unwrap_or(&name).to_string();
    let verbs = parsed.iter().map(|p| p.command.verb()).collect();
    let statements =
        parsed.into_iter().map(|p| Statement { text: p.text, place: p.place }).collect();
    Ok(SqlFile { name, path, text, title, statements, verbs, reads, writes })
}

/// What a script reads from others and leaves for others.
fn tables<'a>(commands: impl Iterator<Item = &'a Command>) -> (Vec<TableName>, Vec<TableName>) {
    let mut temporary = BTreeSet::new();
    let mut reads = BTreeSet::new();
    let mut writes = BTreeSet::new();
    for command in commands {
        let refs = dialect::tables_of(command);
        let outside = |refs: Vec<ObjectRef>, temporary: &BTreeSet<String>| -> Vec<TableName> {
            refs.into_iter()
                .filter(|r| {
                    r.schema.is_some() || !(r.is_temp_name() || temporary.contains(&r.table))
                })
                .map(|r| TableName::new(r.schema.as_deref().unwrap_or(DEFAULT_SCHEMA), &r.table))
                .collect()
        };
        reads.extend(outside(refs.reads, &temporary));
        match command {
            Command::CreateTable(t) if t.temp => temporary.insert(t.name.table.clone()),
            Command::CreateTableAs(t) if t.temp => temporary.insert(t.name.table.clone()),
            _ => false,
        };
        writes.extend(outside(refs.writes, &temporary));
        // from here on the name is that of another table
        if let Command::DropTable { names, .. } = command {
            for name in names.iter().filter(|name| name.schema.is_none()) {
                temporary.remove(&name.table);
            }
        }
    }
    (reads.difference(&writes).cloned().collect(), writes.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("writes");
        }
        folder
    }

    fn names(tables: &[TableName]) -> Vec<String> {
        tables.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_file_tells_what_it_reads_and_writes() {
        let script = "-- Sales, flat\n\
            create temp table days as select d from store_a.days;\n\
            drop table if exists pres.sales;\n\
            create table pres.sales as\n\
            with x as (select * from store_a.lines) select * from x, days, pres.products;\n\
            insert into pres.sales select * from pres.sales;";
        let folder = folder(&[("sales.sql", script), (".hidden.sql", "nonsense"), ("a.txt", "")]);
        let files = load(folder.path()).expect("loads");
        assert_eq!(files.len(), 1);
        let file = &files[0];
        assert_eq!((file.name.as_str(), file.title.as_str()), ("sales", "Sales, flat"));
        assert_eq!(file.statements.len(), 4);
        assert_eq!(file.statements[1].text, "drop table if exists pres.sales");
        assert_eq!(file.statements[1].place.line, 3);
        assert_eq!(names(&file.reads), ["pres.products", "store_a.days", "store_a.lines"]);
        assert_eq!(names(&file.writes), ["pres.sales"]);
    }

    #[test]
    fn a_name_is_temporary_until_its_table_is_dropped() {
        let script = "create temp table zz4 as select 1 as a;\n\
            create temp table zz5 as select * from zz4;\n\
            drop table zz4;\n\
            create table pres.t as select * from zz4 union all select * from zz5;";
        let folder = folder(&[("t.sql", script)]);
        let files = load(folder.path()).expect("loads");
        assert_eq!(names(&files[0].reads), ["public.zz4"]);
        assert_eq!(names(&files[0].writes), ["pres.t"]);
    }

    #[test]
    fn every_broken_file_is_named() {
        let folder = folder(&[
            ("a.sql", "selec 1"),
            ("b.sql", "select 1"),
            ("c.sql", "create tabel x"),
            ("d e.sql", "select 1"),
        ]);
        let error = load(folder.path()).expect_err("broken");
        assert_eq!(error.others().len(), 2);
    }

    #[test]
    fn a_folder_that_is_not_there_holds_no_files() {
        assert!(load(Path::new("/nowhere/at/all")).expect("none").is_empty());
    }
}
