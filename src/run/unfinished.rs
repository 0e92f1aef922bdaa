//! Uploads to a folder that a process which died did not finish: `part-….parquet#1`. No store lists
//! them, so they are looked for in the folders themselves. Other files are left alone.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::config::Project;
use crate::error::{Error, Result};
use crate::layout;
use crate::warehouse::local::Garbage;

/// Removes the unfinished uploads in the folders of a project that were last written before a
/// time; with `dry_run` only says which they are.
pub fn collect(project: &Project, before: SystemTime, dry_run: bool) -> Result<Vec<Garbage>> {
    let mut folders = vec![project.state_dir.join(layout::DATA_DIR)];
    if let Ok(landing) = project.landing.to_file_path() {
        for spec in project.sources.iter().flat_map(|s| s.tables()) {
            folders.push(landing.join(layout::landing_table(spec).as_ref()));
            folders.push(landing.join(layout::quarantine_table(spec).as_ref()));
        }
    }
    let mut found = Vec::new();
    for folder in &folders {
        find(folder, before, &mut found);
    }
    for file in found.iter().filter(|_| !dry_run) {
        std::fs::remove_file(&file.path).map_err(|e| {
            Error::failed("storage/delete", format!("cannot remove `{}`", file.path))
                .because(e)
                .hint("check the permissions of the folder, then run it again")
        })?;
    }
    Ok(found)
}

/// A folder that cannot be read holds nothing to remove.
fn find(folder: &Path, before: SystemTime, found: &mut Vec<Garbage>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path: PathBuf = entry.path();
        let Ok(metadata) = path.symlink_metadata() else { continue };
        if metadata.is_dir() {
            find(&path, before, found);
        } else if metadata.is_file()
            && is_unfinished(&path)
            && metadata.modified().is_ok_and(|written| written < before)
        {
            found.push(Garbage { path: path.display().to_string(), bytes: metadata.len() });
        }
    }
}

/// The name of a data file, then `#` and a number.
fn is_unfinished(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.split_once(".parquet#").is_some_and(|(_, number)| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unfinished_uploads_are_meant() {
        let is = |name: &str| is_unfinished(Path::new(name));
        assert!(is("a/part-1.parquet#1") && is("part-1-delete.parquet#12"));
        assert!(!is("part-1.parquet") && !is("part-1.parquet#") && !is("notes#1"));
        assert!(!is("part-1.parquet#1a"));
    }
}
