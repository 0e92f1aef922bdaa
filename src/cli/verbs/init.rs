//! `init`: the files of a new project, each listed, none overwritten unasked.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::cli::Exit;
use crate::cli::args::Init;
use crate::cli::clean::clean_line;
use crate::cli::session::Session;
use crate::config::{self, Start};
use crate::error::{Error, Result};
use crate::{layout, sql};

/// What a project keeps out of version control: its state, its private settings, its sample data.
const GITIGNORE: &str = "/.landfall/\n/landing/\n/quarantine/\n/landfall.local.toml\n/data/orders.sqlite*\n/data/access.log*\n";

/// Writes the files and says what to do next.
pub(in crate::cli) fn init(session: &Session, words: &Init) -> Result<Exit> {
    let files = files(&words.dir);
    if !words.force {
        refuse_existing(&words.dir, &files)?;
    }
    for (path, text) in &files {
        let full = words.dir.join(path);
        write(&full, text, words.force)?;
        session.printer.line(clean_line(&full.display().to_string()))?;
    }
    ignore(session, &words.dir)?;
    session.printer.flush()?;
    let go = match words.dir.as_os_str().to_str() {
        Some(".") | None => String::new(),
        Some(dir) => format!("cd {} && ", clean_line(dir)),
    };
    session.printer.say(format!("next: {go}landfall run"));
    Ok(Exit::Done)
}

/// All files that are there already, in one error.
fn refuse_existing(dir: &Path, files: &[(PathBuf, String)]) -> Result<()> {
    let taken: Vec<String> = files
        .iter()
        .map(|(path, _)| dir.join(path))
        .filter(|path| path.symlink_metadata().is_ok())
        .map(|path| format!("`{}`", path.display()))
        .collect();
    if taken.is_empty() {
        return Ok(());
    }
    let verb = if taken.len() == 1 { "exists" } else { "exist" };
    Err(Error::config("init/exists", format!("{} {verb} already", taken.join(", ")))
        .hint("overwrite with --force, or choose another folder"))
}

/// Writes `.gitignore`; one that is there belongs to somebody and stays.
fn ignore(session: &Session, dir: &Path) -> Result<()> {
    let path = dir.join(".gitignore");
    if path.symlink_metadata().is_ok() {
        session.printer.say(format!(
            "kept {}; it should have these lines:\n{}",
            clean_line(&path.display().to_string()),
            GITIGNORE.trim_end()
        ));
        return Ok(());
    }
    write(&path, GITIGNORE, false)?;
    session.printer.line(clean_line(&path.display().to_string()))
}

/// The files of a project with sample sources, by their path in it.
fn files(dir: &Path) -> Vec<(PathBuf, String)> {
    let name = project_name(dir);
    let settings = config::template(Start::Sample, &name);
    let mut files = vec![(PathBuf::from(layout::CONFIG_FILE), settings)];
    files.extend(sql::FILES.iter().map(|file| (PathBuf::from(file.path), file.text.to_string())));
    files
}

/// A project is called like its folder, in the letters a name may have.
fn project_name(dir: &Path) -> String {
    let full = std::path::absolute(dir).unwrap_or_else(|_| dir.to_path_buf());
    let folder =
        full.components().next_back().map(|c| c.as_os_str().to_string_lossy().into_owned());
    let name: String = folder
        .unwrap_or_default()
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    let name = name.trim_matches('_');
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return format!("project_{name}").trim_end_matches('_').to_string();
    }
    name.to_string()
}

/// What helps where a file cannot be written.
fn advice(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            Some("name a folder that you may write to: landfall init DIR")
        }
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            Some("something on the way there is a file; name another folder: landfall init DIR")
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            Some("make room on the disk, then overwrite what was begun: landfall init --force")
        }
        _ => None,
    }
}

fn write(path: &Path, text: &str, force: bool) -> Result<()> {
    let failed = |cause: std::io::Error| {
        let hint = advice(cause.kind());
        let error = Error::failed("init/write", format!("cannot write `{}`", path.display()));
        let error = error.because(cause);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut options = OpenOptions::new();
    options.write(true);
    match force {
        true => options.create(true).truncate(true),
        // Between the look and the write somebody may have made the file.
        false => options.create_new(true),
    };
    options.open(path).and_then(|mut file| file.write_all(text.as_bytes())).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_cannot_be_is_told_with_advice() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let error = write(&file.path().join("x/landfall.toml"), "", false).expect_err("no folder");
        let hint = error.advice().unwrap_or_default();
        assert!(hint.contains("is a file") && hint.contains("landfall init DIR"), "{error:?}");
        for kind in [ErrorKind::PermissionDenied, ErrorKind::ReadOnlyFilesystem] {
            assert!(advice(kind).is_some_and(|hint| hint.contains("you may write to")));
        }
    }

    #[test]
    fn a_project_is_called_like_its_folder() {
        for (dir, want) in [
            ("/tmp/shop", "shop"),
            ("/tmp/My Shop-2", "my_shop_2"),
            ("/tmp/2024", "project_2024"),
            ("/tmp/...", "project"),
            ("/", "project"),
        ] {
            assert_eq!(project_name(Path::new(dir)), want, "{dir}");
        }
    }
}
